package main

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// synthetic writes a dbt project of n models and its database with the one
// source table, the same for the same n. A quarter of the models are views on
// the source, the others tables in three layers that join one to three models
// above them on the key, so that each has 1,000 rows or fewer; a third call a
// macro. Each has not_null and unique on its key.
func synthetic(dir string, n int) error {
	files := map[string]string{
		"dbt_project.yml": "name: synthetic\nversion: 1.0.0\nconfig-version: 2\nprofile: synthetic\n" +
			"models:\n  synthetic:\n    staging: {+materialized: view}\n    middle: {+materialized: table}\n    core: {+materialized: table}\n    marts: {+materialized: table}\n",
		"profiles.yml":       "synthetic:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: synthetic.duckdb, threads: 4}\n",
		"macros/dollars.sql": "{% macro dollars(cents, digits=2) -%}\nround(({{ cents }}) / 100.0, {{ digits }})\n{%- endmacro %}\n",
		"models/sources.yml": "version: 2\nsources:\n  - name: raw\n    schema: raw\n    tables: [{name: events, description: One row an id.}]\n",
	}
	random := rand.New(rand.NewPCG(7, 7))
	layers := []string{"staging", "middle", "core", "marts"}
	var done [][]string // names, by layer
	for layer, folder := range layers {
		var names []string
		schema := "version: 2\nmodels:\n"
		for i := n * layer / 4; i < n*(layer+1)/4; i++ {
			name := fmt.Sprintf("%s_%05d", folder, i)
			names = append(names, name)
			files["models/"+folder+"/"+name+".sql"] = syntheticModel(random, i, done)
			schema += "  - name: " + name + "\n    description: Model " + name + " of the " + folder + " layer.\n    columns:\n" +
				"      - {name: id, description: The key., data_tests: [not_null, unique]}\n      - {name: amount, description: In dollars.}\n"
		}
		files["models/"+folder+"/schema.yml"] = schema
		done = append(done, names)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			return err
		}
	}
	return sourceTable(filepath.Join(dir, "synthetic.duckdb"))
}

func syntheticModel(random *rand.Rand, i int, done [][]string) string {
	dollars := func(macro bool, expr string) string {
		if macro {
			return "{{ dollars('100 * (" + expr + ")') }}"
		}
		return expr
	}
	macro := random.IntN(3) == 0
	if len(done) == 0 {
		return fmt.Sprintf("select\n    id,\n    bucket,\n    %s as amount,\n    happened_at\nfrom {{ source('raw', 'events') }}\nwhere bucket >= %d\n",
			dollars(macro, "amount_cents / 100.0"), i%10)
	}
	near := done[len(done)-1]
	parents := []string{near[random.IntN(len(near))]}
	for range random.IntN(3) {
		layer := near
		if random.IntN(5) == 0 {
			layer = done[random.IntN(len(done))]
		}
		parents = append(parents, layer[random.IntN(len(layer))])
	}
	sum, from := "coalesce(a.amount, 0)", "from {{ ref('"+parents[0]+"') }} as a\n"
	for j, p := range parents[1:] {
		t := string(rune('b' + j))
		sum += " + coalesce(" + t + ".amount, 0)"
		from += "left join {{ ref('" + p + "') }} as " + t + " on " + t + ".id = a.id\n"
	}
	return "select\n    a.id,\n    a.bucket,\n    " + dollars(macro, sum) + " as amount,\n    a.happened_at\n" + from
}

func sourceTable(path string) error {
	db, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(`CREATE SCHEMA raw;
CREATE TABLE raw.events AS
SELECT i::bigint AS id, (i * 7919 % 1000)::integer AS bucket, (i * 31 % 100000)::bigint AS amount_cents,
       timestamp '2026-01-01' + interval (i % 86400) second AS happened_at
FROM range(1000) t(i)`)
	return err
}

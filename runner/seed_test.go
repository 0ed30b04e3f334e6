package runner_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/diag"
)

func TestSeeds(t *testing.T) {
	s := newShop(t, `
-- seeds/geo/countries.csv --
code,name,area,since
DE,Germany,357.5,1990-10-03
FR,"France, the",551,
-- seeds/codes.csv --
code;n
007;1
010;2
-- seeds/none.csv --
id,name
-- seeds/seeds.yml --
version: 2
seeds:
  - name: countries
    config: {tags: [ref]}
    columns:
      - name: code
        data_tests: [unique, not_null]
  - name: codes
    config: {delimiter: ";", column_types: {n: smallint}, alias: code_table}
-- models/m.sql --
select c.name, k.n from {{ ref('countries') }} c, {{ ref('codes') }} k where k.code = '007'
-- models/v.sql --
{{ config(materialized='view') }}
select count(*) as n from {{ ref('none') }}
`)
	rep := s.build(runner.BuildOptions{})
	if n := node(t, rep, "countries"); n.Resource != "seed" || n.Kind != "seed" || n.Rows != 2 {
		t.Errorf("countries is %+v", n)
	}
	s.want("DE 357.5 1990-10-03 DOUBLE DATE\nFR 551.0 NULL DOUBLE DATE", "select code, area, since, typeof(area), typeof(since) from latest.countries order by code")
	s.want("007 1 SMALLINT", "select code, n, typeof(n) from latest.code_table where n = 1")
	s.want("2", "select count(*) from main.code_table")
	s.want("0", "select n from latest.v")
	s.want("France, the 1\nGermany 1", "select * exclude (run_id, created_at) from latest.m order by 1")
	s.want("seeds/codes.csv true", `select inputs->'seeds/codes.csv'->>'name', (inputs->'seeds/codes.csv'->>'fingerprint') like 'sha256:%' from main.run_manifest_model where model = 'codes'`)
	s.want("true false", `select contains(compiled_sql, '''seeds/codes.csv'''), contains(compiled_sql, '`+s.dir+`') from main.run_manifest_model where model = 'codes'`)

	for sel, want := range map[string]string{"resource_type:seed": "codes countries none", "path:seeds/geo": "countries", "tag:ref": "countries", "+m": "codes countries m"} {
		list, err := s.open().List(t.Context(), runner.ListOptions{Select: []string{sel}, Filter: runner.Filter{ResourceTypes: []string{"model", "seed"}}})
		var names []string
		for _, l := range list {
			names = append(names, l.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%s is %s, %v", sel, got, err)
		}
	}

	// A file that changes is another run's rows.
	s.write("-- seeds/codes.csv --\ncode;n\n007;9\n")
	s.build(runner.BuildOptions{Select: []string{"codes+"}})
	s.want("9", "select min(n) from latest.m")
	s.want("1", "select min(n) from previous.m")
	s.sound()
}

func TestSeedErrors(t *testing.T) {
	for _, c := range []struct{ name, csv, config, file, want string }{
		{"a row too long", "a,b\n1,2\n\"x\ny\",3\n4,5,6\n", "", "seeds/t.csv:5", "this row has 3 fields, the header 2"},
		{"a value of another type", "a,b\n\"1\n\",2\n3,x\n", "{column_types: {b: integer}}", "seeds/t.csv:4", `b is "x", which is no integer`},
		{"a value out of range", "a\n1\n300\n", "{column_types: {a: tinyint}}", "seeds/t.csv:3", `a is "300", which is no tinyint`},
		{"no such type", "a\n1\n", "{column_types: {a: intger}}", "seeds/seeds.yml:4", "intger"},
		{"two columns of one name", "a,A\n1,2\n", "", "seeds/t.csv:1", "columns 1 and 2 are both named A"},
		{"the runner's column", "run_id\n1\n", "", "seeds/t.csv", "which is where the run id is stored"},
		{"a long delimiter", "a\n1\n", "{delimiter: ab}", "seeds/seeds.yml:4", "a delimiter is one character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := c.config
			if config == "" {
				config = "{}"
			}
			s := newShop(t, "-- models/m.sql --\nselect 1 as one\n-- seeds/t.csv --\n"+c.csv+"-- seeds/seeds.yml --\nversion: 2\nseeds:\n  - name: t\n    config: "+config+"\n")
			rep, err := s.open().Build(t.Context(), runner.BuildOptions{})
			if err == nil {
				err = node(t, rep, "t").Err
			}
			var d *diag.Error
			if !errors.As(err, &d) || !strings.HasPrefix(d.Pos.String()+":", c.file+":") || !strings.Contains(d.Msg, c.want) {
				t.Fatalf("got  %v\nwant %s: %s", err, c.file, c.want)
			}
			s.sound()
		})
	}
}

// What is no kind of a seed or model is an error of the project, at its place.
func TestKindErrors(t *testing.T) {
	for _, c := range []struct{ name, files, want string }{
		{"a seed and a model of one name", "-- seeds/m.csv --\na\n-- models/m.sql --\nselect 1 as a\n", "a model and a seed are called 'm'"},
		{"a model as a seed", "-- models/m.sql --\n{{ config(materialized='seed') }} select 1 as a\n", "models/m.sql:1:24: a seed is a CSV file"},
		{"a seed as a view", "-- seeds/t.csv --\na\n-- seeds/t.yml --\nversion: 2\nseeds: [{name: t, config: {materialized: view}}]\n", "a seed is stored as a seed, not as view"},
		{"a strategy that is none", "-- models/m.sql --\n{{ config(materialized='incremental', incremental_strategy='megre') }} select 1 as a\n", `unknown incremental_strategy "megre"; did you mean "merge"?`},
		{"microbatch", "-- models/m.sql --\n{{ config(materialized='incremental', incremental_strategy='microbatch') }} select 1 as a\n", "microbatch needs event_time"},
		{"insert_overwrite of what", "-- models/m.sql --\n{{ config(materialized='incremental', incremental_strategy='insert_overwrite') }} select 1 as a\n", "insert_overwrite needs partition_by"},
		{"a part of a row", "-- models/m.sql --\n{{ config(materialized='incremental', unique_key='a', merge_clauses={}) }} select 1 as a, 2 as b\n", "merge_clauses is not supported"},
		{"a disabled seed", "-- seeds/t.csv --\na\n-- seeds/t.yml --\nversion: 2\nseeds: [{name: t, config: {enabled: false}}]\n-- models/m.sql --\nselect * from {{ ref('t') }}\n", "seed 't' is disabled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := newShop(t, c.files).open().Check(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestSeedReplayAndRetry(t *testing.T) {
	s := newShop(t, "-- seeds/t.csv --\nid,v\n1,a\n2,b\n-- models/m.sql --\nselect count(*) as n from {{ ref('t') }}\n")
	first := s.build(runner.BuildOptions{})
	s.write("-- seeds/t.csv --\nid,v\n1,a\n2,b\n3,c\n")
	rep, err := s.open().Replay(t.Context(), first.Run.ID)
	if err != nil || !rep.OK() {
		t.Fatalf("%v\n%s", err, describe(rep))
	}
	if got := s.query("select n from m", rep.Run.ID); got != "3" {
		t.Errorf("the replay counts %s rows", got)
	}
	s.write("-- seeds/t.csv --\nv,id\na,1\n")
	if rep, err := s.open().Replay(t.Context(), first.Run.ID); err == nil && rep.OK() {
		t.Error("a file with other columns was replayed")
	}

	// A retry keeps a seed whose file is the same, and reads one that changed.
	s.write("-- seeds/t.csv --\nid,v\n1,a\n-- models/m.sql --\nselect error('no') as n from {{ ref('t') }}\n")
	if s.try(runner.BuildOptions{}).OK() {
		t.Fatal("the build should fail")
	}
	s.write("-- models/m.sql --\nselect count(*) as n from {{ ref('t') }}\n")
	retried, err := s.open().Retry(t.Context(), "")
	if err != nil || node(t, retried, "t").Status != runner.StatusReused {
		t.Fatalf("%v\n%s", err, describe(retried))
	}
	s.want("1", "select n from latest.m")
	s.sound()
}

// Files whose names or lines are odd come in whole.
func TestSeedOddFiles(t *testing.T) {
	s := newShop(t, "-- models/.keep --\n")
	long := strings.Repeat("x", 2_100_000)
	for name, text := range map[string]string{
		"a[1].csv": "a,b\n1,2\r\n3,4\n", "it's.csv": "a\n\"two\nlines\"\n", "long.csv": "a,b\n1," + long + "\n",
		"quotes.csv": "a,\"b \"\"c\"\"\"\n\"\",\"say \"\"hi\"\"\"\n",
	} {
		if err := os.MkdirAll(filepath.Join(s.dir, "seeds"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "seeds", name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s.build(runner.BuildOptions{})
	s.want("1 2\n3 4", `select a, b from latest."a[1]" order by 1`)
	s.want("two\nlines", `select a from latest."it's"`)
	s.want("2100000", `select length(b) from latest.long`)
	s.want(`NULL say "hi"`, `select a, "b ""c""" from latest.quotes`)
}

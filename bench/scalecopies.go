package main

import (
	"context"
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

// mostFiles is how many files of a state table a build leaves unmerged at most:
// so many runs are written one by one, which is the most that a reader finds.
const mostFiles = 64

// copies makes runs up to a number on a server, where a run's statements take
// seconds: the rows of the second run, copied under other numbers and ids, in
// one statement a table. The ledger's hashes are copies too, so it is not sound.
func (g *generator) copies(ctx context.Context, to int) error {
	if to <= g.runs {
		return nil
	}
	id := "format('01900000-0000-7000-8000-%012d', n)"
	marts := fmt.Sprintf("map_concat(map(transform(sequence(1, %d), i -> format('m%%03d', i)), repeat(%s, %[1]d)), t.marts)", g.marts-1, id)
	names := fmt.Sprintf("CROSS JOIN UNNEST(sequence(0, %d)) AS u(i)", g.marts-1)
	for _, c := range []struct {
		table, more string
		set         map[string]string
	}{
		{"run_manifest_log", "", map[string]string{"seq": "n", "run_id": id, "version": "t.version + 2 * n"}},
		{"run_manifest_model_log", names, map[string]string{"model": "format('m%03d', i)", "run_id": id, "data_run_id": id, "version": "t.version + n"}},
		{"run_publication", "", map[string]string{"seq": fmt.Sprintf("n + %d", g.seq-int64(g.runs)), "run_id": id, "marts": marts}},
		{"run_ledger", "", map[string]string{"seq": "t.seq + 3 * n", "run_id": id}},
	} {
		if err := g.copyRows(ctx, c.table, c.more, c.set, to); err != nil {
			return err
		}
	}
	g.seq += int64(to - g.runs)
	g.runs = to
	return g.merge(ctx)
}

// copyRows adds the second run's rows of a table for each run up to a number:
// n is the number, and set says which columns are not copied as they are.
func (g *generator) copyRows(ctx context.Context, table, more string, set map[string]string, to int) error {
	rel := engine.Relation{Database: g.c.DB().Dialect().Catalog(), Schema: g.reg.Schema(), Name: table}
	columns, err := g.c.Describe(ctx, "SELECT * FROM "+rel.String())
	if err != nil {
		return err
	}
	var names, values []string
	for _, c := range columns {
		names, values = append(names, c.Name), append(values, "t."+engine.Ident(c.Name))
		if v, ok := set[c.Name]; ok {
			values[len(values)-1] = fmt.Sprintf("CAST(%s AS %s)", v, c.Type)
		}
	}
	// A sequence of the server's has 10,000 numbers at most.
	for from := g.runs + 1; from <= to; from += 10_000 {
		q := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %[1]s AS t CROSS JOIN UNNEST(sequence(%[4]d, %[5]d)) AS s(n) %[6]s WHERE t.run_id = %[7]s",
			rel, engine.Idents(names), strings.Join(values, ", "), from, min(to, from+9_999), more, engine.Literal(g.first.Run))
		if _, err := g.c.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// merge does what a build does when a state table has many files.
func (g *generator) merge(ctx context.Context) error {
	m, ok := g.c.DB().Dialect().(engine.Maintainer)
	if !ok {
		return nil
	}
	for _, table := range g.reg.StateTables(g.c) {
		for _, q := range append(m.Merge(table), m.Expire(table)) {
			if _, err := g.c.Exec(ctx, q); err != nil {
				return err
			}
		}
	}
	return nil
}

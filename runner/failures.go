package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/datatest"
	"warehouse/runner/engine"
	"warehouse/runner/mart"
)

// The failing rows of a data test with store_failures are kept in a table of
// their own, under the id of the run that was tested. They are no history: a
// later try of the test on the same run replaces them, and they go when the run
// is pruned. A comment on the table says what it is, so that prune finds it when
// the test is gone.

// failuresMark is the comment on tables of failing rows.
const failuresMark = "failing rows of a data test, kept by warehouse"

// keeps says whether the failing rows of a data test are kept.
func (b *build) keeps(n *compile.Node) bool {
	return n.Test != nil && n.Unit == nil && n.Test.Keeps(b.binder.StoreFailures)
}

// failuresSchemas makes the schemas of the tables of failing rows, before tests
// run side by side.
func (b *build) failuresSchemas(ctx context.Context) error {
	var schemas []string
	for _, n := range b.work.tests {
		if b.keeps(n) {
			schemas = append(schemas, n.Test.KeptIn.Schema)
		}
	}
	if len(schemas) == 0 {
		return nil
	}
	if _, ok := b.dialect().(engine.Marker); !ok {
		return &UsageError{Msg: "store_failures is not supported on this engine", Advice: "set store_failures to false for this target: the first failing rows are in run_manifest_test"}
	}
	slices.Sort(schemas)
	for _, schema := range slices.Compact(schemas) {
		q := "CREATE SCHEMA IF NOT EXISTS " + engine.Relation{Database: b.dialect().Catalog(), Schema: schema}.String()
		if _, err := b.conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// keepFailures puts what a data test found into its table, in the place of what
// it found in this run before.
func (b *build) keepFailures(ctx context.Context, n *compile.Node, res *datatest.Result) error {
	if !b.keeps(n) || res.Status == datatest.Error {
		return nil
	}
	d := b.dialect()
	table := n.Test.KeptIn
	table.Database = d.Catalog()
	return b.db.With(ctx, func(c *engine.Conn) error {
		tables, err := mart.Layouts(ctx, c, table.Schema)
		if err != nil {
			return err
		}
		stored := tables[strings.ToLower(table.Name)]
		if res.Status == datatest.Pass {
			if stored != nil {
				_, err = c.Exec(ctx, d.DeleteRun(table, "run_id", b.run.ID))
			}
			return err
		}
		rendered, err := b.render(ctx, n, hooked(b.binder, c, nil))
		if err != nil {
			return err
		}
		query := rendered.SQL
		if n.Test.Limit > 0 {
			query = fmt.Sprintf("SELECT * FROM (\n%s\n) AS failing LIMIT %d", query, n.Test.Limit)
		}
		columns, err := c.Describe(ctx, query)
		if err != nil {
			return placed(err, n, rendered)
		}
		spec := mart.Spec{Table: table, Types: d.Types(), RunColumn: "run_id", OnSchemaChange: "evolve"}
		plan, err := mart.Fit(spec, stored, columns)
		if err != nil {
			return err
		}
		return c.Atomic(ctx, func() error {
			if _, err := mart.Write(ctx, c, mart.Job{Spec: spec, Plan: plan, RunID: b.run.ID, CreatedAt: b.r.now(), Select: query}); err != nil || stored != nil {
				return err
			}
			_, err := c.Exec(ctx, d.(engine.Marker).Mark(table, failuresMark))
			return err
		})
	})
}

// pruneFailures removes the failing rows of runs that are not there any more.
func (s *session) pruneFailures(ctx context.Context) error {
	m, ok := s.dialect().(engine.Marker)
	if !ok {
		return nil
	}
	tables, err := s.markedTables(ctx, m)
	if err != nil {
		return err
	}
	manifest := engine.Relation{Database: s.dialect().Catalog(), Schema: s.r.project.Target.StorageSchema, Name: "run_manifest"}
	for _, table := range tables {
		q := fmt.Sprintf("DELETE FROM %s WHERE run_id NOT IN (SELECT run_id FROM %s WHERE status <> 'pruned')", table, manifest)
		if _, err := s.conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) markedTables(ctx context.Context, m engine.Marker) ([]engine.Relation, error) {
	var out []engine.Relation
	err := s.conn.Each(ctx, m.Marked(failuresMark), nil, func(scan func(...any) error) error {
		r := engine.Relation{Database: s.dialect().Catalog()}
		err := scan(&r.Schema, &r.Name)
		out = append(out, r)
		return err
	})
	return out, err
}

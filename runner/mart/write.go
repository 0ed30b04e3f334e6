package mart

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"warehouse/runner/engine"
)

// Evolve creates the table of a plan or adds its columns, and returns the plan
// without that.
func Evolve(ctx context.Context, c *engine.Conn, spec Spec, plan Plan) (Plan, error) {
	d := c.DB().Dialect()
	if plan.Create != nil {
		if _, err := c.Exec(ctx, d.CreateTable(*plan.Create)); err != nil {
			return plan, err
		}
		plan.Create = nil
	}
	for len(plan.Add) > 0 {
		if _, err := c.Exec(ctx, d.AddColumn(spec.Table, plan.Add[0])); err != nil {
			return plan, err
		}
		plan.Add = plan.Add[1:]
	}
	return plan, nil
}

// Job is one run's write into one mart.
type Job struct {
	Spec      Spec
	Plan      Plan
	RunID     string
	CreatedAt time.Time
	Select    string
	// More are SELECTs of the same columns whose rows come too: what is longer
	// than a statement may be is written in several.
	More []string
	// Counts are aggregate expressions over the SELECT's columns, each giving
	// an integer: row-wise data tests, which cost no scan of their own here.
	Counts []string
	// IfFew are more of them, for when the rows are few: what costs less then than
	// a query of its own, and more when they are many.
	IfFew []string
	// File, if set, is where the rows are to stand: a new file, where the engine
	// is a Stager and can write one that holds them exactly. The table, which
	// must be empty, gives way to a view of it.
	File string
	// Then, if set, comes behind the rows and before they are looked at: it may
	// change them.
	Then func(columns []Column) error
}

// few is how many rows are few: one piece of a scan.
const few = 122_880

// Write puts the rows of a SELECT under a run id, in place of what stands
// there, and verifies the key. The caller opens the transaction, with
// Conn.Atomic, and writes its record of the run in it. A SELECT that fails is a
// *engine.QueryError whose SQL is the SELECT; a broken key a *KeyError; a scan
// for Counts or IfFew that fails a *CountError.
func Write(ctx context.Context, c *engine.Conn, j Job) (Written, error) {
	d := c.DB().Dialect()
	plan, err := Evolve(ctx, c, j.Spec, j.Plan)
	if err != nil {
		return Written{}, err
	}
	// Always, also from a new table: it costs half a millisecond, and a plan may
	// be older than the table.
	if _, err := c.Exec(ctx, d.DeleteRun(j.Spec.Table, plan.RunColumn, j.RunID)); err != nil {
		return Written{}, err
	}
	in := engine.Insert{Table: j.Spec.Table, RunColumn: plan.RunColumn, RunID: j.RunID,
		CreatedColumn: plan.CreatedColumn, CreatedAt: j.CreatedAt, Key: plan.Key, Select: j.Select}
	for _, col := range plan.Columns {
		in.Physical = append(in.Physical, col.Physical)
		in.Columns = append(in.Columns, col.Name)
	}
	if done, err := j.stage(ctx, c, plan, in); err != nil {
		return Written{}, err
	} else if done {
		j.IfFew = nil // nobody knows yet how many there are
		return j.look(ctx, c, plan)
	}
	var n int64
	for _, query := range append([]string{j.Select}, j.More...) {
		in.Select = query
		insert := d.InsertRun(in)
		written, err := c.Exec(ctx, insert)
		if err != nil {
			return Written{}, within(err, insert, query)
		}
		n += written
	}
	if j.Then != nil {
		if err := j.Then(plan.Columns); err != nil {
			return Written{}, err
		}
	}
	if n > few {
		j.IfFew = nil
	}
	w, err := j.look(ctx, c, plan)
	w.Selected = n
	if _, ok := d.(engine.Transactor); !ok && err == nil && w.Rows != n {
		return w, &engine.QueryError{Kind: engine.KindConflict, Offset: -1, SQL: d.InsertRun(in),
			Msg:    fmt.Sprintf("%d rows were written into %s, and %d stand there under the run id: another client writes the same run", n, j.Spec.Table.Name, w.Rows),
			Advice: "`warehouse retry` writes them again"}
	}
	return w, err
}

// stage writes the rows into the file, if that may be.
func (j Job) stage(ctx context.Context, c *engine.Conn, plan Plan, in engine.Insert) (bool, error) {
	st, ok := c.DB().Dialect().(engine.Stager)
	if !ok || j.File == "" || len(j.More) > 0 {
		return false, nil
	}
	types := make([]string, len(plan.Columns))
	for i, col := range plan.Columns {
		types[i] = col.Type
	}
	statements, ok := st.StageRun(in, types, j.File)
	if !ok {
		return false, nil
	}
	for _, q := range statements {
		if _, err := c.Exec(ctx, q); err != nil {
			return false, within(err, q, j.Select)
		}
	}
	return true, nil
}

// look reads the run's rows once: their number, checksum, counts, and what the
// verification of the key begins with.
func (j Job) look(ctx context.Context, c *engine.Conn, plan Plan) (Written, error) {
	d := c.DB().Dialect()
	w := Written{Scheme: d.ChecksumScheme(), Columns: plan.Columns, Counts: make([]int64, len(j.Counts))}
	exprs, dest := []string{"count(*)", d.Checksum(checksummed(plan.Columns))}, []any{&w.Rows, &w.Checksum}
	for i, count := range j.Counts {
		exprs, dest = append(exprs, count), append(dest, &w.Counts[i])
	}
	if len(j.IfFew) > 0 {
		w.IfFew = make([]int64, len(j.IfFew))
	}
	for i, count := range j.IfFew {
		exprs, dest = append(exprs, count), append(dest, &w.IfFew[i])
	}
	k := newKeyCheck(c, j.Spec, plan, j.RunID)
	if k != nil {
		more, into := k.scanned()
		exprs, dest = append(exprs, more...), append(dest, into...)
	}
	q := fmt.Sprintf("SELECT %s\n%s", strings.Join(exprs, ", "), j.rows(d, plan))
	if err := c.QueryRow(ctx, q, nil, dest...); err != nil {
		if len(j.Counts)+len(j.IfFew) > 0 {
			err = &CountError{err}
		}
		return w, err
	}
	if k != nil {
		if err := k.finish(ctx, w.Rows); err != nil {
			return w, err
		}
	}
	return w, checkUnique(ctx, c, j.Spec, plan, j.RunID)
}

// rows is the FROM of a run's rows. Counts name columns as the SELECT does;
// where they are stored under other names, a subquery gives both.
func (j Job) rows(d engine.Dialect, plan Plan) string {
	of := from(d, j.Spec.Table, plan.RunColumn, j.RunID)
	var renamed []string
	for _, col := range plan.Columns {
		if !strings.EqualFold(col.Physical, col.Name) {
			renamed = append(renamed, engine.Ident(col.Physical)+" AS "+engine.Ident(col.Name))
		}
	}
	if len(j.Counts)+len(j.IfFew) == 0 || len(renamed) == 0 {
		return of
	}
	var stored []string // the names that the other expressions use
	for _, col := range checksummed(plan.Columns) {
		stored = append(stored, col.Name)
	}
	return fmt.Sprintf("FROM (SELECT %s, %s %s) AS r", engine.Idents(stored), strings.Join(renamed, ", "), of)
}

// within moves the offset of an error in a statement to the SELECT inside it.
// An error outside of the SELECT keeps no offset.
func within(err error, statement, selectSQL string) error {
	qe, ok := errors.AsType[*engine.QueryError](err)
	if !ok {
		return err
	}
	moved := *qe
	moved.SQL = selectSQL
	moved.Offset = -1
	if start := strings.LastIndex(statement, selectSQL); qe.Offset >= 0 && start >= 0 {
		if off := qe.Offset - start; off >= 0 && off <= len(selectSQL) {
			moved.Offset = off
		}
	}
	return &moved
}

// Verify counts a run's rows and computes their checksum, in one scan.
func Verify(ctx context.Context, c *engine.Conn, table engine.Relation, runColumn string, columns []Column, runID string) (rows int64, checksum string, err error) {
	d := c.DB().Dialect()
	q := fmt.Sprintf("SELECT count(*), %s\n%s", d.Checksum(checksummed(columns)), from(d, table, runColumn, runID))
	err = c.QueryRow(ctx, q, nil, &rows, &checksum)
	return rows, checksum, err
}

// Runs counts a mart's rows by run id, as text.
func Runs(ctx context.Context, c *engine.Conn, table engine.Relation, runColumn string) (map[string]int64, error) {
	id := engine.Ident(runColumn)
	q := fmt.Sprintf("SELECT coalesce(CAST(%s AS %s), 'NULL'), count(*) FROM %s GROUP BY %s", id, c.DB().Dialect().Types().Text, table, id)
	if d, ok := c.DB().Dialect().(engine.RunCounter); ok {
		q = d.CountRuns(table, runColumn)
	}
	out := map[string]int64{}
	err := c.Each(ctx, q, nil, func(scan func(...any) error) error {
		var run string
		var n int64
		err := scan(&run, &n)
		out[run] = n
		return err
	})
	return out, err
}

func from(d engine.Dialect, table engine.Relation, runColumn, runID string) string {
	return fmt.Sprintf("FROM %s WHERE %s = %s", table, engine.Ident(runColumn), d.RunLiteral(runID))
}

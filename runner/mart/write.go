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

// Write puts the rows of a SELECT under a run id, in place of what stands
// there, and verifies the key. The caller opens the transaction, with
// Conn.Atomic, and writes its record of the run in it. A SELECT that fails is a
// *engine.QueryError whose SQL is the SELECT; a broken key a *KeyError.
func Write(ctx context.Context, c *engine.Conn, spec Spec, plan Plan, runID string, createdAt time.Time, selectSQL string) (Written, error) {
	d := c.DB().Dialect()
	plan, err := Evolve(ctx, c, spec, plan)
	if err != nil {
		return Written{}, err
	}
	// Always, also from a new table: it costs half a millisecond, and a plan may
	// be older than the table.
	if _, err := c.Exec(ctx, d.DeleteRun(spec.Table, plan.RunColumn, runID)); err != nil {
		return Written{}, err
	}
	in := engine.Insert{Table: spec.Table, RunColumn: plan.RunColumn, RunID: runID,
		CreatedColumn: plan.CreatedColumn, CreatedAt: createdAt, Key: plan.Key, Select: selectSQL}
	for _, col := range plan.Columns {
		in.Physical = append(in.Physical, col.Physical)
		in.Columns = append(in.Columns, col.Name)
	}
	insert := d.InsertRun(in)
	if _, err := c.Exec(ctx, insert); err != nil {
		return Written{}, within(err, insert, selectSQL)
	}
	w := Written{Scheme: d.ChecksumScheme(), Columns: plan.Columns}
	w.Rows, w.Checksum, err = Verify(ctx, c, spec.Table, plan.RunColumn, plan.Columns, runID)
	if err != nil {
		return Written{}, err
	}
	if err := CheckKey(ctx, c, spec, plan, runID); err != nil {
		return Written{}, err
	}
	return w, nil
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

func from(d engine.Dialect, table engine.Relation, runColumn, runID string) string {
	return fmt.Sprintf("FROM %s WHERE %s = %s", table, engine.Ident(runColumn), d.RunLiteral(runID))
}

package mart

import (
	"context"
	"errors"
	"fmt"

	"warehouse/runner/engine"
)

// ErrNoTable: the table that a record names is not there. Stored returns it.
var ErrNoTable = errors.New("the table is gone")

// Stored counts the rows of every run in a table, by run id. ErrNoTable.
func Stored(ctx context.Context, c *engine.Conn, table engine.Relation, runColumn string) (map[string]int64, error) {
	col := engine.Ident(runColumn)
	q := fmt.Sprintf("SELECT CAST(%s AS %s), count(*) FROM %s GROUP BY 1", col, c.DB().Dialect().Types().Text, table)
	rows, err := c.Query(ctx, q)
	if err != nil {
		if qe, ok := errors.AsType[*engine.QueryError](err); ok && qe.Kind == engine.KindBinder {
			return nil, fmt.Errorf("%w: %w", ErrNoTable, err)
		}
		return nil, err
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var id *string
		var n int64
		if err := rows.Scan(&id, &n); err != nil {
			return nil, err
		}
		if id != nil {
			out[*id] = n
		}
	}
	if err := rows.Err(); err != nil {
		return nil, c.Explain(err, q)
	}
	return out, nil
}

// Delete removes a run's rows, at most so many in a transaction where the
// engine can bound them, and returns how many went. A stop in between leaves
// the rest; the same call again goes on.
func Delete(ctx context.Context, c *engine.Conn, table engine.Relation, runColumn, runID string, most int64) (int64, error) {
	d := c.DB().Dialect()
	q := d.DeleteRun(table, runColumn, runID)
	b, bounded := d.(engine.BoundedDeleter)
	if bounded {
		q = b.DeleteSome(table, runColumn, runID, most)
	}
	var total int64
	for {
		n, err := c.Exec(ctx, q) // a transaction of its own
		total += n
		if err != nil || n == 0 || !bounded {
			return total, err
		}
	}
}

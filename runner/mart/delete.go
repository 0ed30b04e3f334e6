package mart

import (
	"context"

	"warehouse/runner/engine"
)

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

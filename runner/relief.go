package runner

import (
	"context"
	"sync"

	"warehouse/runner/engine"
)

// relief counts the columns of rows that were added to tables with rows, for an
// engine that keeps memory for each of them.
type relief struct {
	mu      sync.Mutex
	columns int
}

// relieve has the engine give memory back, if there is enough of it: so many
// columns more were added to.
func (b *build) relieve(ctx context.Context, c *engine.Conn, columns int) {
	cp, ok := b.dialect().(engine.Checkpointer)
	if !ok {
		return
	}
	statement, enough := cp.DuringBuild(b.db.Target())
	b.relief.mu.Lock()
	b.relief.columns += columns
	due := enough > 0 && b.relief.columns >= enough
	if due {
		b.relief.columns = 0
	}
	b.relief.mu.Unlock()
	if due {
		// What is refused now, beside other transactions, is done at the end.
		_, _ = c.Exec(ctx, statement)
	}
}

package history

import (
	"context"

	"warehouse/runner/engine"
)

// Publish appends one publication: from now on each mart is read from the run
// that marts names. p.Seq is ignored; the next one is returned. A reused mart
// is named with the run that wrote its rows.
func (r *Register) Publish(ctx context.Context, c *engine.Conn, p Publication, marts map[string]string) (int64, error) {
	return 0, errNotYet
}

// Publications returns the newest entries of the log, newest first; limit 0 is
// all.
func (r *Register) Publications(ctx context.Context, c *engine.Conn, limit int) ([]Publication, error) {
	return nil, errNotYet
}

// Publication returns one entry of the log; ErrNoPublication.
func (r *Register) Publication(ctx context.Context, c *engine.Conn, seq int64) (Publication, error) {
	return Publication{}, errNotYet
}

// PublicationOf returns the newest entry of action "publish" that published a
// run; ErrNoPublication if it never was.
func (r *Register) PublicationOf(ctx context.Context, c *engine.Conn, runID string) (Publication, error) {
	return Publication{}, errNotYet
}

// PublicationMarts returns mart → run of one entry.
func (r *Register) PublicationMarts(ctx context.Context, c *engine.Conn, seq int64) (map[string]string, error) {
	return nil, errNotYet
}

// Snapshot returns what a publication shows; ErrNoPublication.
func (r *Register) Snapshot(ctx context.Context, c *engine.Conn, seq int64) (Snapshot, error) {
	return Snapshot{}, errNotYet
}

// Live returns the snapshot of the newest publication, the zero Snapshot if
// there is none.
func (r *Register) Live(ctx context.Context, c *engine.Conn) (Snapshot, error) {
	return Snapshot{}, errNotYet
}

// Previous returns the snapshot of the publication before the newest, the zero
// Snapshot if there is none.
func (r *Register) Previous(ctx context.Context, c *engine.Conn) (Snapshot, error) {
	return Snapshot{}, errNotYet
}

// NextRollback returns the publication that a rollback without a target goes
// back to: the one before the live state's own. ErrNothingBefore.
func (r *Register) NextRollback(ctx context.Context, c *engine.Conn) (Publication, error) {
	return Publication{}, errNotYet
}

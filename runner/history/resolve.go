package history

import (
	"context"

	"warehouse/runner/engine"
)

// Resolve finds what a run spec names: the one way from a name to a run, for
// commands, templates, pages and programs. *SpecError if it is malformed,
// names nothing, or more than one thing.
func (r *Register) Resolve(ctx context.Context, c *engine.Conn, spec string) (Snapshot, error) {
	return Snapshot{}, errNotYet
}

// RunSnapshot returns the snapshot of a run: its base publication's marts,
// overlaid with what it built; of failed and running ones too. ErrNoRun.
func (r *Register) RunSnapshot(ctx context.Context, c *engine.Conn, id string) (Snapshot, error) {
	return Snapshot{}, errNotYet
}

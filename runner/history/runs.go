package history

import (
	"context"

	"warehouse/runner/engine"
)

// Begin records a run: it gives it the next seq and status running, and adds a
// ledger entry. run.ID, StartedAt and what is known of the command are the
// caller's.
func (r *Register) Begin(ctx context.Context, c *engine.Conn, run *Run) error { return errNotYet }

// StartOver removes all records of a run, so that its id can be built again,
// and returns the layouts in which it had rows, by model, for the caller to
// delete. A run that is not there is fine: nil. *RefusedError if it was ever
// published, is tagged, is named by another run's inputs or data_run_id, or
// was pruned. Begin should follow in the same step.
func (r *Register) StartOver(ctx context.Context, c *engine.Conn, runID string) (map[string]Layout, error) {
	return nil, errNotYet
}

// RecordModels adds model records, in one statement.
func (r *Register) RecordModels(ctx context.Context, c *engine.Conn, recs []ModelRecord) error {
	return errNotYet
}

// RecordTests adds test records, in one statement.
func (r *Register) RecordTests(ctx context.Context, c *engine.Conn, recs []TestRecord) error {
	return errNotYet
}

// Finish writes the end of a run: status, counts, finished_at, error; and adds
// a ledger entry over all its rows.
func (r *Register) Finish(ctx context.Context, c *engine.Conn, run *Run) error { return errNotYet }

// Seal adds a ledger entry over a run's rows as they now are. Finish does so
// itself; it is for what changes a finished run: tests that run again.
func (r *Register) Seal(ctx context.Context, c *engine.Conn, runID, event string) error {
	return errNotYet
}

// MarkCrashed gives every run that is still running the status crashed and
// returns them, oldest first. The caller holds the exclusive lock, so none of
// them is alive.
func (r *Register) MarkCrashed(ctx context.Context, c *engine.Conn) ([]Run, error) {
	return nil, errNotYet
}

// Runs returns the newest runs, newest first; limit 0 is all.
func (r *Register) Runs(ctx context.Context, c *engine.Conn, limit int) ([]Run, error) {
	return nil, errNotYet
}

// Run returns one run; ErrNoRun.
func (r *Register) Run(ctx context.Context, c *engine.Conn, id string) (Run, error) {
	return Run{}, errNotYet
}

// Models returns a run's model records, of each model the one of its highest
// attempt, by name.
func (r *Register) Models(ctx context.Context, c *engine.Conn, runID string) ([]ModelRecord, error) {
	return nil, errNotYet
}

// Tests returns a run's test records, of each test the one of its highest
// attempt, by name.
func (r *Register) Tests(ctx context.Context, c *engine.Conn, runID string) ([]TestRecord, error) {
	return nil, errNotYet
}

// Records returns for each mart of a snapshot its ModelRecord, in one query. A
// mart whose record is gone is not in the map.
func (r *Register) Records(ctx context.Context, c *engine.Conn, s Snapshot) (map[string]ModelRecord, error) {
	return nil, errNotYet
}

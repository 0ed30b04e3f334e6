package history

import (
	"context"

	"warehouse/runner/engine"
)

// Register is the state tables of one target. It holds no connection: every
// method runs on the session it is given, so that it can be part of the
// caller's Atomic. It is safe for concurrent use as long as the sessions
// differ.
type Register struct {
	schema string
}

// Open returns the register of a storage schema, and makes the schema, the
// state tables and the macro resolve_run_id if they are missing, all in one
// step. Tables of an older version are brought up to date; those of a newer
// one are a *VersionError.
func Open(ctx context.Context, c *engine.Conn, schema string) (*Register, error) {
	return nil, errNotYet
}

// Read returns the register of a storage schema and creates nothing:
// ErrNoRegister if there is none.
func Read(ctx context.Context, c *engine.Conn, schema string) (*Register, error) {
	return nil, errNotYet
}

// Schema returns the storage schema.
func (r *Register) Schema() string { return r.schema }

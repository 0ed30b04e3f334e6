package runner

import (
	"context"
	"errors"
	"fmt"

	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// Connection is what Connect found.
type Connection struct {
	Exists  bool   // the target is there; a file is made by the first build
	Version string // of the engine, in its own words
	Runs    int    // of the newest run, its number; 0: none, or no register
}

// Connect opens the target for reading and asks the engine for its version.
// Nothing is made or mended.
func (r *Runner) Connect(ctx context.Context) (Connection, error) {
	var out Connection
	s, err := r.openSession(ctx, true, "")
	out.Exists = err == nil
	if errors.Is(err, engine.ErrNotExist) {
		var e engine.Engine
		if e, err = r.engine(); err == nil {
			s, err = r.inMemory(ctx, e, r.target(false))
		}
	}
	if err != nil {
		return out, err
	}
	defer s.Close()
	if out.Version, err = engineVersion(ctx, s.conn); err != nil {
		return out, err
	}
	if !out.Exists {
		return out, nil
	}
	reg, err := history.Read(ctx, s.conn, r.project.Target.StorageSchema)
	if errors.Is(err, history.ErrNoRegister) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	runs, err := reg.Runs(ctx, s.conn, 1)
	if err == nil && len(runs) > 0 {
		out.Runs = int(runs[0].Seq)
	}
	return out, err
}

// engineVersion is a word of SQL that all engines here have.
func engineVersion(ctx context.Context, c *engine.Conn) (string, error) {
	rows, err := c.Query(ctx, "SELECT version()")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	v := ""
	if rows.Next() {
		if err := rows.Scan(&v); err != nil {
			return "", fmt.Errorf("the engine's version: %w", err)
		}
	}
	return v, rows.Err()
}

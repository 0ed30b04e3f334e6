package history

import (
	"context"

	"warehouse/runner/engine"
)

// SetTag makes a tag, or moves it if there is one of that name, and adds a
// ledger entry. ValidTagName is the caller's to ask first.
func (r *Register) SetTag(ctx context.Context, c *engine.Conn, t Tag) error { return errNotYet }

// Untag removes a tag; ErrNoTag.
func (r *Register) Untag(ctx context.Context, c *engine.Conn, name string) error { return errNotYet }

// Tags returns all tags by name.
func (r *Register) Tags(ctx context.Context, c *engine.Conn) ([]Tag, error) { return nil, errNotYet }

// ValidTagName says why a name cannot be a tag, or nil. taken tells whether a
// schema of that name exists or is configured; names of schemas are compared
// without case.
func ValidTagName(name string, taken func(schema string) bool) error { return errNotYet }

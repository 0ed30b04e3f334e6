// Package binding makes schemas of views through which every mart is read.
//
// A binding holds, for each mart of a history.Snapshot, a view with an explicit
// column list over the mart's table, filtered to that mart's run:
//
//  1. Stored writes the views of `latest`, `previous` or a tag as text. The
//     filter of the first two looks the run up in the publication log, so that
//     publishing and going back change rows, not views; a tag's filter is a
//     literal run id.
//  2. Sync compares them with what is in the database and replaces only what
//     differs.
//  3. Memory writes views outside the database, for a build, a test or a query
//     over any run: what ref() prints is a name in the schema RefSchema.
//
// Every binding is two schemas. The plain one is for people: it shows the run
// id first and the created-at column last. Its sister, `<schema>__ref`, is what
// ref() reads: it hides both, so that `select * from ref('m')` is the model's
// own columns.
package binding

import (
	"context"
	"errors"

	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// Kind of a stored binding.
type Kind int

const (
	Latest   Kind = iota // the newest publication
	Previous             // the publication before it
	Literal              // the snapshot's own runs: tags
)

// Names of the binding in memory.
const (
	Schema    = "run"      // shown columns
	RefSchema = "run__ref" // hidden columns: what ref() prints
	RefSuffix = "__ref"    // of a stored binding's sister schema
)

// View is one view of a binding.
type View struct {
	Schema, Name string
	SQL          string // the whole CREATE OR REPLACE VIEW statement
	Digest       string // of the definition and of all views that it reads
}

var errNotYet = errors.New("binding: not written yet")

// Stored returns the views of a stored binding in the order in which they can
// be made. Names have two parts: never the catalog.
func Stored(d engine.Dialect, storage, schema string, kind Kind, snap history.Snapshot, records map[string]history.ModelRecord) ([]View, error) {
	return nil, errNotYet
}

// Memory returns the views of a binding outside the database, in the order in
// which they can be made; schemas Schema and RefSchema.
func Memory(d engine.Dialect, snap history.Snapshot, records map[string]history.ModelRecord) ([]View, error) {
	return nil, errNotYet
}

// MemoryModel returns the two views of one model that a running build has just
// made: in Schema and in RefSchema.
func MemoryModel(d engine.Dialect, rec history.ModelRecord) ([]View, error) { return nil, errNotYet }

// StandIn returns an empty view in RefSchema with the given columns, for
// binding what reads a model that is not built yet.
func StandIn(d engine.Dialect, model string, columns []engine.Column) View { return View{} }

// Ref returns what ref() prints for a model.
func Ref(d engine.Dialect, model string) engine.Relation {
	r := engine.Relation{Schema: RefSchema, Name: model}
	if m, ok := d.(engine.MemoryBinder); ok {
		r.Database = m.MemoryCatalog()
	}
	return r
}

// Create makes views, schemas included, whatever is there. For memory
// bindings: before a transaction is begun, which could write one database only.
func Create(ctx context.Context, c *engine.Conn, views []View) error { return errNotYet }

// Synced is what Sync did.
type Synced struct{ Created, Replaced, Dropped, Kept int }

// Sync makes a stored binding what want says, and leaves views that are so
// already.
func Sync(ctx context.Context, c *engine.Conn, schema string, want []View) (Synced, error) {
	return Synced{}, errNotYet
}

// Remove drops a stored binding.
func Remove(ctx context.Context, c *engine.Conn, schema string) error { return errNotYet }

// Package binding makes schemas of views through which every mart is read.
//
// A binding holds, for each mart of a history.Snapshot, a view with an explicit
// column list over the mart's table, filtered to that mart's run:
//
//  1. Stored (stored.go) writes the views of `latest`, `previous` or a tag as
//     text. The filter of the first two looks the run up in the publication
//     log, so that publishing and going back change rows, not views; a tag's
//     filter is a literal run id.
//  2. Sync (sync.go) compares them with what is in the database and replaces
//     only what differs.
//  3. Memory (memory.go) writes views outside the database, for a build, a test
//     or a query over any run: what ref() prints is a name in the schema
//     RefSchema.
//
// Every binding is two schemas. The plain one is for people: it shows the run
// id first and the created-at column last. Its sister, `<schema>__ref`, is what
// ref() reads: it hides both, so that `select * from ref('m')` is the model's
// own columns. A stored sister has only what view models read.
//
// Definitions are pure functions of the records of the register: the same
// snapshot gives the same text.
package binding

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// Names of the binding in memory, which are part of compiled SQL: the same in
// every run, so that the SQL's hash is.
const (
	Schema     = "run"       // shown columns
	RefSchema  = "run__ref"  // hidden columns: what ref() prints
	ThisSchema = "run__this" // hidden columns of the published run: what `this` prints
	RefSuffix  = "__ref"     // of a stored binding's sister schema
)

// ViewKind is the kind of a history.ModelRecord that is a view in each binding;
// all others are rows in a table.
const ViewKind = "view"

// View is one view of a binding.
type View struct {
	Database     string
	Schema, Name string
	SQL          string // the whole CREATE OR REPLACE VIEW statement
	Body         string // its SELECT
	// Digest is the SHA-256 of the definition, its columns and the digests of
	// the views that it reads: an engine keeps a view's column types, so it has
	// to be made anew when what it reads changes.
	Digest string
}

// Relation returns the view's full name.
func (v View) Relation() engine.Relation {
	return engine.Relation{Database: v.Database, Schema: v.Schema, Name: v.Name}
}

func newView(name engine.Relation, body string, more ...string) View {
	h := sha256.New()
	for _, s := range append([]string{body}, more...) {
		fmt.Fprintf(h, "%d\n%s", len(s), s)
	}
	return View{
		Database: name.Database, Schema: name.Schema, Name: name.Name,
		SQL:    "CREATE OR REPLACE VIEW " + name.String() + " AS\n" + body,
		Body:   body,
		Digest: hex.EncodeToString(h.Sum(nil)),
	}
}

// UnboundError: a view model reads a model that the snapshot does not have.
type UnboundError struct{ Model, Reads string }

func (e *UnboundError) Error() string {
	return fmt.Sprintf("view model %s reads %s, which is not in the same snapshot", e.Model, e.Reads)
}
func (e *UnboundError) Hint() string { return "build both: --select +" + e.Model }

// NoRecordError: the register has no record of a mart of a snapshot, or one
// that does not say where its rows are.
type NoRecordError struct{ Model, RunID string }

func (e *NoRecordError) Error() string {
	return fmt.Sprintf("the register does not say where run %s of %s is stored", e.RunID, e.Model)
}

// selectMart writes the SELECT of a mart's view. hidden leaves the run id and
// the created-at column out.
func selectMart(table engine.Relation, l history.Layout, filter string, hidden bool) string {
	var cols []string
	if !hidden {
		cols = append(cols, "t."+engine.Ident(l.RunColumn))
	}
	for _, c := range l.Columns {
		col := "t." + engine.Ident(c.Physical)
		if c.Physical != c.Name {
			col += " AS " + engine.Ident(c.Name)
		}
		cols = append(cols, col)
	}
	if !hidden && l.CreatedColumn != "" {
		cols = append(cols, "t."+engine.Ident(l.CreatedColumn))
	}
	return "SELECT " + strings.Join(cols, ", ") + "\nFROM " + table.String() + " AS t\nWHERE t." + engine.Ident(l.RunColumn) + " = " + filter
}

// selectView writes the SELECT of a view model: its own SQL, under a column
// list where the columns are known, so that a column that a source gains later
// does not break a view that reads `*` of it.
func selectView(sql string, l history.Layout) string {
	if len(l.Columns) == 0 {
		return sql
	}
	seen := map[string]bool{}
	cols := make([]string, len(l.Columns))
	for i, c := range l.Columns {
		if fold := strings.ToLower(c.Name); seen[fold] {
			return sql // two columns of one name cannot be selected by name
		} else {
			seen[fold] = true
		}
		cols[i] = c.Name
	}
	return "SELECT " + engine.Idents(cols) + "\nFROM (\n" + sql + "\n) AS q"
}

// columnsText is a layout's columns as a part of a digest.
func columnsText(l history.Layout) string {
	var b strings.Builder
	for _, c := range l.Columns {
		fmt.Fprintf(&b, "%s %s\n", engine.Ident(c.Name), c.Type)
	}
	return b.String()
}

// Package compile turns a project into a graph of nodes, and a node into SQL.
//
//  1. Compile renders every model and data test once with execute=false, to
//     learn its refs, sources and config, and builds the graph: cycles,
//     missing and disabled refs, doubled names, unknown config keys: all
//     errors of the project at once.
//  2. Graph.Render renders a node for real, against a Binding that says what
//     ref, this and run_of print. The text is one SELECT, with ephemeral
//     parents in front as CTEs; Rendered.Place leads from any byte of it back
//     to a line of the user's files.
//
// Read Graph first; graph.go makes it and testnodes.go adds the data tests.
// render.go is one rendering, and the scope of its template: macros.go and
// dispatch.go find macros, context.go lists what else a template can call.
// datatests.go turns a data test into SQL, place.go leads from SQL back to
// files, secrets.go fills in secrets. Macros that the product brings with it
// are in macros/*.sql.
package compile

import (
	"cmp"
	"context"
	"time"

	"warehouse/runner/dag"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// Options of a compilation.
type Options struct {
	LookupEnv func(string) (string, bool)
	Dialect   string // "duckdb", "trino": what adapter.dispatch prefers
	Threads   int    // renders at once; 0: as many as processors
	Log       func(msg string, info bool)
}

// Resource types of nodes.
const (
	Model    = "model"
	Test     = "test"
	Source   = "source"
	Seed     = "seed"
	Snapshot = "snapshot"
	Unit     = "unit_test"
)

// Node is a model, a seed, a snapshot, a data test or a source.
type Node struct {
	ID       string // "model.shop.orders", "test.shop.not_null_orders_id", "source.shop.raw.events"
	Name     string // a model's name; a test's unique name; a source's table
	Package  string
	Resource string // Model, Test, Source, …
	File     string // models/orders.sql, or the YAML file of a generic test or source
	Pos      diag.Pos
	FQN      []string
	Tags     []string

	// Of models, seeds and snapshots.
	Kind        string               // Config.Materialized: "mart", "view", "ephemeral", "incremental", …
	Config      *project.ModelConfig // never nil; NoConfig of what has none
	Description string
	Columns     []project.Column
	Table       engine.Relation // the mart's storage: schema and name, no database
	Placed      string          // the schema of its view for people, where that is not the target's
	Shown       string          // the name of its view in each binding, where that is not Table's
	RawSQL      string
	Increment   *Increment // of an incremental model
	Snapshot    *History   // of a snapshot
	PreHooks    []*Hook    // what runs before and after it is built
	PostHooks   []*Hook
	Version     *project.Version // of one of a model's versions: Name is orders_v2 then
	Contract    *Contract        // nil: none is enforced

	// Of data tests.
	Test *DataTest // of a unit test too: its model and thresholds

	// Of unit tests.
	Unit *UnitTest

	// Of sources.
	Source   *project.Source
	Relation engine.Relation // what source() prints

	Parents []string // ids that it reads: models, sources; of a test also the model that it is attached to
	Refs    []string // the subset of Parents that a build makes, ephemeral ones included

	template *jinja.Template
	config   project.Config // merged
	own      project.Config // of a seed's YAML entry
	entry    *project.Entry // what YAML says of a model, seed or snapshot; nil if nothing
	external string         // a source's files, as SQL
}

// NoConfig is the Config of what is not configured as models are: data tests,
// sources, free texts. It is empty, and shared.
var NoConfig = &project.ModelConfig{}

// Entry is what a schema file says of a model; nil: nothing.
func (n *Node) Entry() *project.Entry { return n.entry }

// Files is how SQL names the files of a source that is kept in files; "" otherwise.
func (n *Node) Files() string { return n.external }

// Public is where people read a model, seed or snapshot: the schema and the
// name of the view of its published rows.
func (n *Node) Public(t project.Target) (schema, name string) {
	if n.Placed != "" {
		return n.Placed, n.Table.Name
	}
	return t.LatestSchema, n.ShownName()
}

// ShownName is the name of its view in each binding.
func (n *Node) ShownName() string { return cmp.Or(n.Shown, n.Table.Name, n.Name) }

// BaseName is a model's name without its version, as dbt's artifacts have it.
func (n *Node) BaseName() string {
	if n.Version != nil {
		return n.Version.Of
	}
	return n.Name
}

func (n *Node) version() jinja.Value {
	if n.Version != nil {
		return n.Version.V
	}
	return nil
}

// generic says whether n is a generic data test, which a macro writes.
func (n *Node) generic() bool { return n.Test != nil && n.Test.macro != nil }

// DataTest is what is known of a data test besides its SQL.
type DataTest struct {
	Generic  string // "not_null", "" for a singular one
	Package  string // of the generic test, "" for the project's own search order
	Column   string // "" for tests of a whole model
	Model    string // node id that it is attached to; "" for singular ones
	Severity string // "error" or "warn"
	WarnIf   string // "!= 0"
	ErrorIf  string // "!= 0"
	FailCalc string // "count(*)"
	Where    string // rendered when the test is
	Limit    int    // of the sample only
	Args     *jinja.Dict

	// KeptIn is where its failing rows are kept, if they are: schema and name.
	KeptIn engine.Relation
	keep   *bool // nil: the config does not say
	// Said is its severity as the config spells it.
	Said string

	// RowWise, of a built-in test that looks at each row by itself and has no
	// `where`, fail_calc or override by a project macro, is an aggregate over
	// the model's rows that counts failures as the test would:
	// `count(*) FILTER (WHERE "id" IS NULL)`. "" otherwise. Such tests of one
	// model share a scan.
	RowWise string

	// Distinct, of the built-in unique under the same conditions, is the column
	// whose values are to differ, as SQL. "" otherwise.
	Distinct string

	macro    *jinja.Macro // of a generic one
	macroID  string       // "macro.dbt.test_unique"
	hash     string       // ".c5af1ff4b1": part of a generic one's id
	attached *Node        // the model or source
	quote    bool         // the column's
	span     int
	line     string // of the file, at the node's Pos
	argPos   map[string]diag.Pos
}

// Keeps says whether the failing rows of the test are kept; standard is what holds
// where its config does not say.
func (t *DataTest) Keeps(standard bool) bool {
	if t.keep != nil {
		return *t.keep
	}
	return standard
}

// Graph is a compiled project. It is immutable.
type Graph struct {
	Project *project.Project
	Nodes   map[string]*Node
	DAG     *dag.Graph // over all enabled nodes: sources, models, tests
	// Exposures are what reads models outside of the project, by id. They are
	// not in the DAG: nothing is built of them.
	Exposures []*Exposure
	// OnRunStart and OnRunEnd run when a build starts and ends.
	OnRunStart, OnRunEnd []*Hook
	Warnings             []*diag.Error
	env                  *env
}

// Model returns the enabled model of that name, or nil; of a model with versions
// the latest. It may be a package's:
// no two models have one name.
func (g *Graph) Model(name string) *Node {
	if n := g.Nodes["model."+g.Project.Name+"."+name]; n != nil {
		return n
	}
	for _, p := range g.Project.Packages {
		if n := g.Nodes["model."+p.Name+"."+name]; n != nil {
			return n
		}
	}
	if g.env == nil {
		return nil
	}
	n := g.env.names.choose(g.env.names.models[name], call{name: name}, g.Project.Name)
	if n == nil || n.Resource != Model {
		return nil
	}
	return n
}

// Find returns the model or seed that ref means: of a package, if one is named,
// and in a version, if one is; nil if there is none.
func (g *Graph) Find(pkg, name, version string) *Node {
	if g.env == nil {
		return nil
	}
	n, err := g.env.names.lookup(call{pkg: pkg, name: name, version: version}, g.Project.Name)
	if err != nil {
		return nil
	}
	return n
}

// Binding says what a template sees of a run.
type Binding struct {
	RunID     string
	StartedAt time.Time // of the run, in UTC
	// Ref returns what ref prints for a stored model or view model.
	Ref func(n *Node) engine.Relation
	// This returns what `this` prints: the published run's rows of the model.
	This func(n *Node) engine.Relation
	// Print gets what templates print(); nil: the log does.
	Print func(msg string)
	// ThisSQL, if it is set, is what `this` prints instead of the name: a query of
	// the rows that the run has just written, for a model's post-hook.
	ThisSQL string
	// Database is the target's own catalog, put in front of a source's or
	// a table's two-part name.
	Database string
	// RunOf returns the run id that a ref to n reads, as text.
	RunOf func(n *Node) (string, error)
	// Incremental says whether is_incremental() is true for n.
	Incremental func(n *Node) bool
	// Query runs a query for run_query and statement. Nil: execute is false.
	Query       func(ctx context.Context, sql string) (columns []engine.Column, rows [][]any, err error)
	FullRefresh bool
	Selected    []string // ids of what the command selected, in order
	// Batch is the batch that a microbatch model is rendered for; nil: none.
	Batch *Batch
	// StoreFailures: data tests keep what they find, if their config does not say.
	StoreFailures bool

	unit *unitScope // of a unit test
}

// Rendered is a node's SQL.
type Rendered struct {
	SQL    string // what the engine gets: secrets filled in
	Stored string // what is kept and shown: secrets as references
	// Reads are the ids of the models and sources that it read while it was
	// rendered, direct parents only, ephemeral ones included.
	Reads []string
	// ReadsRunQuery: the text depends on query results.
	ReadsRunQuery bool
	// Volatile: it prints the run id, a time or another thing that differs
	// from run to run; "" or the name of what it prints.
	Volatile string
	// This: the text names `this`.
	This bool
	// RunOf are the ids whose run id it prints.
	RunOf []string
	// Warnings are what templates warned of.
	Warnings []*diag.Error
	// Secrets are the names of the secrets that SQL holds. What the engine
	// would store as text (a view) must not hold any.
	Secrets []string
	place   func(off int) (diag.Pos, string, []diag.Frame, bool)
}

// Around puts text in front of and behind the SQL, which keeps its places.
func (r *Rendered) Around(before, after string) *Rendered {
	out := *r
	out.SQL, out.Stored = before+r.SQL+after, before+r.Stored+after
	out.place = func(off int) (diag.Pos, string, []diag.Frame, bool) {
		if off -= len(before); off < 0 || off > len(r.SQL) {
			return diag.Pos{}, "", nil, false
		}
		return r.Place(off)
	}
	return &out
}

// Place leads from a byte of SQL to the user's file: place, source line, and
// the macro calls or inlined models on the way.
func (r *Rendered) Place(off int) (pos diag.Pos, line string, frames []diag.Frame, ok bool) {
	if r.place == nil {
		return diag.Pos{}, "", nil, false
	}
	return r.place(off)
}

// Package selector picks nodes of a graph by dbt's selection grammar (that of
// dbt-core 1.12).
//
// Parse turns texts into an Expr; Select applies it to a graph. An Expr may
// also be written as a value, from Union, Intersection, Difference and
// Criterion. This comment is the page of the grammar; parse.go reads it,
// select.go walks the graph, method.go has the methods.
//
// # Grammar
//
//	selection  = part {blank part}                    what any part selects
//	part       = criterion {"," criterion}            what all its criteria select
//	criterion  = ["@"] [[depth] "+"] [method ":"] value ["+" [depth]]
//	method     = name {"." argument}
//
// Several texts are one selection, as if a blank stood between them. A comma
// binds tighter than a blank, and has no blank beside it. Nothing is quoted.
//
// # Graph operators
//
//	m        the nodes that m matches
//	+m       and all their ancestors
//	m+       and all their descendants
//	2+m, m+3 and those at most 2 edges above, 3 edges below
//	@m       and all their descendants, and all ancestors of those
//
// + may stand on both sides; @m+ is an error, as @ includes it. An operator
// without anything to apply to is an error.
//
// # Methods
//
// Without a method a value with a slash is a path, one that ends in .sql, .py
// or .csv is a file, anything else is an fqn. Values marked with a star may
// have the wildcards of Python's fnmatch: * any text, also with dots and
// slashes in it; ? one character; [abc], [a-z], [!abc] one of a set. Letters
// are compared with their case.
//
//	fqn:a.b*             a name, or folders and a name joined by dots, with or
//	                     without the package in front; a folder selects what
//	                     is in it; not for sources
//	tag:t*               a tag
//	path:models/a        a file, or all files in a folder, or the YAML file that
//	                     describes the node; * stays within one folder name,
//	                     ** is any number of folders
//	file:a.sql*          a file's name with or without its ending
//	package:p*           a package; this is the project's own
//	source:s.t*          a source, a source's table, or package.source.table
//	config.k:v           a config value; keys may be nested with dots
//	                     (config.meta.owner:ann), of a list one entry must be
//	                     equal, true and false are read without case
//	test_type:v          generic, singular, data (both) or unit
//	test_name:n*         a generic test's name (not_null), or a unit test's
//	resource_type:v      model, test, unit_test, source, seed, snapshot …
//	group:g*             a group
//	access:v             private, protected or public models
//	version:v            latest, prerelease, old or none
//	unit_test:n*         a unit test; exposure:, metric:, semantic_model: and
//	                     saved_query: likewise, each also as package.name
//	selector:n*          a selection from Options.Selectors, as a whole
//	state:v              for the Matcher: new, old, modified, modified.body …
//	result:v             for the Matcher: success, error, fail, skipped …
//	source_status:v      for the Matcher: fresher
//
// # Data tests
//
// Tests come along with what they test: see Indirect. That happens criterion
// by criterion, before the sets are put together, which is why --exclude
// test_name:unique takes tests away that --select orders had brought along.
package selector

import "warehouse/runner/dag"

// Node is what selection knows of one node of the graph.
type Node struct {
	ID           string // as in the graph
	Name         string
	Package      string
	ResourceType string   // model, seed, snapshot, test, unit_test, source, exposure …
	FQN          []string // package, folders, name; a versioned model's v2 behind it
	Tags         []string
	Path         string // file that defines it, relative to its package, with forward slashes
	Patch        string // YAML file that describes it, likewise; "" if none
	Access       string
	Group        string

	Version, LatestVersion string // "" if the model has no versions

	Config     func() map[string]any // made when a criterion asks for it; nil: none
	SourceName string                // of a source's table: the source
	TestType   string                // of a test: generic or singular
	TestName   string                // of a generic test: not_null
}

// Matcher answers for the methods that need to know more than the project:
// state, result and source_status. An error it returns is shown at the
// criterion's place.
type Matcher interface {
	Match(method, arg, value string, n *Node) (bool, error)
}

// Selection is what an Expr selects.
type Selection struct {
	IDs map[string]bool // true for each selected node

	// Unmatched are the parts that selected nothing, as written.
	Unmatched []string
}

// Expr is a Union, Intersection, Difference, Criterion or All.
type Expr interface {
	// Select returns what the expression selects of nodes, whose edges are
	// in g; a node that is not in g has no relatives. m may be nil where no
	// method asks it. It fails with a *SyntaxError.
	Select(g *dag.Graph, nodes []*Node, m Matcher) (Selection, error)

	// String returns the expression as it was written.
	String() string

	eval(*evaluation) (found, error)
}

// All selects every node. It has no text; ParseFlags makes it.
type All struct{}

// Union selects what any of its parts selects. An empty one selects nothing.
type Union struct {
	Parts    []Expr
	Indirect Indirect
}

// Intersection selects what all of its parts select.
type Intersection struct {
	Parts    []Expr
	Indirect Indirect
}

// Difference selects what From selects and Without does not.
type Difference struct {
	From, Without Expr
	Indirect      Indirect
}

// Criterion selects the nodes that a method matches, and relatives of them.
type Criterion struct {
	Method string // fqn, tag, config …
	Arg    string // config.materialized: materialized
	Value  string

	Parents, Children           bool // + in front, + behind
	ParentsDepth, ChildrenDepth int  // 0: all
	ChildrensParents            bool // @

	Indirect Indirect

	named []Expr // what selector:name stands for
	query string // the whole text, for errors; "" if the criterion was not parsed
	off   int    // where in query it starts
	end   int    // where it ends
}

// Indirect says which data tests and unit tests come along with what is
// selected, beside those that are selected themselves.
type Indirect int

// dbt's four modes.
const (
	Eager     Indirect = iota // tests with any parent selected
	Cautious                  // tests with all parents selected
	Buildable                 // tests with all parents selected, or ancestors of what is, or sources
	Empty                     // none
)

var indirectNames = [...]string{"eager", "cautious", "buildable", "empty"}

func (i Indirect) String() string { return indirectNames[i] }

// Package selector reads dbt's selection grammar and applies it to a graph.
package selector

import (
	"errors"

	"warehouse/runner/dag"
)

var errTodo = errors.New("selector: not written yet")

// Node is what selection knows of one node of the graph.
type Node struct {
	ID           string // as in the graph
	Name         string
	Package      string
	ResourceType string   // model, seed, snapshot, test, unit_test, source, exposure …
	FQN          []string // package, folders, name; a versioned model's version last
	Tags         []string
	Path         string // file that defines it, relative to its package, forward slashes
	Patch        string // YAML file that describes it, likewise; "" if none
	Access       string
	Group        string

	Version, LatestVersion string // "" if not versioned

	Config     map[string]any
	SourceName string // sources only
	TestType   string // tests only: generic or singular
	TestName   string // generic tests only: not_null
}

// Matcher answers for the methods that need to know more than the project:
// state, result and source_status.
type Matcher interface {
	Match(method, arg, value string, n *Node) (bool, error)
}

// Selection is what an Expr selects.
type Selection struct {
	IDs       map[string]bool
	Unmatched []string // parts that matched nothing, as written
}

// Indirect says which data tests come along with what is selected.
type Indirect int

const (
	Eager     Indirect = iota // tests with any selected parent
	Cautious                  // tests whose parents are all selected
	Buildable                 // tests whose parents are all selected, or ancestors of what is
	Empty                     // no tests
)

// Expr is one of Union, Intersection, Difference and Criterion.
type Expr interface {
	Select(g *dag.Graph, nodes []*Node, m Matcher) (Selection, error)
}

// Options is what Parse may know beside the text.
type Options struct {
	Selectors map[string]Expr // for selector:name
	Package   string          // the project's own package, for package:this
	Indirect  Indirect
}

// SyntaxError says where a selection makes no sense.
type SyntaxError struct {
	Query string
	Off   int // byte offset in Query
	Msg   string
}

func (e *SyntaxError) Error() string { return e.Msg }

// Parse is Options{}.Parse.
func Parse(texts ...string) (Expr, error) { return Options{}.Parse(texts...) }

// Parse returns the union of all texts.
func (o Options) Parse(texts ...string) (Expr, error) { return nil, errTodo }

// ParseFlags returns what is in include and not in exclude; no include means all.
func (o Options) ParseFlags(include, exclude []string) (Expr, error) { return nil, errTodo }

// ParseIndirect reads eager, cautious, buildable or empty.
func ParseIndirect(s string) (Indirect, error) { return 0, errTodo }

package selector

import (
	"slices"
	"strings"

	"warehouse/runner/dag"
)

type set = map[string]bool

// found is what an expression selects. Tests that would come along if their
// other parents were selected too wait in maybe, since a greater expression
// may select these: with cautious, "a b" brings the test between a and b.
type found struct{ ids, maybe set }

// evaluation is one call of Select.
type evaluation struct {
	g         *dag.Graph
	nodes     []*Node
	byID      map[string]*Node
	m         Matcher
	unmatched []string
}

func start(e Expr, g *dag.Graph, nodes []*Node, m Matcher) (Selection, error) {
	ev := &evaluation{g: g, nodes: nodes, m: m, byID: make(map[string]*Node, len(nodes))}
	for _, n := range nodes {
		ev.byID[n.ID] = n
	}
	f, err := e.eval(ev)
	if err != nil {
		return Selection{}, err
	}
	switch e.(type) {
	case Criterion, Intersection: // a part by itself
		ev.note(e, f)
	}
	return Selection{IDs: f.ids, Unmatched: ev.unmatched}, nil
}

// note remembers a part that selected nothing.
func (ev *evaluation) note(part Expr, f found) {
	switch part.(type) {
	case Criterion, Intersection:
		if s := part.String(); len(f.ids) == 0 && !slices.Contains(ev.unmatched, s) {
			ev.unmatched = append(ev.unmatched, s)
		}
	}
}

// Select implements Expr.
func (u Union) Select(g *dag.Graph, nodes []*Node, m Matcher) (Selection, error) {
	return start(u, g, nodes, m)
}

// Select implements Expr.
func (x Intersection) Select(g *dag.Graph, nodes []*Node, m Matcher) (Selection, error) {
	return start(x, g, nodes, m)
}

// Select implements Expr.
func (d Difference) Select(g *dag.Graph, nodes []*Node, m Matcher) (Selection, error) {
	return start(d, g, nodes, m)
}

// Select implements Expr.
func (c Criterion) Select(g *dag.Graph, nodes []*Node, m Matcher) (Selection, error) {
	return start(c, g, nodes, m)
}

// Select implements Expr.
func (a All) Select(g *dag.Graph, nodes []*Node, m Matcher) (Selection, error) {
	return start(a, g, nodes, m)
}

func (All) eval(ev *evaluation) (found, error) {
	ids := set{}
	for _, n := range ev.nodes {
		ids[n.ID] = true
	}
	return found{ids, set{}}, nil
}

func (u Union) eval(ev *evaluation) (found, error) {
	all := found{set{}, set{}}
	for _, part := range u.Parts {
		f, err := part.eval(ev)
		if err != nil {
			return found{}, err
		}
		ev.note(part, f)
		add(all.ids, f.ids)
		add(all.maybe, f.ids)
		add(all.maybe, f.maybe)
	}
	return ev.settle(all, u.Indirect), nil
}

func (x Intersection) eval(ev *evaluation) (found, error) {
	var all found
	for i, part := range x.Parts {
		f, err := part.eval(ev)
		if err != nil {
			return found{}, err
		}
		add(f.maybe, f.ids)
		if i == 0 {
			all = f
			continue
		}
		keep(all.ids, f.ids, true)
		keep(all.maybe, f.maybe, true)
	}
	return ev.settle(all, x.Indirect), nil
}

func (d Difference) eval(ev *evaluation) (found, error) {
	all, err := d.From.eval(ev)
	if err != nil {
		return found{}, err
	}
	ev.note(d.From, all)
	without, err := d.Without.eval(ev)
	if err != nil {
		return found{}, err
	}
	ev.note(d.Without, without)
	add(all.maybe, all.ids)
	add(without.maybe, without.ids)
	keep(all.ids, without.ids, false)
	keep(all.maybe, without.maybe, false)
	return ev.settle(all, d.Indirect), nil
}

// settle lets the waiting tests in whose parents are all there by now.
func (ev *evaluation) settle(f found, mode Indirect) found {
	f.ids, f.maybe = orEmpty(f.ids), orEmpty(f.maybe)
	if mode != Cautious && mode != Buildable {
		return f
	}
	have := f.ids
	if mode == Buildable {
		have = union(f.ids, ev.reach(f.ids, ev.g.Parents, 0))
	}
	enter := set{}
	for id := range f.maybe {
		if ev.isTest(id) && ev.parentsIn(id, have) {
			enter[id] = true
		}
	}
	add(f.ids, enter)
	return f
}

func (c Criterion) eval(ev *evaluation) (found, error) {
	ids, err := ev.matched(c)
	if err != nil {
		return found{}, err
	}
	out := union(ids, nil)
	if c.ChildrensParents {
		below := union(ids, ev.reach(ids, ev.g.Children, 0))
		add(out, below)
		add(out, ev.reach(below, ev.g.Parents, 0))
	}
	if c.Parents {
		add(out, ev.reach(ids, ev.g.Parents, c.ParentsDepth))
	}
	if c.Children {
		add(out, ev.reach(ids, ev.g.Children, c.ChildrenDepth))
	}
	if c.Method == "selector" {
		return found{out, set{}}, nil // its own criteria have brought their tests along
	}
	return ev.withTests(out, c.Indirect), nil
}

// withTests adds the tests that come along with selected nodes.
func (ev *evaluation) withTests(selected set, mode Indirect) found {
	f := found{union(selected, nil), set{}}
	if mode == Empty {
		return f
	}
	have := selected
	if mode == Buildable {
		have = union(selected, ev.reach(selected, ev.g.Parents, 0))
		for _, n := range ev.nodes {
			if n.ResourceType == "source" {
				have[n.ID] = true
			}
		}
	}
	for id := range selected {
		for _, test := range ev.g.Children(id) {
			switch {
			case !ev.isTest(test):
			case mode == Eager || ev.parentsIn(test, have):
				f.ids[test] = true
			default:
				f.maybe[test] = true
			}
		}
	}
	return f
}

func (ev *evaluation) isTest(id string) bool {
	n := ev.byID[id]
	return n != nil && (n.ResourceType == "test" || n.ResourceType == "unit_test")
}

func (ev *evaluation) parentsIn(id string, have set) bool {
	for _, p := range ev.g.Parents(id) {
		if !have[p] {
			return false
		}
	}
	return true
}

// reach returns what is at most depth edges away from any of ids, 0 for all;
// of ids themselves those that are below, or above, another one.
func (ev *evaluation) reach(ids set, next func(string) []string, depth int) set {
	seen := set{}
	level := make([]string, 0, len(ids))
	for id := range ids {
		level = append(level, id)
	}
	for d := 1; len(level) > 0 && (depth == 0 || d <= depth); d++ {
		var further []string
		for _, id := range level {
			for _, to := range next(id) {
				if !seen[to] {
					seen[to] = true
					further = append(further, to)
				}
			}
		}
		level = further
	}
	// The graph may know nodes that are not up for selection.
	for id := range seen {
		if ev.byID[id] == nil {
			delete(seen, id)
		}
	}
	return seen
}

func add(to, from set) {
	for id := range from {
		to[id] = true
	}
}

func union(a, b set) set {
	out := make(set, len(a)+len(b))
	add(out, a)
	add(out, b)
	return out
}

// keep leaves those in ids that are in other, or those that are not.
func keep(ids, other set, in bool) {
	for id := range ids {
		if other[id] != in {
			delete(ids, id)
		}
	}
}

func orEmpty(s set) set {
	if s == nil {
		return set{}
	}
	return s
}

func (All) String() string            { return "all" }
func (u Union) String() string        { return join(u.Parts, " ") }
func (x Intersection) String() string { return join(x.Parts, ",") }
func (d Difference) String() string   { return d.From.String() + " without " + d.Without.String() }

// String returns the criterion as it was written, or as one would write it.
func (c Criterion) String() string {
	if c.query != "" {
		return c.query[c.off:c.end]
	}
	return written(c)
}

func join(parts []Expr, by string) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.String()
	}
	return strings.Join(texts, by)
}

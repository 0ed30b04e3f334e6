package compile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// unitScope is what a template sees of the unit test that it is rendered for.
type unitScope struct {
	node *Node
	test *UnitTest
}

// RenderUnit writes the SQL of a unit test's model over the rows that are
// given, as queries, in the order of Given. It reads nothing else: a model that
// reads what is not given is a *diag.Error.
func (g *Graph) RenderUnit(ctx context.Context, n *Node, given []string, b Binding) (*Rendered, error) {
	m := n.Unit.Model
	b.unit, b.Query = &unitScope{n, n.Unit}, nil
	b.Incremental = func(*Node) bool { return false }
	r := &render{env: g.env, ctx: ctx, node: m, pkg: m.Package, b: &b, known: m.config}
	for i, in := range n.Unit.Given {
		r.inlined = append(r.inlined, inlined{node: in.Input, name: in.CTE(), body: body{text: given[i]}, at: in.Pos})
	}
	main, err := r.write()
	if err != nil {
		return nil, r.refer(err)
	}
	return r.finish(main)
}

// RenderFixture writes the query of a fixture: its Jinja sees variables and
// macros as the unit test's model does.
func (g *Graph) RenderFixture(ctx context.Context, n *Node, sql string, b Binding) (string, error) {
	b.unit, b.Query = &unitScope{n, n.Unit}, nil
	r := &render{env: g.env, ctx: ctx, node: n, pkg: n.Package, b: &b}
	t, err := jinja.Parse(n.Pos.File, sql)
	if err != nil {
		return "", r.inUnit(err)
	}
	out, err := t.Render(ctx, r.options())
	if err != nil {
		return "", r.inUnit(err)
	}
	one, err := r.single(body{text: out.Text})
	if err != nil {
		return "", r.inUnit(err)
	}
	f, err := r.fill(one.text)
	return f.sql, err
}

// inUnit places an error in a query of a unit test at the test.
func (r *render) inUnit(err error) error {
	msg := err.Error()
	if d, ok := err.(*diag.Error); ok {
		msg = d.Msg
	}
	return &diag.Error{Pos: r.node.Pos, Msg: "the SQL of unit test " + r.node.Name + ": " + withReferences(msg), Err: err}
}

// FromOf is what stands behind FROM to read a source's own table.
func (g *Graph) FromOf(source *Node, b Binding) string {
	r := &render{env: g.env, b: &b, node: source}
	return r.sourceRelation(source).String()
}

// given is what a ref or source prints in a unit test; nil outside of one, and
// for an ephemeral model that is not given, which is inlined.
func (r *render) given(n *Node, pos diag.Pos, key string) (*relation, error) {
	if r.b == nil || r.b.unit == nil {
		return nil, nil
	}
	test := r.b.unit
	if slices.ContainsFunc(test.test.Given, func(g Given) bool { return g.Input == n }) {
		return &relation{Relation: engine.Relation{Name: givenName(n)}, kind: "cte"}, nil
	}
	if n.Kind == "ephemeral" {
		return nil, nil
	}
	return nil, &diag.Error{Pos: pos, Source: r.line(pos), Msg: fmt.Sprintf("unit test %s gives no rows for %s", test.node.Name, key),
		Advice: fmt.Sprintf("add - input: %s with its rows (or rows: []) under given (%s)", key, test.node.Pos)}
}

// givenThis is `this` in a unit test.
func (r *render) givenThis() *relation {
	if r.b == nil || r.b.unit == nil || r.node == nil {
		return nil
	}
	return &relation{Relation: engine.Relation{Name: givenName(r.node)}, kind: "cte"}
}

// overridden is a name that the unit test has replaced: a macro, or the
// namespace of a package with some macros of it replaced.
func (r *render) overridden(name string) (jinja.Value, bool) {
	if r.b == nil || r.b.unit == nil {
		return nil, false
	}
	macros := r.b.unit.test.macros
	for _, key := range []string{name, "dbt." + name} {
		if v, ok := macros[key]; ok {
			return stub(name, v), true
		}
	}
	prefix := name + "."
	if !slices.ContainsFunc(slices.Collect(maps.Keys(macros)), func(k string) bool { return strings.HasPrefix(k, prefix) }) {
		return nil, false
	}
	real := r.macros.namespace(name)
	return &namespace{name, func(macro string) (jinja.Value, bool) {
		if v, ok := macros[prefix+macro]; ok {
			return stub(macro, v), true
		}
		if ns, ok := real.(*namespace); ok {
			return ns.get(macro)
		}
		return nil, false
	}, nil}, true
}

// stub is a macro that returns one value, whatever its arguments.
func stub(name string, v jinja.Value) jinja.Value {
	return fn(name, func(*jinja.Call) (jinja.Value, error) { return clone(v), nil })
}

// unitVar is a variable that the unit test has set.
func (r *render) unitVar(name string) (jinja.Value, bool) {
	if r.b == nil || r.b.unit == nil {
		return nil, false
	}
	v, ok := r.b.unit.test.vars[name]
	return v, ok
}

// unitEnv is an environment variable that the unit test has set.
func (r *render) unitEnv(name string) (string, bool) {
	if r.b == nil || r.b.unit == nil {
		return "", false
	}
	v, ok := r.b.unit.test.env[name]
	return v, ok
}

package compile

import (
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// A unit test runs a model's SELECT over rows that stand in a YAML file or a
// fixture. Compile finds what its inputs name and reads the rows; RenderUnit
// (unitrender.go) writes the model's SQL over them.

// UnitTest is what is known of a unit test.
type UnitTest struct {
	Model  *Node
	Entry  *project.Entry // where it is written; of a model with versions, for all of them
	Given  []Given
	Expect Fixture

	macros, vars map[string]jinja.Value // overrides, by name
	env          map[string]string
}

// Given is an input of a unit test.
type Given struct {
	Input *Node // whose rows these are; for this, the tested model
	This  bool
	Rows  Fixture
	Pos   diag.Pos
}

// CTE is the name under which the model reads the rows.
func (g Given) CTE() string { return givenName(g.Input) }

func givenName(n *Node) string {
	if n.Source != nil {
		return "__dbt__cte__" + n.Source.SourceName + "__" + n.Name
	}
	return "__dbt__cte__" + n.Name
}

// Fixture is rows as they were written down.
type Fixture struct {
	Columns []string        // in the order in which they first appear
	Rows    [][]jinja.Value // one value for each column; nil is NULL
	Text    bool            // all values are text, of a CSV: their types are to be found out
	SQL     string          // instead of rows: a query, raw
	Seed    bool            // instead of rows: those of the seed's own file
	File    string          // the YAML file or the fixture's own
	Pos     diag.Pos
	places  []diag.Pos // of rows
}

// Place is where a row stands.
func (f *Fixture) Place(row int) diag.Pos {
	if row < len(f.places) {
		return f.places[row]
	}
	return f.Pos
}

// unitTests makes a node of every unit test of an enabled model.
func (c *compiler) unitTests() {
	for _, e := range c.project.Entries["unit_test"] {
		if e.Package != c.project.Name {
			continue // a package tests itself
		}
		u := &unitReader{c: c, e: e}
		for _, m := range u.models() {
			if n := u.read(m); n != nil && !u.failed {
				c.nodes[n.ID] = n
			}
		}
	}
}

// unitReader reads one entry of unit_tests.
type unitReader struct {
	c      *compiler
	e      *project.Entry
	node   *Node
	failed bool
}

func (u *unitReader) errorf(at, format string, args ...any) *diag.Error {
	u.failed = true
	e := &diag.Error{Pos: u.place(at), Msg: fmt.Sprintf("unit test %s: ", u.e.Name) + fmt.Sprintf(format, args...)}
	u.c.errs.Add(e)
	return e
}

// place is where a part of the entry stands, or what it is in.
func (u *unitReader) place(at string) diag.Pos {
	for ; at != ""; at = at[:max(0, strings.LastIndexByte(at, '.'))] {
		if pos, ok := u.e.Places[at]; ok {
			return pos
		}
	}
	return u.e.Pos
}

func get(d *jinja.Dict, key string) jinja.Value {
	if d == nil {
		return nil
	}
	v, _ := d.Get(key)
	return v
}

// models are those that an entry tests: of a model with versions, each that
// `versions` leaves.
func (u *unitReader) models() []*Node {
	if enabled, _, _ := u.config(); !enabled {
		return nil
	}
	m := u.model()
	if m == nil {
		return nil
	}
	choice, _ := get(u.e.Raw, "versions").(*jinja.Dict)
	include, exclude := listed(get(choice, "include")), listed(get(choice, "exclude"))
	if m.Version == nil {
		if len(include)+len(exclude) > 0 {
			u.errorf("versions", "model '%s' has no versions", m.Name).Advice = "remove versions from the unit test, or give the model versions"
			return nil
		}
		return []*Node{m}
	}
	all := slices.DeleteFunc(slices.Clone(u.c.names.versions[m.Version.Of]), func(n *Node) bool { return n.Package != m.Package })
	if name, _ := get(u.e.Raw, "model").(string); name != m.Version.Of { // orders_v2, or orders 2
		if all = []*Node{m}; len(include)+len(exclude) > 0 {
			u.errorf("versions", "'%s' is one version already", name).Advice = "write model: " + m.Version.Of
			return nil
		}
	}
	for _, v := range slices.Concat(include, exclude) {
		if !slices.ContainsFunc(all, func(n *Node) bool { return n.Version.Name() == jinja.Str(v) }) {
			_, err := u.c.names.lookup(call{name: m.Version.Of, version: jinja.Str(v), pkg: m.Package}, u.e.Package)
			if off, ok := err.(*lookupError); ok && !off.disabled {
				u.errorf("versions", "%s", err)
				return nil
			}
		}
	}
	has := func(list []jinja.Value, n *Node) bool {
		return slices.ContainsFunc(list, func(v jinja.Value) bool { return jinja.Str(v) == n.Version.Name() })
	}
	return slices.DeleteFunc(all, func(n *Node) bool {
		if len(exclude) > 0 { // as in dbt, include does not matter then
			return has(exclude, n)
		}
		return len(include) > 0 && !has(include, n)
	})
}

func (u *unitReader) read(m *Node) *Node {
	e, raw := u.e, u.e.Raw
	_, tags, meta := u.config()
	name := e.Name
	if m.Version != nil {
		name += "_v" + m.Version.Name()
	}
	description, _ := get(raw, "description").(string)
	n := &Node{
		Config: &project.ModelConfig{},
		Name:   name, Package: e.Package, Resource: Unit, Kind: Unit, File: e.Pos.File, Pos: e.Pos, Tags: tags, Description: description,
		ID:      Unit + "." + e.Package + "." + m.BaseName() + "." + name,
		FQN:     entryFQN(u.c.project, e, m.BaseName()),
		Parents: []string{m.ID},
		Test:    &DataTest{Model: m.ID, Severity: "error", WarnIf: "!= 0", ErrorIf: "!= 0", FailCalc: "count(*)"},
		Unit:    &UnitTest{Model: m, Entry: e},
	}
	n.Config.Meta = meta
	u.node = n
	if first := u.c.nodes[n.ID]; first != nil {
		u.errorf("", "model %s has it twice, first at %s", m.Name, first.Pos)
		return nil
	}
	u.given()
	if get(raw, "expect") == nil {
		u.errorf("", "it has no expect").Advice = "write expect: {rows: [{column: value}]}"
	} else {
		n.Unit.Expect = u.fixture("expect", get(raw, "expect"))
	}
	u.overrides()
	return n
}

func (u *unitReader) config() (enabled bool, tags []string, meta map[string]any) {
	cfg, _ := get(u.e.Raw, "config").(*jinja.Dict)
	enabled = true
	if v := get(cfg, "enabled"); v != nil {
		if b, ok := v.(bool); ok {
			enabled = b
		} else {
			u.errorf("config", "enabled must be true or false, not %s", jinja.Repr(v))
		}
	}
	for _, from := range []*jinja.Dict{u.e.Raw, cfg} {
		for _, tag := range listed(get(from, "tags")) {
			if t := jinja.Str(tag); !slices.Contains(tags, t) {
				tags = append(tags, t)
			}
		}
		if d, ok := get(from, "meta").(*jinja.Dict); ok {
			for _, it := range d.Items() {
				if meta == nil {
					meta = map[string]any{}
				}
				meta[jinja.Str(it.Key)] = jinja.ToGo(it.Value)
			}
		}
	}
	return enabled, tags, meta
}

// listed is a value as a list: one that is none is its only element.
func listed(v jinja.Value) []jinja.Value {
	switch v := v.(type) {
	case nil:
		return nil
	case *jinja.List:
		return v.Items
	}
	return []jinja.Value{v}
}

// model finds the model that is tested; nil if there is none, or if it is
// disabled.
func (u *unitReader) model() *Node {
	name, ok := get(u.e.Raw, "model").(string)
	if v := get(u.e.Raw, "model"); v != nil && !ok {
		u.errorf("model", "model must be a text, not %s", jinja.Repr(v)).Advice = "put it in quotes"
		return nil
	}
	if name == "" {
		u.errorf("model", "it names no model").Advice = "write model: NAME"
		return nil
	}
	k := call{name: name}
	k.name, k.version, _ = strings.Cut(name, " ") // as dbt splits it
	m, err := u.c.names.lookup(k, u.e.Package)
	if err != nil {
		if off, ok := err.(*lookupError); !ok || !off.disabled {
			u.errorf("model", "%s", err)
		}
		return nil
	}
	if m.Resource != Model {
		u.errorf("model", "'%s' is a %s: unit tests are for models", name, m.Resource)
		return nil
	}
	return m
}

func (u *unitReader) given() {
	for i, v := range listed(get(u.e.Raw, "given")) {
		at := fmt.Sprintf("given.%d", i)
		d, ok := v.(*jinja.Dict)
		if !ok {
			u.errorf(at, "an input must be a mapping, not %s", jinja.Repr(v)).Advice = "write - input: ref('model') and rows: under it"
			continue
		}
		text, _ := get(d, "input").(string)
		g := Given{Pos: u.place(at + ".input")}
		if g.Input, g.This = u.input(at+".input", text); g.Input == nil {
			continue
		}
		if slices.ContainsFunc(u.node.Unit.Given, func(o Given) bool { return o.Input == g.Input }) {
			u.errorf(at+".input", "%s is given twice", text)
			continue
		}
		if d.Len() == 1 && g.Input.Resource == Seed {
			g.Rows = Fixture{Seed: true, File: u.e.Pos.File, Pos: g.Pos}
		} else {
			g.Rows = u.fixture(at, d)
		}
		u.node.Unit.Given = append(u.node.Unit.Given, g)
	}
}

// input finds the node that ref('x'), source('x', 'y') or this names.
func (u *unitReader) input(at, text string) (n *Node, this bool) {
	text = strings.TrimSpace(text)
	if text == "this" {
		return u.node.Unit.Model, true
	}
	advice := "inputs are ref('model'), source('name', 'table') and this"
	if !looksLikeCall.MatchString(text) || !strings.HasPrefix(text, "ref") && !strings.HasPrefix(text, "source") {
		u.errorf(at, "%q is no input", text).Advice = advice
		return nil, false
	}
	r := &render{env: u.c.env, ctx: u.c.ctx, node: u.node, pkg: u.e.Package}
	if _, err := r.value(text, true); err != nil || len(r.calls) != 1 {
		e := u.errorf(at, "%q is no input", text)
		if e.Advice = advice; err != nil {
			e.Msg += ": " + err.Error()
		}
		return nil, false
	}
	n, err := u.c.names.lookup(r.calls[0], u.e.Package)
	if err != nil {
		u.errorf(at, "%s", err)
		return nil, false
	}
	return n, n == u.node.Unit.Model
}

// overrides reads what macros, variables and environment variables are in the
// test.
func (u *unitReader) overrides() {
	d, _ := get(u.e.Raw, "overrides").(*jinja.Dict)
	named := func(key string) map[string]jinja.Value {
		out := map[string]jinja.Value{}
		switch v := get(d, key).(type) {
		case nil:
		case *jinja.Dict:
			for _, it := range v.Items() {
				out[jinja.Str(it.Key)] = it.Value
			}
		default:
			u.errorf("overrides."+key, "overrides of %s must be a mapping of names to values", key)
		}
		return out
	}
	t := u.node.Unit
	t.macros, t.vars, t.env = named("macros"), named("vars"), map[string]string{}
	for name, v := range named("env_vars") {
		t.env[name] = jinja.Str(v)
	}
}

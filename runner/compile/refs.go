package compile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// call is a ref or source that a template made, and where.
type call struct {
	source  bool
	pkg     string // of a ref: the package that was named; of a source: its name
	name    string
	version string
	arg     string // it stands in this argument of a generic data test
	pos     diag.Pos
	span    int
	trace   []diag.Frame
}

func newCall(c *jinja.Call, source bool) call {
	return call{source: source, pos: c.Pos(), span: c.Span(), trace: c.Frames()}
}

// fail is err at the place of a call: in its template, or in the YAML that
// holds a data test's argument.
func (r *render) fail(k call, err error) *diag.Error {
	n := r.node
	e := &diag.Error{Msg: err.Error(), Err: err, Pos: k.pos, Span: k.span, Trace: k.trace}
	if h, ok := err.(interface{ Hint() string }); ok {
		e.Advice = h.Hint()
	}
	switch {
	case k.arg != "":
		e.Pos, e.Span, e.Source = n.argPlace(k.arg)
		e.Trace = nil
		return e
	case n.generic():
		e.Trace = append(slices.Clip(r.withoutHost(e.Trace)), diag.Frame{Pos: n.Pos, What: "data test " + n.Test.Generic})
	}
	e.Source = r.line(k.pos)
	return e
}

// key is what the call names, as text.
func (k call) key() string {
	switch {
	case k.source:
		return "source('" + k.pkg + "', '" + k.name + "')"
	case k.pkg != "":
		return "ref('" + k.pkg + "', '" + k.name + "'" + k.versionKey() + ")"
	}
	return "ref('" + k.name + "'" + k.versionKey() + ")"
}

func (k call) versionKey() string {
	switch _, err := strconv.Atoi(k.version); {
	case k.version == "":
		return ""
	case err == nil:
		return ", v=" + k.version
	}
	return ", v='" + k.version + "'"
}

// refArgs reads ref('m'), ref('package', 'm'), ref('m', v=2).
func refArgs(what string, c *jinja.Call) (call, error) {
	k := newCall(c, false)
	if c.Kwargs != nil {
		for _, kw := range c.Kwargs.Items() {
			switch jinja.Str(kw.Key) {
			case "v", "version":
				if kw.Value != nil {
					k.version = jinja.Str(kw.Value)
				}
			default:
				return k, fmt.Errorf("%s has no argument '%s'", what, jinja.Str(kw.Key))
			}
		}
	}
	names := make([]string, len(c.Args))
	for i, a := range c.Args {
		name, ok := a.(string)
		if !ok {
			return k, fmt.Errorf("%s needs the name of a model as text, not %s", what, jinja.Repr(a))
		}
		names[i] = name
	}
	switch len(names) {
	case 1:
		k.name = names[0]
	case 2:
		k.pkg, k.name = names[0], names[1]
	default:
		return k, fmt.Errorf("%s takes the name of a model, or a package and a name, not %s", what, counted(len(names), "argument"))
	}
	return k, nil
}

// stored is the name that the model probably has: a version of a model is a
// model by the name that dbt stores it under.
func (k call) stored() string {
	if k.version == "" {
		return k.name
	}
	return project.VersionName(k.name, k.version)
}

// ref is ref(…). While the project is compiled it is noted and prints the
// model's plain name; at a render it prints what the binding says.
func (r *render) ref(c *jinja.Call) (jinja.Value, error) {
	k, err := refArgs("ref", c)
	if err != nil {
		return nil, err
	}
	if r.b == nil {
		r.calls = append(r.calls, k)
		return &relation{Relation: engine.Relation{Database: r.project.Target.Catalog, Schema: r.project.Target.StorageSchema, Name: k.stored()}}, nil
	}
	n, err := r.resolve(k)
	if err != nil {
		return nil, err
	}
	if rel, err := r.given(n, c.Pos(), k.key()); rel != nil || err != nil {
		return rel, err
	}
	if n.Kind == "ephemeral" {
		name, err := r.inline(n, c.Pos())
		if err != nil {
			return nil, err
		}
		return r.ofBatch(&relation{Relation: engine.Relation{Name: name}, kind: "cte"}, n), nil
	}
	return r.ofBatch(&relation{Relation: r.b.Ref(n)}, n), nil
}

// resolve finds what a call names and notes that it was read. It must have been
// seen when the project was compiled: else the order of models would not hold.
func (r *render) resolve(k call) (*Node, error) {
	n, err := r.names.lookup(k, r.pkg)
	if err != nil {
		return nil, r.fail(k, err)
	}
	if r.declared != nil && !r.declared[n.ID] {
		return nil, r.fail(k, &lookupError{
			msg:    k.key() + " was not seen when the project was compiled: it stands behind `execute` or depends on a query",
			advice: "put a comment with it at the top of the file: -- depends_on: {{ " + k.key() + " }}",
		})
	}
	r.read(n.ID)
	return n, nil
}

// source is source('name', 'table').
func (r *render) source(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "source", "source_name", "table_name")
	if err != nil {
		return nil, err
	}
	k := newCall(c, true)
	var ok, ok2 bool
	k.pkg, ok = v[0].(string)
	if k.name, ok2 = v[1].(string); !ok || !ok2 {
		return nil, errors.New("source needs the names of a source and of a table as texts")
	}
	if r.b == nil {
		r.calls = append(r.calls, k)
		if n, err := r.names.lookup(k, r.pkg); err == nil {
			return r.sourceRelation(n), nil
		}
		return &relation{Relation: engine.Relation{Schema: k.pkg, Name: k.name}}, nil
	}
	n, err := r.resolve(k)
	if err != nil {
		return nil, err
	}
	if rel, err := r.given(n, c.Pos(), k.key()); rel != nil || err != nil {
		return rel, err
	}
	return r.ofBatch(r.sourceRelation(n), n), nil
}

func (r *render) sourceRelation(n *Node) *relation {
	rel := &relation{Relation: n.Relation, literal: n.external}
	if rel.Database == "" && r.b != nil {
		rel.Database = r.b.Database
	}
	return rel
}

// this is the node's own table: the published run's rows of it.
func (r *render) this() jinja.Value {
	r.usesThis = true
	n := r.node
	if n == nil {
		return nil
	}
	if n.Source != nil {
		return r.sourceRelation(n)
	}
	if rel := r.givenThis(); rel != nil {
		return rel
	}
	if r.b == nil || r.b.This == nil || !n.Built() {
		rel := n.Table
		if rel.Name == "" {
			rel = engine.Relation{Schema: r.project.Target.StorageSchema, Name: n.Name}
		}
		return &relation{Relation: rel}
	}
	if r.b.ThisSQL != "" {
		schema, name := n.Public(r.project.Target)
		return &relation{Relation: engine.Relation{Database: r.b.Database, Schema: schema, Name: name}, literal: r.b.ThisSQL}
	}
	return &relation{Relation: r.b.This(n)}
}

// runOf is run_of('m'): the run that ref('m') reads.
func (r *render) runOf(c *jinja.Call) (jinja.Value, error) {
	k, err := refArgs("run_of", c)
	if err != nil {
		return nil, err
	}
	if r.b == nil {
		r.calls = append(r.calls, k)
		return nilRun, nil
	}
	n, err := r.resolve(k)
	if err != nil {
		return nil, err
	}
	if n.Kind == "ephemeral" || r.b.RunOf == nil {
		return nil, fmt.Errorf("%s is not stored, so it has no run", k.name)
	}
	id, err := r.b.RunOf(n)
	if err != nil {
		return nil, err
	}
	r.noteRunOf(n.ID)
	return id, nil
}

// nilRun is the run id while there is no run.
const nilRun = "00000000-0000-0000-0000-000000000000"

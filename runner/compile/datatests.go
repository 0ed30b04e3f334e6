package compile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// A generic data test is a macro that writes a query of failing rows. Its
// arguments come from YAML and are rendered each time the test is, as dbt does:
// a text with braces, or one that looks like a call of ref, source, var,
// env_var or doc, is an expression.

var looksLikeCall = regexp.MustCompile(`(?s)^\s*(env_var|ref|var|source|doc)\s*\(.+\)\s*$`)

// genericTest renders a generic data test.
func (r *render) genericTest() (jinja.Output, error) {
	t, m := r.node.Test, r.node.Test.macro
	target, err := r.tested()
	if err != nil {
		return jinja.Output{}, err
	}
	kwargs, err := r.testArgs()
	if err != nil {
		return jinja.Output{}, err
	}
	if r.isDrift() {
		if err := r.checkDrift(kwargs); err != nil {
			return jinja.Output{}, err
		}
		before, err := r.driftBefore(kwargs)
		if err != nil {
			return jinja.Output{}, r.ofTest(err, "data test drift")
		}
		_ = kwargs.Set("_before", before)
	}
	_ = kwargs.Set("model", target)
	out, _, err := r.macros.template[m].CallMacro(r.ctx, m, nil, kwargs, r.options())
	if err != nil {
		return jinja.Output{}, r.ofTest(err, "data test "+t.Generic)
	}
	return out, nil
}

// tested is what the test reads: the relation, or its rows that match `where`.
func (r *render) tested() (jinja.Value, error) {
	rel, err := r.testedRelation()
	if err != nil {
		return nil, err
	}
	where := r.node.Test.Where
	if where != "" {
		from := len(r.calls)
		v, err := r.value(where, false)
		r.inArg(from, "where")
		if err != nil {
			return nil, r.ofTest(err, "the `where` of data test "+r.node.Test.Generic)
		}
		where = jinja.Str(v)
		known := project.Config{}
		for k, s := range r.known {
			known[k] = s
		}
		known["where"] = project.Setting{Value: where}
		r.known = known
	}
	m := r.macros.find(r.pkg, "get_where_subquery")
	if where == "" && r.macros.in(builtinPackage, "", "get_where_subquery") == m {
		return rel, nil
	}
	_, v, err := r.macros.template[m].CallMacro(r.ctx, m, []jinja.Value{rel}, nil, r.options())
	if err != nil {
		return nil, r.ofTest(err, "the `where` of data test "+r.node.Test.Generic)
	}
	return v, nil
}

func (r *render) testedRelation() (jinja.Value, error) {
	id := r.node.Test.Model
	n := r.all[id]
	if n == nil {
		n = r.node.Test.attached
	}
	switch {
	case n.Resource == Source:
		r.read(n.ID)
		return r.sourceRelation(n), nil
	case r.b == nil:
		return &relation{Relation: n.Table}, nil
	case n.Kind == "ephemeral":
		r.read(n.ID)
		name, err := r.inline(n, r.node.Pos)
		if err != nil {
			return nil, err
		}
		return &relation{Relation: engine.Relation{Name: name}, kind: "cte"}, nil
	}
	r.read(n.ID)
	return &relation{Relation: r.b.Ref(n)}, nil
}

// testArgs are the test's arguments without the model.
func (r *render) testArgs() (*jinja.Dict, error) {
	t := r.node.Test
	out := jinja.NewDict()
	builtin := r.isBuiltin()
	if t.Column != "" {
		name := columnForMacro(t.Column, r.node.Test.quote)
		if builtin {
			name = columnSQL(t.Column, r.node.Test.quote)
		}
		_ = out.Set("column_name", name)
	}
	for _, it := range t.Args.Items() {
		key := jinja.Str(it.Key)
		v := it.Value
		if key != "column_name" {
			from := len(r.calls)
			var err error
			if v, err = r.deepValue(v); err != nil {
				return nil, r.ofArg(err, key)
			}
			r.inArg(from, key)
		}
		if builtin && t.Generic == "relationships" && key == "field" {
			v = columnSQL(jinja.Str(v), false)
		}
		_ = out.Set(key, v)
	}
	return out, nil
}

// inArg notes that the calls since from stand in an argument of the test.
func (r *render) inArg(from int, arg string) {
	for i := from; i < len(r.calls); i++ {
		r.calls[i].arg = arg
	}
}

func (r *render) isBuiltin() bool {
	return r.node.generic() && r.node.Test.macro == r.macros.packages[builtinPackage]["test_"+r.node.Test.Generic]
}

func (r *render) deepValue(v jinja.Value) (jinja.Value, error) {
	switch v := v.(type) {
	case string:
		return r.value(v, true)
	case *jinja.List:
		l := &jinja.List{}
		for _, it := range v.Items {
			x, err := r.deepValue(it)
			if err != nil {
				return nil, err
			}
			l.Items = append(l.Items, x)
		}
		return l, nil
	case *jinja.Dict:
		d := jinja.NewDict()
		for _, it := range v.Items() {
			x, err := r.deepValue(it.Value)
			if err != nil {
				return nil, err
			}
			_ = d.Set(it.Key, x)
		}
		return d, nil
	}
	return v, nil
}

// value evaluates a text of YAML. One expression alone keeps its type (a list
// stays a list); anything else is text.
func (r *render) value(text string, calls bool) (jinja.Value, error) {
	if calls && looksLikeCall.MatchString(text) {
		text = "{{ " + text + " }}"
	} else if !strings.Contains(text, "{{") && !strings.Contains(text, "{%") && !strings.Contains(text, "{#") {
		return text, nil
	}
	file := r.node.Pos.File
	if inner, ok := strings.CutPrefix(text, "{{"); ok && calls {
		if inner, ok = strings.CutSuffix(inner, "}}"); ok {
			// {{ a }} and {{ b }} does not parse like this: it is no single expression.
			t, err := jinja.Parse(file, "{% macro value() %}{{ return("+strings.Trim(inner, "-+")+") }}{% endmacro %}")
			if err == nil && len(t.Macros()) == 1 {
				_, v, err := t.CallMacro(r.ctx, t.Macros()[0], nil, nil, r.options())
				return v, err
			}
		}
	}
	t, err := jinja.Parse(file, text)
	if err != nil {
		return nil, err
	}
	out, err := t.Render(r.ctx, r.options())
	return out.Text, err
}

// ofTest says of an error from a test which test it is, and where that stands.
func (r *render) ofTest(err error, what string) error {
	pos := r.node.Pos
	d, ok := err.(*diag.Error)
	if !ok {
		return &diag.Error{Pos: pos, Span: r.node.Test.span, Source: r.node.Test.line, Msg: what + ": " + err.Error(), Err: err}
	}
	var already *testError
	if errors.As(err, &already) {
		return err
	}
	cp := *d
	cp.Trace = r.withoutHost(d.Trace)
	switch {
	case d.Pos.File == pos.File || r.node.generic() && d.Pos == r.node.Test.macro.Pos || isBuiltinFile(d.Pos.File) || d.Pos.File == "":
		// The place in a text of YAML is not known to the byte: the test is.
		cp.Pos, cp.Span, cp.Source, cp.Trace = pos, r.node.Test.span, r.node.Test.line, nil
		cp.Msg = what + ": " + d.Msg
	default:
		cp.Trace = append(slices.Clip(cp.Trace), diag.Frame{Pos: pos, What: what})
	}
	cp.Err = &testError{err}
	return &cp
}

// withoutHost leaves out the frame of the host's own call of the test's macro,
// which has no place in a file.
func (r *render) withoutHost(frames []diag.Frame) []diag.Frame {
	if n := len(frames); n > 0 && r.node.generic() && frames[n-1].Pos == r.node.Test.macro.Pos {
		return frames[:n-1]
	}
	return frames
}

// testError marks an error that names its test already.
type testError struct{ err error }

func (e *testError) Error() string { return e.err.Error() }
func (e *testError) Unwrap() error { return e.err }

// ofArg is ofTest for an error in an argument.
func (r *render) ofArg(err error, arg string) error {
	err = r.ofTest(err, fmt.Sprintf("argument '%s' of data test %s", arg, r.node.Test.Generic))
	if d, ok := err.(*diag.Error); ok && d.Pos == r.node.Pos {
		cp := *d
		cp.Pos, cp.Span, cp.Source = r.node.argPlace(arg)
		return &cp
	}
	return err
}

// argPlace is where an argument of a test stands, or the test.
func (n *Node) argPlace(arg string) (diag.Pos, int, string) {
	pos, ok := n.Test.argPos[arg]
	switch {
	case !ok:
		return n.Pos, n.Test.span, n.Test.line
	case pos.Line == n.Pos.Line:
		return pos, len([]rune(arg)), n.Test.line
	}
	return pos, len([]rune(arg)), ""
}

// rowWise is the test as an aggregate over the model's rows, or "" (see
// DataTest); of unique, the column.
func (r *render) rowWise(args *jinja.Dict) (counts, distinct string) {
	t := r.node.Test
	if !r.isBuiltin() || t.Where != "" || t.FailCalc != "count(*)" || r.node.Test.attached == nil ||
		!r.node.Test.attached.Built() || r.node.Test.attached.Kind == "ephemeral" {
		return "", ""
	}
	column, _ := args.Get("column_name")
	name, _ := column.(string)
	switch t.Generic {
	case "not_null":
		return "count(*) FILTER (WHERE " + name + " IS NULL)", ""
	case "unique":
		return "", name
	case "accepted_values":
		values, ok := acceptedValues(args)
		if !ok || jinja.Str(name) == "" {
			return "", ""
		}
		return "count(DISTINCT " + name + ") FILTER (WHERE " + name + " NOT IN (" + strings.Join(values, ", ") + "))", ""
	}
	return "", ""
}

// acceptedValues are the values as SQL; false if they are no list of values.
func acceptedValues(args *jinja.Dict) ([]string, bool) {
	v, _ := args.Get("values")
	l, ok := v.(*jinja.List)
	if !ok {
		return nil, false
	}
	quote := true
	if q, ok := args.Get("quote"); ok {
		quote = jinja.Truth(q)
	}
	var out []string
	for _, it := range l.Items {
		switch it.(type) {
		case nil:
			continue
		case jinja.Secret, jinja.SecretText:
			return nil, false
		}
		if quote {
			out = append(out, engine.Literal(jinja.Str(it)))
		} else {
			out = append(out, jinja.Str(it))
		}
	}
	return out, len(out) > 0
}

package jinja

import (
	"context"
	"fmt"
	"strings"

	"warehouse/runner/diag"
)

// Func is a host function. Its Call may return any Go value that FromGo
// takes; a *Macro is bound to the render. An error that is no *diag.Error gets
// the place of the call.
type Func struct {
	Name string
	Call func(c *Call) (Value, error)
}

// Call is one call of a host function.
type Call struct {
	Args   []Value
	Kwargs *Dict // of text keys; nil if there are none

	f    *frame
	at   span
	name string
}

// ReturnValue is an error that ends the running macro, whose call evaluates to
// Value, as dbt's return() does.
type ReturnValue struct{ Value Value }

func (ReturnValue) Error() string { return "return stands outside of a macro" }

// Context returns the context that the render was started with.
func (c *Call) Context() context.Context { return c.f.rt.ctx }

// Pos returns where the call stands.
func (c *Call) Pos() diag.Pos { return c.f.site.tmpl.pos(c.at.pos) }

// Span returns the width of the call in runes.
func (c *Call) Span() int { return c.f.site.tmpl.width(c.at) }

// Frames returns the calls that led to the place of the call, innermost first.
func (c *Call) Frames() []diag.Frame { return c.f.site.frames() }

// Errorf returns an error at the place of the call.
func (c *Call) Errorf(format string, args ...any) *diag.Error {
	d := c.f.site.tmpl.errorAt(c.at, fmt.Sprintf(format, args...))
	d.Trace = c.Frames()
	return d
}

// Lookup returns what a name means as a global of the running render.
func (c *Call) Lookup(name string) (Value, bool) { return c.f.names.lookup(c.f.rt, name) }

// CallMacro calls a macro in the running render.
func (c *Call) CallMacro(m *Macro, args []Value, kwargs *Dict) (Value, error) {
	return c.CallValue(c.f.rt.bind(m), args, kwargs)
}

// CallValue calls anything that a template could call.
func (c *Call) CallValue(v Value, args []Value, kwargs *Dict) (Value, error) {
	return c.f.call(v, argumentsOf(args, kwargs), c.at)
}

// Bind sorts the arguments by the names of the parameters, as Python does:
// "name" must be given, "name=" is nil when it is not, and "name=5",
// "name='x'", "name=true" have a default. A last "*" takes further positional
// arguments (a Tuple), a last "**" further named ones (a *Dict).
func (c *Call) Bind(params ...string) ([]Value, error) {
	sig := parseSignature(params)
	out, err := sig.bind(c.name, arguments{c.Args, kwargsOf(c.Kwargs)})
	if err != nil {
		return nil, err
	}
	for i, p := range sig.params {
		if out[i] == absent {
			out[i] = p.preset
		}
	}
	return out, nil
}

// arguments are evaluated arguments.
type arguments struct {
	pos []Value
	kw  []kwValue
}

type kwValue struct {
	name string
	key  Value // name, as a key of a Dict
	v    Value
}

func argumentsOf(args []Value, kwargs *Dict) arguments { return arguments{args, kwargsOf(kwargs)} }

func kwargsOf(d *Dict) []kwValue {
	var kw []kwValue
	for _, it := range d.Items() {
		name := Str(it.Key)
		kw = append(kw, kwValue{name, name, it.Value})
	}
	return kw
}

func (a arguments) dict() *Dict {
	if len(a.kw) == 0 {
		return nil
	}
	d := &Dict{items: make([]Item, 0, len(a.kw))}
	for _, k := range a.kw {
		d.put(k.key, hash{kind: 's', s: k.name}, k.v)
	}
	return d
}

// take removes a named argument.
func (a *arguments) take(name string) (Value, bool) {
	for i := range a.kw {
		if a.kw[i].name == name {
			v := a.kw[i].v
			a.kw = append(a.kw[:i:i], a.kw[i+1:]...)
			return v, true
		}
	}
	return nil, false
}

// arguments evaluates arguments; first, if there is one, goes before them.
func (f *frame) arguments(c *callArgs, first ...Value) (arguments, error) {
	var a arguments
	if n := len(first) + len(c.args); n > 0 {
		a.pos = append(f.rt.values(n)[:0], first...)
	}
	if n := len(c.kwargs); n > 0 {
		a.kw = make([]kwValue, 0, n)
	}
	for _, x := range c.args {
		v, err := x.eval(f)
		if err != nil {
			return a, err
		}
		a.pos = append(a.pos, v)
	}
	for i := range c.kwargs {
		k := &c.kwargs[i]
		v, err := k.value.eval(f)
		if err != nil {
			return a, err
		}
		a.kw = append(a.kw, kwValue{k.name, k.key, v})
	}
	if c.star == nil && c.starstar == nil {
		return a, nil
	}
	return f.starArguments(c, a)
}

func (f *frame) starArguments(c *callArgs, a arguments) (arguments, error) {
	if c.star != nil {
		v, err := c.star.eval(f)
		if err != nil {
			return a, err
		}
		items, err := toSlice(f.rt, v)
		if err != nil {
			return a, f.fail(c.star.at(), raise(typeError, "argument after * must be an iterable, not %s", typeName(v)))
		}
		a.pos = append(a.pos, items...)
	}
	if c.starstar == nil {
		return a, nil
	}
	v, err := c.starstar.eval(f)
	if err != nil {
		return a, err
	}
	d, ok := asDict(v)
	if !ok {
		return a, f.fail(c.starstar.at(), raise(typeError, "argument after ** must be a mapping, not %s", typeName(v)))
	}
	for _, it := range d.Items() {
		name, ok := textOf(it.Key)
		if !ok {
			return a, f.fail(c.starstar.at(), raise(typeError, "keywords must be strings"))
		}
		for _, k := range a.kw {
			if k.name == name {
				return a, f.fail(c.starstar.at(), raise(typeError, "got multiple values for keyword argument '%s'", name))
			}
		}
		a.kw = append(a.kw, kwValue{name, it.Key, it.Value})
	}
	return a, nil
}

// prepare evaluates what is called and its arguments.
func (x *callExpr) prepare(f *frame) (Value, arguments, error) {
	fn, err := x.fn.eval(f)
	if err != nil {
		return nil, arguments{}, err
	}
	args, err := f.arguments(&x.callArgs)
	return fn, args, err
}

func (x *callExpr) eval(f *frame) (Value, error) {
	fn, args, err := x.prepare(f)
	if err != nil {
		return nil, err
	}
	return f.call(fn, args, x.span)
}

// print is {{ x(…) }}: a macro writes where it is called, without a copy of
// its text in between.
func (x *callExpr) print(f *frame) error {
	fn, args, err := x.prepare(f)
	if err != nil {
		return err
	}
	return f.printCall(fn, args, x.span)
}

func (f *frame) callMethod(obj Value, name string, m *method, args arguments, at span) (Value, error) {
	a, err := m.sig.bind(name, args)
	if err != nil {
		return nil, err
	}
	v, err := m.call(&Call{f: f, at: at, name: name}, obj, a)
	if err != nil {
		return nil, err
	}
	return v, f.rt.account(v)
}

// account counts the size of a new value.
func (rt *render) account(v Value) error {
	switch v := v.(type) {
	case string:
		return rt.spend(len(v))
	case *List:
		return rt.room(len(v.Items))
	}
	return nil
}

func (f *frame) printCall(fn Value, args arguments, at span) error {
	if m, ok := fn.(*Macro); ok {
		fn = f.rt.bind(m)
	}
	if m, ok := fn.(*BoundMacro); ok {
		v, printed, err := f.rt.callMacro(f, m, args, at, f.out)
		if err != nil || printed {
			return err
		}
		return f.out.value(f, at, v)
	}
	v, err := f.call(fn, args, at)
	if err != nil {
		return err
	}
	return f.out.value(f, at, v)
}

// call calls any value.
func (f *frame) call(fn Value, args arguments, at span) (Value, error) {
	switch fn := fn.(type) {
	case Func:
		return f.callFunc(fn, args, at)
	case *BoundMacro:
		v, _, err := f.rt.callMacro(f, fn, args, at, nil)
		return v, err
	case *Macro:
		v, _, err := f.rt.callMacro(f, f.rt.bind(fn), args, at, nil)
		return v, err
	case *methodValue:
		v, err := f.callMethod(fn.obj, fn.name, fn.m, args, at)
		if err != nil {
			return nil, f.fail(at, err)
		}
		return v, nil
	case *loopValue:
		return fn.recurse(f, args, at)
	case Caller:
		v, err := fn.Invoke(&Call{Args: args.pos, Kwargs: args.dict(), f: f, at: at, name: typeName(fn)})
		if err != nil {
			return nil, f.fail(at, err)
		}
		return f.rt.adopt(v), nil
	case *Undefined:
		if f.rt.chains(fn) {
			return fn, nil
		}
		return nil, f.failOn(at, fn, usable(fn))
	case Secret, SecretText:
		return nil, f.fail(at, errSecret)
	}
	return nil, f.fail(at, raise(typeError, "'%s' object is not callable", typeName(fn)))
}

func (f *frame) callFunc(fn Func, args arguments, at span) (Value, error) {
	if err := f.step(at); err != nil {
		return nil, err
	}
	c := f.rt.call()
	*c = Call{Args: args.pos, Kwargs: args.dict(), f: f, at: at, name: fn.Name}
	v, err := fn.Call(c)
	if err != nil {
		if r, ok := err.(*ReturnValue); ok {
			err = *r
		}
		return nil, f.fail(at, err)
	}
	return f.rt.adopt(v), nil
}

// signature is what a function of ours takes.
type signature struct {
	params   []param
	star     bool // the last but one or last value is a Tuple of the rest
	starstar bool // the last value is a *Dict of the rest
}

type param struct {
	name     string
	optional bool
	preset   Value // for Bind
}

// absent is the value of an optional argument that is not given.
var absent Value = &marker{"absent"}

// sig makes a signature of "a b? *" and the like.
func sig(text string) *signature {
	s := &signature{}
	for _, name := range strings.Fields(text) {
		switch name {
		case "*":
			s.star = true
		case "**":
			s.starstar = true
		default:
			trimmed := strings.TrimSuffix(name, "?")
			s.params = append(s.params, param{name: trimmed, optional: trimmed != name})
		}
	}
	return s
}

// parseSignature makes a signature of what Bind is given.
func parseSignature(params []string) *signature {
	s := &signature{}
	for _, p := range params {
		name, preset, optional := strings.Cut(p, "=")
		switch name {
		case "*":
			s.star = true
		case "**":
			s.starstar = true
		default:
			s.params = append(s.params, param{name, optional, parsePreset(preset)})
		}
	}
	return s
}

func parsePreset(text string) Value {
	switch text {
	case "", "none", "None":
		return nil
	case "true", "True":
		return true
	case "false", "False":
		return false
	}
	if n, err := parseInt(text, 10); err == nil {
		return n
	}
	return strings.Trim(text, `'"`)
}

// bind sorts arguments into the order of the parameters.
func (s *signature) bind(fn string, a arguments) ([]Value, error) {
	out := make([]Value, len(s.params), len(s.params)+2)
	n := copy(out, a.pos)
	if len(a.pos) > n && !s.star {
		return nil, raise(typeError, "%s() takes %d positional argument%s but %d %s given", fn, len(s.params), plural(len(s.params)),
			len(a.pos), map[bool]string{true: "was", false: "were"}[len(a.pos) == 1])
	}
	for i := n; i < len(out); i++ {
		out[i] = absent
	}
	var rest *Dict
	for _, k := range a.kw {
		i := s.index(k.name)
		switch {
		case i >= 0 && out[i] != absent:
			return nil, raise(typeError, "%s() got multiple values for argument '%s'", fn, k.name)
		case i >= 0:
			out[i] = k.v
		case s.starstar:
			if rest == nil {
				rest = NewDict()
			}
			rest.setText(k.name, k.v)
		default:
			return nil, raise(typeError, "%s() got an unexpected keyword argument '%s'", fn, k.name)
		}
	}
	for i := n; i < len(out); i++ {
		if out[i] == absent && !s.params[i].optional {
			return nil, raise(typeError, "%s() missing 1 required positional argument: '%s'", fn, s.params[i].name)
		}
	}
	if s.star {
		out = append(out, Tuple(a.pos[n:]))
	}
	if s.starstar {
		if rest == nil {
			rest = NewDict()
		}
		out = append(out, rest)
	}
	return out, nil
}

func (s *signature) index(name string) int {
	for i := range s.params {
		if s.params[i].name == name {
			return i
		}
	}
	return -1
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// filter is a filter or a test. What it works on is its first argument.
type filter struct {
	sig     *signature
	fn      func(c *Call, a []Value) (Value, error)
	secrets bool // takes secrets
}

func (ft *filter) call(c *Call, args arguments) (Value, error) {
	if !ft.secrets {
		for _, v := range args.pos {
			if isSecret(v) {
				return nil, errSecret
			}
		}
		for _, k := range args.kw {
			if isSecret(k.v) {
				return nil, errSecret
			}
		}
	}
	a, err := ft.sig.bind(c.name, args)
	if err != nil {
		return nil, err
	}
	v, err := ft.fn(c, a)
	if err != nil {
		return nil, err
	}
	return v, c.f.rt.account(v)
}

package jinja

import (
	"errors"
	"io/fs"
)

// flow is how a statement ends.
type flow uint8

const (
	goOn flow = iota
	breakLoop
	continueLoop
)

func (f *frame) run(body []stmt) (flow, error) {
	for _, s := range body {
		if fl, err := s.exec(f); err != nil || fl != goOn {
			return fl, err
		}
	}
	return goOn, nil
}

func (s *dataStmt) exec(f *frame) (flow, error) { return goOn, f.out.data(f, s) }

func (s *printStmt) exec(f *frame) (flow, error) {
	if err := f.step(s.span); err != nil {
		return goOn, err
	}
	if c, ok := s.x.(*callExpr); ok {
		return goOn, c.print(f)
	}
	v, err := s.x.eval(f)
	if err != nil {
		return goOn, err
	}
	return goOn, f.out.value(f, s.span, v)
}

func (s *doStmt) exec(f *frame) (flow, error) {
	if err := f.step(s.span); err != nil {
		return goOn, err
	}
	_, err := s.x.eval(f)
	return goOn, err
}

func (s *ifStmt) exec(f *frame) (flow, error) {
	for i := range s.arms {
		arm := &s.arms[i]
		ok, err := f.truth(arm.test)
		if err != nil {
			return goOn, err
		}
		if ok {
			return f.run(arm.body)
		}
	}
	return f.run(s.otherwise)
}

// truth evaluates a condition.
func (f *frame) truth(x expr) (bool, error) {
	v, err := x.eval(f)
	if err != nil {
		return false, err
	}
	if b, ok := v.(bool); ok {
		return b, nil
	}
	switch u := v.(type) {
	case Secret, SecretText:
		return false, f.fail(x.at(), errSecret)
	case *Undefined:
		_ = u
		return false, nil
	}
	return Truth(v), nil
}

func (s *setStmt) exec(f *frame) (flow, error) {
	if err := f.step(s.span); err != nil {
		return goOn, err
	}
	if err := f.checkNamespaces(s.target); err != nil {
		return goOn, err
	}
	v, err := s.value.eval(f)
	if err != nil {
		return goOn, err
	}
	return goOn, f.assign(s.target, v)
}

// checkNamespaces makes sure that ns of each ns.attr is a namespace, before the
// value is evaluated.
func (f *frame) checkNamespaces(target expr) error {
	switch t := target.(type) {
	case *nsRef:
		v, err := t.name.eval(f)
		if err != nil {
			return err
		}
		if _, ok := v.(*namespace); !ok {
			return f.fail(t.span, raise(runtimeError, "cannot assign attribute on non-namespace object"))
		}
	case *tupleExpr:
		for _, item := range t.items {
			if err := f.checkNamespaces(item); err != nil {
				return err
			}
		}
	}
	return nil
}

// assign gives the names of a target their values.
func (f *frame) assign(target expr, v Value) error {
	switch t := target.(type) {
	case *nameExpr:
		*f.slot(t.ref) = v
		return nil
	case *nsRef:
		ns, err := t.name.eval(f)
		if err != nil {
			return err
		}
		if n, ok := ns.(*namespace); ok {
			n.attrs.setText(t.attr, v)
			return nil
		}
		return f.fail(t.span, raise(runtimeError, "cannot assign attribute on non-namespace object"))
	}
	t := target.(*tupleExpr)
	items, err := unpack(f.rt, v, len(t.items))
	if err != nil {
		return f.fail(t.span, err)
	}
	for i, item := range t.items {
		if err := f.assign(item, items[i]); err != nil {
			return err
		}
	}
	return nil
}

// unpack returns the n values of v.
func unpack(rt *render, v Value, n int) ([]Value, error) {
	var items []Value
	switch v := v.(type) {
	case Tuple:
		items = v
	case *List:
		items = v.Items
	default:
		it, err := iterate(rt, v)
		if err != nil {
			if isError(err, typeError) {
				err = raise(typeError, "cannot unpack non-iterable %s object", typeName(v))
			}
			return nil, err
		}
		for len(items) <= n {
			x, ok, err := it.Next()
			if err != nil {
				return nil, err
			}
			if !ok {
				break
			}
			items = append(items, x)
		}
	}
	switch {
	case len(items) > n:
		return nil, raise(valueError, "too many values to unpack (expected %d)", n)
	case len(items) < n:
		return nil, raise(valueError, "not enough values to unpack (expected %d, got %d)", n, len(items))
	}
	return items, nil
}

func (s *setBlockStmt) exec(f *frame) (flow, error) {
	f.enter(&s.init)
	text, fl, err := f.grab(s.body)
	if err != nil || fl != goOn {
		return fl, err
	}
	v := f.rt.maybeSecret(text)
	if s.filter != nil {
		if v, err = s.filter.apply(f, v); err != nil {
			return goOn, err
		}
	}
	f.leave(&s.init)
	if err := f.checkNamespaces(s.target); err != nil {
		return goOn, err
	}
	return goOn, f.assign(s.target, v)
}

func (s *filterStmt) exec(f *frame) (flow, error) {
	f.enter(&s.init)
	text, fl, err := f.grab(s.body)
	if err != nil || fl != goOn {
		return fl, err
	}
	v, err := s.filter.apply(f, f.rt.maybeSecret(text))
	if err != nil {
		return goOn, err
	}
	f.leave(&s.init)
	return goOn, f.out.value(f, s.filter.span, v)
}

func (s *withStmt) exec(f *frame) (flow, error) {
	f.enter(&s.init)
	for i, t := range s.targets {
		v, err := s.values[i].eval(f)
		if err == nil {
			err = f.assign(t, v)
		}
		if err != nil {
			return goOn, err
		}
	}
	fl, err := f.run(s.body)
	f.leave(&s.init)
	return fl, err
}

func (s *scopeStmt) exec(f *frame) (flow, error) {
	f.enter(&s.init)
	fl, err := f.run(s.body)
	f.leave(&s.init)
	return fl, err
}

func (*breakStmt) exec(*frame) (flow, error)    { return breakLoop, nil }
func (*continueStmt) exec(*frame) (flow, error) { return continueLoop, nil }

func (s *macroStmt) exec(f *frame) (flow, error) {
	if !f.file {
		*f.slot(s.ref) = &BoundMacro{Macro: s.def, rt: f.rt, env: f}
	}
	return goOn, nil
}

func (s *callStmt) exec(f *frame) (flow, error) {
	if err := f.step(s.span); err != nil {
		return goOn, err
	}
	caller := &BoundMacro{Macro: s.def, rt: f.rt, env: f}
	fn, args, err := s.call.prepare(f)
	if err != nil {
		return goOn, err
	}
	args.kw = append(args.kw, kwValue{"caller", "caller", caller})
	return goOn, f.printCall(fn, args, s.call.span)
}

func (s *blockStmt) exec(f *frame) (flow, error) {
	n := *f.names
	if !n.block {
		n.root, n.block = f, true
		for n.root.up != nil {
			n.root = n.root.up
		}
	}
	if s.scoped {
		outer := n.local
		if n.root != nil {
			outer = n.root.locals(n.root.site.tmpl.exports, outer)
			n.root = nil
		}
		n.local = f.locals(s.locals, outer)
	}
	b := &frame{rt: f.rt, vars: make([]Value, len(s.fn.vars)), names: &n, out: f.out, site: f.site, fn: s.fn}
	b.enter(&s.init)
	_, err := b.run(s.body)
	return goOn, err
}

// locals returns the variables that another template sees.
func (f *frame) locals(vars []localVar, more MapScope) MapScope {
	m := make(MapScope, len(vars)+len(more))
	for k, v := range more {
		m[k] = v
	}
	for _, x := range vars {
		v := *f.slot(x.ref)
		if _, unset := v.(*marker); !unset {
			m[x.name] = v
		}
	}
	return m
}

func (s *includeStmt) exec(f *frame) (flow, error) {
	if err := f.step(s.span); err != nil {
		return goOn, err
	}
	t, err := f.load(s.template, true)
	if err != nil {
		if s.ignoreMissing && errors.Is(err, fs.ErrNotExist) {
			return goOn, nil
		}
		return goOn, f.fail(s.template.at(), err)
	}
	n := &names{}
	if s.withContext {
		*n = *f.names
		n.local = f.locals(s.locals, n.local)
	}
	g, err := f.enterTemplate(t, n, s.template.at())
	if err != nil {
		return goOn, err
	}
	defer f.rt.up()
	g.out = f.out
	_, err = g.run(t.body)
	return goOn, err
}

// enterTemplate makes the frame of a template that f uses. The caller calls
// f.rt.up.
func (f *frame) enterTemplate(t *Template, n *names, s span) (*frame, error) {
	if err := f.rt.down(); err != nil {
		return nil, f.fail(s, err)
	}
	g := f.rt.rootFrame(t, n)
	g.site.up, g.site.pos = f.site, s.pos
	return g, nil
}

// load finds the template that an expression names; include takes the first of
// a list that exists.
func (f *frame) load(x expr, list bool) (*Template, error) {
	v, err := x.eval(f)
	if err != nil {
		return nil, err
	}
	if f.rt.opts.Loader == nil {
		return nil, raise(runtimeError, "other templates can not be loaded here")
	}
	if name, ok := textOf(v); ok {
		return f.rt.opts.Loader(name)
	}
	if items, err := toSlice(f.rt, v); list && err == nil {
		for _, item := range items {
			t, err := f.rt.opts.Loader(Str(item))
			if err == nil || !errors.Is(err, fs.ErrNotExist) {
				return t, err
			}
		}
		return nil, &missingTemplates{}
	}
	if err := usable(v); err != nil {
		return nil, err
	}
	return nil, raise(typeError, "a template's name is a text, not %s", typeName(v))
}

type missingTemplates struct{}

func (*missingTemplates) Error() string { return "none of the templates exists" }
func (*missingTemplates) Unwrap() error { return fs.ErrNotExist }

package jinja

import "strings"

func (x *constExpr) eval(*frame) (Value, error) { return x.v, nil }

func (x *nameExpr) eval(f *frame) (Value, error) {
	g := f
	for up := x.ref.up; up > 0; up-- {
		g = g.up
	}
	v := g.vars[x.ref.slot]
	m, ok := v.(*marker)
	if !ok {
		return v, nil
	}
	if m == unresolved {
		if v, ok = g.names.lookup(f.rt, x.name); ok {
			g.vars[x.ref.slot] = v
			return v, nil
		}
		g.vars[x.ref.slot] = missing
	}
	return &Undefined{Name: x.name, at: x.span}, nil
}

// A name of a namespace is read like any other.
func (x *nsRef) eval(f *frame) (Value, error) { return x.name.eval(f) }

func (f *frame) evalAll(list []expr) ([]Value, error) {
	out := make([]Value, len(list))
	for i, x := range list {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (x *listExpr) eval(f *frame) (Value, error) {
	items, err := f.evalAll(x.items)
	if err != nil {
		return nil, err
	}
	return &List{items}, nil
}

func (x *tupleExpr) eval(f *frame) (Value, error) {
	items, err := f.evalAll(x.items)
	if err != nil {
		return nil, err
	}
	return Tuple(items), nil
}

func (x *dictExpr) eval(f *frame) (Value, error) {
	d := &Dict{items: make([]Item, 0, len(x.keys))}
	for i := range x.keys {
		k, err := x.keys[i].eval(f)
		if err != nil {
			return nil, err
		}
		v, err := x.values[i].eval(f)
		if err != nil {
			return nil, err
		}
		if err := d.Set(k, v); err != nil {
			return nil, f.fail(x.keys[i].at(), err)
		}
	}
	return d, nil
}

func (x *attrExpr) eval(f *frame) (Value, error) {
	obj, err := x.obj.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := f.rt.getAttr(obj, x.name)
	if err != nil {
		return nil, f.failOn(x.span, obj, err)
	}
	return v, nil
}

// failOn places an error that may be about an undefined name, whose place is
// then the better one.
func (f *frame) failOn(s span, v Value, err error) error {
	if u, ok := v.(*Undefined); ok && isError(err, undefinedError) {
		if u.isName() {
			d := f.diagnose(s, u.message()+f.suggestName(u.Name))
			if u.at.end > 0 && u.at.pos >= s.pos && u.at.end <= s.end {
				d = f.diagnose(u.at, d.Msg)
			}
			return d
		}
	}
	return f.fail(s, err)
}

func (x *itemExpr) eval(f *frame) (Value, error) {
	obj, err := x.obj.eval(f)
	if err != nil {
		return nil, err
	}
	key, err := x.arg.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := f.rt.getItem(obj, key)
	if err != nil {
		return nil, f.failOn(x.span, obj, err)
	}
	return v, nil
}

func (x *sliceExpr) eval(f *frame) (Value, error) {
	obj, err := x.obj.eval(f)
	if err != nil {
		return nil, err
	}
	var bounds [3]Value
	for i, b := range [...]expr{x.start, x.stop, x.step} {
		if b != nil {
			if bounds[i], err = b.eval(f); err != nil {
				return nil, err
			}
		}
	}
	v, err := f.rt.slice(obj, bounds)
	if err != nil {
		return nil, f.failOn(x.span, obj, err)
	}
	return v, nil
}

func (x *condExpr) eval(f *frame) (Value, error) {
	ok, err := f.truth(x.test)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return x.then.eval(f)
	case x.otherwise != nil:
		return x.otherwise.eval(f)
	}
	return elseless, nil
}

// elseless is what an inline if without else evaluates to.
var elseless = &Undefined{hint: "the inline if-expression evaluated to false and no else section was defined"}

func (x *andExpr) eval(f *frame) (Value, error) { return f.either(x.l, x.r, false) }
func (x *orExpr) eval(f *frame) (Value, error)  { return f.either(x.l, x.r, true) }

// either returns l if it is as true as stop says, and r otherwise.
func (f *frame) either(l, r expr, stop bool) (Value, error) {
	v, err := l.eval(f)
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case Secret, SecretText:
		return nil, f.fail(l.at(), errSecret)
	}
	if Truth(v) == stop {
		return v, nil
	}
	return r.eval(f)
}

func (x *notExpr) eval(f *frame) (Value, error) {
	ok, err := f.truth(x.x)
	return !ok, err
}

func (x *unaryExpr) eval(f *frame) (Value, error) {
	v, err := x.x.eval(f)
	if err != nil {
		return nil, err
	}
	if x.op == tSub {
		v, err = negate(v)
	} else {
		v, err = positive(v)
	}
	if err != nil {
		return nil, f.fail(x.span, err)
	}
	return v, nil
}

func (x *binaryExpr) eval(f *frame) (Value, error) {
	l, err := x.l.eval(f)
	if err != nil {
		return nil, err
	}
	r, err := x.r.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := f.rt.binary(x.op, l, r)
	if err != nil {
		if _, ok := l.(*Undefined); ok {
			return nil, f.failOn(x.span, l, err)
		}
		return nil, f.failOn(x.span, r, err)
	}
	return v, nil
}

func (x *concatExpr) eval(f *frame) (Value, error) {
	var b strings.Builder
	secret := false
	for _, item := range x.items {
		v, err := item.eval(f)
		if err != nil {
			return nil, err
		}
		switch v := v.(type) {
		case string:
			b.WriteString(v)
		case *Undefined:
			if err := f.undefinedText(v, item.at()); err != nil {
				return nil, err
			}
		case Secret, SecretText:
			secret = true
			b.WriteString(f.rt.secretText(v))
		default:
			s, err := f.rt.str(v)
			if err != nil {
				return nil, f.fail(item.at(), err)
			}
			b.WriteString(s)
		}
		if b.Len() > f.rt.limits.Output {
			break
		}
	}
	if err := f.rt.spend(b.Len()); err != nil {
		return nil, f.fail(x.span, err)
	}
	if secret {
		return SecretText(b.String()), nil
	}
	return b.String(), nil
}

func (x *compareExpr) eval(f *frame) (Value, error) {
	l, err := x.first.eval(f)
	if err != nil {
		return nil, err
	}
	var result bool
	for i := range x.rest {
		c := &x.rest[i]
		r, err := c.x.eval(f)
		if err != nil {
			return nil, err
		}
		if result, err = f.rt.compare(c.op, l, r); err != nil {
			if _, ok := l.(*Undefined); ok {
				return nil, f.failOn(x.span, l, err)
			}
			return nil, f.failOn(x.span, r, err)
		}
		if !result {
			return false, nil
		}
		l = r
	}
	return result, nil
}

func (x *filterExpr) eval(f *frame) (Value, error) {
	v, err := x.obj.eval(f)
	if err != nil {
		return nil, err
	}
	return x.apply1(f, v)
}

// apply filters the text of a block: v takes the place of the innermost operand.
func (x *filterExpr) apply(f *frame, v Value) (Value, error) {
	if inner, ok := x.obj.(*filterExpr); ok {
		var err error
		if v, err = inner.apply(f, v); err != nil {
			return nil, err
		}
	}
	return x.apply1(f, v)
}

func (x *filterExpr) apply1(f *frame, v Value) (Value, error) {
	if x.fn == nil {
		return nil, f.fail(x.span, raise(runtimeError, "no filter named '%s'", x.name))
	}
	args, err := f.arguments(&x.callArgs, v)
	if err != nil {
		return nil, err
	}
	out, err := x.fn.call(&Call{f: f, at: x.span, name: x.name}, args)
	if err != nil {
		return nil, f.failOn(x.span, v, err)
	}
	return out, nil
}

func (x *testExpr) eval(f *frame) (Value, error) {
	v, err := x.obj.eval(f)
	if err != nil {
		return nil, err
	}
	if x.fn == nil {
		return nil, f.fail(x.span, raise(runtimeError, "no test named '%s'", x.name))
	}
	args, err := f.arguments(&x.callArgs, v)
	if err != nil {
		return nil, err
	}
	out, err := x.fn.call(&Call{f: f, at: x.span, name: x.name}, args)
	if err != nil {
		return nil, f.failOn(x.span, v, err)
	}
	return out, nil
}

package jinja

import "warehouse/runner/diag"

// eachChild calls f with the expressions directly inside of x.
func eachChild(x expr, f func(expr)) {
	one := func(x expr) {
		if x != nil {
			f(x)
		}
	}
	all := func(list []expr) {
		for _, x := range list {
			f(x)
		}
	}
	switch x := x.(type) {
	case *listExpr:
		all(x.items)
	case *tupleExpr:
		all(x.items)
	case *dictExpr:
		for i := range x.keys {
			f(x.keys[i])
			f(x.values[i])
		}
	case *attrExpr:
		f(x.obj)
	case *itemExpr:
		f(x.obj)
		f(x.arg)
	case *sliceExpr:
		one(x.obj)
		one(x.start)
		one(x.stop)
		one(x.step)
	case *callExpr:
		f(x.fn)
		x.callArgs.each(f)
	case *filterExpr:
		one(x.obj)
		x.callArgs.each(f)
	case *testExpr:
		f(x.obj)
		x.callArgs.each(f)
	case *condExpr:
		f(x.test)
		f(x.then)
		one(x.otherwise)
	case *binaryExpr:
		f(x.l)
		f(x.r)
	case *unaryExpr:
		f(x.x)
	case *andExpr:
		f(x.l)
		f(x.r)
	case *orExpr:
		f(x.l)
		f(x.r)
	case *notExpr:
		f(x.x)
	case *concatExpr:
		all(x.items)
	case *compareExpr:
		f(x.first)
		for _, c := range x.rest {
			f(c.x)
		}
	}
}

func (c *callArgs) each(f func(expr)) {
	for _, x := range c.args {
		f(x)
	}
	for _, k := range c.kwargs {
		f(k.value)
	}
	if c.star != nil {
		f(c.star)
	}
	if c.starstar != nil {
		f(c.starstar)
	}
}

// eachExpr calls f with every outermost expression in body, in their order,
// also inside of other tags.
func eachExpr(body []stmt, f func(expr)) {
	for _, s := range body {
		stmtExprs(s, f)
	}
}

func stmtExprs(s stmt, f func(expr)) {
	switch s := s.(type) {
	case *printStmt:
		f(s.x)
	case *doStmt:
		f(s.x)
	case *ifStmt:
		for _, arm := range s.arms {
			f(arm.test)
			eachExpr(arm.body, f)
		}
		eachExpr(s.otherwise, f)
	case *forStmt:
		f(s.target)
		f(s.iter)
		if s.test != nil {
			f(s.test)
		}
		eachExpr(s.body, f)
		eachExpr(s.otherwise, f)
	case *setStmt:
		f(s.target)
		f(s.value)
	case *setBlockStmt:
		f(s.target)
		if s.filter != nil {
			f(s.filter)
		}
		eachExpr(s.body, f)
	case *macroStmt:
		macroExprs(s.def, f)
	case *callStmt:
		f(s.call)
		macroExprs(s.def, f)
	case *filterStmt:
		f(s.filter)
		eachExpr(s.body, f)
	case *withStmt:
		for i := range s.targets {
			f(s.targets[i])
			f(s.values[i])
		}
		eachExpr(s.body, f)
	case *scopeStmt:
		eachExpr(s.body, f)
	case *blockStmt:
		eachExpr(s.body, f)
	case *includeStmt:
		f(s.template)
	case *importStmt:
		f(s.template)
		f(&s.target)
	case *fromStmt:
		f(s.template)
		for i := range s.names {
			f(&s.names[i].alias)
		}
	}
}

func macroExprs(m *Macro, f func(expr)) {
	for _, p := range m.Params {
		if p.value != nil {
			f(p.value)
		}
	}
	eachExpr(m.body, f)
}

// assignsLoop finds an assignment to the name loop inside of a loop.
func assignsLoop(x *forStmt) span {
	at := x.span
	var look func(expr)
	look = func(e expr) {
		if n, ok := e.(*nameExpr); ok && n.store && n.name == "loop" {
			at = n.span
		}
		if _, ok := e.(*tupleExpr); ok {
			eachChild(e, look)
		}
	}
	stmtExprs(x, look)
	return at
}

// CallSite is a call that stands in a template.
type CallSite struct {
	Name   string
	Pos    diag.Pos
	Span   int        // of the whole call, in runes
	Args   []Value    // positional; nil where the argument is not a literal
	Sites  []KwSite   // where Args stand, and whether they are literals
	ArgPos []diag.Pos // where Args stand
	Kwargs map[string]KwSite
	Star   bool // there are *args or **kwargs
}

// KwSite is an argument of a CallSite.
type KwSite struct {
	Pos     diag.Pos
	Span    int
	Value   Value // nil unless Literal
	Literal bool  // a constant, or a list, tuple or dict of literals
}

// Calls returns the calls of the named functions that stand in the file, in
// the order of their places, also those in macros and in branches not taken.
func (t *Template) Calls(names ...string) []CallSite {
	var out []CallSite
	var look func(expr)
	look = func(x expr) {
		if c, ok := x.(*callExpr); ok {
			if n, ok := c.fn.(*nameExpr); ok && contains(names, n.name) {
				out = append(out, t.callSite(n.name, c))
			}
		}
		eachChild(x, look)
	}
	eachExpr(t.body, look)
	return out
}

func (t *Template) callSite(name string, c *callExpr) CallSite {
	site := CallSite{Name: name, Pos: t.pos(c.pos), Span: t.width(c.span), Star: c.star != nil || c.starstar != nil}
	for _, a := range c.args {
		arg := t.argSite(a)
		site.Args = append(site.Args, arg.Value)
		site.ArgPos = append(site.ArgPos, arg.Pos)
		site.Sites = append(site.Sites, arg)
	}
	for _, k := range c.kwargs {
		if site.Kwargs == nil {
			site.Kwargs = make(map[string]KwSite, len(c.kwargs))
		}
		site.Kwargs[k.name] = t.argSite(k.value)
	}
	return site
}

func (t *Template) argSite(x expr) KwSite {
	v, ok := literal(x)
	if !ok {
		v = nil
	}
	return KwSite{Pos: t.pos(x.at().pos), Span: t.width(x.at()), Value: v, Literal: ok}
}

// literal returns the value of x if it can be told without rendering.
func literal(x expr) (Value, bool) {
	items := func(list []expr) ([]Value, bool) {
		out := make([]Value, len(list))
		for i, x := range list {
			v, ok := literal(x)
			if !ok {
				return nil, false
			}
			out[i] = v
		}
		return out, true
	}
	switch x := x.(type) {
	case *constExpr:
		return x.v, true
	case *listExpr:
		v, ok := items(x.items)
		return &List{v}, ok
	case *tupleExpr:
		v, ok := items(x.items)
		return Tuple(v), ok
	case *dictExpr:
		keys, ok1 := items(x.keys)
		values, ok2 := items(x.values)
		d := NewDict()
		for i := range keys {
			if !ok1 || !ok2 || d.Set(keys[i], values[i]) != nil {
				return nil, false
			}
		}
		return d, ok1 && ok2
	case *unaryExpr:
		if v, ok := literal(x.x); ok && x.op == tSub {
			n, err := negate(v)
			return n, err == nil
		}
	}
	return nil, false
}

package jinja

import "fmt"

// resolver gives every name of a template its variable.
type resolver struct {
	t     *Template
	loops int      // open loops of the function that is being resolved
	grabs int      // open tags whose text is captured
	names []string // of the block tags
}

// resolveTemplate prepares a parsed template; it panics with a *lexError.
func resolveTemplate(t *Template) {
	r := &resolver{t: t}
	t.fn = &function{}
	root := &scope{fn: t.fn}
	for _, s := range t.body {
		r.scan(s, root)
	}
	r.body(t.body, root, false)
	t.init = root.init()
	for i := range root.entries {
		if e := &root.entries[i]; e.stored {
			t.exports = append(t.exports, localVar{e.name, varRef{0, e.slot}})
		}
	}
	named := make(map[string]bool, len(t.macros))
	for _, m := range t.macros {
		named[m.Name] = true
	}
	for _, x := range t.exports {
		t.assigns = t.assigns || !named[x.name]
	}
}

func (r *resolver) fail(s span, format string, args ...any) {
	panic(&lexError{int(s.pos), r.t.width(s), fmt.Sprintf(format, args...)})
}

// scan finds the names that a statement reads and assigns in scope s. It does
// not look into bodies that are scopes of their own.
func (r *resolver) scan(x stmt, s *scope) {
	switch x := x.(type) {
	case *printStmt:
		r.scanExpr(x.x, s)
	case *doStmt:
		r.scanExpr(x.x, s)
	case *ifStmt:
		r.scanIf(x, s)
	case *forStmt:
		r.scanExpr(x.iter, s)
	case *setStmt:
		r.scanExpr(x.value, s)
		r.scanExpr(x.target, s)
	case *setBlockStmt:
		r.scanExpr(x.target, s)
	case *macroStmt:
		s.store(x.def.Name)
	case *callStmt:
		r.scanExpr(x.call, s)
	case *filterStmt:
		r.scanExpr(x.filter, s)
	case *withStmt:
		r.scanExprs(x.values, s)
	case *includeStmt:
		r.scanExpr(x.template, s)
	case *importStmt:
		r.scanExpr(x.template, s)
		s.store(x.target.name)
	case *fromStmt:
		r.scanExpr(x.template, s)
		for i := range x.names {
			s.store(x.names[i].alias.name)
		}
	}
}

func (r *resolver) scanAll(body []stmt, s *scope) {
	for _, x := range body {
		r.scan(x, s)
	}
}

// scanIf treats an elif as an if of its own in a second branch, as Jinja does.
func (r *resolver) scanIf(x *ifStmt, s *scope) {
	r.scanExpr(x.arms[0].test, s)
	body := s.branch()
	r.scanAll(x.arms[0].body, body)
	elif := s.branch()
	for _, arm := range x.arms[1:] {
		r.scanExpr(arm.test, elif)
		inner := elif.branch()
		r.scanAll(arm.body, inner)
		elif.merge(inner)
	}
	otherwise := s.branch()
	r.scanAll(x.otherwise, otherwise)
	s.merge(body, elif, otherwise)
}

func (r *resolver) scanExprs(list []expr, s *scope) {
	for _, x := range list {
		r.scanExpr(x, s)
	}
}

func (r *resolver) scanExpr(x expr, s *scope) {
	switch x := x.(type) {
	case *nameExpr:
		if x.store {
			s.store(x.name)
		} else {
			s.load(x.name)
		}
	case *nsRef:
		s.load(x.name.name)
	default:
		eachChild(x, func(c expr) { r.scanExpr(c, s) })
	}
}

// declare makes parameters of all names of a target.
func declare(target expr, s *scope) {
	if n, ok := target.(*nameExpr); ok {
		s.param(n.name)
		return
	}
	eachChild(target, func(c expr) { declare(c, s) })
}

// body resolves statements in scope s. soft says that they may never run, which
// makes an unknown filter an error only when it is used.
func (r *resolver) body(body []stmt, s *scope, soft bool) {
	for _, x := range body {
		r.stmt(x, s, soft)
	}
}

func (r *resolver) stmt(x stmt, s *scope, soft bool) {
	switch x := x.(type) {
	case *printStmt:
		r.expr(x.x, s, soft)
	case *doStmt:
		r.expr(x.x, s, soft)
	case *ifStmt:
		for _, arm := range x.arms {
			r.expr(arm.test, s, true)
			r.body(arm.body, s, true)
		}
		r.body(x.otherwise, s, true)
	case *forStmt:
		r.loop(x, s, soft)
	case *setStmt:
		r.expr(x.target, s, soft)
		r.expr(x.value, s, soft)
	case *setBlockStmt:
		in := s.inner(nil)
		if x.filter != nil {
			r.scanExpr(x.filter, in)
		}
		r.scanAll(x.body, in)
		r.grabbed(x.body, in)
		r.expr(x.target, s, soft)
		if x.filter != nil {
			r.expr(x.filter, in, false)
		}
		x.init = in.init()
	case *macroStmt:
		r.macro(x.def, s)
		x.ref, _ = s.lookup(x.def.Name)
	case *callStmt:
		r.macro(x.def, s)
		r.expr(x.call, s, soft)
	case *filterStmt:
		in := s.inner(nil)
		r.scanAll(x.body, in)
		r.scanExpr(x.filter, in)
		r.grabbed(x.body, in)
		r.expr(x.filter, in, false)
		x.init = in.init()
	case *withStmt:
		in := s.inner(nil)
		for _, t := range x.targets {
			declare(t, in)
		}
		r.scanAll(x.body, in)
		for i, t := range x.targets {
			r.expr(t, in, false)
			r.expr(x.values[i], s, soft)
		}
		r.body(x.body, in, false)
		x.init = in.init()
	case *scopeStmt:
		in := s.inner(nil)
		r.scanAll(x.body, in)
		r.body(x.body, in, false)
		x.init = in.init()
	case *breakStmt:
		r.inLoop("break", x.span)
	case *continueStmt:
		r.inLoop("continue", x.span)
	default:
		r.modules(x, s, soft)
	}
}

func (r *resolver) inLoop(tag string, at span) {
	if r.loops == 0 {
		r.fail(at, "'%s' outside of a loop", tag)
	}
}

// grabbed resolves a body whose text is captured.
func (r *resolver) grabbed(body []stmt, s *scope) {
	r.grabs++
	r.body(body, s, false)
	r.grabs--
}

// outside resolves what is a function of its own, where no loop is open.
func (r *resolver) outside(resolve func()) {
	loops := r.loops
	r.loops = 0
	resolve()
	r.loops = loops
}

// modules resolves the tags that have to do with other templates and blocks.
func (r *resolver) modules(x stmt, s *scope, soft bool) {
	switch x := x.(type) {
	case *includeStmt:
		r.expr(x.template, s, soft)
		if !x.withContext && r.grabs > 0 {
			// There Jinja prints the text in a wrong place, or a generator.
			r.fail(x.span, "include without context does not work inside of a macro, a call, a filter, a block set or a recursive loop")
		}
		if x.withContext {
			x.locals = s.stores()
		}
	case *importStmt:
		r.expr(x.template, s, soft)
		r.expr(&x.target, s, soft)
		if x.withContext {
			x.locals = s.stores()
		}
	case *fromStmt:
		r.expr(x.template, s, soft)
		for i := range x.names {
			r.expr(&x.names[i].alias, s, soft)
		}
		if x.withContext {
			x.locals = s.stores()
		}
	case *blockStmt:
		if contains(r.names, x.name) {
			r.fail(x.span, "block '%s' defined twice", x.name)
		}
		r.names = append(r.names, x.name)
		x.locals = s.stores()
		x.fn = &function{}
		in := &scope{fn: x.fn}
		r.scanAll(x.body, in)
		r.outside(func() { r.body(x.body, in, false) })
		x.init = in.init()
	}
}

func (r *resolver) loop(x *forStmt, s *scope, soft bool) {
	if x.special&storesLoop != 0 {
		r.fail(assignsLoop(x), "can't assign to the special variable loop inside of a loop")
	}
	var fn *function // of the body
	if x.recursive {
		fn = s.function()
		x.bodyFn = fn
	}
	in := s.inner(fn)
	x.extended = x.recursive || x.special&usesLoop != 0
	if x.extended {
		in.param("loop")
	}
	declare(x.target, in)
	r.scanAll(x.body, in)
	r.expr(x.iter, s, soft)
	if x.test != nil {
		x.testFn = s.function()
		tests := s.inner(x.testFn)
		declare(x.target, tests)
		r.scanExpr(x.test, tests)
		x.testStore = copyTarget(x.target)
		r.expr(x.testStore, tests, false)
		r.expr(x.test, tests, false)
		x.testInit = tests.init()
	}
	r.expr(x.target, in, false)
	if x.extended {
		x.loopVar, _ = in.lookup("loop")
	}
	r.loops++
	if x.recursive {
		r.grabbed(x.body, in)
	} else {
		r.body(x.body, in, false)
	}
	r.loops--
	x.bodyInit = in.init()
	if len(x.otherwise) > 0 {
		other := s.inner(fn)
		r.scanAll(x.otherwise, other)
		if fn != nil {
			r.outside(func() { r.body(x.otherwise, other, false) })
		} else {
			r.body(x.otherwise, other, false)
		}
		x.elseInit = other.init()
	}
}

// copyTarget copies a target, whose names then get other variables.
func copyTarget(x expr) expr {
	switch x := x.(type) {
	case *nameExpr:
		c := *x
		return &c
	case *tupleExpr:
		c := *x
		c.items = make([]expr, len(x.items))
		for i := range x.items {
			c.items[i] = copyTarget(x.items[i])
		}
		return &c
	}
	return x
}

func (r *resolver) macro(m *Macro, s *scope) {
	m.fn = s.function()
	in := s.inner(m.fn)
	for _, p := range m.Params {
		in.param(p.Name)
		switch p.Name {
		case "caller":
			if m.special&usesCaller != 0 && !p.HasDefault {
				r.fail(p.at, "the parameter caller must be left out or have a default")
			}
			m.catchCaller = m.catchCaller && m.special&usesCaller == 0
			m.explicitCaller = true
		case "kwargs":
			m.special &^= usesKwargs
		case "varargs":
			m.special &^= usesVarargs
		}
	}
	m.catchCaller = m.special&usesCaller != 0
	for _, special := range [...]struct {
		on   bool
		name string
		slot *int32
	}{
		{m.catchCaller && !m.explicitCaller, "caller", &m.callerSlot},
		{m.special&usesKwargs != 0, "kwargs", &m.kwargsSlot},
		{m.special&usesVarargs != 0, "varargs", &m.varargsSlot},
	} {
		*special.slot = -1
		if special.on {
			in.param(special.name)
			*special.slot = in.find(special.name).slot
		}
	}
	for _, p := range m.Params {
		if p.value != nil {
			r.scanExpr(p.value, in)
		}
	}
	r.scanAll(m.body, in)
	for i := range m.Params {
		m.Params[i].slot = in.find(m.Params[i].Name).slot
		if m.Params[i].value != nil {
			r.expr(m.Params[i].value, in, false)
		}
	}
	r.outside(func() { r.grabbed(m.body, in) })
	m.init = in.init()
}

func (r *resolver) expr(x expr, s *scope, soft bool) {
	switch x := x.(type) {
	case *nameExpr:
		x.ref, _ = s.lookup(x.name)
		return
	case *nsRef:
		x.name.ref, _ = s.lookup(x.name.name)
		return
	case *condExpr:
		soft = true
	case *filterExpr:
		x.fn = filters[x.name]
		if x.fn == nil && !soft {
			r.fail(x.span, "no filter named '%s'%s", x.name, suggest(x.name, filters))
		}
	case *testExpr:
		x.fn = tests[x.name]
		if x.fn == nil && !soft {
			r.fail(x.span, "no test named '%s'%s", x.name, suggest(x.name, tests))
		}
	}
	eachChild(x, func(c expr) { r.expr(c, s, soft) })
}

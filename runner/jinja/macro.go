package jinja

// BoundMacro is a Macro as a value: bound to the render that runs, and to the
// variables around its definition.
type BoundMacro struct {
	Macro *Macro
	rt    *render
	env   *frame // nil: a global macro, which stands in its file alone
}

func (m *BoundMacro) repr() string {
	if m.Macro.Name == "" {
		return "<Macro anonymous>"
	}
	return "<Macro " + Repr(m.Macro.Name) + ">"
}

// bind makes a value of a global macro.
func (rt *render) bind(m *Macro) *BoundMacro { return &BoundMacro{Macro: m, rt: rt} }

// callMacro calls a macro. With out its text is written there and printed is
// true, unless it returned a value.
func (rt *render) callMacro(f *frame, b *BoundMacro, args arguments, at span, out *writer) (v Value, printed bool, err error) {
	if err := f.step(at); err != nil {
		return nil, false, err
	}
	if err := rt.down(); err != nil {
		return nil, false, f.fail(at, err)
	}
	defer rt.up()
	m, env := b.Macro, b.env
	if env == nil {
		if env, err = rt.fileFrame(m.tmpl); err != nil {
			return nil, false, err
		}
	}
	g := &frame{rt: rt, vars: rt.values(len(m.fn.vars)), up: env, names: env.names, out: out, fn: m.fn,
		site: &site{tmpl: m.tmpl, up: f.site, pos: at.pos, kind: m.Kind, name: m.Name}}
	if m.Kind == "caller" {
		g.site.kind, g.site.name = "the body of", "a call block"
	}
	g.enter(&m.init)
	if err := g.setParams(m, args); err != nil {
		return nil, false, f.fail(at, err)
	}
	if out == nil {
		g.out = &writer{}
	}
	size, segs := len(g.out.buf), len(g.out.segs)
	if err = g.setDefaults(m); err == nil {
		_, err = g.run(m.body)
	}
	if r, ok := err.(ReturnValue); ok && m.Kind != "caller" {
		g.out.truncate(size, segs)
		return rt.adopt(r.Value), false, nil
	}
	if err != nil || out != nil {
		return nil, true, err
	}
	if err := rt.spend(len(g.out.buf)); err != nil {
		return nil, false, f.fail(at, err)
	}
	return rt.maybeSecret(rt.keep(g.out)), false, nil
}

// setParams gives the parameters their arguments, as Jinja's Macro does.
func (g *frame) setParams(m *Macro, args arguments) error {
	foundCaller := m.explicitCaller && len(args.pos) >= len(m.Params)
	for i := range m.Params {
		p := &m.Params[i]
		if i < len(args.pos) {
			g.vars[p.slot] = args.pos[i]
			continue
		}
		foundCaller = foundCaller || p.Name == "caller"
		v, ok := args.take(p.Name)
		if !ok {
			v = missing
		}
		g.vars[p.slot] = v
	}
	if m.catchCaller && !foundCaller {
		v, _ := args.take("caller")
		if v == nil {
			v = &Undefined{Name: "caller", hint: "No caller defined"}
		}
		if m.callerSlot >= 0 {
			g.vars[m.callerSlot] = v
		}
	}
	if m.kwargsSlot >= 0 {
		d := args.dict()
		if d == nil {
			d = NewDict()
		}
		g.vars[m.kwargsSlot] = d
	} else if len(args.kw) > 0 {
		if _, ok := args.take("caller"); ok {
			return raise(typeError, "macro '%s' was invoked with two values for the special caller argument. This is most likely a bug.", m.Name)
		}
		return raise(typeError, "macro '%s' takes no keyword argument %s", m.Name, Repr(args.kw[0].name))
	}
	if m.varargsSlot >= 0 {
		g.vars[m.varargsSlot] = Tuple(nil)
		if len(args.pos) > len(m.Params) {
			g.vars[m.varargsSlot] = Tuple(args.pos[len(m.Params):])
		}
	} else if len(args.pos) > len(m.Params) {
		return raise(typeError, "macro '%s' takes not more than %d argument(s)", m.Name, len(m.Params))
	}
	return nil
}

// setDefaults fills in what was not given, in order, so that a default can use
// the parameters before it.
func (g *frame) setDefaults(m *Macro) error {
	for i := range m.Params {
		p := &m.Params[i]
		if _, unset := g.vars[p.slot].(*marker); !unset {
			continue
		}
		if p.value == nil {
			g.vars[p.slot] = &Undefined{Name: p.Name, hint: "parameter '" + p.Name + "' was not provided"}
			continue
		}
		v, err := p.value.eval(g)
		if err != nil {
			return err
		}
		g.vars[p.slot] = v
	}
	return nil
}

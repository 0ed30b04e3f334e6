package jinja

import "strings"

// module is an imported template: what its top level defines are its attributes.
type module struct {
	f    *frame
	text string
}

func (m *module) Attr(name string) (Value, bool) {
	if strings.HasPrefix(name, "_") {
		return nil, false
	}
	for _, imported := range importedNames(m.f.site.tmpl.body) {
		if imported == name {
			return nil, false
		}
	}
	return m.f.export(name)
}

func (m *module) TypeName() string { return "TemplateModule" }
func (m *module) String() string   { return m.text }

// importedNames are the names that a template imports itself: they are not
// handed on.
func importedNames(body []stmt) []string {
	var out []string
	for _, s := range body {
		switch s := s.(type) {
		case *importStmt:
			out = append(out, s.target.name)
		case *fromStmt:
			for i := range s.names {
				out = append(out, s.names[i].alias.name)
			}
		}
	}
	return out
}

// importModule runs a template for what it defines.
func (f *frame) importModule(x expr, withContext bool, vars []localVar) (*module, error) {
	t, err := f.load(x, false)
	if err != nil {
		return nil, f.fail(x.at(), err)
	}
	if g, ok := f.rt.modules[t]; ok && !withContext {
		return &module{f: g}, nil
	}
	n := &names{}
	if withContext {
		*n = *f.names
		n.local = f.locals(vars, n.local)
	}
	g, err := f.enterTemplate(t, n, x.at())
	if err != nil {
		return nil, err
	}
	defer f.rt.up()
	g.out = &writer{}
	if _, err := g.run(t.body); err != nil {
		return nil, err
	}
	if !withContext {
		if f.rt.modules == nil {
			f.rt.modules = map[*Template]*frame{}
		}
		f.rt.modules[t] = g
	}
	return &module{g, string(g.out.buf)}, nil
}

func (s *importStmt) exec(f *frame) (flow, error) {
	m, err := f.importModule(s.template, s.withContext, s.locals)
	if err != nil {
		return goOn, err
	}
	*f.slot(s.target.ref) = m
	return goOn, nil
}

func (s *fromStmt) exec(f *frame) (flow, error) {
	m, err := f.importModule(s.template, s.withContext, s.locals)
	if err != nil {
		return goOn, err
	}
	for i := range s.names {
		n := &s.names[i]
		v, ok := m.Attr(n.name)
		if !ok {
			v = &Undefined{Name: n.name, hint: "the template '" + m.f.site.tmpl.file +
				"' does not export the requested name '" + n.name + "'"}
		}
		*f.slot(n.alias.ref) = v
	}
	return goOn, nil
}

// fileFrame returns the frame that the macros of a file stand in when they are
// called as globals. What the file's top level assigns is visible in it; its
// macros are looked up as globals first, so that a project can override them.
func (rt *render) fileFrame(t *Template) (*frame, error) {
	if f, ok := rt.files[t]; ok {
		return f, nil
	}
	if rt.files == nil {
		rt.files = make(map[*Template]*frame)
	}
	f := rt.rootFrame(t, &names{scope: rt.opts.Globals, tmpl: t})
	f.file = true
	rt.files[t] = f
	for i := range f.vars {
		f.vars[i] = unresolved
	}
	if !t.assigns {
		return f, nil
	}
	f.out = &writer{}
	_, err := f.run(t.body)
	return f, err
}

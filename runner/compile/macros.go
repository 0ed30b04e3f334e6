package compile

import (
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// macroTable knows all macros: of the project, of its packages, built in.
type macroTable struct {
	root     string
	packages map[string]map[string]*jinja.Macro // package → name → macro
	template map[*jinja.Macro]*jinja.Template
	files    map[string]*jinja.Template // by the name that positions carry
	spaces   map[string]jinja.Value
}

// newMacroTable collects the macros; two of one name in a package are an error
// that names both places.
func newMacroTable(p *project.Project, errs *diag.List) (*macroTable, error) {
	t := &macroTable{
		root:     p.Name,
		packages: map[string]map[string]*jinja.Macro{p.Name: {}},
		template: map[*jinja.Macro]*jinja.Template{},
		files:    map[string]*jinja.Template{},
		spaces:   map[string]jinja.Value{},
	}
	builtin, err := builtinMacros()
	if err != nil {
		return nil, err
	}
	for _, tpl := range builtin {
		t.add(builtinPackage, tpl, errs)
	}
	for _, f := range p.Macros {
		if f.Template != nil {
			t.add(f.Package, f.Template, errs)
		}
	}
	for pkg := range t.packages {
		t.spaces[pkg] = &namespace{pkg, func(name string) (jinja.Value, bool) {
			m := t.packages[pkg][name]
			return m, m != nil
		}, namesOf(t.packages[pkg])}
	}
	return t, nil
}

func (t *macroTable) add(pkg string, tpl *jinja.Template, errs *diag.List) {
	t.files[tpl.File()] = tpl
	macros := t.packages[pkg]
	if macros == nil {
		macros = map[string]*jinja.Macro{}
		t.packages[pkg] = macros
	}
	for _, m := range tpl.Macros() {
		name := m.Name
		if first := macros[name]; first != nil && pkg != builtinPackage {
			errs.Add(&diag.Error{Pos: m.Pos, Span: len(m.Name), Msg: kindWord(m) + " '" + strings.TrimPrefix(m.Name, "test_") + "' is already defined at " + first.Pos.String(),
				Source: diag.LineAt(tpl.Source(), m.Pos.Line), Advice: "rename or remove one of them"})
			continue
		}
		macros[name] = m
		t.template[m] = tpl
	}
}

// kindWord is what errors call a definition.
func kindWord(m *jinja.Macro) string {
	if m.Kind == "test" {
		return "data test"
	}
	return m.Kind
}

// find returns the macro that an unqualified name means for a template of pkg:
// the package's own, the project's, a built-in one.
func (t *macroTable) find(pkg, name string) *jinja.Macro {
	if pkg != t.root {
		if m := t.packages[pkg][name]; m != nil {
			return m
		}
	}
	if m := t.packages[t.root][name]; m != nil {
		return m
	}
	return t.packages[builtinPackage][name]
}

// in returns a macro of one package, or nil. "" is the search order of find.
func (t *macroTable) in(pkg, from, name string) *jinja.Macro {
	if pkg == "" {
		return t.find(from, name)
	}
	return t.packages[pkg][name]
}

// namespace is what the name of a package evaluates to, or nil.
func (t *macroTable) namespace(pkg string) jinja.Value { return t.spaces[pkg] }

// genericTest returns the macro of a generic data test. Without a package the
// project's come first, then those of the test's own package, then built-in.
func (t *macroTable) genericTest(pkg, from, test string) *jinja.Macro {
	return t.in(pkg, from, "test_"+test)
}

// id is how dbt's manifest names a macro; "" of nil.
func (t *macroTable) id(m *jinja.Macro, name string) string {
	for pkg, macros := range t.packages {
		if m != nil && macros[name] == m {
			return "macro." + pkg + "." + name
		}
	}
	return ""
}

// genericTests are the names of all generic data tests, qualified where they
// must be.
func (t *macroTable) genericTests() []string {
	var out []string
	for pkg, macros := range t.packages {
		for name := range macros {
			if strings.HasPrefix(name, "test_") {
				name = strings.TrimPrefix(name, "test_")
				if pkg != t.root && pkg != builtinPackage {
					name = pkg + "." + name
				}
				out = append(out, name)
			}
		}
	}
	return out
}

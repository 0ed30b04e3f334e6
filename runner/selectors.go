package runner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/project"
	"warehouse/runner/selector"
)

// namedSelectors are the selections of selectors.yml.
type namedSelectors struct {
	exprs    map[string]selector.Expr
	standard string // the name of the default one; "" for none
}

// one is the selection of a name.
func (s namedSelectors) one(name string) (selector.Expr, error) {
	if e, ok := s.exprs[name]; ok {
		return e, nil
	}
	names := slices.Sorted(maps.Keys(s.exprs))
	e := &UsageError{Msg: fmt.Sprintf("there is no selector %q", name), Advice: "selectors are defined in selectors.yml, beside project.yml"}
	if len(names) > 0 {
		e.Advice = "selectors.yml has " + strings.Join(names, ", ")
	}
	if near := diag.Nearest(name, names); near != "" {
		e.Msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return nil, e
}

// selectors reads what selectors.yml defines. As in dbt, a selector knows
// those that stand before it.
func (r *Runner) selectors(g *compile.Graph, o selector.Options) (namedSelectors, error) {
	out := namedSelectors{exprs: map[string]selector.Expr{}}
	o.Selectors = out.exprs
	for _, s := range g.Project.Selectors {
		expr, err := selectorDefinition(o, s)
		if err != nil {
			e := &diag.Error{Pos: s.Pos, Msg: fmt.Sprintf("selector %s: %s", s.Name, err), Err: err}
			if h, ok := err.(interface{ Hint() string }); ok {
				e.Advice = h.Hint()
			}
			return out, diag.Errors{e}
		}
		out.exprs[s.Name] = expr
		if s.Default {
			out.standard = s.Name
		}
	}
	return out, nil
}

func selectorDefinition(o selector.Options, s *project.Selector) (selector.Expr, error) {
	def := compile.Plain(s.Definition)
	if d, ok := def.(map[string]any); ok && len(d) > 1 && (d["union"] != nil || d["intersection"] != nil) {
		return nil, fmt.Errorf("union or intersection stands alone at the top of a definition, not beside %s", strings.Join(keysBut(d, "union", "intersection"), ", "))
	}
	return o.Define(def)
}

func keysBut(d map[string]any, not ...string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(d)), func(k string) bool { return slices.Contains(not, k) })
}

package compile

import (
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// varObject is var: var('x', default), var.has_var('x').
type varObject struct{ r *render }

func (o *varObject) TypeName() string { return "Var" }
func (o *varObject) String() string   { return "<var>" }

// Attr returns has_var.
func (o *varObject) Attr(name string) (jinja.Value, bool) {
	if name != "has_var" {
		return nil, false
	}
	return fn("var.has_var", func(c *jinja.Call) (jinja.Value, error) {
		v, err := args(c, "var.has_var", "var_name")
		if err != nil {
			return nil, err
		}
		_, ok := o.r.lookupVar(jinja.Str(v[0]))
		return ok, nil
	}), true
}

// Invoke is var('x', default).
func (o *varObject) Invoke(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "var", "name", "default?")
	if err != nil {
		return nil, err
	}
	name, ok := v[0].(string)
	if !ok {
		return nil, fmt.Errorf("var needs the variable's name as text, not %s", jinja.Repr(v[0]))
	}
	if found, ok := o.r.lookupVar(name); ok {
		return o.r.nestedVar(c, name, found)
	}
	if given(c, 1, "default") {
		return v[1], nil
	}
	e := c.Errorf("the variable '%s' is not set", name)
	e.Advice = fmt.Sprintf("set it under vars in %s, with --vars '{%s: VALUE}', or give a default: var('%s', DEFAULT)", o.r.project.File, name, name)
	if near := diag.Nearest(name, o.r.varNames()); near != "" {
		e.Msg += fmt.Sprintf("; did you mean '%s'?", near)
	}
	return nil, e
}

// given says whether an optional argument was passed at all.
func given(c *jinja.Call, at int, name string) bool {
	if len(c.Args) > at {
		return true
	}
	if c.Kwargs == nil {
		return false
	}
	_, ok := c.Kwargs.Get(name)
	return ok
}

// lookupVar returns a copy of a variable, so that a template that appends to a
// list changes no other template's: --vars, then the node's own `vars` config,
// then the project's.
func (r *render) lookupVar(name string) (jinja.Value, bool) {
	if v, ok := r.unitVar(name); ok {
		return clone(v), true
	}
	vars, places := r.vars()
	v, ok := vars[name]
	if _, inFile := places[name]; inFile || !ok {
		if own, has := r.ownVars().Get(name); has {
			return clone(own), true
		}
	}
	return clone(v), ok
}

// vars are the variables of the project, or of the node's package, and where
// they stand in files.
func (r *render) vars() (map[string]jinja.Value, map[string]diag.Pos) {
	if r.pkg != r.project.Name {
		if p := r.project.Package(r.pkg); p != nil {
			return p.Vars, p.VarPos
		}
	}
	return r.project.Vars, r.project.VarPos
}

// ownVars are the variables of the node's config.
func (r *render) ownVars() *jinja.Dict {
	if r.known != nil {
		d, _ := r.known["vars"].Value.(*jinja.Dict)
		return d
	}
	for i := len(r.layers) - 1; i >= 0; i-- {
		if _, ok := r.layers[i]["vars"]; ok {
			d, _ := project.Merge(r.layers...)["vars"].Value.(*jinja.Dict)
			return d
		}
	}
	return nil
}

// nestedVar renders the env_var(…) in a variable's own text in project.yml.
// dbt leaves such text as it is, so a dbt project's is left too; what came from
// the command line is a value and nothing else.
func (r *render) nestedVar(c *jinja.Call, name string, v jinja.Value) (jinja.Value, error) {
	text, ok := v.(string)
	_, places := r.vars()
	at, inFile := places[name]
	if !ok || !inFile || !r.strict || r.ofPackage(at.File) || !strings.Contains(text, "{{") {
		return v, nil
	}
	t, err := jinja.Parse(at.File, text)
	if err != nil {
		return nil, fmt.Errorf("the variable '%s' (%s): %w", name, at, err)
	}
	o := r.options()
	o.Globals = jinja.MapScope{"env_var": fn("env_var", r.envVar)}
	out, err := t.Render(c.Context(), o)
	if err != nil {
		return nil, fmt.Errorf("the variable '%s' (%s): %w", name, at, err)
	}
	if parts, err := jinja.SplitSecrets(out.Text); err == nil && len(parts) > 0 && slices.ContainsFunc(parts, func(p jinja.SecretPart) bool { return p.Ref != "" }) {
		return jinja.SecretText(out.Text), nil
	}
	return out.Text, nil
}

func (r *render) varNames() []string {
	var names []string
	vars, _ := r.vars()
	for n := range vars {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// clone copies lists and dicts, all the way down.
func clone(v jinja.Value) jinja.Value {
	switch v := v.(type) {
	case *jinja.List:
		l := &jinja.List{Items: make([]jinja.Value, len(v.Items))}
		for i, it := range v.Items {
			l.Items[i] = clone(it)
		}
		return l
	case *jinja.Dict:
		d := jinja.NewDict()
		for _, it := range v.Items() {
			_ = d.Set(it.Key, clone(it.Value))
		}
		return d
	}
	return v
}

package compile

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// Hook is SQL that runs around a model, or around a build.
type Hook struct {
	Name    string // what errors call it: "the pre-hook of orders"
	Outside bool   // of a post-hook: after the model's transaction
	Pos     diag.Pos

	pkg      string
	source   string
	template *jinja.Template
	this     bool
}

// NamesThis says whether the hook's text, or what it calls, names `this`.
func (h *Hook) NamesThis() bool { return h.this }

var wordThis = regexp.MustCompile(`\bthis\b`)

// hook reads a hook: SQL, or a dict of SQL and whether it runs in the model's
// transaction. A text may be such a dict, as JSON: what before_begin writes.
func (e *env) hook(name, pkg string, s project.Setting) (*Hook, error) {
	h := &Hook{Name: name, Pos: s.Pos, pkg: pkg, source: s.Source}
	text := ""
	switch v := s.Value.(type) {
	case *jinja.Dict:
		sql, _ := v.Get("sql")
		text = jinja.Str(sql)
		inside, ok := v.Get("transaction")
		h.Outside = ok && !jinja.Truth(inside)
	default:
		text = jinja.Str(v)
		if made, ok := hookOfJSON(text); ok {
			text, h.Outside = made.SQL, !made.Transaction
		}
	}
	var err error
	// On its own line, so that errors name it.
	h.template, err = jinja.Parse(s.Pos.File, strings.Repeat("\n", max(0, s.Pos.Line-1))+text)
	return h, err
}

// madeHook is a hook as dbt's make_hook_config writes it.
type madeHook struct {
	SQL         string `json:"sql"`
	Transaction bool   `json:"transaction"`
}

func hookOfJSON(text string) (madeHook, bool) {
	made := madeHook{Transaction: true}
	if text = strings.TrimSpace(text); !strings.HasPrefix(text, "{\"") {
		return made, false
	}
	return made, json.Unmarshal([]byte(text), &made) == nil
}

// hooks reads the hooks of a model, and what they read: those are parents of
// the model.
func (u *unit) hooks() {
	n := u.node
	u.r.hooks = true
	defer func() { u.r.hooks = false }()
	for _, of := range []struct {
		key string
		raw []project.Setting
		to  *[]*Hook
	}{{"pre_hook", n.Config.PreHook, &n.PreHooks}, {"post_hook", n.Config.PostHook, &n.PostHooks}} {
		for _, s := range of.raw {
			if s.Pos.File == "" {
				s.Pos = n.Pos
			}
			h, err := u.r.hook("the "+strings.ReplaceAll(of.key, "_", "-")+" of "+n.Name, n.Package, s)
			if err == nil {
				before := u.r.usesThis
				u.r.usesThis = false
				_, err = h.template.Render(u.r.ctx, u.r.options())
				h.this = u.r.usesThis || wordThis.MatchString(jinja.Str(s.Value))
				u.r.usesThis = before
			}
			if err != nil {
				u.config = append(u.config, h.failed(u.r.refer(err)))
				continue
			}
			*of.to = append(*of.to, h)
		}
	}
}

// runHooks reads the hooks of a build: packages' first, by their names.
func (c *compiler) runHooks(key string, raw []project.Hook) []*Hook {
	raw = slices.Clone(raw)
	own := func(h project.Hook) int {
		if h.Package == c.project.Name {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(raw, func(a, b project.Hook) int { return cmp.Or(own(a)-own(b), cmp.Compare(a.Package, b.Package)) })
	var out []*Hook
	for _, s := range raw {
		name := key
		if own(s) == 0 {
			name += " of package " + s.Package
		}
		h, err := c.env.hook(name, s.Package, s.Setting)
		if err != nil {
			c.errs.Add(h.failed(err))
			continue
		}
		out = append(out, h)
	}
	return out
}

// failed is an error of the hook, at its place.
func (h *Hook) failed(err error) *diag.Error {
	out := &diag.Error{Pos: h.Pos, Source: h.source, Msg: h.Name + ": " + err.Error(), Err: err}
	if d, ok := err.(*diag.Error); ok {
		out.Msg, out.Advice, out.Trace = h.Name+": "+d.Msg, d.Advice, d.Trace
		if d.Pos.File != "" {
			out.Pos, out.Span, out.Source = d.Pos, d.Span, d.Source
		}
	}
	return out
}

// Failed is an error of the engine or of the template of a hook, at the hook.
func (h *Hook) Failed(err error) error { return h.failed(err) }

// RenderHook writes the SQL of a hook, of a model or (n is nil) of a build;
// more are names that only it knows. The SQL may be empty, and it may be
// several statements.
func (g *Graph) RenderHook(ctx context.Context, h *Hook, n *Node, b Binding, more map[string]jinja.Value) (*Rendered, error) {
	r := &render{env: g.env, ctx: ctx, node: n, pkg: h.pkg, b: &b, more: more}
	if n != nil {
		r.known, r.declared = n.config, declared(n)
	}
	return r.operation(h.template, h.Name)
}

// operation renders a template that is no SELECT.
func (r *render) operation(t *jinja.Template, what string) (*Rendered, error) {
	if r.node == nil {
		r.node = &Node{Config: NoConfig, Name: what, Package: r.pkg, Resource: "sql operation", File: t.File(), Pos: diag.Pos{File: t.File()}, template: t}
	}
	out, err := t.Render(r.ctx, r.options())
	if err != nil {
		return nil, r.refer(err)
	}
	if len(r.inlined) > 0 {
		return nil, &diag.Error{Msg: fmt.Sprintf("it reads the ephemeral model %s, which is stored nowhere", r.inlined[0].node.Name), Advice: "make the model a view"}
	}
	text := strings.TrimSpace(out.Text)
	if made, ok := hookOfJSON(text); ok {
		text = made.SQL
	}
	f, err := r.fill(text)
	if err != nil {
		return nil, err
	}
	return &Rendered{SQL: f.sql, Stored: f.stored, Secrets: f.names, Reads: r.reads, This: r.usesThis, Warnings: r.warnings}, nil
}

// MacroError: there is no macro of that name.
type MacroError struct{ Name, Near string }

func (e *MacroError) Error() string { return fmt.Sprintf("there is no macro '%s'", e.Name) }
func (e *MacroError) Hint() string {
	if e.Near != "" {
		return fmt.Sprintf("did you mean %s?", e.Near)
	}
	return "macros are looked for in the project and, as package.macro, in its packages"
}

// RunMacro calls a macro ("name" or "package.name") with named arguments. What
// it prints is dropped.
func (g *Graph) RunMacro(ctx context.Context, name string, args *jinja.Dict, b Binding) (*Rendered, error) {
	pkg, short, qualified := strings.Cut(name, ".")
	if !qualified {
		pkg, short = g.Project.Name, name
	}
	m := g.env.macros.packages[pkg][short]
	if m == nil && !qualified {
		m = g.env.macros.find(pkg, short)
	}
	if m == nil {
		var all []string
		for p, macros := range g.env.macros.packages {
			for k := range macros {
				switch {
				case p == g.Project.Name:
					all = append(all, k)
				case p != builtinPackage:
					all = append(all, p+"."+k)
				}
			}
		}
		return nil, &MacroError{name, diag.Nearest(name, all)}
	}
	t, err := jinja.Parse("run-operation", "{{ called(**args) }}")
	if err != nil {
		return nil, err
	}
	r := &render{env: g.env, ctx: ctx, pkg: pkg, b: &b, more: map[string]jinja.Value{"called": m, "args": args}}
	return r.operation(t, "run-operation "+name)
}

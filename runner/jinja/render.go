package jinja

import (
	"context"
	"strings"

	"warehouse/runner/diag"
)

// render is one run of a template, with all that it calls.
type render struct {
	lang    *tables
	ctx     context.Context
	opts    Options
	limits  Limits
	free    []Value // see values
	calls   []Call  // see call
	depth   int
	steps   int
	spent   int
	secrets bool                 // a Secret has been printed
	modules map[*Template]*frame // imported without context
	files   map[*Template]*frame // files of global macros
	recent  *[8]capture          // what was captured last, a ring; nil: nothing yet
	kept    int                  // how many captures there were
}

func newRender(ctx context.Context, o Options) render {
	return render{lang: &language, ctx: ctx, opts: o, limits: o.Limits.orDefaults()}
}

// start is a render with its outermost frame and room for what an everyday
// template needs: one allocation, where each would be one.
type start struct {
	rt     render
	frame  frame
	names  names
	values [shared]Value
	calls  [4]Call
}

// origin is what outlives a render: its outermost site and where its text came from.
type origin struct {
	site site
	text SourceMap
}

// start begins a render of t that writes to a writer of its own.
func (t *Template) start(ctx context.Context, o Options) (*frame, *SourceMap) {
	s, from := &start{rt: newRender(ctx, o), names: names{scope: o.Globals}}, &origin{site: site{tmpl: t, kind: "template", name: t.file}}
	s.rt.free, s.rt.calls = s.values[:], s.calls[:]
	s.frame = frame{rt: &s.rt, vars: s.rt.values(len(t.fn.vars)), names: &s.names, out: writers.Get().(*writer), fn: t.fn, site: &from.site}
	s.frame.enter(&t.init)
	return &s.frame, &from.text
}

// shared is how many values are allocated at once.
const shared = 16

// values returns n values for the arguments or variables of one call. Most calls
// have few: they share an allocation.
func (rt *render) values(n int) []Value {
	if n > shared/2 {
		return make([]Value, n)
	}
	if n > len(rt.free) {
		rt.free = make([]Value, shared)
	}
	part := rt.free[:n:n]
	rt.free = rt.free[n:]
	return part
}

// call returns room for a Call.
func (rt *render) call() *Call {
	if len(rt.calls) == 0 {
		rt.calls = make([]Call, 4)
	}
	c := &rt.calls[0]
	rt.calls = rt.calls[1:]
	return c
}

// frame is a function that runs: a template, a macro, a recursive loop.
type frame struct {
	rt    *render
	vars  []Value
	up    *frame // of the function around it
	names *names
	out   *writer
	site  *site
	fn    *function
	file  bool // the file of a global macro: its macros are found as globals
}

// names finds what no variable is.
type names struct {
	scope Scope     // may be nil
	local MapScope  // what an including template passed on; may be nil
	root  *frame    // variables of the top level, for block tags; may be nil
	tmpl  *Template // whose macros are found last; may be nil
	block bool      // of a block tag
}

func (n *names) lookup(rt *render, name string) (Value, bool) {
	if n.root != nil {
		if v, ok := n.root.export(name); ok {
			return v, true
		}
	}
	if v, ok := n.local[name]; ok {
		return v, true
	}
	if n.scope != nil {
		if v, ok := n.scope.Lookup(name); ok {
			return rt.adopt(v), true
		}
	}
	if n.tmpl != nil {
		for _, m := range n.tmpl.macros {
			if m.Name == name {
				return rt.bind(m), true
			}
		}
	}
	v, ok := rt.lang.builtins[name]
	return v, ok
}

// adopt makes a value that came from the host one of ours.
func (rt *render) adopt(v Value) Value {
	switch v := v.(type) {
	case string, *Dict, *List, Func, Object, nil, bool, int64, float64:
		return v
	case *Macro:
		return rt.bind(v)
	}
	if isOurs(v) {
		return v
	}
	return FromGo(v)
}

func (rt *render) rootFrame(t *Template, n *names) *frame {
	f := &frame{rt: rt, vars: rt.values(len(t.fn.vars)), names: n, fn: t.fn, site: &site{tmpl: t, kind: "template", name: t.file}}
	f.enter(&t.init)
	return f
}

// enter starts the variables of a scope.
func (f *frame) enter(in *scopeInit) {
	for i := range in.loads {
		switch l := &in.loads[i]; l.kind {
		case loadGlobal:
			f.vars[l.slot] = unresolved
		case loadMissing:
			f.vars[l.slot] = missing
		case loadAlias:
			f.vars[l.slot] = *f.slot(l.from)
		}
	}
}

// leave ends the variables of a scope, for the macros that outlive it.
func (f *frame) leave(in *scopeInit) {
	if in.closures {
		for _, l := range in.loads {
			f.vars[l.slot] = missing
		}
	}
}

func (f *frame) slot(r varRef) *Value {
	for ; r.up > 0; r.up-- {
		f = f.up
	}
	return &f.vars[r.slot]
}

// export returns a variable of the top level.
func (f *frame) export(name string) (Value, bool) {
	for _, x := range f.site.tmpl.exports {
		if x.name == name {
			v := f.vars[x.ref.slot]
			if _, unset := v.(*marker); !unset {
				return v, true
			}
		}
	}
	return nil, false
}

// fail gives an error the place of an expression and the calls that led to it.
func (f *frame) fail(s span, err error) error {
	switch e := err.(type) {
	case *diag.Error:
		if e.Pos.Line == 0 && e.Pos.File == "" {
			d := f.diagnose(s, e.Msg)
			d.Advice, d.Warn, d.Err = e.Advice, e.Warn, e
			return d
		}
		return err
	case ReturnValue, *ReturnValue, diag.Errors:
		return err
	case *pyError:
		return f.diagnose(s, e.msg)
	}
	d := f.diagnose(s, err.Error())
	d.Err = err
	if h, ok := err.(interface{ Hint() string }); ok {
		d.Advice = h.Hint()
	}
	return d
}

func (f *frame) diagnose(s span, msg string) *diag.Error {
	d := f.site.tmpl.errorAt(s, msg)
	d.Trace = f.site.frames()
	return d
}

// outermost turns what a render ended with into a *diag.Error.
func (f *frame) outermost(err error) error {
	switch e := err.(type) {
	case *diag.Error, diag.Errors:
		return err
	case ReturnValue:
		return &diag.Error{Pos: diag.Pos{File: f.site.tmpl.file}, Msg: e.Error(), Err: e}
	}
	return &diag.Error{Pos: diag.Pos{File: f.site.tmpl.file}, Msg: err.Error(), Err: err}
}

// step counts work, and looks now and then whether the caller gave up.
func (f *frame) step(s span) error {
	rt := f.rt
	rt.steps++
	if rt.steps&1023 != 0 {
		return nil
	}
	if rt.steps > rt.limits.Steps {
		return f.fail(s, raise(limitError, "the template takes more than %d steps", rt.limits.Steps))
	}
	if err := rt.ctx.Err(); err != nil {
		return f.fail(s, err)
	}
	return nil
}

// room allows a list of n values to be made.
func (rt *render) room(n int) error {
	if n > rt.limits.Items {
		return raise(limitError, "the list would have more than %d items", rt.limits.Items)
	}
	return rt.spend(16 * n)
}

// spend allows n bytes of text to be made.
func (rt *render) spend(n int) error {
	if n > rt.limits.Output {
		return raise(limitError, "the text would be larger than %d bytes", rt.limits.Output)
	}
	if rt.spent += n; rt.spent > rt.limits.Total {
		return raise(limitError, "the template makes more than %d bytes of text and lists", rt.limits.Total)
	}
	return nil
}

func (rt *render) text(s string) (Value, error)   { return s, rt.spend(len(s)) }
func (rt *render) markup(s string) (Value, error) { return Markup(s), rt.spend(len(s)) }

// down counts nested calls; up ends one.
func (rt *render) down() error {
	if rt.depth++; rt.depth > rt.limits.Depth {
		rt.depth--
		return raise(limitError, "calls are nested more than %d deep", rt.limits.Depth)
	}
	return nil
}

func (rt *render) up() { rt.depth-- }

// grab runs body and returns what it writes.
func (f *frame) grab(body []stmt) (string, flow, error) {
	outer := f.out
	w := &writer{}
	f.out = w
	fl, err := f.run(body)
	f.out = outer
	if err != nil {
		return "", fl, err
	}
	return f.rt.keep(w), fl, f.rt.spend(len(w.buf))
}

// keep makes a text of a writer and remembers where it came from.
func (rt *render) keep(w *writer) string {
	if len(w.buf) == 0 {
		return ""
	}
	text := string(w.buf)
	if rt.recent == nil {
		rt.recent = new([8]capture)
	}
	rt.recent[rt.kept%len(rt.recent)] = capture{text, w.segs}
	rt.kept++
	return text
}

// captured finds the origin of a text that was captured lately.
func (rt *render) captured(text string) *capture {
	if rt.recent == nil {
		return nil
	}
	for i := range rt.recent {
		if c := &rt.recent[i]; len(c.text) == len(text) && c.text == text && text != "" {
			return c
		}
	}
	return nil
}

// undefinedText is what printing an undefined value does.
func (f *frame) undefinedText(u *Undefined, s span) error {
	d := f.diagnose(s, u.message())
	if u.isName() {
		d.Msg += f.suggestName(u.Name)
		if o := f.rt.opts; o.Strict && (o.Lenient == nil || !o.Lenient(d.Pos.File)) {
			return d
		}
	}
	if f.rt.opts.Warn != nil {
		d.Warn = true
		f.rt.opts.Warn(d)
	}
	return nil
}

// suggestName returns what a misspelt name may have meant.
func (f *frame) suggestName(name string) string {
	var known []string
	for g := f; g != nil; g = g.up {
		for i, k := range g.fn.vars {
			if _, unset := g.vars[i].(*marker); !unset {
				known = append(known, k.name)
			}
		}
	}
	if s, ok := f.names.scope.(interface{ Names() []string }); ok {
		known = append(known, s.Names()...)
	}
	for k := range f.rt.lang.builtins {
		known = append(known, k)
	}
	if best := diag.Nearest(name, known); best != "" && best != name && !strings.HasPrefix(best, "_") {
		return "; did you mean '" + best + "'?"
	}
	return ""
}

func suggest[T any](name string, known map[string]T) string {
	list := make([]string, 0, len(known))
	for k := range known {
		list = append(list, k)
	}
	if best := diag.Nearest(name, list); best != "" {
		return "; did you mean '" + best + "'?"
	}
	return ""
}

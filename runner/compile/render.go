package compile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
	"warehouse/runner/sqltext"
)

// env is what all renders of a project share. It does not change once the
// graph is made.
type env struct {
	project *project.Project
	opts    Options
	macros  *macroTable
	names   *names
	globals map[string]func(r *render) jinja.Value
	all     map[string]*Node
	uses    []*Exposure
	// described are the descriptions, with their doc() rendered, of what is no node.
	described map[description]string
	started   time.Time
	strict    bool // an undefined name that is printed is an error
}

// render is one rendering of one node, and the scope in which its template
// finds names.
type render struct {
	*env
	ctx  context.Context
	node *Node // nil for a free text
	pkg  string
	b    *Binding // nil while the project is compiled
	into *render  // the render that inlines this one

	more  map[string]jinja.Value // names that only this render knows
	nodes *jinja.Dict            // what graph is; of the outermost render

	adapterObject jinja.Value // made when it is first asked for

	depth int // of templates that render templates

	// While the project is compiled: what it reads and sets.
	hooks   bool // it reads the hooks of the node
	calls   []call
	configs []project.Config
	layers  []project.Config // config below that of the template
	above   []project.Config // config above it
	known   project.Config   // config, as far as it is merged

	// At a render.
	declared  map[string]bool // ids that may be read; nil: any
	reads     []string
	results   map[string]jinja.Value // of statements
	inlined   []inlined              // ephemeral models, parents first; of the outermost render
	usesQuery bool
	usesThis  bool
	volatile  string
	runOfs    []string
	warnings  []*diag.Error
}

func (r *render) execute() bool { return r.b != nil && r.b.Query != nil }

func (r *render) top() *render {
	for r.into != nil {
		r = r.into
	}
	return r
}

func (r *render) noteVolatile(what string) {
	if t := r.top(); t.volatile == "" {
		t.volatile = what
	}
}

func (r *render) noteRunOf(id string) {
	if t := r.top(); !slices.Contains(t.runOfs, id) {
		t.runOfs = append(t.runOfs, id)
	}
}

func (r *render) read(id string) {
	if !slices.Contains(r.reads, id) {
		r.reads = append(r.reads, id)
	}
}

func (r *render) warn(e *diag.Error) {
	e.Warn = true
	t := r.top()
	t.warnings = append(t.warnings, e)
}

// undefined is told of every undefined value that was printed. An inline if
// without else is meant to print nothing; and while the project is compiled,
// results of queries and the graph are not there yet, so only names count.
func (r *render) undefined(e *diag.Error) {
	isName := strings.Contains(e.Msg, "' is undefined")
	if strings.HasPrefix(e.Msg, "the inline if-expression") || r.b == nil && !isName {
		return
	}
	if r.ofPackage(e.Pos.File) {
		if r.b != nil {
			return // told of when the project was compiled
		}
		e.Err = errInPackage
	}
	if r.node != nil && r.node.generic() {
		e.Trace = append(slices.Clip(r.withoutHost(e.Trace)), diag.Frame{Pos: r.node.Pos, What: "data test " + r.node.Test.Generic})
	}
	r.warn(e)
}

// errInPackage marks warnings of undefined names in a package.
var errInPackage = errors.New("in a package")

// foldPackages leaves one warning of undefined names for each package: its user
// is to know of them, and cannot mend them.
func (e *env) foldPackages(ws []*diag.Error) []*diag.Error {
	var out []*diag.Error
	for _, w := range ws {
		if !errors.Is(w.Err, errInPackage) {
			out = append(out, w)
		}
	}
	for _, p := range e.project.Packages {
		var first *diag.Error
		more := 0
		for _, w := range ws {
			switch {
			case !errors.Is(w.Err, errInPackage) || !strings.HasPrefix(w.Pos.File, p.Dir+"/"):
			case first == nil:
				one := *w
				first = &one
			default:
				more++
			}
		}
		if first != nil {
			first.Msg = "in package " + p.Name + " " + first.Msg + ", which prints nothing"
			if more > 0 {
				first.Msg += fmt.Sprintf("; so it is in %s more", counted(more, "place"))
			}
			first.Trace = nil
			out = append(out, first)
		}
	}
	return out
}

// options are the surroundings of the template.
func (r *render) options() jinja.Options {
	return jinja.Options{Globals: r, Loader: r.macros.load, Strict: r.strict, Lenient: r.ofPackage, Chain: !r.execute(), Warn: r.undefined}
}

// ofPackage says whether a file belongs to a package: there an undefined name
// prints nothing, as its authors know it from dbt.
func (e *env) ofPackage(file string) bool {
	return slices.ContainsFunc(e.project.Packages, func(p *project.Package) bool { return strings.HasPrefix(file, p.Dir+"/") })
}

// Names are all names that Lookup knows: what an error may suggest.
func (r *render) Names() []string {
	out := slices.Collect(maps.Keys(r.globals))
	for pkg, macros := range r.macros.packages {
		out = append(out, pkg)
		if pkg == r.pkg || pkg == r.macros.root || pkg == builtinPackage {
			out = slices.AppendSeq(out, maps.Keys(macros))
		}
	}
	return out
}

// load finds a macro file for import and include, by its path in the project
// or below a macro folder.
func (t *macroTable) load(name string) (*jinja.Template, error) {
	if f := t.files[name]; f != nil {
		return f, nil
	}
	for _, file := range slices.Sorted(maps.Keys(t.files)) {
		if _, below, ok := strings.Cut(file, "/"); ok && below == name {
			return t.files[file], nil
		}
	}
	return nil, &fs.PathError{Op: "import", Path: name, Err: fs.ErrNotExist}
}

// body is what a template wrote: one SELECT, secrets as markers.
type body struct {
	text string
	m    *jinja.SourceMap
}

// write renders the node's template.
func (r *render) write() (body, error) {
	var out jinja.Output
	var err error
	if r.node.generic() {
		out, err = r.genericTest()
	} else {
		out, err = r.node.template.Render(r.ctx, r.options())
	}
	if err != nil {
		return body{}, err
	}
	return r.single(body{out.Text, out.Map})
}

func (r *render) what() string {
	switch r.node.Resource {
	case Test:
		return "a data test"
	case Unit:
		return "a unit test's fixture"
	case Snapshot:
		return "a snapshot"
	}
	return "a model"
}

// errorAt is an error at the place that wrote a byte of b.
func (r *render) errorAt(b body, off int, msg string) *diag.Error {
	if b.m != nil {
		if pos, frames, ok := b.m.At(off); ok {
			return &diag.Error{Pos: pos, Msg: msg, Source: r.line(pos), Trace: frames}
		}
	}
	return &diag.Error{Pos: r.node.Pos, Msg: msg}
}

// line is the text of a line of a template.
func (r *render) line(pos diag.Pos) string {
	t := r.macros.files[pos.File]
	if t == nil {
		for n := r; n != nil && t == nil; n = n.into {
			if n.node != nil && n.node.template != nil && n.node.template.File() == pos.File {
				t = n.node.template
			}
		}
	}
	if t == nil {
		return ""
	}
	return diag.LineAt(t.Source(), pos.Line)
}

func declared(n *Node) map[string]bool {
	d := make(map[string]bool, len(n.Parents))
	for _, id := range n.Parents {
		d[id] = true
	}
	return d
}

// Render writes a node's SQL. It fails with a *diag.Error, or with the error of
// a query that the template made.
func (g *Graph) Render(ctx context.Context, n *Node, b Binding) (*Rendered, error) {
	r := &render{env: g.env, ctx: ctx, node: n, pkg: n.Package, b: &b, known: n.config, declared: declared(n)}
	main, err := r.write()
	if err != nil {
		return nil, r.refer(err)
	}
	out, err := r.finish(main)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RenderText writes a text that is no node: the query of compile --inline. It
// may read every model and source.
func (g *Graph) RenderText(ctx context.Context, text string, b Binding) (*Rendered, error) {
	t, err := jinja.Parse("inline", text)
	if err != nil {
		return nil, err
	}
	n := &Node{Config: NoConfig, Name: "inline", Package: g.Project.Name, Resource: "sql operation", File: "inline", Pos: diag.Pos{File: "inline"}, template: t, RawSQL: text}
	r := &render{env: g.env, ctx: ctx, node: n, pkg: n.Package, b: &b}
	main, err := r.write()
	if err != nil {
		return nil, r.refer(err)
	}
	return r.finish(main)
}

// RenderLoadedAt writes a source's loaded_at_query, in which this is the source.
func (g *Graph) RenderLoadedAt(ctx context.Context, source *Node, b Binding) (*Rendered, error) {
	t, err := jinja.Parse("loaded_at_query", source.Source.LoadedAtQuery)
	if err != nil {
		return nil, err
	}
	n := &Node{Config: NoConfig, ID: source.ID, Name: source.Name, Package: source.Package, Resource: "sql operation", File: "loaded_at_query", Pos: diag.Pos{File: "loaded_at_query"},
		template: t, RawSQL: source.Source.LoadedAtQuery, Source: source.Source, Relation: source.Relation, external: source.external}
	r := &render{env: g.env, ctx: ctx, node: n, pkg: n.Package, b: &b}
	main, err := r.write()
	if err != nil {
		return nil, r.refer(err)
	}
	return r.finish(main)
}

// refer makes an error fit to be shown: references where its text holds
// secrets, and the user's line where a built-in macro failed.
func (r *render) refer(err error) error {
	d, ok := err.(*diag.Error)
	if !ok {
		return err
	}
	cp := *d
	cp.Msg = withReferences(d.Msg)
	for isBuiltinFile(cp.Pos.File) && len(cp.Trace) > 0 {
		cp.Pos, cp.Span, cp.Trace = cp.Trace[0].Pos, 0, cp.Trace[1:]
		cp.Source = r.line(cp.Pos)
	}
	return &cp
}

// finish puts inlined models in front and fills in secrets.
func (r *render) finish(main body) (*Rendered, error) {
	ctes := make([]sqltext.CTE, len(r.inlined))
	for i, in := range r.inlined {
		ctes[i] = sqltext.CTE{Name: engine.Ident(in.name), SQL: in.body.text}
	}
	text, pieces := sqltext.WithCTEs(main.text, ctes)
	f, err := r.fill(text)
	if err != nil {
		return nil, &diag.Error{Pos: r.node.Pos, Msg: err.Error(), Err: err}
	}
	out := &Rendered{
		SQL: f.sql, Stored: f.stored, Secrets: f.names,
		Reads: r.reads, ReadsRunQuery: r.usesQuery, Volatile: r.volatile, This: r.usesThis, RunOf: r.runOfs,
		Warnings: r.warnings,
	}
	out.place = func(off int) (diag.Pos, string, []diag.Frame, bool) { return r.place(main, pieces, f.marked(off)) }
	return out, nil
}

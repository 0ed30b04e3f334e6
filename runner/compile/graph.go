package compile

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"warehouse/runner/dag"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// compiler holds what Compile works on.
type compiler struct {
	*env
	ctx   context.Context
	errs  diag.List
	nodes map[string]*Node
	edges map[string][]edge // by child id
}

// edge says where a node names a parent.
type edge struct {
	parent string
	at     *diag.Error // the place, without a message
}

// unit is a template that was rendered once.
type unit struct {
	r    *render
	node *Node
	err  error
	args *jinja.Dict // of a generic data test
}

// Compile renders every model and data test once and returns the graph. The
// error is diag.Errors with all that is wrong in the project, or the context's
// error.
func Compile(ctx context.Context, p *project.Project, o Options) (*Graph, error) {
	c := &compiler{ctx: ctx, nodes: map[string]*Node{}, edges: map[string][]edge{}}
	if o.Dialect == "" {
		o.Dialect = "duckdb"
	}
	macros, err := newMacroTable(p, &c.errs)
	if err != nil {
		return nil, err
	}
	c.env = &env{project: p, opts: o, macros: macros, globals: allGlobals(), started: time.Now().UTC(), strict: p.File == "project.yml", all: c.nodes,
		names: &names{project: p.Name, models: map[string][]*Node{}, disabled: map[string]*Node{}, sources: map[string]*Node{},
			off: map[string]*Node{}, others: map[string]string{}}}
	for _, step := range []func(){c.sources, c.models, c.dataTests} {
		if step(); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	graph := c.order()
	if err := c.errs.Err(); err != nil {
		return nil, err
	}
	return &Graph{Project: p, Nodes: c.nodes, DAG: graph, Warnings: c.errs.Warnings(), env: c.env}, nil
}

// parallel calls f for 0 … n-1, on as many goroutines as the options say.
func (c *compiler) parallel(n int, f func(i int)) {
	workers := c.opts.Threads
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for c.ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				f(i)
			}
		})
	}
	wg.Wait()
}

// sources makes a node of every source that is enabled.
func (c *compiler) sources() {
	for _, s := range c.project.Sources {
		n := &Node{
			ID: "source." + s.Package + "." + s.SourceName + "." + s.Name, Name: s.Name, Package: s.Package, Resource: Source, Kind: Source,
			File: s.File, Pos: s.Pos, FQN: s.FQN, Tags: s.Tags, Description: s.Description, Columns: s.Columns, Source: s, config: s.Config,
			Relation: engine.Relation{Database: s.Database, Schema: s.Schema, Name: s.Identifier},
			external: externalSource(s),
		}
		key := s.SourceName + "." + s.Name
		if !s.Enabled {
			c.names.off[key] = n
			continue
		}
		if first := c.names.sources[key]; first != nil {
			c.errs.Add(&diag.Error{Pos: s.Pos, Msg: fmt.Sprintf("source '%s' is described twice, first at %s", key, first.Pos)})
			continue
		}
		c.names.sources[key] = n
		c.nodes[n.ID] = n
	}
}

// models renders all models, decides which of them there are, and finds what
// they read.
func (c *compiler) models() {
	units := make([]unit, len(c.project.Models))
	c.parallel(len(units), func(i int) { units[i] = c.model(c.project.Models[i]) })
	enabled := units[:0]
	for _, u := range units {
		if u.node == nil {
			continue
		}
		if c.configure(u) {
			enabled = append(enabled, u)
		}
	}
	c.refuseNames(enabled)
	for _, u := range enabled {
		c.nodes[u.node.ID] = u.node
		c.names.models[u.node.Name] = append(c.names.models[u.node.Name], u.node)
		delete(c.names.disabled, u.node.Name)
	}
	for _, s := range c.project.Seeds {
		if c.names.models[s.Name] == nil {
			c.names.others[s.Name] = "a seed of that name, " + s.File
		}
	}
	for _, u := range enabled {
		c.link(u, func(_ call, err *diag.Error) { c.errs.Add(err) })
	}
}

// model renders one model.
func (c *compiler) model(m *project.Model) unit {
	if m.Template == nil {
		return unit{} // its error has been told
	}
	n := &Node{
		ID: "model." + m.Package + "." + m.Name, Name: m.Name, Package: m.Package, Resource: Model, File: m.File,
		Pos: diag.Pos{File: m.File, Line: 1, Col: 1}, FQN: m.FQN, RawSQL: m.Source, template: m.Template,
		Table: engine.Relation{Schema: c.project.Target.StorageSchema, Name: m.Name},
	}
	if y := m.YAML; y != nil {
		n.Description, n.Columns = y.Description, y.Columns
	}
	r := &render{env: c.env, ctx: c.ctx, node: n, pkg: m.Package, layers: m.Layers}
	_, err := m.Template.Render(c.ctx, r.options())
	return unit{r: r, node: n, err: err}
}

// configure merges a model's config and says whether the model is enabled.
// What is wrong with a disabled model's SQL is nobody's business.
func (c *compiler) configure(u unit) bool {
	n := u.node
	merged := project.Merge(slices.Concat(u.r.layers, u.r.placed())...)
	cfg, errs := project.DecodeModel(merged)
	n.Config, n.config, n.Kind, n.Tags = cfg, merged, cfg.Materialized, cfg.Tags
	if cfg.Schema != "" {
		n.Table.Schema = cfg.Schema
	}
	if cfg.Alias != "" {
		n.Table.Name = cfg.Alias
	}
	if !cfg.Enabled {
		c.names.disabled[n.Name] = n
		return false
	}
	c.errs.Add(atKeys(errs, merged)...)
	c.errs.Add(u.r.warnings...)
	if u.err != nil {
		c.errs.AddErr(n.Pos, u.r.refer(u.err))
	}
	return true
}

// link resolves the calls that a template made and notes its parents. fail is
// told of each call that leads nowhere.
func (c *compiler) link(u unit, fail func(k call, err *diag.Error)) {
	n := u.node
	for _, k := range u.r.calls {
		parent, err := c.names.lookup(k, n.Package)
		at := c.place(u.r, k)
		if err != nil {
			at.Msg, at.Err = err.Error(), err
			if h, ok := err.(interface{ Hint() string }); ok {
				at.Advice = h.Hint()
			}
			fail(k, at)
			continue
		}
		c.parent(n, parent, at)
	}
	u.r.calls = nil // they hold on to the whole render
}

func (c *compiler) parent(n, parent *Node, at *diag.Error) {
	if slices.Contains(n.Parents, parent.ID) {
		return
	}
	n.Parents = append(n.Parents, parent.ID)
	if parent.Resource == Model {
		n.Refs = append(n.Refs, parent.ID)
	}
	c.edges[n.ID] = append(c.edges[n.ID], edge{parent.ID, at})
}

// place is where a call stands: in its template, or in the YAML that holds a
// data test's argument.
func (c *compiler) place(u *render, k call) *diag.Error {
	n := u.node
	if k.arg != "" {
		pos, span, line := n.argPlace(k.arg)
		return &diag.Error{Pos: pos, Span: span, Source: line}
	}
	e := k.at.Errorf("")
	if n.macro != nil {
		e.Trace = append(slices.Clip(u.withoutHost(e.Trace)), diag.Frame{Pos: n.Pos, What: "data test " + n.Test.Generic})
	}
	return e
}

// refuseNames finds models that could not live beside each other.
func (c *compiler) refuseNames(enabled []unit) {
	byName, byTable := map[string]*Node{}, map[string]*Node{}
	for _, u := range enabled {
		n := u.node
		c.refuseStateName(n)
		low := strings.ToLower(n.Name)
		first := byName[low]
		switch {
		case first == nil:
			byName[low] = n
		case first.Name == n.Name:
			c.errs.Add(&diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("two models are called '%s': %s and %s", n.Name, first.File, n.File),
				Advice: "rename one of them, or disable it: enabled: false"})
			continue
		default:
			c.errs.Add(&diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("the names of two models differ by case alone: '%s' (%s) and '%s' (%s)", first.Name, first.File, n.Name, n.File),
				Advice: "rename one of them: names are compared without case"})
			continue
		}
		if n.Kind == "ephemeral" || n.Kind == "view" {
			continue
		}
		table := strings.ToLower(n.Table.Schema + "\x00" + n.Table.Name)
		if first := byTable[table]; first != nil {
			c.errs.Add(&diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("two models are stored in one table, %s: '%s' (%s) and '%s' (%s)", n.Table, first.Name, first.File, n.Name, n.File),
				Advice: "give one of them another alias or schema"})
			continue
		}
		byTable[table] = n
	}
}

// stateNames are the tables and macros of the register, which live beside the
// marts.
var stateNames = oneOf("run_manifest", "run_manifest_model", "run_manifest_test", "run_publication", "run_publication_mart",
	"run_tag", "run_ledger", "run_state", "run_lock", "resolve_run_id")

func (c *compiler) refuseStateName(n *Node) {
	for _, name := range []string{n.Name, n.Table.Name} {
		if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			c.errs.Add(&diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("the name %q holds a control character", name)})
			return
		}
		if n.Kind != "ephemeral" && stateNames[strings.ToLower(name)] {
			c.errs.Add(&diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("'%s' is a table of the register: a model cannot have its name", name),
				Advice: "rename " + n.File})
			return
		}
	}
}

// order makes the graph, or tells of every ring in it.
func (c *compiler) order() *dag.Graph {
	parents := make(map[string][]string, len(c.nodes))
	for id, n := range c.nodes {
		parents[id] = n.Parents
	}
	for {
		g, err := dag.New(parents)
		var ring *dag.CycleError
		if !errors.As(err, &ring) {
			c.errs.AddErr(diag.Pos{}, err)
			return g
		}
		// The first node reads the last but one; without that there is no ring.
		child, last := ring.Path[0], ring.Path[len(ring.Path)-2]
		c.cycle(ring.Path)
		parents[child] = slices.DeleteFunc(slices.Clone(parents[child]), func(p string) bool { return p == last })
	}
}

// cycle tells of one ring: the names in the way of the data, and who reads whom.
func (c *compiler) cycle(path []string) {
	var names, reads []string
	for i, id := range path {
		n := c.nodes[id]
		names = append(names, n.Name)
		if i > 0 {
			reads = append(reads, n.File+" reads "+c.nodes[path[i-1]].Name)
		}
	}
	e := diag.Error{Pos: c.nodes[path[0]].Pos}
	for _, ed := range c.edges[path[0]] {
		if ed.parent == path[len(path)-2] {
			e = *ed.at
		}
	}
	e.Msg = "cycle: " + strings.Join(names, " → ")
	e.Advice = strings.Join(reads, ", ") + "; take one of these refs out"
	c.errs.Add(&e)
}

// externalSource is what a source that is kept in files prints: dbt-duckdb's
// external_location, with {name} and {identifier} filled in.
func externalSource(s *project.Source) string {
	location := ""
	for _, from := range []func(string) (any, bool){
		func(k string) (any, bool) { v, ok := s.Config[k]; return v.Value, ok },
		func(k string) (any, bool) { v, ok := s.Meta[k]; return v, ok },
		func(k string) (any, bool) { v, ok := s.External[k]; return v, ok },
	} {
		for _, key := range []string{"external_location", "location"} {
			if v, ok := from(key); ok && location == "" {
				location = jinja.Str(jinja.FromGo(v))
			}
		}
	}
	if location == "" {
		return ""
	}
	location = strings.NewReplacer("{name}", s.Name, "{identifier}", s.Identifier, "{schema}", s.Schema).Replace(location)
	if strings.ContainsAny(location, "('") {
		return location // a call such as read_csv('…'), or quoted already
	}
	return engine.Literal(location)
}

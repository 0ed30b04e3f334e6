package compile

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	units map[string]*unit // of models, by id

	told      map[string]bool  // warnings of keys of one's own: a folder's is told of once
	testNames map[string]bool  // ids of data tests, without the hash
	kept      map[string]*Node // data tests by the table of their failing rows
}

// unit is a template that was rendered once.
type unit struct {
	r     *render
	node  *Node
	err   error
	args  *jinja.Dict     // of a generic data test
	links map[string]call // of a model: parent's id → where it is named

	enabled bool
	config  []*diag.Error // what is wrong in the config
}

// Compile renders every model and data test once and returns the graph. The
// error is diag.Errors with all that is wrong in the project, or the context's
// error.
func Compile(ctx context.Context, p *project.Project, o Options) (*Graph, error) {
	size := 3 * len(p.Models)
	c := &compiler{ctx: ctx, nodes: make(map[string]*Node, size), units: make(map[string]*unit, len(p.Models)), testNames: make(map[string]bool, size)}
	if o.Dialect == "" {
		o.Dialect = "duckdb"
	}
	macros, err := newMacroTable(p, &c.errs)
	if err != nil {
		return nil, err
	}
	c.env = &env{project: p, opts: o, macros: macros, globals: allGlobals(), started: time.Now().UTC(), strict: p.File == "project.yml", all: c.nodes,
		names: &names{project: p.Name, models: make(map[string][]*Node, len(p.Models)), versions: map[string][]*Node{}, disabled: map[string]*Node{}, sources: map[[2]string]*Node{},
			off: map[[2]string]*Node{}, foreign: map[[3]string]*Node{}, python: p.Python}}
	for _, step := range []func(){c.sources, c.models, c.access, c.dataTests, c.unitTests, c.exposures, c.describeEntries} {
		if step(); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	start, end := c.runHooks("on-run-start", p.OnRunStart), c.runHooks("on-run-end", p.OnRunEnd)
	graph := c.order()
	if err := c.errs.Err(); err != nil {
		return nil, err
	}
	return &Graph{Project: p, Nodes: c.nodes, DAG: graph, Exposures: c.uses, OnRunStart: start, OnRunEnd: end, Warnings: c.foldPackages(c.errs.Warnings()), env: c.env}, nil
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
			Config: NoConfig,
			ID:     sourceID(s), Name: s.Name, Package: s.Package, Resource: Source, Kind: Source,
			File: s.File, Pos: s.Pos, FQN: s.FQN, Tags: s.Tags, Description: s.Description, Columns: s.Columns, Source: s, config: s.Config,
			Relation: engine.Relation{Database: s.Database, Schema: s.Schema, Name: s.Identifier},
		}
		var err error
		n.external, err = externalSource(s)
		if err != nil && s.Enabled {
			c.errs.Add(&diag.Error{Pos: s.Pos, Msg: fmt.Sprintf("source %s.%s: %s", s.SourceName, s.Name, err), Err: err})
		}
		key := [2]string{s.SourceName, s.Name}
		if !s.Enabled {
			c.names.off[key] = n
			continue
		}
		if first := c.nodes[n.ID]; first != nil {
			c.errs.Add(&diag.Error{Pos: s.Pos, Msg: fmt.Sprintf("source '%s.%s' is described twice, first at %s", s.SourceName, s.Name, first.Pos)})
			continue
		}
		if c.names.sources[key] == nil { // the project's come first
			c.names.sources[key] = n
		}
		if s.Package != c.project.Name {
			c.names.foreign[[3]string{s.Package, s.SourceName, s.Name}] = n
		}
		c.nodes[n.ID] = n
		u := unit{r: &render{env: c.env, ctx: c.ctx, pkg: s.Package}}
		n.Description, n.Columns = u.describe(s.Description, s.Pos), u.describeColumns(s.Columns)
		c.describe(s.Package, s.SourceDescription, s.Pos)
		c.errs.Add(u.config...)
		c.errs.Add(u.r.warnings...)
	}
}

func sourceID(s *project.Source) string {
	return "source." + s.Package + "." + s.SourceName + "." + s.Name
}

// models renders all models, decides which of them there are, and finds what
// they read.
func (c *compiler) models() {
	models, seeds, snapshots := c.project.Models, c.project.Seeds, c.project.Snapshots
	units := make([]unit, len(models)+len(seeds)+len(snapshots))
	c.parallel(len(units), func(i int) {
		if i < len(models) {
			units[i] = c.model(models[i])
		} else if i -= len(models); i < len(seeds) {
			units[len(models)+i] = c.seed(seeds[i])
		} else {
			units[len(models)+i] = c.snapshot(snapshots[i-len(seeds)])
		}
	})
	var enabled []*unit
	for i := range units {
		u := &units[i]
		switch {
		case u.node == nil:
		case !u.enabled: // what is wrong in it is nobody's business
			c.names.disabled[u.node.Name] = u.node
			if v := u.node.Version; v != nil && v.IsLatest() {
				c.names.disabled[v.Of] = u.node
			}
		default:
			c.report(u)
			enabled = append(enabled, u)
		}
	}
	c.refuseNames(enabled)
	for _, u := range enabled {
		c.nodes[u.node.ID], c.units[u.node.ID] = u.node, u
		c.names.models[u.node.Name] = append(c.names.models[u.node.Name], u.node)
		delete(c.names.disabled, u.node.Name)
		if v := u.node.Version; v != nil {
			c.names.versions[v.Of] = append(c.names.versions[v.Of], u.node)
			if v.IsLatest() {
				c.names.models[v.Of] = append(c.names.models[v.Of], u.node)
			}
		}
	}
	for _, u := range enabled {
		u.links = make(map[string]call, len(u.r.calls))
		c.link(u, func(err *diag.Error) { c.errs.Add(err) })
	}
}

// model renders one model and reads its config.
func (c *compiler) model(m *project.Model) unit {
	if m.Template == nil {
		return unit{} // its error has been told
	}
	n := &Node{
		Config: &project.ModelConfig{},
		ID:     m.ID(), Name: m.Name, Version: m.Version, Package: m.Package, Resource: Model, File: m.File,
		Pos: diag.Pos{File: m.File, Line: 1, Col: 1}, FQN: m.FQN, RawSQL: m.Source, template: m.Template,
		Table: engine.Relation{Schema: c.project.Target.StorageSchema, Name: m.Name},
	}
	u := unit{r: &render{env: c.env, ctx: c.ctx, node: n, pkg: m.Package, layers: m.Layers, above: m.Over}, node: n}
	if n.entry = m.YAML; n.entry != nil {
		n.Description, n.Columns = u.describe(n.entry.Description, n.entry.Pos), u.describeColumns(n.entry.Columns)
	}
	_, u.err = m.Template.Render(c.ctx, u.r.options())
	u.configure()
	u.hooks()
	u.deprecated()
	if m.YAML != nil {
		u.contract(m.YAML.Constraints)
	} else {
		u.contract(nil)
	}
	return u
}

// deprecated warns of a model whose deprecation_date is past.
func (u *unit) deprecated() {
	e := u.node.entry
	if e == nil || e.Raw == nil || u.node.Package != u.r.project.Name || !u.enabled {
		return
	}
	date, ok := e.Raw.Get("deprecation_date")
	if !ok {
		return
	}
	if t, err := ParseEventTime(jinja.Str(date)); err == nil && t.Before(u.r.started) {
		u.config = append(u.config, &diag.Error{Pos: e.Pos, Warn: true, Msg: fmt.Sprintf("%s is deprecated since %s", u.node.Name, t.Format("2006-01-02")),
			Advice: "take it out, or disable it"})
	}
}

// configure reads the config of a model or seed.
func (u *unit) configure() {
	n := u.node
	var kinds []*diag.Error
	decode := func() []*diag.Error {
		var errs []*diag.Error
		n.config = u.r.merged()
		*n.Config, errs = project.DecodeModel(n.config)
		kinds = u.kindErrors()
		return errs
	}
	if errs := decode(); len(errs)+len(kinds) > 0 { // again, with the places
		u.r.placeConfig()
		errs = u.r.ownKeys(atKeys(decode(), n.config))
		for _, e := range errs {
			e.Warn = e.Warn || n.Package != u.r.project.Name // its user cannot mend it
		}
		u.config = slices.Concat(u.config, errs, kinds)
	}
	u.enabled, n.Kind, n.Tags = n.Config.Enabled, n.Config.Materialized, n.Config.Tags
	if u.enabled {
		u.place()
	}
}

// merged is the config from all layers.
func (r *render) merged() project.Config {
	return project.Merge(slices.Concat(r.layers, r.configs, r.above)...)
}

// report tells what is wrong in a unit.
func (c *compiler) report(u *unit) {
	for _, e := range u.config {
		if !c.toldOf(e) {
			c.errs.Add(e)
		}
	}
	c.errs.Add(u.r.warnings...)
	if u.err != nil {
		c.errs.AddErr(u.node.Pos, u.r.refer(u.err))
	}
}

// ownKeys makes warnings of keys that are nobody's but the user's: dbt allows them, and
// config.get reads them. What is spelled nearly like a known key stays an error.
func (r *render) ownKeys(errs []*diag.Error) []*diag.Error {
	var out []*diag.Error
	for _, e := range errs {
		own := !r.strict && strings.HasPrefix(e.Msg, "unknown key") && !strings.Contains(e.Msg, "did you mean")
		if own {
			e.Warn, e.Advice = true, "it means nothing here; templates read it by config.get"
		}
		if !own || r.node.Package == r.project.Name { // of a package's nobody wants to know
			out = append(out, e)
		}
	}
	return out
}

// toldOf says whether a warning of an unknown key was given already.
func (c *compiler) toldOf(e *diag.Error) bool {
	if !e.Warn || !strings.HasPrefix(e.Msg, "unknown key") {
		return false
	}
	key := e.Pos.String() + e.Msg
	before := c.told[key]
	if c.told == nil {
		c.told = map[string]bool{}
	}
	c.told[key] = true
	return before
}

// link resolves the calls that a template made and notes its parents. fail is
// told of each call that leads nowhere.
func (c *compiler) link(u *unit, fail func(*diag.Error)) {
	for _, k := range u.r.calls {
		parent, err := c.names.lookup(k, u.node.Package)
		if err == nil {
			err = mayRead(u.node, parent)
		}
		if err != nil {
			fail(u.r.fail(k, err))
			continue
		}
		if u.node.reads(parent) && u.links != nil {
			u.links[parent.ID] = k
		}
	}
}

// reads adds a parent; false if it is known already.
func (n *Node) reads(parent *Node) bool {
	if slices.Contains(n.Parents, parent.ID) {
		return false
	}
	n.Parents = append(n.Parents, parent.ID)
	if parent.Built() {
		n.Refs = append(n.Refs, parent.ID)
	}
	return true
}

// refuseNames finds models that could not live beside each other.
func (c *compiler) refuseNames(enabled []*unit) {
	byName, byTable, aliases := make(map[string]*Node, len(enabled)), make(map[[2]string]*Node, len(enabled)), make(map[string][]*Node, len(enabled))
	for _, u := range enabled {
		n := u.node
		c.refuseStateName(n)
		low := strings.ToLower(n.Name)
		first := byName[low]
		switch {
		case first == nil:
			byName[low] = n
		case first.Name == n.Name:
			c.errs.Add(&diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("%s are called '%s': %s and %s", twoOf(first, n), n.Name, first.File, n.File),
				Advice: "rename one of them, or disable it: enabled: false" + c.inPackage(first, n)})
			continue
		default:
			c.errs.Add(&diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("the names of %s differ by case alone: '%s' (%s) and '%s' (%s)", twoOf(first, n), first.Name, first.File, n.Name, n.File),
				Advice: "rename one of them: names are compared without case"})
			continue
		}
		if n.Kind == "ephemeral" {
			continue
		}
		alias := strings.ToLower(n.Table.Name)
		table := [2]string{strings.ToLower(n.Table.Schema), alias}
		if first := byTable[table]; first != nil {
			c.refuseTable(first, n)
			continue
		}
		byTable[table] = n
		aliases[alias] = append(aliases[alias], n)
	}
	c.nameShown(aliases)
}

// refuseTable: two models have one alias in one schema.
func (c *compiler) refuseTable(first, n *Node) {
	e := &diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("%s are stored in one table, %s: '%s' (%s) and '%s' (%s)", twoOf(first, n), n.Table, first.Name, first.File, n.Name, n.File),
		Advice: "give one of them another alias"}
	if first.Kind == "view" || n.Kind == "view" {
		e.Msg = fmt.Sprintf("%s would both be read as '%s': '%s' (%s) and '%s' (%s)", twoOf(first, n), n.Table.Name, first.Name, first.File, n.Name, n.File)
		e.Advice += ", or put it into another schema"
	}
	c.errs.Add(e)
}

// nameShown decides how models of one alias, which are in different schemas,
// are read in a binding, which is one schema: that of the target's own schema
// by the alias, each other one by its model's name. It depends on nothing but
// the project: what `latest.orders` means must not on what was built when.
func (c *compiler) nameShown(aliases map[string][]*Node) {
	shown := make(map[string]*Node, len(aliases))
	for alias, nodes := range aliases {
		if len(nodes) == 1 {
			shown[alias] = nodes[0]
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		for _, n := range aliases[alias] {
			if len(aliases[alias]) == 1 {
				break
			}
			if !strings.EqualFold(n.Table.Schema, c.project.Target.StorageSchema) {
				n.Shown = n.Name
			}
			name := strings.ToLower(n.ShownName())
			if other := shown[name]; other != nil {
				c.errs.Add(&diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("%s would both be read as '%s' in the schema %s: '%s' (%s) and '%s' (%s)",
					twoOf(other, n), n.ShownName(), c.project.Target.LatestSchema, other.Name, other.File, n.Name, n.File),
					Advice: fmt.Sprintf("give one of them another alias: '%s' is the alias of %d models in different schemas, so there they are read by their names", alias, len(aliases[alias]))})
				continue
			}
			shown[name] = n
		}
	}
}

// inPackage says how to disable a model of a package.
func (c *compiler) inPackage(nodes ...*Node) string {
	for _, n := range nodes {
		if n.Package != c.project.Name {
			return fmt.Sprintf(" (models: {%s: {%s: {+enabled: false}}} in %s)", n.Package, n.Name, c.project.File)
		}
	}
	return ""
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
	first := c.units[path[0]]
	e := first.r.fail(first.links[path[len(path)-2]], errors.New("cycle: "+strings.Join(names, " → ")))
	e.Advice = strings.Join(reads, ", ") + "; take one of these refs out"
	c.errs.Add(e)
}

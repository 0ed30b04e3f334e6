package runner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/dag"
	"warehouse/runner/diag"
	"warehouse/runner/history"
	"warehouse/runner/selector"
)

// Filter is what a selection may say beside Select and Exclude.
type Filter struct {
	Selector string // name of one of selectors.yml; "" is its default, if neither Select nor Exclude is given

	// ResourceTypes are all that is taken of what was selected, and
	// ExcludeResourceTypes what is not: "model", "test", …; "all" is all.
	ResourceTypes        []string
	ExcludeResourceTypes []string

	// Indirect says which tests come along with what is selected: "eager"
	// (which "" is too), "cautious", "buildable" or "empty".
	Indirect string

	// State is what state:, result: and source_status: compare with: a folder
	// with dbt's artifacts, or a run spec. "" is the published run for state:,
	// and the newest run for result:.
	State string

	// Target is the folder that holds the sources.json that source_status:
	// compares; "" is `target` in the project's folder.
	Target string
}

// wanted is all that a selection says.
type wanted struct {
	include, exclude []string
	Filter
	ids []string // of a retry: what the selection came to; it is not asked again
}

// everything says that a selection says nothing.
func (w wanted) everything() bool {
	return len(w.include)+len(w.exclude)+len(w.ids)+len(w.ResourceTypes)+len(w.ExcludeResourceTypes) == 0 && w.Selector == ""
}

// filtered says that the selection says more than names and what to leave out.
func (w wanted) filtered() bool {
	return w.Selector+w.Indirect+w.State != "" || len(w.ResourceTypes)+len(w.ExcludeResourceTypes) > 0
}

// SelectionError says that a selection names nothing that the verb could work
// on.
type SelectionError struct {
	Unmatched []string // parts that matched nothing
	Near      []string // for each of them the nearest name, or ""
	Verb      string   // "build", "test"
	What      string   // "model", "data test"
	Advice    string   // what to do instead; "" for how to find names
}

func (e *SelectionError) Error() string {
	msg := fmt.Sprintf("nothing to %s: the selection names no %s", e.Verb, e.What)
	if len(e.Unmatched) > 0 {
		msg += "; " + unmatchedText(e.Unmatched, e.Near)
	}
	return msg
}
func (e *SelectionError) Unwrap() error { return ErrNothingSelected }
func (e *SelectionError) Hint() string {
	if e.Advice != "" {
		return e.Advice
	}
	return "`warehouse ls` lists what can be selected"
}

func unmatchedText(parts, near []string) string {
	var out []string
	for i, p := range parts {
		t := fmt.Sprintf("%q matches nothing", p)
		if near[i] != "" {
			t += fmt.Sprintf(" (did you mean %q?)", near[i])
		}
		out = append(out, t)
	}
	return strings.Join(out, "; ")
}

// picked is what a selection names.
type picked struct {
	models map[string]bool // ids of models, ephemeral ones included
	tests  map[string]bool // ids of data tests and unit tests
	all    bool            // nothing was said: the whole project
	direct map[string]bool // every id that the selection names, of any kind

	// why says of what state: named what made it new or modified; by id.
	why map[string]string
	// record is the selection as the register keeps it.
	record history.Selection
}

// sayUntested warns of data tests that could stop a publication and that the
// selection leaves out, although it takes a model that they read.
func (r *Runner) sayUntested(g *compile.Graph, p picked) {
	var left []string
	for _, id := range slices.Sorted(maps.Keys(g.Nodes)) {
		n := g.Nodes[id]
		if n.Resource != compile.Test || p.tests[id] || n.Test.Severity != "error" {
			continue
		}
		if slices.ContainsFunc(n.Refs, func(ref string) bool { return p.models[ref] }) {
			left = append(left, n.Name)
		}
	}
	if len(left) == 0 {
		return
	}
	names := strings.Join(left[:min(len(left), 3)], ", ")
	if len(left) > 3 {
		names += fmt.Sprintf(" and %d more", len(left)-3)
	}
	r.warn(&diag.Error{Warn: true, Msg: fmt.Sprintf("the selection leaves out %s of what it builds, which is published without: %s", counted(len(left), "data test"), names),
		Advice: "`warehouse test` runs them; --no-publish builds without publishing"})
}

// pick applies a selection to the graph, as dbt does. The SelectionError tells
// of parts that matched nothing.
func (r *Runner) pick(ctx context.Context, g *compile.Graph, w wanted) (picked, *SelectionError, error) {
	p := picked{models: map[string]bool{}, tests: map[string]bool{}, direct: map[string]bool{}, record: w.record()}
	if len(w.ids) > 0 {
		now := map[string]string{}
		for id := range g.Nodes {
			now[withoutHash(id)] = id
		}
		for _, id := range w.ids {
			p.add(g, cmp.Or(now[withoutHash(id)], id))
		}
		return p, nil, nil
	}
	expr, err := r.expression(g, &w)
	if err != nil {
		return p, nil, err
	}
	p.all = w.everything()
	past := &past{ctx: ctx, r: r, g: g, w: w}
	var unmatched []string
	if _, all := expr.(selector.All); all {
		p.addAll(g, w)
	} else if unmatched, err = p.addSelected(g, w, expr, past); err != nil {
		return p, nil, err
	}
	p.why = past.why(p.direct)
	r.sayWhy(g, p.why)
	p.record = w.record()
	if w.filtered() || past.asked {
		p.record.IDs = slices.Sorted(maps.Keys(p.direct))
	}
	var failed *SelectionError
	if len(unmatched) > 0 {
		failed = &SelectionError{Unmatched: unmatched}
		for _, u := range unmatched {
			failed.Near = append(failed.Near, diag.Nearest(u, candidates(g, u)))
		}
		r.warn(&diag.Error{Msg: unmatchedText(failed.Unmatched, failed.Near), Warn: true, Advice: failed.Hint()})
	}
	return p, failed, nil
}

// sayWhy tells what made each node that state: named new or modified.
func (r *Runner) sayWhy(g *compile.Graph, why map[string]string) {
	for _, id := range slices.Sorted(maps.Keys(why)) {
		name := id
		if n := g.Nodes[id]; n != nil {
			name = n.Name
		}
		r.event(Event{Kind: EventLog, Message: fmt.Sprintf("%s: %s", name, why[id])})
	}
}

func (w wanted) record() history.Selection {
	return history.Selection{Select: w.include, Exclude: w.exclude, Selector: w.Selector, ResourceTypes: w.ResourceTypes, ExcludeResourceTypes: w.ExcludeResourceTypes,
		Indirect: w.Indirect, State: w.State, IDs: w.ids}
}

// wantedOf is the selection of a run, to be taken again.
func wantedOf(s history.Selection) wanted {
	return wanted{include: s.Select, exclude: s.Exclude, ids: s.IDs, Filter: Filter{Selector: s.Selector, ResourceTypes: s.ResourceTypes,
		ExcludeResourceTypes: s.ExcludeResourceTypes, Indirect: s.Indirect, State: s.State}}
}

func (p *picked) add(g *compile.Graph, id string) {
	p.direct[id] = true
	switch n := g.Nodes[id]; {
	case n == nil: // an exposure, or no longer there
	case n.Built():
		p.models[id] = true
	case n.Test != nil:
		p.tests[id] = true
	}
}

// addAll adds every node of the kinds that are wanted. What an expression would
// have to know of a node is not made for it.
func (p *picked) addAll(g *compile.Graph, w wanted) {
	p.direct, p.tests = make(map[string]bool, len(g.Nodes)), make(map[string]bool, len(g.Nodes))
	for id, n := range g.Nodes {
		if w.takes(n.Resource) {
			p.add(g, id)
		}
	}
	for _, x := range g.Exposures {
		if w.takes("exposure") {
			p.add(g, x.ID)
		}
	}
}

// addSelected adds what an expression selects, and returns the parts of it that
// matched nothing.
func (p *picked) addSelected(g *compile.Graph, w wanted, expr selector.Expr, past *past) ([]string, error) {
	nodes := selectorNodes(g)
	sel, err := expr.Select(selectorGraph(g), nodes, past)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if sel.IDs[n.ID] && w.takes(n.ResourceType) {
			p.add(g, n.ID)
		}
	}
	return sel.Unmatched, nil
}

// takes says whether a kind of node is wanted at all.
func (w wanted) takes(resource string) bool {
	has := func(types []string) bool { return slices.Contains(types, resource) || slices.Contains(types, "all") }
	return (len(w.ResourceTypes) == 0 || has(w.ResourceTypes)) && !has(w.ExcludeResourceTypes)
}

// expression reads a selection. It may fill in the default selector.
func (r *Runner) expression(g *compile.Graph, w *wanted) (selector.Expr, error) {
	o := selector.Options{Package: g.Project.Name}
	var err error
	if w.Indirect != "" {
		if o.Indirect, err = selector.ParseIndirect(w.Indirect); err != nil {
			return nil, &UsageError{Msg: "--indirect-selection: " + err.Error()}
		}
	}
	named, err := r.selectors(g, o)
	if err != nil {
		return nil, err
	}
	o.Selectors = named.exprs
	switch {
	case w.Selector != "" && len(w.include)+len(w.exclude) > 0:
		return nil, &UsageError{Msg: "--selector stands for --select and --exclude, and cannot be beside them",
			Advice: fmt.Sprintf("write it as a part of them: --select selector:%s …", w.Selector)}
	case w.Selector == "" && len(w.include)+len(w.exclude) == 0 && named.standard != "":
		w.Selector = named.standard
		r.event(Event{Kind: EventLog, Message: fmt.Sprintf("selected by %s of selectors.yml, which is the default", w.Selector)})
	}
	if w.Selector != "" {
		return named.one(w.Selector)
	}
	return o.ParseFlags(w.include, w.exclude)
}

// candidates are names like the one that matched nothing.
func candidates(g *compile.Graph, unmatched string) []string {
	tag, isTag := strings.CutPrefix(unmatched, "tag:")
	seen := map[string]bool{}
	for _, n := range g.Nodes {
		if strings.HasPrefix(unmatched, "source:") {
			if n.Source != nil {
				seen["source:"+n.Source.SourceName] = true
				seen["source:"+n.Source.SourceName+"."+n.Name] = true
			}
			continue
		}
		if isTag {
			for _, t := range n.Tags {
				seen["tag:"+t] = tag != ""
			}
			continue
		}
		if n.Resource != compile.Test {
			seen[n.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// selectorNodes is the graph as selection sees it.
func selectorNodes(g *compile.Graph) []*selector.Node {
	out := make([]*selector.Node, 0, len(g.Nodes)+len(g.Exposures))
	entries := describedBy(g)
	for _, id := range g.DAG.Order() {
		n := g.Nodes[id]
		if n == nil {
			continue
		}
		s := &selector.Node{ID: n.ID, Name: n.Name, Package: n.Package, ResourceType: n.Resource, FQN: n.FQN,
			Tags: n.Tags, Path: inPackage(g, n.Package, n.File), Patch: inPackage(g, n.Package, entries[n.ID])}
		s.Config, s.Group = func() map[string]any { return selectedConfig(n) }, n.Group()
		switch {
		case n.Source != nil:
			s.SourceName = n.Source.SourceName
		case n.Unit != nil:
			s.TestName = n.Name
		case n.Test != nil:
			s.TestType, s.TestName = "singular", ""
			if n.Test.Generic != "" {
				s.TestType, s.TestName = "generic", n.Test.Generic
			}
		default:
			if n.Resource == compile.Model {
				s.Access = access(n)
				if v := n.Version; v != nil {
					s.Version, s.LatestVersion = v.Name(), v.LatestName()
				}
			}
		}
		out = append(out, s)
	}
	for _, x := range g.Exposures {
		out = append(out, &selector.Node{ID: x.ID, Name: x.Name, Package: x.Package, ResourceType: "exposure", FQN: x.FQN, Tags: x.Tags,
			Path: inPackage(g, x.Package, x.File), Config: func() map[string]any { return x.Config }})
	}
	return out
}

func access(n *compile.Node) string { return cmp.Or(n.Config.Access, "protected") }

// selectedConfig is the config that config: looks at: here some words mean the same.
func selectedConfig(n *compile.Node) map[string]any {
	out := nodeConfig(n)
	if n.Source != nil || n.Unit != nil || n.Test != nil {
		return out
	}
	if n.Kind == "mart" {
		out["materialized"] = []any{"table", "mart"}
	}
	if n.Settings()["on_schema_change"] == nil {
		out["on_schema_change"] = []any{"ignore", n.Config.OnSchemaChange}
	}
	return out
}

// nodeConfig is a node's config with the defaults that hold, under dbt's keys.
func nodeConfig(n *compile.Node) map[string]any {
	settings := n.Settings()
	switch {
	case n.Source != nil:
		out := map[string]any{"enabled": true, "meta": n.Source.Meta, "tags": n.Tags}
		maps.Copy(out, settings)
		return out
	case n.Unit != nil:
		return map[string]any{"enabled": true, "tags": n.Tags, "meta": n.Config.Meta}
	case n.Test != nil:
		return testConfig(n, settings)
	}
	return modelConfig(n, settings)
}

// inPackage is a file relative to the package that it is in.
func inPackage(g *compile.Graph, pkg, file string) string {
	if p := g.Project.Package(pkg); p != nil {
		return strings.TrimPrefix(file, p.Dir+"/")
	}
	return file
}

// describedBy are the YAML files that describe models, seeds and snapshots; by
// id.
func describedBy(g *compile.Graph) map[string]string {
	out := map[string]string{}
	for _, m := range g.Project.Models {
		if m.YAML != nil {
			out[m.ID()] = m.YAML.Pos.File
		}
	}
	for _, s := range g.Project.Seeds {
		if s.YAML != nil {
			out["seed."+s.Package+"."+s.Name] = s.YAML.Pos.File
		}
	}
	for _, s := range g.Project.Snapshots {
		if s.YAML != nil {
			out[s.ID()] = s.YAML.Pos.File
		}
	}
	return out
}

// selectorGraph is the graph with exposures below what they depend on.
func selectorGraph(g *compile.Graph) *dag.Graph {
	if len(g.Exposures) == 0 {
		return g.DAG
	}
	parents := map[string][]string{}
	for _, id := range g.DAG.Order() {
		parents[id] = g.DAG.Parents(id)
	}
	for _, x := range g.Exposures {
		parents[x.ID] = x.Parents
	}
	graph, err := dag.New(parents)
	if err != nil { // what they depend on is enabled, and depends on none of them
		panic("runner: exposures do not fit into the graph: " + err.Error())
	}
	return graph
}

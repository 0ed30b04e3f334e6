package runner

import (
	"cmp"
	"context"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/engine"
)

// ListOptions of List.
type ListOptions struct {
	Select, Exclude []string
	Filter          Filter
	// Config: the nodes' configs are wanted, too. They are most of what a list of
	// many nodes takes.
	Config bool
}

// Listed is a node of the project.
type Listed struct {
	ID          string         `json:"unique_id"`
	Name        string         `json:"name"`
	Package     string         `json:"package_name"`
	Alias       string         `json:"alias,omitempty"`
	Version     any            `json:"version,omitempty"` // of one of a model's versions; Name is orders_v2 then
	SourceName  string         `json:"source_name,omitempty"`
	Resource    string         `json:"resource_type"`
	Kind        string         `json:"materialized,omitempty"`
	File        string         `json:"original_file_path"`
	FQN         []string       `json:"fqn"`
	Tags        []string       `json:"tags"`
	Parents     []string       `json:"depends_on"`
	Description string         `json:"description,omitempty"`
	Config      map[string]any `json:"config"`          // with ListOptions.Config: with the defaults that hold, under dbt's keys
	Because     string         `json:"state,omitempty"` // what made it new or modified, if it was selected by state:
	of          string
}

// BaseName is a model's name without its version, as dbt's artifacts have it.
func (l *Listed) BaseName() string { return cmp.Or(l.of, l.Name) }

// List lists nodes in order of the graph.
func (r *Runner) List(ctx context.Context, o ListOptions) ([]Listed, error) {
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	p, failed, err := r.pick(ctx, g, wanted{include: o.Select, exclude: o.Exclude, Filter: o.Filter})
	if err != nil {
		return nil, err
	}
	out := make([]Listed, 0, len(p.direct))
	for _, id := range g.DAG.Order() {
		n := g.Nodes[id]
		if n == nil || !p.direct[id] && !p.tests[id] {
			continue
		}
		l := Listed{ID: n.ID, Name: n.Name, Package: n.Package, Alias: n.Config.Alias, Resource: n.Resource, Kind: n.Kind, File: n.File, FQN: n.FQN,
			Tags: append([]string{}, n.Tags...), Parents: append([]string{}, n.Parents...), Description: n.Description, Because: p.why[id]}
		if o.Config {
			l.Config = nodeConfig(n)
		}
		if n.Source != nil {
			l.SourceName = n.Source.SourceName
		}
		if v := n.Version; v != nil {
			l.Version, l.of = v.V, v.Of
		}
		out = append(out, l)
	}
	for _, x := range g.Exposures {
		if p.direct[x.ID] {
			out = append(out, Listed{ID: x.ID, Name: x.Name, Package: x.Package, Config: x.Config, Resource: "exposure", File: x.File, FQN: x.FQN, Tags: append([]string{}, x.Tags...),
				Parents: append([]string{}, x.Parents...), Because: p.why[x.ID]})
		}
	}
	if len(out) == 0 && failed != nil {
		failed.Verb, failed.What = "list", "node"
		return nil, failed
	}
	return out, nil
}

// Compiled is a node's SQL, secrets as references.
type Compiled struct {
	ID, Name, Resource, File string
	SQL                      string
}

// CompileOptions of Compile.
type CompileOptions struct {
	Select, Exclude []string
	Filter          Filter
	Inline          string // a template text instead of nodes
}

// Compile renders nodes without touching the target. Models whose SQL depends
// on the results of queries are rendered with execute=false. Each model is read
// from its published view, so that the SQL runs in any program that has the
// target open; what a build runs, and the register keeps, names views in memory.
func (r *Runner) Compile(ctx context.Context, o CompileOptions) ([]Compiled, error) {
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	b := r.offlineBinding()
	if o.Inline != "" {
		res, err := g.RenderText(ctx, o.Inline, b)
		if err != nil {
			return nil, err
		}
		return []Compiled{{Name: "inline", SQL: r.readable(g, builtIDs(g), res.Stored)}}, nil
	}
	p, failed, err := r.pick(ctx, g, wanted{include: o.Select, exclude: o.Exclude, Filter: o.Filter})
	if err != nil {
		return nil, err
	}
	var out []Compiled
	built := builtIDs(g)
	for _, id := range g.DAG.Order() {
		n := g.Nodes[id]
		if n == nil || n.Resource == compile.Source || n.Resource == compile.Seed || n.Unit != nil || !p.direct[id] && !p.tests[id] {
			continue
		}
		res, err := g.Render(ctx, n, b)
		if err != nil {
			return nil, err
		}
		out = append(out, Compiled{ID: n.ID, Name: n.Name, Resource: n.Resource, File: n.File, SQL: r.readable(g, built, res.Stored)})
	}
	if len(out) == 0 && failed != nil {
		failed.Verb, failed.What = "compile", "node"
		return nil, failed
	}
	return out, nil
}

// readable is compiled SQL for another program; built are builtIDs.
func (r *Runner) readable(g *compile.Graph, built map[string]string, sql string) string {
	return binding.Readable(r.dialect(), sql, publicCatalog(g.Project.Target), func(model string) (engine.Relation, bool) {
		n := g.Nodes[built[model]]
		if n == nil {
			return engine.Relation{}, false
		}
		return publicRelation(g, n), true
	})
}

// builtIDs are the ids of models, seeds and snapshots, by name.
func builtIDs(g *compile.Graph) map[string]string {
	ids := make(map[string]string, len(g.Project.Models))
	for id, n := range g.Nodes {
		if n.Built() {
			ids[n.Name] = id
		}
	}
	return ids
}

// nilRun stands for a run id where there is no run.
const nilRun = "00000000-0000-0000-0000-000000000000"

// offlineBinding renders as a build would, without a target.
func (r *Runner) offlineBinding() compile.Binding {
	return compile.Binding{
		RunID:       nilRun,
		StartedAt:   time.Time{},
		Ref:         func(n *compile.Node) engine.Relation { return binding.Ref(r.dialect(), n.Name) },
		This:        func(n *compile.Node) engine.Relation { return r.this(n.Name) },
		Database:    r.dialect().Catalog(),
		RunOf:       func(*compile.Node) (string, error) { return nilRun, nil },
		Incremental: func(*compile.Node) bool { return false },
	}
}

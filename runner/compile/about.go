package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// runID is the run's id, and marks the text as one of this run only.
func (r *render) runID(name string) jinja.Value {
	r.noteVolatile(name)
	if r.b == nil || r.b.RunID == "" {
		return nilRun
	}
	return r.b.RunID
}

func (r *render) startedAt() jinja.Value {
	r.noteVolatile("run_started_at")
	if r.b == nil || r.b.StartedAt.IsZero() {
		return jinja.FromGo(r.started)
	}
	return jinja.FromGo(r.b.StartedAt.UTC().Truncate(time.Microsecond))
}

// modules is dbt's modules; a template that takes datetime may print the time.
func (r *render) modules() jinja.Value {
	all := jinja.Modules()
	return &namespace{"modules", func(name string) (jinja.Value, bool) {
		if name == "datetime" {
			r.noteVolatile("modules.datetime")
		}
		switch m := all.(type) {
		case *jinja.Dict:
			return m.Get(name)
		case jinja.Object:
			return m.Attr(name)
		}
		return nil, false
	}, nil}
}

func (r *render) database() jinja.Value {
	if r.b != nil && r.b.Database != "" {
		return r.b.Database
	}
	return orNone(r.project.Target.Catalog)
}

// target is the chosen target.
func (r *render) target() jinja.Value {
	t := r.project.Target.Value()
	if n, _ := t.Get("threads"); n == int64(0) {
		_ = t.Set("threads", int64(4))
	}
	for _, key := range []string{"database", "dbname", "catalog"} {
		_ = t.Set(key, r.database())
	}
	_ = t.Set("profile_name", r.project.Name)
	return t
}

func (r *render) flags() jinja.Value {
	full := r.b != nil && r.b.FullRefresh
	return dict("FULL_REFRESH", full, "full_refresh", full, "STORE_FAILURES", r.b != nil && r.b.StoreFailures, "WHICH", "build", "which", "build",
		"STRICT_MODE", false, "NON_DESTRUCTIVE", false, "USE_COLORS", false, "WARN_ERROR", false, "FAIL_FAST", false,
		"INTROSPECT", true, "SEND_ANONYMOUS_USAGE_STATS", false)
}

// selectedResources are the ids of what the command selected: there is none
// while the project is compiled.
func (r *render) selectedResources() jinja.Value {
	r.noteVolatile("selected_resources")
	if r.b == nil {
		return &jinja.List{}
	}
	return list(r.b.Selected)
}

// isIncremental is true when there are rows of an earlier run to add to.
func (r *render) isIncremental(*jinja.Call) (jinja.Value, error) {
	return r.b != nil && r.b.Incremental != nil && r.node != nil && r.b.Incremental(r.node), nil
}

func (r *render) shouldFullRefresh(*jinja.Call) (jinja.Value, error) {
	if r.node != nil && r.node.Config.FullRefresh != nil {
		return *r.node.Config.FullRefresh, nil
	}
	return r.b != nil && r.b.FullRefresh, nil
}

// id is the node that is rendered, "" for a free text.
func (r *render) id() string {
	if r.node == nil {
		return ""
	}
	return r.node.ID
}

// model is the node that is rendered, as dbt's manifest has it.
func (r *render) model() jinja.Value {
	if r.node == nil {
		return nil
	}
	return r.about(r.node)
}

// graph is all nodes, by id: made once for a template, which may look at it often.
func (r *render) graph() jinja.Value {
	t := r.top()
	if t.nodes != nil {
		return t.nodes
	}
	nodes, sources := jinja.NewDict(), jinja.NewDict()
	if r.b != nil && r.all != nil {
		for _, id := range slices.Sorted(maps.Keys(r.all)) {
			n := r.all[id]
			if n.Resource == Source {
				_ = sources.Set(id, r.about(n))
			} else {
				_ = nodes.Set(id, r.about(n))
			}
		}
	}
	exposures := jinja.NewDict()
	if r.b != nil {
		for _, x := range r.uses {
			_ = exposures.Set(x.ID, r.aboutExposure(x))
		}
	}
	t.nodes = dict("exposures", exposures, "functions", jinja.NewDict(), "groups", jinja.NewDict(), "metrics", jinja.NewDict(),
		"nodes", nodes, "sources", sources, "semantic_models", jinja.NewDict(), "saved_queries", jinja.NewDict())
	return t.nodes
}

// About is a node as templates see it; nil of nil.
func (g *Graph) About(n *Node) jinja.Value {
	if n == nil || g.env == nil {
		return nil
	}
	return (&render{env: g.env, node: n}).about(n)
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func orEmptyDict(d *jinja.Dict) jinja.Value {
	if d == nil {
		return jinja.NewDict()
	}
	return clone(d)
}

// nearer says whether a docs block of package a goes before one of b: the
// project's own is first, then that of the package that asks.
func (r *render) nearer(a, b string) bool {
	rank := func(pkg string) int {
		switch pkg {
		case r.project.Name:
			return 0
		case r.pkg:
			return 1
		}
		return 2
	}
	return rank(a) < rank(b)
}

// doc is doc('block') or doc('package', 'block'): the text of a docs block.
func (r *render) doc(c *jinja.Call) (jinja.Value, error) {
	var pkg, name string
	switch len(c.Args) {
	case 1:
		name = jinja.Str(c.Args[0])
	case 2:
		pkg, name = jinja.Str(c.Args[0]), jinja.Str(c.Args[1])
	default:
		return nil, fmt.Errorf("doc takes the name of a block, or a package and a name")
	}
	var blocks []string
	var found *project.DocBlock
	for _, b := range r.project.Docs {
		if b.Name == name && (pkg == "" || b.Package == pkg) && (found == nil || r.nearer(b.Package, found.Package)) {
			found = b
		}
		blocks = append(blocks, b.Name)
	}
	if found == nil || found.Template == nil {
		return nil, missing(fmt.Sprintf("there is no docs block '%s'", name), name, blocks)
	}
	text, err := r.nested(c.Context(), found.Template)
	return strings.TrimSpace(text), err
}

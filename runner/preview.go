package runner

import (
	"context"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// PreviewOptions of Preview.
type PreviewOptions struct {
	Select, Exclude []string
	Filter          Filter
	Inline          string // a template text instead of nodes
	Limit           int    // rows at most of each; 0: no limit
}

// PreviewTo gets what Preview finds, node by node, as Query gives it.
type PreviewTo struct {
	Node func(name string) error // "" for an inline text
	Head func([]engine.Column) error
	Row  func([]*string) error
	End  func() error
}

// Preview runs the SQL of nodes as their files are now, over the published rows of
// what they read, read-only. Nothing is built: a model that was changed shows
// what it would give. An incremental model is shown whole.
func (r *Runner) Preview(ctx context.Context, o PreviewOptions, to PreviewTo) error {
	g, err := r.load(ctx)
	if err != nil {
		return err
	}
	nodes := []*compile.Node{nil} // the inline text
	if o.Inline == "" {
		if nodes, err = r.pickPreviewed(ctx, g, o); err != nil {
			return err
		}
	}
	s, err := r.readOrMemory(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	bind, there, err := s.previewBinding(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := s.preview(ctx, g, n, o, bind, there, to); err != nil {
			return err
		}
	}
	return nil
}

// pickPreviewed are the selected nodes that are queries, or seeds.
func (r *Runner) pickPreviewed(ctx context.Context, g *compile.Graph, o PreviewOptions) ([]*compile.Node, error) {
	if len(o.Select) == 0 && o.Filter.Selector == "" {
		return nil, &UsageError{Msg: "show needs --select or --inline", Advice: "usage: warehouse show --select MODEL, or warehouse show --inline 'select …'"}
	}
	w := wanted{include: o.Select, exclude: o.Exclude, Filter: o.Filter}
	if w.Indirect == "" || w.Indirect == "eager" {
		w.Indirect = "empty" // a model is not shown with all its data tests
	}
	p, failed, err := r.pick(ctx, g, w)
	if err != nil {
		return nil, err
	}
	var nodes []*compile.Node
	for _, id := range g.DAG.Order() {
		if n := g.Nodes[id]; n != nil && p.direct[id] && n.Source == nil && n.Unit == nil {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) == 0 {
		if failed == nil {
			failed = &SelectionError{}
		}
		failed.Verb, failed.What = "show", "model, seed or data test"
		return nil, failed
	}
	return nodes, nil
}

// previewBinding makes the published rows readable, and is how templates see
// them; there is what is published.
func (s *session) previewBinding(ctx context.Context) (bind compile.Binding, there map[string]history.ModelRecord, err error) {
	bind = s.r.offlineBinding()
	bind.StartedAt = s.r.now().Truncate(time.Microsecond)
	bind.Query = func(ctx context.Context, sql string) ([]engine.Column, [][]any, error) {
		return queryRows(ctx, s.conn, sql)
	}
	if err := binding.CreateSchemas(ctx, s.conn); err != nil {
		return bind, nil, err
	}
	if s.reg == nil {
		return bind, nil, nil
	}
	snap, err := s.resolve(ctx, "")
	if err != nil {
		return bind, nil, nil // nothing is published: only sources can be read
	}
	records, err := s.reg.Records(ctx, s.conn, snap)
	if err != nil {
		return bind, nil, err
	}
	bind.RunOf = func(n *compile.Node) (string, error) {
		if id, ok := snap.Marts[n.Name]; ok {
			return id, nil
		}
		return "", ErrNotPublished
	}
	return bind, records, s.bindSnapshot(ctx, (&work{base: snap, records: records, bound: allOf(records)}).baseSnapshot(), records)
}

// readsUnpublished is the error of a query that reads what nobody has published.
func readsUnpublished(g *compile.Graph, rendered *compile.Rendered, n *compile.Node, there map[string]history.ModelRecord) error {
	need := []string{}
	for _, id := range rendered.Reads {
		switch p := g.Nodes[id]; {
		case p == nil:
		case p.Kind == "ephemeral":
			need = append(need, stored(g, p)...)
		case p.Built():
			need = append(need, p.Name)
		}
	}
	if n.Resource == compile.Seed {
		need = append(need, n.Name)
	}
	for _, name := range need {
		if _, ok := there[name]; !ok {
			return &diag.Error{Pos: diag.Pos{File: n.File}, Msg: name + " is read, and is not published", Advice: "`warehouse build --select +" + name + "` builds it"}
		}
	}
	return nil
}

func allOf(records map[string]history.ModelRecord) map[string]bool {
	out := map[string]bool{}
	for name := range records {
		out[name] = true
	}
	return out
}

// preview runs one node; of nil, the inline text.
func (s *session) preview(ctx context.Context, g *compile.Graph, n *compile.Node, o PreviewOptions, bind compile.Binding, there map[string]history.ModelRecord, to PreviewTo) error {
	name := ""
	if n != nil {
		name = n.Name
	}
	if err := to.Node(name); err != nil {
		return err
	}
	var rendered *compile.Rendered
	var err error
	switch {
	case n == nil:
		rendered, err = g.RenderText(ctx, o.Inline, bind)
		n = &compile.Node{Config: compile.NoConfig, File: "inline"}
	case n.Resource == compile.Seed:
		rendered = &compile.Rendered{SQL: "SELECT * FROM " + bind.Ref(n).String()}
	default:
		rendered, err = g.Render(ctx, n, bind)
	}
	if err != nil {
		return err
	}
	if err := readsUnpublished(g, rendered, n, there); err != nil {
		return err
	}
	if c, ok := s.dialect().(engine.StatementChecker); ok {
		if err := c.CheckSelect(ctx, s.conn, rendered.SQL); err != nil {
			return placed(err, n, rendered)
		}
	}
	if err := s.stream(ctx, rendered.SQL, o.Limit, to.Head, to.Row); err != nil {
		return placed(err, n, rendered)
	}
	return to.End()
}

package runner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/selector"
)

// SelectionError says that a selection names nothing that the verb could work
// on.
type SelectionError struct {
	Unmatched []string // parts that matched nothing
	Near      []string // for each of them the nearest name, or ""
	Verb      string   // "build", "test"
	What      string   // "model", "data test"
}

func (e *SelectionError) Error() string {
	msg := fmt.Sprintf("nothing to %s: the selection names no %s", e.Verb, e.What)
	if len(e.Unmatched) > 0 {
		msg += "; " + unmatchedText(e.Unmatched, e.Near)
	}
	return msg
}
func (e *SelectionError) Unwrap() error { return ErrNothingSelected }
func (e *SelectionError) Hint() string  { return "`warehouse ls` lists what can be selected" }

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
	tests  map[string]bool // ids of data tests
	all    bool            // nothing was said: the whole project
	direct map[string]bool // every id that the selection names, of any kind
}

// pick applies a selection to the graph. Data tests come along with what they
// read (any of it), unless they are excluded themselves.
func (r *Runner) pick(g *compile.Graph, include, exclude []string) (picked, *SelectionError, error) {
	nodes := selectorNodes(g)
	p := picked{models: map[string]bool{}, tests: map[string]bool{}, all: len(include) == 0 && len(exclude) == 0}
	in, failed, err := r.selectIDs(g, nodes, include)
	if err != nil {
		return p, nil, err
	}
	out := map[string]bool{}
	if len(exclude) > 0 {
		var more *SelectionError
		if out, more, err = r.selectIDs(g, nodes, exclude); err != nil {
			return p, nil, err
		}
		failed = joinUnmatched(failed, more)
	}
	if len(include) == 0 {
		for id := range g.Nodes {
			in[id] = true
		}
	}
	p.direct = map[string]bool{}
	for id := range in {
		if out[id] {
			continue
		}
		p.direct[id] = true
		if g.Nodes[id].Built() {
			p.models[id] = true
		}
	}
	for id, n := range g.Nodes {
		// Sources are tested with what is selected of them: with everything, by
		// name, or above a model (+model).
		if n.Test != nil && !out[id] && slices.ContainsFunc(n.Parents, func(q string) bool {
			return p.models[q] || p.direct[q] && g.Nodes[q].Resource == compile.Source
		}) {
			p.tests[id] = true
		}
	}
	if failed != nil {
		r.warn(&diag.Error{Msg: unmatchedText(failed.Unmatched, failed.Near), Warn: true, Advice: failed.Hint()})
	}
	return p, failed, nil
}

func joinUnmatched(a, b *SelectionError) *SelectionError {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	return &SelectionError{Unmatched: append(a.Unmatched, b.Unmatched...), Near: append(a.Near, b.Near...)}
}

func (r *Runner) selectIDs(g *compile.Graph, nodes []*selector.Node, texts []string) (map[string]bool, *SelectionError, error) {
	if len(texts) == 0 {
		return map[string]bool{}, nil, nil
	}
	expr, err := selector.Options{Package: g.Project.Name, Indirect: selector.Empty}.Parse(texts...)
	if err != nil {
		return nil, nil, err
	}
	sel, err := expr.Select(g.DAG, nodes, nil)
	if err != nil {
		return nil, nil, err
	}
	if len(sel.Unmatched) == 0 {
		return sel.IDs, nil, nil
	}
	failed := &SelectionError{Unmatched: sel.Unmatched}
	for _, u := range sel.Unmatched {
		failed.Near = append(failed.Near, diag.Nearest(u, candidates(g, u)))
	}
	return sel.IDs, failed, nil
}

// candidates are names like the one that matched nothing.
func candidates(g *compile.Graph, unmatched string) []string {
	tag, isTag := strings.CutPrefix(unmatched, "tag:")
	seen := map[string]bool{}
	for _, n := range g.Nodes {
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
	out := make([]*selector.Node, 0, len(g.Nodes))
	for _, id := range g.DAG.Order() {
		n := g.Nodes[id]
		if n == nil {
			continue
		}
		s := &selector.Node{ID: n.ID, Name: n.Name, Package: n.Package, ResourceType: n.Resource, FQN: n.FQN,
			Tags: n.Tags, Path: n.File}
		switch {
		case n.Source != nil:
			s.SourceName = n.Source.SourceName
		case n.Unit != nil:
			s.TestName = n.Name
			s.Config = map[string]any{"enabled": true, "tags": n.Tags, "meta": n.Config.Meta}
		case n.Test != nil:
			s.TestType, s.TestName = "singular", ""
			if n.Test.Generic != "" {
				s.TestType, s.TestName = "generic", n.Test.Generic
			}
			s.Config = map[string]any{"severity": n.Test.Severity}
		default:
			s.Config = map[string]any{"materialized": n.Kind, "alias": n.Config.Alias, "schema": n.Config.Schema,
				"enabled": true, "tags": n.Config.Tags, "meta": n.Config.Meta}
		}
		out = append(out, s)
	}
	return out
}

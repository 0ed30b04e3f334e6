package runner

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"warehouse/runner/compile"
	"warehouse/runner/engine"
	"warehouse/runner/sqltext"
)

// shape is what is known of the columns of what a unit test's model reads.
type shape struct {
	columns  []engine.Column
	complete bool              // columns are all of them
	types    map[string]string // otherwise: by lower-cased name, those that YAML gives
}

// shapes finds out the columns of models, seeds and sources without their rows,
// each once. It is safe for concurrent use.
type shapes struct {
	mu    sync.Mutex
	known map[string]shape // by node id
}

// of returns the shape of a node: as this build has bound it, as it was
// published, or by binding its SQL over empty parents; what YAML says of it
// stands in where that is not possible.
func (s *shapes) of(ctx context.Context, b *build, c *engine.Conn, n *compile.Node) shape {
	s.mu.Lock()
	found, ok := s.known[n.ID]
	s.mu.Unlock()
	if ok {
		return found
	}
	found = shape{columns: b.columnsOf(ctx, c, n)}
	if found.complete = len(found.columns) > 0; !found.complete {
		found.types = map[string]string{}
		for _, col := range n.Columns {
			found.types[strings.ToLower(col.Name)] = col.DataType
		}
	}
	if ctx.Err() == nil {
		s.mu.Lock()
		if s.known == nil {
			s.known = map[string]shape{}
		}
		s.known[n.ID] = found
		s.mu.Unlock()
	}
	return found
}

// columnsOf returns a node's columns, or nil if they cannot be told.
func (b *build) columnsOf(ctx context.Context, c *engine.Conn, n *compile.Node) []engine.Column {
	if t := b.tasks[n.ID]; t != nil && !t.deferred && t.columns != nil {
		return t.columns
	}
	if rec, ok := b.records[n.Name]; ok && n.Built() && !b.names[n.Name] && len(rec.Layout.Columns) > 0 {
		var out []engine.Column
		for _, col := range rec.Layout.Columns {
			out = append(out, engine.Column{Name: col.Name, Type: col.Type})
		}
		return out
	}
	sql := ""
	switch n.Resource {
	case compile.Source:
		sql = "SELECT * FROM " + b.g.FromOf(n, b.binder)
	case compile.Seed:
		rendered, _, err := b.r.renderSeed(n)
		if err != nil {
			return nil
		}
		sql = rendered.SQL
	default:
		sql = b.overEmpty(ctx, c, n)
	}
	if sql == "" {
		return nil
	}
	columns, err := c.Describe(ctx, sql)
	if err != nil {
		return nil
	}
	return columns
}

// overEmpty is a model's SQL with empty relations in the place of what it
// reads; "" if it cannot be written.
func (b *build) overEmpty(ctx context.Context, c *engine.Conn, n *compile.Node) string {
	bind := b.binder
	bind.Ref = func(p *compile.Node) engine.Relation { return engine.Relation{Name: "__empty__" + p.Name} }
	bind.Incremental = func(*compile.Node) bool { return false }
	bind.Query = func(context.Context, string) ([]engine.Column, [][]any, error) { return nil, nil, errDeferred }
	rendered, err := b.g.Render(ctx, n, bind)
	if err != nil {
		return ""
	}
	var ctes []sqltext.CTE
	for _, p := range storedNodes(b.g, n) {
		s := b.shapes.of(ctx, b, c, p)
		if !s.complete {
			return ""
		}
		list := make([]string, len(s.columns))
		for i, col := range s.columns {
			list[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", col.Type, engine.Ident(col.Name))
		}
		ctes = append(ctes, sqltext.CTE{Name: engine.Ident("__empty__" + p.Name), SQL: "SELECT " + strings.Join(list, ", ") + " WHERE false"})
	}
	sql, _ := sqltext.WithCTEs(rendered.SQL, ctes)
	return sql
}

// storedNodes are the nodes that stored names.
func storedNodes(g *compile.Graph, n *compile.Node) []*compile.Node {
	var out []*compile.Node
	seen := map[string]bool{}
	var walk func(ids []string)
	walk = func(ids []string) {
		for _, id := range ids {
			p := g.Nodes[id]
			if p == nil || seen[id] {
				continue
			}
			seen[id] = true
			if p.Kind == "ephemeral" {
				walk(p.Refs)
			} else {
				out = append(out, p)
			}
		}
	}
	walk(n.Refs)
	return out
}

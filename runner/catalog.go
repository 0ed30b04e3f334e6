package runner

import (
	"cmp"
	"context"

	"warehouse/runner/artifact"
	"warehouse/runner/compile"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// CatalogReport is what `latest` shows and what sources have, for catalog.json.
type CatalogReport struct {
	Models, Sources int     // whose columns are known
	Errors          []error // of sources that could not be looked at

	records map[string]history.ModelRecord
	sources map[string][]engine.Column // by id
}

// CatalogOptions of Catalog.
type CatalogOptions struct {
	Select, Exclude []string
	Filter          Filter
	Empty           bool // look at nothing
}

// Catalog finds out the columns of what is published and of the sources. Those
// of models are in the register; each source is described, none is read.
func (r *Runner) Catalog(ctx context.Context, o CatalogOptions) (*CatalogReport, error) {
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	out := &CatalogReport{records: map[string]history.ModelRecord{}, sources: map[string][]engine.Column{}}
	if o.Empty {
		return out, nil
	}
	p, failed, err := r.pick(ctx, g, wanted{include: o.Select, exclude: o.Exclude, Filter: o.Filter})
	if err != nil {
		return nil, err
	}
	if failed != nil && len(p.direct) == 0 {
		failed.Verb, failed.What = "describe", "model or source"
		return nil, failed
	}
	s, err := r.readOrMemory(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if s.reg != nil {
		if snap, err := s.resolve(ctx, ""); err == nil {
			records, err := s.reg.Records(ctx, s.conn, snap)
			if err != nil {
				return nil, err
			}
			for id := range p.models {
				if rec, ok := records[g.Nodes[id].Name]; ok {
					out.records[g.Nodes[id].Name] = rec
					out.Models++
				}
			}
		}
	}
	for _, id := range g.DAG.Order() {
		n := g.Nodes[id]
		if n == nil || n.Source == nil || !p.direct[id] {
			continue
		}
		columns, err := s.conn.Describe(ctx, "SELECT * FROM "+g.FromOf(n, r.offlineBinding()))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			out.Errors = append(out.Errors, r.hidden(ofSource(n, err)))
			continue
		}
		out.sources[id] = columns
		out.Sources++
	}
	return out, nil
}

func (a *artifacts) sourceTable(n *compile.Node, columns []engine.Column) *artifact.CatalogTable {
	database := cmp.Or(n.Relation.Database, a.database())
	t := &artifact.CatalogTable{UniqueID: &n.ID, Columns: map[string]*artifact.CatalogColumn{}, Stats: map[string]*artifact.CatalogStat{},
		Metadata: artifact.TableMetadata{Type: "BASE TABLE", Schema: n.Relation.Schema, Name: n.Relation.Name, Database: &database, Comment: artifact.Text(n.Description)}}
	comments := map[string]string{}
	for _, c := range n.Columns {
		comments[c.Name] = c.Description
	}
	for i, c := range columns {
		t.Columns[c.Name] = &artifact.CatalogColumn{Type: c.Type, Index: i + 1, Name: c.Name, Comment: artifact.Text(comments[c.Name])}
	}
	description := "Indicates whether there are statistics for this table"
	t.Stats["has_stats"] = &artifact.CatalogStat{ID: "has_stats", Label: "Has Stats?", Value: false, Description: &description}
	return t
}

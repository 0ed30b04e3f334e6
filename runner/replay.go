package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/dag"
	"warehouse/runner/history"
	"warehouse/runner/project"
	"warehouse/runner/sqltext"
)

// Replay runs the SQL that a run recorded, for all its models, on today's
// data: what it read of itself is built anew, everything else is read from
// what is live. It makes a new run that is not published. The project's models
// are not looked at, so it works when they changed, left or do not compile.
func (r *Runner) Replay(ctx context.Context, spec string) (*Report, error) {
	begun := time.Now()
	if spec == "" {
		return nil, &UsageError{Msg: "replay needs a run", Advice: "`warehouse runs` lists them"}
	}
	if len(r.cfg.Vars) > 0 {
		return nil, &UsageError{Msg: "replay runs SQL that is already rendered: variables do not change it", Advice: "leave --vars out"}
	}
	id := r.cfg.NewID()
	s, err := r.write(ctx, id)
	if err != nil {
		return nil, err
	}
	report, err := s.replay(ctx, spec, id, begun)
	return report, errors.Join(err, s.Close())
}

func (s *session) replay(ctx context.Context, spec, id string, begun time.Time) (*Report, error) {
	snap, err := s.resolve(ctx, spec)
	if err != nil {
		return nil, err
	}
	run, err := s.reg.Run(ctx, s.conn, snap.Run)
	if err != nil {
		return nil, err
	}
	recs, err := s.reg.Models(ctx, s.conn, run.ID)
	if err != nil {
		return nil, err
	}
	for _, rec := range recs {
		if rec.Layout.Hook != "" {
			return nil, &UsageError{Msg: fmt.Sprintf("rows of %s in r%d were made by its post-hook, which no run holds: replay would leave them out", rec.Model, run.Seq), Advice: "`warehouse build` runs the hooks"}
		}
	}
	g, sqls, err := storedGraph(s.r.project, recs)
	if err != nil {
		return nil, err
	}
	b := newBuild(s, begun, BuildOptions{RunID: id, NoPublish: true})
	b.parent, b.replayed = run.ID, run.Vars
	b.render = func(_ context.Context, n *compile.Node, _ compile.Binding) (*compile.Rendered, error) {
		rendered, err := compile.FromStored(sqls[n.ID], s.r.cfg.LookupEnv)
		if err == nil {
			rendered.Reads = n.Parents
			rendered.This = readsThis(sqls[n.ID])
		}
		return rendered, err
	}
	b.seeds = func(n *compile.Node) (*compile.Rendered, *seedFile, error) { return s.r.replaySeed(n, sqls[n.ID]) }
	p := picked{models: map[string]bool{}, tests: map[string]bool{}, all: true}
	for nid, n := range g.Nodes {
		if n.Resource != compile.Model || sqls[nid] == "" {
			continue
		}
		p.models[nid] = true
		b.o.Select = append(b.o.Select, n.Name)
	}
	if len(p.models) == 0 {
		return nil, &UsageError{Msg: fmt.Sprintf("run %s recorded no SQL that could run again", run.ID), Advice: "choose a run that built something"}
	}
	slices.Sort(b.o.Select)
	return b.all(ctx, g, p, func() origin { return origin{code: run.CodeVersion, sha256: run.ProjectSHA256} })
}

// readsThis says whether SQL reads the published rows of its own model.
func readsThis(sql string) bool {
	for _, name := range sqltext.Names(sql) {
		if len(name.Parts) >= 2 && name.Parts[len(name.Parts)-2] == binding.ThisSchema {
			return true
		}
	}
	return false
}

// storedGraph makes a graph of what a run recorded: its models, and what they
// read.
func storedGraph(p *project.Project, recs []history.ModelRecord) (*compile.Graph, map[string]string, error) {
	g := &compile.Graph{Project: p, Nodes: map[string]*compile.Node{}}
	sqls := map[string]string{}
	id := func(model string) string { return "model." + p.Name + "." + model }
	for _, rec := range recs {
		if rec.CompiledSQL == "" || (rec.Status != history.ModelSuccess && rec.Status != history.ModelReused && rec.Status != history.ModelPruned) {
			continue
		}
		n := &compile.Node{ID: id(rec.Model), Name: rec.Model, Package: p.Name, Resource: compile.Model, Kind: rec.Kind, File: "the stored SQL of " + rec.Model}
		n.Table.Schema, n.Table.Name, n.Shown = rec.Layout.Schema, rec.Layout.Table, rec.Layout.Shown
		n.Config = &project.ModelConfig{Materialized: rec.Kind, Enabled: true, RunIDColumn: rec.Layout.RunColumn,
			CreatedAtColumn: rec.Layout.CreatedColumn, CreatedAtYields: true, PrimaryKey: rec.Layout.Key, UniqueKey: rec.Layout.Unique}
		for nid, in := range rec.Inputs {
			if rec.Kind == compile.Seed || strings.EqualFold(in.Name, rec.Model) || in.Via != "" { // its file; its own published rows; what a view reads
				continue
			}
			if in.RunID != "" {
				nid = id(in.Name)
				n.Refs = append(n.Refs, nid)
			} else if g.Nodes[nid] == nil {
				source, table, _ := strings.Cut(in.Name, ".")
				g.Nodes[nid] = &compile.Node{Config: compile.NoConfig, ID: nid, Name: table, Resource: compile.Source, Source: &project.Source{SourceName: source, Name: table}}
			}
			n.Parents = append(n.Parents, nid)
		}
		slices.Sort(n.Parents)
		slices.Sort(n.Refs)
		g.Nodes[n.ID], sqls[n.ID] = n, rec.CompiledSQL
	}
	// What was read of other runs is a node too, so that it is found by name.
	for _, rec := range recs {
		for _, in := range rec.Inputs {
			if in.RunID != "" && g.Nodes[id(in.Name)] == nil {
				g.Nodes[id(in.Name)] = &compile.Node{Config: compile.NoConfig, ID: id(in.Name), Name: in.Name, Resource: compile.Model, Kind: "mart"}
			}
		}
	}
	parents := map[string][]string{}
	for nid, n := range g.Nodes {
		parents[nid] = n.Parents
	}
	var err error
	g.DAG, err = dag.New(parents)
	return g, sqls, err
}

package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"warehouse/runner/compile"
	"warehouse/runner/dag"
	"warehouse/runner/engine"
	"warehouse/runner/project"
)

// testUnits runs unit tests alone: without a run, and without a database.
func (r *Runner) testUnits(ctx context.Context, g *compile.Graph, p picked, begun time.Time) (*Report, error) {
	w := &work{g: g, picked: p, tests: map[string]*compile.Node{}, names: map[string]bool{}, bound: map[string]bool{}}
	edges := map[string][]string{}
	for id := range p.tests {
		w.tests[id], edges[id] = g.Nodes[id], nil
	}
	s, err := r.unitSession(ctx, w)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	b := newBuild(s, begun, BuildOptions{})
	b.work, b.render, b.binder = w, g.Render, r.offlineBinding()
	b.binder.StartedAt = r.now()
	if b.graph, err = dag.New(edges); err != nil {
		return nil, err
	}
	r.event(Event{Kind: EventPlan, Total: len(w.tests), Message: "unit tests"})
	b.skipRest(ctx, b.walk(ctx))
	failed := 0
	for _, n := range b.results {
		if n.Blocks() || n.Status == StatusSkipped {
			failed++
		}
	}
	return &Report{Nodes: b.results, Elapsed: time.Since(b.begun), TestsOnly: true, Failed: failed, facts: b.facts(false)}, ctx.Err()
}

// unitSession is an engine for unit tests alone. Of a file engine it is one in
// memory, unless the types of a source's columns stand in the file only.
func (r *Runner) unitSession(ctx context.Context, w *work) (*session, error) {
	e, err := r.engine()
	if err != nil {
		return nil, err
	}
	t := r.target(false)
	if lockPath(e, t) == "" || w.needsSources() {
		s, err := r.read(ctx)
		if err != nil || s.db != nil {
			return s, err
		}
	}
	return r.inMemory(ctx, e, t)
}

// inMemory is a session with an engine that holds nothing; of a server, with
// that server.
func (r *Runner) inMemory(ctx context.Context, e engine.Engine, t engine.Target) (*session, error) {
	s := &session{r: r}
	if lockPath(e, t) != "" {
		t.Path, t.TempDir = ":memory:", filepath.Join(os.TempDir(), "warehouse-unit-tests")
	}
	var err error
	if s.db, err = e.Open(ctx, t); err != nil {
		return nil, err
	}
	if r.cfg.Statement != nil {
		s.db.Log(r.cfg.Statement)
	}
	s.conn, err = s.db.Conn(ctx)
	return s, err
}

// readOrMemory opens the target for reading. Where it does not exist yet there
// is an empty engine instead: what is kept in files can be read all the same.
func (r *Runner) readOrMemory(ctx context.Context) (*session, error) {
	s, err := r.read(ctx)
	if err != nil || s.db != nil {
		return s, err
	}
	e, err := r.engine()
	if err != nil {
		return nil, err
	}
	return r.inMemory(ctx, e, r.target(false))
}

// needsSources says whether a unit test is given what comes from a source whose
// columns only the target knows.
func (w *work) needsSources() bool {
	for _, t := range w.tests {
		for _, id := range w.g.DAG.Ancestors(t.Unit.Model.ID, -1) {
			n := w.g.Nodes[id]
			if n.Source != nil && !n.External() && (len(n.Columns) == 0 || slices.ContainsFunc(n.Columns, func(c project.Column) bool { return c.DataType == "" })) {
				return true
			}
		}
	}
	return false
}

// leaveUnitsOut takes unit tests out of a test that names nothing, or a run: what
// is asked then is whether that run is right. Where there is nothing else, they
// are run.
func (r *Runner) leaveUnitsOut(g *compile.Graph, p *picked, run string) {
	if !p.all && run == "" {
		return
	}
	var units []string
	for id := range p.tests {
		if g.Nodes[id].Unit != nil {
			units = append(units, id)
		}
	}
	if len(units) == 0 || len(units) == len(p.tests) {
		return
	}
	for _, id := range units {
		delete(p.tests, id)
	}
	were := "unit tests were"
	if len(units) == 1 {
		were = "unit test was"
	}
	r.event(Event{Kind: EventLog, Message: fmt.Sprintf("%d %s left out, which need no run: --select test_type:unit runs them", len(units), were)})
}

// unitsOnly says that all that is selected is unit tests.
func (p picked) unitsOnly(g *compile.Graph) bool {
	for id := range p.tests {
		if g.Nodes[id].Unit == nil {
			return false
		}
	}
	return len(p.tests) > 0
}

// testWord is what a failed test of a build is called.
func (b *build) testWord() string {
	units, data := false, false
	for _, n := range b.results {
		if n.Blocks() {
			units, data = units || n.Resource == compile.Unit, data || n.Resource == compile.Test
		}
	}
	switch {
	case units && data:
		return "test"
	case units:
		return "unit test"
	}
	return "data test"
}

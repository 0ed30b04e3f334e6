package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/dag"
	"warehouse/runner/datatest"
	"warehouse/runner/history"
)

// Test runs data tests against any run's snapshot and records them as a new
// attempt of that run. It changes no run's status and publishes nothing.
func (r *Runner) Test(ctx context.Context, o TestOptions) (*Report, error) {
	begun := time.Now()
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	p, err := r.pickTests(ctx, g, o.Run, wanted{include: o.Select, exclude: o.Exclude, Filter: o.Filter})
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(p.tests)), func(id string) bool { return g.Nodes[id].Unit == nil }) {
		return r.testUnits(ctx, g, p, begun)
	}
	s, err := r.write(ctx, "")
	if err != nil {
		return nil, err
	}
	defer s.Close()
	snap, err := s.resolve(ctx, o.Run)
	if err != nil {
		return nil, err
	}
	records, err := s.reg.Records(ctx, s.conn, snap)
	if err != nil {
		return nil, err
	}
	run, err := s.reg.Run(ctx, s.conn, snap.Run)
	if err != nil {
		return nil, err
	}
	b := newBuild(s, begun, BuildOptions{StoreFailures: o.StoreFailures})
	b.run, b.render = run, g.Render
	b.work = &work{g: g, picked: p, base: snap, records: records, tests: map[string]*compile.Node{}, names: map[string]bool{}, bound: map[string]bool{}}
	for id := range p.tests {
		b.work.tests[id] = g.Nodes[id]
		for _, name := range stored(g, g.Nodes[id]) {
			if _, ok := records[name]; ok {
				b.bound[name] = true
			}
		}
	}
	for name := range b.bound {
		b.closure(name)
	}
	if err := b.bindSnapshot(ctx, b.baseSnapshot(), records); err != nil {
		return nil, err
	}
	if err := b.sayUnbuilt(ctx); err != nil {
		return nil, err
	}
	return b.testAll(ctx)
}

// sayUnbuilt finds the data tests that would say nothing of a run that is no
// success: they read a model that it failed to build, or none that it built.
// The rows that its snapshot shows there are those of an older run.
func (b *build) sayUnbuilt(ctx context.Context) error {
	if b.base.Publication != 0 || b.run.Status == history.Success {
		return nil
	}
	recs, err := b.reg.Models(ctx, b.conn, b.run.ID)
	if err != nil {
		return err
	}
	built, missed := map[string]bool{}, map[string]bool{}
	for _, rec := range recs {
		ok := rec.Status == history.ModelSuccess || rec.Status == history.ModelReused
		built[rec.Model], missed[rec.Model] = ok, !ok
	}
	b.unbuilt = map[string]string{}
	for id, n := range b.work.tests {
		if n.Unit != nil {
			continue
		}
		names, any := stored(b.g, n), false
		for _, name := range names {
			any = any || built[name]
		}
		for _, name := range names {
			if missed[name] || !any {
				b.unbuilt[id] = fmt.Sprintf("r%d did not build %s", b.run.Seq, name)
				break
			}
		}
	}
	return nil
}

// testAll runs the data tests of a Test and records them.
func (b *build) testAll(ctx context.Context) (*Report, error) {
	b.binder = b.binding()
	edges, units := map[string][]string{}, map[string]bool{}
	for id, n := range b.work.tests {
		edges[id] = nil
		if n.Unit != nil {
			units[n.Name] = true
		}
	}
	var err error
	if b.graph, err = dag.New(edges); err != nil {
		return nil, err
	}
	b.r.event(Event{Kind: EventPlan, Run: b.run.ID, Total: len(b.work.tests), Message: fmt.Sprintf("r%d", b.run.Seq)})
	if err := b.failuresSchemas(ctx); err != nil {
		return nil, err
	}
	b.countFused(ctx)
	walked := b.walk(ctx)
	b.skipRest(ctx, walked)
	ctx = context.WithoutCancel(ctx)
	attempt, err := b.nextAttempt(ctx)
	if err != nil {
		return nil, err
	}
	failed := 0
	b.tests = slices.DeleteFunc(b.tests, func(t history.TestRecord) bool { return units[t.Test] }) // they say nothing of the run
	for i := range b.tests {
		b.tests[i].Attempt = attempt
	}
	for _, n := range b.results {
		if n.Blocks() || n.Status == StatusSkipped {
			failed++
		}
	}
	err = b.conn.Atomic(ctx, func() error {
		if err := b.reg.RecordTests(ctx, b.conn, b.tests); err != nil {
			return err
		}
		return b.reg.Seal(ctx, b.conn, b.run.ID, "test")
	})
	report := &Report{Run: b.run, Nodes: b.results, Scans: b.scans, Elapsed: time.Since(b.begun), TestsOnly: true, Failed: failed, facts: b.facts(false)}
	return report, err
}

func (b *build) nextAttempt(ctx context.Context) (int, error) {
	old, err := b.reg.Tests(ctx, b.conn, b.run.ID)
	attempt := 0
	for _, t := range old {
		attempt = max(attempt, t.Attempt)
	}
	return attempt + 1, err
}

// countFused counts the row-wise data tests of each model in one scan. If a
// scan cannot run, its tests run one by one.
func (b *build) countFused(ctx context.Context) {
	groups := map[string][]*compile.Node{}
	for _, id := range b.graph.Order() {
		n := b.work.tests[id]
		if n.Unit != nil || b.unbuilt[id] != "" {
			continue
		}
		m := b.g.Nodes[n.Test.Model]
		if m != nil && m.Kind != "ephemeral" && b.bound[m.Name] && testOf(n, "").Simple() {
			groups[m.Name] = append(groups[m.Name], n)
		}
	}
	for name, nodes := range groups {
		if len(nodes) < 2 || ctx.Err() != nil {
			continue
		}
		tests := make([]datatest.Test, len(nodes))
		for i, n := range nodes {
			rendered, err := b.render(ctx, n, b.binder)
			if err != nil {
				tests = nil
				break
			}
			tests[i] = testOf(n, rendered.SQL)
		}
		if tests == nil {
			continue
		}
		started := time.Now()
		counts, err := datatest.Count(ctx, b.conn, binding.Ref(b.dialect(), name).String(), tests)
		if err != nil {
			continue
		}
		for i, n := range nodes {
			b.fused[n.ID] = datatest.Judge(ctx, b.conn, tests[i], counts[i], started)
		}
		b.scans += len(nodes) - 1
	}
}

// pickTests is pick for data tests: those that are named, and those of what is
// named.
func (r *Runner) pickTests(ctx context.Context, g *compile.Graph, run string, w wanted) (picked, error) {
	p, failed, err := r.pick(ctx, g, w)
	if err != nil {
		return p, err
	}
	r.leaveUnitsOut(g, &p, run)
	if len(p.tests) > 0 {
		return p, nil
	}
	if failed == nil {
		failed = &SelectionError{}
	}
	failed.Verb, failed.What = "test", "data test"
	return p, failed
}

// OK says whether the answer is yes: everything selected was built and no
// blocking data test failed; of a Test, that no data test failed.
func (r *Report) OK() bool {
	if r.TestsOnly {
		return r.Failed == 0
	}
	return r.Run.Status == history.Success && len(r.Restated) == 0 && r.EndHooks == nil
}

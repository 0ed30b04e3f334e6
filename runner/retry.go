package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// Retry goes on with a run that did not end well, under the same run id, clock,
// variables and selection: finished models whose SQL and inputs did not change
// are kept, the rest is built. All data tests run again. spec "" is the newest
// run. Of a success there is nothing to do: the report says so (TestsOnly is
// false, Nodes is empty).
func (r *Runner) Retry(ctx context.Context, spec string) (*Report, error) {
	begun := time.Now()
	if len(r.cfg.Vars) > 0 {
		return nil, &UsageError{Msg: "retry keeps the variables of the run that it repeats", Advice: "leave --vars out, or start a new build"}
	}
	origin := r.originLater(ctx)
	s, err := r.write(ctx, "")
	if err != nil {
		return nil, err
	}
	report, err := s.retry(ctx, spec, begun, origin)
	return report, errors.Join(err, s.Close())
}

func (s *session) retry(ctx context.Context, spec string, begun time.Time, origin func() origin) (*Report, error) {
	r := s.r
	run, err := s.runToRetry(ctx, spec)
	if err != nil {
		return nil, err
	}
	if run, err = s.takeOver(ctx, run, spec != ""); err != nil {
		return nil, err
	}
	if run.Status == history.Success {
		return &Report{Run: run, NotBecause: "it is a success: there is nothing to retry", Elapsed: time.Since(begun)}, nil
	}
	if err := s.mayRetry(ctx, run); err != nil {
		return nil, err
	}
	if s.lock != nil {
		s.lock.SetRun(run.ID)
	}
	if r.cfg.Vars, err = varsOf(run); err != nil {
		return nil, err
	}
	r.graph, r.loadErr = nil, nil
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	p, err := r.pickModels(ctx, g, wantedOf(run.Selection))
	if err != nil {
		return nil, err
	}
	b := newBuild(s, begun, BuildOptions{RunID: run.ID, Select: run.Selection.Select, Exclude: run.Selection.Exclude, NoPublish: !run.Selection.Publish,
		FullRefresh: run.Selection.FullRefresh, Empty: run.Selection.Empty, Reuse: run.Selection.Reuse, StoreFailures: run.Selection.StoreFailures})
	if run.Selection.EventTimeStart != nil && run.Selection.EventTimeEnd != nil {
		b.o.EventTimeStart, b.o.EventTimeEnd = *run.Selection.EventTimeStart, *run.Selection.EventTimeEnd
	}
	b.run, b.old = run, map[string]history.ModelRecord{}
	recs, err := s.reg.Models(ctx, s.conn, run.ID)
	if err != nil {
		return nil, err
	}
	tests, err := s.reg.Tests(ctx, s.conn, run.ID)
	if err != nil {
		return nil, err
	}
	for _, rec := range recs {
		b.old[rec.Model] = rec
		b.attempt = max(b.attempt, rec.Attempt+1)
	}
	for _, t := range tests {
		b.attempt = max(b.attempt, t.Attempt+1)
	}
	return b.all(ctx, g, p, origin)
}

func (s *session) runToRetry(ctx context.Context, spec string) (history.Run, error) {
	if spec != "" {
		snap, err := s.resolve(ctx, spec)
		if err != nil {
			return history.Run{}, err
		}
		return s.reg.Run(ctx, s.conn, snap.Run)
	}
	runs, err := s.reg.Runs(ctx, s.conn, 1)
	if err != nil {
		return history.Run{}, err
	}
	if len(runs) == 0 {
		return history.Run{}, &UsageError{Msg: "there is no run to retry", Advice: "`warehouse build` makes one"}
	}
	return runs[0], nil
}

// mayRetry refuses runs that cannot go on: pruned ones, and those that read
// what is no longer live.
func (s *session) mayRetry(ctx context.Context, run history.Run) error {
	refused := func(why string) error {
		return &history.RefusedError{RunID: run.ID, Op: "retry", Why: []string{why}, Advice: "`warehouse build` makes a new run"}
	}
	if run.Status == history.Pruned {
		return refused("it was pruned")
	}
	live, err := s.reg.Live(ctx, s.conn)
	if err != nil {
		return err
	}
	base, err := s.baseOf(ctx, run)
	if err != nil {
		return err
	}
	if !maps.Equal(live.Marts, base.Marts) {
		return refused(fmt.Sprintf("publication %d, which it was built upon, is no longer live", run.BasePublication))
	}
	return nil
}

// varsOf are a run's variables as they were given.
func varsOf(run history.Run) (map[string]any, error) {
	var vars map[string]any
	if len(run.Vars) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(run.Vars, &vars); err != nil {
		return nil, fmt.Errorf("the recorded variables of run %s cannot be read: %w", run.ID, err)
	}
	for k, v := range vars {
		vars[k] = wholeNumbers(v)
	}
	return vars, nil
}

// wholeNumbers makes JSON's numbers integers again where they are: a variable
// 5 must not come back as 5.0.
func wholeNumbers(v any) any {
	switch v := v.(type) {
	case float64:
		if i := int64(v); float64(i) == v {
			return i
		}
	case []any:
		for i := range v {
			v[i] = wholeNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = wholeNumbers(v[k])
		}
	}
	return v
}

// resume sets the run back to running, and removes what its first try built
// and this one does not select.
func (b *build) resume(ctx context.Context, o origin) error {
	b.run.CodeVersion, b.run.ProjectSHA256, b.run.ToolVersion = o.code, o.sha256, b.r.cfg.Version
	b.run.Error, b.run.FinishedAt = "", time.Time{}
	err := b.conn.Atomic(ctx, func() error {
		if err := b.reg.Resume(ctx, b.conn, &b.run); err != nil {
			return err
		}
		for _, rec := range b.old {
			if b.names[rec.Model] || rec.Status != history.ModelSuccess {
				continue
			}
			if err := deleteRows(ctx, b.conn, rec.Layout, b.run.ID); err != nil {
				return err
			}
			rec.Status, rec.Error, rec.RowCount, rec.Attempt = history.ModelSkipped, "no longer selected", -1, b.attempt
			b.rows = append(b.rows, rec)
		}
		return nil
	})
	b.binder = b.binding()
	return err
}

// keep decides whether what an earlier try of this run wrote for a model is
// what this one would write: the same SQL over the same inputs, stored in the
// same way.
func (b *build) keep(t *task) bool {
	old, ok := b.old[t.node.Name]
	if !ok || old.Status != history.ModelSuccess || afterCommit(t.node) { // it may be that such a hook failed
		return false
	}
	if old.Layout.Hook != "" || changesRows(t.node) {
		return false
	}
	if t.rendered != nil && len(t.rendered.Secrets) > 0 { // no run holds their values
		return false
	}
	for _, p := range b.graph.Parents(t.node.ID) {
		if up := b.tasks[p]; up != nil && !up.kept {
			return false
		}
	}
	now := b.record(t)
	if old.SQLSHA256 != now.SQLSHA256 || old.Kind != now.Kind || !maps.Equal(old.Inputs, now.Inputs) || !sameLayout(old.Layout, now.Layout) ||
		!maps.Equal(old.Layout.Settings, now.Layout.Settings) {
		return false
	}
	t.kept = true
	return true
}

// sameLayout compares where and how rows are stored; the stored names of
// columns may differ.
func sameLayout(a, b history.Layout) bool {
	return a.Schema == b.Schema && a.Table == b.Table && a.Shown == b.Shown && a.RunColumn == b.RunColumn && a.CreatedColumn == b.CreatedColumn &&
		slices.Equal(a.Key, b.Key) && slices.Equal(a.Unique, b.Unique) &&
		slices.EqualFunc(a.Columns, b.Columns, func(x, y mart.Column) bool { return x.Name == y.Name && x.Type == y.Type })
}

// runKept reports a model that is kept, and counts its fused data tests.
func (b *build) runKept(ctx context.Context, t *task) (history.ModelRecord, error) {
	old := b.old[t.node.Name]
	err := b.db.With(ctx, func(c *engine.Conn) error {
		if !t.read && len(t.fused) == 0 {
			return nil
		}
		if err := b.bindRows(ctx, c, t); err != nil {
			return err
		}
		return b.countTests(ctx, c, t)
	})
	return old, err
}

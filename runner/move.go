package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// Move is a change of the pointer, as a value: printed as a preview, then
// given to Runner.Move. It is good only while Base is the live publication.
type Move struct {
	Action string // "publish" or "rollback"
	Run    history.Run
	Base   int64            // the live publication's seq when the move was planned
	To     history.Snapshot // what will be live
	Marts  []MartMove       // what changes, by name; marts that stay are not listed
	Stay   int              // marts that stay as they are
	Force  string           // reason of a forced publish
	After  Aftermath        // what followed, once Runner.Move did it
}

// MartMove is one mart's part of a Move.
type MartMove struct {
	Mart           string
	From, To       *history.Run // nil: not published before, or no longer after
	RowsFrom       int64        // -1: not known
	RowsTo         int64
	ColumnsAdded   []string
	ColumnsRemoved []string
	ColumnsRetyped []string
}

// PublishOptions of PlanPublish.
type PublishOptions struct {
	Force  bool // publish although what the run read is no longer live
	Reason string
	Accept []string // marts whose restatement is wanted; needs a Reason
}

// PlanPublish says what publishing spec would change, or why it is refused (a
// *history.RefusedError).
func (r *Runner) PlanPublish(ctx context.Context, spec string, o PublishOptions) (*Move, error) {
	if err := o.check(spec); err != nil {
		return nil, err
	}
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.planPublish(ctx, spec, o)
}

func (o PublishOptions) check(spec string) error {
	if spec == "" {
		return &UsageError{Msg: "publish needs a run", Advice: "`warehouse runs` lists them"}
	}
	if o.Force && o.Reason == "" {
		return &UsageError{Msg: "--force needs a reason", Advice: "add --reason TEXT: it is kept in the log of publications"}
	}
	if len(o.Accept) > 0 && o.Reason == "" {
		return &UsageError{Msg: "--accept needs a reason", Advice: "add --reason TEXT: it is kept in the log of publications"}
	}
	return nil
}

func (s *session) planPublish(ctx context.Context, spec string, o PublishOptions) (*Move, error) {
	snap, err := s.resolve(ctx, spec)
	if err != nil {
		return nil, err
	}
	live, err := s.reg.Live(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	run, err := s.reg.Run(ctx, s.conn, snap.Run)
	if err != nil {
		return nil, err
	}
	m := &Move{Action: "publish", Run: run, Base: live.Publication, To: snap}
	if o.Force {
		m.Force = o.Reason
	}
	if p, err := s.reg.PublicationOf(ctx, s.conn, run.ID); err == nil {
		// Of a run that was published once, the whole snapshot comes back.
		if m.To, err = s.reg.Snapshot(ctx, s.conn, p.Seq); err != nil {
			return nil, err
		}
		return m, s.describe(ctx, m, live)
	} else if !errors.Is(err, history.ErrNoPublication) {
		return nil, err
	}
	if err := s.mayPublish(ctx, run, live, o); err != nil {
		return nil, err
	}
	if m.To, err = s.overlay(ctx, run, live); err != nil {
		return nil, err
	}
	for _, name := range o.Accept {
		marts := slices.Sorted(maps.Keys(m.To.Marts))
		if slices.ContainsFunc(marts, func(mart string) bool { return strings.EqualFold(mart, name) }) {
			continue
		}
		e := &UsageError{Msg: fmt.Sprintf("--accept: r%d has no mart %s", run.Seq, name)}
		if near := diag.Nearest(name, marts); near != "" {
			e.Advice = fmt.Sprintf("did you mean %s?", near)
		}
		return nil, e
	}
	if err := s.unrestated(ctx, run, m, live, o); err != nil {
		return nil, err
	}
	return m, s.describe(ctx, m, live)
}

// unrestated asks the guards of a run again, against what is live now, but for
// those marts whose restatement is accepted.
func (s *session) unrestated(ctx context.Context, run history.Run, m *Move, live history.Snapshot, o PublishOptions) error {
	before, after, err := s.reg.RecordsOfBoth(ctx, s.conn, live, m.To)
	if err != nil {
		return err
	}
	found, err := s.guardAll(ctx, before, after)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(f Restatement) bool {
		return slices.ContainsFunc(o.Accept, func(name string) bool { return strings.EqualFold(name, f.Mart) })
	})
	if len(found) > 0 {
		return &RestatedError{Run: run, Found: found}
	}
	return nil
}

// overlay lays what a run built over what is live.
func (s *session) overlay(ctx context.Context, run history.Run, live history.Snapshot) (history.Snapshot, error) {
	to := history.Snapshot{Run: run.ID, Marts: maps.Clone(live.Marts)}
	if to.Marts == nil || run.Selection.Everything() {
		to.Marts = map[string]string{} // a full build: what it has no model for leaves
	}
	recs, err := s.reg.Models(ctx, s.conn, run.ID)
	for _, rec := range recs {
		if rec.Status == history.ModelSuccess || rec.Status == history.ModelReused {
			to.Marts[rec.Model] = run.ID
			if rec.Status == history.ModelReused {
				to.Marts[rec.Model] = rec.DataRunID
			}
		}
	}
	return to, err
}

// mayPublish refuses runs that are not whole or not tested, and, unless
// forced, runs whose inputs are no longer live.
func (s *session) mayPublish(ctx context.Context, run history.Run, live history.Snapshot, o PublishOptions) error {
	name := fmt.Sprintf("r%d", run.Seq)
	refused := func(advice string, why ...string) error {
		return &history.RefusedError{RunID: run.ID, Op: "publish", Why: why, Advice: advice}
	}
	if run.Status != history.Success {
		return refused(instead(run), fmt.Sprintf("its status is %s, and only a success is ever published", run.Status))
	}
	tests, err := s.reg.Tests(ctx, s.conn, run.ID)
	if err != nil {
		return err
	}
	for _, t := range tests {
		if strings.EqualFold(t.Severity, "error") && (t.Status == "fail" || t.Status == "error" || t.Status == "skipped") {
			return refused("mend the data, then `warehouse build`; `warehouse test --run "+name+"` runs its data tests again", fmt.Sprintf("its blocking data test %s has the status %s", t.Test, t.Status))
		}
	}
	if untested, err := s.untested(ctx, run, tests); err != nil || untested != "" {
		if err != nil {
			return err
		}
		return refused("`warehouse test --run "+name+"` runs them, then `warehouse publish "+name+"`", "the blocking data test "+untested+" of the run that it replays never ran on it")
	}
	recs, err := s.reg.Models(ctx, s.conn, run.ID)
	if err != nil {
		return err
	}
	base, err := s.baseOf(ctx, run)
	if err != nil {
		return err
	}
	var why []string
	for _, rec := range recs {
		if rec.Status == history.ModelPruned {
			return refused("`warehouse build` makes a new run", "its rows of "+rec.Model+" were pruned")
		}
		for _, in := range rec.Inputs {
			if in.RunID != "" && in.RunID != run.ID && live.Marts[in.Name] != in.RunID {
				why = append(why, fmt.Sprintf("%s read %s of run %s, which is no longer live", rec.Model, in.Name, in.RunID))
			}
		}
		if live.Marts[rec.Model] != base.Marts[rec.Model] && live.Marts[rec.Model] != run.ID {
			why = append(why, fmt.Sprintf("%s was published anew since this run began", rec.Model))
		}
	}
	if len(why) > 0 && !o.Force {
		slices.Sort(why)
		return refused("`warehouse build` builds on what is live now; `warehouse publish "+name+" --force --reason TEXT` publishes it all the same", why...)
	}
	return nil
}

// instead is what to type in the place of publishing a run that is no success.
func instead(run history.Run) string {
	switch run.Status {
	case history.Failed, history.Crashed, history.Cancelled:
		return fmt.Sprintf("`warehouse retry r%d` goes on with it, `warehouse build` makes a new run", run.Seq)
	case history.Running:
		return "wait for its end: it is published then, if it is a success"
	}
	return "`warehouse runs` lists the runs that are left"
}

// untested names a blocking data test that the run whose SQL this one replays
// had, and that never ran here; "" if there is none.
func (s *session) untested(ctx context.Context, run history.Run, ran []history.TestRecord) (string, error) {
	if run.ParentRunID == "" {
		return "", nil
	}
	had, err := s.reg.Tests(ctx, s.conn, run.ParentRunID)
	for _, t := range had {
		if strings.EqualFold(t.Severity, "error") && !slices.ContainsFunc(ran, func(r history.TestRecord) bool { return r.Test == t.Test }) {
			return t.Test, err
		}
	}
	return "", err
}

func (s *session) baseOf(ctx context.Context, run history.Run) (history.Snapshot, error) {
	if run.BasePublication == 0 {
		return history.Snapshot{}, nil
	}
	return s.reg.Snapshot(ctx, s.conn, run.BasePublication)
}

// PlanRollback says what going back to spec would change; "" is one step back
// along what was published before. history.ErrNothingBefore if there is none.
func (r *Runner) PlanRollback(ctx context.Context, spec string) (*Move, error) {
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.planRollback(ctx, spec)
}

func (s *session) planRollback(ctx context.Context, spec string) (*Move, error) {
	if s.reg == nil {
		return nil, history.ErrNoRegister
	}
	live, err := s.reg.Live(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	m := &Move{Action: "rollback", Base: live.Publication}
	if spec == "" {
		p, err := s.reg.NextRollback(ctx, s.conn)
		if err != nil {
			return nil, err
		}
		if m.To, err = s.reg.Snapshot(ctx, s.conn, p.Seq); err != nil {
			return nil, err
		}
	} else if m.To, err = s.wasPublished(ctx, spec); err != nil {
		return nil, err
	}
	if m.Run, err = s.reg.Run(ctx, s.conn, m.To.Run); err != nil {
		return nil, err
	}
	return m, s.describe(ctx, m, live)
}

// wasPublished resolves a spec to a snapshot that was live once.
func (s *session) wasPublished(ctx context.Context, spec string) (history.Snapshot, error) {
	snap, err := s.resolve(ctx, spec)
	if err != nil || snap.Publication != 0 {
		return snap, err
	}
	p, err := s.reg.PublicationOf(ctx, s.conn, snap.Run)
	if errors.Is(err, history.ErrNoPublication) {
		return snap, &history.RefusedError{RunID: snap.Run, Op: "roll back to", Why: []string{"it was never published"},
			Advice: "`warehouse publish " + spec + "` publishes it"}
	}
	if err != nil {
		return snap, err
	}
	return s.reg.Snapshot(ctx, s.conn, p.Seq)
}

// describe fills in what a Move changes, mart by mart.
func (s *session) describe(ctx context.Context, m *Move, live history.Snapshot) error {
	before, after, err := s.reg.RecordsOfBoth(ctx, s.conn, live, m.To)
	if err != nil {
		return err
	}
	runs := map[string]*history.Run{}
	runOf := func(id string) (*history.Run, error) {
		if id == "" {
			return nil, nil
		}
		if runs[id] == nil {
			run, err := s.reg.Run(ctx, s.conn, id)
			if err != nil {
				return nil, err
			}
			runs[id] = &run
		}
		return runs[id], nil
	}
	names := maps.Clone(live.Marts)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, m.To.Marts)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if live.Marts[name] == m.To.Marts[name] {
			m.Stay++
			continue
		}
		mv := MartMove{Mart: name, RowsFrom: -1, RowsTo: -1}
		if mv.From, err = runOf(live.Marts[name]); err != nil {
			return err
		}
		if mv.To, err = runOf(m.To.Marts[name]); err != nil {
			return err
		}
		old, isOld := before[name]
		now, isNew := after[name]
		if isOld {
			mv.RowsFrom = old.RowCount
		}
		if isNew && now.Status != history.ModelPruned {
			mv.RowsTo = now.RowCount
		} else if m.To.Marts[name] != "" {
			op := m.Action
			if op == history.Rollback {
				op = "roll back to"
			}
			return &history.RefusedError{RunID: m.To.Marts[name], Op: op, Why: []string{"its rows of " + name + " are gone"},
				Advice: "`warehouse runs` lists the runs that are left"}
		}
		if isOld && isNew {
			mv.ColumnsAdded, mv.ColumnsRemoved, mv.ColumnsRetyped = columnChanges(old.Layout.Columns, now.Layout.Columns)
		}
		m.Marts = append(m.Marts, mv)
	}
	return nil
}

func columnChanges(before, after []mart.Column) (added, removed, retyped []string) {
	old := map[string]string{}
	for _, c := range before {
		old[strings.ToLower(c.Name)] = c.Type
	}
	for _, c := range after {
		key := strings.ToLower(c.Name)
		if t, ok := old[key]; !ok {
			added = append(added, c.Name)
		} else if t != c.Type {
			retyped = append(retyped, fmt.Sprintf("%s (%s to %s)", c.Name, t, c.Type))
		}
		delete(old, key)
	}
	for _, c := range before {
		if _, ok := old[strings.ToLower(c.Name)]; ok {
			removed = append(removed, c.Name)
		}
	}
	return added, removed, retyped
}

// Publish is PlanPublish and Move in one, for those who need no preview: the
// target is opened once. A move that changes no mart is not made; its
// publication has the seq 0.
func (r *Runner) Publish(ctx context.Context, spec string, o PublishOptions) (*Move, history.Publication, error) {
	if err := o.check(spec); err != nil {
		return nil, history.Publication{}, err
	}
	return r.moveNow(ctx, o.Reason, func(s *session) (*Move, error) { return s.planPublish(ctx, spec, o) })
}

// Rollback is PlanRollback and Move in one, as Publish is.
func (r *Runner) Rollback(ctx context.Context, spec, reason string) (*Move, history.Publication, error) {
	return r.moveNow(ctx, reason, func(s *session) (*Move, error) { return s.planRollback(ctx, spec) })
}

func (r *Runner) moveNow(ctx context.Context, reason string, plan func(*session) (*Move, error)) (*Move, history.Publication, error) {
	s, err := r.change(ctx)
	if err != nil {
		return nil, history.Publication{}, err
	}
	defer s.Close()
	m, err := plan(s)
	if err != nil || len(m.Marts) == 0 {
		return m, history.Publication{}, err
	}
	p, err := s.move(ctx, m, reason)
	return m, p, err
}

// Move does what was planned: one transaction, atomic over all marts. ErrMoved
// if somebody published in between. With an *AftermathError it was done, and
// what should have followed failed.
func (r *Runner) Move(ctx context.Context, m *Move, reason string) (history.Publication, error) {
	s, err := r.write(ctx, m.Run.ID)
	if err != nil {
		return history.Publication{}, err
	}
	defer s.Close()
	return s.move(ctx, m, reason)
}

func (s *session) move(ctx context.Context, m *Move, reason string) (p history.Publication, err error) {
	pm := pointerMove{to: m.To}
	if pm.from, err = s.reg.Live(ctx, s.conn); err != nil {
		return p, err
	}
	if pm.from.Publication != m.Base {
		return p, ErrMoved
	}
	if pm.fromRecords, pm.records, err = s.reg.RecordsOfBoth(ctx, s.conn, pm.from, m.To); err != nil {
		return p, err
	}
	if m.Force != "" {
		reason = m.Force
	}
	p = history.Publication{Action: m.Action, RunID: m.Run.ID, At: s.r.now(), By: s.r.cfg.User, Reason: reason, Restores: m.To.Publication}
	err = s.conn.Atomic(ctx, func() error {
		var err error
		p.Seq, err = s.movePointer(ctx, pm, p)
		return err
	})
	if err = s.cameTrue(ctx, p.Seq, err); err == nil {
		m.After, err = s.aftermath(ctx, m.Run)
	}
	return p, err
}

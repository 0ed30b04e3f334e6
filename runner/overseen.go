package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// What is different on an engine without transactions of several statements,
// and without a lock: the order of the statements says what a stop between any
// two of them leaves.
//
//	tables are made and evolved before anything is written (evolveFirst)
//	each mart: DELETE of the run's rows, fenced insert, verification, its record
//	records of the rest and of data tests
//	views of latest whose columns change
//	the publication: one row, by compare-and-swap. From here on it is published.
//	the run's row becomes success, views of previous
//
// A run that was stopped before its publication is marked crashed, one that was
// stopped after it is marked as the success that it is (mendOverseen).

// transacts says whether several statements are one step.
func (s *session) transacts() bool {
	_, ok := s.dialect().(engine.Transactor)
	return ok
}

// idle is how long nothing is heard of a run before its client counts as gone:
// no statement of it is running, and none ended since.
const idle = 5 * time.Minute

// evolveFirst makes and evolves the tables of all marts: on such an engine that
// must not happen beside writes. A model whose SQL depends on query results is
// not known yet; its table is its own turn's.
func (b *build) evolveFirst(ctx context.Context) error {
	if b.transacts() {
		return nil
	}
	for _, id := range b.graph.Order() {
		t := b.tasks[id]
		if t == nil || t.deferred || t.reused || t.kept || t.node.Kind == "view" {
			continue
		}
		var err error
		if t.plan, err = b.evolve(ctx, t); err != nil {
			return placed(err, t.node, t.rendered)
		}
	}
	return nil
}

// evolve tries again what met another client's change of the table.
func (b *build) evolve(ctx context.Context, t *task) (plan mart.Plan, err error) {
	plan = t.plan
	for range 5 {
		if plan, err = mart.Evolve(ctx, b.conn, t.spec, plan); !conflicts(err) {
			return plan, err
		}
	}
	return plan, err
}

func conflicts(err error) bool {
	var qe *engine.QueryError
	return errors.As(err, &qe) && qe.Kind == engine.KindConflict
}

// unwrite takes back the rows of a mart whose write was refused after they were
// there. What another client writes under the same run id is left alone.
func (b *build) unwrite(ctx context.Context, c *engine.Conn, t *task, cause error) error {
	if b.transacts() || conflicts(cause) || t.spec.Table.Name == "" {
		return cause
	}
	d := b.dialect()
	if _, err := c.Exec(context.WithoutCancel(ctx), d.DeleteRun(t.spec.Table, t.plan.RunColumn, b.run.ID)); err != nil {
		return errors.Join(cause, fmt.Errorf("and its rows could not be taken back: %w", err))
	}
	return cause
}

// publishStepwise is build.publish on such an engine.
func (b *build) publishStepwise(ctx context.Context, m pointerMove) (int64, error) {
	if err := b.reg.RecordModels(ctx, b.conn, b.rows); err != nil {
		return 0, err
	}
	if err := b.reg.RecordTests(ctx, b.conn, b.tests); err != nil {
		return 0, err
	}
	b.rows, b.tests = nil, nil
	b.run.FinishedAt = b.r.now()
	p := history.Publication{Action: history.Publish, RunID: b.run.ID, At: b.run.FinishedAt, By: b.r.cfg.User}
	seq, err := b.movePointer(ctx, m, p)
	for range 5 {
		if !errors.Is(err, ErrMoved) {
			break
		}
		// Another run was published since this one began: it is laid over that
		// where the two have nothing to do with each other.
		if m, err = b.laidOver(ctx); err == nil {
			seq, err = b.movePointer(ctx, m, p)
		}
	}
	if err != nil {
		if live, lerr := b.reg.Live(ctx, b.conn); lerr != nil || live.Run != b.run.ID {
			return 0, err
		} else {
			seq = live.Publication // it did happen
		}
	}
	if err := b.reg.Finish(ctx, b.conn, &b.run); err != nil {
		b.r.warn(&diag.Error{Warn: true, Msg: fmt.Sprintf("r%d is published, but its row in run_manifest could not be finished: %s", b.run.Seq, b.r.hide(err.Error())),
			Advice: "the next command that may write mends it"})
	}
	return seq, nil
}

// laidOver is the move of a run onto what is live now; a refusal if it read or
// replaces what was published since.
func (b *build) laidOver(ctx context.Context) (pointerMove, error) {
	live, records, err := b.live(ctx)
	if err != nil {
		return pointerMove{}, err
	}
	if err := b.mayPublish(ctx, b.run, live, PublishOptions{}); err != nil {
		return pointerMove{}, err
	}
	m := pointerMove{from: live, fromRecords: records}
	if m.to, err = b.overlay(ctx, b.run, live); err != nil {
		return m, err
	}
	m.records, err = b.reg.Records(ctx, b.conn, m.to)
	return m, err
}

// moveStepwise is movePointer on such an engine: the views of latest are made
// before what has new columns is published, and after going back.
func (s *session) moveStepwise(ctx context.Context, m pointerMove, p history.Publication, latest, previous []binding.View) (seq int64, err error) {
	t := s.r.project.Target
	if p.Action != history.Rollback {
		if _, err := binding.Sync(ctx, s.conn, s.reg, t.LatestSchema, latest, m.places(t.StorageSchema)...); err != nil {
			return 0, err
		}
	}
	if seq, err = s.reg.PublishAfter(ctx, s.conn, p, m.to.Marts, m.from.Publication); err != nil {
		return 0, err
	}
	if p.Action == history.Rollback {
		if _, err := binding.Sync(ctx, s.conn, s.reg, t.LatestSchema, latest, m.places(t.StorageSchema)...); err != nil {
			return seq, err
		}
	}
	_, err = binding.Sync(ctx, s.conn, s.reg, s.previousSchema(), previous)
	return seq, err
}

// mendOverseen ends the runs whose clients are gone: the server has had no
// statement of them for a while.
func (s *session) mendOverseen(ctx context.Context, o engine.Overseer) error {
	if err := s.reg.MendLedger(ctx, s.conn); err != nil {
		return err
	}
	runs, err := s.reg.StillRunning(ctx, s.conn)
	if err != nil {
		return err
	}
	for _, run := range runs {
		silent, err := s.silentFor(ctx, o, run)
		if err != nil {
			return err
		}
		if silent < idle {
			continue
		}
		if err := s.endRun(ctx, o, run); err != nil {
			return err
		}
	}
	return nil
}

// silentFor is how long ago the server had a statement of a run.
func (s *session) silentFor(ctx context.Context, o engine.Overseer, run history.Run) (time.Duration, error) {
	var seconds *int64
	if err := s.conn.QueryRow(ctx, o.LastOf(sourceOf(run.ID)), nil, &seconds); err != nil {
		return 0, err
	}
	if seconds == nil { // the server has forgotten, or never had one
		return s.r.now().Sub(run.StartedAt), nil
	}
	return time.Duration(*seconds) * time.Second, nil
}

// endRun kills what is left of a run at the server, and marks it.
func (s *session) endRun(ctx context.Context, o engine.Overseer, run history.Run) error {
	if err := s.killRun(ctx, o, run); err != nil {
		return err
	}
	if err := s.reg.MarkEnded(ctx, s.conn, &run); err != nil {
		return err
	}
	msg := fmt.Sprintf("r%d (%s) did not end: its process is gone. It is marked as crashed; nothing of it was published", run.Seq, run.ID)
	if run.Status == history.Success {
		msg = fmt.Sprintf("r%d (%s) was published, and its process ended before it said so: it is marked as the success that it is", run.Seq, run.ID)
	}
	s.r.event(Event{Kind: EventMended, Run: run.ID, Message: msg})
	return nil
}

// killRun ends a run's statements at the server, and waits until they are gone:
// one that goes on could still write its rows, or publish it.
func (s *session) killRun(ctx context.Context, o engine.Overseer, run history.Run) error {
	for range 100 {
		ids, err := history.Texts(ctx, s.conn, o.StatementsOf(sourceOf(run.ID)))
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if _, err := s.conn.Exec(ctx, o.Kill(id)); err != nil && ctx.Err() != nil {
				return err // one that has just ended cannot be killed
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("the statements of r%d do not end at the server", run.Seq)
}

// takeOver makes a run that is still marked as running one that can be tried
// again, and opens the session anew under its name. Unless it was named, a run
// of which something is heard is left alone.
func (s *session) takeOver(ctx context.Context, run history.Run, named bool) (history.Run, error) {
	o, ok := s.dialect().(engine.Overseer)
	if !ok {
		return run, nil
	}
	if run.Status == history.Running {
		silent, err := s.silentFor(ctx, o, run)
		if err != nil {
			return run, err
		}
		if silent < idle && !named {
			return run, &history.RefusedError{RunID: run.ID, Op: "retry", Why: []string{fmt.Sprintf("it is running: a statement of it was at the server %v ago", silent)},
				Advice: fmt.Sprintf("if its process is gone: `warehouse retry r%d` ends what is left of it and goes on", run.Seq)}
		}
		if err := s.endRun(ctx, o, run); err != nil {
			return run, err
		}
		if run, err = s.reg.Run(ctx, s.conn, run.ID); err != nil {
			return run, err
		}
	}
	again, err := s.r.openSession(ctx, false, run.ID)
	if err != nil {
		return run, err
	}
	s.db, s.conn, again.db, again.conn = again.db, again.conn, s.db, s.conn
	return run, again.Close()
}

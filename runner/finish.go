package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/dag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// finish writes the end of the run into the register and, if the answer is
// yes, publishes it: all in one transaction, so that a run is never a success
// that was meant to be published and is not.
func (b *build) finish(ctx context.Context, walked map[string]dag.Outcome, cause error) (*Report, error) {
	b.skipRest(ctx, walked)
	b.count()
	if cause == nil && ctx.Err() == nil {
		cause = b.r.warnedError()
	}
	switch {
	case ctx.Err() != nil:
		b.run.Status = history.Cancelled
	case cause != nil, b.run.ModelsFailed > 0, b.blocked(), b.skipped():
		b.run.Status = history.Failed
	default:
		b.run.Status = history.Success
	}
	publish := b.run.Status == history.Success && !b.o.NoPublish
	var restated []Restatement
	if b.run.Status == history.Success {
		found, err := b.guardAll(ctx, b.records, b.done)
		if err != nil {
			cause, b.run.Status, publish = err, history.Failed, false
			b.run.Error = err.Error()
			if ctx.Err() != nil {
				b.run.Status = history.Cancelled
			}
		}
		restated, publish = found, publish && len(found) == 0
	}
	if publish {
		b.r.event(Event{Kind: EventProgress, Message: "publishing", Run: b.run.ID})
	}
	report := &Report{Nodes: b.results, Marts: len(b.done), Scans: b.scans, NotBecause: b.notBecause(cause), Restated: restated}
	if len(restated) > 0 {
		report.NotBecause = (&RestatedError{Run: b.run, Found: restated}).Error()
	}
	// From here on nothing may stop half-way: a cancelled build is recorded.
	wait := ctx
	ctx = context.WithoutCancel(ctx)
	var err error
	if b.stage != nil { // rows are copied now, which takes what it takes
		if err := b.land(ctx, wait); err != nil {
			return nil, errors.Join(err, cause)
		}
	} else {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
		defer cancel()
	}
	if publish {
		report.Publication, err = b.publish(ctx)
		if err != nil {
			b.run.Status, b.run.Error = history.Failed, "publication failed: "+b.r.hide(err.Error())
			report.Publication, report.NotBecause = 0, b.run.Error
			if !errors.Is(err, engine.ErrCommitUnknown) { // otherwise it may be live
				err = errors.Join(err, b.close(ctx))
			}
		} else {
			b.r.event(Event{Kind: EventPublish, Run: b.run.ID, Message: fmt.Sprintf("r%d published, %d marts", b.run.Seq, len(b.done))})
			report.Unbuilt = b.stale(b.seqs)
		}
	} else {
		err = b.close(ctx)
	}
	for _, q := range b.checkpoints(false) {
		if _, cerr := b.conn.Exec(ctx, q); cerr != nil {
			err = errors.Join(err, cerr)
		}
	}
	report.Run, report.Elapsed, report.facts = b.run, time.Since(b.begun), b.facts(report.Publication != 0)
	if cause != nil && b.run.Status == history.Failed && err == nil {
		err = cause
	}
	return report, err
}

// close ends the run without publishing it.
func (b *build) close(ctx context.Context) error {
	end := func() error { return b.conn.Atomic(ctx, func() error { return b.recordRest(ctx) }) }
	if b.stage == nil || b.stage.failed != nil {
		return end()
	}
	err := end()
	if err != nil && b.stage.failed != nil { // the end is recorded all the same
		b.run.Status, b.run.Error = history.Failed, b.r.hide(err.Error())
		err = errors.Join(err, end())
	}
	return err
}

func (b *build) recordRest(ctx context.Context) error {
	if err := b.recordStaged(ctx); err != nil {
		return err
	}
	if err := b.reg.RecordModels(ctx, b.conn, slices.Concat(b.pending, b.rows)); err != nil {
		return err
	}
	if err := b.reg.RecordTests(ctx, b.conn, b.tests); err != nil {
		return err
	}
	b.run.FinishedAt = b.r.now()
	return b.reg.Finish(ctx, b.conn, &b.run)
}

// publish makes the run a success and all its marts live, in one transaction.
// The views of `latest` and `previous` are made anew only where their columns
// change.
func (b *build) publish(ctx context.Context) (seq int64, err error) {
	after := b.after(b.run.ID)
	records := maps.Clone(b.publishedRecords)
	if records == nil {
		records = map[string]history.ModelRecord{}
	}
	maps.Copy(records, b.done)
	move := pointerMove{to: after, records: records, from: b.published, fromRecords: b.publishedRecords}
	if !b.transacts() {
		return b.publishStepwise(ctx, move)
	}
	err = b.conn.Atomic(ctx, func() error {
		if err := b.recordRest(ctx); err != nil {
			return err
		}
		if move, err = b.moved(ctx, move); err != nil {
			return err
		}
		seq, err = b.movePointer(ctx, move, history.Publication{Action: "publish", RunID: b.run.ID, At: b.run.FinishedAt, By: b.r.cfg.User})
		return err
	})
	return seq, b.cameTrue(ctx, seq, err)
}

// cameTrue answers what a commit whose answer was lost did not: nil if the
// publication seq was made. As long as the register cannot be asked, it stays
// engine.ErrCommitUnknown.
func (s *session) cameTrue(ctx context.Context, seq int64, err error) error {
	if !errors.Is(err, engine.ErrCommitUnknown) {
		return err
	}
	live, lerr := s.reg.Live(context.WithoutCancel(ctx), s.conn)
	switch {
	case lerr != nil:
		return errors.Join(err, lerr)
	case live.Publication == seq:
		return nil
	}
	return fmt.Errorf("nothing was committed: %s", strings.TrimPrefix(err.Error(), engine.ErrCommitUnknown.Error()+": "))
}

// pointerMove is a change of what is live, with all that the views need.
type pointerMove struct {
	from, to             history.Snapshot
	fromRecords, records map[string]history.ModelRecord
}

// places are the schemas besides the bindings that have views of either.
func (m pointerMove) places(storage string) []string {
	return binding.Places(storage, m.records, m.fromRecords)
}

// movePointer appends a publication and mends the stored views. It is called
// inside a transaction.
func (s *session) movePointer(ctx context.Context, m pointerMove, p history.Publication) (int64, error) {
	t := s.r.project.Target
	latest, err := binding.Stored(s.dialect(), t.StorageSchema, t.LatestSchema, binding.Latest, m.to, m.records)
	if err != nil {
		return 0, err
	}
	previous, err := binding.Stored(s.dialect(), t.StorageSchema, s.previousSchema(), binding.Previous, m.from, m.fromRecords)
	if err != nil {
		return 0, err
	}
	if !s.transacts() {
		return s.moveStepwise(ctx, m, p, latest, previous)
	}
	seq, err := s.reg.Publish(ctx, s.conn, p, m.to.Marts)
	if err != nil {
		return 0, err
	}
	// Both at once: to look through the catalog is what costs the most here.
	before := s.previousSchema()
	places := append(m.places(t.StorageSchema), before, before+binding.RefSuffix)
	if _, err := binding.Sync(ctx, s.conn, s.reg, t.LatestSchema, append(latest, previous...), places...); err != nil {
		return 0, err
	}
	return seq, s.keepRows(ctx, m)
}

// previousSchema is the binding of the publication before the live one:
// "previous". In a server's catalog there may be other targets with bindings of
// their own, so there it goes by the name of latest, where that has another.
func (s *session) previousSchema() string {
	latest := s.r.project.Target.LatestSchema
	if _, shared := s.dialect().(engine.Appender); shared && !strings.EqualFold(latest, "latest") {
		return latest + "_previous"
	}
	return "previous"
}

// skipRest records what was not run: below a failure, or after a cancellation.
func (b *build) skipRest(ctx context.Context, walked map[string]dag.Outcome) {
	seen := map[string]bool{}
	for _, n := range b.results {
		seen[n.ID] = true
	}
	if b.graph == nil {
		return
	}
	for _, id := range b.graph.Order() {
		n := b.g.Nodes[id]
		if n == nil || seen[id] {
			continue
		}
		o, res := walked[id], b.nodeResult(n)
		res.Status = StatusSkipped
		switch {
		case o.Skipped:
			res.Because = b.name(o.SkippedBecause) + " failed"
		case walked == nil && ctx.Err() == nil:
			res.Because = "models did not bind"
		default:
			res.Because = "the build was cancelled"
		}
		if n.Test != nil {
			b.skipTest(n, res, res.Because)
			continue
		}
		rec := b.record(b.tasks[id])
		rec.Status, rec.Error, rec.StartedAt, rec.FinishedAt = history.ModelSkipped, res.Because, b.r.now(), b.r.now()
		b.rows = append(b.rows, rec)
		b.end(b.number(), res)
	}
}

func (b *build) name(id string) string {
	if n := b.g.Nodes[id]; n != nil {
		return n.Name
	}
	return id
}

// count fills in the run's totals.
func (b *build) count() {
	b.run.RowCount, b.run.ModelsOK, b.run.ModelsFailed, b.run.TestsFailed = 0, 0, 0, 0
	for _, n := range b.results {
		switch {
		case n.Status == StatusSuccess, n.Status == StatusReused:
			b.run.ModelsOK++
			b.run.RowCount += max(n.Rows, 0)
		case compile.Built(n.Resource) && n.Status == StatusError:
			b.run.ModelsFailed++
		case (n.Resource == compile.Test || n.Resource == compile.Unit) && n.Blocks():
			b.run.TestsFailed++
		}
	}
	slices.SortFunc(b.rows, func(a, c history.ModelRecord) int { return compareText(a.Model, c.Model) })
	slices.SortFunc(b.tests, func(a, c history.TestRecord) int { return compareText(a.Test, c.Test) })
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (b *build) blocked() bool {
	return slices.ContainsFunc(b.results, func(n NodeResult) bool { return n.Blocks() })
}

func (b *build) skipped() bool {
	return slices.ContainsFunc(b.results, func(n NodeResult) bool { return n.Status == StatusSkipped })
}

func (b *build) notBecause(cause error) string {
	switch {
	case b.run.Status == history.Cancelled:
		return "it was cancelled"
	case cause != nil:
		return cause.Error()
	case b.run.ModelsFailed > 0 && b.run.TestsFailed > 0:
		return fmt.Sprintf("%s and %s failed", counted(b.run.ModelsFailed, "model"), counted(b.run.TestsFailed, b.testWord()))
	case b.run.ModelsFailed > 0:
		return counted(b.run.ModelsFailed, "model") + " failed"
	case b.run.TestsFailed > 0:
		return counted(b.run.TestsFailed, b.testWord()) + " failed"
	case b.run.Status == history.Failed:
		return "not everything that was selected was built"
	case b.o.NoPublish:
		return "--no-publish"
	}
	return ""
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

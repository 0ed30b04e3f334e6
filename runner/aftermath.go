package runner

import (
	"context"
	"errors"
	"fmt"

	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// Aftermath is what followed a publication, as project.yml asks for it.
type Aftermath struct {
	Copy     *Exported // publish: {export: PATH} of the target; nil: none, or it failed
	Pruned   *Pruned   // retention: {auto: true}; nil: none, or it failed
	Prunable *Prunable // of a build without auto: what prune would free; nil: nothing
}

// Prunable is what the rules of retention let go.
type Prunable struct {
	Runs, Marts int
	Rows        int64
	Bytes       int64 // about; -1: not known
}

// AftermathError: a publication was made and stays, and what should have
// followed it failed.
type AftermathError struct {
	RunID  string
	Msg    string
	Advice string
	Err    error
}

func (e *AftermathError) Error() string { return e.Msg + ": " + e.Err.Error() }
func (e *AftermathError) Unwrap() error { return e.Err }
func (e *AftermathError) Hint() string  { return e.Advice }

// aftermath does what the project wants after a publication of a run. All that
// fails is an *AftermathError: the publication stays.
func (s *session) aftermath(ctx context.Context, run history.Run) (Aftermath, error) {
	var a Aftermath
	var errs []error
	p := s.r.project.Target.Publish
	failed := func(err error, msg, advice string) {
		if ctx.Err() != nil { // an interrupt is no answer to whether the run was published
			err = errors.New("it was interrupted")
		}
		errs = append(errs, &AftermathError{RunID: run.ID, Msg: fmt.Sprintf("r%d is published, but "+msg, run.Seq), Advice: advice, Err: s.r.hidden(err)})
	}
	if p.Export != "" {
		var err error
		if a.Copy, err = s.copyLatest(ctx, p.Export, p.Format); err != nil {
			failed(err, "the copy for readers, "+p.Export+", was not renewed", fmt.Sprintf("mend that, then: warehouse export latest --format %s --to %s", p.Format, p.Export))
		}
	}
	s.mergeState(ctx, run)
	if s.r.project.PruneAuto {
		var err error
		if a.Pruned, err = s.pruneNow(ctx); err != nil {
			failed(err, "old runs were not pruned", "`warehouse prune` does it")
		}
	}
	return a, errors.Join(errs...)
}

// copyLatest writes what is live to a place, and leaves there what has not
// changed.
func (s *session) copyLatest(ctx context.Context, to, format string) (*Exported, error) {
	x, ok := s.dialect().(engine.Exporter)
	if !ok {
		return nil, fmt.Errorf("the engine of target %s cannot write files here", s.r.project.Target.Name)
	}
	live, err := s.reg.Live(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	e := &export{session: s, Exporter: x, format: format, out: &Exported{To: to, Format: format, RunID: live.Run}, seq: live.Publication, keep: true}
	if err := e.write(ctx, live, nil); err != nil {
		return nil, err
	}
	return e.out, nil
}

// pruneNow deletes what the rules let go.
func (s *session) pruneNow(ctx context.Context) (*Pruned, error) {
	book, _, err := s.r.pruneRules(ctx, PruneOptions{})
	if err != nil {
		return nil, err
	}
	plan, err := s.planPrune(ctx, book)
	if err != nil {
		return nil, err
	}
	did, err := s.prune(ctx, plan)
	if err == nil && !plan.Nothing() {
		err = s.tidy(ctx)
	}
	return &did, err
}

// prunable says what prune would free; nil if that is nothing. Where no rule
// is known it asks for nothing.
func (s *session) prunable(ctx context.Context) (*Prunable, error) {
	book, _, err := s.r.pruneRules(ctx, PruneOptions{})
	if err != nil || !book.any() {
		return nil, err
	}
	plan, err := s.plannedRuns(ctx, book)
	if err != nil || len(plan.Runs) == 0 {
		return nil, err
	}
	if err := s.sizes(ctx, plan); err != nil {
		return nil, err
	}
	return &Prunable{Runs: len(plan.Runs), Marts: plan.Marts, Rows: plan.Rows, Bytes: plan.Bytes}, nil
}

// any says whether a rule is known, of the project or of one of its marts.
func (b ruleBook) any() bool {
	if b.all != nil {
		return true
	}
	for _, own := range b.own {
		if own != nil {
			return true
		}
	}
	return false
}

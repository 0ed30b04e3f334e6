package runner

import (
	"context"
	"slices"
	"time"

	"warehouse/runner/history"
)

// RunLine is a run with what points to it.
type RunLine struct {
	history.Run
	Live     bool // the newest publication is of this run
	Previous bool // and the one before it
	Tags     []string
	Resumed  time.Time // when its newest retry began; zero: it had none
}

// Took is how long the run took, of a retried one its newest try: the pause
// before is no work. Zero while nobody knows when it ended.
func (l *RunLine) Took() time.Duration {
	from := l.StartedAt
	if !l.Resumed.IsZero() {
		from = l.Resumed
	}
	if l.FinishedAt.IsZero() {
		return 0
	}
	return max(l.FinishedAt.Sub(from), 0)
}

// RunPage is all that the register knows of one run.
type RunPage struct {
	RunLine
	Models       []history.ModelRecord
	Tests        []history.TestRecord
	Publications []history.Publication // of this run, oldest first
}

// Runs lists runs, newest first; limit 0 is all. Without a register: none.
func (r *Runner) Runs(ctx context.Context, limit int) ([]RunLine, error) {
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if s.reg == nil {
		return nil, nil
	}
	runs, err := s.reg.Runs(ctx, s.conn, limit)
	if err != nil {
		return nil, err
	}
	return s.lines(ctx, runs)
}

func (s *session) lines(ctx context.Context, runs []history.Run) ([]RunLine, error) {
	live, err := s.reg.Live(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	previous, err := s.reg.Previous(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	tags, err := s.reg.Tags(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	resumed, err := s.reg.Resumed(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	out := make([]RunLine, len(runs))
	for i, run := range runs {
		out[i] = RunLine{Run: run, Resumed: resumed[run.ID], Live: run.ID == live.Run, Previous: run.ID == previous.Run}
		for _, t := range tags {
			if t.RunID == run.ID {
				out[i].Tags = append(out[i].Tags, t.Name)
			}
		}
	}
	return out, nil
}

// Show returns the page of the run that spec names.
func (r *Runner) Show(ctx context.Context, spec string) (*RunPage, error) {
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	snap, err := s.resolve(ctx, spec)
	if err != nil {
		return nil, err
	}
	run, err := s.reg.Run(ctx, s.conn, snap.Run)
	if err != nil {
		return nil, err
	}
	lines, err := s.lines(ctx, []history.Run{run})
	if err != nil {
		return nil, err
	}
	page := &RunPage{RunLine: lines[0]}
	if page.Models, err = s.reg.Models(ctx, s.conn, run.ID); err != nil {
		return nil, err
	}
	if page.Tests, err = s.reg.Tests(ctx, s.conn, run.ID); err != nil {
		return nil, err
	}
	all, err := s.reg.Publications(ctx, s.conn, 0)
	for _, p := range all {
		if p.RunID == run.ID {
			page.Publications = append(page.Publications, p)
		}
	}
	slices.SortFunc(page.Publications, func(a, b history.Publication) int { return int(a.Seq - b.Seq) })
	return page, err
}

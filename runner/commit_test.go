package runner_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/history"
)

// deaf is DuckDB behind a line that breaks while a publication is committed.
type deaf struct {
	db     *engine.DB
	commit string // what is sent in the place of COMMIT
	after  string // and of what follows, if anything
	broken bool
}

const (
	lost = "COMMIT; SELECT error('the line broke')" // it was done, and nobody heard
	gone = "SELECT error('the disk is full')"
)

func (d *deaf) Rewrite(sql string) (string, func(int) int) {
	same := func(i int) int { return i }
	switch {
	case sql == "COMMIT":
		d.broken = true
		if d.after == "" {
			d.db.SetMemory(nil)
		}
		return d.commit, same
	case d.broken:
		return d.after, same
	}
	return sql, same
}

// breaks makes the next command of a shop lose the end of its publication.
func (s *shop) breaks(d *deaf) {
	e := duckdb.Engine()
	open := e.Open
	e.Open = func(ctx context.Context, t engine.Target) (*engine.DB, error) {
		db, err := open(ctx, t)
		d.db = db
		return db, err
	}
	s.change = func(c *runner.Config) {
		c.Engines = []engine.Engine{e}
		c.Statement = func(q engine.Statement) {
			if strings.HasPrefix(q.SQL, "INSERT INTO") && strings.Contains(q.SQL, `"run_publication"`) {
				d.db.SetMemory(d) // publications are the work of one goroutine, as this is
			}
		}
	}
}

// A commit that reports an error may have been done. The register is asked: what
// is live was published, and nothing else is said to be.
func TestCommitUnknown(t *testing.T) {
	s, ctx := newShop(t, small), t.Context()
	s.build(runner.BuildOptions{})

	s.vars = map[string]any{"times": 2}
	s.breaks(&deaf{commit: lost})
	rep := s.build(runner.BuildOptions{})
	s.change = nil
	if rep.Publication != 2 || rep.Run.Status != history.Success {
		t.Errorf("the answer was lost: publication %d, %s", rep.Publication, rep.Run.Status)
	}
	s.want("20", "select total from latest.b")
	s.want("success", "select status from run_manifest where seq = 2")
	s.sound()

	s.vars = map[string]any{"times": 3}
	s.breaks(&deaf{commit: gone})
	rep, err := s.open().Build(ctx, runner.BuildOptions{})
	s.change = nil
	if err == nil || !strings.Contains(err.Error(), "nothing was committed: ") || rep.Publication != 0 || rep.Run.Status != history.Failed {
		t.Errorf("nothing was committed: %v, %+v", err, rep)
	}
	s.want("20", "select total from latest.b")
	s.want("failed", "select status from run_manifest where seq = 3")
	s.sound()

	s.breaks(&deaf{commit: lost, after: gone})
	rep, err = s.open().Build(ctx, runner.BuildOptions{})
	s.change = nil
	if !errors.Is(err, engine.ErrCommitUnknown) || rep.Publication != 0 || !strings.Contains(rep.NotBecause, engine.ErrCommitUnknown.Error()) {
		t.Errorf("nobody knows: %v, %+v", err, rep)
	}
	s.want("30", "select total from latest.b") // it was done
	s.want("success", "select status from run_manifest where seq = 4")
	s.sound()

	s.breaks(&deaf{commit: lost})
	_, p, err := s.open().Rollback(ctx, "r1", "")
	s.change = nil
	if err != nil || p.Seq != 4 {
		t.Errorf("a rollback whose answer was lost: %+v, %v", p, err)
	}
	s.want("10", "select total from latest.b")
	s.breaks(&deaf{commit: gone})
	_, _, err = s.open().Rollback(ctx, "r2", "")
	s.change = nil
	if err == nil || errors.Is(err, engine.ErrCommitUnknown) {
		t.Errorf("a rollback that was not committed: %v", err)
	}
	s.want("10", "select total from latest.b")
	s.sound()
}

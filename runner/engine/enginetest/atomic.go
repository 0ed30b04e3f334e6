package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"warehouse/runner/engine"
)

func testAtomic(t *testing.T, s *suite) {
	boom := errors.New("boom")
	m := s.mart("m")
	s.exec(s.insert(m, runA, s.rows("old")))
	rewrite := func() {
		s.exec(s.d.DeleteRun(m.Relation, "run_id", runA))
		s.exec(s.insert(m, runA, s.rows("new", "new")))
	}
	// On engines without transactions an error is still returned as it is.
	kept, after := "2", "2"
	if _, ok := s.d.(engine.Transactor); ok {
		kept, after = "1", "1"
	}
	s.equal(s.c.Atomic(s.ctx, func() error { rewrite(); return boom }), boom, "the error of a step")
	s.equal(s.count(m, runA), kept, "rows after an error")

	err := s.c.Atomic(s.ctx, func() error {
		rewrite()
		_, err := s.c.Exec(s.ctx, "SELECT nope FROM "+m.Relation.String())
		return err
	})
	if _, ok := errors.AsType[*engine.QueryError](err); !ok {
		t.Errorf("a failed statement: %v", err)
	}
	s.equal(s.count(m, runA), kept, "rows after a failed statement")

	func() {
		defer func() { s.equal(recover(), any("panic"), "a panic goes on") }()
		_ = s.c.Atomic(s.ctx, func() error { rewrite(); panic("panic") })
	}()
	s.equal(s.count(m, runA), after, "rows after a panic")

	other := s.conn()
	err = s.c.Atomic(s.ctx, func() error {
		return s.c.Atomic(s.ctx, func() error {
			rewrite()
			var n int
			if err := other.QueryRow(s.ctx, "SELECT count(*) FROM "+m.Relation.String(), nil, &n); err != nil {
				return err
			}
			s.equal(fmt.Sprint(n), after, "what another session sees before the end")
			return nil
		})
	})
	if err != nil {
		t.Error("atomic in atomic:", err)
	}
	s.equal(s.count(m, runA), "2", "rows after success")
	if _, ok := s.d.(engine.Transactor); ok {
		err = s.c.Atomic(s.ctx, func() error {
			if err := s.c.Atomic(s.ctx, func() error { rewrite(); return nil }); err != nil {
				return err
			}
			s.exec(s.d.DeleteRun(m.Relation, "run_id", runA))
			return boom
		})
		s.equal(err, boom, "the error of the outer step")
		s.equal(s.count(m, runA), "2", "an inner step is undone with the outer one")
	}
}

func testAtomicCancelled(t *testing.T, s *suite) {
	if _, ok := s.d.(engine.Transactor); !ok {
		t.Skip("no transactions")
	}
	m := s.mart("m")
	ctx, cancel := context.WithCancel(s.ctx)
	err := s.c.Atomic(ctx, func() error {
		s.exec(s.insert(m, runA, s.rows("a")))
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	s.equal(s.count(m, runA), "0", "rows of a cancelled step")
	if err := s.c.Atomic(ctx, func() error { t.Error("the step ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("with a dead context: %v", err)
	}
	if err := s.c.Atomic(s.ctx, func() error { s.exec(s.insert(m, runA, s.rows("a"))); return nil }); err != nil {
		t.Error("the session after it:", err)
	}
	s.equal(s.count(m, runA), "1", "rows of the next step")
}

func testConcurrent(t *testing.T, s *suite) {
	const models, rounds = 8, 4
	types := s.d.Types()
	state := engine.Table{Relation: s.rel("state"), Columns: []engine.Column{{Name: "mart", Type: types.Text}, {Name: "round", Type: types.Int}}}
	s.exec(s.d.CreateTable(state))
	var wg sync.WaitGroup
	errs := make([]error, models)
	for i := range models {
		c := s.conn()
		mine := *s
		mine.c = c
		wg.Go(func() { errs[i] = mine.writeRounds(fmt.Sprintf("m%d", i), state.Relation, rounds) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	s.equal(s.one("SELECT count(*) FROM "+state.Relation.String()), fmt.Sprint(models*rounds), "rows in the shared table")
	for i := range models {
		s.equal(s.one("SELECT count(*) FROM "+s.rel(fmt.Sprintf("m%d", i)).String()), fmt.Sprint(2), fmt.Sprintf("rows of m%d", i))
	}
}

// writeRounds does what a build does with one model, a few times over.
func (s *suite) writeRounds(name string, state engine.Relation, rounds int) error {
	types := s.d.Types()
	m := engine.Table{Relation: s.rel(name), RunColumn: "run_id", Columns: []engine.Column{{Name: "run_id", Type: types.RunID}, {Name: "k", Type: types.Int}}}
	for round := range rounds {
		col := engine.Column{Name: fmt.Sprintf("v%d", round), Type: types.Text}
		in := engine.Insert{Table: m.Relation, RunColumn: "run_id", RunID: runA, Physical: []string{"k", col.Name}, Columns: []string{"k", "v"}, Select: s.rows("x", "y")}
		err := s.c.Atomic(s.ctx, func() error {
			for _, q := range []string{s.d.CreateTable(m), s.d.AddColumn(m.Relation, col), s.d.DeleteRun(m.Relation, "run_id", runA), s.d.InsertRun(in),
				fmt.Sprintf("INSERT INTO %s VALUES (%s, %d)", state, engine.Literal(name), round)} {
				if _, err := s.c.Exec(s.ctx, q); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s, round %d: %w", name, round, err)
		}
	}
	return nil
}

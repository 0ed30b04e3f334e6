package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// TestEngines is the life of a project, the same on every engine: what enginetest
// is for an engine's parts, this is for the laws that stand on them.
func TestEngines(t *testing.T) {
	t.Run("duckdb", func(t *testing.T) {
		s := newShop(t, lakeModels)
		testEngine(t, s, "latest", "base", func(q string) { s.alter("INSERT INTO main." + q) })
	})
	t.Run("trino", func(t *testing.T) {
		l := newLake(t, lakeModels)
		testEngine(t, l.shop, l.target.Schema+"_latest", l.target.Schema+"_base", func(q string) { l.run("INSERT INTO " + l.target.Schema + "." + q) })
	})
}

// testEngine takes a project of the models of lakeModels through its life: its
// published schema is latest, and a tag is a schema of its name. insert adds rows
// to a table behind the register's back.
func testEngine(t *testing.T, s *shop, latest, tag string, insert func(into string)) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	shows := func(schema, want string) {
		t.Helper()
		var got string
		err := s.open().Query(ctx, runner.QueryOptions{SQL: fmt.Sprintf("select cast(sum(a.v) as varchar) || '/' || cast(sum(c.w) as varchar) from %[1]s.a as a join %[1]s.c as c on c.k = a.k", schema)},
			func([]engine.Column) error { return nil }, func(row []*string) error { got = *row[0]; return nil })
		must(err)
		if got != want {
			t.Errorf("%s shows %s, want %s", schema, got, want)
		}
	}
	sound := func() {
		t.Helper()
		v, err := s.open().Verify(ctx, "")
		must(err)
		for _, m := range v.Mismatches {
			t.Errorf("verify: %+v", m)
		}
	}

	// Create, insert, verify, bind, publish.
	one := s.build(runner.BuildOptions{})
	if one.Run.Seq != 1 || one.Publication != 1 || one.Run.RowCount != 5 {
		t.Errorf("%+v", one.Run)
	}
	shows(latest, "12/12")

	// Evolve: a column is added, one has another type, one is gone.
	s.write("-- models/a.sql --\n{{ config(primary_key=['k']) }}\nselect k, cast(k * {{ var('f', 2) }} as bigint) as v, 'x' as x from (values (1), (2), (3)) as t(k)\n")
	s.vars = map[string]any{"f": 10}
	two := s.build(runner.BuildOptions{})
	if two.Publication != 2 {
		t.Fatal(two.NotBecause)
	}
	shows(latest, "60/52")

	// Diff.
	rep, err := s.open().Diff(ctx, runner.DiffOptions{})
	must(err)
	if got, want := differences(rep), "a: 0 added, 0 removed, 3 changed (0 by rounding), 0 unchanged; v 3\nb: 2 added, 2 removed, 0 changed (0 by rounding), 0 unchanged;"; !strings.HasPrefix(got, want) {
		t.Errorf("diff:\n%s\nwant\n%s", got, want)
	}

	// Resolve.
	page, err := s.open().Show(ctx, "latest~1")
	must(err)
	if page.Run.ID != one.Run.ID {
		t.Errorf("latest~1 is %+v", page.Run)
	}
	if _, err := s.open().Show(ctx, "r9"); err == nil {
		t.Error("r9 is a run")
	}

	// Tag, rollback: the columns of that day, too.
	_, err = s.open().Tag(ctx, "r1", tag, runner.TagOptions{})
	must(err)
	back, err := s.open().PlanRollback(ctx, "")
	must(err)
	_, err = s.open().Move(ctx, back, "")
	must(err)
	shows(latest, "12/12")
	shows(tag, "12/12")
	if _, err := s.open().Move(ctx, back, ""); !errors.Is(err, runner.ErrMoved) {
		t.Errorf("the same move again: %v", err)
	}
	_, _, err = s.open().Publish(ctx, "r2", runner.PublishOptions{})
	must(err)
	shows(latest, "60/52")

	// A key that is there twice: nothing is published, and no row is left.
	s.write("-- models/a.sql --\n{{ config(primary_key=['k']) }}\nselect k, cast(k as bigint) as v, 'x' as x from (values (1), (1), (3)) as t(k)\n")
	bad := s.try(runner.BuildOptions{})
	if bad.Run.Status != history.Failed || bad.Publication != 0 {
		t.Errorf("a key that is there twice: %+v", bad.Run)
	}
	shows(latest, "60/52")
	sound()

	// A failed data test, and a retry that keeps what was built.
	s.write("-- models/a.sql --\n{{ config(primary_key=['k']) }}\nselect k, cast(k * {{ var('f', 2) }} as bigint) as v, 'x' as x from (values (1), (2), (3)) as t(k)\n-- tests/small.sql --\nselect * from {{ ref('b') }} where w > 30\n")
	failed := s.try(runner.BuildOptions{})
	if failed.Run.Status != history.Failed || failed.Publication != 0 {
		t.Errorf("a failed test: %+v", failed.Run)
	}
	s.write("-- tests/small.sql --\nselect * from {{ ref('b') }} where w > 300\n")
	s.vars = nil
	again, err := s.open().Retry(ctx, "")
	must(err)
	if again.Run.ID != failed.Run.ID || again.Publication == 0 {
		t.Errorf("retry: %+v, %s", again.Run, again.NotBecause)
	}
	tested, err := s.open().Test(ctx, runner.TestOptions{})
	must(err)
	if tested.Failed != 0 {
		t.Errorf("%d tests failed", tested.Failed)
	}

	// Replay: the SQL of then, as a run that is not published.
	replay, err := s.open().Replay(ctx, "r1")
	must(err)
	if replay.Publication != 0 || replay.Run.Status != history.Success || replay.Run.ParentRunID != one.Run.ID {
		t.Errorf("replay: %+v", replay.Run)
	}
	rep, err = s.open().Diff(ctx, runner.DiffOptions{A: "r1", B: fmt.Sprintf("r%d", replay.Run.Seq)})
	must(err)
	for _, m := range rep.Marts {
		if m.Added+m.Removed+m.Changed > 0 {
			t.Errorf("the replay differs: %+v", m)
		}
	}

	// Profile.
	profiles, err := s.open().Profile(ctx, "latest")
	must(err)
	if len(profiles) == 0 {
		t.Error("no profile")
	}

	// Cancel.
	cancelled, cancel := context.WithCancel(ctx)
	was := s.change
	s.change = func(c *runner.Config) {
		if was != nil {
			was(c)
		}
		next := c.Statement
		c.Statement = func(st engine.Statement) {
			if next != nil {
				next(st)
			}
			if strings.HasPrefix(st.SQL, "DELETE") || strings.HasPrefix(st.SQL, "INSERT INTO \"warehouse\".\"main\".\"a\"") {
				cancel()
			}
		}
	}
	r := s.open()
	s.change = was
	stopped, err := r.Build(cancelled, runner.BuildOptions{})
	cancel()
	if err != nil && !errors.Is(err, context.Canceled) || err == nil && stopped.Run.Status != history.Cancelled {
		t.Errorf("cancel: %v, %+v", err, stopped)
	}
	shows(latest, "60/52")

	// Prune: whole runs, but not what is live, previous or tagged.
	s.vars = map[string]any{"f": 10}
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{})
	keep := 1
	plan, err := s.open().PlanPrune(ctx, runner.PruneOptions{KeepLast: &keep})
	must(err)
	did, err := s.open().Prune(ctx, plan)
	must(err)
	if did.Rows == 0 {
		t.Errorf("prune: %+v", did)
	}
	shows(latest, "60/52")
	shows(tag, "12/12")
	sound()
	// A row that no run wrote is found.
	const nobody = "01990000-0000-7000-8000-00000000000b"
	insert("a (run_id, k) VALUES ('" + nobody + "', 1)")
	v, err := s.open().Verify(ctx, "")
	if err != nil || len(v.Mismatches) != 1 || v.Mismatches[0].RunID != nobody {
		t.Errorf("verify: %+v, %v", v, err)
	}
}

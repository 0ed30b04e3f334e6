package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/trino"
	"warehouse/runner/engine/trino/trinotest"
	"warehouse/runner/history"
)

// lake is a shop whose target is a schema of a Trino server.
type lake struct {
	*shop
	target     engine.Target
	mu         sync.Mutex // of statements
	statements []engine.Statement
	before     func(sql string) // is told each statement of a process opened later, once it is done
}

func newLake(t *testing.T, files string) *lake {
	t.Helper()
	l := &lake{target: trinotest.Target(t, "")}
	l.shop = newShop(t, files)
	l.write(fmt.Sprintf("-- project.yml --\nname: shop\nversion: 1.0.0\ntarget: lake\ntargets:\n  lake: {type: trino, dsn: %q, catalog: %s, schema: %s, latest_schema: %s_latest}\n",
		l.target.DSN, l.target.Catalog, l.target.Schema, l.target.Schema))
	l.change = func(cfg *runner.Config) {
		cfg.Engines = []engine.Engine{trino.Engine()}
		before := l.before // of this process
		cfg.Statement = func(s engine.Statement) {
			l.mu.Lock()
			l.statements = append(l.statements, s)
			l.mu.Unlock()
			if before != nil {
				before(s.SQL)
			}
		}
	}
	return l
}

const lakeModels = `
-- models/a.sql --
{{ config(primary_key=['k']) }}
select k, k * {{ var('f', 2) }} as v from (values 1, 2, 3) as t(k)
-- models/b.sql --
select a.k, a.v + 1 as w from {{ ref('a') }} where a.k > 1 -- an alias is not needed
-- models/c.sql --
{{ config(materialized='view') }}
select x.k, b.w from {{ ref('a') }} as x left join {{ ref('b') }} b on b.k = x.k
-- models/s.yml --
version: 2
models:
  - name: a
    columns: [{name: k, data_tests: [not_null, unique]}]
  - name: b
    columns: [{name: w, data_tests: [not_null]}]
`

// scalar reads one text.
func (l *lake) scalar(q string) string {
	l.t.Helper()
	db, err := trino.Engine().Open(l.t.Context(), l.target)
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	var out string
	if err := db.With(l.t.Context(), func(c *engine.Conn) error {
		return c.QueryRow(l.t.Context(), "SELECT CAST(("+q+") AS varchar)", nil, &out)
	}); err != nil {
		l.t.Fatalf("%s: %v", q, err)
	}
	return out
}

func (l *lake) latest(expr string) string {
	return l.scalar(fmt.Sprintf("SELECT %s", strings.ReplaceAll(expr, "latest.", l.target.Schema+"_latest.")))
}

func (l *lake) built(o runner.BuildOptions) *runner.Report {
	l.t.Helper()
	rep, err := l.open().Build(l.t.Context(), o)
	if err != nil {
		l.t.Fatal(err)
	}
	return rep
}

// verified says that history is what the register says.
func (l *lake) verified() {
	l.t.Helper()
	v, err := l.open().Verify(l.t.Context(), "")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, m := range v.Mismatches {
		l.t.Errorf("verify: %+v", m)
	}
}

func TestTrinoLife(t *testing.T) {
	l := newLake(t, lakeModels)
	first := l.built(runner.BuildOptions{})
	if first.Run.Status != history.Success || first.Publication != 1 {
		t.Fatalf("%+v: %s", first.Run, first.NotBecause)
	}
	if got := l.latest("(select cast(sum(v) as varchar) from latest.a) || '/' || (select cast(sum(w) as varchar) from latest.c)"); got == "" {
		t.Error("nothing is there")
	}
	l.vars = map[string]any{"f": 10}
	l.statements = nil
	second := l.built(runner.BuildOptions{})
	if second.Publication != 2 {
		t.Fatal(second.NotBecause)
	}
	perMart := map[string]int{}
	for _, s := range l.statements {
		for _, m := range []string{"a", "b"} {
			if strings.Contains(s.SQL, `."`+m+`"`) && !strings.Contains(s.SQL, "VIEW") {
				perMart[m]++
			}
		}
	}
	t.Logf("a second build: %d statements; that name a or b: %v", len(l.statements), perMart)
	if n := len(l.statements); n > 60 {
		t.Errorf("a build of two marts and a view took %d statements", n)
	}
	const sum = "(select sum(v) from latest.a)"
	if got := l.latest(sum); got != "60" {
		t.Errorf("latest is %s", got)
	}
	m, err := l.open().PlanRollback(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.open().Move(t.Context(), m, ""); err != nil {
		t.Fatal(err)
	}
	if got := l.latest(sum); got != "12" {
		t.Errorf("after the rollback it is %s", got)
	}
	if _, err := l.open().Move(t.Context(), m, ""); !errors.Is(err, runner.ErrMoved) {
		t.Errorf("the same move again: %v", err)
	}
	rep, err := l.open().Test(t.Context(), runner.TestOptions{Run: "r2"})
	if err != nil || rep.Failed > 0 {
		t.Errorf("test: %v, %d failed", err, rep.Failed)
	}
	if _, err := l.open().Tag(t.Context(), "r2", l.target.Schema+"_base", runner.TagOptions{}); err != nil {
		t.Error("tag:", err)
	} else if got := l.scalar("select sum(v) from " + l.target.Schema + "_base.a"); got != "60" {
		t.Errorf("the tag shows %s", got)
	}
	l.verified()
}

// Two builds at once: each has a run id of its own, and both are published, or
// the second is refused; never is one lost without a word.
func TestTrinoTwoBuilds(t *testing.T) {
	l := newLake(t, lakeModels)
	l.built(runner.BuildOptions{})
	var wg sync.WaitGroup
	reports, errs := make([]*runner.Report, 2), make([]error, 2)
	for i := range 2 {
		r := l.open()
		wg.Go(func() { reports[i], errs[i] = r.Build(t.Context(), runner.BuildOptions{}) })
	}
	wg.Wait()
	published := 0
	for i, rep := range reports {
		switch {
		case rep != nil && rep.Publication > 0:
			published++
		case rep != nil && strings.Contains(rep.NotBecause, "published anew"), rep != nil && strings.Contains(rep.NotBecause, "no longer live"):
		default:
			t.Errorf("build %d: %+v, %v", i, rep, errs[i])
		}
	}
	if published == 0 || reports[0].Run.ID == reports[1].Run.ID || reports[0].Run.Seq == reports[1].Run.Seq {
		t.Errorf("%d were published: %+v, %+v", published, reports[0].Run, reports[1].Run)
	}
	l.verified()
}

// A client that ends at any point leaves a run that is not published, or one
// that is, whole; and the same project goes on from there.
func TestTrinoStopped(t *testing.T) {
	for _, after := range []string{"DELETE FROM", `MERGE INTO "wh".%s."b"`, `run_manifest_model_log`, `MERGE INTO "wh".%s."run_publication"`} {
		t.Run(after, func(t *testing.T) {
			l := newLake(t, lakeModels)
			l.built(runner.BuildOptions{})
			l.vars = map[string]any{"f": 10}
			if strings.Contains(after, "%s") {
				after = fmt.Sprintf(after, engine.Ident(l.target.Schema))
			}
			// As a killed process: nothing follows that statement. What hangs here
			// is never heard of again.
			gone := make(chan struct{})
			var once sync.Once
			l.before = func(sql string) {
				if strings.Contains(sql, after) {
					once.Do(func() { close(gone) })
				}
				select {
				case <-gone:
					select {}
				default:
				}
			}
			dead := l.open()
			go func() { _, _ = dead.Build(context.Background(), runner.BuildOptions{}) }()
			<-gone
			l.before = nil
			sum := l.latest("(select cast(sum(v) as varchar) from latest.a) || '/' || (select cast(sum(w) as varchar) from latest.c)")
			if sum != "12/12" && sum != "60/52" {
				t.Errorf("latest shows %s: a part of each", sum)
			}
			t.Logf("after %s: latest shows %s", after, sum)
			l.vars = nil // a retry has those of its run
			rep, err := l.open().Retry(t.Context(), "r2")
			if err != nil || rep.Run.Status != history.Success {
				t.Fatalf("retry: %v, %+v", err, rep)
			}
			if got := l.latest("(select cast(sum(v) as varchar) from latest.a) || '/' || (select cast(sum(w) as varchar) from latest.c)"); got != "60/52" {
				t.Errorf("after the retry latest shows %s", got)
			}
			l.verified()
		})
	}
}

package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

const pruneYML = `-- project.yml --
name: shop
version: 1.0.0
retention: {keep_last: 2}
target: dev
targets: {dev: {type: duckdb, path: target/warehouse.duckdb}}
`

// pruneShop has two marts and a view; b reads a.
func pruneShop(t *testing.T) *shop {
	s := newShop(t, `
-- models/a.sql --
select {{ var('n', 1) }} as v
-- models/b.sql --
select v from {{ ref('a') }}
-- models/w.sql --
{{ config(materialized='view') }} select v from {{ ref('b') }}
`)
	s.write(pruneYML)
	return s
}

func (s *shop) numbered(n int, o runner.BuildOptions) *runner.Report {
	s.t.Helper()
	s.vars = map[string]any{"n": n}
	return s.build(o)
}

func (s *shop) plan(o runner.PruneOptions) (*runner.Runner, *runner.PrunePlan) {
	s.t.Helper()
	r := s.open()
	p, err := r.PlanPrune(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	return r, p
}

// goes writes what a plan lets go: "r3 a b (all)".
func goes(p *runner.PrunePlan) string {
	var out []string
	for _, run := range p.Runs {
		text := fmt.Sprintf("r%d", run.Run.Seq)
		for _, m := range run.Marts {
			text += " " + m.Mart
		}
		if run.Whole {
			text += " (all)"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func (s *shop) wantGoes(o runner.PruneOptions, want string) {
	s.t.Helper()
	if _, p := s.plan(o); goes(p) != want {
		s.t.Errorf("got %q, want %q", goes(p), want)
	}
}

func (s *shop) prune(o runner.PruneOptions) runner.Pruned {
	s.t.Helper()
	r, p := s.plan(o)
	did, err := r.Prune(s.t.Context(), p)
	if err != nil {
		s.t.Fatal(err)
	}
	s.sound()
	return did
}

func last(n int) runner.PruneOptions { return runner.PruneOptions{KeepLast: &n} }

func TestPruneByMart(t *testing.T) {
	s := pruneShop(t)
	s.numbered(1, runner.BuildOptions{})
	s.numbered(2, runner.BuildOptions{Select: []string{"b"}}) // reads a of r1
	s.numbered(3, runner.BuildOptions{Select: []string{"b"}})
	s.numbered(4, runner.BuildOptions{Select: []string{"b"}})
	s.numbered(5, runner.BuildOptions{Select: []string{"b"}})
	// Of a there is one run only; w is read from r1 as well.
	s.wantGoes(runner.PruneOptions{}, "r1 b, r2 b (all), r3 b (all)")
	s.wantGoes(last(3), "r1 b, r2 b (all)")
	did := s.prune(runner.PruneOptions{})
	if did != (runner.Pruned{Runs: 3, WholeRuns: 2, Marts: 3, Rows: 3}) {
		t.Errorf("%+v", did)
	}
	s.want("1 success\n2 pruned\n3 pruned\n4 success\n5 success", "select seq, status from run_manifest order by 1")
	s.want("2", "select count(*) from main.b")
	s.want("1", "select v from latest.w")
	s.wantGoes(runner.PruneOptions{}, "")
}

func TestPruneKeepsWhatTagsRead(t *testing.T) {
	s := pruneShop(t)
	s.numbered(1, runner.BuildOptions{Select: []string{"a"}})
	two := s.numbered(2, runner.BuildOptions{Select: []string{"b"}})
	if _, err := s.open().Tag(t.Context(), two.Run.ID, "baseline", runner.TagOptions{}); err != nil {
		t.Fatal(err)
	}
	for n := 3; n <= 6; n++ {
		s.numbered(n, runner.BuildOptions{})
	}
	s.wantGoes(last(1), "r3 a b w (all), r4 a b w (all)")
	s.wantGoes(last(0), "r3 a b w (all), r4 a b w (all)") // r6 is live, r5 previous
	if err := s.open().Untag(t.Context(), "baseline"); err != nil {
		t.Fatal(err)
	}
	s.wantGoes(last(1), "r1 a (all), r2 b (all), r3 a b w (all), r4 a b w (all)")
	s.prune(last(1))
	s.want("6", "select v from latest.b")
	s.want("5", "select v from previous.w")
}

// What a rolled back state was built from stays, though it is in no snapshot.
func TestPruneKeepsInputs(t *testing.T) {
	s := pruneShop(t)
	s.numbered(1, runner.BuildOptions{})
	s.numbered(2, runner.BuildOptions{Select: []string{"b"}}) // b@r2 read a@r1
	s.numbered(3, runner.BuildOptions{Select: []string{"a"}})
	s.numbered(4, runner.BuildOptions{Select: []string{"a"}})
	s.numbered(5, runner.BuildOptions{Select: []string{"a"}})
	_, p := s.plan(last(1))
	if goes(p) != "r1 b, r3 a (all)" {
		t.Errorf("goes: %s", goes(p))
	}
	i := slices.IndexFunc(p.Kept, func(k runner.PruneKept) bool { return k.Run.Seq == 1 })
	if got := fmt.Sprint(p.Kept[i].Why); got != "[read by published published]" && got != "[published read by published]" {
		t.Error(got)
	}
}

func TestPruneFailedRunsGoToo(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select 1 as v
-- models/b.sql --
select {{ "error('no')" if var('bad', false) else 1 }} as v from {{ ref('a') }}
`)
	s.write(pruneYML)
	s.vars = map[string]any{"bad": true}
	s.try(runner.BuildOptions{})
	s.try(runner.BuildOptions{})
	s.vars = nil
	s.build(runner.BuildOptions{NoPublish: true})
	s.build(runner.BuildOptions{NoPublish: true})
	s.build(runner.BuildOptions{NoPublish: true})
	s.wantGoes(last(2), "r1 a (all), r2 a (all), r3 a b (all)")
	s.vars = map[string]any{"bad": true}
	s.try(runner.BuildOptions{})
	// The failed run is newer than the second success, and takes no place.
	s.wantGoes(last(2), "r1 a (all), r2 a (all), r3 a b (all)")
	s.prune(last(2))
	s.want("3", "select count(*) from main.a")
}

func TestPruneByAge(t *testing.T) {
	s := pruneShop(t)
	at := time.Now()
	cfg := s.config()
	cfg.Now = func() time.Time { return at }
	for range 4 {
		r, err := runner.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Build(t.Context(), runner.BuildOptions{Select: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		at = at.Add(24 * time.Hour)
	}
	r, err := runner.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for age, want := range map[time.Duration]string{0: "r1 a (all), r2 a (all)", 73 * time.Hour: "r1 a (all)", 97 * time.Hour: ""} {
		p, err := r.PlanPrune(t.Context(), runner.PruneOptions{KeepFor: &age})
		if err != nil || goes(p) != want {
			t.Errorf("%v: %q %v, want %q", age, goes(p), err, want)
		}
	}
}

func TestPruneRulesOfAMart(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
{{ config(retention={'keep_last': 4}) }} select 1 as v
-- models/b.sql --
select 1 as v
`)
	s.write(pruneYML)
	for range 6 {
		s.build(runner.BuildOptions{})
	}
	want := "r1 a b (all), r2 a b (all), r3 b, r4 b"
	s.wantGoes(runner.PruneOptions{}, want)
	s.wantGoes(last(1), want) // a keeps its own rules; r5 is previous
	// A project that does not compile: the records say what a's rules are.
	s.write("-- models/b.sql --\nselect {{ nosuch(\n")
	_, p := s.plan(runner.PruneOptions{})
	if p.Unread == nil || goes(p) != want {
		t.Errorf("%v %q", p.Unread, goes(p))
	}
	// A mart that left the project as well.
	s.write("-- models/b.sql --\nselect 1 as v\n-- models/a.sql --\n{{ config(enabled=false) }} select 1 as v\n")
	s.wantGoes(runner.PruneOptions{}, want)
}

func TestPruneWithoutRulesKeepsAll(t *testing.T) {
	s := pruneShop(t)
	s.write("-- project.yml --\n" + projectYML)
	_, p := s.plan(runner.PruneOptions{})
	if p.Configured() || !p.Nothing() {
		t.Error("before the first build", p)
	}
	for n := range 4 {
		s.numbered(n, runner.BuildOptions{})
	}
	_, p = s.plan(runner.PruneOptions{})
	if p.Configured() || !p.Nothing() || len(p.Kept) != 4 {
		t.Errorf("%+v", p)
	}
}

// A plan is only good for what it named.
func TestPruneDoesNoMoreThanThePlan(t *testing.T) {
	s := pruneShop(t)
	for n := range 4 {
		s.numbered(n, runner.BuildOptions{})
	}
	r, p := s.plan(runner.PruneOptions{})
	s.numbered(5, runner.BuildOptions{})
	if _, err := s.open().Tag(t.Context(), "r1", "keep", runner.TagOptions{}); err != nil {
		t.Fatal(err)
	}
	if goes(p) != "r1 a b w (all), r2 a b w (all)" {
		t.Error(goes(p))
	}
	if did, err := r.Prune(t.Context(), p); err != nil || did.Runs != 1 {
		t.Errorf("%+v %v", did, err)
	}
	s.want("1 success\n2 pruned\n3 success\n4 success\n5 success", "select seq, status from run_manifest order by 1")
}

func TestPrunedRunsAreRefused(t *testing.T) {
	s := pruneShop(t)
	one := s.numbered(1, runner.BuildOptions{})
	for n := 2; n <= 4; n++ {
		s.numbered(n, runner.BuildOptions{})
	}
	s.prune(runner.PruneOptions{})
	var refused *history.RefusedError
	if _, err := s.open().PlanRollback(t.Context(), "r1"); !errors.As(err, &refused) {
		t.Errorf("rollback: %v", err)
	}
	if _, err := s.open().PlanPublish(t.Context(), "r1", runner.PublishOptions{}); !errors.As(err, &refused) {
		t.Errorf("publish: %v", err)
	}
	if _, err := s.open().Build(t.Context(), runner.BuildOptions{RunID: one.Run.ID}); !errors.As(err, &refused) {
		t.Errorf("build: %v", err)
	}
	// No silent empties: neither none of the rows nor those of all runs.
	var pruned *history.PrunedError
	if _, err := s.tryQuery("select * from a", "latest~3"); !errors.As(err, &pruned) {
		t.Errorf("query: %v", err)
	}
	for _, spec := range []string{"r1", one.Run.ID} {
		if _, err := s.tryQuery("select * from a", spec); !errors.As(err, &pruned) {
			t.Errorf("query --run %s: %v", spec, err)
		}
	}
	if _, err := s.open().Tag(t.Context(), "latest~3", "old", runner.TagOptions{}); !errors.As(err, &pruned) {
		t.Errorf("tag: %v", err)
	}
}

// A run of which a part was pruned, or that was built on a run that is kept,
// shows what is left of it and nothing of another run.
func TestPrunedInPart(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect {{ var('n', 0) }} as v\n-- models/b.sql --\nselect v + 10 as v from {{ ref('a') }}\n"+
		"-- models/c.sql --\n{{ config(retention={'keep_last': 9}) }} select 5 as v\n")
	s.write(pruneYML)
	for n := 1; n <= 5; n++ {
		s.numbered(n, runner.BuildOptions{})
		if n == 1 {
			if _, err := s.open().Tag(t.Context(), "r1", "kept", runner.TagOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.prune(runner.PruneOptions{})
	s.want("success", "select status from run_manifest where seq = 2") // of c
	var pruned *history.PrunedError
	for _, q := range []string{"select * from a", "select * from b"} {
		if out, err := s.tryQuery(q, "r2"); !errors.As(err, &pruned) {
			t.Errorf("%s: %s, %v", q, out, err)
		}
	}
	if got := s.query("select v from c", "r2"); got != "5" {
		t.Errorf("what is left: %s", got)
	}
	if got := s.query("select v from a", "kept"); got != "1" {
		t.Errorf("the tag: %s", got)
	}
	if m := s.diff(runner.DiffOptions{A: "r2", B: "latest"}).Marts[0]; m.Refused == nil || !strings.Contains(m.Refused.Error(), "were pruned") {
		t.Errorf("diff: %+v", m)
	}
}

// Stopped at every statement, a prune leaves what verify accepts and the next
// one ends.
func TestPruneInterrupted(t *testing.T) {
	built := newShop(t, "-- models/a.sql --\nselect 1 as v\n")
	built.write(pruneYML)
	for range 4 {
		built.build(runner.BuildOptions{})
	}
	for stop := int32(1); ; stop++ {
		s := &shop{t: t, dir: t.TempDir()}
		if err := os.CopyFS(s.dir, os.DirFS(built.dir)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int32
		cfg := s.config()
		cfg.Statement = func(st engine.Statement) {
			if isChange(st.SQL) && n.Add(1) == stop {
				cancel()
			}
		}
		_, p := s.plan(runner.PruneOptions{})
		r, err := runner.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Prune(ctx, p)
		cancel()
		s.sound()
		s.want("1", "select v from latest.a")
		s.prune(runner.PruneOptions{})
		s.want("2", "select count(*) from main.a")
		s.want("1 pruned\n2 pruned\n3 success\n4 success", "select seq, status from run_manifest order by 1")
		if err == nil {
			if stop < 5 {
				t.Errorf("only %d statements", stop)
			}
			return
		}
	}
}

func isChange(sql string) bool {
	for _, verb := range []string{"INSERT", "UPDATE", "DELETE", "--"} {
		if strings.HasPrefix(sql, verb) {
			return true
		}
	}
	return false
}

func TestPruneLeftovers(t *testing.T) {
	s := pruneShop(t)
	for n := range 4 {
		s.numbered(n, runner.BuildOptions{})
	}
	// The register knows, the rows are still there.
	ctx, cancel := context.WithCancel(t.Context())
	cfg := s.config()
	cfg.Observe = func(e runner.Event) {
		if strings.HasPrefix(e.Message, "deleting ") {
			cancel()
		}
	}
	_, p := s.plan(runner.PruneOptions{})
	r, err := runner.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Prune(ctx, p); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	_, p = s.plan(runner.PruneOptions{})
	if len(p.Runs) != 0 || len(p.Leftover) != 4 || p.Rows != 4 || p.Nothing() {
		t.Errorf("%+v", p)
	}
	if did := s.prune(runner.PruneOptions{}); did.Rows != 4 {
		t.Errorf("%+v", did)
	}
}

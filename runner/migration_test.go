package runner_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/history"
)

const firstFiles = `
-- models/orders.sql --
select i as order_id, i % 3 as customer_id, cast(10 + i as decimal(10, 2)) as amount
from range(1, {{ var('n', 4) }} + 1) as t(i)
-- models/customers.sql --
{{ config(materialized='view') }}
select customer_id, count(*) as orders from {{ ref('orders') }} group by customer_id
-- models/revenue.sql --
select sum(amount) as revenue, max(order_id) as last_order from {{ ref('orders') }}
-- models/schema.yml --
version: 2
models:
  - name: orders
    config: {primary_key: [order_id]}
    columns: [{name: order_id, data_tests: [not_null, unique]}]
`

// firstShape is a project whose file was left by the first release.
func firstShape(t *testing.T) *shop {
	t.Helper()
	s := newShop(t, firstFiles)
	text, err := os.ReadFile("testdata/state/first.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "target"), 0o777); err != nil {
		t.Fatal(err)
	}
	s.alter(string(text))
	return s
}

// A file of the first release: whatever reads works at once, and so does all
// that changes it, its old runs included.
func TestFirstShape(t *testing.T) {
	s, ctx := firstShape(t), t.Context()
	before := s.query("select table_name, column_name, data_type from information_schema.columns where table_name like 'run\\_%' escape '\\' order by all", "")

	runs, err := s.open().Runs(ctx, 0)
	if err != nil || len(runs) != 2 || runs[0].Seq != 2 || !runs[0].Live || !slices.Contains(runs[1].Tags, "baseline") {
		t.Fatalf("runs: %+v, %v", runs, err)
	}
	if _, err := s.open().Show(ctx, "r1"); err != nil {
		t.Error(err)
	}
	diff := func(a, b, want string) {
		t.Helper()
		var got []string
		for _, m := range s.diff(runner.DiffOptions{A: a, B: b}).Marts {
			got = append(got, m.Mart+" "+summary(m))
		}
		if g := strings.Join(got, ", "); g != want {
			t.Errorf("diff %s %s: %s\nwant %s", a, b, g, want)
		}
	}
	diff("", "", "orders 4 5 +1 -0 ~0 =4, revenue 1 1 +1 -1 ~0 =0")
	s.sound() // verify, among others
	s.want("5", "select count(*) from latest.orders")
	s.want("4", "select count(*) from baseline.orders")
	if after := s.query("select table_name, column_name, data_type from information_schema.columns where table_name like 'run\\_%' escape '\\' order by all", ""); after != before {
		t.Errorf("reading changed the state tables:\n%s\nwere\n%s", after, before)
	}

	s.rollback("")
	s.want("4", "select count(*) from latest.orders")
	s.want("50.00", "select revenue from latest.revenue")
	s.publish("r2")
	s.want("5", "select count(*) from latest.orders")
	s.want("4", "select count(*) from history('orders') where valid_to is null and order_id < 5")
	s.want("added", "select change from changes('orders', 'r1', 'r2')")
	if _, err := s.open().Profile(ctx, "r1"); err != nil {
		t.Error(err)
	}
	s.sound()

	s.build(runner.BuildOptions{Reuse: true}) // four orders, as in r1, which is not live
	diff("r1", "latest", "orders 4 4 +0 -0 ~0 =4, revenue 1 1 +0 -0 ~0 =1")
	s.vars = map[string]any{"n": 6}
	s.build(runner.BuildOptions{})
	diff("r1", "latest", "orders 4 6 +2 -0 ~0 =4, revenue 1 1 +1 -1 ~0 =0")
	if _, err := s.open().Tag(ctx, "r4", "now", runner.TagOptions{}); err != nil {
		t.Error(err)
	}
	if err := s.open().Untag(ctx, "baseline"); err != nil {
		t.Error(err)
	}
	s.sound()
	one := 1
	s.prune(runner.PruneOptions{KeepLast: &one})
	if _, err := s.open().Compact(ctx); err != nil {
		t.Fatal(err)
	}
	s.want("pruned pruned success success", "select string_agg(status, ' ' order by seq) from run_manifest")
	s.sound()
}

// Tables of an older version are read by nobody before they are brought up to
// date, by what may write. Here it is the oldest there can be: nothing says
// which version they are.
func TestOldShape(t *testing.T) {
	s, ctx := firstShape(t), t.Context()
	s.alter("delete from run_state")
	_, err := s.open().Runs(ctx, 0)
	var hint interface{ Hint() string }
	if !history.IsOld(err) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "`warehouse build`") {
		t.Fatalf("Runs: %v", err)
	}
	if _, err := s.open().Diff(ctx, runner.DiffOptions{}); !history.IsOld(err) {
		t.Errorf("Diff: %v", err)
	}
	s.vars = map[string]any{"n": 6}
	s.build(runner.BuildOptions{})
	s.want("1", "select max(version) from run_state")
	s.want("6", "select count(*) from latest.orders")
	s.sound()
}

// Tables of a newer version are refused, by everything, and nothing is changed.
func TestNewShape(t *testing.T) {
	s, ctx := firstShape(t), t.Context()
	s.alter("insert into run_state values (2, now())")
	var newer *history.VersionError
	for name, do := range map[string]func() error{
		"build":    func() error { _, err := s.open().Build(ctx, runner.BuildOptions{}); return err },
		"runs":     func() error { _, err := s.open().Runs(ctx, 0); return err },
		"rollback": func() error { _, err := s.open().PlanRollback(ctx, ""); return err },
		"compact":  func() error { _, err := s.open().Compact(ctx); return err },
		"prune":    func() error { _, err := s.open().PlanPrune(ctx, runner.PruneOptions{}); return err },
	} {
		if err := do(); !errors.As(err, &newer) || newer.Found != 2 || newer.Known != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.alter("select case when (select count(*) from run_manifest) <> 2 then error('there is another run') end")
}

// later is a program that keeps a run's mood, and renamed what the first one
// called a note.
var later = history.Migrations{func(ctx context.Context, c *engine.Conn, r *history.Register) error {
	for _, q := range []string{"ALTER TABLE run_manifest ADD COLUMN mood VARCHAR DEFAULT 'calm'", "ALTER TABLE run_tag ADD COLUMN remark VARCHAR", "UPDATE run_tag SET remark = note"} {
		if _, err := c.Exec(ctx, q); err != nil {
			return err
		}
	}
	if os.Getenv("MIGRATE_DIR") != "" {
		os.Exit(9) // the transaction is open
	}
	return nil
}, func(ctx context.Context, c *engine.Conn, r *history.Register) error {
	_, err := c.Exec(ctx, "CREATE TABLE run_mood AS SELECT run_id, mood FROM run_manifest")
	return err
}}

func migrate(ctx context.Context, file string, m history.Migrations) error {
	db, err := duckdb.Engine().Open(ctx, engine.Target{Name: "dev", Type: "duckdb", Path: file})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.With(ctx, func(c *engine.Conn) error {
		_, err := m.Open(ctx, c, "main")
		return err
	})
}

// TestMigrationChild is the child of TestMigration: it dies in the first step.
func TestMigrationChild(t *testing.T) {
	dir := os.Getenv("MIGRATE_DIR")
	if dir == "" {
		t.Skip("it is run by TestMigration")
	}
	t.Fatal("it went on: ", migrate(t.Context(), (&shop{t: t, dir: dir}).file(), later))
}

// A migration is one transaction. What fails or dies in the middle of it leaves
// the old tables, which the old program goes on with.
func TestMigration(t *testing.T) {
	s, ctx := firstShape(t), t.Context()
	old := func(after string) {
		t.Helper()
		s.want("0", "select count(*) from information_schema.columns where column_name in ('mood', 'remark')")
		s.want("1", "select max(version) from run_state")
		s.sound()
		if t.Failed() {
			t.Fatalf("after %s", after)
		}
	}
	bad := append(slices.Clip(later), func(context.Context, *engine.Conn, *history.Register) error { return errors.New("no") })
	if err := migrate(ctx, s.file(), bad); err == nil || err.Error() != "bringing the state tables from version 3 to 4: no" {
		t.Fatalf("the last step fails: %v", err)
	}
	old("a step that failed")

	child := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestMigrationChild$")
	child.Env = append(os.Environ(), "MIGRATE_DIR="+s.dir)
	out, err := child.CombinedOutput()
	if child.ProcessState.ExitCode() != 9 {
		t.Fatalf("the child: %v\n%s", err, out)
	}
	old("a process that died")
	s.build(runner.BuildOptions{})

	for range 2 { // the second finds nothing to do
		if err := migrate(ctx, s.file(), later); err != nil {
			t.Fatal(err)
		}
	}
	s.alter("select case when (select count(*) from run_state) <> 2 or (select max(version) from run_state) <> 3 or (select count(*) from run_mood where mood = 'calm') <> 3 then error('not migrated') end")
	if _, err := s.open().Runs(ctx, 0); err == nil || err.Error() != "the state tables are of version 3, this program knows up to 1" {
		t.Errorf("the old program afterwards: %v", err)
	}
}

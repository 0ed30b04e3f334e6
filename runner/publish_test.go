package runner_test

import (
	"errors"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/binding"
	"warehouse/runner/history"
)

// What was built with --no-publish is published later, if what it read is
// still live.
func TestPublishLater(t *testing.T) {
	s := newShop(t, orders)
	s.build(runner.BuildOptions{NoPublish: true})
	if _, err := s.tryQuery("select * from latest.orders", ""); err == nil {
		t.Error("there is a view of what was never published")
	}
	s.publish("r1")
	s.want("30", "select total from latest.totals")
	// r2 builds one mart over r1, r3 publishes anew what r2 reads.
	s.vars = map[string]any{"price": 0}
	s.build(runner.BuildOptions{NoPublish: true, Select: []string{"totals"}})
	s.build(runner.BuildOptions{Select: []string{"orders"}})
	_, err := s.open().PlanPublish(t.Context(), "r2", runner.PublishOptions{})
	var refused *history.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("%v", err)
	}
	contains(t, tell(err), "totals read orders", "no longer live", "--force")
	if _, err := s.open().PlanPublish(t.Context(), "r2", runner.PublishOptions{Force: true}); err == nil {
		t.Error("forced without a reason")
	}
	s.move(s.open().PlanPublish(t.Context(), "r2", runner.PublishOptions{Force: true, Reason: "I know"}))
	s.want("I know", "select reason from main.run_publication order by seq desc limit 1")
	s.sound()
}

func TestPublishRefuses(t *testing.T) {
	s := newShop(t, orders)
	s.vars = map[string]any{"price": 7}
	s.try(runner.BuildOptions{})
	var refused *history.RefusedError
	if _, err := s.open().PlanPublish(t.Context(), "r1", runner.PublishOptions{Force: true, Reason: "please"}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "failed") {
		t.Errorf("a failed run: %v", err)
	}
	if _, err := s.open().PlanRollback(t.Context(), "r1"); err == nil {
		t.Error("a rollback to what was never published")
	}
	if _, err := s.open().PlanRollback(t.Context(), ""); !errors.Is(err, history.ErrNothingBefore) {
		t.Errorf("%v", err)
	}
	if _, err := s.open().PlanPublish(t.Context(), "r9", runner.PublishOptions{}); err == nil {
		t.Error("an unknown run")
	}
	// Of two runs over one base, the second would put an older mart in front.
	s.vars = nil
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{NoPublish: true})
	s.build(runner.BuildOptions{})
	_, err := s.open().PlanPublish(t.Context(), "r3", runner.PublishOptions{})
	contains(t, tell(err), "orders was published anew since this run began")
}

// Publishing a run that was published once restores all of its publication.
func TestPublishOldRun(t *testing.T) {
	s := newShop(t, orders)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"n": 2}
	s.build(runner.BuildOptions{Select: []string{"orders"}}) // totals stays r1
	s.build(runner.BuildOptions{})
	m, err := s.open().PlanPublish(t.Context(), "r2", runner.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, mv := range m.Marts {
		lines = append(lines, mv.Mart)
	}
	if got := strings.Join(lines, " "); got != "big orders totals" && got != "orders totals" {
		t.Errorf("it changes %s", got)
	}
	s.move(m, nil)
	s.want("2 30", "select (select count(*) from latest.orders), (select total from latest.totals)")
	s.want("publish r2", "select action, 'r' || (select seq from main.run_manifest r where r.run_id = p.run_id) from main.run_publication p order by p.seq desc limit 1")
	s.rollback("")
	s.sound()
}

// Between preview and execution somebody else published.
func TestMoved(t *testing.T) {
	s := newShop(t, orders)
	s.build(runner.BuildOptions{})
	s.build(runner.BuildOptions{})
	m, err := s.open().PlanRollback(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	s.build(runner.BuildOptions{})
	if _, err := s.open().Move(t.Context(), m, ""); !errors.Is(err, runner.ErrMoved) {
		t.Errorf("%v", err)
	}
}

// Where a view of latest is to stand is a table of somebody else: the build
// says so, publishes nothing, and what was published stays.
func TestLatestIsTaken(t *testing.T) {
	s := newShop(t, orders)
	a := s.build(runner.BuildOptions{})
	s.alter("create table latest.extra (x int)")
	s.write("-- models/extra.sql --\nselect 1 as x\n")
	rep, err := s.open().Build(t.Context(), runner.BuildOptions{})
	var taken *binding.TakenError
	if !errors.As(err, &taken) {
		t.Errorf("%v", err)
	}
	if rep == nil || rep.Run.Status != history.Failed || rep.Publication != 0 {
		t.Fatalf("%+v", rep)
	}
	contains(t, rep.NotBecause, "latest", "extra")
	s.want(a.Run.ID, "select any_value(run_id) from latest.orders")
	s.sound()
	s.alter("drop table latest.extra")
	s.build(runner.BuildOptions{})
	s.want("1", "select x from latest.extra")
}

func TestTags(t *testing.T) {
	s := newShop(t, orders)
	if _, err := s.open().Tag(t.Context(), "latest", "first", runner.TagOptions{}); err == nil {
		t.Error("a tag of nothing")
	}
	a := s.build(runner.BuildOptions{})
	tag := func(spec, name string, o runner.TagOptions) error {
		_, err := s.open().Tag(t.Context(), spec, name, o)
		return err
	}
	if err := tag("latest", "Baseline 1", runner.TagOptions{Note: "it's"}); err != nil {
		if err := tag("latest", "baseline", runner.TagOptions{Note: "it's"}); err != nil {
			t.Fatal(err)
		}
	} else if err := tag("latest", "baseline", runner.TagOptions{}); err != nil {
		t.Fatal(err)
	}
	s.vars = map[string]any{"n": 2}
	s.build(runner.BuildOptions{})
	s.want("3 2", "select (select count(*) from baseline.orders), (select count(*) from baseline.big)")
	if got := s.query("select any_value(run_id) from orders", "tag:baseline"); got != a.Run.ID {
		t.Error(got)
	}
	if err := tag("latest", "baseline", runner.TagOptions{}); err == nil || !strings.Contains(hint(err), "--move") {
		t.Errorf("%v", err)
	}
	if err := tag("latest", "BASELINE", runner.TagOptions{}); err == nil {
		t.Error("a tag that differs by case alone")
	}
	if err := tag("latest", "baseline", runner.TagOptions{Move: true}); err != nil {
		t.Fatal(err)
	}
	s.want("2", "select count(*) from baseline.orders")
	for _, bad := range []string{"latest", "previous", "run_x", "r42", "@x", "x~1", a.Run.ID, "main", "Main", "LATEST", "", "a\nb", "latest__ref", "information_schema", "pg_catalog"} {
		if err := tag("latest", bad, runner.TagOptions{}); err == nil {
			t.Errorf("%q is a tag", bad)
		}
	}
	s.sound()
	if err := s.open().Untag(t.Context(), "baseline"); err != nil {
		t.Fatal(err)
	}
	if err := s.open().Untag(t.Context(), "baseline"); !errors.Is(err, history.ErrNoTag) {
		t.Errorf("%v", err)
	}
	if _, err := s.tryQuery("select * from baseline.orders", ""); err == nil {
		t.Error("the tag's binding is still there")
	}
	s.sound()
}

// A model that left the project leaves latest with the next full build, and
// comes back with a rollback.
func TestModelLeaves(t *testing.T) {
	s := newShop(t, orders+"\n-- models/gone.sql --\nselect 1 as x\n")
	s.build(runner.BuildOptions{})
	s.remove("models/gone.sql")
	s.build(runner.BuildOptions{Select: []string{"orders"}})
	s.want("1", "select x from latest.gone")
	s.build(runner.BuildOptions{})
	if _, err := s.tryQuery("select x from latest.gone", ""); err == nil {
		t.Error("gone is still in latest")
	}
	s.want("1", "select x from previous.gone")
	s.rollback("")
	s.want("1", "select x from latest.gone")
	s.sound()
}

// A mart becomes a view, and goes back.
func TestKindChanges(t *testing.T) {
	s := newShop(t, orders+"\n-- models/k.sql --\nselect count(*) as n from {{ ref('orders') }}\n")
	s.build(runner.BuildOptions{})
	s.write("-- models/k.sql --\n{{ config(materialized='view') }} select count(*) + 100 as n from {{ ref('orders') }}\n")
	s.build(runner.BuildOptions{})
	s.want("103 3", "select (select n from latest.k), (select n from previous.k)")
	s.rollback("")
	s.want("3", "select n from latest.k")
	s.write("-- models/k.sql --\n{{ config(materialized='ephemeral') }} select count(*) + 1000 as n from {{ ref('orders') }}\n-- models/e.sql --\nselect n from {{ ref('k') }}\n")
	s.build(runner.BuildOptions{})
	s.want("1003", "select n from latest.e")
	if _, err := s.tryQuery("select n from latest.k", ""); err == nil {
		t.Error("an ephemeral model is in latest")
	}
	s.sound()
}

// View models over marts of different runs, and an unselected one over a mart
// that is built now.
func TestViewModels(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select 1 as id, {{ var('x', 1) }} as a
-- models/b.sql --
select 1 as id, {{ var('x', 1) }} as b
-- models/both.sql --
{{ config(materialized='view') }} select * from {{ ref('a') }} join {{ ref('b') }} using (id)
-- models/over.sql --
{{ config(materialized='view') }} select *, a + b as s from {{ ref('both') }}
-- models/deep.sql --
select s * 2 as d from {{ ref('over') }}
`)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"x": 10}
	s.build(runner.BuildOptions{Select: []string{"a"}})
	s.want("1 10 1 11", "select * from latest.over")
	s.want("1 1 1 2", "select * from previous.over")
	s.want("4", "select d from latest.deep")
	s.build(runner.BuildOptions{Select: []string{"deep"}}) // through views of the base
	s.want("22", "select d from latest.deep")
	// A mart that a published view needs loses a column: the build says so.
	s.write("-- models/a.sql --\nselect 1 as id, 2 as other\n")
	bad, err := s.open().Build(t.Context(), runner.BuildOptions{Select: []string{"a"}})
	text := tell(err)
	if bad != nil {
		text += bad.NotBecause
	}
	contains(t, text, "published view both", "--select")
	s.want("1 10 1 11", "select * from latest.over")
	s.sound()
	// New columns are seen only through views that are built anew.
	s.write("-- models/a.sql --\nselect 1 as id, 7 as a, 2 as other\n")
	s.build(runner.BuildOptions{Select: []string{"a"}})
	s.want("1 7 1 8", "select * from latest.over")
	s.build(runner.BuildOptions{})
	s.want("1 7 2 10 17", "select * from latest.over")
	s.rollback("")
	s.want("1 7 1 8", "select * from latest.over")
	s.rollback("r1")
	s.want("1 1 1 2", "select * from latest.over")
	s.sound()
}

// Descendants that were not built still read the older run, and the report
// names them.
func TestStale(t *testing.T) {
	s := newShop(t, orders)
	a := s.build(runner.BuildOptions{})
	rep := s.build(runner.BuildOptions{Select: []string{"orders"}})
	if len(rep.Unbuilt) != 1 || rep.Unbuilt[0].Model != "orders" || strings.Join(rep.Unbuilt[0].Models, " ") != "totals" || rep.Unbuilt[0].Reads != a.Run.ID {
		t.Errorf("%+v", rep.Unbuilt)
	}
	if rep := s.build(runner.BuildOptions{Select: []string{"orders+"}}); len(rep.Unbuilt) != 0 {
		t.Errorf("%+v", rep.Unbuilt)
	}
}

// Without a preview the target is opened once; nothing is written where nothing
// changes, nor into a database without a register.
func TestMoveAtOnce(t *testing.T) {
	s := newShop(t, orders)
	if _, _, err := s.open().Rollback(t.Context(), "", ""); !errors.Is(err, history.ErrNoRegister) {
		t.Errorf("without a target: %v", err)
	}
	s.alter("create table theirs (i int)")
	for range 2 { // the first made none
		if _, _, err := s.open().Rollback(t.Context(), "", ""); !errors.Is(err, history.ErrNoRegister) {
			t.Errorf("without a register: %v", err)
		}
	}
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"n": 2}
	s.build(runner.BuildOptions{})
	if m, p, err := s.open().Publish(t.Context(), "r2", runner.PublishOptions{}); err != nil || p.Seq != 0 || len(m.Marts) != 0 {
		t.Errorf("r2 is live already: %+v, %+v, %v", m, p, err)
	}
	m, p, err := s.open().Rollback(t.Context(), "", "too many")
	if err != nil || p.Seq != 3 || len(m.Marts) != 3 {
		t.Fatalf("%+v, %+v, %v", m, p, err)
	}
	s.want("too many", "select reason from main.run_publication order by seq desc limit 1")
	if _, p, err = s.open().Publish(t.Context(), "r2", runner.PublishOptions{}); err != nil || p.Seq != 4 {
		t.Errorf("%+v, %v", p, err)
	}
	// A table of somebody else is in the way of a view that is to be made.
	s.alter("drop view latest.orders", "create table latest.orders (i int)")
	var taken *binding.TakenError
	if _, _, err = s.open().Rollback(t.Context(), "previous", ""); !errors.As(err, &taken) || taken.Kind != "table" {
		t.Errorf("%v", err)
	}
	s.alter("drop table latest.orders")
	if _, p, err = s.open().Rollback(t.Context(), "previous", ""); err != nil || p.Seq != 5 {
		t.Errorf("a view that was dropped: %+v, %v", p, err)
	}
	s.sound()
}

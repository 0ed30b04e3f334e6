package runner_test

import (
	"testing"
	"time"

	"warehouse/runner"
)

// TestRetryElsewhere: what a first try stored in another table goes with it.
func TestRetryElsewhere(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select 1 as id
-- models/v.sql --
select 2 as id
-- models/bad.sql --
select cast('x' || id as integer) as id from {{ ref('a') }}
`)
	first := s.try(runner.BuildOptions{})
	if first.OK() {
		t.Fatal("the first try is meant to fail")
	}
	s.write(`
-- models/a.sql --
{{ config(alias='moved') }} select 1 as id
-- models/v.sql --
{{ config(materialized='view') }} select 2 as id
-- models/bad.sql --
select id from {{ ref('a') }}
`)
	rep, err := s.open().Retry(t.Context(), "")
	if err != nil || !rep.OK() || rep.Run.ID != first.Run.ID {
		t.Fatal(err, rep)
	}
	s.want("0", "select count(*) from main.a")
	s.want("1", "select count(*) from main.moved")
	s.want("0", "select count(*) from main.v")
	s.want("2", "select id from latest.v")
	s.sound()
}

// The pause before a retry is no part of what the run took, and a data test of
// a failed run says nothing of a mart that the run did not build.
func TestRetryTookAndTestOfAFailedRun(t *testing.T) {
	s := newShop(t, small)
	s.build(runner.BuildOptions{})
	good := "-- models/b.sql --\nselect sum(n) as total from {{ ref('v') }}\n"
	s.write("-- models/b.sql --\nselect cast('x' || sum(n) as integer) as total from {{ ref('v') }}\n" +
		"-- tests/total.sql --\nselect * from {{ ref('b') }} where total < 0\n" +
		"-- tests/untouched.sql --\nselect * from {{ ref('other') }} where one < 0\n")
	failed := s.try(runner.BuildOptions{Exclude: []string{"other"}})
	if failed.OK() {
		t.Fatal("r2 is meant to fail")
	}
	rep, err := s.open().Test(t.Context(), runner.TestOptions{Run: failed.Run.ID})
	if err != nil {
		t.Fatal(err)
	}
	if got := statuses(rep); got != "not_null_a_id pass\nnot_null_v_n pass\ntotal skipped\nunique_a_id pass\nuntouched skipped" || rep.OK() {
		t.Errorf("%s\n%v", got, rep.OK())
	}
	if n := node(t, rep, "total"); n.Because != "r2 did not build b" {
		t.Error(n.Because)
	}
	s.want("skipped 2\nskipped 2", "select status, attempt from main.run_manifest_test where test in ('total', 'untouched') and attempt = (select max(attempt) from main.run_manifest_test)")
	s.write(good)
	time.Sleep(1500 * time.Millisecond)
	if rep, err := s.open().Retry(t.Context(), failed.Run.ID); err != nil || !rep.OK() {
		t.Fatal(err, rep)
	}
	lines, err := s.open().Runs(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if l := lines[0]; l.Took() <= 0 || l.Took() > l.FinishedAt.Sub(l.StartedAt)-1400*time.Millisecond {
		t.Errorf("it took %v of %v", l.Took(), l.FinishedAt.Sub(l.StartedAt))
	}
	if l := lines[1]; l.Took() != l.FinishedAt.Sub(l.StartedAt) || !l.Resumed.IsZero() {
		t.Errorf("the run that was not retried: %v, %v", l.Took(), l.Resumed)
	}
}

// What the target's settings say of checkpoints holds, during a build and
// after it.
func TestBuildKeepsCheckpointThreshold(t *testing.T) {
	s := newShop(t, small)
	for threshold, want := range map[string]string{"8MB": "7.6 MiB", "": "953.6 MiB"} {
		settings := ""
		if threshold != "" {
			settings = ", settings: {checkpoint_threshold: " + threshold + "}"
		}
		s.write("-- project.yml --\nname: shop\ntarget: dev\ntargets: {dev: {type: duckdb, path: target/warehouse.duckdb" + settings + "}}\n" +
			"-- models/other.sql --\nselect current_setting('checkpoint_threshold') as one\n")
		s.build(runner.BuildOptions{})
		s.want(want, "select one from latest.other")
	}
	s.write("-- project.yml --\nname: shop\ntarget: dev\ntargets: {dev: {type: duckdb, path: target/warehouse.duckdb, settings: {lock_configuration: true}}}\n")
	s.build(runner.BuildOptions{})
}

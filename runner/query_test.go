package runner_test

import (
	"strings"
	"testing"

	"warehouse/runner"
)

// An unqualified name is one run of a mart or a view model; storage and every
// binding are found by their schema.
func TestQueryNames(t *testing.T) {
	s := newShop(t, orders)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"n": 2}
	s.build(runner.BuildOptions{})
	if _, err := s.open().Tag(t.Context(), "r1", "base", runner.TagOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ sql, run, want string }{
		{"select count(*) from orders", "", "2"},
		{"select count(*) from ORDERS", "r1", "3"},
		{"select count(*) from big", "", "1"},
		{"select count(*) from big", "r1", "2"},
		{"from big select count(*)", "base", "2"},
		{"with orders as (select 7 as x) select x from orders", "", "7"},
		{"select count(*) from main.orders", "r1", "5"},
		{"select count(*) from base.orders", "", "3"},
		{"select count(*) from base.big", "", "2"},
		{"select count(*) from latest.orders join previous.orders using (id)", "", "2"},
		{"select count(*) from orders o join big b on o.id = b.id", "r1", "2"},
		{"select count(*) from orders; -- so many", "", "2"},
		{"select 1 as a, 2 as a, null as b", "", "1 2 NULL"},
		{"select main.resolve_run_id('orders') = (select any_value(run_id) from orders)", "", "true"},
		{"values (1, 'x')", "", "1 x"},
		{"select [1, 2], {'a': 1}, uuid '00000000-0000-0000-0000-000000000001', '{\"a\":1}'::json, 1.50::decimal(5,2)", "", "[1, 2] {'a': 1} 00000000-0000-0000-0000-000000000001 {\"a\":1} 1.50"},
		{"describe select 1::utinyint as x", "", "x UTINYINT YES NULL NULL NULL"},
		{"select column_name from (describe totals) limit 1", "", "run_id"},
		{"show databases", "", "memory\nwarehouse"},
	} {
		got, err := s.tryQuery(c.sql, c.run)
		if err != nil || got != c.want {
			t.Errorf("%s (%s): %q %v, want %q", c.sql, c.run, got, err, c.want)
		}
	}
}

// The queries that the idea was first written down with work as written, on
// tables under their plain names.
func TestFirstQueries(t *testing.T) {
	s := newShop(t, `
-- models/mart_image_preference_score.sql --
{{ config(run_id_column='score_run_id', primary_key=['image_sk']) }}
select i as image_sk, (i + {{ var('shift', 0) }}) / 10 as posterior_mean from range(4) t(i)
`)
	a := s.build(runner.BuildOptions{})
	s.vars = map[string]any{"shift": 1}
	b := s.build(runner.BuildOptions{})
	s.want("4 "+b.Run.ID, `select count(*), any_value(score_run_id) from (SELECT * FROM mart_image_preference_score
WHERE score_run_id = (
SELECT score_run_id FROM mart_image_preference_score
ORDER BY created_at DESC LIMIT 1
))`)
	// On the file itself, by any client.
	compare := strings.NewReplacer("abc...", a.Run.ID, "def...", b.Run.ID).Replace(`SELECT a.image_sk, a.posterior_mean AS run_a, b.posterior_mean AS run_b,
b.posterior_mean - a.posterior_mean AS delta
FROM mart_image_preference_score a
JOIN mart_image_preference_score b USING (image_sk)
WHERE a.score_run_id = 'abc...' AND b.score_run_id = 'def...'
ORDER BY delta DESC`)
	s.alter("create table main.compared as "+compare, "create table main.newest as SELECT * FROM mart_image_preference_score WHERE score_run_id = (SELECT score_run_id FROM mart_image_preference_score ORDER BY created_at DESC LIMIT 1)")
	s.want("4 4 0.1", "select (select count(*) from main.newest), (select count(*) from main.compared), (select max(round(delta, 3)) from main.compared)")
	s.alter("DELETE FROM mart_image_preference_score WHERE score_run_id = '" + b.Run.ID + "'")
	s.want("4", "select count(*) from main.mart_image_preference_score")
	v, err := s.open().Verify(t.Context(), "")
	if err != nil || len(v.Mismatches) != 1 || v.Mismatches[0].What != "rows" {
		t.Errorf("%v %+v", err, v)
	}
}

// A limit is a limit; an error of the reader ends the query.
func TestQueryLimit(t *testing.T) {
	s := newShop(t, orders)
	s.build(runner.BuildOptions{})
	n := 0
	err := s.open().Query(t.Context(), runner.QueryOptions{SQL: "select * from range(1000)", Limit: 7}, noHead, func([]*string) error { n++; return nil })
	if err != nil || n != 7 {
		t.Errorf("%d %v", n, err)
	}
}

// TestQueryBorrowed: what a failed run did not build is shown from below it,
// and not without a word.
func TestQueryBorrowed(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select {{ var('v', 1) }} as v
-- models/b.sql --
select cast({{ var('b', "'1'") }} as integer) as v
`)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"v": 2, "b": "repeat('x', 1)"}
	if rep := s.try(runner.BuildOptions{}); rep.OK() {
		t.Fatal("the second run is meant to fail")
	}
	if got := s.query("select v from a", "r2"); got != "2" {
		t.Errorf("a of r2: %s", got)
	}
	if said := s.messages(runner.EventWarning); strings.Contains(said, "did not build") {
		t.Errorf("r2 built a: %s", said)
	}
	if got := s.query("select v from b", "r2"); got != "1" {
		t.Errorf("b of r2: %s", got)
	}
	if said := s.messages(runner.EventWarning); !strings.Contains(said, "r2 is failed and did not build b") {
		t.Errorf("nobody said that r2 has no b: %q", said)
	}
}

package runner_test

import (
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/trino"
)

// count builds, and says how many statements that took.
func (l *lake) count() int {
	l.t.Helper()
	l.mu.Lock()
	l.statements = nil
	l.mu.Unlock()
	if rep := l.built(runner.BuildOptions{}); rep.Publication == 0 {
		l.t.Fatal(rep.NotBecause)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.statements)
}

func (l *lake) sent(prefix string) (out []string) {
	for _, s := range l.statements {
		if strings.HasPrefix(s.SQL, prefix) {
			out = append(out, s.SQL)
		}
	}
	return out
}

// What a build costs in statements: so many for a run, and at most 8 for each
// mart, 3 more when it is new. What deletes a run touches metadata only, and
// what publishes it is one statement.
func TestTrinoStatements(t *testing.T) {
	l := newLake(t, "")
	c := costOf(t, l.shop, 1, l.count)
	if c.mart > 8 || c.fresh > 11 || c.run > 30 {
		t.Errorf("a build takes %+v statements; docs/scale.md has the limits", c)
	}
	pointers := 0
	for _, q := range l.sent("MERGE INTO") {
		if strings.Contains(q, `."run_publication" AS t`) {
			pointers++
		}
	}
	if pointers != 1 {
		t.Errorf("%d statements publish", pointers)
	}
	for _, q := range l.sent("DELETE FROM") {
		if plan := l.scalarOf("EXPLAIN " + q); !strings.Contains(plan, "TableDelete") || strings.Contains(plan, "Scan") {
			t.Errorf("%s reads rows:\n%s", q, plan)
		}
	}

	// A rollback: one statement, too.
	m, err := l.open().PlanRollback(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	l.statements = nil
	if _, err := l.open().Move(t.Context(), m, ""); err != nil {
		t.Fatal(err)
	}
	var wrote []string
	for _, q := range l.sent("") {
		if word, _, _ := strings.Cut(q, " "); word == "MERGE" || word == "INSERT" || word == "DELETE" || word == "CREATE" {
			wrote = append(wrote, q)
		}
	}
	if len(wrote) != 2 || !strings.Contains(wrote[0], `"run_publication"`) || !strings.Contains(wrote[1], `"run_ledger"`) {
		t.Errorf("a rollback writes %q", wrote)
	}

	// Prune deletes partitions and gives files up.
	l.statements = nil
	keep := 1
	plan, err := l.open().PlanPrune(t.Context(), runner.PruneOptions{KeepLast: &keep})
	if err != nil {
		t.Fatal(err)
	}
	did, err := l.open().Prune(t.Context(), plan)
	if err != nil || did.Rows == 0 {
		t.Errorf("prune: %+v, %v", did, err)
	}
	if n := len(l.sent("ALTER TABLE")); n != 3 {
		t.Errorf("%d tables gave their files up", n)
	}
	l.verified()
}

// A run of a million rows is deleted without reading one: the plan has no scan,
// and the server says how many there were.
func TestTrinoDeletesMillion(t *testing.T) {
	l := newLake(t, "\n-- models/a.sql --\nselect m.n * 1000 + t.n as k from unnest(sequence(1, {{ var('thousands', 1) }})) as m(n) cross join unnest(sequence(0, 999)) as t(n)\n")
	l.vars = map[string]any{"thousands": 1000}
	old := l.built(runner.BuildOptions{}).Run.ID
	l.vars = nil
	for range 2 { // what was live last stays, too
		l.built(runner.BuildOptions{})
	}
	keep := 1
	plan, err := l.open().PlanPrune(t.Context(), runner.PruneOptions{KeepLast: &keep})
	if err != nil || plan.Rows != 1_000_000 {
		t.Fatalf("%+v, %v", plan, err)
	}
	table := engine.Relation{Database: l.target.Catalog, Schema: l.target.Schema, Name: "a"}
	q := trino.Dialect().DeleteRun(table, "run_id", old)
	explained := l.scalarOf("EXPLAIN " + q)
	if !strings.Contains(explained, "TableDelete") || strings.Contains(explained, "Scan") {
		t.Errorf("%s reads rows:\n%s", q, explained)
	}
	// What reads rows is seen in a plan: the test would find it.
	if by := l.scalarOf("EXPLAIN DELETE FROM " + table.String() + " WHERE k < 10"); !strings.Contains(by, "Scan") {
		t.Errorf("a delete by another column reads no rows:\n%s", by)
	}
	l.statements = nil
	if did, err := l.open().Prune(t.Context(), plan); err != nil || did.Rows != 1_000_000 {
		t.Errorf("prune: %+v, %v", did, err)
	}
	if sent := l.sent("DELETE FROM " + table.String()); len(sent) != 1 || sent[0] != q {
		t.Errorf("prune sent %q, want %s", sent, q)
	}
	l.verified()
}

// scalarOf reads one text of a statement that is no SELECT.
func (l *lake) scalarOf(q string) (out string) {
	l.t.Helper()
	db, err := trino.Engine().Open(l.t.Context(), l.target)
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	if err := db.With(l.t.Context(), func(c *engine.Conn) error { return c.QueryRow(l.t.Context(), q, nil, &out) }); err != nil {
		l.t.Fatalf("%s: %v", q, err)
	}
	return out
}

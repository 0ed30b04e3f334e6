package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"warehouse/runner"
	"warehouse/runner/diff"
	"warehouse/runner/history"
)

// aDiff has everything that a diff can have, and names and values that try to
// break out of it.
func aDiff() *runner.DiffReport {
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	a := history.Run{ID: "0190a000-0000-7000-8000-000000000001", Seq: 41, StartedAt: at}
	b := history.Run{ID: "0190a000-0000-7000-8000-000000000002", Seq: 42, StartedAt: at.Add(time.Hour)}
	text := func(s string) *string { return &s }
	evil := "<script>alert(1)</script>\x1b[31m\n" + strings.Repeat("long ", 20)
	return &runner.DiffReport{A: a, B: b,
		Marts: []runner.MartDiff{
			{A: &a, B: &b, Result: diff.Result{Mart: "mart_orders", Key: []string{"shop", "day"}, RowsA: 12217, RowsB: 12230, Added: 20, Removed: 7, Changed: 100, Unchanged: 12110,
				RoundingOnly: 3, ColumnsAdded: []string{"note"}, ColumnsRemoved: []string{evil}, ColumnsRetyped: []diff.Retyped{{Name: "n", From: "INTEGER", To: "BIGINT", As: "BIGINT"}},
				Columns: []diff.ColumnResult{{Name: "n", Type: "BIGINT"}, {Name: "revenue", Type: "DOUBLE", Changed: 100, NullToValue: 1, ValueToNull: 2,
					Movers: []diff.Mover{{Key: []*string{text("x"), nil}, Old: "1.5", New: "1000.25", Delta: "998.75"}, {Key: []*string{text(evil), text("")}, Old: "9", New: "1", Delta: "-8"}}}},
				Samples: []diff.Sample{
					{Kind: diff.Removed, Key: []*string{text("x"), text("2026-01-01")}, Count: 1, Cells: []diff.Cell{{Column: "revenue", Old: text("1.5")}}},
					{Kind: diff.Added, Key: []*string{text("NULL"), nil}, Count: 1, Cells: []diff.Cell{{Column: "revenue"}}},
					{Kind: diff.Changed, Key: []*string{text("y"), text(" ")}, Count: 1, Cells: []diff.Cell{{Column: evil, Old: text(evil)}}}},
				Notes: []string{"something to know"}},
				Why: []runner.Why{{Kind: runner.WhySQL, Text: "its SQL changed", Diff: "@@ -1,1 +1,1 @@\n-select 1\n+select '<b>'\n", Certain: true},
					{Kind: runner.WhyOutside, Name: "raw.events", Text: "reads source raw.events, whose rows are outside history"}}},
			{A: &a, B: &b, Result: diff.Result{Mart: "bag", RowsA: 10, RowsB: 4, Removed: 6, Unchanged: 4,
				Samples: []diff.Sample{{Kind: diff.Removed, Count: 5, Cells: []diff.Cell{{Column: "v", Old: text("x")}}}}},
				Why: []runner.Why{{Kind: runner.WhyRandom, Name: "random()", Text: "random() gives another value each time", Certain: true}}},
			{A: &a, B: &b, Result: diff.Result{Mart: "columns_only", RowsA: 1, RowsB: 1, Unchanged: 1, ColumnsAdded: []string{"x"}}},
			{A: &a, B: &b, Result: diff.Result{Mart: "equal", RowsA: 1, RowsB: 1, Unchanged: 1}},
			{B: &b, Result: diff.Result{Mart: "fresh", RowsB: 4, Added: 4}},
			{A: &a, Result: diff.Result{Mart: "gone", RowsA: 3, Removed: 3}},
			{A: &a, B: &b, Result: diff.Result{Mart: "pruned"}, Refused: errors.New("its rows of r41 were pruned\n<b>")},
		},
		Views: []runner.ViewDiff{{Name: "v_new", Change: "added"}, {Name: "v_same"}, {Name: "v_sql", Change: "sql", SQLDiff: "@@ -1,1 +1,1 @@\n-select 1\n+select 2\n"}},
	}
}

func TestDiffText(t *testing.T) { golden(t, "golden/diff.txt", diffText(aDiff())) }

func TestDiffHTML(t *testing.T) {
	page, err := diffHTML(aDiff())
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "\x1b", "<b>", "http", "src="} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	golden(t, "golden/diff.html", page)
}

func TestDiffHelp(t *testing.T) {
	code, out, _ := inProcess("diff", "--help")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	own, _, _ := strings.Cut(out, "\nFlags of every command")
	golden(t, "golden/diff_help.txt", own)
}

func TestToleranceFlag(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"0.01", "0.01 map[]"}, {"1%", "1% map[]"}, {"0.01,5%", "0.01 or 5% map[]"}, {"Price=2", "<nil> map[price:2]"},
		{"price=2,price=1%,1e-9", "1e-09 map[price:2 or 1%]"}, {"a=b=1", "<nil> map[a=b:1]"}, {"0", " map[]"},
		{"", "error"}, {"-1", "error"}, {"nan", "error"}, {"inf", "error"}, {"x=", "error"}, {"%", "error"}, {"1%%", "error"},
	} {
		var f toleranceFlag
		got := "error"
		if err := f.Set(c.in); err == nil {
			got = fmt.Sprint(f.all, f.byColumn)
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

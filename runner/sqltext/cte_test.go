package sqltext_test

import (
	"strings"
	"testing"

	"warehouse/runner/sqltext"
)

// Every wanted text was run in DuckDB 1.5.6.
func TestWithCTEs(t *testing.T) {
	one := []sqltext.CTE{{Name: "c", SQL: "select 2 as n -- two"}}
	for _, c := range []struct{ name, sql, want string }{
		{"select", "select * from c", "WITH c AS (\nselect 2 as n -- two\n)\nselect * from c"},
		{"a terminator", "select * from c; -- é", "WITH c AS (\nselect 2 as n -- two\n)\nselect * from c  -- é"},
		{"FROM first", "from c", "WITH c AS (\nselect 2 as n -- two\n)\nfrom c"},
		{"values", "values (1)", "WITH c AS (\nselect 2 as n -- two\n)\nvalues (1)"},
		{"its own list", "with a as (from c) from a", "with c AS (\nselect 2 as n -- two\n), a as (from c) from a"},
		{"comments before it", "-- with\n/* with */ WITH a as (from c) from a", "-- with\n/* with */ WITH c AS (\nselect 2 as n -- two\n), a as (from c) from a"},
		{"recursive", "with/*x*/recursive--y\nt(i) as (from c) from t", "with/*x*/recursive c AS (\nselect 2 as n -- two\n),--y\nt(i) as (from c) from t"},
		{"in parentheses", "(select 1) union (from c)", "WITH c AS (\nselect 2 as n -- two\n)\n(select 1) union (from c)"},
		{"a list in parentheses", "(with a as (from c) from a)", "WITH c AS (\nselect 2 as n -- two\n)\nSELECT * FROM (\n(with a as (from c) from a)\n)"},
		{"no query but a table", "summarize c", "WITH c AS (\nselect 2 as n -- two\n)\nSELECT * FROM (\nsummarize c\n)"},
	} {
		got, pieces := sqltext.WithCTEs(c.sql, one)
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
		checkPieces(t, got, pieces, c.sql, one)
	}
	if got, pieces := sqltext.WithCTEs("select 1;", nil); got != "select 1;" || len(pieces) != 1 {
		t.Errorf("no CTE: %q, %v", got, pieces)
	}
}

func TestWithCTEsKeepsOrder(t *testing.T) {
	ctes := []sqltext.CTE{{"a", "select 1;"}, {`"b c"`, "from a"}}
	got, _ := sqltext.WithCTEs("with d as (from a) from d", ctes)
	want := "with a AS (\nselect 1 \n), \"b c\" AS (\nfrom a\n), d as (from a) from d"
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestPiecesAt(t *testing.T) {
	ctes := []sqltext.CTE{{"a", "select 'é' as first"}, {"b", "select second"}}
	main := "-- ü\nwith x as (select third) select fourth"
	sql, pieces := sqltext.WithCTEs(main, ctes)
	for _, c := range []struct {
		find   string
		source int
		in     string
	}{
		{"first", 0, ctes[0].SQL}, {"second", 1, ctes[1].SQL}, {"third", sqltext.Main, main}, {"fourth", sqltext.Main, main}, {"with", sqltext.Main, main},
	} {
		source, off := pieces.At(strings.Index(sql, c.find))
		if source != c.source || off != strings.Index(c.in, c.find) {
			t.Errorf("%s is at %d of %d", c.find, off, source)
		}
	}
	for _, c := range []struct{ off, source, want int }{
		{strings.Index(sql, "b AS"), 1, 0},      // a CTE's name is the start of its text
		{len(sql), sqltext.Main, len(main)},     // the end
		{len(sql) + 9, sqltext.Main, len(main)}, // and beyond
	} {
		if source, off := pieces.At(c.off); source != c.source || off != c.want {
			t.Errorf("%d is at %d of %d, want %d of %d", c.off, off, source, c.want, c.source)
		}
	}
}

// checkPieces fails if a piece is not what its source says, but for a ; that
// was blanked out.
func checkPieces(t *testing.T, sql string, pieces sqltext.Pieces, main string, ctes []sqltext.CTE) {
	t.Helper()
	for _, p := range pieces {
		from := main
		if p.Source != sqltext.Main {
			from = ctes[p.Source].SQL
		}
		got, want := sql[p.Start:p.End], from[p.Offset:p.Offset+p.End-p.Start]
		for i := range len(got) {
			if got[i] != want[i] && !(got[i] == ' ' && want[i] == ';') {
				t.Fatalf("%q: piece %+v is %q, its source has %q", sql, p, got, want)
			}
		}
	}
}

func FuzzWithCTEs(f *testing.F) {
	f.Add("with a as (select 1) select * from a -- x", "select 'é';")
	f.Add("(with recursive", "/*")
	f.Fuzz(func(t *testing.T, main, cte string) {
		ctes := []sqltext.CTE{{"c", cte}, {"d", main}}
		sql, pieces := sqltext.WithCTEs(main, ctes)
		checkPieces(t, sql, pieces, main, ctes)
		covered := map[int]int{}
		for _, p := range pieces {
			covered[p.Source] += p.End - p.Start
		}
		if covered[sqltext.Main] != len(main) || covered[0] != len(cte) || covered[1] != len(main) {
			t.Fatalf("%q: pieces %v lose a part of %q or %q", sql, pieces, main, cte)
		}
		for off := range len(sql) + 1 {
			pieces.At(off)
		}
	})
}

package sqltext_test

import (
	"fmt"
	"strings"
	"testing"

	"warehouse/runner/sqltext"
)

func TestNames(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"a", "a"},
		{"a.b.c", "a/b/c"},
		{`a . "B ""c" /* x */ . -- y` + "\n d", `a/"B "c"/d`},
		{"select a.* from s.t", "select a from s/t"},
		{"(x).f, g(y).h.i, 'z'.upper(), l[1].m", "x g y l"},
		{"'a.b' -- c.d\n/* e.f */ $$g.h$$", ""},
		{"1.5.e a.5", "a"},
		{`"é"."ü"`, `"é"/"ü"`},
		{"a.", "a"},
		{".a", ""},
		{"x'ab' e'c'", ""},
	} {
		var got []string
		for _, n := range sqltext.Names(c.sql) {
			parts := make([]string, len(n.Parts))
			for i, p := range n.Parts {
				if parts[i] = p; n.Quoted[i] {
					parts[i] = `"` + p + `"`
				}
			}
			got = append(got, strings.Join(parts, "/"))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %s, want %s", c.sql, got, c.want)
		}
	}
}

func TestNamesPlaces(t *testing.T) {
	sql := `/* é */ "ü" . b + c`
	var got []string
	for _, n := range sqltext.Names(sql) {
		got = append(got, sql[n.Start:n.End])
	}
	if fmt.Sprint(got) != `["ü" . b c]` {
		t.Errorf("got %q", got)
	}
}

func TestRebind(t *testing.T) {
	f := func(parts []string) (string, bool) {
		if len(parts) >= 2 && parts[0] == "main" {
			return "latest." + strings.Join(parts[1:], "."), true
		}
		return "", false
	}
	for _, c := range []struct{ sql, want string }{
		{"select * from main.orders", "select * from latest.orders"},
		{`select "main" -- é` + "\n. orders.id from é, main . orders", "select latest.orders.id from é, latest.orders"},
		{"select 'main.orders' from db.main.orders -- main.orders", "select 'main.orders' from db.main.orders -- main.orders"},
		{"select (x).main.orders, main.*", "select (x).main.orders, main.*"},
	} {
		if got := sqltext.Rebind(c.sql, f); got != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.sql, got, c.want)
		}
	}
}

func FuzzRebind(f *testing.F) {
	f.Add(`select a."b""c" . d, (x).y from é -- z.z`)
	f.Fuzz(func(t *testing.T, sql string) {
		if got := sqltext.Rebind(sql, func([]string) (string, bool) { return "x", false }); got != sql {
			t.Fatalf("%q became %q though nothing was replaced", sql, got)
		}
		// Each name by its own text: nothing changes either.
		names := sqltext.Names(sql)
		i := 0
		got := sqltext.Rebind(sql, func([]string) (string, bool) {
			n := names[i]
			i++
			return sql[n.Start:n.End], true
		})
		if got != sql {
			t.Fatalf("%q became %q by its own names", sql, got)
		}
	})
}

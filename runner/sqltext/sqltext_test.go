package sqltext_test

import (
	"fmt"
	"strings"
	"testing"

	"warehouse/runner/sqltext"
)

// show prints tokens without blanks: W(select) N(1) ….
func show(sql string) string {
	var out []string
	for _, t := range sqltext.Scan(sql) {
		if t.Kind != sqltext.Space {
			out = append(out, fmt.Sprintf("%c(%s)", " CWQSNPO!"[t.Kind], sql[t.Start:t.End]))
		}
	}
	return strings.Join(out, " ")
}

// The expected tokens are those of DuckDB 1.5.6.
func TestScan(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"", ""},
		{"select 1", "W(select) N(1)"},
		{"'a''b' ''", "S('a''b') S('')"},
		{`'a\' 'b'`, `S('a\') S('b')`},
		{`e'a\'b' E'\\'`, `S(e'a\'b') S(E'\\')`},
		{"x'41' B'01' n'a' U&'a'", "S(x'41') S(B'01') S(n'a') S(U&'a')"},
		{"date'2024-01-01' escape'\\'", "W(date) S('2024-01-01') W(escape) S('\\')"},
		{"e'a'\n'b\\'c'", "S(e'a') S('b\\'c')"},
		{"e'a' -- x\n 'b\\'c'", "S(e'a') C(-- x) S('b\\'c')"},
		{"e'a' 'b\\' 'c'", "S(e'a') S('b\\') S('c')"},
		{"'a'\n'b\\'", "S('a') S('b\\')"},
		{`"a""b" "é;"`, `Q("a""b") Q("é;")`},
		{"$$a'b$$ $t$ $$ $t$", "S($$a'b$$) S($t$ $$ $t$)"},
		{"$é$a$é$", "S($é$a$é$)"},
		{"a$b$c", "W(a$b$c)"},
		{"$1 $name ?", "P($1) P($name) P(?)"},
		{"$1$a$1$", "P($1) !($a$1$)"},
		{"1--c\n+1", "N(1) C(--c) O(+) N(1)"},
		{"1 -- c\r+1", "N(1) C(-- c) O(+) N(1)"},
		{"1 /* a /* b */ c */ 2", "N(1) C(/* a /* b */ c */) N(2)"},
		{"1 /*/ 2 */ 3", "N(1) C(/*/ 2 */) N(3)"},
		{"/* -- */ 1 -- /* \n2", "C(/* -- */) N(1) C(-- /* ) N(2)"},
		{"1_000 1.5e-3 .5 1. 1e5 0xFF", "N(1_000) N(1.5e-3) N(.5) N(1.) N(1e5) N(0xFF)"},
		{"1from 1e 1..2 0x1from", "N(1) W(from) N(1) W(e) N(1) O(..) N(2) N(0) W(x1from)"},
		{"a.b a.*", "W(a) O(.) W(b) W(a) O(.) O(*)"},
		{"x<-1 a->>'b' 5//2 2**-1 a!=b", "W(x) O(<) O(-) N(1) W(a) O(->>) S('b') N(5) O(//) N(2) N(2)" +
			" O(**) O(-) N(1) W(a) O(!=) W(b)"},
		{"1+-1 a=-1 @-1 |/- a<=-1 +++", "N(1) O(+) O(-) N(1) W(a) O(=) O(-) N(1) O(@-) N(1) O(|/-) W(a) O(<=) O(-) N(1) O(+) O(+) O(+)"},
		{"x::int [1:2] f(a:=1)", "W(x) O(::) W(int) O([) N(1) O(:) N(2) O(]) W(f) O(() W(a) O(:=) N(1) O())"},
		{"1*--c", "N(1) O(*) C(--c)"},
		{"\ufeffselect\u00a01\u3000a", "W(select) N(1) W(a)"},
		{"é 你好 🦆", "W(é) W(你好) W(🦆)"},
		{"'a", "!('a)"},
		{`e'a\'`, `!(e'a\')`},
		{`"a`, `!("a)`},
		{"1 /* /* */", "N(1) !(/* /* */)"},
		{"$a$ x $b$", "!($a$ x $b$)"},
		{"$", "O($)"},
		{"\x00\xff", "O(\x00) W(\xff)"},
	} {
		if got := show(c.sql); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

// Texts that would take longer than a test may if the time were quadratic.
func TestScanIsLinear(t *testing.T) {
	for _, piece := range []string{"+", "=-", "$a ", "$1", "/*", "e'", "0x", "U&", "1.", "(", "a."} {
		sqltext.Scan(strings.Repeat(piece, 500_000))
	}
}

func TestStatements(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"", ""},
		{" ;; -- nothing\n; ", ""},
		{"select 1", "select 1"},
		{" select 1 ; ", "select 1"},
		{"select 1; -- done", "select 1"},
		{"-- a;b\nselect 1; select ';' as \"é;\" /* ; */;", "-- a;b\nselect 1|select ';' as \"é;\" /* ; */"},
		{"select $$;$$;select 2", "select $$;$$|select 2"},
		{"select ';", "select ';"},
	} {
		var got []string
		for _, s := range sqltext.Statements(c.sql) {
			got = append(got, c.sql[s.Start:s.End])
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%q: %q, want %s", c.sql, got, c.want)
		}
	}
}

func TestTrimTerminator(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"select 1", "select 1"},
		{"select 1;", "select 1 "},
		{"select 'é' ; -- c;\n", "select 'é'   -- c;\n"},
		{"select 1;;", "select 1; "},
		{"select 1; select 2", "select 1; select 2"},
		{"select ';'", "select ';'"},
		{"", ""},
	} {
		if got := sqltext.TrimTerminator(c.sql); got != c.want {
			t.Errorf("%q: %q, want %q", c.sql, got, c.want)
		}
	}
}

func TestFirstKeyword(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"select 1", "SELECT"},
		{"-- with\n /* insert */ ((With a as (select 1) from a))", "WITH"},
		{"\ufefffrom t", "FROM"},
		{"", ""},
		{"1", ""},
		{`"select"`, ""},
		{"-- only", ""},
		{"ſelect 1", "ſELECT"}, // the long s is no S
	} {
		if got := sqltext.FirstKeyword(c.sql); got != c.want {
			t.Errorf("%q: %q, want %q", c.sql, got, c.want)
		}
	}
}

func TestCompact(t *testing.T) {
	same := [][]string{
		{"select a , 'x  y'", "select\ta,'x  y' -- c", "/* c */ select a\n,\n'x  y'"},
		{"select a . b", "select a./*x*/b"},
		{"select 'a'\n'b'", "select 'a' -- c\n\n  'b'"},
	}
	for _, texts := range same {
		for _, s := range texts {
			if got := sqltext.Compact(s); got != texts[0] {
				t.Errorf("%q: %q, want %q", s, got, texts[0])
			}
		}
	}
	for _, c := range [][2]string{
		{"select 'a b'", "select 'a  b'"},
		{`select "a"`, "select a"},
		{"select A", "select a"},
		{"select 'a'\n'b'", "select 'a' 'b'"},
		{"select a<=b", "select a< =b"},
		{"select ab", "select a b"},
		{"select 1 . 5", "select 1.5"},
	} {
		if sqltext.Compact(c[0]) == sqltext.Compact(c[1]) {
			t.Errorf("%q and %q are taken for the same", c[0], c[1])
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"select 'a''b' -- c\n/* /* */ */ \"x\" e'\\'' $t$ $ $t$ 1e5 1..2 ?; select é", "U&'", "0x", "$é$", "e'a'\n'b\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		at := 0
		for _, tok := range sqltext.Scan(sql) {
			if tok.Start != at || tok.End <= tok.Start {
				t.Fatalf("%q: token %+v starts at %d", sql, tok, at)
			}
			at = tok.End
		}
		if at != len(sql) {
			t.Fatalf("%q: %d bytes of %d", sql, at, len(sql))
		}
		whole := ""
		for _, s := range sqltext.Statements(sql) {
			whole += sql[s.Start:s.End] + "\n;"
		}
		// What is not in a statement means nothing.
		if got, want := strip(sqltext.Compact(whole)), strip(sqltext.Compact(sql)); got != want && !strings.Contains(show(sql), "!(") {
			t.Fatalf("%q: statements are %q, the text is %q", sql, got, want)
		}
		if got := sqltext.TrimTerminator(sql); len(got) != len(sql) {
			t.Fatalf("%q: became %q", sql, got)
		}
	})
}

// strip takes away terminators, which empty statements have too.
func strip(s string) string {
	return strings.NewReplacer(" ;", "", ";", "", " ", "", "\n", "").Replace(s)
}

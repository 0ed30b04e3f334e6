package diff

import (
	"fmt"
	"testing"
)

func TestParseType(t *testing.T) {
	for _, c := range []struct {
		text, base string
		inside     int // elements or fields
	}{
		{"INTEGER", "INTEGER", 0}, {"DECIMAL(18,3)", "DECIMAL", 0}, {"INTEGER[]", "LIST", 1}, {"INTEGER[3]", "ARRAY", 1}, {"VARCHAR[][2]", "ARRAY", 1},
		{"ENUM('a, (b', 'it''s')", "ENUM", 0}, {"ENUM('a[]')[]", "LIST", 1}, {"MAP(VARCHAR, STRUCT(a INTEGER, b INTEGER))", "MAP", 2},
		{`STRUCT("a b" INTEGER, "q"", x" INTEGER[], d DECIMAL(5,2))`, "STRUCT", 3}, {"STRUCT(INTEGER, VARCHAR)", "STRUCT", 2},
		{"TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE", 0}, {"UNION(k INTEGER)", "UNION", 0}, {"", "", 0}, {"]", "]", 0}, {"X(", "X(", 0},
	} {
		got := parseType(c.text)
		if got.base != c.base || len(got.elem)+len(got.fields) != c.inside || got.text != c.text {
			t.Errorf("%s: %+v", c.text, got)
		}
	}
	s := parseType(`STRUCT("a b" INTEGER, "q"", x" INTEGER[], d DECIMAL(5,2))`)
	if s.fields[0].name != "a b" || s.fields[1].name != `q", x` || s.fields[1].typ.base != "LIST" || s.fields[2].typ.scale != 2 {
		t.Errorf("%+v", s.fields)
	}
	if !parseType("STRUCT(INTEGER, VARCHAR)").nameless() || !parseType("STRUCT(TIMESTAMP WITH TIME ZONE, DECIMAL(5,2))").nameless() {
		t.Error("a struct without names has some")
	}
}

// Values are compared in the smallest type that holds all of both.
func TestUnify(t *testing.T) {
	for _, c := range []struct{ a, b, as, formA string }{
		{"INTEGER", "INTEGER", "INTEGER", "x"},
		{"INTEGER", "BIGINT", "BIGINT", "CAST(x AS BIGINT)"},
		{"UTINYINT", "TINYINT", "SMALLINT", "CAST(x AS SMALLINT)"},
		{"UBIGINT", "UINTEGER", "UBIGINT", "CAST(x AS UBIGINT)"},
		{"UBIGINT", "BIGINT", "HUGEINT", "CAST(x AS HUGEINT)"},
		{"UHUGEINT", "HUGEINT", "VARCHAR", "CAST(x AS VARCHAR)"},
		{"BIGNUM", "HUGEINT", "VARCHAR", "CAST(x AS VARCHAR)"},
		{"BOOLEAN", "INTEGER", "INTEGER", "CAST(x AS INTEGER)"},
		{"DECIMAL(10,1)", "DECIMAL(10,2)", "DECIMAL(11,2)", "CAST(x AS DECIMAL(11,2))"},
		{"DECIMAL(38,0)", "DECIMAL(38,2)", "digits", "CAST(x AS VARCHAR)"},
		{"BIGINT", "DECIMAL(18,3)", "DECIMAL(23,3)", "CAST(x AS DECIMAL(23,3))"},
		{"HUGEINT", "DECIMAL(18,3)", "digits", "CAST(x AS VARCHAR)"},
		{"FLOAT", "DOUBLE", "DOUBLE", "CAST(x AS DOUBLE)"},
		{"INTEGER", "FLOAT", "DOUBLE", "CAST(x AS DOUBLE)"},
		{"BIGINT", "DOUBLE", "digits", "CAST(x AS VARCHAR)"},
		{"VARCHAR", "INTEGER", "VARCHAR", "x"},
		{"INTEGER", "VARCHAR", "VARCHAR", "CAST(x AS VARCHAR)"},
		{"ENUM('a')", "ENUM('a', 'b')", "VARCHAR", "CAST(x AS VARCHAR)"},
		{"DATE", "TIMESTAMP", "TIMESTAMP", "CAST(x AS TIMESTAMP)"},
		{"DATE", "TIMESTAMP_NS", "VARCHAR", "CAST(CAST(x AS TIMESTAMP) AS VARCHAR)"},
		{"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE", "(CAST(x AS TIMESTAMP) AT TIME ZONE 'UTC')"},
		{"TIMESTAMP WITH TIME ZONE", "VARCHAR", "VARCHAR", "CAST(x AT TIME ZONE 'UTC' AS VARCHAR) || '+00'"},
		{"INTEGER[]", "BIGINT[]", "BIGINT[]", "list_transform(x, lambda e1: CAST(e1 AS BIGINT))"},
		{"INTEGER[2][]", "BIGINT[][]", "BIGINT[][]", "list_transform(x, lambda e1: list_transform(CAST(e1 AS INTEGER[]), lambda e2: CAST(e2 AS BIGINT)))"},
		{"STRUCT(a INTEGER)", `STRUCT("A" BIGINT)`, `STRUCT("A" BIGINT)`, `CASE WHEN x IS NOT NULL THEN struct_pack("A" := CAST(struct_extract(x, 'a') AS BIGINT)) END`},
		{"STRUCT(a INTEGER)", "STRUCT(b INTEGER)", "VARCHAR", "CAST(x AS VARCHAR)"},
		{"MAP(INTEGER, INTEGER)", "MAP(INTEGER, BIGINT)", "MAP(INTEGER, BIGINT)", "list_transform(map_entries(x), lambda e1: struct_pack(k := e1.key, v := CAST(e1.value AS BIGINT)))"},
		{"MAP(INTEGER, INTEGER)", "INTEGER[]", "VARCHAR", "CAST(x AS VARCHAR)"},
	} {
		got := unify(parseType(c.a), parseType(c.b))
		if got.as != c.as || got.a("x") != c.formA {
			t.Errorf("%s and %s: as %s, %s", c.a, c.b, got.as, got.a("x"))
		}
		if back := unify(parseType(c.b), parseType(c.a)); back.as != got.as && parseType(c.a).base != "STRUCT" {
			t.Errorf("%s and %s: as %s, the other way round as %s", c.a, c.b, got.as, back.as)
		}
	}
}

func TestDelta(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"INTEGER", "BIGINT", "HUGEINT"}, {"HUGEINT", "BIGINT", "HUGEINT"}, {"UHUGEINT", "BIGINT", "DOUBLE"}, {"BIGNUM", "BIGINT", "DOUBLE"},
		{"DECIMAL(10,2)", "DECIMAL(12,3)", "DECIMAL(38,3)"}, {"INTEGER", "DECIMAL(12,3)", "DECIMAL(38,3)"},
		{"DECIMAL(38,2)", "DECIMAL(38,2)", "DECIMAL(38,2)"}, {"DOUBLE", "INTEGER", "DOUBLE"}, {"FLOAT", "DECIMAL(4,1)", "DOUBLE"},
		{"VARCHAR", "INTEGER", ""}, {"BOOLEAN", "BOOLEAN", ""}, {"DATE", "DATE", ""},
	} {
		want := ""
		if c.want != "" {
			want = fmt.Sprintf("TRY(CAST(n AS %[1]s) - CAST(o AS %[1]s))", c.want)
		}
		if got := delta(parseType(c.a), parseType(c.b), "o", "n"); got != want {
			t.Errorf("%s and %s: %s", c.a, c.b, got)
		}
	}
}

func FuzzParseType(f *testing.F) {
	for _, s := range []string{`STRUCT("a""b" INTEGER[2], c MAP(VARCHAR, DECIMAL(1,0)))`, "ENUM('a', '", "[]", "STRUCT()", "MAP(A)"} {
		f.Add(s, "BIGINT")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		c := unify(parseType(a), parseType(b))
		c.a("x")
		c.b("x")
		show(parseType(a))("x")
		delta(parseType(a), parseType(b), "x", "y")
	})
}

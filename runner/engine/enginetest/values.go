package enginetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"warehouse/runner/engine"
)

func testLiterals(t *testing.T, s *suite) {
	for _, text := range []string{"", " ", "plain", "it's", "''", `"double"`, `back\slash`, `\`, `\'`, "line\nbreak", "cr\r\nlf", "tab\t", "žluťoučký 🐎", "%s %d", "-- x", "/* x", "$1 ? :a", "$$", "{{ x }}", "\u200b", "\x01\x7f", strings.Repeat("x'", 5000)} {
		s.equal(s.one("SELECT "+engine.Literal(text)), text, fmt.Sprintf("round trip of %q", text))
	}
	s.equal(s.one(fmt.Sprintf("SELECT CAST(%s AS %s)", s.d.RunLiteral(runA), s.d.Types().Text)), runA, "a run id")
}

func testInstants(t *testing.T, s *suite) {
	east := time.FixedZone("east", 5*3600+1800)
	for _, at := range []time.Time{noon, noon.In(east), time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(2026, 3, 29, 2, 30, 0, 0, east), time.Unix(0, 0)} {
		var got time.Time
		if err := s.c.QueryRow(s.ctx, "SELECT "+s.d.TimeLiteral(at), nil, &got); err != nil {
			t.Fatal(err)
		}
		if !got.Equal(at) {
			t.Errorf("%v came back as %v", at, got)
		}
	}
	s.equal(s.d.TimeLiteral(noon), s.d.TimeLiteral(noon.In(east)), "one instant in two zones")
}

func testChecksum(t *testing.T, s *suite) {
	types := s.d.Types()
	sum := func(names []string, rows ...string) string {
		t.Helper()
		var cols []engine.Column
		for _, name := range names {
			cols = append(cols, engine.Column{Name: name, Type: map[string]string{"a": types.Int, "b": types.Text, "c": types.Int}[name]})
		}
		if len(rows) == 0 {
			return s.one(fmt.Sprintf("SELECT %s FROM (SELECT 1 AS a, 'x' AS b, 2 AS c) AS q WHERE a = 2", s.d.Checksum(cols)))
		}
		var parts []string
		for _, r := range rows {
			a, rest, _ := strings.Cut(r, ",")
			b, c, _ := strings.Cut(rest, ",")
			parts = append(parts, fmt.Sprintf("SELECT CAST(%s AS %s) AS a, CAST(%s AS %s) AS b, CAST(%s AS %s) AS c", a, types.Int, b, types.Text, c, types.Int))
		}
		return s.one(fmt.Sprintf("SELECT %s FROM (%s) AS q", s.d.Checksum(cols), strings.Join(parts, " UNION ALL ")))
	}
	abc := []string{"a", "b", "c"}
	base := sum(abc, "1,'x',2", "2,'y',3")
	s.equal(sum(abc, "2,'y',3", "1,'x',2"), base, "the order of rows does not count")
	all := map[string]string{base: "base"}
	for name, rows := range map[string][]string{
		"no rows":                nil,
		"one row":                {"1,'x',2"},
		"a row twice":            {"1,'x',2", "1,'x',2"},
		"a row three times":      {"1,'x',2", "1,'x',2", "1,'x',2"},
		"another row twice":      {"2,'y',3", "2,'y',3"},
		"base and a row twice":   {"1,'x',2", "2,'y',3", "3,'z',4", "3,'z',4"},
		"a changed value":        {"1,'x',2", "2,'y',4"},
		"NULL for a value":       {"1,'x',2", "2,'y',NULL"},
		"NULL for another":       {"1,'x',2", "NULL,'y',3"},
		"NULL text":              {"1,NULL,2", "2,'y',3"},
		"empty text":             {"1,'',2", "2,'y',3"},
		"zero":                   {"1,'x',2", "2,'y',0"},
		"values swapped in rows": {"2,'x',1", "2,'y',3"},
		"values swapped by rows": {"1,'y',2", "2,'x',3"},
		"a row of zeros":         {"0,'',0"},
		"two rows of zeros":      {"0,'',0", "0,'',0"},
		"zeros and values":       {"0,'x',2", "1,'y',2"},
		"zeros, values swapped":  {"0,'y',2", "1,'x',2"},
		"only NULL":              {"NULL,NULL,NULL"},
	} {
		got := sum(abc, rows...)
		if before, ok := all[got]; ok || got == "" {
			t.Errorf("%s and %s have one checksum: %q", name, before, got)
		}
		all[got] = name
	}
	if sum([]string{"a"}, "0,'',0") == sum([]string{"a"}, "0,'',0", "0,'',0") {
		t.Error("rows of a zero are not counted")
	}
	if sum([]string{"a", "c"}, "1,'x',2") == sum([]string{"c", "a"}, "1,'x',2") {
		t.Error("the order of columns does not count")
	}
	if sum(nil, "1,'x',2") == sum(nil, "1,'x',2", "1,'x',2") {
		t.Error("without columns, rows are not counted")
	}
	if s.d.ChecksumScheme() == "" {
		t.Error("the scheme has no name")
	}
}

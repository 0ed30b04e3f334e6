package diag

import (
	"errors"
	"strings"
	"testing"
)

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("x", 300) + "HERE" + strings.Repeat("y", 300)
	for _, c := range []struct {
		name string
		e    Error
		want string
	}{
		{"a caret under the text", Error{Pos: Pos{"m.sql", 3, 6}, Span: 3, Source: "from abc"}, "    3 | from abc\n      |      ^~~\n"},
		{"the span ends with the line", Error{Pos: Pos{"m.sql", 3, 6}, Span: 99, Source: "from abc"}, "    3 | from abc\n      |      ^~~\n"},
		{"columns count runes", Error{Pos: Pos{"m.sql", 1, 4}, Source: "žž x"}, "    1 | žž x\n      |    ^\n"},
		{"control characters are blanks", Error{Pos: Pos{"m.sql", 1, 1}, Source: "a\tb\x1b[31m"}, "    1 | a b [31m\n      | ^\n"},
		{"no column, no caret", Error{Pos: Pos{"m.sql", 12, 0}, Source: "abc"}, "    12 | abc\n"},
		{"no source, nothing", Error{Pos: Pos{"m.sql", 1, 1}}, ""},
		{"the way there", Error{Pos: Pos{File: "m.sql"}, Trace: []Frame{{Pos{"a.sql", 2, 1}, "macro cents"}}}, "    in macro cents, called at a.sql:2:1\n"},
	} {
		if got := c.e.Excerpt(); got != c.want {
			t.Errorf("%s:\n%q\nwant\n%q", c.name, got, c.want)
		}
	}
	got := (&Error{Pos: Pos{"m.sql", 1, 301}, Span: 4, Source: long}).Excerpt()
	lines := strings.Split(got, "\n")
	if at := strings.Index(lines[1], "^"); len(lines[0]) > 200 || at < 0 || lines[0][at:at+4] != "HERE" {
		t.Errorf("a long line is cut around the place:\n%s", got)
	}
}

func TestList(t *testing.T) {
	var l List
	if l.Err() != nil {
		t.Error("an empty list is an error")
	}
	cause := errors.New("cause")
	l.Add(&Error{Pos: Pos{"b.sql", 1, 1}, Msg: "second"}, nil, &Error{Pos: Pos{"a.sql", 9, 1}, Msg: "first", Err: cause},
		&Error{Pos: Pos{"b.sql", 1, 1}, Msg: "second"}, &Error{Pos: Pos{"a.sql", 1, 1}, Msg: "only doubtful", Warn: true})
	l.AddErr(Pos{"c.sql", 2, 0}, errors.New("third"))
	l.AddErr(Pos{}, Errors{{Pos: Pos{"c.sql", 3, 0}, Msg: "fourth"}})
	err := l.Err()
	if got := err.Error(); got != "a.sql:9:1: first\nb.sql:1:1: second\nc.sql:2: third\nc.sql:3: fourth" {
		t.Error(got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause cannot be found")
	}
	if w := l.Warnings(); len(w) != 1 || w[0].Msg != "only doubtful" {
		t.Errorf("%v", w)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"orders", "order_items", "customers", "tag"}
	for name, want := range map[string]string{
		"ordres": "orders", "Orders": "orders", "order_item": "order_items", "custmers": "customers", "tga": "tag", "payments": "", "x": "", "": "",
	} {
		if got := Nearest(name, names); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestLocate(t *testing.T) {
	text := "a\nžb\r\nlast"
	for off, want := range map[int][2]int{0: {1, 1}, 2: {2, 1}, 4: {2, 2}, 7: {3, 1}, 99: {3, 5}, -1: {1, 1}} {
		if l, c := Locate(text, off); l != want[0] || c != want[1] {
			t.Errorf("%d: %d:%d, want %v", off, l, c, want)
		}
	}
	if LineAt(text, 2) != "žb" || LineAt(text, 3) != "last" || LineAt(text, 4) != "" {
		t.Error(LineAt(text, 2), LineAt(text, 3), LineAt(text, 4))
	}
}

// A chain of calls without an end is not shown whole.
func TestLongTrace(t *testing.T) {
	e := &Error{Msg: "too deep"}
	for i := range 400 {
		e.Trace = append(e.Trace, Frame{Pos: Pos{File: "m.sql", Line: i + 1, Col: 1}, What: "macro m"})
	}
	got := strings.Split(strings.TrimSpace(e.Excerpt()), "\n")
	if len(got) != 13 || got[8] != "    … 388 more" || got[12] != "    in macro m, called at m.sql:400:1" {
		t.Errorf("%d lines\n%s", len(got), strings.Join(got, "\n"))
	}
	e.Trace = e.Trace[:12]
	if got := e.Excerpt(); strings.Contains(got, "more") || strings.Count(got, "\n") != 12 {
		t.Errorf("%s", got)
	}
}

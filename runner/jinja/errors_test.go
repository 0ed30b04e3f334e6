package jinja

import (
	"context"
	"errors"
	"strings"
	"testing"

	"warehouse/runner/diag"
)

// asDiag returns err as the *diag.Error that every error of this package is.
func asDiag(t *testing.T, err error) *diag.Error {
	t.Helper()
	var d *diag.Error
	if !errors.As(err, &d) {
		t.Fatalf("%T is no *diag.Error: %v", err, err)
	}
	return d
}

func renderModel(t *testing.T, src string, o Options) (Output, error) {
	t.Helper()
	tmpl, err := Parse("models/m.sql", src)
	if err != nil {
		return Output{}, err
	}
	return tmpl.Render(context.Background(), o)
}

func TestErrorPlaces(t *testing.T) {
	for _, c := range []struct {
		name, src      string
		line, col, len int
		msg            string
	}{
		{"undefined call", "select 1\nfrom {{ reff('x') }}", 2, 9, 4, "'reff' is undefined; did you mean 'ref'?"},
		{"undefined attribute owner", "{{ orders.id }}", 1, 4, 6, "'orders' is undefined"},
		{"attribute of undefined", "{{ d.nope.x }}", 1, 4, 8, "'dict object' has no attribute 'nope'"},
		{"operands", "a\n  {{ 'é' + 1 }}", 2, 6, 7, `can only concatenate str (not "int") to str`},
		{"behind wide characters", "é→{{ 1/0 }}", 1, 6, 3, "division by zero"},
		{"windows line breaks", "a\r\nb\r\n{{ 1/0 }}", 3, 4, 3, "division by zero"},
		{"behind a byte order mark", "\uFEFF{{ 1/0 }}", 1, 4, 3, "division by zero"},
		{"unknown filter", "{{ 1 | uper }}", 1, 8, 4, "no filter named 'uper'; did you mean 'upper'?"},
		{"unknown test", "{{ 1 is defind }}", 1, 9, 6, "no test named 'defind'; did you mean 'defined'?"},
		{"unknown tag", "{% iff x %}", 1, 4, 3, "unknown tag 'iff'"},
		{"wrong end", "{% if x %}\n{% endfor %}", 2, 4, 6, "unknown tag 'endfor': looking for the tag 'elif' or 'else' or 'endif'; the innermost block that needs to be closed is 'if'"},
		{"no end", "{% if x %}", 1, 11, 1, "unexpected end of template: looking for the tag 'elif' or 'else' or 'endif'; the innermost block that needs to be closed is 'if'"},
		{"unclosed print", "{{ x", 1, 5, 1, "unexpected end of template, expected 'end of print statement'"},
		{"unclosed comment", "a {# b", 1, 3, 2, "missing end of comment tag"},
		{"bracket", "{{ (1] }}", 1, 6, 1, "unexpected ']', expected ')'"},
		{"not iterable", "{% for x in 5 %}{% endfor %}", 1, 13, 1, "'int' object is not iterable"},
		{"host error", "{{ fail('no') }}", 1, 4, 10, "no"},
		{"extends", "{% extends 'a' %}", 1, 4, 7, "extends is not supported: put the shared part in a macro and call it"},
		{"import without loader", "{% import 'a' as b %}", 1, 11, 3, "other templates can not be loaded here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := renderModel(t, c.src, Options{Globals: testGlobals()})
			if err == nil {
				t.Fatal("no error")
			}
			d := asDiag(t, err)
			if d.Pos.File != "models/m.sql" || d.Pos.Line != c.line || d.Pos.Col != c.col || d.Span != c.len || d.Msg != c.msg {
				t.Errorf("%s:%d:%d span %d: %s", d.Pos.File, d.Pos.Line, d.Pos.Col, d.Span, d.Msg)
			}
			if d.Source == "" && !strings.HasPrefix(c.msg, "unexpected end") {
				t.Error("no source line")
			}
		})
	}
}

func testGlobals() MapScope {
	return MapScope{
		"ref":  fakeFunc("ref", []string{"name"}, func(_ *Call, a []Value) (Value, error) { return "<" + Str(a[0]) + ">", nil }),
		"fail": fakeFunc("fail", []string{"msg"}, func(_ *Call, a []Value) (Value, error) { return nil, errors.New(Str(a[0])) }),
		"return": fakeFunc("return", []string{"v="}, func(_ *Call, a []Value) (Value, error) {
			return nil, ReturnValue{a[0]}
		}),
		"d":    FromGo(map[string]any{"k": 1}),
		"cols": FromGo([]string{"a", "b"}),
	}
}

func TestErrorTrace(t *testing.T) {
	globals := testGlobals()
	for file, src := range map[string]string{
		"macros/outer.sql": "{% macro outer(x) %}\n  {{ inner(x) }}\n{% endmacro %}",
		"macros/inner.sql": "{% macro inner(x) %}{{ x / 0 }}{% endmacro %}",
	} {
		m, err := Parse(file, src)
		if err != nil {
			t.Fatal(err)
		}
		for _, def := range m.Macros() {
			globals[def.Name] = def
		}
	}
	_, err := renderModel(t, "select\n{{ outer(1) }}", Options{Globals: globals})
	d := asDiag(t, err)
	want := "macros/inner.sql:1:24: division by zero" +
		"\n    in macro inner, called at macros/outer.sql:2:6" +
		"\n    in macro outer, called at models/m.sql:2:4\n"
	got := d.Error() + "\n" + d.Excerpt()[strings.Index(d.Excerpt(), "    in"):]
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestHostErrorKeepsCause(t *testing.T) {
	cause := errors.New("boom")
	globals := MapScope{
		"plain":  Func{"plain", func(*Call) (Value, error) { return nil, cause }},
		"placed": Func{"placed", func(c *Call) (Value, error) { return nil, &diag.Error{Msg: "bad", Advice: "do this"} }},
		"own":    Func{"own", func(c *Call) (Value, error) { return nil, c.Errorf("own %d", 1) }},
	}
	_, err := renderModel(t, "{{ plain() }}", Options{Globals: globals})
	if !errors.Is(err, cause) || asDiag(t, err).Pos.Col != 4 {
		t.Errorf("%v", err)
	}
	_, err = renderModel(t, "  {{ placed() }}", Options{Globals: globals})
	if d := asDiag(t, err); d.Pos.Col != 6 || d.Msg != "bad" || d.Hint() != "do this" {
		t.Errorf("%+v", d)
	}
	_, err = renderModel(t, "   {{ own() }}", Options{Globals: globals})
	if d := asDiag(t, err); d.Pos.Col != 7 || d.Msg != "own 1" {
		t.Errorf("%+v", d)
	}
}

func TestStrictAndWarn(t *testing.T) {
	for _, c := range []struct {
		src, out, err string
		warns         int
	}{
		{"{{ nope }}", "", "'nope' is undefined", 1},
		{"{{ 'a' ~ nope }}", "a", "'nope' is undefined", 1},
		{"{{ rf }}", "", "'rf' is undefined; did you mean 'ref'?", 1},
		{"{{ d.nope }}", "", "", 1},
		{"{{ nope is defined }}", "False", "", 0},
		{"{% if nope %}x{% endif %}", "", "", 0},
		{"{{ nope|default('x') }}", "x", "", 0},
		{"{% for x in nope %}x{% endfor %}", "", "", 0},
		{"{{ 'a' if false }}", "", "", 1},
		{"{{ [nope]|join }}", "", "'nope' is undefined", 1},
	} {
		warns := 0
		o := Options{Globals: testGlobals(), Warn: func(e *diag.Error) {
			if warns++; !e.Warn || e.Pos.Line != 1 {
				t.Errorf("%s: %+v", c.src, e)
			}
		}}
		out, err := renderModel(t, c.src, o)
		if err != nil || out.Text != c.out || warns != c.warns {
			t.Errorf("%s: %q, %v, %d warnings", c.src, out.Text, err, warns)
		}
		o.Strict = true
		out, err = renderModel(t, c.src, o)
		switch {
		case c.err == "" && (err != nil || out.Text != c.out):
			t.Errorf("strict %s: %q, %v", c.src, out.Text, err)
		case c.err != "" && (err == nil || asDiag(t, err).Msg != c.err):
			t.Errorf("strict %s: %v", c.src, err)
		}
	}
}

package jinja

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// mapGlobals has macros of a file, one of which hands on what another prints.
func mapGlobals(t *testing.T) MapScope {
	lib, err := Parse("macros/lib.sql", "{% macro cents(c) %}\n({{ c }} / 100)\n{%- endmacro %}\n"+
		"{% macro via(c) %}{{ return(cents(c)) }}{% endmacro %}\n"+
		"{% macro wrap() %}<{{ caller() }}>{% endmacro %}")
	if err != nil {
		t.Fatal(err)
	}
	globals := testGlobals()
	for _, m := range lib.Macros() {
		globals[m.Name] = m
	}
	globals["lib"] = &fakeObject{kind: "package", attrs: map[string]Value{"cents": lib.Macros()[0]}}
	return globals
}

func TestSourceMap(t *testing.T) {
	for _, c := range []struct{ name, src, find, want string }{
		{"verbatim", "select a\nfrom b", "b", "models/m.sql:2:6"},
		{"verbatim behind a value", "{{ 1 }} xyz", "z", "models/m.sql:1:11"},
		{"value", "a {{ 'xyz' }}", "z", "models/m.sql:1:6"},
		{"after stripped space", "a  {%- set x = 1 -%}   b", "b", "models/m.sql:1:24"},
		{"in raw", "{% raw %}a{{ b }}{% endraw %}", "b", "models/m.sql:1:14"},
		{"in a loop", "{% for x in cols %}\n  {{ x }}q{% endfor %}", "q", "models/m.sql:2:10"},
		{"in a macro", "select {{ cents('p') }}", "/", "macros/lib.sql:2:10 < macro cents at models/m.sql:1:11"},
		{"a macro's argument", "select {{ cents('p') }}", "p", "macros/lib.sql:2:5 < macro cents at models/m.sql:1:11"},
		{"a macro of a package", "select {{ lib.cents('p') }}", "/", "macros/lib.sql:2:10 < macro cents at models/m.sql:1:11"},
		{"returned", "select\n {{ via('p') }}", "/", "macros/lib.sql:2:10 < macro cents at macros/lib.sql:4:29 < macro via at models/m.sql:2:5"},
		{"in a variable", "{% set v = cents('p') %}\n{{ v }}", "/", "macros/lib.sql:2:10 < macro cents at models/m.sql:1:12"},
		{"in a block set", "{% set v %}\n abc{% endset %}{{ v }}", "b", "models/m.sql:2:3"},
		{"caller", "{% call wrap() %}inner{% endcall %}", "inner", "models/m.sql:1:18 < the body of a call block at macros/lib.sql:5:23 < macro wrap at models/m.sql:1:9"},
		{"around caller", "{% call wrap() %}inner{% endcall %}", "<", "macros/lib.sql:5:19 < macro wrap at models/m.sql:1:9"},
		{"windows line breaks", "a\r\nb\r\ncd", "d", "models/m.sql:3:2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := renderModel(t, c.src, Options{Globals: mapGlobals(t)})
			if err != nil {
				t.Fatal(err)
			}
			off := strings.Index(out.Text, c.find)
			pos, frames, ok := out.Map.At(off)
			got := pos.String()
			for _, f := range frames {
				got += fmt.Sprintf(" < %s at %s", f.What, f.Pos)
			}
			if !ok || got != c.want {
				t.Errorf("%q at %d:\n got %s\nwant %s", out.Text, off, got, c.want)
			}
		})
	}
}

// TestSourceMapCovers asks for the place of every byte.
func TestSourceMapCovers(t *testing.T) {
	src := "é {{ cents('ü') }}\n{% for c in cols %}{{ c }},\n{% endfor %}{% filter upper %}x{% endfilter %}"
	out, err := renderModel(t, src, Options{Globals: mapGlobals(t)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range out.Text {
		if pos, _, ok := out.Map.At(i); !ok || pos.Line == 0 || pos.Col == 0 {
			t.Errorf("byte %d: %v %v", i, pos, ok)
		}
	}
	if _, _, ok := out.Map.At(-1); ok {
		t.Error("a place before the text")
	}
	if _, _, ok := (&SourceMap{}).At(0); ok {
		t.Error("a place in no text")
	}
}

func TestSourceMapOfIncludes(t *testing.T) {
	files := map[string]string{"inc.sql": "one\n{{ n }}two"}
	d := &fakeDBT{files: files}
	tmpl, err := Parse("models/m.sql", "a\n{% include 'inc.sql' %}")
	if err != nil {
		t.Fatal(err)
	}
	out, err := tmpl.Render(context.Background(), Options{Globals: MapScope{"n": int64(1)}, Loader: d.load})
	if err != nil {
		t.Fatal(err)
	}
	pos, frames, _ := out.Map.At(strings.Index(out.Text, "two"))
	if pos.String() != "inc.sql:2:8" || len(frames) != 1 || frames[0].Pos.String() != "models/m.sql:2:12" {
		t.Errorf("%v %v", pos, frames)
	}
}

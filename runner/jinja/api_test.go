package jinja

import (
	"context"
	"errors"
	"io/fs"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustParse(t testing.TB, src string) *Template {
	t.Helper()
	tmpl, err := Parse("f.sql", src)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestMacrosOfAFile(t *testing.T) {
	tmpl := mustParse(t, `{% macro a(x, y=2) %}{% macro inner() %}{% endmacro %}{% endmacro %}
{% test not_null(model, column_name) %}select{% endtest %}
{% data_test other(model) %}select{% enddata_test %}
{% materialization table, adapter='duckdb' %}x{% endmaterialization %}
{% materialization view, default, supported_languages=['sql'] %}x{% endmaterialization %}
{% docs about %}# text {{ n }}{% enddocs %}
{% if true %}{% macro nested() %}{% endmacro %}{% endif %}
{% macro typed(a: string, b: list[dict[string, any]] = []) %}{% endmacro %}`)
	var got []string
	for _, m := range tmpl.Macros() {
		params := make([]string, len(m.Params))
		for i, p := range m.Params {
			params[i] = p.Name + strings.Repeat("=", bool2int(p.HasDefault))
		}
		got = append(got, m.Kind+" "+m.Name+"("+strings.Join(params, ",")+") "+m.Pos.String()+" "+m.File())
	}
	want := []string{
		"macro a(x,y=) f.sql:1:10 f.sql", "test test_not_null(model,column_name) f.sql:2:9 f.sql", "test test_other(model) f.sql:3:14 f.sql",
		"materialization materialization_table_duckdb() f.sql:4:20 f.sql", "materialization materialization_view_default(supported_languages=) f.sql:5:20 f.sql",
		"docs dbt_docs__about() f.sql:6:9 f.sql",
		"macro typed(a,b=) f.sql:8:10 f.sql",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestBlocks(t *testing.T) {
	tmpl := mustParse(t, "{% snapshot s1 -%}\n{{ config(x=1) }}\nselect {{ 1/0 if boom }}{{ n }}\n{% endsnapshot %}\n{% docs d1 %}\nabout {{ n }}\n\n{% enddocs %}")
	blocks := tmpl.Blocks()
	if len(blocks) != 2 || blocks[0].Kind != "snapshot" || blocks[0].Name != "s1" || blocks[1].Kind != "docs" {
		t.Fatalf("%+v", blocks)
	}
	config := Func{"config", func(*Call) (Value, error) { return "", nil }}
	o := Options{Globals: MapScope{"n": int64(3), "config": config}}
	out, err := blocks[0].Body.Render(context.Background(), o)
	if err != nil || out.Text != "\nselect 3" {
		t.Errorf("%q %v", out.Text, err)
	}
	if pos, _, _ := out.Map.At(strings.Index(out.Text, "select")); pos.String() != "f.sql:3:1" {
		t.Error(pos)
	}
	out, err = blocks[1].Body.Render(context.Background(), o)
	if err != nil || out.Text != "\nabout 3\n" {
		t.Errorf("%q %v", out.Text, err)
	}
	o.Globals = MapScope{"n": int64(3), "config": config, "boom": true}
	_, err = blocks[0].Body.Render(context.Background(), o)
	if d := asDiag(t, err); d.Pos.String() != "f.sql:3:11" || !strings.HasPrefix(d.Source, "select") {
		t.Errorf("%+v", d)
	}
}

func TestCalls(t *testing.T) {
	tmpl := mustParse(t, `{{ config(materialized='table', tags=['a', x], meta={'k': -1}) }}
select * from {{ ref('a') }} join {{ source("s", 'é') }}{% if x %}{{ ref(name, v=2) }}{% endif %}
{% macro m() %}{{ ref('in_macro')|upper }}{% endmacro %}{{ ref(*args) }}{{ other(ref('nested')) }}{{ x.ref('no') }}{% set r = ref('p', none) %}`)
	var got []string
	for _, c := range tmpl.Calls("ref", "source") {
		s := c.Name + "@" + c.Pos.String()
		for i, a := range c.Args {
			s += " " + Repr(a) + "@" + c.ArgPos[i].String()[6:]
			if !c.Sites[i].Literal {
				s += "?"
			}
		}
		got = append(got, s)
	}
	want := []string{"ref@f.sql:2:18 'a'@2:22", "source@f.sql:2:38 's'@2:45 'é'@2:50", "ref@f.sql:2:70 None@2:74?", "ref@f.sql:3:19 'in_macro'@3:23",
		"ref@f.sql:3:60", "ref@f.sql:3:82 'nested'@3:86", "ref@f.sql:3:127 'p'@3:131 None@3:136"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	config := tmpl.Calls("config")[0]
	if k := config.Kwargs["materialized"]; k.Value != "table" || !k.Literal || k.Pos.Col != 24 || k.Span != 7 {
		t.Errorf("%+v", k)
	}
	if k := config.Kwargs["tags"]; k.Literal || k.Value != nil {
		t.Errorf("%+v", k)
	}
	if k := config.Kwargs["meta"]; Repr(k.Value) != "{'k': -1}" {
		t.Errorf("%+v", k)
	}
}

func TestCallMacro(t *testing.T) {
	tmpl := mustParse(t, "{% macro text(a, b=2) %}{{ a }}-{{ b }}{{ g }}{% endmacro %}{% macro value(x) %}noise{{ return([x]) }}{% endmacro %}{% set top = 7 %}{% macro sees() %}{{ top }}{% endmacro %}")
	o := Options{Globals: MapScope{"g": "G", "return": testGlobals()["return"]}}
	m := tmpl.Macros()
	kwargs := NewDict()
	if err := kwargs.Set("b", int64(5)); err != nil {
		t.Fatal(err)
	}
	out, v, err := tmpl.CallMacro(context.Background(), m[0], []Value{"x"}, kwargs, o)
	if err != nil || out.Text != "x-5G" || v != "x-5G" {
		t.Errorf("%q %v %v", out.Text, v, err)
	}
	if pos, _, ok := out.Map.At(1); !ok || pos.Col != 32 {
		t.Error(pos, ok)
	}
	out, v, err = tmpl.CallMacro(context.Background(), m[1], []Value{int64(1)}, nil, o)
	if err != nil || out.Text != "[1]" || Repr(v) != "[1]" {
		t.Errorf("%q %v %v", out.Text, v, err)
	}
	out, _, err = tmpl.CallMacro(context.Background(), m[2], nil, nil, o)
	if err != nil || out.Text != "7" {
		t.Errorf("%q %v", out.Text, err)
	}
	_, _, err = tmpl.CallMacro(context.Background(), m[0], []Value{1, 2, 3}, nil, o)
	if d := asDiag(t, err); d.Msg != "macro 'text' takes not more than 2 argument(s)" {
		t.Error(d)
	}
}

func TestReturn(t *testing.T) {
	globals := testGlobals()
	lib := mustParse(t, `{% macro list_() %}text{{ return([1, 2]) }}more{% endmacro %}
{% macro nothing() %}text{% do return(none) %}{% endmacro %}
{% macro loop_(l) %}{% for i in l %}{% if i > 1 %}{{ return(i) }}{% endif %}{% endfor %}{{ return('none') }}{% endmacro %}
{% macro with_caller() %}[{{ caller() }}]{% endmacro %}
{% macro from_caller() %}{% call with_caller() %}{{ return(5) }}{% endcall %}after{% endmacro %}
{% macro in_set() %}{% set x %}{{ return('s') }}{% endset %}{% endmacro %}
{% macro false_() %}{{ return(false) }}{% endmacro %}`)
	for _, m := range lib.Macros() {
		globals[m.Name] = m
	}
	for _, c := range []struct{ src, want string }{
		{"{{ list_()[1] }}|{{ list_() }}|{% set l = list_() %}{{ l|sum }}", "2|[1, 2]|3"},
		{"{{ nothing() is none }}{{ nothing() }}", "TrueNone"},
		{"{{ loop_([1, 5, 7]) }}{{ loop_([]) }}", "5none"},
		{"{{ from_caller() }}", "5after"},
		{"{{ in_set() }}{% if not false_() %}F{% endif %}", "sF"},
		{"{% macro local() %}x{{ return(1 + 1) }}{% endmacro %}{{ local() + 1 }}", "3"},
	} {
		out, err := renderModel(t, c.src, Options{Globals: globals})
		if err != nil || out.Text != c.want {
			t.Errorf("%s: %q, %v, want %q", c.src, out.Text, err, c.want)
		}
	}
	if _, err := renderModel(t, "{{ return(1) }}", Options{Globals: globals}); err == nil {
		t.Error("return outside of a macro passes")
	}
}

// TestGlobalMacros: a macro sees globals first, then its file, never its caller.
func TestGlobalMacros(t *testing.T) {
	pkg := mustParse(t, "{% set unit = 'cm' %}{% macro outer() %}{{ helper() }}{{ unit }}{{ local is defined }}{% endmacro %}{% macro helper() %}package{% endmacro %}{% macro _private() %}p{% endmacro %}{% macro uses() %}{{ _private() }}{% endmacro %}")
	override := mustParse(t, "{% macro helper() %}project{% endmacro %}")
	globals := MapScope{"outer": pkg.Macros()[0], "uses": pkg.Macros()[3]}
	out, err := renderModel(t, "{% set local = 1 %}{{ outer() }}{{ uses() }}", Options{Globals: globals})
	if err != nil || out.Text != "packagecmFalsep" {
		t.Errorf("%q %v", out.Text, err)
	}
	globals["helper"] = override.Macros()[0]
	out, err = renderModel(t, "{{ outer() }}", Options{Globals: globals})
	if err != nil || out.Text != "projectcmFalse" {
		t.Errorf("%q %v", out.Text, err)
	}
}

func TestImportAndInclude(t *testing.T) {
	d := &fakeDBT{MapScope: MapScope{"n": int64(3)}, files: map[string]string{
		"m.sql":    "{% macro hi(x) %}hi {{ x }}{{ n is defined }}{% endmacro %}{% set K = 5 %}{% set _p = 1 %}text",
		"inc.sql":  "inc:{{ n }}{{ y|default('-') }}{{ i|default('-') }}{% set leak = 1 %}",
		"deep.sql": "{% import 'm.sql' as m %}{{ m.hi(2) }}{% include 'inc.sql' %}",
		"self.sql": "{% include 'self.sql' %}",
		"bad.sql":  "a\n{{ 1/0 }}",
	}}
	for _, c := range []struct{ src, want string }{
		{"{% import 'm.sql' as m %}{{ m.hi('a') }}{{ m.K }}[{{ m._p }}]{{ m }}", "hi aFalse5[]text"},
		{"{% from 'm.sql' import hi as h, K with context %}{{ h('b') }}{{ K }}", "hi bTrue5"},
		{"{% from 'm.sql' import nope %}[{{ nope }}]", "[]"},
		{"{% set y = 2 %}{% include 'inc.sql' %}[{{ leak }}]", "inc:32-[]"},
		{"{% for i in [1, 2] %}{% include 'inc.sql' %} {% endfor %}", "inc:3-1 inc:3-2 "},
		{"{% set y = 2 %}{% include 'inc.sql' without context %}", "inc:--"},
		{"{% include 'nope.sql' ignore missing %}x{% include ['nope.sql', 'inc.sql'] %}", "xinc:3--"},
		{"{% macro m(y) %}{% include 'inc.sql' %}{% endmacro %}{{ m(9) }}", "inc:39-"},
		{"{% include 'deep.sql' %}", "hi 2Falseinc:3--"},
	} {
		out, err := renderModel(t, c.src, Options{Globals: d, Loader: d.load})
		if err != nil || out.Text != c.want {
			t.Errorf("%s: %q, %v, want %q", c.src, out.Text, err, c.want)
		}
	}
	for _, c := range []struct{ src, msg, pos string }{
		{"{% include 'nope.sql' %}", "nope.sql: file does not exist", "models/m.sql:1:12"},
		{"{% include ['a', 'b'] %}", "none of the templates exists", "models/m.sql:1:12"},
		{"{% include 'self.sql' %}", "calls are nested more than 400 deep", "self.sql:1:12"},
		{"{% include 'bad.sql' %}", "division by zero", "bad.sql:2:4"},
		{"{% include 5 %}", "a template's name is a text, not int", "models/m.sql:1:12"},
		{"{% from 'm.sql' import _p %}", "names that start with an underline can not be imported", "models/m.sql:1:24"},
	} {
		_, err := renderModel(t, c.src, Options{Globals: d, Loader: d.load})
		if err == nil {
			t.Errorf("%s passes", c.src)
			continue
		}
		if e := asDiag(t, err); e.Msg != c.msg || e.Pos.String() != c.pos {
			t.Errorf("%s: %v", c.src, e)
		}
	}
	_, err := renderModel(t, "{% include 'nope.sql' %}", Options{Globals: d, Loader: d.load})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestBind(t *testing.T) {
	for _, c := range []struct {
		params []string
		call   string
		want   string
	}{
		{[]string{"a", "b="}, "f(1)", "[1, None]"},
		{[]string{"a", "b=5", "c='x'", "d=true"}, "f(1, c=2)", "[1, 5, 2, True]"},
		{[]string{"a", "*"}, "f(1, 2, 3)", "[1, (2, 3)]"},
		{[]string{"a", "**"}, "f(1, x=2)", "[1, {'x': 2}]"},
		{[]string{"*", "**"}, "f()", "[(), {}]"},
		{[]string{"a"}, "f()", "f() missing 1 required positional argument: 'a'"},
		{[]string{"a"}, "f(1, 2)", "f() takes 1 positional argument but 2 were given"},
		{[]string{"a"}, "f(1, a=2)", "f() got multiple values for argument 'a'"},
		{[]string{"a"}, "f(1, b=2)", "f() got an unexpected keyword argument 'b'"},
	} {
		f := Func{"f", func(call *Call) (Value, error) {
			a, err := call.Bind(c.params...)
			return &List{a}, err
		}}
		out, err := renderModel(t, "{{ "+c.call+" }}", Options{Globals: MapScope{"f": f}})
		got := out.Text
		if err != nil {
			got = asDiag(t, err).Msg
		}
		if got != c.want {
			t.Errorf("%v %s: %s, want %s", c.params, c.call, got, c.want)
		}
	}
}

func TestGoValues(t *testing.T) {
	now := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	v := FromGo(map[string]any{"b": []any{1, uint8(2), float32(1.5), nil, "x", true}, "a": []string{"p"}, "t": now, "big": new(big.Int).Lsh(big.NewInt(1), 70), "u": uint64(1 << 63)})
	want := "{'a': ['p'], 'b': [1, 2, 1.5, None, 'x', True], 'big': 1180591620717411303424, 't': datetime.datetime(2024, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc), 'u': 9223372036854775808}"
	if got := Repr(v); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	d := NewDict()
	for _, k := range []string{"z", "a"} {
		if err := d.Set(k, &List{[]Value{int64(1), Tuple{"x", nil}}}); err != nil {
			t.Fatal(err)
		}
	}
	back, ok := ToGo(d).(*Dict)
	if !ok || back.Keys()[0] != "z" {
		t.Fatalf("%v", ToGo(d))
	}
	first, _ := back.Get("z")
	if !reflect.DeepEqual(first, []any{int64(1), []any{"x", nil}}) {
		t.Errorf("%#v", first)
	}
	if err := d.Set(&List{}, 1); err == nil {
		t.Error("a list is a key")
	}
}

func TestDict(t *testing.T) {
	d := NewDict()
	for i := range 20 {
		if err := d.Set(int64(i), i); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []Value{3.0, true, int64(19)} {
		if !d.Delete(k) {
			t.Errorf("no key %v", k)
		}
	}
	if _, ok := d.Get(int64(3)); ok || d.Len() != 17 || d.Delete("x") {
		t.Error(d.Keys())
	}
	if v, ok := d.Get(int64(18)); !ok || v != 18 {
		t.Error(v, ok)
	}
}

// TestConcurrentRenders is for the race detector.
func TestConcurrentRenders(t *testing.T) {
	globals := mapGlobals(t)
	tmpl := mustParse(t, "{% for c in cols %}{{ via(c) }}{% set x = c ~ '!' %}{{ x|upper }}{% endfor %}{{ modules.re.sub('a', 'b', 'aa') }}")
	globals["modules"] = Modules()
	var wg sync.WaitGroup
	outs := make([]string, 8)
	for i := range outs {
		wg.Go(func() {
			for range 20 {
				out, err := tmpl.Render(context.Background(), Options{Globals: globals})
				if err != nil {
					t.Error(err)
				}
				outs[i] = out.Text
				out.Map.At(3)
				tmpl.Calls("via")
			}
		})
	}
	wg.Wait()
	for _, o := range outs {
		if o != outs[0] || o == "" {
			t.Errorf("%q", o)
		}
	}
}

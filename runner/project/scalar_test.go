package project

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"warehouse/runner/jinja"
)

// Each value is what PyYAML 6.0.3's safe_load makes of the text.
func TestScalarsAsPyYAML(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`yes`, `bool True`},
		{`Yes`, `bool True`},
		{`yEs`, `str yEs`},
		{`on`, `bool True`},
		{`OFF`, `bool False`},
		{`no`, `bool False`},
		{`y`, `str y`},
		{`n`, `str n`},
		{`true`, `bool True`},
		{`TRUE`, `bool True`},
		{`tRUE`, `str tRUE`},
		{`null`, `None`},
		{`~`, `None`},
		{`Null`, `None`},
		{``, `None`},
		{`1`, `int 1`},
		{`-1`, `int -1`},
		{`+1`, `int 1`},
		{`0`, `int 0`},
		{`00`, `int 0`},
		{`017`, `int 15`},
		{`0o17`, `str 0o17`},
		{`08`, `str 08`},
		{`0b101`, `int 5`},
		{`0x1F`, `int 31`},
		{`-0x1f`, `int -31`},
		{`1_000`, `int 1000`},
		{`_1`, `str _1`},
		{`1__0`, `int 10`},
		{`1:30`, `int 90`},
		{`190:20:30`, `int 685230`},
		{`1:60`, `str 1:60`},
		{`1.5`, `float 1.5`},
		{`1.`, `float 1.0`},
		{`-.5`, `str -.5`},
		{`.5`, `float 0.5`},
		{`+.5`, `str +.5`},
		{`1e5`, `str 1e5`},
		{`1e+5`, `str 1e+5`},
		{`1.0e5`, `str 1.0e5`},
		{`1.0e+5`, `float 100000.0`},
		{`1.e-3`, `float 0.001`},
		{`1_0.5`, `float 10.5`},
		{`.inf`, `float inf`},
		{`-.INF`, `float -inf`},
		{`.nan`, `float nan`},
		{`+.inf`, `float inf`},
		{`1:30.5`, `float 90.5`},
		{`2024-01-05`, `str 2024-01-05`},
		{`2024-1-5`, `str 2024-1-5`},
		{`2024-01-05T10:00:00Z`, `str 2024-01-05 10:00:00+00:00`},
		{`2024-01-05 10:00:00`, `str 2024-01-05 10:00:00`},
		{`2024-1-5 1:02:03.5 +02:00`, `str 2024-01-05 01:02:03.500000+02:00`},
		{`2001-12-14t21:59:43.10-05:00`, `str 2001-12-14 21:59:43.100000-05:00`},
		{`2024-01-05 10:00`, `str 2024-01-05 10:00`},
		{`12345678901234567890`, `int 12345678901234567890`},
		{`0x`, `str 0x`},
		{`+`, `str +`},
		{`.`, `str .`},
		{`0_`, `int 0`},
		{`-0`, `int 0`},
		{`1.2.3`, `str 1.2.3`},
		{`infinity`, `str infinity`},
		{`NaN`, `str NaN`},
		{`12e03`, `str 12e03`},
		{`0.1`, `float 0.1`},
		{`1,000`, `str 1,000`},
		{`4GB`, `str 4GB`},
		{`-0b1`, `int -1`},
		{`0b`, `str 0b`},
		{`--1`, `str --1`},
		{`2024-01-05T10:00:00.1234567Z`, `str 2024-01-05 10:00:00.123456+00:00`},
		{`2024-01-05T10:00:00 -5`, `str 2024-01-05 10:00:00-05:00`},
	} {
		f, n := parseYAML("x.yml", []byte("a: "+c.in+"\n"))
		if n == nil {
			t.Errorf("%s: %v", c.in, f.errs.Err())
			continue
		}
		if got := describe(f.raw(n.Content[1])); got != c.want || f.errs.Err() != nil {
			t.Errorf("%s: got %s, want %s (%v)", c.in, got, c.want, f.errs.Err())
		}
	}
}

// describe is a value with its Python type.
func describe(v jinja.Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool " + map[bool]string{true: "True", false: "False"}[v]
	case int64, *big.Int:
		return fmt.Sprintf("int %v", v)
	case float64:
		s := strings.ToLower(strconv.FormatFloat(v, 'f', -1, 64))
		if s = strings.TrimPrefix(s, "+"); !strings.ContainsAny(s, ".n") {
			s += ".0"
		}
		return "float " + s
	case string:
		return "str " + v
	}
	return fmt.Sprintf("%T %s", v, jinja.Repr(v))
}

func TestTaggedAndQuotedScalars(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`"yes"`, "str yes"}, {`'1'`, "str 1"}, {"!!str 1", "str 1"}, {`!!int "017"`, "int 15"}, {"!!float 1", "float 1.0"},
		{`!!bool "on"`, "bool True"}, {`!!null ""`, "None"}, {"|\n  a\n  b", "str a\nb\n"}, {">-\n  a\n  b", "str a b"},
		{`"a\tb"`, "str a\tb"}, {"2024-01-05 # a day", "str 2024-01-05"}, {"!custom x", "error"}, {"!!int x", "error"}, {"2024-02-30", "error"},
		{"{a: 1, b: [x, 2.5]}", "*jinja.Dict {'a': 1, 'b': ['x', 2.5]}"}, {"{1: a, true: b}", "*jinja.Dict {1: 'b'}"},
	} {
		f, n := parseYAML("x.yml", []byte("a: "+c.in+"\n"))
		got := describe(f.raw(n.Content[1]))
		if f.errs.Err() != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
}

// Values that are Jinja become what dbt's native rendering makes of them.
func TestNativeRendering(t *testing.T) {
	target := defaultTarget("/p")
	r := newRenderer(t.Context(), env, map[string]jinja.Value{"n": int64(3), "flag": false, "text": "3", "list": &jinja.List{Items: []jinja.Value{int64(1), "x"}},
		"lazy": "{{ env_var('NAME') }}!"}, &target)
	for _, c := range []struct{ in, want string }{
		{"{{ var('n') }}", "int 3"},
		{"{{ var('flag') }}", "bool False"},
		{"{{ var('text') }}", "int 3"}, // literal_eval, as in dbt
		{"{{ var('text') | as_text }}", "str 3"},
		{"{{ var('list') }}", "*jinja.List [1, 'x']"},
		{"{{ var('lazy') }}", "str ann!"},
		{"{{ env_var('NAME') }}", "str ann"},
		{"{{ env_var('ONE') }}", "int 1"},
		{"{{ env_var('YES') }}", "bool True"},
		{"{{ env_var('LIST') }}", "*jinja.List [1, 'b']"},
		{"{{ env_var('EMPTY') }}", "str "},
		{"{{ env_var('NONE', 'x') }}", "str x"},
		{"{{ env_var('NONE', default=none) }}", "None"},
		{"{{ var('none', 'd') }}", "str d"},
		{"{{- var('n') -}}", "int 3"},
		{"{{ var('n') > 2 }}", "bool True"},
		{"{{ target.name == 'dev' }}", "bool True"},
		{"{{ target.name }}_x", "str dev_x"},
		{"{{ var('n') }}{{ var('n') }}", "int 33"},
		{"{{ '}}' }}", "str }}"},
		{"{{ {'a': {'b': 1}} }}", "*jinja.Dict {'a': {'b': 1}}"},
		{"a {# note #}b", "str a b"},
		{"{% if var('flag') %}x{% else %}y{% endif %}", "str y"},
		{"{{ var('n') }} d", "str 3 d"},
		{"{{ 'None' }}", "None"},
		{"{{ 1, var('n') }}", "jinja.Tuple (1, 3)"},
		{"{{ '007' }}", "str 007"},
		{"{{ '(1, 2)' }}", "jinja.Tuple (1, 2)"},
		{"{{ '1e3' }}", "float 1000.0"},
		{"{{ '-1_000' }}", "int -1000"},
		{"{{ 'a-b' }}", "str a-b"},
		{"{{ '\"quoted\"' }}", "str quoted"},
	} {
		v, err := r.native("x.yml", c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := describe(v); got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestLiteral(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"True", "bool True"}, {"true", "-"}, {" 1", "int 1"}, {"1 ", "int 1"}, {"0x10", "int 16"}, {"0b11", "int 3"}, {"0o17", "int 15"}, {"017", "-"},
		{"00", "int 0"}, {"1.", "float 1.0"}, {".5", "float 0.5"}, {"--1", "int 1"}, {"+ 1", "-"}, {"1e-2", "float 0.01"}, {"1j", "-"}, {"inf", "-"},
		{"'it\\'s'", "str it's"}, {"'a' 'b'", "-"}, {"'open", "-"}, {"[1, 2,]", "*jinja.List [1, 2]"}, {"[1 2]", "-"}, {"(1)", "int 1"}, {"(1,)", "jinja.Tuple (1,)"},
		{"()", "jinja.Tuple ()"}, {"{'a': [True, None]}", "*jinja.Dict {'a': [True, None]}"}, {"{1}", "-"}, {"{}", "*jinja.Dict {}"}, {"", "-"}, {"a", "-"},
		{"1_0", "int 10"}, {"1__0", "-"}, {"1+1", "-"}, {"Truex", "-"}, {"99999999999999999999", "int 99999999999999999999"}, {"'\\x41'", "-"},
		{"{[1]: 2}", "-"}, {"[[[[1]]]]", "*jinja.List [[[[1]]]]"}, {"1.2.3", "-"}, {"1-2", "-"}, {"2024-01-01", "-"},
	} {
		got := "-"
		if v, ok := literal(c.in); ok {
			got = describe(v)
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
	if _, ok := literal(strings.Repeat("[", 100000)); ok {
		t.Error("100,000 brackets are no literal")
	}
}

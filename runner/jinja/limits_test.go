package jinja

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestLimits renders what would take too much; each must fail, fast and small.
func TestLimits(t *testing.T) {
	deep := func(open, close string, n int) string {
		return strings.Repeat(open, n) + "1" + strings.Repeat(close, n)
	}
	for _, c := range []struct{ name, src, want string }{
		{"recursion", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested more than 400 deep"},
		{"recursion in an argument", "{% macro m(x=m()) %}{% endmacro %}{{ m() }}", "nested more than 400 deep"},
		{"recursive loop", "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "nested more than 400 deep"},
		{"steps", "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "more than 200000 steps"},
		{"endless iterator", "{% for i in modules.itertools.count() %}{% endfor %}", "more than 200000 steps"},
		{"endless list", "{{ modules.itertools.cycle([1])|list }}", "more than"},
		{"endless combinations", "{% for i in modules.itertools.product([1,2], repeat=100) %}{% endfor %}", "more than"},
		{"output", "{% for i in range(1000) %}{{ 'x' * 100000 }}{% endfor %}", "larger than"},
		{"repetition", "{{ 'x' * 10 ** 10 }}", "too large"},
		{"repetition of a list", "{{ [1] * 10 ** 10 }}", "too large"},
		{"doubling", "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "larger than"},
		{"doubling by ~", "{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "larger than"},
		{"doubling a list", "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% endfor %}", "more than"},
		{"list by extend", "{% set l = [1] %}{% for i in range(100) %}{% do l.extend(l) %}{% endfor %}", "more than"},
		{"list while looping", "{% set l = [1] %}{% for i in l %}{% do l.append(1) %}{% endfor %}", "more than"},
		{"nested list printed", "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", "larger than"},
		{"nested list as json", "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}", "larger than"},
		{"nested list pretty", "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|pprint }}", "larger than"},
		{"deep list printed", "{% set ns = namespace(l=[1]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}", "too deep"},
		{"deep tuple as a key", "{% set ns = namespace(l=(1,)) %}{% for i in range(5000) %}{% set ns.l = (ns.l,) %}{% endfor %}{{ {ns.l: 1} }}", "too large for a key"},
		{"wide tuple as a key", "{% set ns = namespace(l=(1,)) %}{% for i in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} }}", "too large for a key"},
		{"power", "{{ 10 ** (10 ** 9) }}", "too large"},
		{"power of a power", "{{ (2 ** 1000000) * (2 ** 1000000) }}", "too large"},
		{"many digits", "{{ 10 ** 5000 }}", "limit (4300 digits)"},
		{"range", "{{ range(10 ** 9)|list }}", "range too big"},
		{"width of a format", "{{ '%1000000000d' % 1 }}", "width"},
		{"width of str.format", "{{ '{:1000000000}'.format(1) }}", "width"},
		{"width of center", "{{ 'x'|center(10 ** 9) }}", "too large"},
		{"width of indent", "{{ 'x'|indent(10 ** 9) }}", "too large"},
		{"replace", "{{ ('x' * 10 ** 6)|replace('x', 'y' * 10 ** 3) }}", "larger than"},
		{"replace nothing", "{{ ('x' * 10 ** 6).replace('', 'y' * 10 ** 3) }}", "larger than"},
		{"join", "{{ range(100000)|join('y' * 10 ** 3) }}", "larger than"},
		{"batch", "{{ [1]|batch(10 ** 9, 0)|list }}", "more than"},
		{"slice", "{{ [1]|slice(10 ** 9)|list }}", "more than"},
		{"zfill", "{{ '1'.zfill(10 ** 9) }}", "too large"},
		{"tabs", "{{ ('\\t' * 1000).expandtabs(10 ** 6) }}", "too wide"},
		{"brackets", "{{ " + deep("(", ")", 5000) + " }}", "nested more than"},
		{"lists", "{{ " + deep("[", "]", 5000) + " }}", "nested more than"},
		{"not", "{{ " + deep("not ", "", 5000) + " }}", "nested more than"},
		{"minus", "{{ " + deep("- ", "", 5000) + " }}", "nested more than"},
		{"calls", "{{ f" + strings.Repeat("()", 5000) + " }}", "nested more than"},
		{"attributes", "{{ f" + strings.Repeat(".a", 5000) + " }}", "nested more than"},
		{"filters", "{{ f" + strings.Repeat("|e", 5000) + " }}", "nested more than"},
		{"sums", "{{ 1" + strings.Repeat("+1", 5000) + " }}", "nested more than"},
		{"ors", "{{ 1" + strings.Repeat(" or 1", 5000) + " }}", "nested more than"},
		{"inline ifs", "{{ 1" + strings.Repeat(" if 1 else 1", 5000) + " }}", "nested more than"},
		{"tags", strings.Repeat("{% if 1 %}", 5000), "nested more than"},
		{"names in tuples", "{% set " + strings.Repeat("(", 5000) + " %}", "nested more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := renderModel(t, c.src, Options{Globals: MapScope{"modules": Modules()}, Limits: Limits{Steps: 200_000, Output: 8 << 20, Total: 64 << 20, Items: 500_000}})
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(asDiag(t, err).Msg, c.want) {
				t.Errorf("%.200v", err)
			}
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 500 {
				t.Errorf("allocated %d MB", mb)
			}
		})
	}
}

// TestPieces: the source map is bounded, too.
func TestPieces(t *testing.T) {
	src := "{% for i in range(10000) %}{{ i }} {% endfor %}"
	_, err := renderModel(t, src, Options{Limits: Limits{Output: 1 << 16}})
	if err == nil || !strings.Contains(asDiag(t, err).Msg, "pieces") {
		t.Error(err)
	}
	if _, err := renderModel(t, src, Options{}); err != nil {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	tmpl := mustParse(t, "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}")
	_, err := tmpl.Render(ctx, Options{}) // 10 billion turns otherwise
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestDeepValues compares and converts values that are nested deep.
func TestDeepValues(t *testing.T) {
	src := "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(5000) %}{% set ns.a = [ns.a] %}{% set ns.b = [ns.b] %}{% endfor %}{{ f(ns.a) }}{{ ns.a == ns.b }}"
	f := Func{"f", func(c *Call) (Value, error) { ToGo(c.Args[0]); return "", nil }}
	if _, err := renderModel(t, src, Options{Globals: MapScope{"f": f}}); err != nil {
		t.Error(err)
	}
}

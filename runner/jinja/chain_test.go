package jinja

import "testing"

func TestChain(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"[{{ {}['a'][0] }}]", "[]"},
		{"[{{ {}.a.b['c'].d(1)[0]() }}]", "[]"},
		{"[{{ none.columns[0].values() }}]", "[]"},
		{"{% for row in none.rows.x %}{{ row }}{% endfor %}-", "-"},
		{"{% set a = none.x.y %}{{ a is defined }}{{ a.b | default('d') }}{{ a.list() | join }}", "Falsed"},
		{"{% if none.x.y %}yes{% else %}no{% endif %}", "no"},
	} {
		tpl, err := Parse("t", c.src)
		if err != nil {
			t.Fatal(err)
		}
		out, err := tpl.Render(t.Context(), Options{Chain: true, Strict: true})
		if err != nil || out.Text != c.want {
			t.Errorf("%s: %q, %v, want %q", c.src, out.Text, err, c.want)
		}
		if _, err := tpl.Render(t.Context(), Options{}); err == nil {
			t.Errorf("%s: no error without Chain", c.src)
		}
	}
	for _, src := range []string{"{{ nothing.a }}", "{{ nothing() }}", "{{ nothing[0] }}", "{{ none.x + 1 }}"} {
		tpl, err := Parse("t", src)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tpl.Render(t.Context(), Options{Chain: true}); err == nil {
			t.Errorf("%s: no error", src)
		}
	}
}

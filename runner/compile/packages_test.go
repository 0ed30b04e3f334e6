package compile

import (
	"context"
	"strings"
	"testing"

	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// withPackage adds a package of macros to a project.
func withPackage(t *testing.T, p *project.Project, pkg, text string) {
	t.Helper()
	tpl, err := jinja.Parse("dbt_packages/"+pkg+"/macros/m.sql", text)
	if err != nil {
		t.Fatal(err)
	}
	p.Macros = append(p.Macros, &project.MacroFile{Package: pkg, File: tpl.File(), Template: tpl})
}

func TestPackages(t *testing.T) {
	const util = `
{% macro star(x) %}{{ return(adapter.dispatch('star', 'util')(x)) }}{% endmacro %}
{% macro default__star(x) %}util {{ x }}{% endmacro %}
{% macro _hidden() %}hidden{% endmacro %}
{% macro only_here() %}here{% endmacro %}
{% macro default__concat(fields) %}util concat{% endmacro %}
{% test positive(model, column_name) %}select * from {{ model }} where {{ column_name }} <= 0{% endtest %}
`
	files := func() map[string]string {
		return map[string]string{
			"models/m.sql": "select 1 as id",
			"models/s.yml": "models:\n  - name: m\n    columns: [{name: id, data_tests: [util.positive]}]\n",
			"macros/m.sql": "{% macro shop_macro() %}{{ util.only_here() }}{% endmacro %}",
		}
	}
	for _, c := range []struct {
		name, more, order, template, want string
	}{
		{"by its package", "", "", "{{ util.star(1) }}", "util 1"},
		{"with an underscore", "", "", "{{ util._hidden() }}{{ util['_hidden']() }}", "hiddenhidden"},
		{"not without", "", "", "{{ only_here is defined }}", "False"},
		{"from a macro", "", "", "{{ shop_macro() }}", "here"},
		{"the project's version first", "{% macro default__star(x) %}shop {{ x }}{% endmacro %}", "", "{{ util.star(1) }}", "shop 1"},
		{"the engine's version in the project", "{% macro duckdb__star(x) %}duck {{ x }}{% endmacro %}", "", "{{ util.star(1) }}", "duck 1"},
		{"the order of dispatch", "{% macro default__star(x) %}shop {{ x }}{% endmacro %}", "util,shop", "{{ util.star(1) }}", "util 1"},
		{"dbt's own namespace", "", "dbt:util,dbt", "{{ dbt.concat(['a', 'b']) }}", "util concat"},
		{"dbt's own namespace without an order", "", "", "{{ dbt.concat(['a', 'b']) }}", "a || b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := files()
			fs["macros/m.sql"] += c.more
			p, err := load(t, fs, nil)
			if err != nil {
				t.Fatal(shownErr(err))
			}
			withPackage(t, p, "util", util)
			if c.order != "" {
				ns, order, found := strings.Cut(c.order, ":")
				if !found {
					ns, order = "util", c.order
				}
				p.Dispatch = []project.Dispatch{{MacroNamespace: ns, SearchOrder: strings.Split(order, ",")}}
			}
			g, err := Compile(context.Background(), p, Options{LookupEnv: lookupTestEnv})
			if err != nil {
				t.Fatal(shownErr(err))
			}
			if g.Nodes["test.shop.util_positive_m_id"] == nil {
				t.Error("the data test of the package is not there")
			}
			r, err := g.RenderText(context.Background(), "select "+c.template, testBinding())
			if err != nil {
				t.Fatal(shownErr(err))
			}
			if r.SQL != "select "+c.want {
				t.Errorf("got %s, want %s", r.SQL, c.want)
			}
		})
	}
}

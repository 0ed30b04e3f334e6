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
			if byID(g, "test.shop.util_positive_m_id") == nil {
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

// A package in a folder, with models, sources, variables and data tests.
func TestPackageOfFiles(t *testing.T) {
	files := func() map[string]string {
		return map[string]string{
			"project.yml":     "name: shop\nvars: {low: 5, util: {high: 50}}\nmodels: {util: {+materialized: view, staging: {+tags: [theirs]}}}\n",
			"models/mine.sql": "select {{ util.star() }}, {{ more.star() }}, '{{ var('high', 'none') }}' from {{ ref('util', 'stg') }} join {{ ref('base') }}",
			"models/raw.yml":  "sources: [{name: raw, schema: mine, tables: [{name: events}]}]\n",
			"macros/m.sql":    "{% macro default__hello() %}shop{% endmacro %}",

			"dbt_packages/util/dbt_project.yml": "name: util\nvars: {low: 1, high: 9, only: 3}\n",
			"dbt_packages/util/macros/m.sql": `{% macro star() %}{{ star_inner() }}{{ var('high', 'outer') }}{% endmacro %}{% macro star_inner() %}util.*{% endmacro %}
{% macro hello() %}{{ return(adapter.dispatch('hello', 'util')()) }}{% endmacro %}{% macro default__hello() %}util{% endmacro %}
{% test near(model, column_name, to) %}select {{ typo_here }} {{ column_name }} from {{ model }} where {{ to is defined }}{% endtest %}`,
			"dbt_packages/util/models/staging/stg.sql": "{{ config(materialized='table', not_a_key=1) }}select {{ var('low') }} as low, {{ var('high') }} as high, {{ var('only') }} as o, '{{ hello() }}' as h, '{{ nothing_there }}' as n",
			"dbt_packages/util/models/base.sql":        "select * from {{ source('raw', 'events') }} join {{ source('own', 'things') }} join {{ ref('stg') }}",
			"dbt_packages/util/models/s.yml": "models:\n  - name: stg\n    columns: [{name: low, data_tests: [near, not_null]}]\n" +
				"sources: [{name: raw, schema: theirs, tables: [{name: events}]}, {name: own, tables: [{name: things}]}]\n",
			"dbt_packages/util/tests/one.sql": "select * from {{ ref('stg') }} where false",

			"dbt_packages/more/dbt_project.yml": "name: more\n",
			"dbt_packages/more/macros/m.sql":    "{% macro star() %}more.*{% endmacro %}",
		}
	}
	g, err := compile(t, files(), nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	for _, c := range []struct{ id, want string }{
		{"model.shop.mine", `select util.*outer, more.*, 'none' from "memory"."run__ref"."stg" join "memory"."run__ref"."base"`},
		{"model.util.stg", "select 5 as low, 50 as high, 3 as o, 'shop' as h, '' as n"},
		{"model.util.base", `select * from "wh"."mine"."events" join "wh"."own"."things" join "memory"."run__ref"."stg"`},
		{"test.util.near_stg_low", `select  low from "memory"."run__ref"."stg" where False`},
		{"test.util.one", `select * from "memory"."run__ref"."stg" where false`},
	} {
		n := byID(g, c.id)
		if n == nil {
			t.Errorf("there is no %s", c.id)
			continue
		}
		r, err := g.Render(context.Background(), n, testBinding())
		if err != nil {
			t.Errorf("%s: %s", c.id, shownErr(err))
		} else if strings.TrimSpace(r.SQL) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.id, r.SQL, c.want)
		}
	}
	if n := g.Model("stg"); n == nil || n.Kind != "view" || strings.Join(n.Tags, ",") != "theirs" {
		t.Errorf("what the project says of the package's model does not win: %+v", n)
	}
	var said []string
	for _, w := range g.Warnings {
		said = append(said, w.Error())
	}
	if got := strings.Join(said, "\n"); !strings.Contains(got, "in package util 'nothing_there' is undefined, which prints nothing; so it is in 1 place more") &&
		!strings.Contains(got, "in package util 'typo_here' is undefined, which prints nothing; so it is in 1 place more") {
		t.Errorf("warnings:\n%s", got)
	}

	fs := files()
	fs["models/stg.sql"] = "select 1"
	if _, err := compile(t, fs, nil); err == nil || !strings.Contains(shownErr(err), "two models are called 'stg'") || !strings.Contains(shownErr(err), "models: {util: {stg: {+enabled: false}}} in project.yml") {
		t.Errorf("one name twice: %v", shownErr(err))
	}
	fs["project.yml"] = strings.Replace(fs["project.yml"], "staging: {", "staging: {+enabled: false, ", 1)
	fs["dbt_packages/util/models/base.sql"] = "select * from {{ ref('stg') }}"
	fs["models/mine.sql"] = "select * from {{ ref('stg') }}"
	if g, err = compile(t, fs, nil); err != nil || g.Model("stg").Package != "shop" {
		t.Errorf("disabled in the package: %v", shownErr(err))
	}
}

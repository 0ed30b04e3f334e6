package runner_test

import (
	"strings"
	"testing"

	"warehouse/runner"
)

const diary = "select string_agg(line, ' | ' order by n) from main.diary"

// hooksProject writes all that happens into a table outside of history.
const hooksProject = `
-- project.yml --
name: shop
on-run-start:
  - "create sequence if not exists main.pages; create table if not exists main.diary (n bigint default nextval('main.pages'), line varchar)"
  - "{{ note('start ' ~ schemas | join(',')) }}"
on-run-end: "{{ note('end ' ~ results | map(attribute='status') | join(',')) }}"
models:
  +pre-hook: "{{ note('pre ' ~ this.name) }}"
  +post-hook:
    - sql: "insert into main.diary (line) select 'post {{ this.name }} ' || count(*) from {{ this }}"
-- macros/note.sql --
{% macro note(line) %}insert into main.diary (line) values ('{{ line }}'){% endmacro %}
-- models/m.sql --
{{ config(post_hook=[after_commit("insert into main.diary (line) select 'after ' || max(a) from {{ this }}"), '  ', '-- nothing']) }}
select * from range({{ var('n', 2) }}) t(a)
-- models/v.sql --
{{ config(materialized='view') }}
select max(a) as a from {{ ref('m') }}
`

func TestHooks(t *testing.T) {
	s := newShop(t, hooksProject)
	s.build(runner.BuildOptions{})
	s.want("start latest | pre m | post m 2 | after 1 | pre v | post v 1 | end success,success", diary)
	s.vars = map[string]any{"n": 3}
	s.write("-- models/v.sql --\n{{ config(materialized='view', pre_hook=\"{% if false %}never{% endif %}\", enabled=var('v', false)) }} select 1 as a\n")
	s.build(runner.BuildOptions{Select: []string{"m"}})
	s.want("start latest | pre m | post m 3 | after 2 | end success", strings.Replace(diary, "main.diary", "(from main.diary where n > 7)", 1))
	s.sound()
}

// In a pre-hook `this` is what is published, in a post-hook the run's own rows.
func TestHooksThis(t *testing.T) {
	s := newShop(t, `
-- models/m.sql --
{{ config(materialized='incremental', unique_key='a',
	pre_hook="{% if is_incremental() %}create or replace table main.before as select * from {{ this }}{% endif %}",
	post_hook="create or replace table main.after as select * from {{ this }} where a > 0") }}
select {{ var('a') }} as a
`)
	for _, a := range []int{1, 2} {
		s.vars = map[string]any{"a": a}
		s.build(runner.BuildOptions{})
	}
	s.want("1", "select string_agg(a, ' ' order by a) from main.before")
	s.want("1 2", "select string_agg(a, ' ' order by a) from main.after")
	s.want("a", "select string_agg(column_name) from information_schema.columns where table_name = 'after'")
}

// A hook of a build reads what is published, at its end what was built, whether or
// not a model reads it.
func TestHooksRef(t *testing.T) {
	s := newShop(t, `
-- project.yml --
name: shop
on-run-start: "create table if not exists main.seen (line varchar); {% if var('again', false) %}insert into main.seen select 'start ' || a || b from {{ ref('m') }}, {{ ref('n') }};{% endif %}"
on-run-end: "insert into main.seen select 'end ' || a || b from {{ ref('m') }}, {{ ref('v') }};"
-- models/m.sql --
select '{{ var('a', 1) }}' as a
-- models/n.sql --
select '{{ var('a', 1) }}' as b
-- models/v.sql --
{{ config(materialized='view') }}
select b from {{ ref('n') }}
`)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"a": 2, "again": true}
	s.build(runner.BuildOptions{Select: []string{"m"}})
	s.vars = map[string]any{"a": 3, "again": true}
	s.build(runner.BuildOptions{Select: []string{"n"}})
	s.want("end 11 | end 21 | end 23 | start 11 | start 21", "select string_agg(line, ' | ' order by line) from main.seen")
	s.sound()
}

// A hook may make what its model reads, and what it asks is its own matter.
func TestHooksBeforeBinding(t *testing.T) {
	s := newShop(t, `
-- project.yml --
name: shop
on-run-start: "create schema if not exists raw; create or replace macro raw.twice(x) as 2 * x"
-- models/m.sql --
{{ config(pre_hook="create or replace table raw.made as select 4 as a") }}
select raw.twice(a) as a from raw.made
-- models/n.sql --
select a + 1 as a from {{ ref('m') }}
`)
	s.build(runner.BuildOptions{})
	s.want("9", "select a from latest.n")
	s.build(runner.BuildOptions{})
}

// What a hook reads is a parent of its model.
func TestHooksReadModels(t *testing.T) {
	s := newShop(t, `
-- models/a_last.sql --
{{ config(post_hook="create or replace table main.seen as select a from {{ ref('z_first') }}") }}
select 1 as a
-- models/z_first.sql --
select 7 as a
`)
	s.build(runner.BuildOptions{})
	s.want("7", "select a from main.seen")
}

func TestHooksFail(t *testing.T) {
	model := func(config string) string {
		return "-- models/m.sql --\n{{ config(" + config + ") }}\nselect 1 as a\n-- models/n.sql --\nselect * from {{ ref('m') }}\n"
	}
	for _, c := range []struct{ name, files, want, hint string }{
		{"a pre-hook", model("pre_hook='select * from nowhere'"), "the pre-hook of m: ", ""},
		{"a post-hook", model("post_hook='select * from nowhere'"), "the post-hook of m: ", ""},
		{"behind the commit", model("post_hook={'sql': 'select * from nowhere', 'transaction': false}"), "the post-hook of m: ", ""},
		{"rows of a run", model("post_hook={'sql': 'delete from {{ this }} where a = 1', 'transaction': false}"), "the post-hook of m: ", "the rows of one run, of a table that holds all runs"},
		{"rows of other runs", model(`post_hook="merge into {{ this }} using (select 1 as a) as x on true when matched then delete"`), "cannot be limited to the rows of one run", "a post-hook may change the run's rows by"},
		{"a template", model(`post_hook="{{ exceptions.raise_compiler_error('no') if execute }}"`), "the post-hook of m: no", ""},
		{"an ephemeral model", model(`post_hook="select * from {{ ref('e') }}"`) + "-- models/e.sql --\n{{ config(materialized='ephemeral') }} select 1 as a\n", "it reads the ephemeral model e", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, c.files)
			rep := s.try(runner.BuildOptions{})
			n := node(t, rep, "m")
			if rep.OK() || rep.Publication != 0 || n.Err == nil || !strings.Contains(n.Err.Error()+hintOf(n.Err), c.want) || !strings.Contains(hintOf(n.Err), c.hint) || !strings.Contains(n.Err.Error(), "models/m.sql") {
				t.Fatalf("%s\n%v %s", describe(rep), n.Err, hintOf(n.Err))
			}
			if node(t, rep, "n").Status != runner.StatusSkipped {
				t.Errorf("n is %+v", node(t, rep, "n"))
			}
			s.write("-- models/m.sql --\nselect 1 as a\n")
			again, err := s.open().Retry(t.Context(), "")
			if err != nil || !again.OK() {
				t.Fatalf("%v\n%s", err, describe(again))
			}
			s.sound()
		})
	}
	for _, c := range []struct{ file, want string }{
		{"-- project.yml --\nname: shop\non-run-start: ['select 1', 'select * from nowhere']\n-- models/m.sql --\nselect 1 as a\n", "on-run-start: "},
		{"-- project.yml --\nname: shop\nmodels: {+pre-hook: {sq: x}}\n-- models/m.sql --\nselect 1 as a\n", `unknown key "sq"`},
		{"-- project.yml --\nname: shop\non-run-end: '{{ ref(}}'\n-- models/m.sql --\nselect 1 as a\n", "on-run-end: "},
	} {
		s := newShop(t, c.file)
		rep, err := s.open().Build(t.Context(), runner.BuildOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "project.yml:") {
			t.Errorf("%q: %v", c.file, err)
		}
		if rep != nil && (rep.OK() || node(t, rep, "m").Status != runner.StatusSkipped) {
			t.Error(describe(rep))
		}
	}
}

// A hook at the end does not take back what is published, and it is told.
func TestHooksEndFails(t *testing.T) {
	s := newShop(t, "-- project.yml --\nname: shop\non-run-end: select * from nowhere\n-- models/m.sql --\nselect 1 as a\n")
	rep := s.try(runner.BuildOptions{})
	if rep.OK() || rep.Publication == 0 || rep.EndHooks == nil || !strings.Contains(rep.EndHooks.Error(), "project.yml:2") {
		t.Fatalf("%+v", rep)
	}
	s.want("1", "select a from latest.m")
}

func TestRunOperation(t *testing.T) {
	s := newShop(t, `
-- models/m.sql --
select 7 as a
-- macros/ops.sql --
{% macro fill(to, times=1) %}
{% set a = run_query('select a from ' ~ ref('m')).columns[0].values()[0] if execute %}
{% call statement('x') %}create or replace table main.{{ to }} as select {{ a }} * {{ times }} as a{% endcall %}
{% do log('filled ' ~ to, info=true) %}{% do print(to ~ ' has ' ~ a * times) %}
{% endmacro %}
{% macro fails() %}{{ exceptions.raise_compiler_error('not today') }}{% endmacro %}
`)
	s.build(runner.BuildOptions{})
	var said []string
	o := runner.OperationOptions{Macro: "fill", Args: map[string]any{"to": "tank", "times": 6}, Print: func(msg string) { said = append(said, msg) }}
	if err := s.open().RunOperation(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s.want("42", "select a from main.tank")
	if got := strings.Join(said, " "); got != "tank has 42" || !strings.Contains(s.messages(runner.EventLog), "filled tank") {
		t.Errorf("printed %q", got)
	}
	for macro, want := range map[string]string{"fails": "not today", "fil": "there is no macro 'fil'", "shop.fills": "there is no macro"} {
		err := s.open().RunOperation(t.Context(), runner.OperationOptions{Macro: macro})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", macro, err)
		}
	}
}

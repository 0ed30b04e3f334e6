package runner_test

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/blame"
)

// blame splits a change; whatever came out must add up.
func (s *shop) blame(o runner.BlameOptions) *runner.BlameReport {
	s.t.Helper()
	rep, err := s.open().Blame(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, step := range rep.Steps {
		for _, m := range step.Measures {
			addsUp(s.t, step.Model, m)
		}
	}
	return rep
}

func addsUp(t *testing.T, model string, m runner.BlameMeasure) {
	t.Helper()
	num := func(n *blame.Number) *big.Rat {
		r, ok := new(big.Rat).SetString(n.String())
		if !ok {
			t.Fatalf("%s of %s is no number: %s", m.Name, model, n)
		}
		return r
	}
	if m.Old != nil && m.New != nil {
		if want := new(big.Rat).Sub(num(m.New), num(m.Old)); want.Cmp(num(m.Total)) != 0 {
			t.Errorf("%s of %s: %s -> %s is %s", m.Name, model, m.Old, m.New, m.Total)
		}
	}
	if m.Code == nil || m.Data == nil {
		return
	}
	sum := new(big.Rat).Add(num(m.Code), num(m.Data))
	if m.Both != nil {
		sum.Add(sum, num(m.Both))
	}
	if sum.Cmp(num(m.Total)) != 0 {
		t.Errorf("%s of %s: %s + %s + %v is not %s", m.Name, model, m.Code, m.Data, m.Both, m.Total)
	}
}

// number is a measure of a step on one line: total = code + data + both.
func number(rep *runner.BlameReport, model, name string) string {
	for _, step := range rep.Steps {
		for _, m := range step.Measures {
			if step.Model == model && m.Name == name {
				text := func(n *blame.Number) string {
					if n == nil {
						return "?" + m.Within
					}
					return n.String()
				}
				return fmt.Sprintf("%s = %s + %s + %s", text(m.Total), text(m.Code), text(m.Data), text(m.Both))
			}
		}
	}
	return "no " + name + " of " + model
}

// found are the causes of a blame, as "model:kind:name".
func found(rep *runner.BlameReport) string {
	var out []string
	for _, c := range rep.Causes {
		out = append(out, strings.TrimRight(c.Model+":"+string(c.Kind)+":"+c.Name, ":"))
	}
	return strings.Join(out, " ")
}

func notes(rep *runner.BlameReport) string {
	var out []string
	for _, step := range rep.Steps {
		for _, n := range step.Notes {
			out = append(out, step.Model+": "+n)
		}
	}
	return strings.Join(out, "\n")
}

// blamed is a project built twice, and what its mart m is to be blamed on.
// Wants were reckoned by hand.
type blamed struct {
	name   string
	files  string
	edit   string // files of the second build; "" for none
	vars   [2]map[string]any
	o      runner.BuildOptions // of the second build
	where  string
	sum    string // total = code + data + both of sum(v)
	causes string
	note   string // is in the notes; "" for no notes
}

const keyed = "-- models/schema.yml --\nversion: 2\nmodels:\n  - {name: m, config: {primary_key: [id]}}\n"

var blameCases = []blamed{
	{name: "SQL alone", files: keyed + "-- models/m.sql --\nselect 1 as id, 5 as v", edit: "-- models/m.sql --\nselect 1 as id, 7 as v", sum: "2 = 2 + 0 + 0", causes: "m:sql"},
	{name: "the input alone", files: keyed + "-- models/a.sql --\nselect 5 as v\n-- models/m.sql --\nselect 1 as id, v from {{ ref('a') }}",
		edit: "-- models/a.sql --\nselect 7 as v", sum: "2 = 0 + 2 + 0", causes: "a:sql"},
	{name: "both, through a view and an ephemeral", files: keyed + `-- models/a.sql --
select 5 as v
-- models/w.sql --
{{ config(materialized='view') }} select v from {{ ref('a') }}
-- models/e.sql --
{{ config(materialized='ephemeral') }} select v * 1 as v from {{ ref('w') }}
-- models/m.sql --
select 1 as id, v from {{ ref('e') }}`,
		edit: "-- models/a.sql --\nselect 7 as v\n-- models/e.sql --\n{{ config(materialized='ephemeral') }} select v * 3 as v from {{ ref('w') }}",
		// 5, 15 with the new SQL, 7 on the new input, 21
		sum: "16 = 10 + 2 + 4", causes: "m:sql a:sql"},
	{name: "a view's SQL is data", files: keyed + "-- models/w.sql --\n{{ config(materialized='view') }} select 5 as v\n-- models/m.sql --\nselect 1 as id, v from {{ ref('w') }}",
		edit: "-- models/w.sql --\n{{ config(materialized='view') }} select 6 as v", sum: "1 = 0 + 1 + 0", causes: "w:sql"},
	{name: "a macro and a variable are code", files: keyed + "-- macros/x.sql --\n{% macro x() %}{{ var('n') }}{% endmacro %}\n-- models/m.sql --\nselect 1 as id, {{ x() }} as v",
		vars: [2]map[string]any{{"n": 1}, {"n": 4}}, sum: "3 = 3 + 0 + 0", causes: "m:sql m:vars"},
	{name: "a seed", files: keyed + "-- seeds/s.csv --\nv\n5\n-- models/m.sql --\nselect 1 as id, v from {{ ref('s') }}", edit: "-- seeds/s.csv --\nv\n8\n",
		sum: "3 = 0 + 3 + 0", causes: "s:seed:seeds/s.csv"},
	{name: "SQL that matters only on the new input, above the mart", files: keyed + `-- models/a.sql --
select 10 as v
-- models/b.sql --
select v from {{ ref('a') }}
-- models/m.sql --
select 1 as id, v from {{ ref('b') }}`,
		edit: "-- models/a.sql --\nselect 20 as v\n-- models/b.sql --\nselect case when v > 15 then 2 * v else v end as v from {{ ref('a') }}",
		sum:  "30 = 0 + 30 + 0", causes: "b:sql a:sql"},
	{name: "a change that does nothing", files: keyed + "-- models/a.sql --\nselect 5 as v\n-- models/m.sql --\nselect 1 as id, v from {{ ref('a') }}",
		edit: "-- models/a.sql --\nselect 7 as v\n-- models/m.sql --\nselect 1 as id, v + 0 as v from {{ ref('a') }}",
		sum:  "2 = 0 + 2 + 0", causes: "a:sql", note: "changed nothing here"},
	{name: "a new column is a change", files: keyed + "-- models/a.sql --\nselect 5 as v\n-- models/m.sql --\nselect 1 as id, v from {{ ref('a') }}",
		edit: "-- models/a.sql --\nselect 7 as v\n-- models/m.sql --\nselect 1 as id, v, 'x' as more from {{ ref('a') }}",
		sum:  "2 = 0 + 2 + 0", causes: "m:sql a:sql", note: "columns: +more"},
	{name: "a diamond: one cause, no chance", files: keyed + `-- models/a.sql --
select 5 as v
-- models/b.sql --
select v from {{ ref('a') }}
-- models/c.sql --
select v from {{ ref('a') }}
-- models/m.sql --
select 1 as id, b.v + c.v as v from {{ ref('b') }} as b, {{ ref('c') }} as c`, edit: "-- models/a.sql --\nselect 7 as v", sum: "4 = 0 + 4 + 0", causes: "a:sql"},
	{name: "rows that are looked at", files: keyed + "-- models/m.sql --\nfrom (values (1, 5), (2, 50)) t(id, v)", edit: "-- models/m.sql --\nfrom (values (1, 6), (2, 99)) t(id, v)",
		where: "id = 1", sum: "1 = 1 + 0 + 0", causes: "m:sql"},
	{name: "the new SQL does not bind on old inputs", files: keyed + "-- models/a.sql --\nselect 5 as v\n-- models/m.sql --\nselect 1 as id, v from {{ ref('a') }}",
		edit: "-- models/a.sql --\nselect 7 as v, 2 as f\n-- models/m.sql --\nselect 1 as id, v * f as v from {{ ref('a') }}",
		// the old SQL on the new input is 7; what both did is in code
		sum: "9 = 7 + 2 + ?code", causes: "m:sql a:sql", note: "the new SQL on old inputs does not run"},
	{name: "an input of one run alone", files: keyed + "-- models/m.sql --\nselect 1 as id, 5 as v",
		edit: "-- models/a.sql --\nselect 7 as v\n-- models/m.sql --\nselect 1 as id, v from {{ ref('a') }}",
		sum:  "2 = 2 + 0 + 0", causes: "m:sql", note: "a is in one of the runs alone"},
	{name: "chance", files: keyed + "-- models/a.sql --\nselect 5 as v\n-- models/m.sql --\nselect 1 as id, v + 0 * random() as v from {{ ref('a') }}",
		edit: "-- models/a.sql --\nselect 7 as v\n-- models/m.sql --\nselect 1 as id, v + 1 + 0 * random() as v from {{ ref('a') }}",
		sum:  "3 = ? + ? + ?", causes: "m:sql a:sql", note: "random() gives another value each time"},
	{name: "the order of rows, which is given", files: keyed + "-- models/a.sql --\nfrom (values (1), (5)) t(v)\n-- models/m.sql --\nselect 1 as id, first(v order by v) as v from {{ ref('a') }}",
		edit: "-- models/a.sql --\nfrom (values (2), (6)) t(v)\n-- models/m.sql --\nselect 1 as id, first(v order by v desc) as v from {{ ref('a') }}",
		// 1, 5 with the new SQL, 2 on the new input, 6
		sum: "5 = 4 + 1 + 0", causes: "m:sql a:sql"},
	{name: "another type", files: keyed + "-- models/m.sql --\nselect 1 as id, 5::int as v", edit: "-- models/m.sql --\nselect 1 as id, 5.25::decimal(9,2) as v", sum: "0.25 = 0.25 + 0 + 0.00", causes: "m:sql", note: "columns: ~v (INTEGER -> DECIMAL(9,2))"},
	{name: "an empty side", files: keyed + "-- models/m.sql --\nselect 1 as id, 5 as v where false", edit: "-- models/m.sql --\nselect 1 as id, 5 as v", sum: "5 = 5 + 0 + 0", causes: "m:sql"},
	{name: "no key", files: "-- models/a.sql --\nselect 5 as v\n-- models/m.sql --\nselect v from {{ ref('a') }}", edit: "-- models/a.sql --\nselect 7 as v\n-- models/m.sql --\nselect 2 * v as v from {{ ref('a') }}",
		sum: "9 = 5 + 2 + 2", causes: "m:sql a:sql"},
	{name: "reused: what was not built is not blamed", files: keyed + "-- models/a.sql --\nselect 5 as v\n-- models/b.sql --\nselect 1 as w\n-- models/m.sql --\nselect 1 as id, v * w as v from {{ ref('a') }}, {{ ref('b') }}",
		edit: "-- models/a.sql --\nselect 7 as v\n-- models/m.sql --\nselect 1 as id, v * w * 2 as v from {{ ref('a') }}, {{ ref('b') }}", o: runner.BuildOptions{Reuse: true},
		sum: "9 = 5 + 2 + 2", causes: "m:sql a:sql"},
	{name: "built alone", files: keyed + "-- models/a.sql --\nselect 5 as v\n-- models/m.sql --\nselect 1 as id, v from {{ ref('a') }}",
		edit: "-- models/a.sql --\nselect 7 as v\n-- models/m.sql --\nselect 1 as id, v * 2 as v from {{ ref('a') }}", o: runner.BuildOptions{Select: []string{"m"}},
		sum: "5 = 5 + 0 + 0", causes: "m:sql"},
}

func TestBlame(t *testing.T) {
	for _, c := range blameCases {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, c.files)
			s.vars = c.vars[0]
			s.build(runner.BuildOptions{})
			s.vars = c.vars[1]
			s.write(c.edit)
			s.build(c.o)
			rep := s.blame(runner.BlameOptions{Mart: "m", Where: c.where})
			if got := number(rep, "m", "sum(v)"); got != c.sum {
				t.Errorf("sum(v): %s, want %s", got, c.sum)
			}
			if got := found(rep); got != c.causes {
				t.Errorf("causes: %s, want %s", got, c.causes)
			}
			if got := notes(rep); c.note == "" && got != "" || !strings.Contains(got, c.note) {
				t.Errorf("notes: %q, want %q", got, c.note)
			}
		})
	}
}

// An incremental model's own earlier rows are data; a build anew does not
// compare.
func TestBlameIncremental(t *testing.T) {
	const m = "-- models/m.sql --\n{{ config(materialized='incremental', unique_key='id') }}\nselect {{ var('id') }} as id, %d as v\n"
	s := newShop(t, fmt.Sprintf(m, 10))
	s.vars = map[string]any{"id": 1}
	for id := 1; id <= 3; id++ {
		s.vars["id"] = id
		if id == 3 {
			s.write(fmt.Sprintf(m, 100))
		}
		s.build(runner.BuildOptions{})
	}
	// r2 is 1, 2 of 10 each; r3 is those and 3 of 100. With r2's SQL on what r3
	// added to, id 2 is built again: 20. With r3's SQL on what r2 added to: 10 + 100.
	rep := s.blame(runner.BlameOptions{Mart: "m"})
	if got := number(rep, "m", "sum(v)"); got != "100 = 90 + 0 + 10" {
		t.Errorf("sum(v): %s", got)
	}
	rep = s.blame(runner.BlameOptions{Mart: "m", A: "r1", B: "r3"})
	if got := number(rep, "m", "sum(v)"); got != "110 = ? + ? + ?" || !strings.Contains(notes(rep), "built all rows anew") {
		t.Errorf("sum(v): %s; %s", got, notes(rep))
	}
}

// Old rows of a source are outside history: what is said depends on what can
// be proven with the rows of today.
func TestBlameSources(t *testing.T) {
	files := keyed + "-- models/sources.yml --\nversion: 2\nsources: [{name: raw, schema: main, tables: [{name: x}]}]\n" +
		"-- models/m.sql --\nselect 1 as id, sum(v) as v from {{ source('raw', 'x') }}\n"
	const doubled = "-- models/m.sql --\nselect 1 as id, 2 * sum(v) as v from {{ source('raw', 'x') }}\n"
	start := func(t *testing.T) *shop {
		s := newShop(t, files+"-- models/other.sql --\nselect 1 as one\n")
		s.build(runner.BuildOptions{Select: []string{"other"}})
		s.alter("create table main.x as select 5 as v")
		s.build(runner.BuildOptions{})
		return s
	}
	t.Run("rows that did not change", func(t *testing.T) {
		s := start(t)
		s.write(doubled)
		s.build(runner.BuildOptions{})
		rep := s.blame(runner.BlameOptions{Mart: "m"})
		if got := number(rep, "m", "sum(v)"); got != "5 = 5 + 0 + 0" || found(rep) != "m:sql" || notes(rep) != "" {
			t.Errorf("%s; %s; %s", got, found(rep), notes(rep))
		}
	})
	t.Run("the rows of the older run are gone", func(t *testing.T) {
		s := start(t)
		s.write(doubled)
		s.alter("update main.x set v = 7")
		s.build(runner.BuildOptions{})
		rep := s.blame(runner.BlameOptions{Mart: "m"})
		if got := number(rep, "m", "sum(v)"); got != "9 = 7 + 2 + ?code" || found(rep) != "m:sql m:source:raw.x" || !strings.Contains(notes(rep), "source raw.x: its old rows are outside history") {
			t.Errorf("%s; %s; %s", got, found(rep), notes(rep))
		}
	})
	t.Run("those of both are", func(t *testing.T) {
		s := start(t)
		s.write(doubled)
		s.alter("update main.x set v = 7")
		s.build(runner.BuildOptions{})
		s.alter("update main.x set v = 8")
		rep := s.blame(runner.BlameOptions{Mart: "m"})
		if got := number(rep, "m", "sum(v)"); got != "9 = ? + ? + ?" || found(rep) != "m:sql m:source:raw.x" || !strings.Contains(notes(rep), "no longer gives its rows") {
			t.Errorf("%s; %s; %s", got, found(rep), notes(rep))
		}
	})
	t.Run("the source alone", func(t *testing.T) {
		s := start(t)
		s.alter("update main.x set v = 7")
		s.build(runner.BuildOptions{})
		rep := s.blame(runner.BlameOptions{Mart: "m"})
		if got := number(rep, "m", "sum(v)"); got != "2 = 0 + 2 + 0" || found(rep) != "m:source:raw.x" {
			t.Errorf("%s; %s; %s", got, found(rep), notes(rep))
		}
	})
	t.Run("a file behind a view", func(t *testing.T) {
		s := newShop(t, keyed+"-- models/w.sql --\n{{ config(materialized='view') }} select v from read_csv('{{ var('dir') }}/x.csv')\n-- models/m.sql --\nselect 1 as id, sum(v) as v from {{ ref('w') }}\n")
		s.vars = map[string]any{"dir": filepath.ToSlash(s.dir)}
		for _, v := range []string{"v\n5\n", "v\n7\n"} {
			if err := os.WriteFile(filepath.Join(s.dir, "x.csv"), []byte(v), 0o666); err != nil {
				t.Fatal(err)
			}
			s.build(runner.BuildOptions{})
		}
		rep := s.blame(runner.BlameOptions{Mart: "m"})
		if got := number(rep, "m", "sum(v)"); got != "2 = 0 + 2 + 0" || found(rep) != "w:outside:read_csv('"+filepath.ToSlash(s.dir)+"/x.csv')" {
			t.Errorf("%s; %s; %s", got, found(rep), notes(rep))
		}
	})
}

// What was pruned is never replaced by the rows of another run.
func TestBlamePruned(t *testing.T) {
	s := newShop(t, keyed+"-- models/a.sql --\nselect 1 as v\n-- models/m.sql --\nselect 1 as id, v from {{ ref('a') }}\n")
	for i := range 4 { // r1 1, r2 2, r3 3, r4 2 * 4
		s.write(fmt.Sprintf("-- models/a.sql --\nselect %d as v\n", i+1))
		if i == 3 {
			s.write("-- models/m.sql --\nselect 1 as id, 2 * v as v from {{ ref('a') }}\n")
		}
		s.build(runner.BuildOptions{})
	}
	rep := s.blame(runner.BlameOptions{Mart: "m", A: "r2", B: "r4"})
	if got := number(rep, "m", "sum(v)"); got != "6 = 2 + 2 + 2" {
		t.Errorf("before: %s", got)
	}
	s.alter("delete from main.a where run_id = (select run_id from main.run_manifest where seq = 2)",
		"update main.run_manifest_model set status = 'pruned' where model = 'a' and run_id = (select run_id from main.run_manifest where seq = 2)")
	rep = s.blame(runner.BlameOptions{Mart: "m", A: "r2", B: "r4"})
	if got := number(rep, "m", "sum(v)"); got != "6 = 4 + 2 + ?code" || !strings.Contains(notes(rep), "were pruned") || found(rep) != "m:sql a:sql" {
		t.Errorf("%s; %s; %s", got, found(rep), notes(rep))
	}
	s.prune(last(1))
	if _, err := s.open().Blame(t.Context(), runner.BlameOptions{Mart: "m", A: "r1"}); err == nil || !strings.Contains(err.Error(), "pruned") {
		t.Errorf("a pruned mart: %v", err)
	}
}

// A secret's value is in no note and no cause; the SQL runs with it.
func TestBlameMasksSecrets(t *testing.T) {
	s := newShop(t, keyed+"-- models/a.sql --\nselect 5 as v, 'x' as s\n-- models/m.sql --\nselect 1 as id, v from {{ ref('a') }}\n")
	s.env = map[string]string{"WAREHOUSE_SECRET_N": "31337"}
	s.build(runner.BuildOptions{})
	s.write("-- models/a.sql --\nselect 7 as v, '' as s\n-- models/m.sql --\nselect 1 as id, v + cast('{{ env_var('WAREHOUSE_SECRET_N') }}' || s as integer) as v from {{ ref('a') }}\n")
	s.build(runner.BuildOptions{})
	rep := s.blame(runner.BlameOptions{Mart: "m"})
	if got := number(rep, "m", "sum(v)"); got != "31339 = 31337 + 2 + ?code" {
		t.Errorf("sum(v): %s", got)
	}
	if text := fmt.Sprintf("%s %+v", notes(rep), rep.Causes); strings.Contains(text, "31337") || strings.Count(text, "WAREHOUSE_SECRET_N") < 2 {
		t.Errorf("the secret: %s", text)
	}
}

func TestBlameRefuses(t *testing.T) {
	s := newShop(t, keyed+"-- models/m.sql --\nselect 1 as id, 5 as v, 'x' as word\n-- models/w.sql --\n{{ config(materialized='view') }} select 1 as x\n")
	s.build(runner.BuildOptions{})
	s.write("-- models/fresh.sql --\nselect 1 as x\n-- models/m.sql --\nselect 1 as id, 6 as v, 'x' as word\n")
	s.build(runner.BuildOptions{})
	for _, c := range []struct {
		o    runner.BlameOptions
		want string
	}{
		{runner.BlameOptions{Mart: "n"}, `did you mean "m"?`}, {runner.BlameOptions{Mart: "w"}, "w is a view"},
		{runner.BlameOptions{Mart: "fresh"}, "only r2 has fresh"}, {runner.BlameOptions{Mart: "fresh.x", A: "r2", B: "r1"}, "only r2 has fresh"},
		{runner.BlameOptions{Mart: "m.word"}, "VARCHAR, which has no sum"}, {runner.BlameOptions{Mart: "m.z"}, "no column z in r1"},
		{runner.BlameOptions{Mart: "m.v", Aggregate: "max(v)"}, "not both"}, {runner.BlameOptions{Mart: "m", Where: "z = 1"}, "does not fit"},
		{runner.BlameOptions{Mart: "m", Aggregate: "max(z)"}, "does not fit"}, {runner.BlameOptions{Mart: "m", Aggregate: "max(v"}, "a bracket is not closed"},
		{runner.BlameOptions{Mart: "m", A: "r9"}, "no run has that number"},
	} {
		_, err := s.open().Blame(t.Context(), c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	if _, err := s.open().Blame(t.Context(), runner.BlameOptions{Mart: "n"}); !errors.Is(err, runner.ErrNothingSelected) {
		t.Errorf("an unknown mart: %v", err)
	}
	s.write("-- models/x.y.sql --\nselect 1 as \"a.b\"\n")
	s.build(runner.BuildOptions{})
	s.write("-- models/x.y.sql --\nselect 3 as \"a.b\"\n")
	s.build(runner.BuildOptions{})
	if got := number(s.blame(runner.BlameOptions{Mart: "x.y.a.b"}), "x.y", "sum(a.b)"); got != "2 = 2 + 0 + 0" {
		t.Errorf("names with dots: %s", got)
	}
	rep := s.blame(runner.BlameOptions{Mart: "M.V", A: "r1", B: "r2"})
	if got := number(rep, "m", "sum(v)"); got != "1 = 1 + 0 + 0" {
		t.Errorf("names without case: %s", got)
	}
}

// TestSecretsChange: the value of a secret is in no run, so rows that it is in
// are not reused, and what it did is not taken for chance.
func TestSecretsChange(t *testing.T) {
	s := newShop(t, keyed+"-- models/m.sql --\nselect 1 as id, length('{{ env_var('WAREHOUSE_SECRET_SALT') }}') as v\n")
	s.env = map[string]string{"WAREHOUSE_SECRET_SALT": "pepper"}
	s.build(runner.BuildOptions{})
	s.env = map[string]string{"WAREHOUSE_SECRET_SALT": "paprika"}
	if got := outcomes(s.build(runner.BuildOptions{Reuse: true})); got != "m:success" {
		t.Errorf("another secret: %s", got)
	}
	s.want("7", "select v from latest.m")
	if why := s.diff(runner.DiffOptions{}).Marts[0].Why; len(why) != 1 || why[0].Text != "prints the secret WAREHOUSE_SECRET_SALT, whose value is outside history" {
		t.Errorf("why: %+v", why)
	}
	s.write("-- models/m.sql --\nselect 1 as id, 1 + length('{{ env_var('WAREHOUSE_SECRET_SALT') }}') as v\n")
	s.env = map[string]string{"WAREHOUSE_SECRET_SALT": "salt"}
	s.build(runner.BuildOptions{})
	rep := s.blame(runner.BlameOptions{Mart: "m.v"}) // 7, new SQL unknown on the old secret, 4 with the old SQL, 5
	if got := number(rep, "m", "sum(v)"); got != "-2 = 1 + -3 + ?code" || found(rep) != "m:sql m:outside:secret WAREHOUSE_SECRET_SALT" {
		t.Errorf("%s, causes %s\n%s", got, found(rep), notes(rep))
	}
}

// TestSettings: what the engine's settings did is no code, no data, and not
// reused.
func TestSettings(t *testing.T) {
	s := newShop(t, keyed+"-- models/m.sql --\nselect 1 as id, 7 / 2 as v\n")
	s.build(runner.BuildOptions{})
	s.write("-- project.yml --\n" + strings.Replace(projectYML, "path: target/warehouse.duckdb", "path: target/warehouse.duckdb, settings: {integer_division: true}", 1))
	rep := s.build(runner.BuildOptions{Reuse: true})
	if got := outcomes(rep); got != "m:success" {
		t.Errorf("settings changed: %s", got)
	}
	if got := outcomes(s.build(runner.BuildOptions{Reuse: true})); got != "m:reused" {
		t.Errorf("nothing changed: %s", got)
	}
	why := s.diff(runner.DiffOptions{A: "r1", B: "r2"}).Marts[0].Why
	if len(why) != 1 || why[0].Text != "the engine's settings changed: integer_division: false -> true" {
		t.Errorf("why: %+v", why)
	}
	if b := s.blame(runner.BlameOptions{Mart: "m.v", A: "r1", B: "r2"}); found(b) != "m:setting:integer_division: false -> true" {
		t.Errorf("causes %s", found(b))
	}
	s.write("-- models/m.sql --\nselect 1 as id, 9 / 2 as v\n")
	s.build(runner.BuildOptions{})
	s.write("-- project.yml --\n" + projectYML)
	if b := s.blame(runner.BlameOptions{Mart: "m.v", A: "r2", B: "r4"}); found(b) != "m:sql" {
		t.Errorf("under other settings: %s\n%s", found(b), notes(b))
	}
}

// TestBlameOutsideMacro: a macro of the database is no part of a run, so what it
// did is not the SQL's doing.
func TestBlameOutsideMacro(t *testing.T) {
	s := newShop(t, keyed+"-- models/m.sql --\nselect 1 as id, twice(5) as v, {{ var('z', 1) }} as z\n")
	s.alter("create macro twice(x) as 2 * x")
	s.build(runner.BuildOptions{})
	s.alter("create or replace macro twice(x) as 9 * x")
	s.build(runner.BuildOptions{})
	for _, w := range s.diff(runner.DiffOptions{}).Marts[0].Why {
		if w.Kind != runner.WhyOutside || w.Name != "twice()" {
			t.Errorf("why: %+v", w)
		}
	}
	s.alter("create or replace macro twice(x) as 2 * x")
	s.vars = map[string]any{"z": 2}
	s.build(runner.BuildOptions{})
	rep := s.blame(runner.BlameOptions{Mart: "m.v"})
	if got := number(rep, "m", "sum(v)"); got != "-35 = 0 + -35 + ?code" || !strings.Contains(found(rep), "twice()") {
		t.Errorf("%s, causes %s", got, found(rep))
	}
}

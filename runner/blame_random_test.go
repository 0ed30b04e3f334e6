package runner_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/blame"
)

// recipe is a small project whose parts are numbers: what is edited is one of
// them. As files it is templates, by hand it is plain SQL.
type recipe struct {
	a, b  []string // rows (id, v) of two models
	seed  []string
	shift int // in the SQL of the view
	form  int // of the mart's SQL
	times int // in a macro that the mart calls
	plus  int // a variable of the mart's
}

func someIDs(rng *rand.Rand) []string {
	var out []string
	for id := range 12 {
		if rng.IntN(4) > 0 {
			v := fmt.Sprint(rng.IntN(20) - 5)
			if rng.IntN(6) == 0 {
				v = "NULL::INTEGER"
			}
			out = append(out, fmt.Sprintf("(%d, %s)", id, v))
		}
	}
	return append(out, fmt.Sprintf("(99, %d)", rng.IntN(9)))
}

func rowsSQL(rows []string) string {
	return "select * from (values " + strings.Join(rows, ", ") + ") as t(id, v)"
}

var forms = []string{
	"select x.id, x.v * TIMES + coalesce(y.v, 0) + PLUS as v from A as x left join W as y using (id)",
	"select x.id, x.v + s.v * TIMES as v from A as x join S as s using (id) where x.v > PLUS",
	"select coalesce(x.id, y.id) as id, least(x.v, y.v) * TIMES as v from A as x full join W as y using (id)",
	"select id, sum(v) * TIMES + PLUS as v from (select * from A as x union all select * from W as y union all select * from S as z) group by id",
	"select x.id, max(x.v) over (order by x.id) - TIMES as v from W as x where PLUS is not null",
}

func (r recipe) view(in string) string {
	return fmt.Sprintf("select id, v + %d as v from %s", r.shift, in)
}

// files are the project.
func (r recipe) files() string {
	mart := strings.NewReplacer("TIMES", "{{ times() }}", "PLUS", "{{ var('plus') }}", " A ", " {{ ref('a') }} ", " W ", " {{ ref('w') }} ", " S ", " {{ ref('s') }} ").Replace(forms[r.form])
	seed := "id,v\n"
	for _, row := range r.seed {
		seed += strings.NewReplacer("(", "", ")", "", " ", "", "NULL::INTEGER", "").Replace(row) + "\n"
	}
	return fmt.Sprintf(`-- models/schema.yml --
models:
  - {name: m, config: {primary_key: [id]}}
-- macros/times.sql --
{%% macro times() %%}%d{%% endmacro %%}
-- models/a.sql --
%s
-- models/b.sql --
%s
-- models/w.sql --
{{ config(materialized='view') }} %s
-- models/m.sql --
%s
-- seeds/s.csv --
%s`, r.times, rowsSQL(r.a), rowsSQL(r.b), r.view("{{ ref('b') }}"), mart, seed)
}

// hand is a number of the mart of code's SQL over data's inputs.
func (r recipe) hand(data recipe, aggregate, where string) string {
	mart := strings.NewReplacer("TIMES", fmt.Sprint(r.times), "PLUS", fmt.Sprint(r.plus)).Replace(forms[r.form])
	return fmt.Sprintf("(with A as (%s), W as (%s), S as (select id::bigint as id, v::bigint as v from (%s)) select cast(%s as varchar) from (%s) where %s)",
		rowsSQL(data.a), data.view("("+rowsSQL(data.b)+")"), rowsSQL(data.seed), aggregate, mart, where)
}

// TestBlameRandom holds the split of a change, and its causes, to SQL written by
// hand: old and new SQL over old and new inputs.
func TestBlameRandom(t *testing.T) {
	n, rng := rounds(t, 12)
	aggregates := []string{"coalesce(sum(v), 0)", "avg(v)", "count(distinct v)", "min(v)", "max(v)", "median(v)", "count(*)", "count(v)", "sum(v * v)", "round(stddev_pop(v), 6)"}
	for i := range n {
		r := recipe{someIDs(rng), someIDs(rng), someIDs(rng), rng.IntN(5), rng.IntN(len(forms)), 1 + rng.IntN(4), rng.IntN(4)}
		s := newShop(t, r.files())
		s.vars = map[string]any{"plus": r.plus}
		s.build(runner.BuildOptions{})
		old, edited := r, map[string]bool{}
		for range 1 + rng.IntN(3) {
			switch rng.IntN(7) {
			case 0:
				r.a, edited["a"] = someIDs(rng), true
			case 1:
				r.b, edited["b"] = someIDs(rng), true
			case 2:
				r.seed, edited["s"] = someIDs(rng), true
			case 3:
				r.shift, edited["w"] = r.shift+1, true
			case 4:
				r.form, edited["m"] = rng.IntN(len(forms)), true
			case 5:
				r.times, edited["m"] = r.times+1, true
			case 6:
				r.plus, edited["m"] = r.plus+1, true
			}
		}
		s.write(r.files())
		s.vars = map[string]any{"plus": r.plus}
		s.build(runner.BuildOptions{})
		where := []string{"", "v > 3", "v is null or id < 6"}[rng.IntN(3)]
		aggregate := aggregates[rng.IntN(len(aggregates))]
		rep := s.blame(runner.BlameOptions{Mart: "m", Aggregate: aggregate, Where: where})
		cond := where
		if cond == "" {
			cond = "true"
		}
		cells := strings.Fields(s.query("select "+strings.Join([]string{old.hand(old, aggregate, cond), r.hand(old, aggregate, cond), old.hand(r, aggregate, cond), r.hand(r, aggregate, cond)}, ", "), ""))
		var v [4]*blame.Number
		for j, c := range cells {
			v[j], _ = blame.Parse(c)
		}
		got := number(rep, "m", aggregate)
		if want := parts(blame.Split(v[0], v[1], v[2], v[3])); got != want && !(got == "no "+aggregate+" of m" && cells[0] == cells[3]) {
			t.Errorf("round %d, %s where %q of %+v -> %+v:\n got %s\nhand %s %v\n%s", i, aggregate, where, old, r, got, want, cells, notes(rep))
		}
		rows := "select * from m where " + cond + " order by all"
		differs := s.query("select (select list(x) from ("+strings.Replace(rows, "select *", "select * exclude (run_id, created_at)", 1)+") x)", "r1") !=
			s.query("select (select list(x) from ("+strings.Replace(rows, "select *", "select * exclude (run_id, created_at)", 1)+") x)", "r2")
		named := false
		for _, c := range rep.Causes {
			if strings.HasPrefix(c.Text, "perhaps") || !c.Certain {
				continue
			}
			named = true
			if !edited[strings.ToLower(c.Model)] {
				t.Errorf("round %d: blames %s, which was not edited: %s %s", i, c.Model, c.Kind, c.Text)
			}
		}
		if differs && !named {
			t.Errorf("round %d: %v edited, no cause: %s", i, slices.Sorted(maps.Keys(edited)), found(rep))
		}
	}
}

func parts(p blame.Parts) string {
	text := func(n *blame.Number) string {
		if n == nil {
			return "?" + p.Within
		}
		return n.String()
	}
	return fmt.Sprintf("%s = %s + %s + %s", text(p.Total), text(p.Code), text(p.Data), text(p.Both))
}

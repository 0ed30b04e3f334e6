package runner_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"warehouse/runner"
)

// units is a project with a source, a chain of models of every kind and unit
// tests over them.
const units = `
-- models/src.sql --
select 1 as id, 'a' as name, cast('2020-01-01' as date) as day, 1.50 as price
-- models/eph.sql --
{{ config(materialized='ephemeral') }}
select id, upper(name) as name, day, price from {{ ref('src') }}
-- models/m.sql --
select e.id, e.name, e.day, e.price * {{ var('times', 2) }} as price, date_trunc('month', v.at) as month
from {{ ref('eph') }} as e left join {{ source('raw', 'visits') }} as v using (id)
-- models/inc.sql --
{{ config(materialized='incremental', unique_key='id') }}
select id, name from {{ ref('src') }}
{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}
-- models/deep.sql --
select [1] as l, {'x': 1, 'y': 'z'} as s, '{}'::json as j where false
-- models/nested.sql --
select * from {{ ref('deep') }}
-- models/below.sql --
select count(*) as n from {{ ref('m') }}
-- models/schema.yml --
version: 2
sources:
  - name: raw
    schema: main
    tables: [{name: visits}]
`

// test runs tests, which may fail.
func (s *shop) test(o runner.TestOptions) *runner.Report {
	s.t.Helper()
	rep, err := s.open().Test(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	return rep
}

// unit runs the unit tests of one YAML file alone, and returns what became of
// them: a line for each, then its error or the rows that differ.
func unit(t *testing.T, yml string) string {
	t.Helper()
	s := newShop(t, units+"-- models/unit.yml --\nunit_tests:\n"+yml)
	rep := s.test(runner.TestOptions{Select: []string{"test_type:unit"}})
	if _, err := os.Stat(s.file()); err == nil {
		t.Error("unit tests made a database")
	}
	return outcome(rep)
}

func outcome(rep *runner.Report) string {
	var b strings.Builder
	slices.SortFunc(rep.Nodes, func(a, b runner.NodeResult) int { return strings.Compare(a.Name, b.Name) })
	for _, n := range rep.Nodes {
		b.WriteString(n.Name + " " + string(n.Status) + "\n")
		if n.Err != nil {
			b.WriteString("  " + n.Err.Error() + "\n")
		}
		if n.Status == runner.StatusFail {
			b.WriteString("  " + strings.Join(n.Sample.Columns, "|") + "\n")
			for _, row := range n.Sample.Rows {
				cells := make([]string, len(row))
				for i, v := range row {
					cells[i] = "NULL"
					if v != nil {
						cells[i] = *v
					}
				}
				b.WriteString("  " + strings.Join(cells, "|") + "\n")
			}
		}
	}
	return b.String()
}

func TestUnitTests(t *testing.T) {
	given := `
    model: m
    given:
      - input: ref('src')
        rows: [{id: 1, name: ann, day: 2020-05-03, price: 2.25}, {id: 2, name: null}]
      - input: source('raw', 'visits')
        rows: [{id: 1, at: '2020-05-17 10:00:00'}]
`
	for _, tt := range []struct{ name, yml, want string }{
		{"through an ephemeral model, types of the parent, of a source by its values", "  - name: t" + given + `
    expect: {rows: [{id: 2, name: null, month: null}, {name: ANN, id: 1, month: 2020-05-01}]}`, "t pass\n"},
		{"columns without case", "  - name: t" + given + `
    expect: {rows: [{ID: 2}, {ID: 1}]}`, "t pass\n"},
		{"a variable", "  - name: t" + given + `
    overrides: {vars: {times: 3}}
    expect: {rows: [{id: 1, price: 6.75}, {id: 2, price: null}]}`, "t pass\n"},
		{"differences side by side", "  - name: t" + given + `
    expect: {rows: [{id: 1, name: ANN, day: 2020-05-04}, {id: 3, name: BOB, day: 2020-01-01}]}`, `t fail
  row|id|name|expected day|actual day
  differs|1|ANN|2020-05-04|2020-05-03
  missing|3|BOB|2020-01-01|
  unexpected|2|NULL||NULL
`},
		{"an expected row too many", "  - name: t" + given + `
    expect: {rows: [{id: 1}, {id: 1}, {id: 2}]}`, "t fail\n  row|id\n  missing|1\n"},
		{"none expected", "  - name: t" + given + `
    expect: {rows: []}`, `t fail
  row|id|name|day|price|month
  unexpected|1|ANN|2020-05-03|4.50|2020-05-01 00:00:00
  unexpected|2|NULL|NULL|NULL|NULL
`},
		{"SQL", `  - name: t
    model: m
    given:
      - {input: ref('eph'), format: sql, rows: "select 7 as id, 'x' as name, date '2020-01-01' as day, 1 as price"}
      - {input: "source('raw', 'visits')", format: sql, rows: "select 7 as id, timestamp '2021-02-03 00:00:00' as at"}
    expect: {format: sql, rows: "select '2021-02-01' as month, 7 as id"}`, "t pass\n"},
		{"values that are lists, structs and JSON", `  - name: t
    model: nested
    given: [{input: ref('deep'), rows: [{l: [1, 2], s: {x: 5, y: a b}, j: {a: [1, null]}}]}]
    expect: {rows: [{l: [1, 2], s: {x: 5, y: a b}, j: {a: [1, null]}}]}`, "t pass\n"},
		{"incremental", `  - name: first
    model: inc
    given: [{input: ref('src'), rows: [{id: 1}, {id: 2}]}]
    expect: {rows: [{id: 1}, {id: 2}]}
  - name: later
    model: inc
    overrides: {macros: {is_incremental: true}}
    given:
      - {input: ref('src'), rows: [{id: 1}, {id: 2}]}
      - {input: this, rows: [{id: 1}]}
    expect: {rows: [{id: 2}]}`, "first pass\nlater pass\n"},
		{"this is not given", `  - name: t
    model: inc
    overrides: {macros: {is_incremental: true}}
    given: [{input: ref('src'), rows: []}]
    expect: {rows: []}`, "t error\n  models/inc.sql:3: unit test t gives no rows for this\n"},
		{"a column that a parent does not have", `  - name: t
    model: inc
    given:
      - input: ref('src')
        rows:
          - {id: 1}
          - {id: 1, naem: x}
    expect: {rows: []}`, "t error\n  models/unit.yml:8:13: src has no column naem; did you mean name?\n"},
		{"a column that the model does not have", `  - name: t
    model: inc
    given: [{input: ref('src'), rows: [{id: 1}]}]
    expect: {rows: [{idd: 1}]}`, "t error\n  models/unit.yml:5:21: inc has no column idd; did you mean id?\n"},
		{"a value of another type", `  - name: t
    model: inc
    given: [{input: ref('src'), rows: [{id: 1}, {id: one}]}]
    expect: {rows: [{id: 1}]}`, "t error\n  models/unit.yml:4:49: id is \"one\", which is no INTEGER\n"},
		{"an expected value of another type", `  - name: t
    model: m` + strings.TrimPrefix(given, "\n    model: m") + `
    expect: {rows: [{day: soon}]}`, "t error\n  models/unit.yml:10:21: day is \"soon\", which is no DATE\n"},
		{"what is not given", `  - name: t
    model: m
    given: [{input: ref('src'), rows: []}]
    expect: {rows: []}`, "t error\n  models/m.sql:2:41: unit test t gives no rows for source('raw', 'visits')\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := unit(t, tt.yml)
			if tt.name == "this is not given" { // the column depends on the engine
				got = strings.Replace(got, got[strings.Index(got, ".sql:3")+6:strings.Index(got, ": unit")], "", 1)
			}
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// blocked is a project with a wrong unit test of m.
const blocked = units + `-- models/unit.yml --
unit_tests:
  - name: wrong
    model: m
    config: {tags: [nightly]}
    given:
      - {input: ref('src'), rows: [{id: 1}]}
      - {input: "source('raw', 'visits')", rows: [{id: 1, at: '2020-01-01'}]}
    expect: {rows: [{id: 2}]}
  - name: right
    model: inc
    given: [{input: ref('src'), rows: [{id: 1}]}]
    expect: {rows: [{id: 1}]}
`

func TestUnitTestsBlockTheirModel(t *testing.T) {
	s := newShop(t, blocked)
	s.alterNew("create table main.visits (id integer, \"at\" timestamp)")
	rep := s.try(runner.BuildOptions{})
	want := "below skipped\ndeep success\ninc success\nm skipped\nnested success\nright pass\nsrc success\nwrong fail"
	if got := statuses(rep); got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	if rep.Publication != 0 || rep.OK() || rep.Run.TestsFailed != 1 {
		t.Errorf("published %d, %d tests failed", rep.Publication, rep.Run.TestsFailed)
	}
	s.want("right inc pass 0\nwrong m fail 1", "select test, model, status, failures from main.run_manifest_test order by test")
	s.sound()
	s.write("-- models/unit.yml --\n" + strings.Replace(strings.SplitN(blocked, "-- models/unit.yml --\n", 2)[1], "{id: 2}", "{id: 1}", 1))
	s.build(runner.BuildOptions{})
	s.want("1", "select n from below")
	// A selection brings unit tests along, and one that excludes them does not.
	if got := statuses(s.build(runner.BuildOptions{Select: []string{"m"}})); got != "m success\nwrong pass" {
		t.Errorf("--select m: %s", got)
	}
	if got := statuses(s.build(runner.BuildOptions{Select: []string{"m"}, Exclude: []string{"test_type:unit"}})); got != "m success" {
		t.Errorf("--exclude test_type:unit: %s", got)
	}
	s.sound()
}

// alterNew is alter where there is no database yet.
func (s *shop) alterNew(statements ...string) {
	s.t.Helper()
	if err := os.MkdirAll(s.dir+"/target", 0o777); err != nil {
		s.t.Fatal(err)
	}
	s.alter(statements...)
}

func TestWhichTestsAreRun(t *testing.T) {
	s := newShop(t, strings.Replace(blocked, "{id: 2}", "{id: 1}", 1)+`-- models/tests.yml --
models:
  - name: m
    columns: [{name: id, data_tests: [not_null]}]
`)
	s.alterNew("create table main.visits (id integer, \"at\" timestamp)")
	s.build(runner.BuildOptions{})
	for _, tt := range []struct {
		o    runner.TestOptions
		want string
	}{
		{runner.TestOptions{}, "not_null_m_id pass"},
		{runner.TestOptions{Run: "latest", Select: []string{"m"}}, "not_null_m_id pass"},
		{runner.TestOptions{Select: []string{"m"}}, "not_null_m_id pass\nwrong pass"},
		{runner.TestOptions{Select: []string{"test_type:unit"}}, "right pass\nwrong pass"},
		{runner.TestOptions{Select: []string{"unit_test:wr*"}}, "wrong pass"},
		{runner.TestOptions{Select: []string{"right"}}, "right pass"},
		{runner.TestOptions{Select: []string{"tag:nightly"}}, "wrong pass"},
		{runner.TestOptions{Select: []string{"inc"}, Exclude: []string{"wrong"}}, "right pass"},
		{runner.TestOptions{Select: []string{"test_type:data"}}, "not_null_m_id pass"},
	} {
		if got := statuses(s.test(tt.o)); got != tt.want {
			t.Errorf("%+v: got\n%s\nwant\n%s", tt.o, got, tt.want)
		}
	}
	if got := s.messages(runner.EventLog); !strings.Contains(got, "2 unit tests were left out") {
		t.Errorf("nothing says that unit tests are left out: %q", got)
	}
	listed, err := s.open().List(t.Context(), runner.ListOptions{Filter: runner.Filter{ResourceTypes: []string{"unit_test"}}})
	if err != nil || len(listed) != 2 || listed[0].ID != "unit_test.shop.inc.right" && listed[1].ID != "unit_test.shop.inc.right" {
		t.Errorf("ls: %+v, %v", listed, err)
	}
	if _, err := s.open().Compile(t.Context(), runner.CompileOptions{}); err != nil {
		t.Error(err)
	}
	s.want("1", "select max(attempt) from main.run_manifest_test where test = 'wrong'") // not recorded by test
	s.sound()
}

package runner_test

import (
	"fmt"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/diff"
)

// differences are what a comparison says, a line a mart.
func differences(rep *runner.DiffReport) string {
	var lines []string
	for _, m := range rep.Marts {
		line := fmt.Sprintf("%s: %d added, %d removed, %d changed (%d by rounding), %d unchanged;", m.Mart, m.Added, m.Removed, m.Changed, m.RoundingOnly, m.Unchanged)
		for _, c := range m.Columns {
			if c.Changed > 0 {
				line += fmt.Sprintf(" %s %d", c.Name, c.Changed)
			}
		}
		if m.Refused != nil {
			line += " " + m.Refused.Error()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func (l *lake) diffed(o runner.DiffOptions) *runner.DiffReport {
	l.t.Helper()
	rep, err := l.open().Diff(l.t.Context(), o)
	if err != nil {
		l.t.Fatal(err)
	}
	return rep
}

const lakeTypes = `
-- models/t.sql --
{{ config(primary_key=['k']) }}
select k, x + 1 as i, cast(x + 1 as bigint) as l, x + 0.5e0 as d, cast(x + 1.5 as decimal(10,2)) as dec,
  cast(x as varchar) as s, x > 0 as b, date_add('day', x, date '2026-01-01') as day,
  date_add('day', x, timestamp '2026-01-01 00:00:00.123456') as ts, date_add('hour', x, timestamp '2026-01-01 00:00:00 UTC') as tz,
  array[x, null] as li, map(array['a'], array[x]) as ma, cast(row(x, 'y') as row(p integer, q varchar)) as ro, to_utf8(cast(x as varchar)) as bin,
  cast(row(to_utf8(cast(x as varchar))) as row(z varbinary)) as rb, cast(null as integer) as nothing, nan() as nan, 0.1e0 + x * 1e-15 as near
from (select k, if(k = 2, {{ var('x') }}, 0) as x from (values 1, 2, 3) as v(k) {% if var('x') == 7 %} union all select 9, 0 {% endif %})
-- models/bag.sql --
select if(k < 3, 'same', '{{ var('x') }}') as s, map(array[k], array[k]) as m from (values 1, 1, 2, 3) as t(k)
-- models/still.sql --
select 1 as one
`

func TestTrinoDiff(t *testing.T) {
	l := newLake(t, lakeTypes)
	l.vars = map[string]any{"x": 0}
	l.build(runner.BuildOptions{})
	l.vars = map[string]any{"x": 7}
	l.build(runner.BuildOptions{})
	rep := l.diffed(runner.DiffOptions{Limit: 2})
	want := `bag: 1 added, 1 removed, 0 changed (0 by rounding), 3 unchanged;
still: 0 added, 0 removed, 0 changed (0 by rounding), 1 unchanged;
t: 1 added, 0 removed, 1 changed (0 by rounding), 2 unchanged; i 1 l 1 d 1 dec 1 s 1 b 1 day 1 ts 1 tz 1 li 1 ma 1 ro 1 bin 1 rb 1 near 1`
	if got := differences(rep); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	m := rep.Marts[2]
	var cells []string
	for _, s := range m.Samples {
		if s.Kind != diff.Changed {
			continue
		}
		for _, c := range s.Cells {
			cells = append(cells, fmt.Sprintf("%s %s -> %s", c.Column, *c.Old, *c.New))
		}
	}
	wantCells := `i 1 -> 8
l 1 -> 8
d 0.5 -> 7.5
dec 1.50 -> 8.50
s 0 -> 7
b false -> true
day 2026-01-01 -> 2026-01-08
ts 2026-01-01 00:00:00.123456 -> 2026-01-08 00:00:00.123456
tz 2026-01-01 00:00:00.000000 UTC -> 2026-01-01 07:00:00.000000 UTC
li [0,null] -> [7,null]
ma {"a":0} -> {"a":7}
ro {"p":0,"q":"y"} -> {"p":7,"q":"y"}
bin 30 -> 37
rb (no text) -> (no text)
near 0.1 -> 0.100000000000007`
	if got := strings.Join(cells, "\n"); got != wantCells {
		t.Errorf("got\n%s\nwant\n%s", got, wantCells)
	}
	if len(m.Columns) == 0 || len(m.Columns[0].Movers) != 1 || m.Columns[0].Movers[0].Delta != "7" {
		t.Errorf("movers: %+v", m.Columns)
	}
	if len(m.Why) == 0 || m.Why[0].Kind != runner.WhySQL {
		t.Errorf("why: %+v", m.Why)
	}
	// Only what a condition chooses, and within a tolerance.
	if got := differences(l.diffed(runner.DiffOptions{Select: []string{"t"}, Where: "k < 3 -- the first", Columns: []string{"near", "nothing"}})); got !=
		"t: 0 added, 0 removed, 1 changed (1 by rounding), 1 unchanged; near 1" {
		t.Error(got)
	}
	if got := differences(l.diffed(runner.DiffOptions{Select: []string{"t"}, Columns: []string{"d"}, Tolerance: &diff.Tolerance{Absolute: 10}})); got !=
		"t: 1 added, 0 removed, 0 changed (0 by rounding), 3 unchanged;" {
		t.Error(got)
	}
	// Other types with equal values are equal; a rollback is no difference.
	l.write(`-- models/t.sql --
{{ config(primary_key=['k']) }}
select cast(k as bigint) as k, cast(i as decimal(20,1)) as i, cast(l as double) as l, cast(d as decimal(10,4)) as d, cast(dec as double) as dec,
  cast(s as integer) as s, cast(b as integer) as b, cast(day as timestamp) as day, cast(ts at time zone 'UTC' as timestamp(6) with time zone) as ts, cast(tz as timestamp(6)) as tz,
  cast(li as array(bigint)) as li, cast(ma as map(varchar, bigint)) as ma, cast(ro as row(p bigint, q varchar)) as ro, bin,
  cast(row(bin, 1) as row(z varbinary, y integer)) as rb, cast(null as bigint) as nothing, cast(nan as real) as nan, near
from ` + l.target.Schema + `_latest.t
`)
	l.build(runner.BuildOptions{Select: []string{"t"}})
	rep = l.diffed(runner.DiffOptions{Select: []string{"t"}, Limit: 1})
	if got, want := differences(rep), "t: 0 added, 0 removed, 4 changed (0 by rounding), 0 unchanged; rb 4"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if n := len(rep.Marts[0].ColumnsRetyped); n != 16 {
		t.Errorf("%d columns have another type", n)
	}
	if got := differences(l.diffed(runner.DiffOptions{A: "r3", B: "latest", Select: []string{"t"}})); got != "t: 0 added, 0 removed, 0 changed (0 by rounding), 4 unchanged;" {
		t.Error(got)
	}
}

// A closed period stays what it was: a run that would change it is kept back.
func TestTrinoGuards(t *testing.T) {
	l := newLake(t, `
-- models/m.sql --
{{ config(primary_key=['day'], closed="day < date_trunc('day', {{ as_of }})", max_change={'rows_added': 1, 'sum': {'v': '50%'}}) }}
select day, {{ var('v', 1) }} as v from unnest(sequence(date '2020-01-01', date '2020-01-0{{ var('n', 3) }}')) as t(day)
`)
	l.build(runner.BuildOptions{})
	l.vars = map[string]any{"n": 4}
	if rep := l.built(runner.BuildOptions{}); rep.Publication != 0 {
		t.Error("a row of a closed period was added, and the run is published")
	}
	l.vars = map[string]any{"v": 2}
	rep := l.built(runner.BuildOptions{})
	if rep.Publication != 0 || !strings.Contains(rep.NotBecause, "3 changed") {
		t.Errorf("%d: %s", rep.Publication, rep.NotBecause)
	}
	if !strings.Contains(rep.NotBecause, "the sum of v goes from 3 to 6") {
		t.Error(rep.NotBecause)
	}
	l.vars = nil
	if rep := l.built(runner.BuildOptions{}); rep.Publication != 2 {
		t.Error(rep.NotBecause)
	}
}

package runner_test

import (
	"fmt"
	"strings"
	"testing"

	"warehouse/runner"
)

const lakeSeed = `
-- seeds/s.yml --
version: 2
seeds:
  - name: s
    config: {column_types: {code: varchar, amount: "decimal(10,2)"}}
-- seeds/s.csv --
id,code,amount,at,day,ok,ratio,note
1, 007,1.50,2026-01-02T03:04:05.123456Z,2026-01-02,TRUE,.5,it's "here"
2,"a,b",,2026-01-02T03:04:05+02,,false,1.5,"two
lines \ <&> ü"
3,"",2,2026-01-02T03:04,2026-12-31,true,-2e-3,
-- models/m.sql --
select id, at, note from {{ ref('s') }}
`

// A seed's records are sent inside of statements; every value is there, in the
// type that DuckDB would have given it.
func TestTrinoSeed(t *testing.T) {
	l := newLake(t, lakeSeed)
	l.build(runner.BuildOptions{})
	const rows = `(select array_join(array_agg(concat_ws('|', cast(id as varchar), typeof(id), '<' || code || '>', cast(amount as varchar), typeof(amount), cast(at as varchar),
		cast(day as varchar), cast(ok as varchar), cast(cast(ratio as decimal(9,3)) as varchar), note) order by id), chr(10)) from latest.s)`
	const want = `1|integer|< 007>|1.50|decimal(10,2)|2026-01-02 03:04:05.123456|2026-01-02|true|0.500|it's "here"
2|integer|<a,b>|decimal(10,2)|2026-01-02 01:04:05.000000|false|1.500|two
lines \ <&> ü
3|integer|2.00|decimal(10,2)|2026-01-02 03:04:00.000000|2026-12-31|true|-0.002`
	if got := l.latest(rows); got != want {
		t.Errorf("the rows are\n%s\nwant\n%s", got, want)
	}
	// The register keeps the file's name, not its records, and reads it again.
	again, err := l.open().Replay(t.Context(), "latest")
	if err != nil {
		t.Fatal(err)
	}
	if n := node(t, again, "s"); n.Err != nil || n.Rows != 3 {
		t.Errorf("replayed: %d rows, %v", n.Rows, n.Err)
	}
	l.write("-- seeds/s.csv --\nid,code,amount,at,day,ok,ratio,note\n1,x,oh,2026-01-02T03:04,,,,\n2,x,1,,,,,\n")
	rep := l.try(runner.BuildOptions{})
	if n := node(t, rep, "s"); n.Err == nil || !strings.Contains(n.Err.Error(), `seeds/s.csv:2`) || !strings.Contains(n.Err.Error(), `amount is "oh", which is no decimal(10,2)`) {
		t.Errorf("the error is %v", n.Err)
	}
	l.verified()
}

// A file that is longer than a statement is written in several, under one run.
func TestTrinoLargeSeed(t *testing.T) {
	const records = 30_000
	var csv strings.Builder
	for i := range records {
		fmt.Fprintf(&csv, "%d,%s\n", i, strings.Repeat("ab'", 15))
	}
	l := newLake(t, "-- seeds/s.csv --\nid,note\n"+csv.String())
	l.build(runner.BuildOptions{})
	merges := 0
	for _, s := range l.statements {
		if strings.HasPrefix(s.SQL, "MERGE INTO") && strings.Contains(s.SQL, `"s" AS t`) {
			merges++
		}
	}
	if merges < 2 {
		t.Errorf("%d statements wrote the seed: the test's file is too short", merges)
	}
	if got := l.latest("(select concat_ws('|', cast(count(*) as varchar), cast(count(distinct id) as varchar), cast(sum(length(note)) as varchar)) from latest.s)"); got != fmt.Sprintf("%d|%[1]d|%d", records, records*45) {
		t.Errorf("the rows are %s", got)
	}
	l.verified()
}

package runner_test

import (
	"strings"
	"testing"
	"time"

	"warehouse/runner"
)

// perDay is a microbatch model over a table whose rows lie a quarter of a day apart;
// each of its rows says in which build it was computed, and how many rows its batch had.
const perDay = `
-- models/e.sql --
{{ config(event_time='ts') }}
select i, timestamp '2024-01-01' + interval (i * 6) hour as ts from range(0, {{ var('upto') }}) t(i)
-- models/m.sql --
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ts', batch_size='day', begin='2024-01-02', lookback=1) }}
select i, ts, count(*) over () as n, '{{ var('build') }}' as build, '{{ model.batch.id }}' as batch from {{ ref('e') }}
`

const perDays = "select string_agg(s, ' ' order by s) from (select strftime(ts, '%d') || build || n || '/' || count(*) as s from latest.m group by ts::date, strftime(ts, '%d'), build, n)"

func (s *shop) buildMicro(now, build string, upto int, o runner.BuildOptions) *runner.Report {
	s.t.Helper()
	at, err := time.Parse("2006-01-02 15:04", now)
	if err != nil {
		s.t.Fatal(err)
	}
	s.change = func(c *runner.Config) { c.Now = func() time.Time { return at } }
	return s.buildUpto(build, upto, o)
}

func TestMicrobatch(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2024, 1, d, 0, 0, 0, 0, time.UTC) }
	s := newShop(t, perDay)
	a := s.buildMicro("2024-01-03 10:00", "a", 10, runner.BuildOptions{}) // rows of 1, 2 and half of 3
	s.want("02a4/4 03a2/2", perDays)
	s.want("20240102 20240103", "select string_agg(distinct batch, ' ' order by batch) from latest.m")
	if n := node(t, a, "m"); len(n.Batches) != 2 || !n.Batches[1][0].Equal(day(3)) || !n.Batches[1][1].Equal(day(4)) {
		t.Errorf("batches: %v", n.Batches)
	}
	// Two batches: that of now, and the one before.
	s.buildMicro("2024-01-05 10:00", "b", 30, runner.BuildOptions{})
	s.want("02a4/4 03a2/2 04b4/4 05b4/4", perDays)
	// At the very start of a day the last batch is the day that has ended.
	s.buildMicro("2024-01-06 00:00", "c", 30, runner.BuildOptions{})
	s.want("02a4/4 03a2/2 04c4/4 05c4/4", perDays)
	s.buildMicro("2024-01-06 00:00", "d", 30, runner.BuildOptions{EventTimeStart: day(3).Add(5 * time.Hour), EventTimeEnd: day(3).Add(6 * time.Hour)})
	s.want("02a4/4 03d4/4 04c4/4 05c4/4", perDays)
	s.buildMicro("2024-01-04 10:00", "e", 30, runner.BuildOptions{FullRefresh: true})
	s.want("02e4/4 03e4/4 04e4/4", perDays)
	s.sound()
}

// Many batches are inserted in several steps, with the published rows in the first.
func TestMicrobatchManyBatches(t *testing.T) {
	s := newShop(t, strings.Replace(perDay, "lookback=1", "lookback=200, on_schema_change='append_new_columns'", 1))
	s.buildMicro("2024-07-01 10:00", "a", 1000, runner.BuildOptions{})
	s.want("728", "select count(*) from latest.m")
	s.write(strings.ReplaceAll(strings.Replace(perDay, "lookback=1", "lookback=120, on_schema_change='append_new_columns'", 1), "'{{ model.batch.id }}' as batch", "1 as more"))
	b := s.buildMicro("2024-07-01 10:00", "b", 1000, runner.BuildOptions{})
	s.want("244 484 244 484", "select count(*) filter (build = 'a') || ' ' || count(*) filter (build = 'b') || ' ' || count(batch) || ' ' || count(more) from latest.m")
	if n := node(t, b, "m"); len(n.Batches) != 121 || n.Rows != 728 {
		t.Errorf("%d batches, %d rows", len(n.Batches), n.Rows)
	}
	s.vars = nil
	rep, err := s.open().Replay(t.Context(), b.Run.ID)
	if err != nil || !rep.OK() || node(t, rep, "m").Rows != 728 {
		t.Errorf("%v\n%s", err, describe(rep))
	}
	s.sound()
}

func TestMicrobatchConfig(t *testing.T) {
	for config, want := range map[string]string{
		"batch_size='day', begin='2024-01-01'":                                        "microbatch needs event_time",
		"event_time='ts', begin='2024-01-01'":                                         "microbatch needs batch_size",
		"event_time='ts', batch_size='days', begin='2024-01-01'":                      `batch_size is 'days'; did you mean "day"?`,
		"event_time='ts', batch_size='day'":                                           "microbatch needs begin",
		"event_time='ts', batch_size='day', begin='soon'":                             "begin is 'soon', which is no time",
		"event_time='ts', batch_size='day', begin='2024-01-01', lookback='2'":         "lookback must be a whole number",
		"event_time='ts', batch_size='day', begin='2024-01-01', unique_key='i'":       "it has no unique_key",
		"event_time='ts', batch_size='day', begin='2024-01-01', concurrent_batches=2": "concurrent_batches must be true or false",
	} {
		s := newShop(t, "-- models/m.sql --\n{{ config(materialized='incremental', incremental_strategy='microbatch', "+config+") }}\nselect 1 as i, timestamp '2024-01-01' as ts\n")
		if err := s.open().Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "models/m.sql:1:") {
			t.Errorf("%s: %v", config, err)
		}
	}
	s := newShop(t, "-- models/m.sql --\n{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', batch_size='day', begin='2024-01-01') }}\nselect 1 as i, timestamp '2024-01-01' as atx\n")
	if err := node(t, s.try(runner.BuildOptions{}), "m").Err; err == nil || !strings.Contains(err.Error()+hintOf(err), "the column at of event_time is not in the SELECT") {
		t.Errorf("%v", err)
	}
	s = newShop(t, strings.Replace(perDay, "batch_size='day'", "batch_size='hour'", 1))
	s.vars = map[string]any{"build": "a", "upto": 1}
	if err := node(t, s.try(runner.BuildOptions{}), "m").Err; err == nil || !strings.Contains(err.Error(), "more than 10000 batches of one hour") {
		t.Errorf("%v", err)
	}
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, o := range []runner.BuildOptions{{EventTimeStart: at}, {EventTimeStart: at, EventTimeEnd: at}} {
		if _, err := s.open().Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--event-time-") {
			t.Errorf("%v", err)
		}
	}
}

package runner_test

import (
	"errors"
	"strings"
	"testing"

	"warehouse/runner"
)

const guardShop = `
-- models/revenue.sql --
select * from (values
  (date '2026-01-01', {{ var('jan', 100) }}),
  (date '2026-02-01', 200),
  (date_trunc('month', current_date)::date, {{ var('open', 5) }})) v(order_month, revenue)
{% if var('late', false) %}union all select date '2026-01-15', 1{% endif %}
-- models/schema.yml --
models:
  - name: revenue
    config:
      primary_key: [order_month]
      closed: "order_month < date_trunc('month', {{ as_of }})"
`

func TestClosedPeriod(t *testing.T) {
	s := newShop(t, guardShop)
	s.build(runner.BuildOptions{}) // nothing is published yet: the guard passes
	if !strings.Contains(s.messages(runner.EventLog), "revenue has guards, and no published run yet") {
		t.Error("nobody said that the guard had nothing to compare with")
	}
	s.vars = map[string]any{"open": 6}
	s.build(runner.BuildOptions{}) // the open month may change

	for name, vars := range map[string]map[string]any{"a closed value changed": {"jan": 101}, "a row was added to a closed month": {"late": true}} {
		s.vars = vars
		rep := s.try(runner.BuildOptions{})
		if rep.OK() || rep.Publication != 0 || len(rep.Restated) != 1 || rep.Restated[0].Guard != "closed" || rep.Restated[0].Rows != 1 {
			t.Errorf("%s: published %d, %+v", name, rep.Publication, rep.Restated)
		}
		s.want("100 200 6", "select string_agg(revenue, ' ' order by order_month) from latest.revenue")

		// It stays unpublished until somebody says why.
		_, err := s.open().PlanPublish(t.Context(), rep.Run.ID, runner.PublishOptions{})
		var restated *runner.RestatedError
		if !errors.As(err, &restated) || !strings.Contains(restated.Hint(), "--accept revenue") {
			t.Errorf("%s: publish: %v", name, err)
		}
		if _, err := s.open().PlanPublish(t.Context(), rep.Run.ID, runner.PublishOptions{Accept: []string{"revenue"}}); err == nil {
			t.Errorf("%s: accepted without a reason", name)
		}
	}
	s.vars = map[string]any{"jan": 101}
	rep := s.try(runner.BuildOptions{})
	var usage *runner.UsageError
	_, err := s.open().PlanPublish(t.Context(), rep.Run.ID, runner.PublishOptions{Accept: []string{"revenu"}, Reason: "a slip"})
	if !errors.As(err, &usage) || usage.Advice != "did you mean revenue?" {
		t.Errorf("a mart that there is not: %v", err)
	}
	m, err := s.open().PlanPublish(t.Context(), rep.Run.ID, runner.PublishOptions{Accept: []string{"Revenue"}, Reason: "an invoice was wrong"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.open().Move(t.Context(), m, "an invoice was wrong"); err != nil {
		t.Fatal(err)
	}
	s.want("101", "select min(revenue) from latest.revenue where order_month = date '2026-01-01'")
	s.want("an invoice was wrong", "select reason from run_publication order by seq desc limit 1")
}

func TestMaxChange(t *testing.T) {
	s := newShop(t, `
-- models/m.sql --
select i as id, i * {{ var('k', 10) }} as v from range({{ var('n', 100) }}) t(i)
-- models/schema.yml --
models:
  - name: m
    config:
      primary_key: [id]
      max_change: {rows_added: 10%, rows_removed: 0, sum: {v: 25%}}
`)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"n": 110}
	s.build(runner.BuildOptions{}) // exactly 10 %
	for _, c := range []struct {
		vars map[string]any
		what string
	}{
		{map[string]any{"n": 122}, "12 rows added, of 110 that are live; at most 10%"},
		{map[string]any{"n": 109}, "1 row removed, of 110 that are live; at most 0"},
		{map[string]any{"n": 110, "k": 20}, "the sum of v goes from 59950 to 119900, which is more than 25%"},
	} {
		s.vars = c.vars
		rep := s.try(runner.BuildOptions{})
		if rep.OK() || len(rep.Restated) != 1 || rep.Restated[0].What != c.what {
			t.Errorf("%v: %+v", c.vars, rep.Restated)
		}
	}
	s.want("110", "select count(*) from latest.m")
}

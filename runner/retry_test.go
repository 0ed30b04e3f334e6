package runner_test

import (
	"testing"

	"warehouse/runner"
)

// TestRetryElsewhere: what a first try stored in another table goes with it.
func TestRetryElsewhere(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select 1 as id
-- models/v.sql --
select 2 as id
-- models/bad.sql --
select cast('x' || id as integer) as id from {{ ref('a') }}
`)
	first := s.try(runner.BuildOptions{})
	if first.OK() {
		t.Fatal("the first try is meant to fail")
	}
	s.write(`
-- models/a.sql --
{{ config(alias='moved') }} select 1 as id
-- models/v.sql --
{{ config(materialized='view') }} select 2 as id
-- models/bad.sql --
select id from {{ ref('a') }}
`)
	rep, err := s.open().Retry(t.Context(), "")
	if err != nil || !rep.OK() || rep.Run.ID != first.Run.ID {
		t.Fatal(err, rep)
	}
	s.want("0", "select count(*) from main.a")
	s.want("1", "select count(*) from main.moved")
	s.want("0", "select count(*) from main.v")
	s.want("2", "select id from latest.v")
	s.sound()
}

package runner_test

import (
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/sqltext"
)

// Lint of a Trino target says where DuckDB would compute something else, at the
// place in the model or in the macro that printed it.
func TestTrinoLint(t *testing.T) {
	l := newLake(t, `
-- macros/share.sql --
{% macro share(a, b) %}{{ a }} / {{ b }}{% endmacro %}
-- models/m.sql --
select greatest(k, 1) as g,
  {{ share('k', '2') }} as s, cast(k as double) / 3 as d
from (values 1) as t(k)
`)
	rep, err := l.open().Lint(t.Context(), runner.LintOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Errors != 0 || len(rep.Findings) != 2 {
		t.Fatalf("%d errors, %+v", rep.Errors, rep.Findings)
	}
	for i, want := range []struct {
		rule sqltext.Rule
		at   string
	}{{sqltext.Division, "macros/share.sql:1:32"}, {sqltext.NullArgument, "models/m.sql:1:8"}} {
		f := rep.Findings[i]
		if f.Rule != want.rule || !f.Warn || !strings.Contains(f.Error.Error(), want.at) {
			t.Errorf("%s: %v; want %s at %s", f.Rule, &f.Error, want.rule, want.at)
		}
	}
}

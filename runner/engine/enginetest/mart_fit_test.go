package enginetest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/mart"
)

// columns reads "a INTEGER, b VARCHAR".
func columns(text string) []engine.Column {
	var cols []engine.Column
	for part := range strings.SplitSeq(text, ", ") {
		if name, typ, ok := strings.Cut(part, " "); ok {
			cols = append(cols, engine.Column{Name: name, Type: typ})
		}
	}
	return cols
}

func spec() mart.Spec {
	return mart.Spec{Table: engine.Relation{Schema: "main", Name: "m"}, Types: duckdb.Dialect().Types(),
		RunColumn: "run_id", CreatedColumn: "created_at"}
}

const head, tail = "run_id UUID, ", ", created_at TIMESTAMP WITH TIME ZONE"

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name, stored, sel string
		spec              func(*mart.Spec)
		create, add, into string // into: the stored column of each selected one
		errs              []string
	}{
		{name: "a new table", sel: "a INTEGER, b VARCHAR", create: head + "a INTEGER, b VARCHAR" + tail, into: "a b"},
		{name: "a new table without created-at", sel: "a INTEGER", spec: func(s *mart.Spec) { s.CreatedColumn = "" },
			create: "run_id UUID, a INTEGER", into: "a"},
		{name: "its own created_at", sel: "created_at DATE", spec: func(s *mart.Spec) { s.CreatedColumn = "" },
			create: "run_id UUID, created_at DATE", into: "created_at"},
		{name: "the same", stored: head + "a INTEGER" + tail, sel: "a INTEGER", into: "a"},
		{name: "another order and case", stored: head + "Aa INTEGER, b VARCHAR" + tail, sel: "B VARCHAR, aA INTEGER", into: "b Aa"},
		{name: "a new column", stored: head + "a INTEGER" + tail, sel: "b DATE, a INTEGER", add: "b DATE", into: "b a"},
		{name: "a column less", stored: head + "a INTEGER, b DATE" + tail, sel: "a INTEGER", into: "a"},
		{name: "a new type", stored: head + "a INTEGER" + tail, sel: "A BIGINT", add: "a~2 BIGINT", into: "a~2"},
		{name: "a third type", stored: head + "a INTEGER" + tail + ", a~2 BIGINT", sel: "a VARCHAR", add: "a~3 VARCHAR", into: "a~3"},
		{name: "back to the first type", stored: head + "a INTEGER" + tail + ", a~2 BIGINT", sel: "a INTEGER", into: "a"},
		{name: "back to the second type", stored: head + "a INTEGER" + tail + ", A~2 BIGINT, a~3 DATE", sel: "a BIGINT", into: "A~2"},
		{name: "a gap in the numbers", stored: head + "a INTEGER" + tail + ", a~3 BIGINT", sel: "a DATE", add: "a~2 DATE", into: "a~2"},
		{name: "another created-at column", stored: head + "a INTEGER" + tail, sel: "a INTEGER", spec: func(s *mart.Spec) { s.CreatedColumn = "built" },
			add: "built TIMESTAMP WITH TIME ZONE", into: "a"},
		{name: "no created-at column any more", stored: head + "a INTEGER" + tail, sel: "a INTEGER", spec: func(s *mart.Spec) { s.CreatedColumn = "" }, into: "a"},

		{name: "duplicates", sel: "a INTEGER, A DATE, b DATE, b DATE, b DATE",
			errs: []string{"duplicate column: two columns are named A", "duplicate column: two columns are named b"}},
		{name: "run id in the SELECT", sel: "Run_ID UUID, a INTEGER", errs: []string{"run id column: the SELECT returns a column Run_ID"}},
		{name: "created-at in the SELECT", sel: "CREATED_AT DATE", errs: []string{"created-at column: the SELECT returns a column CREATED_AT"}},
		{name: "a numbered column", sel: "a~2 DATE, b~x DATE, ~1 DATE", errs: []string{"reserved name: the column name a~2", "reserved name: the column name ~1"}},
		{name: "no key column", sel: "customer INTEGER", spec: func(s *mart.Spec) { s.Key = []string{"custmer", "CUSTOMER", "z"} },
			errs: []string{"key column: the key column custmer is not in the SELECT (did you mean customer?", "key column: the key column z is not in the SELECT (add it"}},
		{name: "all at once", stored: "score_run_id UUID, a INTEGER", sel: "a INTEGER, a DATE, run_id DATE, x~1 DATE", spec: func(s *mart.Spec) { s.Key = []string{"k"} },
			errs: []string{"duplicate column: ", "run id column: the SELECT", "reserved name: ", "run id column: the table m has no column run_id: its runs seem to be told apart by score_run_id (set run_id_column: score_run_id", "key column: "}},
		{name: "no table of ours", stored: "id INTEGER, a DATE", sel: "a DATE", errs: []string{"run id column: the table m has no column run_id: it is no table of this program"}},
		{name: "a run id of another type", stored: "run_id VARCHAR, a DATE", sel: "a DATE", errs: []string{"run id column: the table m stores run_id as VARCHAR"}},
		{name: "a created-at of another type", stored: "run_id UUID, a DATE, created_at DATE", sel: "a DATE", errs: []string{"created-at column: the table m stores created_at as DATE"}},
		{name: "an enforced key of a new type", stored: head + "k INTEGER" + tail, sel: "k BIGINT", spec: func(s *mart.Spec) { s.Key, s.KeyEnforced = []string{"k"}, true },
			errs: []string{"key column: the key column k is now BIGINT"}},
		{name: "fail, nothing changed", stored: head + "a INTEGER" + tail, sel: "A INTEGER", spec: func(s *mart.Spec) { s.OnSchemaChange = "fail" }, into: "a"},
		{name: "fail, back to a former type", stored: head + "a INTEGER" + tail + ", a~2 DATE", sel: "a DATE", spec: func(s *mart.Spec) { s.OnSchemaChange = "fail" }, into: "a~2"},
		{name: "fail", stored: head + "a INTEGER, b DATE" + tail, sel: "a BIGINT, c DATE", spec: func(s *mart.Spec) { s.OnSchemaChange = "fail" },
			errs: []string{"schema change: the columns of m changed, and on_schema_change is fail:\n  + c DATE\n  ~ a BIGINT, was INTEGER\n  - b DATE (set on_schema_change: evolve"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spec()
			if c.spec != nil {
				c.spec(&s)
			}
			plan, err := mart.Fit(s, columns(c.stored), columns(c.sel))
			if errs, ok := errors.AsType[mart.ColumnErrors](err); ok || err != nil {
				var got []string
				for _, e := range errs {
					got = append(got, fmt.Sprintf("%s: %s (%s", e.Problem, e.Msg, e.Hint()))
				}
				if len(got) != len(c.errs) {
					t.Fatalf("got %d errors, want %d:\n%s", len(got), len(c.errs), strings.Join(got, "\n"))
				}
				for i, want := range c.errs {
					if !strings.HasPrefix(got[i], want) {
						t.Errorf("got  %s\nwant %s", got[i], want)
					}
				}
				return
			}
			if len(c.errs) > 0 {
				t.Fatalf("no error, want %q", c.errs)
			}
			var create []engine.Column
			if plan.Create != nil {
				create = plan.Create.Columns
			}
			var into []string
			for _, col := range plan.Columns {
				into = append(into, col.Physical)
			}
			for what, pair := range map[string][2]string{
				"create": {fmt.Sprint(create), fmt.Sprint(columns(c.create))},
				"add":    {fmt.Sprint(plan.Add), fmt.Sprint(columns(c.add))},
				"into":   {strings.Join(into, " "), c.into},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s:\n got %s\nwant %s", what, pair[0], pair[1])
				}
			}
		})
	}
}

func TestFitKey(t *testing.T) {
	s := spec()
	s.Key, s.KeyEnforced = []string{"B", "a"}, true
	plan, err := mart.Fit(s, nil, columns("a DATE, b INTEGER"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(plan.Key, plan.Create.Key); got != "[b a] [run_id b a]" {
		t.Error(got)
	}
	if _, err := mart.Fit(mart.Spec{RunColumn: "run_id"}, nil, columns("a DATE")); err == nil {
		t.Error("a spec without types passes")
	}
}

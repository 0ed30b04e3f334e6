package runner_test

import (
	"strings"
	"testing"

	"warehouse/runner"
)

// contracted is a model m with a contract: its SELECT, its config beside the
// contract, and what YAML says below its name.
func contracted(sql, yml string) string {
	return "\n-- models/m.sql --\n" + sql + "\n-- models/schema.yml --\nmodels:\n  - name: m\n    config: {contract: {enforced: true}}\n" + yml
}

func TestContracts(t *testing.T) {
	for _, tt := range []struct{ name, sql, yml, want string }{
		{"types as the engine spells them", "select 1 as a, 'x' as b, 1.50::decimal(10,2) as c, [1, 2] as d, true as e, now() as f, 'y' as g",
			"    columns: [{name: a, data_type: int}, {name: B, data_type: text}, {name: c, data_type: 'numeric(10,2)'}, {name: d, data_type: 'int[]'}, {name: e, data_type: bool}, {name: f, data_type: timestamptz}, {name: g, data_type: string}]", ""},
		{"all that differs", "select 1 as id, 'red' as colour, true as extra",
			"    columns:\n      - {name: id, data_type: int}\n      - {name: colour, data_type: int}\n      - {name: day, data_type: date}",
			"models/schema.yml:6:16: m (models/m.sql) breaks its contract: colour is VARCHAR, not INTEGER as declared; day (DATE) is missing; extra (BOOLEAN) is not declared"},
		{"nothing is cast", "select 1::bigint as id, 1.5::decimal(9,2) as n", "    columns: [{name: id, data_type: int}, {name: n, data_type: 'decimal(10,2)'}]",
			"models/schema.yml:4:22: m (models/m.sql) breaks its contract: id is BIGINT, not INTEGER as declared; n is DECIMAL(9,2), not DECIMAL(10,2) as declared"},
		{"no such type", "select 1 as id", "    columns: [{name: id, data_type: itneger}]",
			`models/schema.yml:4:22: the contract of m: data_type "itneger" of column id: `},
		{"a view", "{{ config(materialized='view') }} select 'x' as id", "    columns: [{name: id, data_type: int}]",
			"models/schema.yml:4:22: m (models/m.sql) breaks its contract: id is VARCHAR, not INTEGER as declared"},
		{"not_null", "select nullif(i, 2) as id from range(4) t(i)", "    columns: [{name: id, data_type: bigint, constraints: [{type: not_null}]}]",
			"models/schema.yml:4:59: m (models/m.sql) breaks its contract: 1 row breaks not_null of id"},
		{"unique, check", "select i % 3 as id, i as n from range(5) t(i)",
			"    constraints: [{type: unique, columns: [ID]}, {type: check, expression: 'n < 3'}]\n    columns: [{name: id, data_type: bigint, constraints: [{type: check, expression: 'id >= 0'}]}, {name: n, data_type: bigint}]",
			"models/schema.yml:4:19: m (models/m.sql) breaks its contract: 2 rows break unique of id; 2 rows break check (n < 3)"},
		{"unique over two, NULL breaks nothing", "select i % 3 as a, nullif(i, 4) as b from range(5) t(i)",
			"    constraints: [{type: unique, columns: [a, b]}]\n    columns: [{name: a, data_type: bigint}, {name: b, data_type: bigint}]", ""},
		{"primary_key", "select i % 3 as id from range(5) t(i)", "    columns: [{name: id, data_type: bigint, constraints: [{type: primary_key}]}]",
			"the key (id) of m is broken"},
		{"a check that cannot be asked", "select 1 as id", "    columns: [{name: id, data_type: int, constraints: [{type: check, expression: 'idd > 0'}]}]",
			"models/schema.yml:4:56: the contract of m: check (idd > 0): "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, contracted(tt.sql, tt.yml))
			rep := s.try(runner.BuildOptions{})
			n := node(t, rep, "m")
			if tt.want == "" {
				if n.Err != nil {
					t.Fatal(n.Err)
				}
				return
			}
			if n.Err == nil || !strings.Contains(n.Err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", n.Err, tt.want)
			}
			if got := s.query("select count(*) from information_schema.tables where table_name = 'm'", ""); got != "0" {
				t.Error("a table was made")
			}
			s.sound()
		})
	}
}

func TestContractOrder(t *testing.T) {
	s := newShop(t, contracted("select 'x' as a, 'y' as b, 1 as c", "    columns: [{name: c, data_type: int}, {name: b, data_type: text}, {name: a, data_type: text}]"))
	s.build(runner.BuildOptions{})
	want := "c b a"
	s.want(want, "select string_agg(column_name, ' ' order by ordinal_position) from information_schema.columns where table_schema = 'latest' and table_name = 'm' and column_name not in ('run_id', 'created_at')")
	s.want("1 y x", "select c, b, a from m")
	// A later run that breaks it leaves the published one as it is.
	s.write("-- models/m.sql --\nselect 'x' as a, 'y' as b, 'z' as c\n")
	if rep := s.try(runner.BuildOptions{}); rep.OK() {
		t.Error("a broken contract was published")
	}
	s.want("1 y x", "select c, b, a from m")
	s.sound()
}

func TestContractWarnings(t *testing.T) {
	s := newShop(t, contracted("select 1 as id", "    columns: [{name: id, data_type: int, constraints: [{type: foreign_key, expression: x (id)}, {type: custom, expression: x}]}]"))
	s.build(runner.BuildOptions{})
	got := s.messages(runner.EventWarning)
	for _, want := range []string{"the constraint foreign_key of m is not enforced", "the constraint custom of m is not enforced"} {
		if !strings.Contains(got, want) {
			t.Errorf("no warning %q in\n%s", want, got)
		}
	}
	s = newShop(t, contracted("select 1 as id", "    columns: [{name: id, data_type: int, constraints: [{type: custom, expression: x, warn_unenforced: false}]}]"))
	s.build(runner.BuildOptions{})
	if got := s.messages(runner.EventWarning); got != "" {
		t.Errorf("warn_unenforced: false, and a warning: %s", got)
	}
	for _, tt := range []struct{ yml, want string }{
		{"    columns: []", "the contract of m names no columns"},
		{"    columns: [{name: id}]", "models/schema.yml:4:22: the contract of m: column id has no data_type"},
		{"    constraints: [{type: unique, columns: [idd]}]\n    columns: [{name: id, data_type: int}]", "did you mean id?"},
		{"    columns: [{name: id, data_type: int, constraints: [{type: check}]}]", "a check of m has no expression"},
	} {
		s := newShop(t, contracted("select 1 as id", tt.yml))
		if err := s.open().Check(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v\nwant %s", err, tt.want)
		}
	}
}

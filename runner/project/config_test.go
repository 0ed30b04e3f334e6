package project

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"warehouse/runner/jinja"
)

// configOf reads config as it would stand in a YAML entry.
func configOf(t testing.TB, text string) Config {
	t.Helper()
	f, n := parseYAML("x.yml", []byte(text))
	c := Config{}
	if n != nil {
		for _, p := range f.pairs(n, "config") {
			c[ConfigKey(p.key)] = f.configSetting(p, true)
		}
	}
	if err := f.errs.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMerge(t *testing.T) {
	for _, c := range []struct{ low, high, want string }{
		{"materialized: view", "materialized: mart", "materialized='mart'"},
		{"materialized: view", "enabled: false", "enabled=False materialized='view'"},
		{"tags: [a, b]", "tags: [b, c]", "tags=['a', 'b', 'c']"},
		{"tags: a", "+tags: c", "tags=['a', 'c']"},
		{"meta: {a: {x: 1, y: 2}, b: 1}", "meta: {a: {y: 3}, c: 4}", "meta={'a': {'x': 1, 'y': 3}, 'b': 1, 'c': 4}"},
		{"vars: {a: {x: 1}}", "vars: {a: {y: 3}}", "vars={'a': {'y': 3}}"},
		{"pre-hook: one", "pre_hook: [two]", "pre_hook=['one', 'two']"},
		{"primary_key: [a]", "primary_key: [b]", "primary_key=['b']"},
		{"created_at_column: x", "created_at_column: null", "created_at_column=None"},
		{"contract: {enforced: true}", "contract: {alias_types: false}", "contract={'enforced': True, 'alias_types': False}"},
	} {
		low := configOf(t, c.low)
		before := show2(low)
		if got := show2(Merge(low, configOf(t, c.high))); got != c.want {
			t.Errorf("%s + %s: got %s, want %s", c.low, c.high, got, c.want)
		}
		if show2(low) != before {
			t.Errorf("Merge changed its argument to %s", show2(low))
		}
	}
	if got := Merge(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func show2(c Config) string {
	var parts []string
	for _, k := range sortedKeys(c) {
		parts = append(parts, k+"="+jinja.Repr(c[k].Value))
	}
	return strings.Join(parts, " ")
}

func TestDecodeModel(t *testing.T) {
	c, errs := DecodeModel(configOf(t, `
materialized: table
run_id_column: score_run_id
created_at_column: null
primary_key: image_sk
primary_key_enforced: true
on_schema_change: append_new_columns
contract: {enforced: true}
tags: [a, b]
meta: {a: 1}
unique_key: [x, y]
full_refresh: false
retention: {keep_last: 3, monthly: 6mo}
vars: {n: 1}
closed: "d < {{ as_of }}"
max_change: {rows_added: 10%, rows_removed: 0, sum: {revenue: 1.5%}}
pre_hook: [a, {sql: b}]
docs: {show: false}
`))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	got := fmt.Sprintf("%s %v %s %q %v %v %s %v %v %v %v %v %v %v %q %v %v %v %d %d", c.Materialized, c.Enabled, c.RunIDColumn, c.CreatedAtColumn, c.PrimaryKey, c.PrimaryKeyEnforced,
		c.OnSchemaChange, c.ContractEnforced, c.Tags, c.Meta, c.UniqueKey, *c.FullRefresh, *c.Retention, c.Vars, c.Closed, *c.MaxChange.RowsAdded, *c.MaxChange.RowsRemoved,
		c.MaxChange.Sum, len(c.PreHook), len(c.Extra))
	want := `mart true score_run_id "" [image_sk] true evolve true [a b] map[a:1] [x y] false {3 0s 0s 0s 0s 4320h0m0s 0s} map[n:1] "d < {{ as_of }}" {10 true} {0 false} map[revenue:{1.5 true}] 2 1`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d, errs := DecodeModel(Config{})
	if d.Materialized != "mart" || !d.Enabled || d.RunIDColumn != "run_id" || d.CreatedAtColumn != "created_at" || d.OnSchemaChange != "evolve" || errs != nil {
		t.Errorf("defaults: %+v %v", d, errs)
	}
}

func TestDecodeModelErrors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"uniqe_key: [id]", `unknown key "uniqe_key" in the config of a model; did you mean "unique_key"?`},
		{"materialized: incremantal", `unknown materialized "incremantal"; did you mean "incremental"?`},
		{"materialized: [view]", "unknown materialized a list"},
		{"enabled: 1", "enabled must be true or false, not 1"},
		{"primary_key: [a, A]", `primary_key names the column "A" twice`},
		{"primary_key: {a: 1}", "primary_key must be a text or a list of texts, not a mapping"},
		{"run_id_column: ''", `run_id_column must be a column name, not ""`},
		{"run_id_column: created_at", `run_id_column and created_at_column are both "created_at"`},
		{`alias: "a\x01"`, `alias must be a name without control characters, not "a\x01"`},
		{"persist_docs: {relation: true}", "warning: persist_docs has no meaning here and is ignored"},
		{"on_schema_change: sync", `unknown on_schema_change "sync"`},
		{"meta: x", `meta must be a mapping, not "x"`},
		{"retention: 3", "retention must be rules such as {keep_last: 20, daily: 30d}, not 3"},
		{"retention: {keep_last: 2, keep_for: 0d}", ""},
		{"retention: {keep_for: 0}", `keep_for of retention: "0" is no age: write a number and a unit, such as 90m, 12h, 2d, 3w, 6mo or 1y`},
		{"max_change: {rows_added: -1}", "rows_added of max_change must be a number or a share such as 10%, not -1"},
		{"tolerance: some", `tolerance must be a number or a share such as 10%, not "some"`},
		{"tolerance: {price: -1}", "tolerance of price must be a number or a share such as 10%, not -1"},
		{"tolerance: {price: {absolut: 1, relative: 1}}", `unknown key "absolut" in tolerance of price; did you mean "absolute"?`},
		{"tolerance: {price: {absolute: 1%}}", "absolute of tolerance of price is a number, not a share; a share is relative"},
		{"tolerance: {price: 1, Price: 2}", `tolerance names the column "Price" twice`},
		{"pre_hook: 3", "pre_hook must be SQL, or a list of SQL texts, not 3"},
		{"enabled: null", ""},
	} {
		_, errs := DecodeModel(configOf(t, c.in))
		got := ""
		for _, e := range errs {
			if e.Warn {
				got += "warning: "
			}
			got += e.Msg
			if e.Pos.Line != 1 || e.Source == "" {
				t.Errorf("%s: no place: %+v", c.in, e)
			}
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestDecodeTest(t *testing.T) {
	c, errs := DecodeTest(configOf(t, `{severity: WARN, warn_if: ">1", error_if: "> 5", where: "x", limit: 3, store_failures: on, fail_calc: sum(n), tags: t, enabled: false}`))
	if got := fmt.Sprintf("%+v %v", c, errs); got != "{Severity:warn WarnIf:>1 ErrorIf:> 5 Where:x FailCalc:sum(n) Limit:3 StoreFailures:true StoreAs: Tags:[t] Meta:map[] Enabled:false Alias: Schema: Database: Group:} []" {
		t.Error(got)
	}
	c, _ = DecodeTest(nil)
	if got := fmt.Sprintf("%s %s %s %s %v", c.Severity, c.WarnIf, c.ErrorIf, c.FailCalc, c.Enabled); got != "error != 0 != 0 count(*) true" {
		t.Error(got)
	}
}

func TestParseAge(t *testing.T) {
	const day = 24 * time.Hour
	for in, want := range map[string]time.Duration{"90m": 90 * time.Minute, "12h": 12 * time.Hour, "2d": 2 * day, "3w": 21 * day, "6mo": 180 * day, "1y": 365 * day, "1 d": day,
		"": 0, "d": 0, "1": 0, "-1d": 0, "1.5d": 0, "1x": 0, "99999999999y": 0, "999999y": 0} {
		got, err := ParseAge(in)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
	if got, err := ParseAge("0d"); got != 0 || err != nil {
		t.Errorf("0d: %v %v", got, err)
	}
}

package runner_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"warehouse/runner"
	"warehouse/runner/artifact"
)

var updateArtifacts = flag.Bool("update-artifacts", false, "write testdata/artifacts anew")

// catalogue has one of each thing that a manifest holds.
const catalogue = `-- project.yml --
name: shop
version: 1.0.0
vars: {start: 2026-01-01}
models:
  +tags: [nightly]
target: dev
targets: {dev: {type: duckdb, path: target/warehouse.duckdb}}
-- models/schema.yml --
version: 2
sources:
  - name: raw
    description: what the shop writes
    loader: cron
    schema: main
    tables:
      - name: orders
        identifier: raw_orders
        description: every order
        loaded_at_field: seen
        freshness: {warn_after: {count: 1, period: day}, error_after: {count: 2, period: day}}
        columns:
          - name: id
            data_tests: [not_null]
models:
  - name: orders
    description: "{{ doc('orders') }}"
    config:
      meta: {owner: ann}
      primary_key: [id]
      contract: {enforced: false}
    columns:
      - name: id
        description: the order
        data_type: integer
        data_tests:
          - unique
          - not_null
          - relationships: {to: ref('stg'), field: id, config: {severity: warn, where: "id > 0"}}
      - name: status
        data_tests:
          - accepted_values: {arguments: {values: [open]}, config: {severity: warn}}
exposures:
  - name: board
    type: dashboard
    maturity: high
    url: https://example.com/board
    owner: {name: Ann, email: ann@example.com, team: sales}
    depends_on:
      - ref('orders')
      - source('raw', 'orders')
groups:
  - name: sales
    owner: {name: Ann}
unit_tests:
  - name: keeps_open
    model: orders
    given:
      - {input: ref('stg'), rows: [{id: 1, status: open}]}
    expect: {rows: [{id: 1}]}
macros:
  - name: cents
    description: money
    arguments: [{name: x, type: column, description: what}]
-- models/docs.md --
{% docs orders %}
Orders, *one* a row.
{% enddocs %}
-- models/staging/stg.sql --
{{ config(materialized='view') }}
select id, status from {{ source('raw', 'orders') }}
-- models/staging/eph.sql --
{{ config(materialized='ephemeral') }}
select * from {{ ref('stg') }}
-- models/orders.sql --
select id, status, {{ cents('id') }} as amount from {{ ref('eph') }}
-- models/broken.sql --
{{ config(group='sales') }}
select error('no such luck') as x from {{ ref('orders') }}
-- models/below.sql --
select * from {{ ref('broken') }}
-- models/off.sql --
{{ config(enabled=false) }}
select 1 as x
-- macros/cents.sql --
{% macro cents(x) %}({{ x }} * 100){% endmacro %}

{% test positive(model, column_name) %}
select * from {{ model }} where {{ column_name }} <= 0
{% endtest %}
-- tests/no_order_is_negative.sql --
select * from {{ ref('orders') }} where id < 0
`

// newCatalogue builds the project's raw table.
func newCatalogue(t *testing.T) *shop {
	s := newShop(t, catalogue)
	if err := os.MkdirAll(filepath.Join(s.dir, "target"), 0o777); err != nil {
		t.Fatal(err)
	}
	s.alter("CREATE TABLE main.raw_orders AS SELECT * FROM (VALUES (1, 'open', now()), (2, 'paid', now())) AS t(id, status, seen)")
	return s
}

func (s *shop) artifacts(r *runner.Runner, o runner.ArtifactOptions) string {
	s.t.Helper()
	if err := r.WriteArtifacts(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
	return filepath.Join(s.dir, "target")
}

func TestArtifacts(t *testing.T) {
	s := newCatalogue(t)
	r := s.open()
	first, err := r.Build(t.Context(), runner.BuildOptions{Exclude: []string{"broken+"}, RunID: "01900000-0000-7000-8000-000000000001"})
	if err != nil || !first.OK() {
		t.Fatalf("%+v %v", first, err)
	}
	report, err := r.Build(t.Context(), runner.BuildOptions{RunID: "01900000-0000-7000-8000-000000000002"})
	if err != nil || report.OK() {
		t.Fatalf("%+v %v", report, err)
	}
	dir := s.artifacts(r, runner.ArtifactOptions{Which: "build", Report: report})

	m, err := artifact.ReadManifest(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	results, err := artifact.ReadRunResults(filepath.Join(dir, "run_results.json"))
	if err != nil {
		t.Fatal(err)
	}
	status := map[string]string{}
	for _, res := range results.Results {
		status[res.UniqueID] = res.Status
		status[strings.TrimSuffix(res.UniqueID, filepath.Ext(res.UniqueID))] = res.Status // a data test without its hash
		if m.Nodes[res.UniqueID] == nil && m.UnitTests[res.UniqueID] == nil {
			t.Errorf("%s is in run_results.json and not in manifest.json", res.UniqueID)
		}
	}
	for id, want := range map[string]string{"model.shop.orders": "success", "model.shop.broken": "error", "model.shop.below": "skipped",
		"test.shop.not_null_orders_id": "pass"} {
		if status[id] != want {
			t.Errorf("%s is %q, want %q", id, status[id], want)
		}
	}
	for id, n := range m.Nodes {
		if n.Compiled == nil || n.CompiledPath == nil {
			if status[id] == "fail" || status[id] == "warn" || status[id] == "error" {
				t.Errorf("%s has no SQL in a file", id)
			}
			continue
		}
		file := filepath.Join(s.dir, filepath.FromSlash(*n.CompiledPath))
		if sql, err := os.ReadFile(file); err != nil || string(sql) != *n.CompiledCode {
			t.Errorf("%s: %s is not its SQL: %v", id, file, err)
		}
	}
	// What is compiled names the relations of the manifest.
	orders, stg := m.Nodes["model.shop.orders"], m.Nodes["model.shop.stg"]
	if !strings.Contains(*orders.CompiledCode, *stg.RelationName) {
		t.Errorf("the SQL of orders does not name %s:\n%s", *stg.RelationName, *orders.CompiledCode)
	}
	for _, name := range []string{"manifest.json", "run_results.json", "catalog.json"} {
		goldenArtifact(t, s.dir, filepath.Join(dir, name))
	}
	readers(t, dir)
}

// A second writing of the same gives the same bytes but for the time of writing.
func TestArtifactsAreStable(t *testing.T) {
	s := newCatalogue(t)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	s.change = func(c *runner.Config) { c.Now = func() time.Time { return now } }
	r := s.open()
	report, err := r.Build(t.Context(), runner.BuildOptions{Exclude: []string{"broken+"}})
	if err != nil {
		t.Fatal(err)
	}
	o := runner.ArtifactOptions{Which: "build", Report: report}
	var before [3][]byte
	for i, name := range []string{"manifest.json", "run_results.json", "catalog.json"} {
		path := filepath.Join(s.artifacts(r, o), name)
		before[i], _ = os.ReadFile(path)
		s.artifacts(r, o)
		if after, _ := os.ReadFile(path); !bytes.Equal(before[i], after) {
			t.Errorf("%s differs from one writing to the next", name)
		}
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, "target"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && strings.Contains(e.Name(), ".json") {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestArtifactsOfTests(t *testing.T) {
	s := newCatalogue(t)
	r := s.open()
	if _, err := r.Build(t.Context(), runner.BuildOptions{Exclude: []string{"broken+"}}); err != nil {
		t.Fatal(err)
	}
	report, err := r.Test(t.Context(), runner.TestOptions{Select: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := s.artifacts(r, runner.ArtifactOptions{Which: "test", Report: report, Dir: "elsewhere/deep"})
	dir = filepath.Join(filepath.Dir(dir), "elsewhere", "deep")
	res, err := artifact.ReadRunResults(filepath.Join(dir, "run_results.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range res.Results {
		if strings.HasPrefix(n.UniqueID, "test.shop.accepted_values_orders_status__open.") {
			if n.Status != artifact.Warn || *n.Failures != 1 || *n.Message != "Got 1 result, configured to warn if != 0" {
				t.Errorf("%s %d %s", n.Status, *n.Failures, *n.Message)
			}
			return
		}
	}
	t.Errorf("%d results, accepted_values is not among them", len(res.Results))
}

// A folder that cannot be written is an error that names the files, and what
// was there before stays.
func TestArtifactsReadOnly(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	s := newCatalogue(t)
	r := s.open()
	dir := s.artifacts(r, runner.ArtifactOptions{})
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o777)
	if err := r.WriteArtifacts(t.Context(), runner.ArtifactOptions{}); err == nil {
		t.Error("no error")
	}
}

// Links in the target's folder lead nowhere.
func TestCompiledStaysInside(t *testing.T) {
	s := newCatalogue(t)
	outside := t.TempDir()
	if err := os.MkdirAll(filepath.Join(s.dir, "target"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(s.dir, "target", "compiled")); err != nil {
		t.Skip(err)
	}
	r := s.open()
	nodes, err := r.Compile(t.Context(), runner.CompileOptions{Select: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WriteArtifacts(t.Context(), runner.ArtifactOptions{Compiled: nodes}); err == nil {
		t.Error("no error")
	}
	if files, _ := os.ReadDir(outside); len(files) > 0 {
		t.Errorf("%s was written outside the folder", files[0].Name())
	}
}

func TestArtifactsHideSecrets(t *testing.T) {
	s := newShop(t, `-- models/m.sql --
select '{{ env_var('WAREHOUSE_SECRET_KEY') }}' as k
`)
	s.env = map[string]string{"WAREHOUSE_SECRET_KEY": "hush-hush"}
	r := s.open()
	report, err := r.Build(t.Context(), runner.BuildOptions{})
	if err != nil || !report.OK() {
		t.Fatalf("%+v %v", report, err)
	}
	dir := s.artifacts(r, runner.ArtifactOptions{Which: "build", Report: report})
	for _, name := range []string{"manifest.json", "run_results.json", "catalog.json", "compiled/shop/models/m.sql"} {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("hush-hush")) {
			t.Errorf("%s holds the secret", name)
		}
	}
}

var volatile = []*regexp.Regexp{
	regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`),
	regexp.MustCompile(`("(?:created_at|execution_time|elapsed_time)": )[0-9.e+-]+`),
}

// goldenArtifact compares a file with testdata/artifacts, without what differs
// from run to run, and in the order of ids.
func goldenArtifact(t *testing.T, dir, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(path) == "run_results.json" {
		data = sortResults(t, data)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", " "); err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(b.String(), dir, "DIR")
	got = volatile[0].ReplaceAllString(got, `"TIME"`)
	got = volatile[1].ReplaceAllString(got, "${1}0")
	golden := filepath.Join("testdata", "artifacts", filepath.Base(path))
	if *updateArtifacts {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			from := max(0, i-5)
			t.Fatalf("%s, line %d:\n%s\n--- want\n%s", golden, i+1, strings.Join(g[from:min(i+5, len(g))], "\n"), strings.Join(w[min(from, len(w)):min(i+5, len(w))], "\n"))
		}
	}
	t.Fatalf("%s ends early", golden)
}

func sortResults(t *testing.T, data []byte) []byte {
	t.Helper()
	var r artifact.RunResults
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	byID := map[string]artifact.RunResult{}
	for _, n := range r.Results {
		byID[n.UniqueID] = n
	}
	out, err := artifact.Marshal(map[string]any{"metadata": r.Metadata, "results": byID, "elapsed_time": r.ElapsedTime, "args": r.Args})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// readers runs programs of others on a folder, if there are any here.
func readers(t *testing.T, dir string) {
	t.Helper()
	python := os.Getenv("WAREHOUSE_READERS")
	if python == "" {
		t.Log("readers of others are left out: WAREHOUSE_READERS names no Python that has them (artifact/testdata/readers.py says which)")
		return
	}
	args := []string{filepath.Join("artifact", "testdata", "readers.py"), dir}
	if schemas := os.Getenv("WAREHOUSE_SCHEMAS"); schemas != "" {
		args = append(args, "--schemas", schemas)
	}
	out, err := exec.CommandContext(t.Context(), python, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

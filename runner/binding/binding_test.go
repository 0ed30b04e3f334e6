package binding_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"warehouse/runner/binding"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

var update = flag.Bool("update", false, "write the golden files anew")

// dialect has what texts need of an engine; the views are run on real engines
// in package runner's tests.
type dialect struct{ engine.Dialect }

func (dialect) Catalog() string                { return "warehouse" }
func (dialect) MemoryCatalog() string          { return "memory" }
func (dialect) RunLiteral(runID string) string { return engine.Literal(runID) + "::UUID" }
func (dialect) Fail(msg string) string         { return "error(" + engine.Literal(msg) + ")" }
func martRecord(model, runID string) history.ModelRecord {
	return history.ModelRecord{RunID: runID, DataRunID: runID, Model: model, Kind: "mart", Layout: history.Layout{
		Schema: "main", Table: model, RunColumn: "run_id", CreatedColumn: "created_at",
		Columns: []mart.Column{{Name: "id", Type: "INTEGER", Physical: "id"}, {Name: "v", Type: "DOUBLE", Physical: "v~2"}}}}
}

func snapshot() (history.Snapshot, map[string]history.ModelRecord) {
	recs := map[string]history.ModelRecord{
		"orders":  martRecord("orders", "r-1"),
		"unread":  martRecord("unread", "r-2"),
		`it's "x`: martRecord(`it's "x`, "r-1"),
		"a_view": {Model: "a_view", RunID: "r-1", Kind: "view",
			CompiledSQL: `select "memory"."run__ref"."b_view".n, 'memory.run__ref.orders' as text -- run__ref.orders
from "memory"."run__ref"."b_view" join "warehouse"."raw"."events" as e on e.id = n`,
			Layout: history.Layout{Columns: []mart.Column{{Name: "n", Type: "BIGINT"}, {Name: "text", Type: "VARCHAR"}}}},
		"b_view": {Model: "b_view", RunID: "r-1", Kind: "view",
			CompiledSQL: `select count(*) as n from memory.run__ref.Orders, "run__ref"."it's ""x" x`},
	}
	recs[`it's "x`] = func() history.ModelRecord {
		r := recs[`it's "x`]
		r.Layout.RunColumn, r.Layout.CreatedColumn, r.Layout.Schema, r.Layout.Table = "score run", "", "deep", "aliased"
		return r
	}()
	s := history.Snapshot{Publication: 7, Run: "r-1", Marts: map[string]string{}}
	for name, r := range recs {
		s.Marts[name] = r.RunID
	}
	return s, recs
}

func golden(t *testing.T, name string, views []binding.View) {
	t.Helper()
	var b strings.Builder
	for _, v := range views {
		b.WriteString(v.SQL + ";\n\n")
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}

func TestViewTexts(t *testing.T) {
	s, recs := snapshot()
	for name, kind := range map[string]binding.Kind{"latest": binding.Latest, "previous": binding.Previous, "v1.0-rc": binding.Literal} {
		views, err := binding.Stored(dialect{}, "sto rage", name, kind, s, recs)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".sql", views)
		for _, v := range views {
			body := strings.SplitN(v.SQL, "AS\n", 2)[1]
			if strings.Contains(body, `"warehouse".`) {
				t.Errorf("the catalog is in a stored view:\n%s", body)
			}
		}
	}
	views, err := binding.Memory(dialect{}, s, recs)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "memory.sql", views)
	golden(t, "standin.sql", []binding.View{binding.StandIn(dialect{}, `a "b"`, []engine.Column{{Name: "x y", Type: "ENUM('a')"}, {Name: "n", Type: "INTEGER"}})})
}

// The digest of a view changes with its definition, its columns' types, and
// what it reads; with nothing else.
func TestDigests(t *testing.T) {
	digests := func(change func(history.Snapshot, map[string]history.ModelRecord)) map[string]string {
		s, recs := snapshot()
		change(s, recs)
		views, err := binding.Stored(dialect{}, "main", "latest", binding.Latest, s, recs)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, v := range views {
			out[v.Schema+"."+v.Name] = v.Digest
		}
		return out
	}
	base := digests(func(history.Snapshot, map[string]history.ModelRecord) {})
	for name, tc := range map[string]struct {
		change func(history.Snapshot, map[string]history.ModelRecord)
		want   string
	}{
		"another run": {func(s history.Snapshot, recs map[string]history.ModelRecord) {
			s.Marts["orders"], s.Publication = "r-9", 8
		}, ""},
		"a type below": {func(_ history.Snapshot, recs map[string]history.ModelRecord) {
			r := recs["orders"]
			r.Layout.Columns = []mart.Column{{Name: "id", Type: "BIGINT", Physical: "id"}}
			recs["orders"] = r
		}, "latest.a_view latest.b_view latest.orders latest__ref.orders"},
		"another mart": {func(_ history.Snapshot, recs map[string]history.ModelRecord) {
			r := recs["unread"]
			r.Layout.CreatedColumn = ""
			recs["unread"] = r
		}, "latest.unread"},
		"a view's own columns": {func(_ history.Snapshot, recs map[string]history.ModelRecord) {
			r := recs["a_view"]
			r.Layout.Columns = []mart.Column{{Name: "n", Type: "BIGINT"}, {Name: "text", Type: "BLOB"}}
			recs["a_view"] = r
		}, "latest.a_view"},
	} {
		var changed []string
		for _, k := range []string{"latest.a_view", "latest.b_view", "latest.aliased", "latest.orders", "latest.unread", `latest__ref.it's "x`, "latest__ref.orders"} {
			if got, ok := digests(tc.change)[k]; !ok {
				t.Errorf("no %s", k)
			} else if got != base[k] {
				changed = append(changed, k)
			}
		}
		if got := strings.Join(changed, " "); got != tc.want {
			t.Errorf("%s: changed %q, want %q", name, got, tc.want)
		}
	}
}

func TestViewsThatReadEachOther(t *testing.T) {
	s := history.Snapshot{Marts: map[string]string{"a": "r", "b": "r"}}
	recs := map[string]history.ModelRecord{
		"a": {Model: "a", Kind: "view", CompiledSQL: "select * from run__ref.b"},
		"b": {Model: "b", Kind: "view", CompiledSQL: "select * from run__ref.a"},
	}
	if _, err := binding.Stored(dialect{}, "main", "latest", binding.Latest, s, recs); err == nil || !strings.Contains(err.Error(), "a → b → a") {
		t.Errorf("Stored: %v", err)
	}
	if _, err := binding.Memory(dialect{}, s, recs); err == nil || !strings.Contains(err.Error(), "a → b → a") {
		t.Errorf("Memory: %v", err)
	}
	var none *binding.NoRecordError
	if _, err := binding.Memory(dialect{}, history.Snapshot{Marts: map[string]string{"x": "r-1"}}, nil); !errors.As(err, &none) {
		t.Errorf("no record: %v", err)
	}
}

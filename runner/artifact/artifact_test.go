package artifact_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"warehouse/runner/artifact"
)

func put(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file with fields of a later version, and with parts that have no struct
// here, is read; what is known of it is written again.
func TestReadIsLenient(t *testing.T) {
	path := put(t, `{
		"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.99.0", "new": 1, "project_name": "shop"},
		"nodes": {"model.shop.m": {"name": "m", "resource_type": "model", "database": null, "fqn": ["shop", "m"], "config": {"materialized": "table", "new": [1]},
			"version": 2, "newer": {"x": 1}, "columns": {"id": {"name": "id", "quote": true}}}},
		"metrics": {"metric.shop.x": {"name": "x", "type": "simple"}},
		"exposures": {"exposure.shop.e": {"name": "e", "owner": {"email": ["a@b.c"], "name": "Ann", "team": "x"}}},
		"later": []}`)
	m, err := artifact.ReadManifest(path)
	if err != nil {
		t.Fatal(err)
	}
	n := m.Nodes["model.shop.m"]
	if n.Config["materialized"] != "table" || n.Version != 2.0 || !*n.Columns["id"].Quote || *m.Metadata.ProjectName != "shop" {
		t.Errorf("%+v", n)
	}
	again := filepath.Join(t.TempDir(), "b.json")
	if err := artifact.WriteManifest(again, m); err != nil {
		t.Fatal(err)
	}
	back, err := artifact.ReadManifest(again)
	if err != nil {
		t.Fatal(err)
	}
	if back.Metadata.SchemaVersion != artifact.ManifestSchema || !strings.Contains(string(back.Metrics["metric.shop.x"]), `"simple"`) {
		t.Errorf("%+v", back)
	}
	if !reflect.DeepEqual(m.Exposures, back.Exposures) || back.Exposures["exposure.shop.e"].Owner.Extra["team"] != "x" {
		t.Errorf("%+v", back.Exposures["exposure.shop.e"])
	}
}

func TestReadRefuses(t *testing.T) {
	results := put(t, `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}, "results": []}`)
	var kind *artifact.KindError
	if _, err := artifact.ReadManifest(results); !errors.As(err, &kind) || kind.Schema != artifact.RunResultsSchema {
		t.Errorf("run results as a manifest: %v", err)
	}
	if _, err := artifact.ReadCatalog(put(t, `{}`)); !errors.As(err, &kind) || kind.Schema != "" {
		t.Errorf("an object: %v", err)
	}
	if _, err := artifact.ReadSourceFreshness(put(t, `{`)); err == nil || errors.As(err, &kind) {
		t.Errorf("half a file: %v", err)
	}
	if _, err := artifact.ReadRunResults(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := artifact.ReadRunResults(results); err != nil {
		t.Error(err)
	}
}

// A node that is no model has none of a model's fields.
func TestFieldsOfKinds(t *testing.T) {
	seed, err := artifact.Marshal(&artifact.Node{ResourceType: "seed", DependsOn: artifact.DependsOn{Macros: []string{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"refs"`, `"nodes"`, `"compiled"`, `"access"`, `"column_name"`, `"test_metadata"`, `"language"`} {
		if strings.Contains(string(seed), field) {
			t.Errorf("a seed has %s: %s", field, seed)
		}
	}
	no := false
	model, err := artifact.Marshal(&artifact.Node{ResourceType: "model", Refs: []artifact.Ref{}, Compiled: &no, DependsOn: artifact.DependsOn{Nodes: []string{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"refs":[]`, `"nodes":[]`, `"compiled":false`, `"group":null`} {
		if !strings.Contains(string(model), field) {
			t.Errorf("a model has no %s: %s", field, model)
		}
	}
}

func TestSourceFreshness(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "sources.json")
	count, period := 1, "day"
	s := &artifact.SourceFreshness{Metadata: artifact.Metadata{SchemaVersion: artifact.SourcesSchema}, ElapsedTime: 0.5, Results: []artifact.SourceResult{
		{UniqueID: "source.shop.raw.a", Status: artifact.Warn, MaxLoadedAt: artifact.Time(time.Unix(0, 0)), Criteria: artifact.Freshness{WarnAfter: &artifact.FreshnessTime{Count: &count, Period: &period}}},
		{UniqueID: "source.shop.raw.b", Status: artifact.RuntimeError, Error: "no such table"},
	}}
	if err := artifact.WriteSourceFreshness(path, s); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"unique_id":"source.shop.raw.b","error":"no such table","status":"runtime error"}`; !strings.Contains(string(data), want) {
		t.Errorf("%s\nhas no %s", data, want)
	}
	back, err := artifact.ReadSourceFreshness(path)
	if err != nil {
		t.Fatal(err)
	}
	if back.Results[0].MaxLoadedAt != "1970-01-01T00:00:00.000000Z" || *back.Results[0].Criteria.WarnAfter.Period != "day" || back.Results[1].Error != "no such table" {
		t.Errorf("%+v", back.Results)
	}
}

// A write that fails leaves the file that was there, and nothing beside it.
func TestWriteIsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run_results.json")
	ok := &artifact.RunResults{Metadata: artifact.Metadata{SchemaVersion: artifact.RunResultsSchema}}
	if err := artifact.WriteRunResults(path, ok); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	if err := artifact.WriteRunResults(path, &artifact.RunResults{Args: map[string]any{"f": func() {}}}); err == nil {
		t.Error("a function was written")
	}
	if err := os.Mkdir(filepath.Join(dir, "catalog.json"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := artifact.WriteCatalog(filepath.Join(dir, "catalog.json"), &artifact.Catalog{}); err == nil {
		t.Error("a file took the place of a folder")
	}
	after, _ := os.ReadFile(path)
	if string(before) != string(after) {
		t.Error("the file has changed")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v %v", left, err)
	}
}

func FuzzReadManifest(f *testing.F) {
	f.Add(`{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, "nodes": {"a": null}}`)
	f.Add(`{"exposures": {"e": {"owner": []}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "m.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Skip(err)
		}
		m, err := artifact.ReadManifest(path)
		if err != nil {
			return
		}
		if err := artifact.WriteManifest(path, m); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

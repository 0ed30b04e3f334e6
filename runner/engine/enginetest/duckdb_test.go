package enginetest_test

import (
	"path/filepath"
	"testing"

	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/engine/enginetest"
)

func duckTarget(t *testing.T) engine.Target {
	t.Helper()
	return engine.Target{Name: "dev", Type: "duckdb", Path: filepath.Join(t.TempDir(), "sub", "w.duckdb")}
}

func TestDuckDB(t *testing.T) { enginetest.Run(t, duckdb.Engine(), duckTarget) }

func TestDuckDBInASchema(t *testing.T) {
	enginetest.Run(t, duckdb.Engine(), func(t *testing.T) engine.Target {
		target := duckTarget(t)
		target.Schema = "the marts"
		return target
	})
}

func TestDialect(t *testing.T) {
	enginetest.Golden(t, duckdb.Dialect(), filepath.Join("testdata", "duckdb.golden"))
}

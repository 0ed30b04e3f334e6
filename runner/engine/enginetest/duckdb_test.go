package enginetest_test

import (
	"path/filepath"
	"testing"

	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

func duckTarget(t *testing.T) engine.Target {
	t.Helper()
	return engine.Target{Name: "dev", Type: "duckdb", Path: filepath.Join(t.TempDir(), "w.duckdb")}
}

func TestSmoke(t *testing.T) {
	ctx := t.Context()
	db, err := duckdb.Engine().Open(ctx, duckTarget(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, q := range []string{"select 1 a, 2 A, {}", "selec", "-- x", "select 1; select 2", "pivot (select 1 a, 2 b) on a using sum(b)", "select nope", "select $1", "select 1 as d -- c", "tables", "from main.x", "select st_point(1,2)", "select * from 'http://x/y.parquet'"} {
		cols, err := c.Describe(ctx, q)
		t.Logf("%q %v %#v", q, cols, err)
	}
	t.Log(c.DB().Dialect().ChecksumScheme())
	rows, err := c.Query(ctx, db.Dialect().Layouts(""))
	t.Log(rows, err)
	rows.Close()
	_, err = c.Exec(ctx, "create table main.t(a int); ")
	t.Log(err)
	for _, q := range db.Dialect().(interface{ BeforeBuild() []string }).BeforeBuild() {
		_, err = c.Exec(ctx, q)
		t.Log(err)
	}
	for _, q := range db.Dialect().(interface{ AfterBuild() []string }).AfterBuild() {
		_, err = c.Exec(ctx, q)
		t.Log(err)
	}
	_, err = c.Exec(ctx, "create view memory.main.vv as select * from main.t")
	t.Log(err)
	_, err = c.Exec(ctx, db.Dialect().(engine.SearchPather).SearchPath(engine.Relation{Database: "memory", Schema: "main"}, engine.Relation{Database: "warehouse", Schema: "main"}))
	t.Log(err)
	_, err = c.Exec(ctx, "select * from vv, t")
	t.Log(err)
}

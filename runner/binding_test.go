package runner_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"warehouse/runner/binding"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// rows writes a run's rows of a mart: id 1, and v as given, in the physical
// column of its type.
func (g *target) rows(runID, model, typ, value string) history.ModelRecord {
	g.Helper()
	physical := "v"
	if typ != "INTEGER" {
		physical = "v~2"
	}
	table := engine.Relation{Database: "warehouse", Schema: "main", Name: model}.String()
	g.exec("CREATE TABLE IF NOT EXISTS " + table + " (run_id UUID, id INTEGER, v INTEGER, created_at TIMESTAMPTZ)")
	g.exec("ALTER TABLE " + table + " ADD COLUMN IF NOT EXISTS " + engine.Ident(physical) + " " + typ)
	g.exec(fmt.Sprintf("INSERT INTO %s (run_id, id, %s, created_at) VALUES ('%s', 1, %s, now())", table, engine.Ident(physical), runID, value))
	rec := record(runID, model)
	rec.Layout.Columns = []mart.Column{{Name: "id", Type: "INTEGER", Physical: "id"}, {Name: "v", Type: typ, Physical: physical}}
	return rec
}

func viewRecord(runID, model, sql string, columns ...string) history.ModelRecord {
	rec := history.ModelRecord{RunID: runID, Model: model, Attempt: 1, Kind: binding.ViewKind, Status: history.ModelSuccess, RowCount: -1, CompiledSQL: sql}
	for _, c := range columns {
		rec.Layout.Columns = append(rec.Layout.Columns, mart.Column{Name: c, Type: "INTEGER"})
	}
	return rec
}

// publishRun records and publishes a run, and syncs latest and previous.
func (g *target) publishRun(n int, recs ...history.ModelRecord) (latest, previous binding.Synced) {
	g.Helper()
	run := g.begin(n)
	g.must(g.reg.RecordModels(g.ctx, g.c, recs))
	run.Status = history.Success
	g.must(g.c.Atomic(g.ctx, func() error {
		g.must(g.reg.Finish(g.ctx, g.c, &run))
		g.publish(run.ID)
		latest, previous = g.sync()
		return nil
	}))
	return latest, previous
}

func (g *target) sync() (latest, previous binding.Synced) {
	g.Helper()
	live, err := g.reg.Live(g.ctx, g.c)
	g.must(err)
	before, err := g.reg.Previous(g.ctx, g.c)
	g.must(err)
	latest, err = g.syncOne("latest", binding.Latest, live)
	g.must(err)
	previous, err = g.syncOne("previous", binding.Previous, before)
	g.must(err)
	return latest, previous
}

func (g *target) syncOne(schema string, kind binding.Kind, s history.Snapshot) (binding.Synced, error) {
	g.Helper()
	recs, err := g.reg.Records(g.ctx, g.c, s)
	g.must(err)
	views, err := binding.Stored(g.db.Dialect(), "main", schema, kind, s, recs)
	if err != nil {
		return binding.Synced{}, err
	}
	return binding.Sync(g.ctx, g.c, g.reg, schema, views)
}

const abSQL = `select a.v || '-' || b.v as pair from "memory"."run__ref"."a" a join run__ref.b b using (id) -- comment`

func (g *target) twoRuns() {
	g.Helper()
	for n := 1; n <= 2; n++ {
		v := fmt.Sprint(n)
		g.publishRun(n, g.rows(id(n), "a", "INTEGER", v), g.rows(id(n), "b", "INTEGER", v),
			viewRecord(id(n), "ab", abSQL, "pair"),
			viewRecord(id(n), "z_of_ab", `select * from "memory"."run__ref"."ab"`, "pair"),
			viewRecord(id(n), "c_of_z", `select "memory"."run__ref"."z_of_ab"."pair", 'run__ref.a' as q from "memory"."run__ref"."z_of_ab"`, "pair", "q"))
	}
}

func (g *target) expect(want, query string) {
	g.Helper()
	got, err := g.tryText(query)
	if err != nil {
		got = "error: " + err.Error()
	}
	if got != want && !strings.HasPrefix(want, "error: ") || !strings.HasPrefix(got, want) {
		g.Errorf("%s: got %s, want %s", query, got, want)
	}
}

func TestStoredBindings(t *testing.T) {
	g := openTarget(t)
	g.twoRuns()
	all := `SELECT (SELECT pair FROM latest.ab) || ' ' || (SELECT pair FROM previous.ab) || ' ' || (SELECT pair FROM previous.c_of_z) || ' ' || (SELECT v FROM latest.a)`
	g.expect("2-2 1-1 1-1 2", all)
	g.expect("run_id id v created_at", columns("latest", "a"))
	g.expect("id v", columns("latest__ref", "a"))
	g.expect("pair", columns("latest", "ab"))
	g.expect("a b", `SELECT string_agg(view_name, ' ' ORDER BY view_name) FROM duckdb_views() WHERE schema_name = 'latest__ref'`)

	// A tag, then back: the views stay, the rows move.
	first, err := g.reg.Snapshot(g.ctx, g.c, 1)
	g.must(err)
	_, err = g.syncOne("v1.0-rc", binding.Literal, first)
	g.must(err)
	_, err = g.rollback()
	g.must(err)
	g.expect("1-1 2-2 2-2 1", all)
	g.expect("1-1", `SELECT pair FROM "v1.0-rc".c_of_z`)
	if l, p := g.sync(); l != (binding.Synced{Kept: 7}) || p != (binding.Synced{Kept: 7}) {
		t.Errorf("a rollback replaced views: %+v %+v", l, p)
	}

	// Under another name, attached under another name, read-only.
	g.close()
	moved := filepath.Join(t.TempDir(), "prod copy.duckdb")
	g.must(os.Rename(g.path, moved))
	g.attach(filepath.Join(t.TempDir(), "empty.duckdb"))
	g.exec("ATTACH '" + moved + "' AS prod (READ_ONLY)")
	g.exec("USE prod")
	g.expect("1-1 2-2 2-2 1", all)
	g.expect("1-1", `SELECT pair FROM "v1.0-rc".ab`)
	g.exec("USE warehouse")
	g.exec("DETACH prod")
	g.attach(moved)
	g.expect("1-1 2-2 2-2 1", all)

	g.must(binding.Remove(g.ctx, g.c, g.reg, "v1.0-rc"))
	g.expect("0", `SELECT count(*) FROM duckdb_schemas() WHERE schema_name LIKE 'v1.0-rc%'`)
	g.expect("1-1 2-2 2-2 1", all)
}

func columns(schema, view string) string {
	return fmt.Sprintf(`SELECT string_agg(column_name, ' ' ORDER BY column_index) FROM duckdb_columns() WHERE database_name = 'warehouse' AND schema_name = '%s' AND table_name = '%s'`, schema, view)
}

// Reading through latest scans one run's rows, and error() is not evaluated.
func TestLatestPrunes(t *testing.T) {
	g := openTarget(t)
	layout := history.Layout{Schema: "main", Table: "big", RunColumn: "run_id", Columns: []mart.Column{{Name: "id", Type: "BIGINT", Physical: "id"}, {Name: "v", Type: "BIGINT", Physical: "v"}}}
	g.exec("CREATE TABLE big (run_id UUID, id BIGINT, v BIGINT)")
	for n := 1; n <= 3; n++ {
		rec := record(id(n), "big")
		rec.Layout = layout
		g.exec("INSERT INTO big SELECT ?::uuid, i, i + ? FROM range(300000) t(i)", id(n), n)
		g.publishRun(n, rec)
	}
	g.exec("CHECKPOINT warehouse")
	scanned := regexp.MustCompile(`"operator_rows_scanned": (\d+)`)
	for schema, n := range map[string]int{"latest": 3, "previous": 2} {
		g.expect(fmt.Sprint(300000*n), "SELECT sum(v - id) FROM "+schema+".big")
		for _, q := range []string{
			"SELECT sum(v) FROM %s.big",
			"SELECT count(*) FROM %[1]s.big a JOIN %[1]s.big b USING (id) WHERE a.v <> b.v",
			"SELECT id FROM %s.big ORDER BY v DESC LIMIT 3",
		} {
			q = fmt.Sprintf(q, schema)
			var key, plan string
			g.must(g.c.QueryRow(g.ctx, "EXPLAIN (ANALYZE, FORMAT JSON) "+q, nil, &key, &plan))
			for _, m := range scanned.FindAllStringSubmatch(plan, -1) {
				if n, err := strconv.Atoi(m[1]); err != nil || n > 3*122_880 { // a run lies in three row groups
					t.Errorf("%s scanned %s rows", q, m[1])
				}
			}
			if !strings.Contains(plan, "Dynamic Filters") {
				t.Errorf("%s has no dynamic filter:\n%s", q, plan)
			}
		}
	}
}

// A published view is made anew only when its columns, or those of what it
// reads, differ; a rollback brings back the columns of that day.
func TestSyncReplacesWhatDiffers(t *testing.T) {
	g := openTarget(t)
	ab := func(n int) history.ModelRecord {
		return viewRecord(id(n), "ab", `select * from "memory"."run__ref"."a" a join "memory"."run__ref"."b" b using (id, v)`)
	}
	l, p := g.publishRun(1, g.rows(id(1), "a", "INTEGER", "1"), g.rows(id(1), "b", "INTEGER", "1"), ab(1))
	if l.Created != 5 || p != (binding.Synced{}) {
		t.Errorf("first: %+v %+v", l, p)
	}
	l, p = g.publishRun(2, g.rows(id(2), "a", "INTEGER", "2"), g.rows(id(2), "b", "INTEGER", "2"), ab(2))
	if l != (binding.Synced{Kept: 5}) || p.Created != 5 {
		t.Errorf("same columns: %+v %+v", l, p)
	}
	// a retypes v, and its view model changes with it; b stays.
	l, p = g.publishRun(3, g.rows(id(3), "a", "VARCHAR", "'3'"), g.rows(id(3), "b", "INTEGER", "3"), ab(3))
	if l != (binding.Synced{Replaced: 3, Kept: 2}) || p != (binding.Synced{Kept: 5}) {
		t.Errorf("retyped: %+v %+v", l, p)
	}
	g.expect("VARCHAR 3 INTEGER 2", `SELECT typeof(l.v) || ' ' || l.v || ' ' || typeof(p.v) || ' ' || p.v FROM latest.a l, previous.a p`)
	g.expect("1", `SELECT count(*) FROM latest.ab`)
	_, err := g.rollback()
	g.must(err)
	g.sync()
	g.expect("INTEGER 2 VARCHAR 3", `SELECT typeof(l.v) || ' ' || l.v || ' ' || typeof(p.v) || ' ' || p.v FROM latest.a l, previous.a p`)
	g.expect("1", `SELECT count(*) FROM latest.ab`)

	// A view that was dropped by hand comes back; one that is in no publication
	// any more goes.
	g.exec("DROP VIEW latest.b")
	if l, _ = g.sync(); l != (binding.Synced{Created: 1, Kept: 4}) {
		t.Errorf("dropped by hand: %+v", l)
	}
	_, err = g.reg.Publish(g.ctx, g.c, history.Publication{Action: history.Publish, RunID: id(3)}, map[string]string{"b": id(3)})
	g.must(err)
	if l, _ = g.sync(); l != (binding.Synced{Dropped: 4, Kept: 1}) {
		t.Errorf("left the project: %+v", l)
	}
	g.expect("error: ", `SELECT v FROM latest.a`)
	if bad := g.verify(); len(bad) > 0 {
		t.Error(bad)
	}
}

// What somebody else made in a schema is never replaced or dropped.
func TestSyncLeavesOthersAlone(t *testing.T) {
	g := openTarget(t)
	g.exec("CREATE SCHEMA latest")
	g.exec("CREATE VIEW latest.mine AS SELECT 7 AS x")
	g.twoRuns()
	g.expect("7", "SELECT x FROM latest.mine")
	for _, kind := range []string{"TABLE", "VIEW"} {
		g.exec("CREATE " + kind + ` latest."C" AS SELECT 8 AS x`)
		rec := g.rows(id(2), "c", "INTEGER", "1")
		s := history.Snapshot{Marts: map[string]string{"c": id(2)}}
		views, err := binding.Stored(g.db.Dialect(), "main", "latest", binding.Latest, s, map[string]history.ModelRecord{"c": rec})
		g.must(err)
		_, err = binding.Sync(g.ctx, g.c, g.reg, "latest", views)
		var taken *binding.TakenError
		if !errors.As(err, &taken) || taken.Kind != strings.ToLower(kind) {
			t.Errorf("%s in the way: %v", kind, err)
		}
		g.expect("8", "SELECT x FROM latest.c")
		g.exec("DROP " + kind + " latest.c")
	}
	g.must(binding.Remove(g.ctx, g.c, g.reg, "latest"))
	g.expect("7", "SELECT x FROM latest.mine")
}

// Engines compare names without case: a mart that is spelled otherwise is the
// same view.
func TestSyncOtherCase(t *testing.T) {
	g := openTarget(t)
	rec := g.rows(id(1), "a", "INTEGER", "1")
	d := g.db.Dialect()
	for i, name := range []string{"a", "A", "A", "a", "a"} {
		s := history.Snapshot{Marts: map[string]string{name: id(1)}}
		rec.Layout.Table = name
		views, err := binding.Stored(d, "main", "t", binding.Literal, s, map[string]history.ModelRecord{name: rec})
		g.must(err)
		did, err := binding.Sync(g.ctx, g.c, g.reg, "t", views)
		g.must(err)
		if want := []binding.Synced{{Created: 1}, {Replaced: 1}, {Kept: 1}, {Replaced: 1}, {Kept: 1}}[i]; did != want {
			t.Errorf("%d: %+v, want %+v", i, did, want)
		}
	}
	g.expect("1", "SELECT count(*) FROM run_binding WHERE binding = 't'")
}

// Nothing is done, and little is asked, when nothing changes.
func TestSyncSteadyState(t *testing.T) {
	g := openTarget(t)
	g.twoRuns()
	var log []string
	g.db.Log(func(s engine.Statement) { log = append(log, s.SQL) })
	live, err := g.reg.Live(g.ctx, g.c)
	g.must(err)
	recs, err := g.reg.Records(g.ctx, g.c, live)
	g.must(err)
	views, err := binding.Stored(g.db.Dialect(), "main", "latest", binding.Latest, live, recs)
	g.must(err)
	log = nil
	_, err = binding.Sync(g.ctx, g.c, g.reg, "latest", views)
	g.must(err)
	if len(log) != 2 {
		t.Errorf("%d statements:\n%s", len(log), strings.Join(log, "\n"))
	}
}

// Two sessions read while views and rows are replaced in one transaction: each
// sees one publication.
func TestBindingMovesAsOne(t *testing.T) {
	g := openTarget(t)
	g.twoRuns()
	other, err := g.db.Conn(g.ctx)
	g.must(err)
	defer other.Close()
	read := func() (s string) {
		t.Helper()
		g.must(other.QueryRow(g.ctx, "SELECT a.v || ' ' || b.v || ' ' || pair FROM latest.a, latest.b, latest.ab", nil, &s))
		return s
	}
	g.must(g.c.Atomic(g.ctx, func() error {
		_, err := g.rollback()
		g.must(err)
		g.sync()
		if s := read(); s != "2 2 2-2" {
			t.Errorf("before the commit: %s", s)
		}
		return nil
	}))
	if s := read(); s != "1 1 1-1" {
		t.Errorf("after the commit: %s", s)
	}
}

func TestOddNames(t *testing.T) {
	g := openTarget(t)
	g.exec(`CREATE SCHEMA "raw ""x"`)
	g.exec(`CREATE TABLE "raw ""x"."it's" ("select" INTEGER, "say ""hi""~2" INTEGER, "Run Id" UUID, "made at" TIMESTAMPTZ)`)
	g.exec(`INSERT INTO "raw ""x"."it's" VALUES (1, 2, '` + id(1) + `', now())`)
	rec := record(id(1), `it's "a" b`)
	rec.Layout = history.Layout{Schema: `raw "x`, Table: "it's", RunColumn: "Run Id", CreatedColumn: "made at", Columns: []mart.Column{
		{Name: "select", Physical: "select"}, {Name: `say "hi"`, Physical: `say "hi"~2`}}}
	view := viewRecord(id(1), "order", `select q."say ""hi""" + q."select" as "x y" from "memory"."run__ref"."it's ""a"" b" q, "warehouse"."raw ""x"."it's" s where s."select" = 1`, "x y")
	g.publishRun(1, rec, view)
	g.expect("2", `SELECT "say ""hi""" FROM latest."it's"`) // people read a model under its alias
	g.expect("3", `SELECT "x y" FROM latest."order"`)
	g.expect("Run Id select say \"hi\" made at", columns("latest", `it''s`))
	g.expect(id(1), `SELECT resolve_run_id('it''s "a" b')`)
	s, err := g.reg.Resolve(g.ctx, g.c, "latest")
	g.must(err)
	_, err = g.syncOne(`odd "tag'`, binding.Literal, s)
	g.must(err)
	g.expect("3", `SELECT "x y" FROM "odd ""tag'"."order"`)
}

func TestMemoryBindings(t *testing.T) {
	g := openTarget(t)
	g.twoRuns()
	for _, n := range []int{1, 2} {
		s, err := g.reg.Resolve(g.ctx, g.c, fmt.Sprintf("r%d", n))
		g.must(err)
		recs, err := g.reg.Records(g.ctx, g.c, s)
		g.must(err)
		views, err := binding.Memory(g.db.Dialect(), s, recs)
		g.must(err)
		g.must(binding.Create(g.ctx, g.c, views))
		g.expect(fmt.Sprintf("%d-%[1]d %[1]d-%[1]d", n), `SELECT (SELECT pair FROM memory.run.c_of_z) || ' ' || (SELECT pair FROM memory.run__ref.ab)`)
		g.expect("run_id,id,v,created_at", strings.Replace(strings.Replace(columns("run", "a"), "' '", "','", 1), "warehouse", "memory", 1))
		g.expect("id,v", strings.Replace(strings.Replace(columns("run__ref", "a"), "' '", "','", 1), "warehouse", "memory", 1))
	}
	g.expect("0", `SELECT count(*) FROM duckdb_schemas() WHERE database_name = 'warehouse' AND schema_name LIKE 'run%'`)

	// A model that a build is at: first a stand-in, then its rows.
	d := g.db.Dialect()
	g.must(binding.Create(g.ctx, g.c, []binding.View{binding.StandIn(d, "a", []engine.Column{{Name: "id", Type: "INTEGER"}, {Name: "e", Type: "ENUM('x', 'y')"}})}))
	cols, err := g.c.Describe(g.ctx, `SELECT * FROM "memory"."run__ref"."a"`)
	g.must(err)
	if fmt.Sprint(cols) != "[{id INTEGER} {e ENUM('x', 'y')}]" {
		t.Errorf("stand-in: %v", cols)
	}
	ref, shown, err := binding.MemoryModel(d, g.rows(id(3), "a", "VARCHAR", "'new'"))
	g.must(err)
	g.must(binding.Create(g.ctx, g.c, []binding.View{ref, shown}))
	g.expect("new "+id(3), `SELECT r.v || ' ' || s.run_id FROM memory.run__ref.a r, memory.run.a s`)
}

func TestUnbound(t *testing.T) {
	g := openTarget(t)
	s := history.Snapshot{Marts: map[string]string{"v": id(1)}}
	recs := map[string]history.ModelRecord{"v": viewRecord(id(1), "v", `select * from "memory"."run__ref"."gone"`)}
	var unbound *binding.UnboundError
	if _, err := binding.Stored(g.db.Dialect(), "main", "latest", binding.Latest, s, recs); !errors.As(err, &unbound) || unbound.Reads != "gone" {
		t.Errorf("Stored: %v", err)
	}
	if _, err := binding.Memory(g.db.Dialect(), s, recs); !errors.As(err, &unbound) {
		t.Errorf("Memory: %v", err)
	}
	var none *binding.NoRecordError
	if _, err := binding.Stored(g.db.Dialect(), "main", "latest", binding.Latest, s, nil); !errors.As(err, &none) {
		t.Errorf("no record: %v", err)
	}
}

// A source that gains a column does not break a view model that reads all of
// it.
func TestViewOverAGrowingSource(t *testing.T) {
	g := openTarget(t)
	g.exec("CREATE SCHEMA raw")
	g.exec("CREATE TABLE raw.e AS SELECT i AS id FROM range(3, 0, -1) t(i)")
	g.publishRun(1, viewRecord(id(1), "stg", `select * from "warehouse"."raw"."e" order by id -- all`, "id"))
	g.exec("ALTER TABLE raw.e ADD COLUMN extra INTEGER")
	g.expect("1,2,3", "SELECT string_agg(id, ',') FROM latest.stg")
}

func TestSnapshotsOfOneSpec(t *testing.T) {
	g := openTarget(t)
	g.twoRuns()
	s, err := g.reg.Resolve(g.ctx, g.c, "latest")
	g.must(err)
	if got := slices.Sorted(maps.Keys(s.Marts)); !slices.Equal(got, []string{"a", "ab", "b", "c_of_z", "z_of_ab"}) {
		t.Errorf("view models are in a snapshot too: %v", got)
	}
}

func BenchmarkSync500(b *testing.B) {
	g := openTarget(b)
	g.must(g.c.Atomic(g.ctx, func() error {
		for i := range 500 {
			g.exec(fmt.Sprintf("CREATE TABLE m%d (run_id UUID, id INTEGER, v INTEGER, created_at TIMESTAMPTZ)", i))
		}
		return nil
	}))
	s := history.Snapshot{Marts: map[string]string{}}
	var recs []history.ModelRecord
	for i := range 500 {
		rec := record(id(1), fmt.Sprintf("m%d", i))
		s.Marts[rec.Model] = rec.RunID
		recs = append(recs, rec)
	}
	g.must(g.reg.RecordModels(g.ctx, g.c, recs))
	views, err := binding.Stored(g.db.Dialect(), "main", "latest", binding.Latest, s, byModel(recs))
	g.must(err)
	b.Run("first", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			g.must(binding.Remove(g.ctx, g.c, g.reg, "latest"))
			b.StartTimer()
			_, err := binding.Sync(g.ctx, g.c, g.reg, "latest", views)
			g.must(err)
		}
	})
	b.Run("steady", func(b *testing.B) {
		for range b.N {
			did, err := binding.Sync(g.ctx, g.c, g.reg, "latest", views)
			g.must(err)
			if did.Kept != 500 {
				b.Fatal(did)
			}
		}
	})
}

func byModel(recs []history.ModelRecord) map[string]history.ModelRecord {
	out := map[string]history.ModelRecord{}
	for _, rec := range recs {
		out[rec.Model] = rec
	}
	return out
}

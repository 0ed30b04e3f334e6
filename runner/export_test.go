package runner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/history"
)

func exportShop(t *testing.T) *shop {
	return newShop(t, `
-- models/a.sql --
select 1 as id, {{ var('n', 1) }} as v, null::varchar as nothing, '' as blank, 'x,"y' as odd
-- models/v.sql --
{{ config(materialized='view') }} select v * 10 as w from {{ ref('a') }}
-- models/odd.sql --
{{ config(alias='../up & "down"') }} select 1 as id
`)
}

func (s *shop) export(o runner.ExportOptions) (*runner.Exported, error) {
	s.t.Helper()
	o.To = filepath.Join(s.dir, o.To)
	return s.open().Export(s.t.Context(), o)
}

func (s *shop) mustExport(o runner.ExportOptions) *runner.Exported {
	s.t.Helper()
	e, err := s.export(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// files lists a folder, its hidden files too.
func (s *shop) files(dir string) string {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, dir))
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// read queries a file of another program's, in a database in memory.
func (s *shop) read(attach, query string) string {
	s.t.Helper()
	db, err := duckdb.Engine().Open(s.t.Context(), engine.Target{Path: duckdb.Memory})
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close() // not at the end of the test: some read a thousand times
	c, err := db.Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if attach != "" {
		if _, err := c.Exec(s.t.Context(), "ATTACH "+engine.Literal(filepath.Join(s.dir, attach))+" AS x (READ_ONLY)"); err != nil {
			s.t.Fatal(err)
		}
	}
	var out *string
	if err := c.QueryRow(s.t.Context(), query, nil, &out); err != nil {
		s.t.Fatal(err)
	}
	if out == nil {
		return "NULL"
	}
	return *out
}

func TestExportDatabase(t *testing.T) {
	s := exportShop(t)
	one := s.numbered(1, runner.BuildOptions{})
	e := s.mustExport(runner.ExportOptions{Format: "duckdb", To: "new/dir/out.duckdb"})
	if e.Replaced || e.Rows != 3 || len(e.Marts) != 3 || e.RunID != one.Run.ID {
		t.Errorf("%+v", e)
	}
	// Nothing but the tables, with their columns.
	got := s.read("new/dir/out.duckdb", "select string_agg(table_name || '.' || column_name || ' ' || data_type, ', ' order by table_name, column_index) from duckdb_columns() where database_name = 'x' and not internal")
	want := `../up & "down".run_id UUID, ../up & "down".id INTEGER, ../up & "down".created_at TIMESTAMP WITH TIME ZONE, ` +
		"a.run_id UUID, a.id INTEGER, a.v INTEGER, a.nothing VARCHAR, a.blank VARCHAR, a.odd VARCHAR, a.created_at TIMESTAMP WITH TIME ZONE, v.w INTEGER"
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	s.numbered(2, runner.BuildOptions{})
	e = s.mustExport(runner.ExportOptions{Format: "duckdb", To: "new/dir/out.duckdb", Run: "latest"})
	if !e.Replaced {
		t.Error("not replaced")
	}
	if got := s.read("new/dir/out.duckdb", "select a.v || ' ' || v.w || ' ' || (select count(*) from x.a) from x.a a, x.v v"); got != "2 20 1" {
		t.Error(got)
	}
	s.mustExport(runner.ExportOptions{Format: "duckdb", To: "new/dir/out.duckdb", Run: "previous", Select: []string{"V"}})
	if got := s.read("new/dir/out.duckdb", "select string_agg(table_name, ' ') || ' ' || (select w from x.v) from duckdb_tables() where database_name = 'x'"); got != "v 10" {
		t.Error(got)
	}
	if got := s.files("new/dir"); got != "out.duckdb" {
		t.Error(got)
	}
}

func TestExportFolders(t *testing.T) {
	s := exportShop(t)
	run := s.numbered(1, runner.BuildOptions{})
	s.mustExport(runner.ExportOptions{Format: "csv", To: "parts"})
	if got := s.files("parts"); got != "%2E.%2Fup %26 %22down%22.csv .warehouse-export.json a.csv v.csv" {
		t.Error(got)
	}
	b, err := os.ReadFile(filepath.Join(s.dir, "parts", "a.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	if lines[0] != "run_id,id,v,nothing,blank,odd,created_at" || !strings.HasPrefix(lines[1], run.Run.ID+`,1,1,,"","x,""y",20`) {
		t.Errorf("%q", lines)
	}
	// Another format takes its place, and nothing of it is left.
	s.numbered(7, runner.BuildOptions{})
	if e := s.mustExport(runner.ExportOptions{Format: "parquet", To: "parts"}); !e.Replaced {
		t.Error("not replaced")
	}
	if got := s.files("parts"); got != "%2E.%2Fup %26 %22down%22.parquet .warehouse-export.json a.parquet v.parquet" {
		t.Error(got)
	}
	if got := s.read("", "select v || ' ' || typeof(run_id) || ' ' || typeof(created_at) from "+engine.Literal(filepath.Join(s.dir, "parts", "a.parquet"))); got != "7 UUID TIMESTAMP WITH TIME ZONE" {
		t.Error(got)
	}
	if got := s.files("."); got != "models parts project.yml target" {
		t.Error(got)
	}
}

// What is no earlier export is left alone.
func TestExportRefuses(t *testing.T) {
	s := exportShop(t)
	s.numbered(1, runner.BuildOptions{})
	s.write(`
-- folder/mine.txt --
x
-- seeds/a.csv --
id
-- file.txt --
not a database
-- empty --
`)
	s.mustExport(runner.ExportOptions{Format: "csv", To: "parts"})
	s.mustExport(runner.ExportOptions{Format: "duckdb", To: "mixed.duckdb"})
	s.write("-- parts/mine.txt --\nx\n")
	c := memory(t)
	for _, q := range []string{"ATTACH " + engine.Literal(filepath.Join(s.dir, "mixed.duckdb")) + " AS m", "CREATE TABLE m.mine AS SELECT 1 AS i", "DETACH m",
		"ATTACH " + engine.Literal(filepath.Join(s.dir, "foreign.duckdb")) + " AS m", "CREATE VIEW m.mine AS SELECT 1 AS i", "DETACH m"} {
		if _, err := c.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	before := s.files(".") + s.files("folder") + s.files("seeds") + s.files("parts")
	for _, o := range []runner.ExportOptions{
		{Format: "csv", To: "folder"}, {Format: "csv", To: "seeds"}, {Format: "csv", To: "parts"}, {Format: "csv", To: "file.txt"},
		{Format: "csv", To: "."}, {Format: "csv", To: ".."}, {Format: "csv", To: "models"}, {Format: "csv", To: "target"}, {Format: "parquet", To: "target/warehouse.duckdb"},
		{Format: "duckdb", To: "folder"}, {Format: "duckdb", To: "file.txt"}, {Format: "duckdb", To: "target/warehouse.duckdb"},
		{Format: "duckdb", To: "target/warehouse.duckdb.lock"}, {Format: "duckdb", To: "mixed.duckdb"}, {Format: "duckdb", To: "foreign.duckdb"},
		{Format: "duckdb", To: "x.duckdb", Select: []string{"nosuch"}}, {Format: "duckdb", To: "x.duckdb", Select: []string{"["}},
	} {
		_, err := s.export(o)
		var usage *runner.UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%s to %s: %v", o.Format, o.To, err)
		}
	}
	if got := s.files(".") + s.files("folder") + s.files("seeds") + s.files("parts"); got != before {
		t.Errorf("got %s\nwas %s", got, before)
	}
	s.want("1", "select v from latest.a")
	// An empty file or folder is nobody's.
	s.mustExport(runner.ExportOptions{Format: "duckdb", To: "empty"})
	if err := os.Mkdir(filepath.Join(s.dir, "bare"), 0o777); err != nil {
		t.Fatal(err)
	}
	s.mustExport(runner.ExportOptions{Format: "csv", To: "bare"})
}

func TestExportFollowsLinks(t *testing.T) {
	s := exportShop(t)
	s.numbered(1, runner.BuildOptions{})
	if err := os.Symlink(filepath.Join(s.dir, "target", "warehouse.duckdb"), filepath.Join(s.dir, "link.duckdb")); err != nil {
		t.Skip(err)
	}
	if _, err := s.export(runner.ExportOptions{Format: "duckdb", To: "link.duckdb"}); err == nil {
		t.Error("the database itself was written over")
	}
	if err := os.Symlink(filepath.Join(s.dir, "there"), filepath.Join(s.dir, "parts")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.dir, "there"), 0o777); err != nil {
		t.Fatal(err)
	}
	s.mustExport(runner.ExportOptions{Format: "csv", To: "parts"})
	if got := s.files("there"); !strings.Contains(got, "a.csv") {
		t.Error(got)
	}
}

// A failure, at whichever statement, leaves the earlier export and no debris.
func TestExportFails(t *testing.T) {
	s := exportShop(t)
	s.numbered(1, runner.BuildOptions{})
	for _, o := range []runner.ExportOptions{{Format: "duckdb", To: "out.duckdb"}, {Format: "parquet", To: "parts"}} {
		s.mustExport(o)
	}
	s.numbered(2, runner.BuildOptions{})
	before := s.files(".") + s.files("parts")
	for _, format := range []string{"duckdb", "parquet"} {
		for _, at := range []string{"CREATE TABLE", "COMMENT", "CHECKPOINT", "COPY", "DETACH"} {
			ctx, cancel := context.WithCancel(t.Context())
			cfg := s.config()
			cfg.Statement = func(st engine.Statement) {
				if strings.HasPrefix(st.SQL, at) {
					cancel()
				}
			}
			r, err := runner.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			to := map[string]string{"duckdb": "out.duckdb", "parquet": "parts"}[format]
			_, err = r.Export(ctx, runner.ExportOptions{Format: format, To: filepath.Join(s.dir, to)})
			if stopped := ctx.Err() != nil; (err != nil) != stopped {
				t.Errorf("%s at %s: %v", format, at, err)
			}
			cancel()
			if got := s.files(".") + s.files("parts"); got != before {
				t.Errorf("%s at %s: got %s\nwas %s", format, at, got, before)
			}
		}
	}
	if _, err := s.export(runner.ExportOptions{Format: "csv", To: "no/such/folder", Run: "nosuch"}); err == nil {
		t.Error("no error")
	}
	if got := s.files("."); strings.Contains(got, "no") {
		t.Error(got)
	}
}

// What a killed export left is removed by the next one to the same place.
func TestExportSweeps(t *testing.T) {
	s := exportShop(t)
	s.numbered(1, runner.BuildOptions{})
	s.write("-- .out.duckdb.99999999.export --\nx\n-- .out.duckdb.99999999.export.wal --\nx\n-- .other.duckdb.99999999.export --\nx\n")
	s.mustExport(runner.ExportOptions{Format: "duckdb", To: "out.duckdb"})
	if got := s.files("."); got != ".other.duckdb.99999999.export models out.duckdb project.yml target" {
		t.Error(got)
	}
}

func TestExportOfAPrunedRun(t *testing.T) {
	s := pruneShop(t)
	for n := range 4 {
		s.numbered(n, runner.BuildOptions{})
	}
	s.prune(runner.PruneOptions{})
	_, err := s.export(runner.ExportOptions{Format: "duckdb", To: "out.duckdb", Run: "latest~3"})
	var pruned *history.PrunedError
	if !errors.As(err, &pruned) {
		t.Error(err)
	}
	if slices.Contains(strings.Fields(s.files(".")), "out.duckdb") {
		t.Error(s.files("."))
	}
}

// A copy that follows publications: what did not change is the same file, and
// what somebody changed is written again.
func TestCopyKeepsWhatIsUnchanged(t *testing.T) {
	s := newShop(t, `
-- project.yml --
name: shop
target: dev
targets: {dev: {type: duckdb, path: target/warehouse.duckdb, publish: {export: target/parts, format: parquet}}}
-- models/a.sql --
select 1 as id, {{ var('n', 1) }} as v
-- models/b.sql --
select 2 as id
`)
	file := func(name string) os.FileInfo {
		info, err := os.Stat(filepath.Join(s.dir, "target/parts", name))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	s.build(runner.BuildOptions{})
	a, b := file("a.parquet"), file("b.parquet")
	rep := s.build(runner.BuildOptions{Select: []string{"a"}})
	if c := rep.After.Copy; c == nil || c.Unchanged != 1 || c.RunID != rep.Run.ID || len(c.Marts) != 2 {
		t.Errorf("%+v", c)
	}
	if os.SameFile(a, file("a.parquet")) || !os.SameFile(b, file("b.parquet")) {
		t.Error("a was not written, or b was")
	}
	if rep := s.build(runner.BuildOptions{Reuse: true}); rep.After.Copy.Unchanged != 2 {
		t.Errorf("%+v", rep.After.Copy)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "target/parts/b.parquet"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	s.build(runner.BuildOptions{Select: []string{"a"}})
	if got := s.read("", "select id from "+engine.Literal(filepath.Join(s.dir, "target/parts/b.parquet"))); got != "2" {
		t.Error(got)
	}
	if got := s.files("target/parts"); got != ".warehouse-export.json a.parquet b.parquet" {
		t.Error(got)
	}

	// One database file is written whole, or not at all.
	s.write("-- project.yml --\nname: shop\ntarget: dev\ntargets: {dev: {type: duckdb, path: target/warehouse.duckdb, publish: {export: target/copy.duckdb}}}\n")
	s.build(runner.BuildOptions{})
	one, err := os.Stat(filepath.Join(s.dir, "target/copy.duckdb"))
	if err != nil {
		t.Fatal(err)
	}
	rep = s.build(runner.BuildOptions{Reuse: true})
	if two, err := os.Stat(filepath.Join(s.dir, "target/copy.duckdb")); err != nil || !os.SameFile(one, two) || rep.After.Copy.Unchanged != 2 {
		t.Errorf("%v %+v", err, rep.After.Copy)
	}
	s.vars = map[string]any{"n": 5}
	s.build(runner.BuildOptions{Select: []string{"a"}})
	if got := s.read("target/copy.duckdb", "select v from x.a"); got != "5" {
		t.Error(got)
	}
}

// The folder of a copy is a link; what it pointed at before stays for a while,
// and a plain folder that stood there becomes the first of them.
func TestCopyVersions(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select {{ var('n', 1) }} as v
`)
	project := func(keep string) {
		s.write("-- project.yml --\nname: shop\ntarget: dev\ntargets: {dev: {type: duckdb, path: target/warehouse.duckdb, publish: {export: target/parts, format: parquet, keep: " + keep + "}}}\n")
	}
	s.write("-- project.yml --\nname: shop\n")
	s.build(runner.BuildOptions{})
	parts := filepath.Join(s.dir, "target/parts")
	if _, err := s.open().Export(t.Context(), runner.ExportOptions{Format: "parquet", To: parts}); err != nil {
		t.Fatal(err)
	}
	folder := func() string {
		t.Helper()
		to, err := filepath.EvalSymlinks(parts)
		if err != nil {
			t.Fatal(err)
		}
		return to
	}
	value := func(folder string) string {
		return s.read("", "select v from "+engine.Literal(filepath.Join(folder, "a.parquet")))
	}
	project("1h")
	s.vars = map[string]any{"n": 2}
	s.build(runner.BuildOptions{})
	two := folder()
	s.vars = map[string]any{"n": 3}
	s.build(runner.BuildOptions{})
	if got := s.files("target/parts.versions"); got != "1 2 4" || two != filepath.Join(filepath.Dir(folder()), "2") {
		t.Errorf("versions %s, %s, %s", got, two, folder())
	}
	if got := value(two) + value(folder()) + value(filepath.Join(s.dir, "target/parts.versions/1")); got != "231" {
		t.Error(got)
	}
	// By hand, over the link: a version more.
	if _, err := s.open().Export(t.Context(), runner.ExportOptions{Run: "r1", Format: "parquet", To: parts}); err != nil {
		t.Fatal(err)
	}
	if got := s.files("target/parts.versions") + " " + value(folder()) + value(two); got != "1 2 4 6 12" {
		t.Error(got)
	}
	project("0m")
	s.build(runner.BuildOptions{})
	if got := s.files("target/parts.versions"); got != "8" || value(folder()) != "3" {
		t.Errorf("versions %s, which shows %s", got, value(folder()))
	}
	if got := s.files("target"); strings.Contains(got, ".export") {
		t.Error(got)
	}
	project("soon")
	_, err := runner.Open(t.Context(), s.config())
	contains(t, tell(err), "keep", "soon", "90m")
}

// TestExportWideIntegers: the sum of integers has 128 bits, for which Parquet
// has no type. All digits are kept, or the export is refused.
func TestExportWideIntegers(t *testing.T) {
	s := newShop(t, "-- models/m.sql --\n"+`select sum(i) as total, 99999999999999999999999999999999999999::hugeint as wide, [{'a': 1::hugeint}] as inside, 'HUGEINT'::enum('HUGEINT') as word, {'HUGEINT': 2} as named
from (values (9007199254740993)) t(i)
-- models/n.sql --
select 1 as id
`)
	s.build(runner.BuildOptions{})
	s.mustExport(runner.ExportOptions{Format: "parquet", To: "out"})
	file := filepath.Join(s.dir, "out", "m.parquet")
	want := "9007199254740993 99999999999999999999999999999999999999 [{'a': 1}] HUGEINT {'HUGEINT': 2} DECIMAL(38,0)"
	s.want(want, "select total, wide, inside::varchar, word, named::varchar, typeof(total) from '"+file+"'")
	s.write("-- models/n.sql --\nselect 170141183460469231731687303715884105727 as id\n")
	s.build(runner.BuildOptions{})
	if _, err := s.export(runner.ExportOptions{Format: "parquet", To: "out"}); err == nil || !strings.Contains(err.Error(), "DECIMAL(38,0)") {
		t.Errorf("39 digits: %v", err)
	}
	s.mustExport(runner.ExportOptions{Format: "csv", To: "text"})
}

package runner_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
)

func (s *shop) database() string { return filepath.Join(s.dir, "target", "warehouse.duckdb") }

// Compact keeps the file's block size, unless the target's settings name one.
func TestCompactBlocks(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect 1 as id")
	project := func(settings string) {
		s.write("-- project.yml --\n" + strings.Replace(projectYML, "warehouse.duckdb", "warehouse.duckdb"+settings, 1))
	}
	blocks := func(want string) {
		t.Helper()
		s.want(want, "select block_size from pragma_database_size() where database_name = 'warehouse'")
	}
	project(", settings: {default_block_size: 16384}")
	s.build(runner.BuildOptions{})
	blocks("16384")
	for _, c := range []struct{ settings, want string }{{"", "16384"}, {", settings: {default_block_size: 65536}", "65536"}, {"", "65536"}} {
		project(c.settings)
		if _, err := s.open().Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		blocks(c.want)
	}
	s.sound()
	s.build(runner.BuildOptions{})
}

// direct runs statements on the database, as another program would.
func (s *shop) direct(statements ...string) {
	s.t.Helper()
	c := memory(s.t)
	for _, q := range append([]string{"ATTACH " + engine.Literal(s.database()) + " AS w", "USE w"}, append(statements, "USE memory", "DETACH w")...) {
		if _, err := c.Exec(s.t.Context(), q); err != nil {
			s.t.Fatalf("%s: %v", q, err)
		}
	}
}

func TestCompact(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
{{ config(primary_key=['id'], primary_key_enforced=true) }}
select i as id, hash(i + {{ var('n', 0) }})::varchar as v from range(200000) t(i)
-- models/w.sql --
{{ config(materialized='view') }} select max(v) as v from {{ ref('a') }}
`)
	for n := range 4 {
		s.numbered(n, runner.BuildOptions{})
	}
	s.direct("CREATE SCHEMA mine", "CREATE TYPE mine.mood AS ENUM ('x', 'y')", "CREATE TABLE mine.t (m mine.mood, g INTEGER DEFAULT 3, CHECK (g > 0))",
		"INSERT INTO mine.t (m) VALUES ('x')", "COMMENT ON TABLE mine.t IS 'kept'", "CREATE VIEW mine.v AS SELECT * FROM mine.t",
		"CREATE MACRO mine.double(x) AS x * 2", "CREATE SEQUENCE mine.s START 7", "CREATE VIEW mine.broken AS SELECT * FROM mine.v", "DROP VIEW mine.v")
	// keep_last: 0 leaves what is live and previous.
	s.prune(last(0))
	before := s.query("select (select v from latest.w) || (select v from previous.w) || (select count(*) from main.run_ledger)", "")
	if err := os.Chmod(s.database(), 0o640); err != nil {
		t.Fatal(err)
	}
	did, err := s.open().Compact(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.database())
	if err != nil || info.Size() != did.After || did.After*10 > did.Before*8 || info.Mode().Perm() != 0o640 {
		t.Errorf("%+v %v %v", did, info, err)
	}
	s.sound()
	s.want(before, "select (select v from latest.w) || (select v from previous.w) || (select count(*) from main.run_ledger)")
	s.want("x 3 kept 14", "select m, g, (select comment from duckdb_tables() where table_name = 't'), mine.double(7) from mine.t")
	s.want("1", "select count(*) from duckdb_constraints() where table_name = 'a' and constraint_type = 'PRIMARY KEY'")
	if got := s.files("target"); strings.Contains(got, "compact") || strings.Contains(got, "wal") {
		t.Error(got)
	}
	m, err := s.open().PlanRollback(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.open().Move(t.Context(), m, ""); err != nil {
		t.Fatal(err)
	}
	s.numbered(9, runner.BuildOptions{})
}

// A copy that was not finished is thrown away, and one that cannot be put in
// place changes nothing.
func TestCompactLeavesTheOldFile(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select 1 as v
`)
	s.build(runner.BuildOptions{})
	for _, name := range []string{".compact", ".compact.wal"} {
		if err := os.WriteFile(s.database()+name, []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.open().Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.sound()
	if err := os.Mkdir(s.database()+".compact", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.database()+".compact/x", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := s.open().Compact(t.Context()); err == nil {
		t.Error("no error")
	}
	s.sound()
	s.build(runner.BuildOptions{})
}

func TestCompactWithoutDatabase(t *testing.T) {
	s := newShop(t, "\n-- models/a.sql --\nselect 1 as v\n")
	_, err := s.open().Compact(t.Context())
	var usage *runner.UsageError
	if !errors.As(err, &usage) {
		t.Error(err)
	}
	if _, err := os.Stat(s.database()); !os.IsNotExist(err) {
		t.Error("a database was made")
	}
}

// Through a link the file that it names gets smaller, and the link stays.
func TestCompactThroughALink(t *testing.T) {
	s := newShop(t, "\n-- models/a.sql --\nselect 1 as v\n")
	s.build(runner.BuildOptions{})
	elsewhere := filepath.Join(t.TempDir(), "data.duckdb")
	if err := os.Rename(s.database(), elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, s.database()); err != nil {
		t.Skip(err)
	}
	if _, err := s.open().Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(s.database()); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error(info, err)
	}
	s.sound()
}

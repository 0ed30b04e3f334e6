package enginetest_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

// TestMain runs the test binary as the other program of a test when told so.
func TestMain(m *testing.M) {
	if path := os.Getenv("ENGINETEST_HOLD"); path != "" {
		hold(path)
		return
	}
	os.Exit(m.Run())
}

// hold opens a database, writes a committed and an open transaction, says so
// and waits to be killed.
func hold(path string) {
	ctx := context.Background()
	db, err := duckdb.Engine().Open(ctx, engine.Target{Path: path})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := db.Conn(ctx)
	for _, q := range []string{"CREATE TABLE IF NOT EXISTS main.t (a INTEGER)", "INSERT INTO main.t VALUES (1), (2)", "BEGIN TRANSACTION", "INSERT INTO main.t VALUES (3)"} {
		if err == nil {
			_, err = c.Exec(ctx, q)
		}
	}
	fmt.Println("ready", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// other starts the other program on a database; the function returned kills it.
func other(t *testing.T, path string) (pid int, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ENGINETEST_HOLD="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = in.Close()
	}
	t.Cleanup(kill)
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready <nil>\n" {
		t.Fatalf("the other program says %q", line)
	}
	return cmd.Process.Pid, kill
}

func openDuck(t *testing.T, target engine.Target) (*engine.DB, error) {
	t.Helper()
	db, err := duckdb.Engine().Open(t.Context(), target)
	if err == nil {
		t.Cleanup(func() { _ = db.Close() })
	}
	return db, err
}

// made returns the path of a closed database with main.t in it.
func made(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "w.duckdb")
	db, err := duckdb.Engine().Open(t.Context(), engine.Target{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	exec1(t, db, "CREATE TABLE main.t AS SELECT range AS a FROM range(100000)")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func exec1(t *testing.T, db *engine.DB, query string) {
	t.Helper()
	err := db.With(t.Context(), func(c *engine.Conn) error {
		_, err := c.Exec(t.Context(), query)
		return err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
}

func value(t *testing.T, db *engine.DB, query string) string {
	t.Helper()
	var v any
	err := db.With(t.Context(), func(c *engine.Conn) error { return c.QueryRow(t.Context(), query, nil, &v) })
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return fmt.Sprint(v)
}

func TestOpenErrors(t *testing.T) {
	write := func(name, text string) func(t *testing.T) string {
		return func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	patched := func(change func([]byte) []byte) func(t *testing.T) string {
		return func(t *testing.T) string {
			path := made(t)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(b), 0o666); err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	for _, c := range []struct {
		name string
		path func(t *testing.T) string
		msg  string
	}{
		{"text", write("w.duckdb", strings.Repeat("this is no database\n", 1000)), "it is not a DuckDB database"},
		{"short text", write("w.duckdb", "hello"), "it is not a DuckDB database"},
		{"directory", func(t *testing.T) string { return t.TempDir() }, "it is a directory"},
		{"folder is a file", func(t *testing.T) string { return filepath.Join(write("f", "x")(t), "w.duckdb") }, "is a file, not a folder"},
		{"no path", func(*testing.T) string { return "" }, "it has no path"},
		{"latest", func(t *testing.T) string { return filepath.Join(t.TempDir(), "latest.duckdb") }, "hides the schema latest"},
		{"previous", func(t *testing.T) string { return filepath.Join(t.TempDir(), "Previous.db") }, "hides the schema previous"},
		{"newer", patched(newerVersion), "another version of DuckDB"},
		{"damaged header", patched(func(b []byte) []byte { b[100] ^= 0xff; return b }), "it is damaged"},
		{"cut off", patched(func(b []byte) []byte { return b[:9000] }), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.path(t)
			_, err := openDuck(t, engine.Target{Name: "dev", Path: path})
			oe, ok := errors.AsType[*engine.OpenError](err)
			if !ok {
				t.Fatalf("got %v, want an *OpenError", err)
			}
			t.Log(oe, "|", oe.Advice)
			if !strings.Contains(oe.Error(), c.msg) || oe.Advice == "" || strings.ContainsAny(oe.Msg, "{\n") {
				t.Errorf("got %q, want it to say %q, and what to do", oe, c.msg)
			}
			if _, again := openDuck(t, engine.Target{Name: "dev", Path: path}); again == nil || again.Error() != err.Error() {
				t.Errorf("the second time: %v", again)
			}
		})
	}
}

// newerVersion raises the version of the file format in the main header, and
// mends the header's checksum (an exclusive or over its words).
func newerVersion(b []byte) []byte {
	hash := func(x uint64) uint64 { return x * 0xbf58476d1ce4e5b9 }
	words := func(i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
	const version = 12 // after the checksum and "DUCK"
	before := []uint64{words(8), words(16)}
	binary.LittleEndian.PutUint64(b[version:], 9999)
	sum := words(0)
	for i, w := range before {
		sum ^= hash(w) ^ hash(words(8+8*i))
	}
	binary.LittleEndian.PutUint64(b, sum)
	return b
}

func TestOpenForReading(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "sub", "w.duckdb")
	for _, path := range []string{missing, duckdb.Memory} {
		if _, err := openDuck(t, engine.Target{Path: path, ReadOnly: true}); !errors.Is(err, engine.ErrNotExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(filepath.Dir(missing)); !os.IsNotExist(err) {
		t.Error("a reader made the folder")
	}
	empty := filepath.Join(t.TempDir(), "w.duckdb")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := openDuck(t, engine.Target{Path: empty, ReadOnly: true}); !errors.Is(err, engine.ErrNotExist) {
		t.Error("an empty file:", err)
	}
	path := made(t)
	db, err := openDuck(t, engine.Target{Path: path, ReadOnly: true, Schema: "not_there_yet"})
	if err != nil {
		t.Fatal(err)
	}
	if n := value(t, db, "SELECT count(*) FROM t"); n != "100000" {
		t.Error("rows:", n)
	}
	exec1(t, db, "CREATE VIEW memory.main.v AS SELECT a FROM warehouse.main.t")
	err = db.With(t.Context(), func(c *engine.Conn) error {
		_, err := c.Exec(t.Context(), "DELETE FROM main.t")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Error("a reader deletes:", err)
	}
}

func TestOpenEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	db, err := openDuck(t, engine.Target{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	exec1(t, db, "CREATE TABLE main.t (a INTEGER)")
}

func TestOpenTwiceInOneProcess(t *testing.T) {
	path := made(t)
	link := filepath.Join(t.TempDir(), "link.duckdb")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	hard := filepath.Join(t.TempDir(), "hard.duckdb")
	if err := os.Link(path, hard); err != nil {
		t.Fatal(err)
	}
	writer, err := openDuck(t, engine.Target{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link, hard, filepath.Join(filepath.Dir(path), ".", "x", "..", "w.duckdb")} {
		for _, readOnly := range []bool{false, true} {
			if _, err := openDuck(t, engine.Target{Path: p, ReadOnly: readOnly}); !errors.Is(err, duckdb.ErrOpenHere) {
				t.Errorf("%s beside a writer: %v", p, err)
			}
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	one, err := openDuck(t, engine.Target{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal("after closing:", err)
	}
	two, err := openDuck(t, engine.Target{Path: link, ReadOnly: true})
	if err != nil {
		t.Fatal("two readers:", err)
	}
	exec1(t, one, "CREATE VIEW memory.main.v AS SELECT 1 AS a")
	exec1(t, two, "CREATE VIEW memory.main.v AS SELECT 2 AS a") // each has a memory of its own
	if _, err := openDuck(t, engine.Target{Path: path}); !errors.Is(err, duckdb.ErrOpenHere) {
		t.Error("a writer beside readers:", err)
	}
	_ = one.Close()
	_ = one.Close() // twice does no harm
	if _, err := openDuck(t, engine.Target{Path: path}); !errors.Is(err, duckdb.ErrOpenHere) {
		t.Error("a writer beside the last reader:", err)
	}
	_ = two.Close()
	if _, err := openDuck(t, engine.Target{Path: path}); err != nil {
		t.Error("a writer after the readers:", err)
	}
}

func TestOpenFailureIsForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.duckdb")
	_, err := openDuck(t, engine.Target{Name: "dev", Path: path, Settings: map[string]string{"memory_limit": "4 bananas"}})
	if err == nil {
		t.Fatal("no error")
	}
	if _, err := openDuck(t, engine.Target{Path: path}); err != nil {
		t.Error("after mending the settings:", err)
	}
}

func TestLockedByAnotherProgram(t *testing.T) {
	path := made(t)
	pid, kill := other(t, path)
	for _, readOnly := range []bool{false, true} {
		_, err := openDuck(t, engine.Target{Path: path, ReadOnly: readOnly})
		le, ok := errors.AsType[*engine.LockedError](err)
		if !ok {
			t.Fatalf("got %v, want a *LockedError", err)
		}
		if le.PID != pid || !strings.Contains(le.Program, filepath.Base(os.Args[0])) || le.Path != path {
			t.Errorf("got %+v, want pid %d and %s", le, pid, os.Args[0])
		}
	}
	kill()
	// Killed with a transaction open and its log not yet in the file.
	for _, readOnly := range []bool{true, false} {
		db, err := openDuck(t, engine.Target{Path: path, ReadOnly: readOnly})
		if err != nil {
			t.Fatal("after it was killed:", err)
		}
		if n := value(t, db, "SELECT count(*) FROM main.t"); n != "100002" {
			t.Errorf("read-only %v: %s rows", readOnly, n)
		}
		_ = db.Close()
	}
}

func TestPermissions(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may do everything")
	}
	path := made(t)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(dir, "w.duckdb"), filepath.Join(dir, "sub", "w.duckdb")} {
		_, err := openDuck(t, engine.Target{Path: p})
		if oe, ok := errors.AsType[*engine.OpenError](err); !ok || oe.Msg != "permission denied" || oe.Advice == "" {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestSettings(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, value, msg string }{
		{"memory_limit", "4 bananas", "setting memory_limit: Unknown unit"},
		{"memry_limit", "4GB", `setting memry_limit: unrecognized configuration parameter "memry_limit"`},
		{`x"y`, "1", `setting x"y: unrecognized`},
	} {
		_, err := openDuck(t, engine.Target{Name: "dev", Path: filepath.Join(dir, "w.duckdb"), Settings: map[string]string{c.name: c.value}})
		oe, ok := errors.AsType[*engine.OpenError](err)
		if !ok || !strings.Contains(oe.Msg, c.msg) || !strings.Contains(oe.Advice, "target dev") || strings.ContainsAny(oe.Msg, "{\n") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	db, err := openDuck(t, engine.Target{Path: filepath.Join(dir, "w.duckdb"), TempDir: filepath.Join(dir, "spill"), Settings: map[string]string{"threads": "1", "memory_limit": "300MB"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"threads": "1", "memory_limit": "286.1 MiB", "temp_directory": filepath.Join(dir, "spill"),
		"autoload_known_extensions": "false", "autoinstall_known_extensions": "false"} {
		if got := value(t, db, "SELECT current_setting("+engine.Literal(name)+")::VARCHAR"); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// TestSandbox shows that a target can take away rights and lock the settings,
// and that sessions opened later work and have offsets in their errors.
func TestSandbox(t *testing.T) {
	path := made(t)
	db, err := openDuck(t, engine.Target{Path: path, Settings: map[string]string{
		"lock_configuration": "true", "enable_external_access": "false", "memory_limit": "1GB"}})
	if err != nil {
		t.Fatal(err)
	}
	var conns []*engine.Conn
	for range 3 {
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	c := conns[2]
	_, err = c.Describe(t.Context(), "SELECT a, nope FROM t")
	if qe, ok := errors.AsType[*engine.QueryError](err); !ok || qe.Offset != 10 {
		t.Errorf("got %#v", err)
	}
	for _, q := range []string{"COPY t TO '" + path + ".csv'", "SELECT * FROM read_csv('/etc/passwd')", "SET GLOBAL threads = 7", "SET errors_as_json = false"} {
		if _, err := c.Exec(t.Context(), q); err == nil {
			t.Errorf("%s passes", q)
		}
	}
	if _, err := c.Exec(t.Context(), "INSERT INTO t VALUES (1)"); err != nil {
		t.Error(err)
	}
}

func TestMemoryTarget(t *testing.T) {
	for range 2 { // two at a time share nothing
		db, err := openDuck(t, engine.Target{Path: duckdb.Memory, Schema: "marts"})
		if err != nil {
			t.Fatal(err)
		}
		exec1(t, db, "CREATE TABLE marts.t (a INTEGER)")
	}
	if p := duckdb.Engine().LockPath(engine.Target{Path: duckdb.Memory}); p != "" {
		t.Error("lock path", p)
	}
	if p := duckdb.Engine().LockPath(engine.Target{Path: "/x/w.duckdb"}); p != "/x/w.duckdb.lock" {
		t.Error("lock path", p)
	}
}

func TestSchemaNamedAsTheCatalog(t *testing.T) {
	_, err := openDuck(t, engine.Target{Path: filepath.Join(t.TempDir(), "w.duckdb"), Schema: "Warehouse"})
	if oe, ok := errors.AsType[*engine.OpenError](err); !ok || oe.Advice == "" {
		t.Error(err)
	}
}

// The target's settings say how large the blocks of a new file are; one that is
// there stays as it is.
func TestBlockSize(t *testing.T) {
	const size = "SELECT block_size FROM pragma_database_size() WHERE database_name = 'warehouse'"
	own := map[string]string{"default_block_size": "65536"}
	for _, c := range []struct {
		name          string
		first, second map[string]string
		want          string
	}{
		{"new", nil, own, "262144"},
		{"the target's own", own, nil, "65536"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.duckdb")
			for _, settings := range []map[string]string{c.first, c.second} {
				db, err := duckdb.Engine().Open(t.Context(), engine.Target{Path: path, Settings: settings})
				if err != nil {
					t.Fatal(err)
				}
				if got := value(t, db, size); got != c.want {
					t.Errorf("blocks of %s bytes, want %s", got, c.want)
				}
				exec1(t, db, "CREATE TABLE IF NOT EXISTS main.t AS SELECT range AS a FROM range(10)")
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

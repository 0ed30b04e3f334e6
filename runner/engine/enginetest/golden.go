package enginetest

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"warehouse/runner/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Golden compares all that a dialect writes with a file. The version in a
// checksum's scheme is left out.
func Golden(t *testing.T, d engine.Dialect, file string) {
	t.Helper()
	types := d.Types()
	odd := engine.Relation{Schema: "ma rts", Name: `o"dd`}
	m := engine.Relation{Schema: "main", Name: "orders"}
	cols := []engine.Column{{Name: "run_id", Type: types.RunID}, {Name: "k", Type: types.Int}, {Name: `a "b"`, Type: types.Text},
		{Name: "j", Type: types.JSON}, {Name: "ok", Type: types.Bool}, {Name: "created_at", Type: types.Timestamp}}
	in := engine.Insert{Table: m, RunColumn: "run_id", RunID: runA, CreatedColumn: "created_at", CreatedAt: noon,
		Physical: []string{"k", "v~2"}, Columns: []string{"k", "v"}, Key: []string{"k"}, Select: "SELECT 1 AS k, 2 AS v -- end"}
	plain := in
	plain.CreatedColumn, plain.Key, plain.Table = "", nil, odd
	scheme, _, _ := strings.Cut(d.ChecksumScheme(), "/")
	var b strings.Builder
	for _, e := range []struct{ name, text string }{
		{"name, catalog, default schema", d.Name() + ", " + d.Catalog() + ", " + d.DefaultSchema()},
		{"layouts of the default schema", d.Layouts("")},
		{"layouts of another schema", d.Layouts("it's")},
		{"create a mart", d.CreateTable(engine.Table{Relation: m, Columns: cols, RunColumn: "run_id"})},
		{"create a mart with an enforced key", d.CreateTable(engine.Table{Relation: m, Columns: cols, RunColumn: "run_id", Key: []string{"run_id", "k"}})},
		{"create a state table", d.CreateTable(engine.Table{Relation: odd, Columns: cols[1:3]})},
		{"add a column", d.AddColumn(odd, engine.Column{Name: "v~2", Type: types.Text})},
		{"drop a table", d.DropTable(odd)},
		{"delete a run", d.DeleteRun(m, "score run", runA)},
		{"insert a run", d.InsertRun(in)},
		{"insert a run without created-at and key", d.InsertRun(plain)},
		{"checksum", d.Checksum([]engine.Column{{Name: "a", Type: types.Int}, {Name: `b"c`, Type: types.Timestamp}})},
		{"checksum of no columns", d.Checksum(nil)},
		{"checksum scheme", scheme},
		{"run id", d.RunLiteral(runA)},
		{"instant", d.TimeLiteral(noon)},
		{"fail", d.Fail("it's not there")},
	} {
		fmt.Fprintf(&b, "-- %s\n%s\n\n", e.name, e.text)
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("the dialect differs from %s (run with -update to accept):\n%s", file, got)
	}
}

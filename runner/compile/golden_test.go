package compile

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/project"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testEnv is the environment of all tests of this package.
var testEnv = map[string]string{"REGION": "north", "WAREHOUSE_SECRET_SALT": "pepper'; drop table x; --", "EMPTY": ""}

func lookupTestEnv(name string) (string, bool) {
	v, ok := testEnv[name]
	return v, ok
}

// load writes files into a folder and loads the project that they are. Without
// a project.yml it gets the usual one.
func load(t testing.TB, files map[string]string, vars map[string]any) (*project.Project, error) {
	t.Helper()
	dir := t.TempDir()
	if files["project.yml"] == "" && files["dbt_project.yml"] == "" {
		files["project.yml"] = "name: shop\nversion: 1.0.0\ntarget: dev\ntargets: {dev: {type: duckdb, path: target/warehouse.duckdb}}\n"
	}
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return project.Load(context.Background(), project.Options{Dir: dir, LookupEnv: lookupTestEnv, Vars: vars})
}

// compile loads and compiles.
func compile(t testing.TB, files map[string]string, vars map[string]any) (*Graph, error) {
	t.Helper()
	p, err := load(t, files, vars)
	if err != nil {
		return nil, err
	}
	return Compile(context.Background(), p, Options{LookupEnv: lookupTestEnv, Dialect: "duckdb"})
}

// testBinding is a run that reads every model in the schema run__ref.
func testBinding() Binding {
	return Binding{
		RunID:     "0190aaaa-0000-7000-8000-000000000001",
		StartedAt: time.Date(2026, 11, 1, 9, 30, 0, 0, time.UTC),
		Ref: func(n *Node) engine.Relation {
			return engine.Relation{Database: "memory", Schema: "run__ref", Name: n.Name}
		},
		This: func(n *Node) engine.Relation {
			return engine.Relation{Database: "wh", Schema: "latest__ref", Name: n.Name}
		},
		Database:    "wh",
		RunOf:       func(n *Node) (string, error) { return "run-of-" + n.Name, nil },
		Incremental: func(*Node) bool { return false },
		Query: func(_ context.Context, sql string) ([]engine.Column, [][]any, error) {
			if strings.Contains(sql, "nonsense") {
				return nil, nil, errors.New("there is no nonsense")
			}
			if strings.Contains(sql, "information_schema.tables") {
				return make([]engine.Column, 4), [][]any{{"wh", "main", "x", "VIEW"}}, nil
			}
			return []engine.Column{{Name: "id", Type: "INTEGER"}, {Name: "Name", Type: "VARCHAR"}},
				[][]any{{int64(1), "ann"}, {int64(2), nil}}, nil
		},
	}
}

// report is a graph as text: every node with what is known of it and its SQL.
func report(g *Graph) string {
	var b strings.Builder
	for _, w := range g.Warnings {
		b.WriteString("warning: " + shown(w))
	}
	for _, id := range slices.Sorted(maps.Keys(g.Nodes)) {
		n := g.Nodes[id]
		fmt.Fprintf(&b, "%s %s at %s", id, n.Kind, n.Pos)
		if n.Resource == Model && n.Table.String() != `"main"."`+n.Name+`"` {
			fmt.Fprintf(&b, " in %s", n.Table)
		}
		b.WriteByte('\n')
		if len(n.Parents) > 0 {
			fmt.Fprintf(&b, "  reads %s\n", strings.Join(n.Parents, ", "))
		}
		if len(n.Tags) > 0 {
			fmt.Fprintf(&b, "  tags %s\n", strings.Join(n.Tags, ", "))
		}
		if t := n.Test; t != nil {
			fmt.Fprintf(&b, "  severity %s, warn_if %s, error_if %s, fail_calc %s, limit %d\n", t.Severity, t.WarnIf, t.ErrorIf, t.FailCalc, t.Limit)
			if t.RowWise != "" {
				fmt.Fprintf(&b, "  rows %s\n", t.RowWise)
			}
		}
		if n.Resource == Source || n.Resource == Seed {
			continue
		}
		if n.Unit != nil {
			b.WriteString(unitReport(g, n))
			continue
		}
		r, err := g.Render(context.Background(), n, testBinding())
		if err != nil {
			b.WriteString("  error " + shownErr(err))
			continue
		}
		if r.Volatile != "" {
			fmt.Fprintf(&b, "  volatile %s\n", r.Volatile)
		}
		if len(r.RunOf) > 0 {
			fmt.Fprintf(&b, "  run of %s\n", strings.Join(r.RunOf, ", "))
		}
		if r.ReadsRunQuery {
			b.WriteString("  depends on queries\n")
		}
		for _, w := range r.Warnings {
			b.WriteString("  warning " + shown(w))
		}
		b.WriteString(indent(r.SQL, "  | "))
		if r.Stored != r.SQL {
			b.WriteString(indent(r.Stored, "  stored | "))
		}
	}
	return b.String()
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		b.WriteString(strings.TrimRight(by+line, " ") + "\n")
	}
	return b.String()
}

func shown(e *diag.Error) string {
	s := e.Error() + "\n" + e.Excerpt()
	if e.Advice != "" {
		s += "    " + e.Advice + "\n"
	}
	return s
}

func shownErr(err error) string {
	var all diag.Errors
	if errors.As(err, &all) {
		var b strings.Builder
		for _, e := range all {
			b.WriteString(shown(e))
		}
		return b.String()
	}
	var one *diag.Error
	if errors.As(err, &one) {
		return shown(one)
	}
	return err.Error() + "\n"
}

// Each file of testdata is a project, and in `want` what comes of it.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			var want []byte
			at := -1
			for i, f := range a.Files {
				if f.Name == "want" {
					want, at = f.Data, i
					continue
				}
				files[f.Name] = string(f.Data)
			}
			g, err := compile(t, files, nil)
			var got []byte
			if err != nil {
				got = []byte(shownErr(err))
			} else {
				got = []byte(report(g))
			}
			if *update {
				if at < 0 {
					a.Files = append(a.Files, txtar.File{Name: "want"})
					at = len(a.Files) - 1
				}
				a.Files[at].Data = got
				if err := os.WriteFile(name, txtar.Format(a), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

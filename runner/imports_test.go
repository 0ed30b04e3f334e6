package runner_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms says which packages of the project each package may import: the house
// plan. A package that is not listed may not exist.
var rooms = map[string][]string{
	"cmd/warehouse":                 {"*"},
	"bench":                         {"*"},
	"examples/embed":                {"*"},
	"runner":                        {"runner/artifact", "runner/binding", "runner/blame", "runner/compile", "runner/dag", "runner/datatest", "runner/diag", "runner/diff", "runner/engine", "runner/history", "runner/jinja", "runner/mart", "runner/project", "runner/seed", "runner/selector", "runner/sqltext"},
	"runner/project":                {"runner/diag", "runner/jinja"},
	"runner/deps":                   {"runner/diag", "runner/project"},
	"runner/jinja":                  {"runner/diag"},
	"runner/diag":                   {},
	"runner/dag":                    {},
	"runner/selector":               {"runner/dag", "runner/diag"},
	"runner/sqltext":                {"runner/diag"},
	"runner/compile":                {"runner/dag", "runner/diag", "runner/engine", "runner/jinja", "runner/project", "runner/sqltext"},
	"runner/engine":                 {},
	"runner/engine/duckdb":          {"runner/engine"},
	"runner/engine/trino":           {"runner/engine"},
	"runner/engine/trino/trinotest": {"runner/engine", "runner/engine/trino"},
	"runner/engine/enginetest":      {"*"},
	"runner/mart":                   {"runner/diag", "runner/engine"},
	"runner/history":                {"runner/diag", "runner/engine", "runner/mart"},
	"runner/artifact":               {},
	"runner/binding":                {"runner/engine", "runner/history", "runner/mart", "runner/sqltext"},
	"runner/datatest":               {"runner/engine"},
	"runner/seed":                   {"runner/diag"},
	"runner/blame":                  {"runner/diff", "runner/engine", "runner/history", "runner/mart"},
	"runner/diff":                   {"runner/diag", "runner/engine", "runner/history", "runner/mart"},
}

// drivers says which package alone may import a database driver.
var drivers = map[string]string{
	"github.com/duckdb/duckdb-go":        "runner/engine/duckdb",
	"github.com/trinodb/trino-go-client": "runner/engine/trino",
}

func TestImports(t *testing.T) {
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "target" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		checkImports(t, path, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImports(t *testing.T, path, room string) {
	t.Helper()
	allowed, known := rooms[room]
	if !known {
		t.Errorf("%s: package %s is not in the house plan", path, room)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, imp := range f.Imports {
		name, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Error(err)
			continue
		}
		for driver, owner := range drivers {
			if strings.HasPrefix(name, driver) && room != owner {
				t.Errorf("%s imports %s, which only %s may", path, name, owner)
			}
		}
		own, ok := strings.CutPrefix(name, "warehouse/")
		if ok && !slices.Contains(allowed, "*") && !slices.Contains(allowed, own) {
			t.Errorf("%s: %s may not import %s", path, room, own)
		}
	}
}

package jinja

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// caseFile returns the file of the cases, or why there is none.
func caseFile() (path, why string) {
	if p := os.Getenv("WAREHOUSE_JINJA_CASES"); p != "" {
		return p, ""
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err.Error()
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", "no go.mod above the working directory"
		}
		dir = parent
	}
	path = filepath.Join(dir, "..", "shared", "jinja", "cases.json")
	if _, err := os.Stat(path); err != nil {
		return "", "no case file: " + err.Error()
	}
	return path, ""
}

// TestCases renders templates whose output Jinja2 wrote down.
func TestCases(t *testing.T) {
	path, why := caseFile()
	if why != "" {
		t.Skip(why)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Context json.RawMessage
		Cases   []struct {
			ID, Grp, T    string
			Out, Err      *string
			Macros, Files map[string]string
		}
	}
	if err := json.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	for _, c := range suite.Cases {
		t.Run(c.ID, func(t *testing.T) {
			values, err := ParseJSON(string(suite.Context))
			if err != nil {
				t.Fatal(err)
			}
			vars := map[string]any{}
			for _, it := range values.(*Dict).Items() {
				vars[Str(it.Key)] = it.Value
			}
			d, err := newFakeDBT(vars, c.Macros, c.Files)
			if err != nil {
				t.Fatal(err)
			}
			var out Output
			tmpl, err := Parse("case.sql", c.T)
			if err == nil {
				out, err = tmpl.Render(context.Background(), Options{Globals: d, Loader: d.load})
			}
			switch {
			case c.Err != nil && err == nil:
				t.Errorf("%s\nrendered %q, want the error %q", c.T, out.Text, *c.Err)
			case c.Err != nil:
				t.Logf("%v (Jinja2: %s)", err, *c.Err)
			case err != nil:
				t.Errorf("%s\nfailed: %v", c.T, err)
			case out.Text != *c.Out:
				t.Errorf("%s\n got %q\nwant %q", c.T, out.Text, *c.Out)
			}
		})
	}
}

package project

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"warehouse/runner/diag"
)

var update = flag.Bool("update", false, "write what is there as what is wanted")

// env is the environment of all tests.
func env(name string) (string, bool) {
	v, ok := map[string]string{
		"HOME": "/home/ann", "NAME": "ann", "ONE": "1", "YES": "True", "LIST": "[1, 'b']", "WAREHOUSE_SECRET_TOKEN": "s3cr3t", "EMPTY": "",
	}[name]
	return v, ok
}

// unpack writes the files of an archive into a new folder.
func unpack(t testing.TB, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "want") {
			continue
		}
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loadText loads a project that is written as a txtar archive.
func loadText(t testing.TB, text string, o Options) (*Project, error) {
	t.Helper()
	o.Dir, o.LookupEnv = unpack(t, txtar.Parse([]byte(text))), env
	return Load(t.Context(), o)
}

func mustLoad(t testing.TB, text string, o Options) *Project {
	t.Helper()
	p, err := loadText(t, text, o)
	if err != nil {
		t.Fatal(report(err, nil, ""))
	}
	return p
}

// report prints errors and warnings as a command does.
func report(err error, warnings []*diag.Error, dir string) string {
	var b strings.Builder
	show := func(kind string, e *diag.Error) {
		fmt.Fprintf(&b, "%s%s\n%s", kind, e.Error(), e.Excerpt())
		if e.Advice != "" {
			fmt.Fprintf(&b, "    -> %s\n", e.Advice)
		}
	}
	var all diag.Errors
	if errors.As(err, &all) {
		for _, e := range all {
			show("", e)
		}
	} else if err != nil {
		fmt.Fprintf(&b, "%v\n", err)
	}
	for _, w := range warnings {
		show("warning: ", w)
	}
	if dir == "" {
		return b.String()
	}
	return strings.ReplaceAll(b.String(), dir, "$DIR")
}

// golden compares with the section want of a txtar file, or writes it.
func golden(t *testing.T, file string, make func(t *testing.T, a *txtar.Archive) string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a := txtar.Parse(data)
	got := make(t, a)
	want := -1
	for i, f := range a.Files {
		if f.Name == "want" {
			want = i
		}
	}
	if *update {
		if want < 0 {
			a.Files = append(a.Files, txtar.File{Name: "want"})
			want = len(a.Files) - 1
		}
		a.Files[want].Data = []byte(got)
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want < 0 {
		t.Fatalf("%s has no section want; it would be:\n%s", file, got)
	}
	if d := cmp.Diff(string(a.Files[want].Data), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

func goldens(t *testing.T, dir string, make func(t *testing.T, a *txtar.Archive) string) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) { golden(t, f, make) })
	}
}

// Every error of a project is told at once, with its place, in these words.
func TestErrors(t *testing.T) {
	goldens(t, "errors", func(t *testing.T, a *txtar.Archive) string {
		dir := unpack(t, a)
		p, err := Load(t.Context(), Options{Dir: dir, LookupEnv: env})
		var warnings []*diag.Error
		if p != nil {
			warnings = p.Warnings
		}
		return report(err, warnings, dir)
	})
}

package runner_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

// testdata/selections/dbt.txt holds what `dbt ls` of dbt-core 1.11.16 answers to
// selections of the project beside it; ids of data tests without their hash.
func TestSelectionsAreDBTs(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "selections"))); err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile(filepath.Join(dir, "dbt.txt"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := runner.Open(t.Context(), runner.Config{Dir: dir, Engines: []engine.Engine{duckdb.Engine()}})
	if err != nil {
		t.Fatal(err)
	}
	cases := strings.Split(strings.TrimSpace(string(golden)), "\n\n")
	if len(cases) < 100 {
		t.Fatalf("%d selections", len(cases))
	}
	for _, c := range cases {
		lines := strings.Split(c, "\n")
		args, want := strings.Fields(lines[0])[1:], lines[1:]
		list, err := r.List(t.Context(), listOptions(args))
		if err != nil && !errors.Is(err, runner.ErrNothingSelected) {
			t.Errorf("%s: %v", lines[0], err)
			continue
		}
		var got []string
		for _, n := range list {
			got = append(got, "\t"+hash.ReplaceAllString(n.ID, "")) // the list is without
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s\n more: %v\n less: %v", lines[0], less(got, want), less(want, got))
		}
	}
}

// hash stands behind the name of a generic data test in its id.
var hash = regexp.MustCompile(`\.[0-9a-f]{10}$`)

func less(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

func listOptions(args []string) runner.ListOptions {
	var o runner.ListOptions
	to := map[string]func(string){
		"--select":                func(s string) { o.Select = append(o.Select, s) },
		"--exclude":               func(s string) { o.Exclude = append(o.Exclude, s) },
		"--resource-type":         func(s string) { o.Filter.ResourceTypes = append(o.Filter.ResourceTypes, s) },
		"--exclude-resource-type": func(s string) { o.Filter.ExcludeResourceTypes = append(o.Filter.ExcludeResourceTypes, s) },
		"--indirect-selection":    func(s string) { o.Filter.Indirect = s },
		"--selector":              func(s string) { o.Filter.Selector = s },
	}
	var add func(string)
	for _, a := range args {
		if f, ok := to[a]; ok {
			add = f
			continue
		}
		add(a)
	}
	return o
}

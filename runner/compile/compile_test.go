package compile

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// The graph does not depend on how many templates are rendered at once.
func TestCompileIsDeterministic(t *testing.T) {
	a, err := txtar.ParseFile("testdata/datatests.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		if f.Name != "want" {
			files[f.Name] = string(f.Data)
		}
	}
	p, err := load(t, files, nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	var first string
	for _, threads := range []int{1, 2, 8, 8, 8} {
		g, err := Compile(context.Background(), p, Options{LookupEnv: lookupTestEnv, Threads: threads})
		if err != nil {
			t.Fatal(shownErr(err))
		}
		if got := report(g); first == "" {
			first = got
		} else if got != first {
			t.Fatalf("with %d threads:\n%s\nwant\n%s", threads, got, first)
		}
	}
}

func TestCompileIsCancelled(t *testing.T) {
	p, err := load(t, contextProject(), nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Compile(ctx, p, Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The command line's variables decide what there is, and win over the project's.
func TestVarsOfTheCommandLine(t *testing.T) {
	files := func() map[string]string {
		return map[string]string{
			"project.yml":         "name: shop\nversion: 1.0.0\nvars: {site: main, sites: [main, branch]}\ntarget: dev\ntargets: {dev: {type: duckdb, path: w.duckdb}}\n",
			"models/releases.sql": "{{ config(enabled=(var('site') in var('sites'))) }} select '{{ var('site') }}' as site",
			"models/always.sql":   "select '{{ var('site') }}', '{{ var('quotes', '') }}' as site",
		}
	}
	for _, c := range []struct {
		vars map[string]any
		has  bool
		sql  string
	}{
		{nil, true, "select 'main', '' as site"},
		{map[string]any{"site": "other"}, false, "select 'other', '' as site"},
		{map[string]any{"site": "branch", "quotes": `it''s "50%" {{ 1 }}`}, true, `select 'branch', 'it''s "50%" {{ 1 }}' as site`},
	} {
		g, err := compile(t, files(), c.vars)
		if err != nil {
			t.Fatal(shownErr(err))
		}
		if (g.Model("releases") != nil) != c.has {
			t.Errorf("%v: releases is there: %v", c.vars, !c.has)
		}
		r, err := g.Render(context.Background(), g.Model("always"), testBinding())
		if err != nil || r.SQL != c.sql {
			t.Errorf("%v: %v %v", c.vars, r, err)
		}
	}
}

// A long name is kept whole, so that two tests stay two.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("a_long_name_", 12)
	g, err := compile(t, map[string]string{
		"models/" + long + ".sql": "select 1 as x",
		"models/s.yml":            "models: [{name: " + long + ", columns: [{name: " + long + "good, data_tests: [not_null]}, {name: " + long + "poor, data_tests: [not_null]}]}]\n",
	}, nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	for _, end := range []string{"good", "poor"} {
		if g.Nodes["test.shop.not_null_"+long+"_"+long+end] == nil {
			t.Errorf("the test of %s is not there", end)
		}
	}
}

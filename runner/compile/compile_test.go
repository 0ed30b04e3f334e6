package compile

import (
	"context"
	"errors"
	"maps"
	"slices"
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

// byID finds a node by its id, that of a data test without the hash behind it.
func byID(g *Graph, id string) *Node {
	for _, n := range g.Nodes {
		if n.ID == id || n.Test != nil && strings.TrimSuffix(n.ID, n.Test.hash) == id {
			return n
		}
	}
	return nil
}

// The ids of data tests are those that dbt gives them: known ones of its
// example project, and tests of one name.
func TestIDsOfTests(t *testing.T) {
	g, err := compile(t, map[string]string{
		"models/customers.sql": "select 1 as customer_id", "models/orders.sql": "select 1 as customer_id, 'placed' as status",
		"models/s.yml": `
models:
  - name: customers
    columns: [{name: customer_id, data_tests: [unique]}]
  - name: orders
    columns:
      - {name: customer_id, data_tests: [{relationships: {arguments: {to: ref('customers'), field: customer_id}}}, {not_null: {name: same}}]}
      - {name: status, data_tests: [{accepted_values: {arguments: {values: [placed, shipped, completed, return_pending, returned]}}}, {not_null: {name: same}}]}
`}, nil)
	if err != nil {
		t.Fatal(shownErr(err))
	}
	names := map[string]bool{}
	for id, n := range g.Nodes {
		if n.Test != nil {
			names[n.Name] = true
			n.Name = id
		}
	}
	for _, id := range []string{"test.shop.unique_customers_customer_id.c5af1ff4b1", "test.shop.relationships_orders_customer_id__customer_id__ref_customers_.c6ec7f58f2",
		"test.shop.accepted_values_orders_status__placed__shipped__completed__return_pending__returned.be6b5b5ec3"} {
		if g.Nodes[id] == nil {
			t.Errorf("there is no %s among %q", id, slices.Sorted(maps.Keys(g.Nodes)))
		}
	}
	if !names["same"] || !names["same_2"] || len(names) != 5 {
		t.Errorf("names are %v", names)
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
		if byID(g, "test.shop.not_null_"+long+"_"+long+end) == nil {
			t.Errorf("the test of %s is not there", end)
		}
	}
}

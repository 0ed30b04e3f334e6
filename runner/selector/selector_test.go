package selector_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"warehouse/runner/dag"
	"warehouse/runner/selector"
)

// shop is the project of all tests here:
//
//	raw.orders → stg_orders → orders  → report → weekly (exposure)
//	raw.items  → stg_items  → items   ↗
//	country (seed), dim.v1, dim.v2 (latest), dim.v3; other package: log
//
// with a data test on each of orders and items, one between the two, and a
// unit test of report.
func shop(t testing.TB) (*dag.Graph, []*selector.Node) {
	t.Helper()
	parents := map[string][]string{
		"raw.orders": nil, "raw.items": nil, "country": nil, "dim.v1": nil, "dim.v2": nil, "dim.v3": nil, "log": nil,
		"stg_orders": {"raw.orders"}, "stg_items": {"raw.items"},
		"orders": {"stg_orders"}, "items": {"stg_items"}, "report": {"orders", "items"}, "weekly": {"report"},
		"unique_orders": {"orders"}, "not_null_items": {"items"}, "related": {"orders", "items"}, "check_report": {"report"},
	}
	g, err := dag.New(parents)
	if err != nil {
		t.Fatal(err)
	}
	model := func(id, folder string, tags ...string) *selector.Node {
		return &selector.Node{ID: id, Name: id, Package: "shop", ResourceType: "model", FQN: []string{"shop", folder, id},
			Path: "models/" + folder + "/" + id + ".sql", Patch: "models/" + folder + "/schema.yml", Tags: tags, Access: "protected",
			Config: func() map[string]any { return map[string]any{"materialized": "table", "tags": tags} }}
	}
	test := func(id, name string) *selector.Node {
		return &selector.Node{ID: id, Name: id, Package: "shop", ResourceType: "test", FQN: []string{"shop", "marts", id},
			Path: "models/marts/schema.yml", TestType: "generic", TestName: name, Config: func() map[string]any { return map[string]any{"severity": "ERROR"} }}
	}
	source := func(table string) *selector.Node {
		return &selector.Node{ID: "raw." + table, Name: table, SourceName: "raw", Package: "shop", ResourceType: "source",
			FQN: []string{"shop", "raw", table}, Path: "models/sources.yml", Tags: []string{"raw"}}
	}
	version := func(v string) *selector.Node {
		n := model("dim.v"+v, "dims")
		n.Name, n.FQN, n.Version, n.LatestVersion = "dim", []string{"shop", "dims", "dim", "v" + v}, v, "2"
		return n
	}
	orders, report := model("orders", "marts", "nightly", "hourly"), model("report", "marts", "nightly")
	config := map[string]any{"materialized": "incremental", "enabled": true, "tags": []any{"nightly", "hourly"}, "unique_key": []string{"id", "day"},
		"threads": 4, "meta": map[string]any{"owner": "ann", "pii": false, "deep": map[string]any{"x": "y"}}}
	orders.Config = func() map[string]any { return config }
	report.Group, report.Access = "finance", "private"
	related := test("related", "")
	related.TestType, related.Path = "singular", "tests/related.sql"
	return g, []*selector.Node{
		source("orders"), source("items"), model("stg_orders", "staging", "nightly"), model("stg_items", "staging"),
		orders, model("items", "marts"), report, version("1"), version("2"), version("3"),
		{ID: "country", Name: "country", Package: "shop", ResourceType: "seed", FQN: []string{"shop", "country"}, Path: "seeds/country.csv"},
		{ID: "log", Name: "log", Package: "logger", ResourceType: "model", FQN: []string{"logger", "log"}, Path: "models/log.sql"},
		{ID: "weekly", Name: "weekly", Package: "shop", ResourceType: "exposure", FQN: []string{"shop", "weekly"}, Path: "models/e.yml"},
		test("unique_orders", "unique"), test("not_null_items", "not_null"), related,
		{ID: "check_report", Name: "check_report", Package: "shop", ResourceType: "unit_test", FQN: []string{"shop", "marts", "report", "check_report"}, Path: "models/marts/schema.yml"},
	}
}

// state is a Matcher for which orders is modified and log failed.
type state struct{}

func (state) Match(method, arg, value string, n *selector.Node) (bool, error) {
	switch method + ":" + value {
	case "state:modified":
		return n.ID == "orders", nil
	case "result:error":
		return n.ID == "log", nil
	}
	return false, errors.New("no such " + method)
}

func ids(s selector.Selection) string {
	var out []string
	for id, ok := range s.IDs {
		if ok {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestSelect(t *testing.T) {
	g, nodes := shop(t)
	for _, c := range []struct{ query, want string }{
		// names and folders
		{"orders", "orders"},
		{"fqn:orders", "orders"},
		{"shop.marts.orders", "orders"},
		{"marts.orders", "orders"},
		{"staging", "stg_items stg_orders"},
		{"shop.staging", "stg_items stg_orders"},
		{"staging.*", "stg_items stg_orders"},
		{"shop.*.stg_orders", "stg_orders"},
		{"stg_*", "stg_items stg_orders"},
		{"logger.*", "log"},
		{"orders.marts", ""},
		{"ORDERS", ""},
		{"order?", "orders"},
		{"[oi]*e?s", "items orders"},
		{"dim", "dim.v1 dim.v2 dim.v3"},
		{"dim.v2", "dim.v2"},
		{"dim_v2", "dim.v2"},
		{"d?m", "dim.v1 dim.v2 dim.v3"},
		// graph operators
		{"+orders", "orders raw.orders stg_orders"},
		{"1+orders", "orders stg_orders"},
		{"0+orders", "orders"},
		{"stg_orders+", "orders related report stg_orders unique_orders check_report weekly"},
		{"stg_orders+1", "orders stg_orders"},
		{"1+orders+1", "orders related report stg_orders unique_orders"},
		{"@stg_items", "check_report items not_null_items orders raw.items raw.orders related report stg_items stg_orders weekly"},
		{"@log", "log"},
		{"+exposure:weekly", "items orders raw.items raw.orders report stg_items stg_orders weekly"},
		{"+tag:hourly", "orders raw.orders stg_orders"},
		// sets
		{"tag:nightly,path:models/marts", "orders report"},
		{"tag:hourly,path:models/marts stg_orders", "orders stg_orders"},
		{"log  country", "country log"},
		{"+report,stg_*+", "items orders report stg_items stg_orders"},
		// methods
		{"tag:night*", "orders report stg_orders"},
		{"path:models/marts/orders.sql", "orders"},
		{"models/staging", "stg_items stg_orders"},
		{"./models/staging/", "stg_items stg_orders"},
		{"models/*/stg_*", "stg_items stg_orders"},
		{"models/**/orders.sql", "orders"},
		{"models/*.sql", "log"},
		{"path:models/staging/schema.yml", "stg_items stg_orders"},
		{"path:seeds", "country"},
		{"orders.sql", "orders"},
		{"file:stg_*", "stg_items stg_orders"},
		{"file:country", "country"},
		{"package:logger", "log"},
		{"source:raw", "raw.items raw.orders"},
		{"source:raw.orders", "raw.orders"},
		{"source:shop.raw.o*", "raw.orders"},
		{"source:raw.orders+1", "raw.orders stg_orders"},
		{"config.materialized:incremental", "orders"},
		{"config.enabled:TRUE", "orders"},
		{"config.meta.owner:ann", "orders"},
		{"config.meta.pii:false", "orders"},
		{"config.meta.deep.x:y", "orders"},
		{"config.meta.deep:y", ""},
		{"config.tags:hourly", "orders"},
		{"config.unique_key:day", "orders"},
		{"config.threads:4", "orders"},
		{"config.severity:error", "not_null_items related unique_orders"},
		{"test_type:generic", "not_null_items unique_orders"},
		{"test_type:singular", "related"},
		{"test_type:data", "not_null_items related unique_orders"},
		{"test_type:unit", "check_report"},
		{"test_name:un*", "unique_orders"},
		{"resource_type:seed", "country"},
		{"resource_type:exposure", "weekly"},
		{"group:fin*", "report"},
		{"access:private", "report"},
		{"version:latest", "dim.v2"},
		{"version:old", "dim.v1"},
		{"version:prerelease", "dim.v3"},
		{"version:none,marts", "items orders report"},
		{"unit_test:check_*", "check_report"},
		{"exposure:shop.weekly", "weekly"},
		{"state:modified", "orders"},
		{"state:modified+1", "orders related report unique_orders"},
		{"result:error", "log"},
		{"package:this,resource_type:seed", "country"},
		{"selector:nightly_*", "orders report stg_orders"},
		{"1+selector:nightly_orders", "orders raw.orders stg_orders report items"},
	} {
		o := selector.Options{Package: "shop", Indirect: selector.Empty}
		nightly, err := o.Parse("tag:nightly")
		if err != nil {
			t.Fatal(err)
		}
		o.Selectors = map[string]selector.Expr{"nightly_orders": nightly}
		e, err := o.Parse(c.query)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		s, err := e.Select(g, nodes, state{})
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		want := strings.Fields(c.want)
		slices.Sort(want)
		if got := ids(s); got != strings.Join(want, " ") {
			t.Errorf("%s:\n got %s\nwant %s", c.query, got, strings.Join(want, " "))
		}
		if unmatched := strings.Join(s.Unmatched, " "); (len(want) == 0) != (unmatched == c.query) {
			t.Errorf("%s: reported as unmatched: %q", c.query, unmatched)
		}
	}
}

func TestIndirect(t *testing.T) {
	g, nodes := shop(t)
	for _, c := range []struct{ include, exclude, mode, want string }{
		{"orders", "", "eager", "orders related unique_orders"},
		{"orders", "", "cautious", "orders unique_orders"},
		{"orders", "", "buildable", "orders unique_orders"},
		{"orders", "", "empty", "orders"},
		{"orders items", "", "cautious", "items not_null_items orders related unique_orders"},
		{"orders items", "", "empty", "items orders"},
		{"report", "", "eager", "check_report report"},
		// The parents of related are ancestors of report.
		{"report orders", "", "buildable", "check_report orders related report unique_orders"},
		{"report orders", "", "cautious", "check_report orders report unique_orders"},
		// Tests that a node brought along can be taken away again.
		{"orders", "test_name:unique", "eager", "orders related"},
		{"orders", "items", "eager", "orders unique_orders"},
		// As in dbt: the test had both its parents when it came along.
		{"orders items", "items", "cautious", "orders related unique_orders"},
		{"orders,tag:hourly", "", "eager", "orders related unique_orders"},
		{"marts,test_type:singular", "", "eager", "related"},
		{"", "resource_type:model resource_type:source test_type:data test_type:unit", "eager", "country weekly"},
	} {
		mode, err := selector.ParseIndirect(c.mode)
		if err != nil {
			t.Fatal(err)
		}
		var include, exclude []string
		if c.include != "" {
			include = []string{c.include}
		}
		if c.exclude != "" {
			exclude = []string{c.exclude}
		}
		e, err := selector.Options{Indirect: mode}.ParseFlags(include, exclude)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Select(g, nodes, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(s); got != c.want {
			t.Errorf("%s without %s, %s:\n got %s\nwant %s", c.include, c.exclude, c.mode, got, c.want)
		}
		if len(s.Unmatched) > 0 {
			t.Errorf("%s without %s: unmatched %q", c.include, c.exclude, s.Unmatched)
		}
	}
	if _, err := selector.ParseIndirect("all"); err == nil || mode(0).String() != "eager" {
		t.Errorf("got %v", err)
	}
}

type mode = selector.Indirect

func TestUnmatched(t *testing.T) {
	g, nodes := shop(t)
	e, err := selector.Options{}.ParseFlags([]string{"orders ordres", "tag:x,orders"}, []string{"+nobody"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Select(g, nodes, nil)
	if got, want := fmt.Sprintf("%q", s.Unmatched), `["ordres" "tag:x,orders" "+nobody"]`; got != want || err != nil {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

// An Expr can be made without a text.
func TestValues(t *testing.T) {
	g, nodes := shop(t)
	e := selector.Difference{
		From: selector.Union{Parts: []selector.Expr{
			selector.Criterion{Method: "fqn", Value: "stg_orders", Children: true, ChildrenDepth: 2, Indirect: selector.Empty},
			selector.Intersection{Parts: []selector.Expr{selector.All{}, selector.Criterion{Method: "config", Arg: "meta.owner", Value: "bob"}}},
		}},
		Without: selector.Criterion{Method: "resource_type", Value: "test"},
	}
	s, err := e.Select(g, nodes, nil)
	if got := ids(s); got != "orders report stg_orders" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if got, want := e.String(), "fqn:stg_orders+2 all,config.meta.owner:bob without resource_type:test"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := fmt.Sprintf("%q", s.Unmatched); got != `["all,config.meta.owner:bob"]` {
		t.Errorf("unmatched: %s", got)
	}
	_, err = selector.Criterion{Method: "flavour", Value: "x"}.Select(g, nodes, nil)
	if err == nil || !strings.Contains(err.Error(), `unknown method "flavour"`) {
		t.Errorf("unknown method: %v", err)
	}
}

// ExampleParse shows how a command reads its flags.
func ExampleParse() {
	g, _ := dag.New(map[string][]string{"a": nil, "b": {"a"}, "c": {"b"}})
	nodes := []*selector.Node{
		{ID: "a", Name: "a", ResourceType: "model", FQN: []string{"shop", "a"}},
		{ID: "b", Name: "b", ResourceType: "model", FQN: []string{"shop", "b"}},
		{ID: "c", Name: "c", ResourceType: "model", FQN: []string{"shop", "c"}},
	}
	e, _ := selector.Parse("+b", "nobody")
	s, _ := e.Select(g, nodes, nil)
	fmt.Println(s.IDs, "nothing matched:", s.Unmatched)
	_, err := selector.Parse("a tags:nightly")
	fmt.Println(err)
	// Output:
	// map[a:true b:true] nothing matched: [nobody]
	// selection: unknown method "tags"; did you mean "tag"?
	//     a tags:nightly
	//       ^
}

package diff

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"warehouse/runner/engine"
	"warehouse/runner/mart"
)

var update = flag.Bool("update", false, "write golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".sql")
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got+"\n" != string(want) {
		t.Errorf("%s differs; -update writes it anew\n--- got\n%s\n--- want\n%s", path, got, want)
	}
}

// Two runs of one table: `Price` got another type, so that it has a stored
// column of its own, and a name with quotes stays in quotes.
var (
	columnsA = []mart.Column{{Name: "id", Type: "BIGINT", Physical: "id"}, {Name: "Price", Type: "DOUBLE", Physical: "Price"},
		{Name: `it's "x"`, Type: "VARCHAR", Physical: `it's "x"`}, {Name: "was", Type: "DATE", Physical: "was"}}
	columnsB = []mart.Column{{Name: "id", Type: "BIGINT", Physical: "id"}, {Name: "price", Type: "DECIMAL(10,2)", Physical: "Price~2"},
		{Name: `it's "x"`, Type: "VARCHAR", Physical: `it's "x"`}, {Name: "new", Type: "DATE", Physical: "new"}}
)

func sides(where string) (a, b source) {
	table := engine.Relation{Database: "warehouse", Schema: "main", Name: "orders"}
	return source{table, `t."run_id" = 'A'::UUID`, columnsA, where}, source{table, `t."run_id" = 'B'::UUID`, columnsB, where}
}

func TestKeyedSQL(t *testing.T) {
	for _, c := range []struct {
		name, where string
		o           Options
	}{
		{"keyed", "", Options{}},
		{"keyed_where", "price > 1 -- cheap", Options{}},
		{"keyed_tolerance", "", Options{Tolerance: Tolerance{Absolute: 0.01, Relative: 0.05}}},
	} {
		both, _ := align(columnsA, columnsB, c.o)
		a, b := sides(c.where)
		keys, values := split(both, []string{"ID"})
		k := keyed{a, b, keys, values, lang{}}
		golden(t, c.name, k.rows()+";\n\n"+k.counts())
	}
}

func TestKeyedShowSQL(t *testing.T) {
	both, _ := align(columnsA, columnsB, Options{})
	a, b := sides("")
	keys, values := split(both, []string{"id"})
	k := keyed{a, b, keys, values, lang{}}
	golden(t, "keyed_show", k.sample(Changed, 5)+";\n\n"+k.sample(Added, 5)+";\n\n"+k.movers(0, 3))
	if got := k.movers(1, 3); got != "" {
		t.Errorf("a text moves: %s", got)
	}
}

func TestBagSQL(t *testing.T) {
	both, _ := align(columnsA, columnsB, Options{})
	a, b := sides("")
	g := bag{a, b, both, lang{}}
	golden(t, "bag", g.rows()+";\n\n"+g.counts()+";\n\n"+g.sample(Removed, 5))
}

func TestSourceSQL(t *testing.T) {
	a, _ := sides("")
	_, b := sides("true")
	golden(t, "source", a.count()+";\n\n"+b.count()+";\n\n"+a.repeated(columnsA[:2]))
}

package dag_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"warehouse/runner/dag"
)

// edges reads "a>b a>c d" as: b and c wait for a; d waits for nobody.
func edges(text string) map[string][]string {
	parents := make(map[string][]string)
	for _, f := range strings.Fields(text) {
		p, c, ok := strings.Cut(f, ">")
		if _, known := parents[p]; !known {
			parents[p] = nil
		}
		if ok {
			parents[c] = append(parents[c], p)
		}
	}
	return parents
}

func graph(t testing.TB, text string) *dag.Graph {
	t.Helper()
	g, err := dag.New(edges(text))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestOrder(t *testing.T) {
	for _, c := range []struct{ edges, want string }{
		{"", ""},
		{"b a c", "a b c"},
		{"b>a", "b a"},
		{"a>d b>d d>c", "a b d c"},
		{"z>a b>a", "b z a"},
		{"a>b a>b a>b", "a b"},
		{"z>a c d", "c d z a"},
	} {
		if got := strings.Join(graph(t, c.edges).Order(), " "); got != c.want {
			t.Errorf("order of %q: %s, want %s", c.edges, got, c.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct{ name, edges, want string }{
		{"itself", "a>a", "cycle: a → a"},
		{"two", "b>a a>b", "cycle: a → b → a"},
		{"the way the data flows", "south>north north>west west>south south>east", "cycle: north → west → south → north"},
		{"what leads to the ring is not in it", "a>m m>n n>m n>z", "cycle: m → n → m"},
		{"the ring above the first name", "x>y y>x y>a", "cycle: x → y → x"},
	} {
		_, err := dag.New(edges(c.edges))
		var cycle *dag.CycleError
		if !errors.As(err, &cycle) || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	_, err := dag.New(map[string][]string{"a": {"b"}})
	if err == nil || !strings.Contains(err.Error(), `"a" has the parent "b"`) {
		t.Errorf("unknown parent: %v", err)
	}
}

func TestNeighbours(t *testing.T) {
	g := graph(t, "a>b b>c c>d a>d x>c lone")
	for _, c := range []struct{ what, got, want string }{
		{"parents", fmt.Sprint(g.Parents("c")), "[b x]"},
		{"children", fmt.Sprint(g.Children("a")), "[b d]"},
		{"ancestors", fmt.Sprint(g.Ancestors("d", -1)), "[a b c x]"},
		{"ancestors 0", fmt.Sprint(g.Ancestors("d", 0)), "[]"},
		{"ancestors 1", fmt.Sprint(g.Ancestors("d", 1)), "[a c]"},
		{"ancestors 2", fmt.Sprint(g.Ancestors("d", 2)), "[a b c x]"},
		{"descendants", fmt.Sprint(g.Descendants("a", -1)), "[b c d]"},
		{"descendants 1", fmt.Sprint(g.Descendants("a", 1)), "[b d]"},
		{"of a lone node", fmt.Sprint(g.Descendants("lone", -1), g.Ancestors("lone", -1)), "[] []"},
		{"of an unknown node", fmt.Sprint(g.Parents("?"), g.Children("?"), g.Ancestors("?", -1), g.Descendants("?", 1), g.Has("?")), "[] [] [] [] false"},
		{"size", fmt.Sprint(g.Len(), g.Has("lone")), "6 true"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
}

// What a caller does with an answer is not to change the graph.
func TestGraphDoesNotChange(t *testing.T) {
	g := graph(t, "a>b a>c")
	for _, s := range [][]string{g.Order(), g.Parents("b"), g.Children("a"), g.Descendants("a", -1)} {
		s[0] = "changed"
	}
	if got := fmt.Sprint(g.Order(), g.Parents("b"), g.Children("a")); got != "[a b c] [a] [b c]" {
		t.Errorf("got %s", got)
	}
}

func TestSubgraph(t *testing.T) {
	for _, c := range []struct{ edges, keep, want string }{
		{"a>b b>c", "a c", "a c<a"},
		{"a>b b>c", "c", "c"},
		{"a>b b>c c>d x>c", "a d x", "a x d<a,x"},
		{"a>b a>c b>d c>d", "a d", "a d<a"},
		{"a>b", "a b nobody", "a b<a"},
		{"a>b", "", ""},
	} {
		keep := make(map[string]bool)
		for _, id := range strings.Fields(c.keep) {
			keep[id] = true
		}
		g := graph(t, c.edges).Subgraph(keep)
		var got []string
		for _, id := range g.Order() {
			if p := g.Parents(id); len(p) > 0 {
				id += "<" + strings.Join(p, ",")
			}
			got = append(got, id)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q without all but %q: %s, want %s", c.edges, c.keep, got, c.want)
		}
	}
}

// layered returns a random graph of n nodes whose parents have lower numbers.
func layered(r *rand.Rand, n, most int) map[string][]string {
	parents := make(map[string][]string, n)
	for i := range n {
		id := fmt.Sprintf("n%05d", i)
		parents[id] = nil
		for range min(i, r.IntN(most+1)) {
			parents[id] = append(parents[id], fmt.Sprintf("n%05d", r.IntN(i)))
		}
	}
	return parents
}

func TestRandomGraphsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		parents := layered(r, 30, 3)
		g, err := dag.New(parents)
		if err != nil {
			t.Fatal(err)
		}
		order := g.Order()
		for id := range parents {
			for _, p := range g.Parents(id) {
				if slices.Index(order, p) > slices.Index(order, id) {
					t.Fatalf("%s comes before its parent %s", id, p)
				}
			}
			for _, a := range g.Ancestors(id, -1) {
				if !slices.Contains(g.Descendants(a, -1), id) {
					t.Fatalf("%s is above %s, which is not below it", a, id)
				}
			}
		}
		// Leaving nodes out neither adds nor loses a path between the others.
		keep := make(map[string]bool)
		for id := range parents {
			keep[id] = r.IntN(2) == 0
		}
		sub := g.Subgraph(keep)
		for _, id := range sub.Order() {
			want := slices.DeleteFunc(g.Ancestors(id, -1), func(a string) bool { return !keep[a] })
			if got := sub.Ancestors(id, -1); !slices.Equal(got, want) {
				t.Fatalf("above %s: %s, want %s", id, got, want)
			}
		}
	}
}

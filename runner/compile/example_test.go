package compile

import (
	"context"
	"testing"

	"warehouse/runner/project"
)

// The shipped example compiles without a warning, and each of its nodes renders.
func TestShippedExample(t *testing.T) {
	p, err := project.Load(context.Background(), project.Options{Dir: "../..", LookupEnv: lookupTestEnv})
	if err != nil {
		t.Fatal(shownErr(err))
	}
	g, err := Compile(context.Background(), p, Options{LookupEnv: lookupTestEnv})
	if err != nil {
		t.Fatal(shownErr(err))
	}
	for _, w := range g.Warnings {
		t.Error(shown(w))
	}
	models := 0
	for _, n := range g.Nodes {
		if n.Resource == Model {
			models++
		}
		if n.Resource == Source {
			continue
		}
		r, err := g.Render(context.Background(), n, testBinding())
		if err != nil {
			t.Errorf("%s: %s", n.ID, shownErr(err))
		} else if len(r.Warnings) > 0 {
			t.Errorf("%s: %s", n.ID, shown(r.Warnings[0]))
		}
	}
	if models == 0 {
		t.Error("the example has no models")
	}
}

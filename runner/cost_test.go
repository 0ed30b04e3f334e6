package runner_test

import (
	"sync"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
)

// costs are the numbers of statements of a build: constant for a run and for
// each mart, however many runs and marts there are. docs/scale.md tells them.
type costs struct {
	run, mart, fresh int // of a run; of each mart; and of one that is new
}

// costOf counts them in a project without marts: build builds it and says how
// many statements that took. later is how many builds more must take as many.
func costOf(t *testing.T, s *shop, later int, build func() int) costs {
	t.Helper()
	add := func(names ...string) {
		for _, n := range names {
			s.write("-- models/" + n + ".sql --\n{{ config(primary_key=['k']) }}\nselect k, {{ var('f', 1) }} as v from (values (1), (2), (3)) as t(k)\n")
		}
	}
	add("a")
	build()
	build()
	one := build()
	add("b", "c")
	grown := build()
	build()
	three := build()
	for range later {
		if again := build(); again != three {
			t.Errorf("a later build of the same marts took %d statements, not %d: it grows with the runs", again, three)
		}
	}
	per := (three - one + 1) / 2
	c := costs{run: one - per, mart: per, fresh: (grown - one + 1) / 2}
	t.Logf("%d with one mart, %d with three, %d when two of these are new: %+v", one, three, grown, c)
	return c
}

// What a build costs in statements on DuckDB.
func TestStatements(t *testing.T) {
	s := newShop(t, "")
	var mu sync.Mutex
	n := 0
	s.change = func(cfg *runner.Config) {
		cfg.Statement = func(engine.Statement) {
			mu.Lock()
			defer mu.Unlock()
			n++
		}
	}
	c := costOf(t, s, 5, func() int {
		n = 0
		s.build(runner.BuildOptions{})
		return n
	})
	if want := (costs{run: 37, mart: 7, fresh: 16}); c != want {
		t.Errorf("a build takes %+v statements, want %+v, as docs/scale.md says", c, want)
	}
}

package runner_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

// paceOf builds and says which statements about threads came in which order,
// with the INSERTs of models between them.
func paceOf(t *testing.T, s *shop) string {
	t.Helper()
	var mu sync.Mutex
	var said []string
	r, err := runner.Open(t.Context(), runner.Config{Dir: s.dir, Engines: []engine.Engine{duckdb.Engine()}, Statement: func(st engine.Statement) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case strings.HasPrefix(st.SQL, "SET GLOBAL threads"):
			said = append(said, "narrow")
		case strings.HasPrefix(st.SQL, "RESET GLOBAL threads"):
			said = append(said, "wide")
		case strings.HasPrefix(st.SQL, `INSERT INTO "warehouse"."main"."m"`):
			said = append(said, "m")
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := r.Build(t.Context(), runner.BuildOptions{})
	if err != nil || !rep.OK() {
		t.Fatal(err, rep)
	}
	return strings.Join(said, " ")
}

func TestPace(t *testing.T) {
	defer runner.SetSlow(time.Hour)()
	for _, c := range []struct{ name, files, first, second string }{
		{"small", "-- models/m.sql --\nselect 1 as n", "narrow m", "narrow m"},
		{"a table function, once it is known to be small", "-- models/m.sql --\nselect i as n from range(3) t(i)", "narrow wide m", "narrow m"},
		{"many rows", "-- models/m.sql --\nselect i as n from range(300000) t(i)", "narrow wide m", "narrow wide m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop(t, c.files)
			if got := paceOf(t, s); got != c.first {
				t.Errorf("the first build: %s, want %s", got, c.first)
			}
			if got := paceOf(t, s); got != c.second {
				t.Errorf("the second build: %s, want %s", got, c.second)
			}
		})
	}
}

// What takes long gets all cores while it runs.
func TestPaceWidens(t *testing.T) {
	defer runner.SetSlow(20 * time.Millisecond)()
	s := newShop(t, `
-- models/m.sql --
with t as (select unnest(generate_series(1, 250)) as x) select count(*) as n from t as a, t as b, t as c where hash(a.x, b.x, c.x) % 1000 = 7
`)
	if got := paceOf(t, s); got != "narrow wide m" {
		t.Errorf("got %s", got)
	}
}

// A target that says how many threads there are is left alone.
func TestPaceOfTheTarget(t *testing.T) {
	s := newShop(t, `
-- models/m.sql --
select 1 as n
-- project.yml --
name: shop
version: 1.0.0
target: dev
targets: {dev: {type: duckdb, path: target/warehouse.duckdb, settings: {Threads: 2}}}
`)
	if got := paceOf(t, s); got != "m" {
		t.Errorf("got %s", got)
	}
}

// Rows added to many tables that have some are checkpointed on the way: until
// then each of their columns takes memory.
func TestRelief(t *testing.T) {
	files := "-- project.yml --\nname: shop\nversion: 1.0.0\ntargets: {dev: {type: duckdb, path: w.duckdb}}\n"
	for i := range 60 {
		files += fmt.Sprintf("-- models/m%d.sql --\nselect 1 as a, 2 as b, 3 as c, 4 as d, 5 as e, 6 as f, 7 as g, 8 as h, 9 as i\n", i)
	}
	s := newShop(t, files)
	for i, want := range []int64{1, 2, 2} {
		var said atomic.Int64
		cfg := s.config()
		cfg.Statement = func(st engine.Statement) {
			if strings.HasPrefix(st.SQL, "CHECKPOINT") {
				said.Add(1)
				if st.Err != nil {
					t.Error(st.Err)
				}
			}
		}
		r, err := runner.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if rep, err := r.Build(t.Context(), runner.BuildOptions{}); err != nil || !rep.OK() {
			t.Fatal(err, rep)
		}
		if said.Load() != want {
			t.Errorf("build %d: %d checkpoints, want %d", i+1, said.Load(), want)
		}
	}
	s.sound()
}

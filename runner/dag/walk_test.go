package dag_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"warehouse/runner/dag"
)

var errBad = errors.New("bad")

// show prints outcomes in a form for tables: "a:ok b:bad c:skip(b) d:cancelled".
func show(out map[string]dag.Outcome) string {
	var s []string
	for id, o := range out {
		switch {
		case o.Cancelled:
			id += ":cancelled"
		case o.Skipped:
			id += ":skip(" + o.SkippedBecause + ")"
		case o.Err != nil:
			id += ":" + o.Err.Error()
		default:
			id += ":ok"
		}
		s = append(s, id)
	}
	slices.Sort(s)
	return strings.Join(s, " ")
}

func TestWalkOutcomes(t *testing.T) {
	for _, c := range []struct {
		name, edges, bad string
		failFast         bool
		want             string
	}{
		{"nothing", "", "", false, ""},
		{"all well", "a>b b>c", "", false, "a:ok b:ok c:ok"},
		{"descendants are skipped", "a>b b>c", "a", false, "a:bad b:skip(a) c:skip(a)"},
		{"other branches go on", "a>b b>c x>y", "a", false, "a:bad b:skip(a) c:skip(a) x:ok y:ok"},
		{"a good parent does not help", "a>c x>c", "a", false, "a:bad c:skip(a) x:ok"},
		{"of two failed ancestors the first is named", "x>c a>b b>c", "x b", false, "a:ok b:bad c:skip(b) x:bad"},
		{"a leaf fails", "a>b a>c", "b", false, "a:ok b:bad c:ok"},
		{"fail fast", "a>d b>e c>f", "a", true, "a:bad b:skip(a) c:skip(a) d:skip(a) e:skip(a) f:skip(a)"},
	} {
		for _, workers := range []int{0, 1, 4} {
			if c.failFast && workers > 1 {
				continue // what runs beside a depends on time; see TestWalkFailFastLetsRunningFinish
			}
			var visits sync.Map
			o := dag.Options{Workers: workers, FailFast: c.failFast}
			out := dag.Walk(t.Context(), graph(t, c.edges), o, func(_ context.Context, id string) error {
				if _, twice := visits.LoadOrStore(id, true); twice {
					t.Errorf("%s: %s was visited twice", c.name, id)
				}
				if slices.Contains(strings.Fields(c.bad), id) {
					return errBad
				}
				return nil
			})
			if got := show(out); got != c.want {
				t.Errorf("%s, %d workers:\n got %s\nwant %s", c.name, workers, got, c.want)
			}
		}
	}
}

func TestWalkOrder(t *testing.T) {
	for _, c := range []struct {
		name, edges string
		priority    func(string) int
		want        string
	}{
		{"the longest way first", "a z>y y>x m>n", nil, "z m y a n x"},
		{"without priorities as Order", "a z>y y>x m>n", func(string) int { return 0 }, "a m n z y x"},
		{"the highest number first", "a b c", func(id string) int { return int(id[0]) }, "c b a"},
		{"never before a parent", "a>b c", func(id string) int { return int(id[0]) }, "c a b"},
	} {
		var got []string
		dag.Walk(t.Context(), graph(t, c.edges), dag.Options{Priority: c.priority}, func(_ context.Context, id string) error {
			got = append(got, id)
			return nil
		})
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWalkIsBoundedAndBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		start := time.Now()
		dag.Walk(t.Context(), graph(t, "a b c d e f g"), dag.Options{Workers: 3}, func(context.Context, string) error {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return nil
		})
		if took := time.Since(start); most.Load() != 3 || took != 3*time.Second {
			t.Errorf("%d at once, %s; want 3 at once, 3s for 7 nodes", most.Load(), took)
		}
	})
}

func TestWalkFailFastLetsRunningFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := dag.Walk(t.Context(), graph(t, "a b>c d"), dag.Options{Workers: 2, FailFast: true}, func(ctx context.Context, id string) error {
			if id == "a" {
				time.Sleep(time.Second)
				return errBad
			}
			time.Sleep(2 * time.Second)
			return ctx.Err()
		})
		if got, want := show(out), "a:bad b:ok c:skip(a) d:skip(a)"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestWalkCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var ended atomic.Bool
		out := dag.Walk(ctx, graph(t, "bad>below quick slow>after z"), dag.Options{Workers: 3}, func(ctx context.Context, id string) error {
			switch id {
			case "bad":
				return errBad
			case "slow":
				<-ctx.Done()
				time.Sleep(time.Second) // a visit may need a while to give up
				ended.Store(true)
				return ctx.Err()
			case "z":
				time.Sleep(2 * time.Second) // and one may not notice at all
			}
			return nil
		})
		if !ended.Load() {
			t.Error("Walk did not wait for a running visit")
		}
		want := "after:cancelled bad:bad below:skip(bad) quick:ok slow:context deadline exceeded z:ok"
		if got := show(out); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

func TestWalkCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := dag.Walk(ctx, graph(t, "a>b"), dag.Options{}, func(context.Context, string) error {
		t.Error("visited")
		return nil
	})
	if got := show(out); got != "a:cancelled b:cancelled" {
		t.Errorf("got %s", got)
	}
}

func TestWalkPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		defer func() {
			var p *dag.Panic
			err, _ := recover().(error)
			if !errors.As(err, &p) || p.ID != "a" || !errors.Is(err, errBad) || !strings.Contains(string(p.Stack), "walk_test.go") {
				t.Errorf("panic value: %v", err)
			}
			if !ended.Load() {
				t.Error("the panic came before the other visit had ended")
			}
		}()
		dag.Walk(t.Context(), graph(t, "a b c"), dag.Options{Workers: 2}, func(_ context.Context, id string) error {
			switch id {
			case "a":
				panic(errBad)
			case "c":
				t.Error("c started after the panic")
			}
			time.Sleep(time.Second)
			ended.Store(true)
			return nil
		})
	})
}

// A visit that ends its goroutine, as t.FailNow does, must not hang the walk.
func TestWalkGoexit(t *testing.T) {
	out := dag.Walk(t.Context(), graph(t, "a>b"), dag.Options{}, func(context.Context, string) error {
		runtime.Goexit()
		return nil
	})
	if out["a"].Err == nil || !out["b"].Skipped {
		t.Errorf("got %s", show(out))
	}
}

func TestWalkRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		g, err := dag.New(layered(r, 200, 3))
		if err != nil {
			t.Fatal(err)
		}
		bad := make(map[string]bool)
		for _, id := range g.Order() {
			bad[id] = r.IntN(20) == 0
		}
		var well sync.Map
		out := dag.Walk(t.Context(), g, dag.Options{Workers: 8}, func(_ context.Context, id string) error {
			for _, p := range g.Parents(id) {
				if _, ok := well.Load(p); !ok {
					t.Errorf("%s started before %s had ended well", id, p)
				}
			}
			if bad[id] {
				return errBad
			}
			well.Store(id, true)
			return nil
		})
		for _, id := range g.Order() {
			failed := slices.ContainsFunc(g.Ancestors(id, -1), func(a string) bool { return bad[a] })
			if o := out[id]; o.Skipped != failed || (o.Err != nil) != (bad[id] && !failed) || o.Cancelled {
				t.Fatalf("%s: %+v; an ancestor failed: %v", id, o, failed)
			}
		}
	}
}

func ExampleWalk() {
	g, _ := dag.New(map[string][]string{"orders": nil, "payments": nil, "report": {"orders", "payments"}})
	out := dag.Walk(context.Background(), g, dag.Options{}, func(_ context.Context, id string) error {
		fmt.Println("build", id)
		if id == "payments" {
			return errors.New("no such file")
		}
		return nil
	})
	fmt.Println("report was skipped because of", out["report"].SkippedBecause)
	// Output:
	// build orders
	// build payments
	// report was skipped because of payments
}

func BenchmarkWalk10000(b *testing.B) {
	parents := layered(rand.New(rand.NewPCG(5, 6)), 10_000, 3)
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			if _, err := dag.New(parents); err != nil {
				b.Fatal(err)
			}
		}
	})
	g, _ := dag.New(parents)
	b.Run("walk", func(b *testing.B) {
		for b.Loop() {
			dag.Walk(b.Context(), g, dag.Options{Workers: 4}, func(context.Context, string) error { return nil })
		}
	})
}

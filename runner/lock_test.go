package runner_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/history"
)

// held starts a build that stops at its first model until it is let go.
func held(s *shop) (release func() *runner.Report) {
	reached, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.change = func(c *runner.Config) {
		c.Command = "warehouse build --held"
		c.Statement = func(st engine.Statement) {
			if strings.HasPrefix(st.SQL, "INSERT INTO \"warehouse\".\"main\".\"a\"") {
				once.Do(func() { close(reached); <-goOn })
			}
		}
	}
	r := s.open()
	s.change = nil
	var rep *runner.Report
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { rep, err = r.Build(context.Background(), runner.BuildOptions{}) })
	select {
	case <-reached:
	case <-time.After(20 * time.Second):
		s.t.Fatal("the build does not begin")
	}
	return func() *runner.Report {
		s.t.Helper()
		close(goOn)
		wg.Wait()
		if err != nil {
			s.t.Fatal(err)
		}
		return rep
	}
}

// A second build and a reader are told who holds the target and since when,
// wait as long as they are told to, and then go on.
func TestTwoBuildsAtOnce(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect 1 as id\n")
	release := held(s)
	_, err := s.open().Build(t.Context(), runner.BuildOptions{})
	var locked *history.LockTimeoutError
	if !errors.As(err, &locked) {
		t.Fatalf("%v", err)
	}
	contains(t, tell(err), "warehouse build --held", "me@here", "since", "--lock-timeout")
	if _, err := s.open().Runs(t.Context(), 0); !errors.As(err, &locked) {
		t.Errorf("a reader: %v", err)
	}
	s.change = func(c *runner.Config) { c.LockTimeout = 30 * time.Second }
	var wg sync.WaitGroup
	var second *runner.Report
	var serr error
	r := s.open()
	wg.Go(func() { second, serr = r.Build(context.Background(), runner.BuildOptions{}) })
	for i := 0; s.messages(runner.EventLock) == "" && i < 200; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	contains(t, s.messages(runner.EventLock), "waiting for the target", "warehouse build --held")
	first := release()
	wg.Wait()
	if serr != nil || !first.OK() || !second.OK() || first.Run.Seq != 1 || second.Run.Seq != 2 {
		t.Errorf("%v %+v %+v", serr, first, second)
	}
	s.change = nil
	s.want("1 1", "select (select count(*) from latest.a), (select count(*) from previous.a)")
	s.sound()
}

// Waiting for the lock ends with the context.
func TestCancelledWhileWaiting(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect 1 as id\n")
	release := held(s)
	s.change = func(c *runner.Config) { c.LockTimeout = time.Minute }
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.open().Build(ctx, runner.BuildOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	release()
	s.change = nil
	s.want("1", "select count(*) from main.run_manifest")
}

// A file that another program has open is said to be so.
func TestForeignProgramHoldsTheFile(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect 1 as id\n")
	s.build(runner.BuildOptions{})
	db, err := duckdb.Engine().Open(t.Context(), engine.Target{Name: "x", Type: "duckdb", Path: s.file()})
	if err != nil {
		t.Fatal(err)
	}
	// The same process: one handle for one file, or an error; never a second one.
	_, err = s.open().Build(t.Context(), runner.BuildOptions{})
	if err != nil {
		t.Log(tell(err))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s.build(runner.BuildOptions{})
	s.sound()
}

// Readers go on beside each other, also while they hold the lock.
func TestReadersAtOnce(t *testing.T) {
	s := newShop(t, orders)
	s.build(runner.BuildOptions{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := s.tryQuery("select count(*) from orders", ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// What stands in a lock file is for people alone: of a dead holder, or damaged,
// it keeps nobody out.
func TestStaleLockFile(t *testing.T) {
	s := newShop(t, "-- models/a.sql --\nselect 1 as id\n")
	for _, text := range []string{"pid: 999999\nhost: here\nuser: me\n", "\x00\xff garbage", strings.Repeat("x", 100_000)} {
		write(t, s.file()+".lock", text)
		s.build(runner.BuildOptions{})
	}
}

// Nothing is left running, and no file open, when builds end, whichever way.
func TestNoLeaks(t *testing.T) {
	s := newShop(t, small)
	s.build(runner.BuildOptions{})
	files := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("there is no /proc")
		}
		return len(entries)
	}
	goroutines, open := runtime.NumGoroutine(), files()
	for i := range 6 {
		switch i % 3 {
		case 0:
			s.build(runner.BuildOptions{})
		case 1:
			s.vars = map[string]any{"times": "error('no')"}
			s.try(runner.BuildOptions{})
			s.vars = nil
		case 2:
			ctx, cancel := context.WithCancel(t.Context())
			s.change = func(c *runner.Config) {
				c.Statement = func(st engine.Statement) {
					if strings.HasPrefix(st.SQL, "INSERT INTO \"warehouse\".\"main\".\"a\"") {
						cancel()
					}
				}
			}
			if _, err := s.open().Build(ctx, runner.BuildOptions{}); err != nil {
				t.Error(err)
			}
			s.change = nil
			cancel()
		}
		_, _ = s.open().Build(t.Context(), runner.BuildOptions{Select: []string{"nothing"}})
		_, _ = s.tryQuery("select nope", "")
		if _, err := s.open().PlanPublish(t.Context(), "r99", runner.PublishOptions{}); err == nil {
			t.Error("r99")
		}
	}
	for i := 0; i < 50 && (runtime.NumGoroutine() > goroutines || files() > open); i++ {
		time.Sleep(20 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before\n%s", n, goroutines, buf[:runtime.Stack(buf, true)])
	}
	if n := files(); n > open {
		t.Errorf("%d files are open, %d before", n, open)
	}
}

// A program's callback that panics takes the build with it, not the lock.
func TestPanicGivesTheLockBack(t *testing.T) {
	s := newShop(t, small)
	s.build(runner.BuildOptions{})
	s.change = func(c *runner.Config) {
		c.Observe = func(e runner.Event) {
			if e.Kind == runner.EventResult {
				panic("observer")
			}
		}
	}
	r := s.open()
	s.change = nil
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _ = r.Build(t.Context(), runner.BuildOptions{})
	}()
	lines, err := s.open().Runs(t.Context(), 1)
	if err != nil || lines[0].Status != history.Crashed {
		t.Errorf("%v %+v", err, lines)
	}
	s.build(runner.BuildOptions{})
	s.sound()
}

// Commands that need a run make no database where there is none.
func TestNothingIsMade(t *testing.T) {
	s := newShop(t, orders)
	r := s.open()
	if _, err := r.Test(t.Context(), runner.TestOptions{}); err == nil {
		t.Error("test")
	}
	if _, err := r.Tag(t.Context(), "latest", "x", runner.TagOptions{}); err == nil {
		t.Error("tag")
	}
	if err := r.Untag(t.Context(), "x"); err == nil {
		t.Errorf("untag: %v", err)
	}
	if _, err := r.PlanRollback(t.Context(), ""); err == nil {
		t.Error("rollback")
	}
	if _, err := r.Verify(t.Context(), "latest"); err == nil {
		t.Error("verify")
	}
	if v, err := r.Verify(t.Context(), ""); err != nil || v.Runs != 0 {
		t.Errorf("verify: %v", err)
	}
	if _, err := os.Stat(s.file()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a database: %v", err)
	}
}

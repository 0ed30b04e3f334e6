//go:build unix

package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// A build that is cancelled before any of its statements leaves what was
// published as it was, or has published; the target is sound and builds again.
func TestCancelAtEveryStatement(t *testing.T) {
	s := newShop(t, small)
	s.build(runner.BuildOptions{})
	s.vars = map[string]any{"times": 2}
	total := 0
	step := 7 // of every seventh, for time's sake; all were tried
	for at := 1; ; at += step {
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int64
		s.change = func(c *runner.Config) {
			c.Threads = 2
			c.Statement = func(engine.Statement) {
				if n.Add(1) == int64(at) {
					cancel()
				}
			}
		}
		r := s.open()
		s.change = nil
		rep, err := r.Build(ctx, runner.BuildOptions{NoPublish: at%2 == 0})
		cancelled := ctx.Err() != nil
		cancel()
		if !cancelled {
			break
		}
		total++
		switch {
		case err != nil && !errors.Is(err, context.Canceled):
			t.Errorf("at statement %d: %v", at, err)
		case err == nil && rep.Run.Status != history.Cancelled && rep.Run.Status != history.Success:
			t.Errorf("at statement %d: the run is %s: %s\n%s", at, rep.Run.Status, rep.NotBecause, describe(rep))
		case err == nil && rep.Run.Status == history.Cancelled && rep.Publication != 0:
			t.Errorf("at statement %d: cancelled and published", at)
		}
		if at%3 == 0 {
			s.sound()
		}
	}
	t.Logf("cancelled at %d statements", total)
	s.sound()
	s.build(runner.BuildOptions{})
	s.want("20", "select total from latest.b")
}

// TestCrashChild is the child of TestKill: a build that kills its own process.
func TestCrashChild(t *testing.T) {
	at, err := strconv.Atoi(os.Getenv("CRASH_AT"))
	if err != nil {
		t.Skip("it is run by TestKill")
	}
	s := &shop{t: t, dir: os.Getenv("CRASH_DIR"), vars: map[string]any{"times": 2}}
	defer runner.SetSlow(time.Hour)() // the number of statements must not depend on the time they take
	var n atomic.Int64
	s.change = func(c *runner.Config) {
		c.Threads = 1
		c.Statement = func(engine.Statement) {
			if n.Add(1) == int64(at) {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
	}
	if _, err := s.open().Build(t.Context(), runner.BuildOptions{RunID: os.Getenv("CRASH_RUN")}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("statements:", n.Load())
}

func crash(s *shop, at int, run string) (killed bool, out string) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.v")
	cmd.Env = append(os.Environ(), "CRASH_AT="+strconv.Itoa(at), "CRASH_DIR="+s.dir, "CRASH_RUN="+run)
	b, err := cmd.CombinedOutput()
	var ee *exec.ExitError
	if errors.As(err, &ee) {
		ws, ok := ee.Sys().(syscall.WaitStatus)
		if ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL {
			return true, string(b)
		}
	}
	if err != nil {
		s.t.Errorf("the child failed: %v\n%s", err, b)
	}
	return false, string(b)
}

// A process that is killed anywhere leaves the run not published or published;
// the next command says that it crashed, the lock of the dead is taken over,
// and the same run id can be built again.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	s := newShop(t, small)
	first := s.build(runner.BuildOptions{})
	// How many statements there are is found by a build that is not killed.
	crash(s, 1<<30, "00000000-0000-7000-8000-000000000000")
	_, out := crash(s, 1<<30, "00000000-0000-7000-8000-0000000000ff") // without views to make
	_, count, _ := strings.Cut(out, "statements: ")
	count, _, _ = strings.Cut(count, "\n")
	total, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(out)
	}
	move, err := s.open().PlanPublish(t.Context(), "r1", runner.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.open().Move(t.Context(), move, ""); err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	for i := 0; i < 5; i++ {
		at := 1 + (total-1)*i/4
		id := fmt.Sprintf("00000000-0000-7000-8000-0000000000%02x", i+1)
		if killed, _ := crash(s, at, id); !killed {
			continue
		}
		s.events = nil
		lines, err := s.open().Runs(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if lines[0].ID != id {
			states["not begun"]++
			continue
		}
		states[string(lines[0].Status)]++
		switch lines[0].Status {
		case history.Crashed:
			if m := s.messages(runner.EventMended); !strings.Contains(m, id) {
				t.Errorf("killed at %d: the next command says %q", at, m)
			}
			if lines[0].Live {
				t.Errorf("killed at %d: crashed and live", at)
			}
			s.want("10", "select total from latest.b")
			s.want(first.Run.ID, "select any_value(run_id) from latest.a")
			if i%2 == 0 {
				s.build(runner.BuildOptions{RunID: id, NoPublish: true})
			}
		case history.Success:
			s.want(id, "select any_value(run_id) from latest.a")
			move, err := s.open().PlanRollback(t.Context(), "r1")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.open().Move(t.Context(), move, ""); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("killed at %d: the run is %s", at, lines[0].Status)
		}
		s.sound()
	}
	t.Log(total, "statements:", states)
	if states["crashed"] < 2 || states["success"] < 1 {
		t.Errorf("too few of some: %v", states)
	}
	s.build(runner.BuildOptions{})
}

// TestReadChild is the child of TestCrashedWhereNothingMayBeWritten: a reader
// without the right to change anything.
func TestReadChild(t *testing.T) {
	dir := os.Getenv("READ_DIR")
	if dir == "" {
		t.Skip("it is run by TestCrashedWhereNothingMayBeWritten")
	}
	s := &shop{t: t, dir: dir}
	fmt.Println("total:", s.query("select total from latest.b", ""))
	fmt.Println("said:", s.messages(runner.EventMended))
}

// A run that died is no hindrance to those who may only read.
func TestCrashedWhereNothingMayBeWritten(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts processes")
	}
	s := newShop(t, small)
	s.build(runner.BuildOptions{})
	if killed, out := crash(s, 60, "00000000-0000-7000-8000-000000000001"); !killed {
		t.Fatal(out)
	}
	exe, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(s.dir, "reader")
	if err := os.WriteFile(bin, exe, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Join(s.dir, "target"); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(dir, 0o755)
	}
	entries, _ := os.ReadDir(filepath.Join(s.dir, "target"))
	for _, e := range entries {
		if err := os.Chmod(filepath.Join(s.dir, "target", e.Name()), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin, "-test.run=^TestReadChild$", "-test.v")
	cmd.Dir, cmd.Env = "/", append(os.Environ(), "READ_DIR="+s.dir)
	if os.Getuid() == 0 { // who may do all
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	contains(t, string(out), "total: 10\n", "said: the newest run did not end", "nothing may be written here")
}

// A model that fails, panics, is cancelled: whatever its session was in the
// middle of, the next one finds no transaction open.
func TestNoTransactionIsLeftOpen(t *testing.T) {
	s := newShop(t, `
-- models/a.sql --
select case when i = 3 then error('no') else i end as id from range(5) t(i)
-- models/b.sql --
select 1 as id union all select 1
-- models/c.sql --
select 1 as id
-- models/schema.yml --
version: 2
models:
  - name: b
    config: {primary_key: [id]}
`)
	var mu sync.Mutex
	open := 0
	s.change = func(c *runner.Config) {
		c.Threads = 3
		c.Statement = func(st engine.Statement) {
			mu.Lock()
			defer mu.Unlock()
			switch word, _, _ := strings.Cut(st.SQL, " "); strings.ToUpper(word) {
			case "BEGIN":
				open++
			case "COMMIT", "ROLLBACK":
				open--
			}
			if st.Err != nil && strings.Contains(st.Err.Error(), "within a transaction") {
				t.Error(st.Err)
			}
		}
	}
	rep := s.try(runner.BuildOptions{})
	if open != 0 {
		t.Errorf("%d transactions are open", open)
	}
	if got := statuses(rep); got != "a error\nb error\nc success" {
		t.Error(got)
	}
	s.change = nil
	s.sound()
}

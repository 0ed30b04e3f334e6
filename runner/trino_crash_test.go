//go:build unix

package runner_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/trino"
	"warehouse/runner/history"
)

// What docs/trino.md says of a stop at each point is tried here: of the client,
// of the coordinator, of a worker.

const sums = "(select cast(sum(v) as varchar) from latest.a) || '/' || (select cast(sum(w) as varchar) from latest.c)"

const publishes = `MERGE INTO %s."run_publication" AS`

type stopPoint struct {
	name, last string // last has parts of statements that come one after another, with … between
	published  bool
	brief      bool // tried in short mode too
}

// stops are the points of a build, by the statement that was the last to be done,
// and whether the run is published then. Short mode tries one of each part:
// before rows are written, between, and behind the publication.
var stops = []stopPoint{
	{"its row", `INTO %s."run_manifest_log"`, false, false},
	{"described", "SELECT * FROM (\n", false, false},
	{"tables", "ALTER TABLE", false, true},
	{"rows deleted", "DELETE FROM", false, false},
	{"rows written", `MERGE INTO %s."b"`, false, true},
	{"rows recorded", `INTO %s."run_manifest_model_log"`, false, false},
	{"views", "CREATE OR REPLACE VIEW", false, false},
	{"published", publishes, true, true},
	{"its ledger", publishes + ` … INTO %s."run_ledger"`, true, false},
}

// reached tells of each statement done whether it is the one that the point is
// after, or comes later. It may be asked by several at once.
func (p stopPoint) reached(l *lake) func(sql string) bool {
	parts := strings.Split(strings.ReplaceAll(p.last, "%s", `"wh".`+engine.Ident(l.target.Schema)), " … ")
	var mu sync.Mutex
	return func(sql string) bool {
		mu.Lock()
		defer mu.Unlock()
		if len(parts) > 0 && strings.Contains(sql, parts[0]) {
			parts = parts[1:]
		}
		return len(parts) == 0
	}
}

// stopLake is a lake whose every build has a column more, so that none of the
// points is missing.
func stopLake(t *testing.T) *lake {
	l := newLake(t, lakeModels)
	l.write("-- models/a.sql --\n{{ config(primary_key=['k']) }}\nselect k, k * {{ var('f', 2) }} as v, 1 as x{{ var('f', 2) }} from (values (1), (2), (3)) as t(k)\n")
	l.built(runner.BuildOptions{})
	return l
}

// both are what is published before and after a build with the factor f.
func (l *lake) both(f int) (before, after string) {
	l.vars = map[string]any{"f": f}
	return l.latest(sums), fmt.Sprintf("%d/%d", 6*f, 5*f+2)
}

// TestTrinoStopped: a client that ends at any point leaves a run that is not
// published, or one that is, whole; and the same run goes on from there.
func TestTrinoStopped(t *testing.T) {
	l := stopLake(t)
	n := 0
	for _, stop := range stops {
		if testing.Short() && !stop.brief {
			continue
		}
		before, after := l.both(10 + n)
		n++
		reached := stop.reached(l)
		// As a killed process: nothing follows that statement. What hangs here
		// is never heard of again.
		gone := make(chan struct{})
		var once sync.Once
		l.before = func(sql string) {
			if reached(sql) {
				once.Do(func() { close(gone) })
				select {}
			}
		}
		dead := l.open()
		ended := make(chan error, 1)
		go func() { _, err := dead.Build(context.Background(), runner.BuildOptions{}); ended <- err }()
		select {
		case <-gone:
		case err := <-ended:
			t.Fatalf("%s: no statement has %s: %v", stop.name, stop.last, err)
		}
		l.before = nil
		l.goesOn(fmt.Sprintf("r%d", n+1), stop.name, before, after, stop.published)
	}
	l.verified()
}

// goesOn says what latest shows after a stop, and that a retry completes the
// run.
func (l *lake) goesOn(run, name, before, after string, published bool) {
	l.t.Helper()
	want := before
	if published {
		want = after
	}
	if got := l.latest(sums); got != want {
		l.t.Errorf("stopped after: %s: latest shows %s, want %s", name, got, want)
	}
	l.vars = nil // a retry has those of its run
	rep, err := l.open().Retry(l.t.Context(), run)
	if err != nil || rep.Run.Status != history.Success {
		l.t.Fatalf("%s: retry: %v, %+v", name, err, rep)
	}
	if got := l.latest(sums); got != after {
		l.t.Errorf("%s: after the retry latest shows %s, want %s", name, got, after)
	}
}

// long is a model that writes for seconds.
const long = `
-- models/a.sql --
{{ config(primary_key=['k']) }}
select m.n * 1000000 + t.n * 1000 + u.n as k, {{ var('f', 1) }} as v
from unnest(sequence(0, {{ var('millions', 1) }} - 1)) as m(n) cross join unnest(sequence(0, 999)) as t(n) cross join unnest(sequence(0, 999)) as u(n)
`

// TestTrinoClient is the child of TestTrinoKilledClient.
func TestTrinoClient(t *testing.T) {
	if os.Getenv("CRASH_LAKE") == "" {
		t.Skip("it is run by TestTrinoKilledClient")
	}
	s := &shop{t: t, dir: os.Getenv("CRASH_LAKE"), vars: map[string]any{"f": 2, "millions": 2}}
	s.change = func(c *runner.Config) { c.Engines = []engine.Engine{trino.Engine()} }
	_, _ = s.open().Build(t.Context(), runner.BuildOptions{RunID: os.Getenv("CRASH_RUN")})
	t.Log("it was not killed")
}

// A process that is killed while the server writes its rows does not stop the
// server. Retry does, and each row is there once.
func TestTrinoKilledClient(t *testing.T) {
	l := newLake(t, long)
	l.built(runner.BuildOptions{})
	const run = "01990000-0000-7000-8000-0000000000aa"
	cmd := exec.Command(os.Args[0], "-test.run=^TestTrinoClient$", "-test.v")
	cmd.Env = append(os.Environ(), "CRASH_LAKE="+l.dir, "CRASH_RUN="+run)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writing := l.writing(run)
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	if !writing {
		t.Fatal("the child never wrote")
	}
	if n := l.running(run); n != "1" {
		t.Errorf("%s statements of the dead client run", n)
	}
	if rep, err := l.open().Retry(t.Context(), run); err != nil || rep.Run.Status != history.Success {
		t.Fatalf("retry: %v, %+v", err, rep)
	}
	if n := l.running(run); n != "0" {
		t.Errorf("%s statements of the dead client run on", n)
	}
	if got := l.latest("(select cast(count(*) as varchar) || '/' || cast(sum(v) as varchar) from latest.a)"); got != "2000000/4000000" {
		t.Errorf("latest has %s", got)
	}
	l.verified()
}

// running counts a run's statements at the server.
func (l *lake) running(run string) string {
	l.t.Helper()
	return l.scalar("SELECT count(*) FROM system.runtime.queries WHERE source = 'warehouse " + run + "' AND state NOT IN ('FINISHED', 'FAILED')")
}

// writing waits until the server writes rows of a run.
func (l *lake) writing(run string) bool {
	l.t.Helper()
	for range 300 {
		if l.scalar("SELECT count(*) FROM system.runtime.queries WHERE source = 'warehouse "+run+`' AND state = 'RUNNING' AND query LIKE 'MERGE INTO%."a"%'`) != "0" {
			time.Sleep(time.Second)
			return true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

// serverDir is the folder of a server whose nodes may be killed, or skips the
// test.
func serverDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("WAREHOUSE_TRINO_DIR")
	if dir == "" {
		if os.Getenv("WAREHOUSE_TRINO_REQUIRED") != "" {
			t.Fatal("WAREHOUSE_TRINO_DIR is not set")
		}
		t.Skip("no server to kill: scripts/trino/server.sh with -w 2 go test ./runner starts one")
	}
	return dir
}

// server kills or revives a node.
func server(t *testing.T, dir, verb, name string) {
	t.Helper()
	script, err := filepath.Abs("../scripts/trino/server.sh")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, script, verb, dir, name).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", verb, name, err, out)
	}
}

// A worker that dies takes the statement with it. Nothing of it is visible, and
// the retry on the worker that is left has the rows that two would write.
func TestTrinoKilledWorker(t *testing.T) {
	dir := serverDir(t)
	l := newLake(t, long)
	l.vars = map[string]any{"millions": 2}
	l.built(runner.BuildOptions{})
	const run = "01990000-0000-7000-8000-0000000000bb"
	type result struct {
		rep *runner.Report
		err error
	}
	ended := make(chan result, 1)
	r := l.open()
	go func() {
		rep, err := r.Build(context.Background(), runner.BuildOptions{RunID: run})
		ended <- result{rep, err}
	}()
	if !l.writing(run) {
		t.Fatal("the build never wrote")
	}
	server(t, dir, "kill", "worker1")
	defer server(t, dir, "revive", "worker1")
	got := <-ended
	// The end of the run may be lost with the worker, too: then it is an error.
	if got.err == nil && got.rep.Run.Status != history.Failed {
		t.Errorf("a dead worker, and no failure: %+v", got.rep)
	} else {
		t.Log(got.err)
	}
	l.vars = nil // a retry has those of its run
	if n := l.latest("(select count(*) from latest.a)"); n != "2000000" {
		t.Errorf("latest has %s rows", n)
	}
	again, err := l.open().Retry(t.Context(), run)
	if err != nil || again.Run.Status != history.Success {
		t.Fatalf("retry: %v, %+v", err, again)
	}
	runs := fmt.Sprintf("SELECT count(*) * 10 + count(DISTINCT checksum) FROM %s.run_manifest_model WHERE status = 'success'", l.target.Schema)
	if got := l.scalar(runs); got != "21" {
		t.Errorf("two workers and one wrote different rows: %s", got)
	}
	l.verified()
}

// The coordinator that dies, and comes back, has what was committed. In short
// mode two points are tried.
func TestTrinoKilledCoordinator(t *testing.T) {
	dir := serverDir(t)
	l := stopLake(t)
	l.write(strings.Replace(l.projectYML(), l.target.DSN, l.target.DSN+"?request_retry_timeout=2s", 1))
	n := 0
	for _, stop := range stops {
		name := stop.name
		if testing.Short() && name != "rows written" && name != "published" {
			continue
		}
		before, after := l.both(10 + n)
		n++
		reached := stop.reached(l)
		var once sync.Once
		l.before = func(sql string) {
			if reached(sql) {
				once.Do(func() { server(t, dir, "kill", "coordinator") })
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		rep, err := l.open().Build(ctx, runner.BuildOptions{})
		cancel()
		l.before = nil
		server(t, dir, "revive", "coordinator")
		if err == nil && rep.Run.Status == history.Success && !stop.published {
			t.Errorf("killed after %s: %+v", name, rep.Run)
		}
		t.Logf("%s: %v", name, err)
		l.goesOn(fmt.Sprintf("r%d", n+1), "coordinator, "+name, before, after, stop.published)
	}
	l.verified()
}

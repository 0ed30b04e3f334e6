//go:build unix

package runner_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// The stress tests. Their sizes are small by default; the environment makes
// them large, and names a seed to repeat a run:
//
//	STRESS_KILLS=1000 STRESS_PAIRS=200 STRESS_PUBLICATIONS=1000 STRESS_SEED=7 \
//	    go test ./runner -run TestStress -v -timeout 2h
//
// Each build is a process of its own: this test binary again, at
// TestStressChild.

// stressed is a project of which every row says by which build it was made, in
// gen; it has a data test, a key, a view model, an incremental model, a copy
// for readers, and prunes by itself.
const stressed = `
-- project.yml --
name: stress
target: dev
retention: {keep_last: 4, auto: true}
targets: {dev: {type: duckdb, path: target/warehouse.duckdb, publish: {export: EXPORT}}}
-- models/a.sql --
select i as id, {{ var('gen') }} as gen from range(3000) t(i)
-- models/v.sql --
{{ config(materialized='view') }} select id, gen from {{ ref('a') }}
-- models/b.sql --
select id % 100 as bucket, gen, count(*) as n from {{ ref('v') }} group by all
-- models/inc.sql --
{{ config(materialized='incremental', unique_key='id') }} select i as id, {{ var('gen') }} as gen from range(500) t(i)
-- models/c.sql --
select x.gen, x.n, i.id from {{ ref('b') }} x join {{ ref('inc') }} i on i.id = x.bucket and i.gen = x.gen
-- models/d.sql --
select {{ var('gen') }} as gen, 1 as one
-- models/schema.yml --
version: 2
models:
  - name: a
    config: {primary_key: [id]}
    columns: [{name: id, data_tests: [not_null, unique]}]
  - name: c
    columns: [{name: gen, data_tests: [not_null]}]
`

var stressedMarts = []string{"a", "v", "b", "inc", "c", "d"}

func newStressed(t *testing.T, export string) *shop {
	t.Helper()
	s := newShop(t, strings.ReplaceAll(stressed, "EXPORT", export))
	s.vars = map[string]any{"gen": 0}
	s.change = func(c *runner.Config) { c.LockTimeout = 2 * time.Minute }
	return s
}

func stressSize(t *testing.T, name string, small int) int {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts many processes")
	}
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return small
}

func stressRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("STRESS_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("STRESS_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestStressChild is one build, in a process of its own.
func TestStressChild(t *testing.T) {
	gen, err := strconv.Atoi(os.Getenv("STRESS_GEN"))
	if err != nil {
		t.Skip("it is run by the stress tests")
	}
	s := &shop{t: t, dir: os.Getenv("STRESS_DIR"), vars: map[string]any{"gen": gen}}
	s.change = func(c *runner.Config) {
		c.LockTimeout = 2 * time.Minute
		observe := c.Observe
		c.Observe = func(e runner.Event) {
			if e.Kind == runner.EventPublish {
				fmt.Printf("published at %d\n", time.Now().UnixNano())
			}
			observe(e)
		}
	}
	s.build(runner.BuildOptions{})
}

func (s *shop) child(gen int) (*exec.Cmd, *strings.Builder) {
	s.t.Helper()
	out := &strings.Builder{}
	cmd := exec.Command(os.Args[0], "-test.run=^TestStressChild$")
	cmd.Env = append(os.Environ(), "STRESS_DIR="+s.dir, "STRESS_GEN="+strconv.Itoa(gen))
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return cmd, out
}

// whole holds what is live to what must be true after anything: of every mart
// it is one run, the one that was published, a success, with as many rows as
// the register counted; and the copy for readers is whole.
func (s *shop) whole(copied string) (live string) {
	s.t.Helper()
	var shown []string
	for _, m := range stressedMarts {
		id := "run_id"
		if m == "v" {
			id = "(select run_id from now)"
		}
		shown = append(shown, fmt.Sprintf("select '%s' as mart, count(*) as n, min(%s) as lo, max(%s) as hi, min(gen) as least, max(gen) as most from latest.%s", m, id, id, m))
	}
	got := s.query(`
with now as (select seq, run_id from main.run_publication order by seq desc limit 1),
shown as (`+strings.Join(shown, " union all ")+`)
select any_value(s.hi), count(*), count(distinct s.hi), count(distinct s.most),
    count(*) filter (where s.lo <> s.hi or s.least <> s.most or s.hi <> (select run_id from now)) as mixed,
    count(*) filter (where m.status is distinct from 'success' or r.status is distinct from 'success') as unfinished,
    count(*) filter (where s.mart <> 'v' and m.row_count is distinct from s.n) as miscounted,
    (select count(*) from main.run_publication_mart p where p.seq = (select seq from now) and p.run_id = (select run_id from now)) as published,
    (select count(*) from main.run_manifest where status = 'running') as running
from shown s
left join main.run_manifest_model m on m.run_id = s.hi and m.model = s.mart
left join main.run_manifest r on r.run_id = s.hi`, "")
	live, rest, _ := strings.Cut(got, " ")
	if rest != "6 1 1 0 0 0 6 0" {
		s.t.Fatalf("latest is not whole: %q", got)
	}
	if copied != "" {
		if got := s.read(copied, "select (select count(*) from x.a) || ' ' || (select count(distinct gen) from (select gen from x.a union select gen from x.b union select gen from x.c union select gen from x.d union select gen from x.inc union select gen from x.v))"); got != "3000 1" {
			s.t.Fatalf("the copy is not whole: %q", got)
		}
	}
	return live
}

// Builds that are killed at random moments.
func TestStressKill(t *testing.T) {
	kills := stressSize(t, "STRESS_KILLS", 50)
	rnd := stressRand(t)
	s := newStressed(t, "target/copy.duckdb")
	s.build(runner.BuildOptions{})
	var usual time.Duration // from the start of a build to its publication
	for gen := range 3 {
		begun := time.Now().UnixNano()
		cmd, out := s.child(gen)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var at int64
		_, after, _ := strings.Cut(out.String(), "published at ")
		if _, err := fmt.Sscan(after, &at); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		usual = max(usual, time.Duration(at-begun))
	}
	live, killed, published, mended := s.whole("target/copy.duckdb"), 0, 0, 0
	for i := 1; killed < kills; i++ {
		if i > 5*kills+20 {
			t.Fatalf("%d builds, and only %d were killed", i, killed)
		}
		cmd, out := s.child(i)
		time.Sleep(time.Duration(rnd.Int64N(int64(usual))))
		_ = cmd.Process.Kill()
		err := cmd.Wait()
		var ee *exec.ExitError
		switch {
		case err == nil:
		case errors.As(err, &ee) && ee.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
			killed++
		default:
			t.Fatalf("build %d: %v\n%s", i, err, out)
		}
		s.events = nil
		now := s.whole("target/copy.duckdb")
		if now != live && err != nil {
			published++ // killed after its publication
		}
		live = now
		if s.messages(runner.EventMended) != "" {
			mended++
		}
		if i%20 == 0 {
			s.vars["gen"] = 1_000_000 + i
			s.build(runner.BuildOptions{})
			live = s.whole("target/copy.duckdb")
			s.sound()
		}
		if t.Failed() {
			t.Fatalf("after build %d, %d kills", i, killed)
		}
	}
	s.vars["gen"] = 2_000_000
	s.build(runner.BuildOptions{})
	s.whole("target/copy.duckdb")
	s.sound()
	if left, _ := filepath.Glob(filepath.Join(s.dir, "target", ".*.export*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	t.Logf("%d kills: %d left a run that was marked as crashed, %d came after the publication, which takes %v", killed, mended, published, usual)
}

// Builds that are started two at a time take turns.
func TestStressPairs(t *testing.T) {
	pairs := stressSize(t, "STRESS_PAIRS", 10)
	s := newStressed(t, "target/copy.duckdb")
	s.build(runner.BuildOptions{})
	for i := range pairs {
		one, out1 := s.child(2 * i)
		two, out2 := s.child(2*i + 1)
		if err := errors.Join(one.Wait(), two.Wait()); err != nil {
			t.Fatalf("pair %d: %v\n%s\n%s", i, err, out1, out2)
		}
		live := s.whole("target/copy.duckdb")
		lines, err := s.open().Runs(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if lines[0].ID != live || lines[0].Status != history.Success || lines[1].Status != history.Success || lines[0].Seq != int64(2*i+3) {
			t.Fatalf("pair %d: %+v", i, lines)
		}
	}
	s.sound()
	t.Logf("%d pairs", pairs)
}

// TestStressReader is the child of TestStressCopy: it reads the copy until a
// file is there that says stop.
func TestStressReader(t *testing.T) {
	dir, format := os.Getenv("STRESS_READ"), os.Getenv("STRESS_FORMAT")
	if dir == "" {
		t.Skip("it is run by TestStressCopy")
	}
	s := &shop{t: t, dir: dir}
	seen, reads := map[string]bool{}, 0
	parquet := memory(t)
	if os.Getenv("STRESS_CACHE") == "" {
		if _, err := parquet.Exec(t.Context(), "SET enable_external_file_cache = false"); err != nil {
			t.Fatal(err)
		}
	}
	for ; ; reads++ {
		if _, err := os.Stat(filepath.Join(dir, "stop")); err == nil {
			break
		}
		var got string
		q := distinctGens
		if format == "duckdb" {
			for _, m := range stressedMarts {
				q = strings.ReplaceAll(q, "FROM "+m+" ", "FROM x."+m+" ")
			}
			got = s.read("target/copy", q)
		} else {
			folder := copied(t, dir, parquet, reads%2 == 0)
			for _, m := range stressedMarts {
				q = strings.ReplaceAll(q, "FROM "+m+" ", "FROM "+engine.Literal(filepath.Join(folder, m+".parquet"))+" ")
			}
			if err := parquet.QueryRow(t.Context(), q, nil, &got); err != nil {
				t.Fatalf("read %d: %v", reads, err)
			}
		}
		if strings.Contains(got, ",") || got == "" {
			t.Fatalf("read %d shows a mix: %s", reads, got)
		}
		seen[got] = true
	}
	fmt.Printf("reads=%d builds=%d\n", reads, len(seen))
}

// copied finds the folder of the copy that stays, in the two ways that
// docs/retention.md names: by following the link, or in SQL.
func copied(t *testing.T, dir string, c *engine.Conn, link bool) (folder string) {
	t.Helper()
	path, err := filepath.Join(dir, "target/copy"), error(nil)
	if link {
		folder, err = filepath.EvalSymlinks(path)
	} else {
		err = c.QueryRow(t.Context(), "SELECT folder FROM read_json("+engine.Literal(path+"/.warehouse-export.json")+")", nil, &folder)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// distinctGens is one text that names all builds whose rows are read.
const distinctGens = "SELECT string_agg(DISTINCT gen::VARCHAR, ',') FROM (SELECT gen FROM a UNION ALL SELECT gen FROM b UNION ALL SELECT gen FROM c UNION ALL SELECT gen FROM d UNION ALL SELECT gen FROM inc UNION ALL SELECT gen FROM v ) AS g"

// A reader in another process polls the copy while runs are published.
func TestStressCopy(t *testing.T) {
	n := stressSize(t, "STRESS_PUBLICATIONS", 30)
	for _, format := range []string{"duckdb", "parquet"} {
		t.Run(format, func(t *testing.T) {
			s := newStressed(t, "target/copy, format: "+format)
			for gen := range 4 {
				s.vars["gen"] = gen
				s.build(runner.BuildOptions{})
			}
			begun := time.Now()
			cmd := exec.Command(os.Args[0], "-test.run=^TestStressReader$", "-test.v")
			cmd.Env = append(os.Environ(), "STRESS_READ="+s.dir, "STRESS_FORMAT="+format)
			out := &strings.Builder{}
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if i%10 == 9 {
					s.vars["gen"] = 10 + i
					s.build(runner.BuildOptions{})
					continue
				}
				m, err := s.open().PlanRollback(t.Context(), "previous")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.open().Move(t.Context(), m, ""); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(s.dir, "stop"), nil, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			line, _, _ := strings.Cut(out.String()[strings.Index(out.String(), "reads="):], "\n")
			t.Logf("%d publications in %v; the reader: %s", n, time.Since(begun).Round(time.Second), line)
			s.whole("")
		})
	}
}

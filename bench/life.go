package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

// life measures what a run costs beside its rows: moving the pointer over many
// marts, also in a long history, a retry, and keeping state.
func life(o options, dir string) error {
	if err := moves(filepath.Join(dir, "moves"), o.marts, o.history, o.rounds); err != nil {
		return err
	}
	return state(filepath.Join(dir, "state"), o.rows)
}

// measured is a project whose statements are added up.
type measured struct {
	dir        string
	vars       map[string]any
	rows, rest time.Duration // in statements that write or read the rows of marts, and in all others
	count      int
	begun      time.Time                // of the last transaction
	moving     time.Duration            // what it took
	inside     bool                     // of a transaction
	spent      map[string]time.Duration // in transactions, by the beginning of the statement
}

func (m *measured) files(files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(m.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

func (m *measured) open() (*runner.Runner, error) {
	m.rows, m.rest, m.count = 0, 0, 0
	return runner.Open(context.Background(), runner.Config{Dir: m.dir, Vars: m.vars, Engines: []engine.Engine{duckdb.Engine()}, Threads: 2,
		Statement: func(s engine.Statement) {
			m.count++
			switch s.SQL {
			case "BEGIN TRANSACTION":
				m.begun, m.inside = time.Now(), true
			case "COMMIT":
				m.moving = time.Since(m.begun)
			}
			if m.spent != nil && m.inside {
				m.spent[beginning(s.SQL)] += s.Duration
			}
			m.inside = m.inside && s.SQL != "COMMIT"
			if strings.Contains(s.SQL, "run_manifest") || strings.Contains(s.SQL, "run_publication") || strings.Contains(s.SQL, "run_ledger") {
				m.rest += s.Duration
			} else {
				m.rows += s.Duration
			}
		}})
}

// beginning is enough of a statement to know it by.
func beginning(sql string) string {
	words := strings.Fields(sql)
	text := strings.Join(words, " ")
	if i := strings.Index(text, "FROM "); i > 0 && strings.HasPrefix(text, "SELECT") {
		text = "SELECT … " + text[i:]
	}
	return fmt.Sprintf("%.90s", text)
}

func (m *measured) build(o runner.BuildOptions) (*runner.Report, error) {
	r, err := m.open()
	if err != nil {
		return nil, err
	}
	return r.Build(context.Background(), o)
}

// moves builds a project of many marts, and then goes back and forth: after two
// runs, and after many.
func moves(dir string, marts, long, rounds int) error {
	m := &measured{dir: dir, vars: map[string]any{"bad": 0}}
	files := map[string]string{"project.yml": "name: bench\nversion: 1.0.0\nvars: {bad: 0}\nretention: {keep_last: 1000}\n"}
	for i := range marts {
		files[fmt.Sprintf("models/m%03d.sql", i)] = fmt.Sprintf("select i as id, %d as v from range(10) t(i)", i)
	}
	files[fmt.Sprintf("models/m%03d.sql", marts-1)] = "select i as id, case when {{ var('bad') }} = 1 then error('bad') else 'x' end as v from range(10) t(i)"
	if err := m.files(files); err != nil {
		return err
	}
	fmt.Printf("\nmoves: publish and rollback over %d marts; to be under 50 ms\n", marts)
	for _, runs := range []int{2, long} {
		var builds []float64
		for {
			r, err := m.open()
			if err != nil {
				return err
			}
			lines, err := r.Runs(context.Background(), 1)
			if err != nil {
				return err
			}
			if len(lines) > 0 && lines[0].Seq >= int64(runs) {
				break
			}
			if len(lines) == 0 {
				lines = append(lines, runner.RunLine{})
			}
			var some []string // a long history is made of runs of ten marts each: its publications are whole
			if lines[0].Seq > 0 {
				some = []string{"m00*"}
			}
			begun := cpu()
			if _, err := m.build(runner.BuildOptions{Select: some}); err != nil {
				return err
			}
			builds = append(builds, 1000*(cpu()-begun).Seconds())
		}
		last := builds[max(0, len(builds)-9):]
		fmt.Printf("  after %d runs: a build of %d marts takes %.0f ms of CPU (median of %d)\n", runs, min(marts, 10), median(last), len(last))
		if err := m.backAndForth(rounds); err != nil {
			return err
		}
	}
	return m.retry()
}

// cpu is what this process has used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // of oneself it does not fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// backAndForth measures Move, from the opening of the target to its closing;
// the preview before it is not in it, nor the build of what is published.
func (m *measured) backAndForth(rounds int) error {
	ctx := context.Background()
	rollback := func(r *runner.Runner) (*runner.Move, error) { return r.PlanRollback(ctx, "previous") }
	if err := m.move("rollback", 2*max(rounds, 3), func() error { return nil }, rollback); err != nil {
		return err
	}
	var last string
	build := func() error {
		rep, err := m.build(runner.BuildOptions{NoPublish: true})
		if err == nil && !rep.OK() {
			err = fmt.Errorf("the build to be published failed")
		}
		if err == nil {
			last = rep.Run.ID
		}
		return err
	}
	publish := func(r *runner.Runner) (*runner.Move, error) { return r.PlanPublish(ctx, last, runner.PublishOptions{}) }
	return m.move("publish of a run with all marts anew", max(rounds, 3), build, publish)
}

// move measures one kind of Move some times, each after what it needs.
func (m *measured) move(what string, times int, before func() error, plan func(*runner.Runner) (*runner.Move, error)) error {
	ctx := context.Background()
	var moved, moving, used []float64
	spent := map[string]time.Duration{}
	for range times {
		if err := before(); err != nil {
			return err
		}
		r, err := m.open()
		if err != nil {
			return err
		}
		planned, err := plan(r)
		if err != nil {
			return err
		}
		clear(spent)
		m.spent, m.count = spent, 0
		begin, before := time.Now(), cpu()
		_, err = r.Move(ctx, planned, "")
		m.spent = nil // a build sends statements at once
		if err != nil {
			return err
		}
		moved = append(moved, 1000*time.Since(begin).Seconds())
		moving = append(moving, 1000*m.moving.Seconds())
		used = append(used, 1000*(cpu()-before).Seconds())
	}
	fmt.Printf("  %s: its transaction %.1f ms (best %.1f); with opening and closing the file %.1f ms (best %.1f), CPU %.1f ms; %d statements (medians of %d)\n",
		what, median(moving), slices.Min(moving), median(moved), slices.Min(moved), median(used), m.count, len(moved))
	most := slices.SortedFunc(maps.Keys(spent), func(a, b string) int { return cmp.Compare(spent[b], spent[a]) })
	for _, q := range most[:min(8, len(most))] {
		fmt.Printf("    %6.2f ms in the last  %s\n", 1000*spent[q].Seconds(), q)
	}
	return nil
}

// retry fails the last model and builds it again.
func (m *measured) retry() error {
	m.vars["bad"] = 1
	rep, err := m.build(runner.BuildOptions{})
	if err != nil {
		return err
	}
	if rep.OK() {
		return fmt.Errorf("the last model did not fail")
	}
	files, err := filepath.Glob(filepath.Join(m.dir, "models", "*.sql"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(files[len(files)-1], []byte("select 1 as id, 'x' as v"), 0o666); err != nil {
		return err
	}
	m.vars = nil // a retry keeps those of its run
	r, err := m.open()
	if err != nil {
		return err
	}
	begun := time.Now()
	rep, err = r.Retry(context.Background(), "")
	if err != nil {
		return err
	}
	built, kept := 0, 0
	for _, n := range rep.Nodes {
		switch n.Status {
		case runner.StatusSuccess:
			built++
		case runner.StatusReused:
			kept++
		}
	}
	fmt.Printf("  retry after the last of %d failed: %d built, %d kept, %.3f s\n", len(files), built, kept, time.Since(begun).Seconds())
	return nil
}

// state measures the part of a long build that goes into the register.
func state(dir string, rows int) error {
	m := &measured{dir: dir}
	if err := m.files(map[string]string{"project.yml": "name: bench\nversion: 1.0.0\n", "models/big.sql": bigSelect(rows),
		"models/sum.sql": "select grp, sum(amount) as amount, count(*) as n from {{ ref('big') }} group by grp"}); err != nil {
		return err
	}
	fmt.Printf("\nstate: statements on the register in a build of %d rows; to be under 1 %% of a build of ten seconds\n", rows)
	for i := range 3 {
		begun := time.Now()
		if _, err := m.build(runner.BuildOptions{}); err != nil {
			return err
		}
		whole := time.Since(begun)
		fmt.Printf("  run %d: %.2f s, of which %.1f ms on the register: %.2f %%\n", i+1, whole.Seconds(), 1000*m.rest.Seconds(), 100*m.rest.Seconds()/whole.Seconds())
	}
	return nil
}

package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

// diffs measures the comparison of two runs of a big mart: equal ones, whose
// checksums tell it, and different ones, with little memory.
func diffs(o options, dir string) error {
	ctx := context.Background()
	m := &measured{dir: filepath.Join(dir, "diff")}
	big := func(change string) string { return strings.Replace(bigSelect(o.rows), "'name '", change, 1) }
	if err := m.files(map[string]string{
		"project.yml":       fmt.Sprintf("name: bench\nversion: 1.0.0\ntarget: dev\ntargets: {dev: {type: duckdb, path: target/warehouse.duckdb, threads: %d, settings: {memory_limit: 512MB}}}\n", o.threads),
		"models/big.sql":    big("'name '"),
		"models/schema.yml": "version: 2\nmodels: [{name: big, config: {primary_key: [id]}}]\n",
	}); err != nil {
		return err
	}
	for _, name := range []string{"'name '", "'name '", "case when i % 100 = 0 then 'other ' else 'name ' end"} {
		if err := m.files(map[string]string{"models/big.sql": big(name)}); err != nil {
			return err
		}
		if rep, err := m.build(runner.BuildOptions{}); err != nil || !rep.OK() {
			return fmt.Errorf("the build failed: %w", err)
		}
	}
	fmt.Printf("\ndiff: %d rows × 5 columns, memory_limit 512MB\n", o.rows)
	for _, sides := range [][2]string{{"r1", "r2"}, {"r2", "r3"}} {
		var whole, comparing, opening []float64
		var last *runner.DiffReport
		for range max(o.rounds, 3) {
			var began time.Time
			r, err := runner.Open(ctx, runner.Config{Dir: m.dir, Engines: []engine.Engine{duckdb.Engine()}, Observe: func(e runner.Event) {
				if e.Kind == runner.EventProgress {
					began = time.Now()
				}
			}})
			if err != nil {
				return err
			}
			start := time.Now()
			if last, err = r.Diff(ctx, runner.DiffOptions{A: sides[0], B: sides[1], Limit: 10}); err != nil {
				return err
			}
			end := time.Now()
			whole = append(whole, 1000*end.Sub(start).Seconds())
			comparing = append(comparing, 1000*end.Sub(began).Seconds())
			opening = append(opening, 1000*began.Sub(start).Seconds())
		}
		d := last.Marts[0]
		fmt.Printf("  %s against %s (%d changed, %d equal): from the first mart to the closed file %.1f ms (best %.1f), opening the file and reading the register %.1f ms, whole verb %.1f ms (best %.1f); medians of %d; largest resident size so far %d MiB\n",
			sides[0], sides[1], d.Changed, d.Unchanged, median(comparing), slices.Min(comparing), median(opening), median(whole), slices.Min(whole), len(whole), resident())
	}
	return byHand(ctx, m, max(o.rounds, 3))
}

// fullJoin is what somebody would write to compare r2 and r3: the counts, and
// for each column how often it changed.
const fullJoin = `
select count(*) filter (a.id is null), count(*) filter (b.id is null), count(*) filter (a.id is not null and b.id is not null and
    (a.grp is distinct from b.grp or a.amount is distinct from b.amount or a.name is distinct from b.name or a.ratio is distinct from b.ratio)),
  count(*) filter (a.id is not null and b.id is not null and a.grp is distinct from b.grp), count(*) filter (a.id is not null and b.id is not null and a.amount is distinct from b.amount),
  count(*) filter (a.id is not null and b.id is not null and a.name is distinct from b.name), count(*) filter (a.id is not null and b.id is not null and a.ratio is distinct from b.ratio)
from (select * from main.big where run_id = ?) a full join (select * from main.big where run_id = ?) b on a.id = b.id`

// byHand takes turns: the diff of r2 and r3 and the FULL JOIN written by hand,
// each with the opening and closing of the file, in this process.
func byHand(ctx context.Context, m *measured, rounds int) error {
	r, err := m.open()
	if err != nil {
		return err
	}
	runs, err := r.Runs(ctx, 2)
	if err != nil {
		return err
	}
	var ours, theirs []float64
	for range rounds {
		r, err := m.open()
		if err != nil {
			return err
		}
		begun := time.Now()
		if _, err := r.Diff(ctx, runner.DiffOptions{A: "r2", B: "r3", Limit: 10}); err != nil {
			return err
		}
		ours = append(ours, time.Since(begun).Seconds())
		begun = time.Now()
		if err := handWritten(ctx, filepath.Join(m.dir, "target", "warehouse.duckdb"), runs[1].ID, runs[0].ID); err != nil {
			return err
		}
		theirs = append(theirs, time.Since(begun).Seconds())
	}
	fmt.Printf("  r2 against r3: %.2f s; the FULL JOIN by hand: %.2f s; ratio of the medians %.2f (to be at most 1.5); %d rounds in turns\n", median(ours), median(theirs), median(ours)/median(theirs), rounds)
	return nil
}

// handWritten runs fullJoin over two runs.
func handWritten(ctx context.Context, file, a, b string) error {
	db, err := sql.Open("duckdb", file+"?access_mode=READ_ONLY&memory_limit=512MB&threads=2")
	if err != nil {
		return err
	}
	defer db.Close()
	var added, removed, changed, grp, amount, name, ratio int
	if err := db.QueryRowContext(ctx, fullJoin, a, b).Scan(&added, &removed, &changed, &grp, &amount, &name, &ratio); err != nil {
		return err
	}
	if changed == 0 || changed != name {
		return fmt.Errorf("the comparison by hand found %d changed rows", changed)
	}
	return nil
}

// resident is the greatest size that this process has had, in MiB.
func resident() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // of oneself it does not fail
	return u.Maxrss / 1024
}

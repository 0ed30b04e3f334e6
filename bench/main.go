// Command bench measures builds against the same work sent raw through the
// same driver.
//
//	go run ./bench                     # all, some minutes
//	go run ./bench -only small -rounds 9
//	go run ./bench same -dbt DBT -project DIR   # the same rows as dbt's?
//	go run ./bench peers -dbt DBT -dbt2 DBT2 -jaffle DIR
//
// Each side of a comparison runs in a process of its own, in turns, so that
// peak memory is that side's alone and the machine's noise meets both. Ratios
// are of medians of the time between opening and closing the database; CPU
// seconds and peak memory are of the whole process.
//
// Read main.go for the comparisons, work.go for what each side does, life.go for
// what is measured alone; same.go and peers.go stand for themselves.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

type options struct {
	only    string
	rounds  int
	rows    int
	models  int
	small   int
	threads int
	keep    bool
	marts   int
	history int
	cli     string
}

var subcommands = map[string]func([]string) error{"child": child, "same": same, "peers": peers}

func main() {
	if len(os.Args) > 1 {
		if f, ok := subcommands[os.Args[1]]; ok {
			if err := f(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
				os.Exit(1)
			}
			return
		}
	}
	var o options
	flag.StringVar(&o.only, "only", "", "big, checked, small, replay, life, diff, scale or lake; empty: all")
	flag.IntVar(&o.rounds, "rounds", 5, "runs of each side")
	flag.IntVar(&o.rows, "rows", 10_000_000, "rows of the big mart")
	flag.IntVar(&o.models, "models", 500, "number of small models")
	flag.IntVar(&o.small, "small-rows", 1000, "rows of a small model")
	flag.IntVar(&o.threads, "threads", runtime.NumCPU(), "models at once, and the engine's threads")
	flag.IntVar(&o.marts, "marts", 100, "marts of life and scale")
	flag.IntVar(&o.history, "history", 300, "runs of life and scale")
	flag.StringVar(&o.cli, "cli", "", "of lake: the jar of Trino's command line client; empty: its Go client")
	flag.BoolVar(&o.keep, "keep", false, "keep the databases")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// comparison is two or more sides doing the same work; the first is ours.
type comparison struct {
	name, title string
	sides       []side
	most        []float64 // the ratio that is to be reached, per other side
}

type side struct {
	name string
	kind string // of child
	args []string
}

// comparisons are what this command measures.
func comparisons(o options) []comparison {
	n := func(i int) string { return fmt.Sprint(i) }
	big := []string{"-rows", n(o.rows), "-threads", n(o.threads)}
	small := []string{"-models", n(o.models), "-rows", n(o.small), "-threads", n(o.threads)}
	single := []string{"-models", n(o.models), "-rows", n(o.small), "-threads", "1"}
	return []comparison{
		{"big", fmt.Sprintf("one mart of %d rows, no key; raw: begin, delete, insert, commit", o.rows),
			[]side{{"warehouse", "ours-big", big}, {"raw", "raw-big", big}}, []float64{1.15}},
		{"checked", fmt.Sprintf("one mart of %d rows, key verified, three column tests; raw: begin, delete, insert, commit", o.rows),
			[]side{{"warehouse", "ours-checked", big}, {"raw", "raw-big", big}}, []float64{1.5}},
		{"small", fmt.Sprintf("%d models of %d rows, one test each; bare: begin, delete, insert, commit, test", o.models, o.small),
			[]side{{"warehouse", "ours-small", small}, {"bare", "bare-small", small}}, []float64{2}},
		{"replay", fmt.Sprintf("%d models of %d rows, one test each, one at a time; replay: the build's own statements", o.models, o.small),
			[]side{{"warehouse", "ours-small", single}, {"replay", "replay-small", single}}, []float64{1.15}},
	}
}

// result is what a child reports, and what the system says of it.
type result struct {
	Seconds float64 `json:"seconds"`
	Bytes   int64   `json:"bytes"`
	cpu     float64
	peak    int64
}

func run(o options) error {
	dir, err := os.MkdirTemp("", "warehouse-bench-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("databases in", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, c := range comparisons(o) {
		if o.only != "" && o.only != c.name {
			continue
		}
		if err := compare(self, filepath.Join(dir, c.name), c, o.rounds); err != nil {
			return err
		}
	}
	for _, alone := range []struct {
		name string
		do   func(options, string) error
	}{{"life", life}, {"diff", diffs}, {"scale", scale}, {"lake", lake}} {
		if o.only == "" || o.only == alone.name {
			if err := alone.do(o, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// compare lets the sides take turns. Round zero makes the tables and is not
// counted.
func compare(self, dir string, c comparison, rounds int) error {
	fmt.Printf("\n%s: %s\n", c.name, c.title)
	all := make([][]result, len(c.sides))
	for round := range rounds + 1 {
		for i, s := range c.sides {
			r, err := turn(self, filepath.Join(dir, s.name), s, round)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", c.name, s.name, err)
			}
			if round > 0 {
				all[i] = append(all[i], r)
			}
		}
	}
	fmt.Printf("  %-10s %10s %10s %10s %10s %10s %10s\n", "side", "median s", "min s", "max s", "cpu s", "peak MiB", "file MiB")
	for i, s := range c.sides {
		secs, cpus := pick(all[i], func(r result) float64 { return r.Seconds }), pick(all[i], func(r result) float64 { return r.cpu })
		peak := slices.Max(pick(all[i], func(r result) float64 { return float64(r.peak) }))
		fmt.Printf("  %-10s %10.3f %10.3f %10.3f %10.2f %10.0f %10.1f\n", s.name, median(secs), slices.Min(secs), slices.Max(secs),
			median(cpus), peak/1024, float64(all[i][len(all[i])-1].Bytes)/(1<<20))
	}
	ours := median(pick(all[0], func(r result) float64 { return r.Seconds }))
	oursCPU := median(pick(all[0], func(r result) float64 { return r.cpu }))
	for i, s := range c.sides[1:] {
		other := median(pick(all[i+1], func(r result) float64 { return r.Seconds }))
		otherCPU := median(pick(all[i+1], func(r result) float64 { return r.cpu }))
		fmt.Printf("  ratio to %s: %.2f (CPU %.2f); to be at most %.2f\n", s.name, ours/other, oursCPU/otherCPU, c.most[i])
	}
	return nil
}

func turn(self, dir string, s side, round int) (result, error) {
	args := append([]string{"child", s.kind, "-dir", dir, "-round", fmt.Sprint(round)}, s.args...)
	cmd := exec.Command(self, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return result{}, err
	}
	var r result
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("%w: %s", err, out)
	}
	state := cmd.ProcessState
	r.cpu = (state.UserTime() + state.SystemTime()).Seconds()
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		r.peak = int64(u.Maxrss)
	}
	return r, nil
}

func pick(rs []result, f func(result) float64) []float64 {
	out := make([]float64, len(rs))
	for i, r := range rs {
		out[i] = f(r)
	}
	return out
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

// report prints what a child measured.
func report(start time.Time, file string) error {
	r := result{Seconds: time.Since(start).Seconds()}
	if st, err := os.Stat(file); err == nil {
		r.Bytes = st.Size()
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// peers times what a dbt user waits for with warehouse, dbt-core and dbt 2, in
// turns: jaffle_shop, a project of many models with two data tests each, and
// the parse of a very big one. All read the same dbt project; what dbt 2
// refuses in jaffle_shop is written in its own words for it, see forDBT2.
func peers(args []string) error {
	fs := flag.NewFlagSet("peers", flag.ContinueOnError)
	var p peerBench
	fs.StringVar(&p.core, "dbt", "", "dbt-core, with dbt-duckdb")
	fs.StringVar(&p.two, "dbt2", "", "dbt 2; empty: left out")
	fs.StringVar(&p.libs, "dbt2-libs", "", "a folder with libduckdb.so for dbt 2")
	fs.StringVar(&p.jaffle, "jaffle", "", "a copy of github.com/dbt-labs/jaffle_shop_duckdb; empty: left out")
	fs.StringVar(&p.ours, "warehouse", "", "the warehouse to measure; empty: build it from here")
	fs.StringVar(&p.only, "only", "", "jaffle, build or parse; empty: all")
	fs.IntVar(&p.rounds, "rounds", 3, "runs of each side")
	fs.IntVar(&p.models, "models", 500, "models to build")
	fs.IntVar(&p.parsed, "parsed", 10_000, "models to parse")
	keep := fs.Bool("keep", false, "keep the projects")
	if err := fs.Parse(args); err != nil {
		return err
	}
	dir, err := scratch(*keep)
	if err != nil {
		return err
	}
	if !*keep {
		defer os.RemoveAll(dir)
	}
	p.dir = dir
	if p.ours, err = ourBinary(p.ours, dir); err != nil {
		return err
	}
	return p.run()
}

type peerBench struct {
	core, two, libs, ours string
	jaffle, only, dir     string
	rounds                int
	models, parsed        int
}

// work is one thing that all sides do. The goals are how many times less CPU
// than dbt-core and dbt 2 ours is to take.
type work struct {
	name, title string
	fresh       func(dir string) error // makes the project
	args        map[string][]string    // by side
	goals       map[string]float64
}

const (
	sideOurs = "warehouse"
	sideCore = "dbt-core"
	sideTwo  = "dbt 2"
)

func (p peerBench) works() []work {
	build := map[string][]string{sideOurs: {"build"}, sideCore: {"build"}, sideTwo: {"build"}}
	return []work{
		{"jaffle", "jaffle_shop_duckdb, build from nothing with its data tests", func(d string) error { return copyProject(p.jaffle, d) },
			build, map[string]float64{sideCore: 30, sideTwo: 3}},
		{"build", fmt.Sprintf("%d models, %d data tests, build from nothing", p.models, 2*p.models), func(d string) error { return synthetic(d, p.models) },
			build, map[string]float64{sideCore: 30, sideTwo: 8}},
		{"again", fmt.Sprintf("%d models, %d data tests, build again", p.models, 2*p.models), nil,
			build, nil},
		{"parse", fmt.Sprintf("%d models, %d data tests, parse from nothing", p.parsed, 2*p.parsed), func(d string) error { return synthetic(d, p.parsed) },
			map[string][]string{sideOurs: {"parse"}, sideCore: {"parse", "--no-partial-parse"}, sideTwo: {"parse", "--no-partial-parse"}},
			map[string]float64{sideCore: 50, sideTwo: 10}},
	}
}

func (p peerBench) run() error {
	binaries := map[string]string{sideOurs: p.ours, sideCore: p.core, sideTwo: p.two}
	var sides []string
	for _, s := range []string{sideOurs, sideCore, sideTwo} {
		bin := binaries[s]
		if bin == "" {
			fmt.Printf("%s is not installed: left out\n", s)
			continue
		}
		abs, err := filepath.Abs(bin)
		if err != nil {
			return err
		}
		binaries[s], sides = abs, append(sides, s)
	}
	for _, w := range p.works() {
		if p.only != "" && p.only != w.name && (p.only != "build" || w.name != "again") {
			continue
		}
		if w.name == "jaffle" && p.jaffle == "" {
			fmt.Println("no -jaffle DIR: jaffle_shop is left out")
			continue
		}
		if err := p.measure(w, sides, binaries); err != nil {
			return err
		}
	}
	return nil
}

// measure lets the sides take turns, each round from nothing if the work says
// so, and in what an earlier work left otherwise.
func (p peerBench) measure(w work, sides []string, binaries map[string]string) error {
	all := map[string][]result{}
	for range p.rounds {
		for _, s := range sides {
			dir := filepath.Join(p.dir, strings.ReplaceAll(s, " ", ""))
			if w.fresh != nil {
				if err := errors.Join(os.RemoveAll(dir), w.fresh(dir)); err != nil {
					return err
				}
				if s == sideTwo {
					if err := forDBT2(dir); err != nil {
						return err
					}
				}
			}
			r, err := p.turn(s, dir, append([]string{binaries[s]}, w.args[s]...))
			if err != nil {
				return err
			}
			all[s] = append(all[s], r)
		}
	}
	fmt.Printf("\n%s: %s (%d rounds)\n", w.name, w.title, p.rounds)
	fmt.Printf("  %-10s %10s %10s %10s\n", "side", "CPU s", "wall s", "peak MiB")
	cpu := func(r result) float64 { return r.cpu }
	ours := median(pick(all[sideOurs], cpu))
	for _, s := range sides {
		peak := slices.Max(pick(all[s], func(r result) float64 { return float64(r.peak) })) / 1024
		fmt.Printf("  %-10s %10.2f %10.2f %10.0f", s, median(pick(all[s], cpu)), median(pick(all[s], func(r result) float64 { return r.Seconds })), peak)
		if s != sideOurs {
			fmt.Printf("   %.1f times our CPU", median(pick(all[s], cpu))/ours)
		}
		if goal := w.goals[s]; goal > 0 {
			fmt.Printf(" (goal %.0f)", goal)
		}
		fmt.Println()
	}
	return nil
}

func (p peerBench) turn(side, dir string, cmd []string) (result, error) {
	c := exec.Command(cmd[0], cmd[1:]...)
	c.Dir, c.Env = dir, peerEnv(dir)
	if side == sideTwo && p.libs != "" {
		c.Env = append(c.Env, "LD_LIBRARY_PATH="+p.libs)
	}
	start := time.Now()
	out, err := c.CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("%s: %s: %w\n%s", side, strings.Join(cmd, " "), err, out)
	}
	r := result{Seconds: time.Since(start).Seconds(), cpu: (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()}
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.peak = int64(u.Maxrss)
	}
	return r, nil
}

var (
	bareMaterialized = regexp.MustCompile(`(?m)^(\s+)materialized:`)
	testArguments    = regexp.MustCompile(`(?m)^(\s+)- (accepted_values|relationships):\n((?:\s+(?:values|to|field): .*\n)+)`)
	requireVersion   = regexp.MustCompile(`(?m)^require-dbt-version:.*\n`)
)

// forDBT2 rewrites what dbt 2 refuses in dbt_project.yml and schema files: the
// version that is asked for, a config key without its plus sign, arguments of
// data tests that do not stand below arguments:.
func forDBT2(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yml" {
			return err
		}
		was, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(was)
		if d.Name() == "dbt_project.yml" {
			text = requireVersion.ReplaceAllString(text, "")
			text = bareMaterialized.ReplaceAllString(text, "$1+materialized:")
		}
		text = testArguments.ReplaceAllStringFunc(text, func(s string) string {
			m := testArguments.FindStringSubmatch(s)
			return m[1] + "- " + m[2] + ":\n" + m[1] + "    arguments:\n  " + strings.ReplaceAll(strings.TrimSuffix(m[3], "\n"), "\n", "\n  ") + "\n"
		})
		if text == string(was) {
			return nil
		}
		return os.WriteFile(path, []byte(text), 0o666)
	})
}

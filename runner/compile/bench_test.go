package compile

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"warehouse/runner/project"
)

// manyModels is a project of n models of 25 lines, each with a ref, two
// variables and two data tests.
func manyModels(n int) map[string]string {
	files := map[string]string{
		"project.yml": "name: shop\nversion: 1.0.0\nvars: {low: 1, high: 9}\nmodels: {part0: {+tags: [first]}}\ntarget: dev\ntargets: {dev: {type: duckdb, path: target/warehouse.duckdb}}\n",
	}
	lines := strings.Repeat("  amount / 100 as amount_in_units, -- a comment\n", 18)
	var schema strings.Builder
	for i := range n {
		parent := "select 1 as id, 2 as amount"
		if i > 0 {
			parent = fmt.Sprintf("{{ ref('model_%d') }}", (i-1)/2)
		}
		files[fmt.Sprintf("models/part%d/model_%d.sql", i%10, i)] = fmt.Sprintf(
			"{{ config(materialized='mart') }}\nselect\n  id,\n%s  amount\nfrom %s\nwhere id between {{ var('low') }} and {{ var('high', 10) }}\n", lines, parent)
		if i%100 == 0 {
			if i > 0 {
				files[fmt.Sprintf("models/part0/s%d.yml", i)] = schema.String()
			}
			schema.Reset()
			schema.WriteString("models:\n")
		}
		fmt.Fprintf(&schema, "  - name: model_%d\n    columns:\n      - name: id\n        data_tests: [not_null, unique]\n", i)
	}
	return files
}

// cpu reports the processor time of an operation, all threads together: on a
// busy machine the clock says little.
func cpu(b *testing.B, op func()) {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b.ReportAllocs()
	start, n := used(), 0
	for b.Loop() {
		op()
		n++
	}
	b.ReportMetric(float64((used()-start).Milliseconds())/float64(n), "cpu-ms/op")
}

// BenchmarkLoad and BenchmarkCompile together are what stands between the
// command and its first model.
func BenchmarkLoad(b *testing.B) {
	p, err := load(b, manyModels(10_000), nil)
	if err != nil {
		b.Fatal(shownErr(err))
	}
	cpu(b, func() {
		if _, err := project.Load(context.Background(), project.Options{Dir: p.Dir, LookupEnv: lookupTestEnv}); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	p, err := load(b, manyModels(10_000), nil)
	if err != nil {
		b.Fatal(shownErr(err))
	}
	cpu(b, func() {
		if _, err := Compile(context.Background(), p, Options{LookupEnv: lookupTestEnv}); err != nil {
			b.Fatal(shownErr(err))
		}
	})
}

// BenchmarkRender renders one everyday model of a compiled project.
func BenchmarkRender(b *testing.B) {
	g, err := compile(b, manyModels(10), nil)
	if err != nil {
		b.Fatal(shownErr(err))
	}
	n, binding := g.Model("model_5"), testBinding()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Render(context.Background(), n, binding); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProject loads and compiles a project of 10,000 models once, in a
// process that does nothing else, and reports how large that was.
func BenchmarkProject(b *testing.B) {
	const here = "BENCHMARK_PROJECT"
	if dir := os.Getenv(here); dir != "" {
		p, err := project.Load(context.Background(), project.Options{Dir: dir, LookupEnv: lookupTestEnv})
		if err == nil {
			_, err = Compile(context.Background(), p, Options{LookupEnv: lookupTestEnv})
		}
		if err != nil {
			b.Fatal(shownErr(err))
		}
		return
	}
	p, err := load(b, manyModels(10_000), nil)
	if err != nil {
		b.Fatal(shownErr(err))
	}
	var peak, cpu, n float64
	for b.Loop() {
		c := exec.Command(os.Args[0], "-test.run", "^$", "-test.bench", "^BenchmarkProject$", "-test.benchtime", "1x")
		c.Env = append(os.Environ(), here+"="+p.Dir)
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		peak = max(peak, float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024)
		cpu, n = cpu+1000*(c.ProcessState.UserTime()+c.ProcessState.SystemTime()).Seconds(), n+1
	}
	b.ReportMetric(peak, "peak-MB")
	b.ReportMetric(cpu/n, "cpu-ms/op")
}

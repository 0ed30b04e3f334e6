// Command embed builds a project as a run, from another Go program, and says
// what became of it.
package main

import (
	"context"
	"fmt"
	"os"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: embed PROJECT_FOLDER")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	r, err := runner.Open(ctx, runner.Config{Dir: dir, Engines: []engine.Engine{duckdb.Engine()}})
	if err != nil {
		return err
	}
	report, err := r.Build(ctx, runner.BuildOptions{})
	if err != nil {
		return err
	}
	fmt.Printf("run %s: %s, %d marts\n", report.Run.ID, report.Run.Status, report.Marts)
	head := func(cols []engine.Column) error { return nil }
	row := func(values []*string) error {
		fmt.Println(*values[0])
		return nil
	}
	return r.Query(ctx, runner.QueryOptions{SQL: "select count(*) from run_manifest"}, head, row)
}

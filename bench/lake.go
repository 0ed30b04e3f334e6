package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"warehouse/runner"
	"warehouse/runner/engine"
)

// lake builds the shipped example on a Trino server, and sends the same
// statements again, one after another, with Trino's own Go client or, with
// -cli, its command line client, to a schema of their own. The first build of each side makes the tables and is not counted.
func lake(o options, _ string) error {
	if os.Getenv("WAREHOUSE_TRINO_URL") == "" {
		fmt.Println("\nlake: no server: scripts/trino/server.sh with -w 2 go run ./bench -only lake starts one")
		return nil
	}
	// Names of one length: places in texts stay.
	stamp := time.Now().UTC().Format("150405")
	ours, err := lakePlace("bench_a_" + stamp)
	if err != nil {
		return err
	}
	theirs, err := lakePlace("bench_b_" + stamp)
	if err != nil {
		return err
	}
	dir, err := exampleCopy(ours.yml)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	send := resend
	if o.cli != "" {
		send = trinoCLI(o.cli).resend
	}
	var a, b []float64
	fmt.Printf("\nlake: the example on a warm server; client: its statements one after another; to be at most 1.5\n")
	for round := range o.rounds + 1 {
		log, took, err := buildLogged(dir, ours.engine)
		if err != nil {
			return err
		}
		again, err := send(theirs, log, ours.target.Schema, theirs.target.Schema)
		if err != nil {
			return err
		}
		fmt.Printf("  round %d: warehouse %.2f s, client %.2f s, %d statements\n", round, took.Seconds(), again.Seconds(), len(log))
		if round > 0 {
			a, b = append(a, took.Seconds()), append(b, again.Seconds())
		}
	}
	fmt.Printf("  medians: warehouse %.2f s, client %.2f s, ratio %.2f\n", median(a), median(b), median(a)/median(b))
	return nil
}

// exampleCopy is the project in this repository with another target.
func exampleCopy(target string) (string, error) {
	dir, err := os.MkdirTemp("", "warehouse-bench-")
	if err != nil {
		return "", err
	}
	for _, d := range []string{"models", "macros", "tests"} {
		if err := os.CopyFS(filepath.Join(dir, d), os.DirFS(d)); err != nil {
			return "", fmt.Errorf("run it from the repository's root: %w", err)
		}
	}
	text, err := os.ReadFile("project.yml")
	if err != nil {
		return "", err
	}
	head, _, _ := strings.Cut(string(text), "\ntarget:")
	return dir, os.WriteFile(filepath.Join(dir, "project.yml"), []byte(head+"\ntarget: t\ntargets:\n  "+target+"\n"), 0o666)
}

func buildLogged(dir string, e engine.Engine) (log []engine.Statement, took time.Duration, err error) {
	var mu sync.Mutex
	begun := time.Now()
	r, err := runner.Open(context.Background(), runner.Config{Dir: dir, Engines: []engine.Engine{e}, Statement: func(s engine.Statement) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, s)
	}})
	if err != nil {
		return nil, 0, err
	}
	rep, err := r.Build(context.Background(), runner.BuildOptions{})
	if err == nil && rep.Publication == 0 {
		err = fmt.Errorf("the example was not published: %s", rep.NotBecause)
	}
	return log, time.Since(begun), err
}

// resend sends a log to another schema.
func resend(p place, log []engine.Statement, from, to string) (time.Duration, error) {
	ctx := context.Background()
	props := "session_properties=use_preferred_write_partitioning:false%3Bscale_writers:false%3Bredistribute_writes:false"
	db, err := sql.Open("trino", p.target.DSN+"?catalog="+p.target.Catalog+"&schema="+to+"&timezone=UTC&"+props)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	c, err := db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+to); err != nil {
		return 0, err
	}
	swap := func(s string) string { return strings.ReplaceAll(s, from, to) }
	begun := time.Now()
	for _, s := range log {
		args := make([]any, len(s.Args))
		for i, a := range s.Args {
			if text, ok := a.(string); ok {
				a = swap(text)
			}
			args[i] = a
		}
		s.SQL, s.Args = swap(s.SQL), args
		if err := send(ctx, c, s); err != nil && s.Err == nil {
			return 0, fmt.Errorf("%s: %w", s.SQL, err)
		}
	}
	return time.Since(begun), nil
}

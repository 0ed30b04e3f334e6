package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/engine/trino"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// place is a target to measure on.
type place struct {
	engine engine.Engine
	target engine.Target
	yml    string // its line in project.yml
	latest string // the schema of what is published
}

// places are a DuckDB file and, if WAREHOUSE_TRINO_URL is set, a schema of a
// Trino server.
func places(dir string) ([]place, error) {
	file := filepath.Join(dir, "target", "warehouse.duckdb")
	out := []place{{duckdb.Engine(), engine.Target{Type: "duckdb", Path: file}, "t: {type: duckdb, path: target/warehouse.duckdb}", "latest"}}
	if os.Getenv("WAREHOUSE_TRINO_URL") == "" {
		return out, nil
	}
	p, err := lakePlace("bench_" + time.Now().UTC().Format("150405"))
	return append(out, p), err
}

func lakePlace(schema string) (place, error) {
	u, err := url.Parse(os.Getenv("WAREHOUSE_TRINO_URL"))
	if err != nil || u.Host == "" {
		return place{}, fmt.Errorf("WAREHOUSE_TRINO_URL is no address of a server: %q", os.Getenv("WAREHOUSE_TRINO_URL"))
	}
	u.User = url.User("bench")
	t := engine.Target{Type: "trino", DSN: u.String(), Catalog: "wh", Schema: schema}
	return place{trino.Engine(), t, fmt.Sprintf("t: {type: trino, dsn: %q, catalog: wh, schema: %s, latest_schema: %s_latest}", t.DSN, schema, schema), schema + "_latest"}, nil
}

// scale measures what a long history costs, on generated state: a few runs,
// then many, each with a record of every mart and a publication of all.
func scale(o options, dir string) error {
	all, err := places(dir)
	if err != nil {
		return err
	}
	for _, p := range all {
		if err := p.scale(o, filepath.Join(dir, "scale")); err != nil {
			return fmt.Errorf("%s: %w", p.engine.Name, err)
		}
	}
	return nil
}

func (p place) scale(o options, dir string) error {
	ctx := context.Background()
	m := &measured{dir: dir}
	if err := m.files(map[string]string{"project.yml": "name: bench\nversion: 1.0.0\ntarget: t\ntargets:\n  " + p.yml + "\n", "models/m000.sql": "select 1 as id"}); err != nil {
		return err
	}
	if p.engine.Name == "duckdb" {
		p.target.Path = filepath.Join(dir, "target", "warehouse.duckdb")
	}
	for range 2 {
		r, err := runner.Open(ctx, runner.Config{Dir: dir, Engines: []engine.Engine{p.engine}})
		if err != nil {
			return err
		}
		if _, err := r.Build(ctx, runner.BuildOptions{}); err != nil {
			return err
		}
	}
	db, err := p.engine.Open(ctx, p.target)
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	reg, err := history.Open(ctx, c, p.target.Schema)
	if err != nil {
		return err
	}
	g := &generator{c: c, reg: reg, marts: o.marts}
	fmt.Printf("\nscale: %s, %d marts a run\n", p.engine.Name, o.marts)
	fmt.Printf("  %8s %10s %10s %10s %10s %10s %10s %10s %10s\n", "runs", "read ms", "publish", "of it 1st", "rollback", "plan reads", "runs", "latest~5", "state MiB")
	for _, runs := range []int{10, o.history} {
		if err := g.upTo(ctx, runs); err != nil {
			return err
		}
		row, err := g.measure(ctx, p, o.rounds)
		if err != nil {
			return err
		}
		fmt.Printf("  %8d %s\n", runs, row)
	}
	return nil
}

// generator makes the register of a project that was built many times.
type generator struct {
	c       *engine.Conn
	reg     *history.Register
	marts   int
	first   history.Snapshot // the real run
	seq     int64            // of the newest publication
	pending []history.ModelRecord
	runs    int
}

// upTo adds runs until there are so many.
func (g *generator) upTo(ctx context.Context, runs int) error {
	var err error
	if g.first, err = g.reg.Resolve(ctx, g.c, "r2"); err != nil {
		return err
	}
	live, err := g.reg.Live(ctx, g.c)
	if err != nil {
		return err
	}
	g.seq, g.runs = live.Publication, max(g.runs, 2)
	if _, server := g.c.DB().Dialect().(engine.Maintainer); server {
		if err := g.copies(ctx, runs-mostFiles); err != nil {
			return err
		}
	}
	begun := time.Now()
	for ; g.runs < runs; g.runs++ {
		if err := g.run(ctx); err != nil {
			return err
		}
		if g.runs%100 == 0 {
			fmt.Fprintf(os.Stderr, "%d runs after %v\n", g.runs, time.Since(begun).Round(time.Second))
		}
	}
	return g.flush(ctx)
}

func (g *generator) run(ctx context.Context) error {
	now := time.Now()
	run := history.Run{ID: uuid.Must(uuid.NewV7()).String(), Command: "warehouse build", Target: "t", Project: "bench", ToolVersion: "bench", Host: "here", User: "me",
		StartedAt: now, Vars: []byte("{}"), BasePublication: g.seq, Selection: history.Selection{Publish: true}}
	marts := map[string]string{"m000": g.first.Marts["m000"]}
	for i := 1; i < g.marts; i++ {
		name := fmt.Sprintf("m%03d", i)
		marts[name] = run.ID
		g.pending = append(g.pending, history.ModelRecord{RunID: run.ID, Model: name, Attempt: 1, DataRunID: run.ID, Kind: "mart", Status: history.ModelSuccess, RowCount: 1000,
			Checksum: "0123456789abcdef", ChecksumScheme: "none", CompiledSQL: "select 1 as id", SQLSHA256: strings.Repeat("0", 64), StartedAt: now, FinishedAt: now,
			Layout: history.Layout{Schema: g.reg.Schema(), Table: name, RunColumn: "run_id", Columns: []mart.Column{{Name: "id", Physical: "id", Type: "integer"}}}})
	}
	return g.c.Atomic(ctx, func() error {
		if err := g.reg.Begin(ctx, g.c, &run); err != nil {
			return err
		}
		if len(g.pending) > 5000 {
			if err := g.flush(ctx); err != nil {
				return err
			}
		}
		var err error
		if g.seq, err = g.reg.PublishAfter(ctx, g.c, history.Publication{Action: history.Publish, RunID: run.ID, At: now, By: "me"}, marts, g.seq); err != nil {
			return err
		}
		run.Status, run.FinishedAt, run.ModelsOK = history.Success, now, g.marts
		return g.reg.Finish(ctx, g.c, &run)
	})
}

// flush writes the records of several runs at once, which is the one thing here
// that a build does otherwise.
func (g *generator) flush(ctx context.Context) error {
	if len(g.pending) == 0 {
		return nil
	}
	err := g.reg.RecordModels(ctx, g.c, g.pending)
	g.pending = nil
	return err
}

// measure returns a row of medians in milliseconds.
func (g *generator) measure(ctx context.Context, p place, rounds int) (string, error) {
	var out strings.Builder
	timed := func(f func() error) error {
		var all []float64
		for i := range rounds + 1 {
			begun := time.Now()
			if err := f(); err != nil {
				return err
			}
			if i > 0 { // the first warms up
				all = append(all, time.Since(begun).Seconds()*1000)
			}
		}
		fmt.Fprintf(&out, " %10.1f", median(all))
		return nil
	}
	one := func(q string) func() error {
		return func() error { var s any; return g.c.QueryRow(ctx, q, nil, &s) }
	}
	read := "SELECT max(id) FROM " + engine.Ident(p.latest) + ".m000"
	if err := timed(one(read)); err != nil {
		return "", err
	}
	// A publication, and of it the statement that makes it one.
	var firsts []float64
	move := func(action string) func() error {
		return func() error {
			live, err := g.reg.Live(ctx, g.c)
			if err != nil {
				return err
			}
			pub := history.Publication{Action: action, RunID: live.Run, At: time.Now(), By: "me"}
			if action == history.Rollback {
				pub.Restores = live.Publication
			}
			var took time.Duration
			g.c.DB().Log(func(s engine.Statement) {
				if strings.HasPrefix(s.SQL, "MERGE") || strings.HasPrefix(s.SQL, "INSERT") {
					if took == 0 {
						took = s.Duration
					}
				}
			})
			g.seq, err = g.reg.PublishAfter(ctx, g.c, pub, live.Marts, live.Publication)
			g.c.DB().Log(nil)
			firsts = append(firsts, took.Seconds()*1000)
			return err
		}
	}
	if err := timed(move(history.Publish)); err != nil {
		return "", err
	}
	fmt.Fprintf(&out, " %10.1f", median(firsts[1:]))
	if err := timed(move(history.Rollback)); err != nil {
		return "", err
	}
	if err := timed(func() error {
		live, err := g.reg.Live(ctx, g.c)
		if err != nil {
			return err
		}
		_, err = g.reg.Records(ctx, g.c, live)
		return err
	}); err != nil {
		return "", err
	}
	if err := timed(func() error { _, err := g.reg.Runs(ctx, g.c, 20); return err }); err != nil {
		return "", err
	}
	if err := timed(func() error { _, err := g.reg.Resolve(ctx, g.c, "latest~5"); return err }); err != nil {
		return "", err
	}
	bytes, err := g.bytes(ctx, p)
	fmt.Fprintf(&out, " %10.2f", float64(bytes)/(1<<20))
	return out.String(), err
}

// bytes is the size of the state's files, old snapshots left out.
func (g *generator) bytes(ctx context.Context, p place) (sum int64, err error) {
	m, ok := g.c.DB().Dialect().(engine.Maintainer)
	if !ok {
		if _, err := g.c.Exec(ctx, "CHECKPOINT warehouse"); err != nil {
			return 0, err
		}
		st, err := os.Stat(p.target.Path)
		if err != nil {
			return 0, err
		}
		return st.Size(), nil
	}
	for _, table := range g.reg.StateTables(g.c) {
		var files, size, rows int64
		if err := g.c.QueryRow(ctx, m.Files(table), nil, &files, &size, &rows); err != nil {
			return 0, err
		}
		sum += size
	}
	return sum, nil
}

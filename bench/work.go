package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

// job is one turn of one side.
type job struct {
	kind, dir    string
	round        int
	rows, models int
	threads      int
	trace        bool // print each statement with its time
	file         string
}

func child(args []string) error {
	if len(args) == 0 {
		return errors.New("child needs a kind")
	}
	j := job{kind: args[0]}
	fs := flag.NewFlagSet("child", flag.ContinueOnError)
	fs.StringVar(&j.dir, "dir", "", "")
	fs.IntVar(&j.round, "round", 0, "")
	fs.IntVar(&j.rows, "rows", 0, "")
	fs.IntVar(&j.models, "models", 0, "")
	fs.IntVar(&j.threads, "threads", 1, "")
	fs.BoolVar(&j.trace, "trace", false, "")
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	j.file = filepath.Join(j.dir, "target", "warehouse.duckdb")
	if err := os.MkdirAll(filepath.Join(j.dir, "target"), 0o777); err != nil {
		return err
	}
	switch j.kind {
	case "ours-big", "ours-checked", "ours-small":
		return j.ours()
	case "raw-big":
		return j.rawBig()
	case "bare-small":
		return j.bareSmall()
	case "replay-small":
		return j.replay()
	}
	return fmt.Errorf("unknown kind %s", j.kind)
}

// bigSelect is five columns of everyday types.
func bigSelect(rows int) string {
	return fmt.Sprintf("select i as id, i %% 1000 as grp, (i * 7919) %% 100003 as amount, 'name ' || (i %% 9973) as name, cast(i as double) / 7 as ratio from range(%d) t(i)", rows)
}

func smallSelect(i, rows int) string {
	return fmt.Sprintf("select i as id, (i * %d) %% 1009 as v, 'k' || (i %% 17) as k from range(%d) t(i)", i+3, rows)
}

// write makes the project of a side.
func (j job) write() error {
	files := map[string]string{"project.yml": fmt.Sprintf("name: bench\nversion: 1.0.0\ntarget: dev\ntargets: {dev: {type: duckdb, path: target/warehouse.duckdb, threads: %d}}\n", j.threads)}
	var y strings.Builder
	y.WriteString("version: 2\nmodels:\n")
	switch j.kind {
	case "ours-big":
		files["models/big.sql"] = bigSelect(j.rows)
		y.Reset()
	case "ours-checked":
		files["models/big.sql"] = bigSelect(j.rows)
		y.WriteString("  - name: big\n    config: {primary_key: [id]}\n    columns:\n")
		y.WriteString("      - {name: id, data_tests: [not_null]}\n      - {name: name, data_tests: [not_null]}\n      - {name: amount, data_tests: [not_null]}\n")
	default:
		for i := range j.models {
			name := fmt.Sprintf("m%03d", i)
			files["models/"+name+".sql"] = smallSelect(i, j.rows)
			fmt.Fprintf(&y, "  - name: %s\n    columns:\n      - {name: id, data_tests: [not_null]}\n", name)
		}
	}
	if y.Len() > 0 {
		files["models/schema.yml"] = y.String()
	}
	for name, text := range files {
		path := filepath.Join(j.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// ours builds a run.
func (j job) ours() error {
	if j.round == 0 {
		if err := j.write(); err != nil {
			return err
		}
	}
	var log func(engine.Statement)
	if j.trace {
		log = func(s engine.Statement) {
			first, _, _ := strings.Cut(s.SQL, "\n")
			fmt.Fprintf(os.Stderr, "%10.1f ms  %.100s\n", float64(s.Duration.Microseconds())/1000, first)
		}
	}
	start := time.Now()
	if err := j.build(log); err != nil {
		return err
	}
	return report(start, j.file)
}

func (j job) build(log func(engine.Statement)) error {
	ctx := context.Background()
	r, err := runner.Open(ctx, runner.Config{Dir: j.dir, Threads: j.threads, Engines: []engine.Engine{duckdb.Engine()}, Statement: log})
	if err != nil {
		return err
	}
	rep, err := r.Build(ctx, runner.BuildOptions{})
	if err != nil {
		return err
	}
	if !rep.OK() {
		return fmt.Errorf("the build failed: %s", rep.NotBecause)
	}
	return nil
}

// raw opens the file as the product does: in memory, with the file attached.
func (j job) raw() (*sql.DB, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(j.threads)
	db.SetMaxIdleConns(j.threads)
	for _, q := range []string{
		"ATTACH " + engine.Literal(j.file) + " AS warehouse",
		fmt.Sprintf("SET threads = %d", j.threads),
		"SET checkpoint_threshold = '1GB'",
	} {
		if _, err := db.Exec(q); err != nil {
			return nil, err
		}
	}
	return db, nil
}

func sendAll(ctx context.Context, c *sql.Conn, qs ...string) error {
	for _, q := range qs {
		if _, err := c.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

func (j job) rawBig() error {
	ctx := context.Background()
	start := time.Now()
	db, err := j.raw()
	if err != nil {
		return err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	id := engine.Literal(uuid.Must(uuid.NewV7()).String())
	err = sendAll(ctx, c,
		"CREATE TABLE IF NOT EXISTS warehouse.main.big (run_id uuid, id bigint, grp bigint, amount bigint, name varchar, ratio double, created_at timestamptz)",
		"BEGIN TRANSACTION",
		"DELETE FROM warehouse.main.big WHERE run_id = "+id,
		"INSERT INTO warehouse.main.big SELECT "+id+", *, now() FROM ("+bigSelect(j.rows)+")",
		"COMMIT", "CHECKPOINT warehouse")
	if err := errors.Join(err, c.Close(), db.Close()); err != nil {
		return err
	}
	return report(start, j.file)
}

// bareSmall sends five statements a model, as many models at once as the
// build has.
func (j job) bareSmall() error {
	ctx := context.Background()
	start := time.Now()
	db, err := j.raw()
	if err != nil {
		return err
	}
	id := engine.Literal(uuid.Must(uuid.NewV7()).String())
	var g errgroup.Group
	next := make(chan int)
	for range j.threads {
		g.Go(func() error {
			c, err := db.Conn(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			for i := range next {
				if err := j.bareModel(ctx, c, i, id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range j.models {
		next <- i
	}
	close(next)
	if err := g.Wait(); err != nil {
		return err
	}
	if _, err := db.Exec("CHECKPOINT warehouse"); err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	return report(start, j.file)
}

func (j job) bareModel(ctx context.Context, c *sql.Conn, i int, id string) error {
	table := fmt.Sprintf("warehouse.main.m%03d", i)
	if j.round == 0 {
		if err := sendAll(ctx, c, "CREATE TABLE "+table+" (run_id uuid, id bigint, v bigint, k varchar, created_at timestamptz)"); err != nil {
			return err
		}
	}
	err := sendAll(ctx, c, "BEGIN TRANSACTION", "DELETE FROM "+table+" WHERE run_id = "+id,
		"INSERT INTO "+table+" SELECT "+id+", *, now() FROM ("+smallSelect(i, j.rows)+")", "COMMIT")
	if err != nil {
		return err
	}
	var failures int64
	return c.QueryRowContext(ctx, "SELECT count(*) FROM "+table+" WHERE run_id = "+id+" AND id IS NULL").Scan(&failures)
}

package runner_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/trino"
	"warehouse/runner/engine/trino/trinotest"
)

// lake is a shop whose target is a schema of a Trino server.
type lake struct {
	*shop
	target     engine.Target
	mu         sync.Mutex // of statements
	statements []engine.Statement
	before     func(sql string) // is told each statement of a process opened later, once it is done
}

func newLake(t *testing.T, files string) *lake {
	t.Helper()
	l := &lake{target: trinotest.Target(t, "")}
	l.shop = newShop(t, files)
	l.write(l.projectYML())
	l.change = func(cfg *runner.Config) {
		cfg.Engines = []engine.Engine{trino.Engine()}
		before := l.before // of this process
		cfg.Statement = func(s engine.Statement) {
			l.mu.Lock()
			l.statements = append(l.statements, s)
			l.mu.Unlock()
			if before != nil {
				before(s.SQL)
			}
		}
	}
	return l
}

// projectYML is a project file with the lake as its target.
func (l *lake) projectYML() string {
	return fmt.Sprintf("-- project.yml --\nname: shop\nversion: 1.0.0\ntarget: lake\ntargets:\n  lake: {type: trino, dsn: %q, catalog: %s, schema: %s, latest_schema: %s_latest}\n",
		l.target.DSN, l.target.Catalog, l.target.Schema, l.target.Schema)
}

const lakeModels = `
-- models/a.sql --
{{ config(primary_key=['k']) }}
select k, k * {{ var('f', 2) }} as v from (values (1), (2), (3)) as t(k)
-- models/b.sql --
select a.k, a.v + 1 as w from {{ ref('a') }} where a.k > 1 -- an alias is not needed
-- models/c.sql --
{{ config(materialized='view') }}
select x.k, b.w from {{ ref('a') }} as x left join {{ ref('b') }} b on b.k = x.k
-- models/s.yml --
version: 2
models:
  - name: a
    columns: [{name: k, data_tests: [not_null, unique]}]
  - name: b
    columns: [{name: w, data_tests: [not_null]}]
`

// scalar reads one text.
func (l *lake) scalar(q string) string {
	l.t.Helper()
	db, err := trino.Engine().Open(l.t.Context(), l.target)
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	var out string
	if err := db.With(l.t.Context(), func(c *engine.Conn) error {
		return c.QueryRow(l.t.Context(), "SELECT CAST(("+q+") AS varchar)", nil, &out)
	}); err != nil {
		l.t.Fatalf("%s: %v", q, err)
	}
	return out
}

// run sends a statement.
func (l *lake) run(q string) {
	l.t.Helper()
	db, err := trino.Engine().Open(l.t.Context(), l.target)
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close()
	if err := db.With(l.t.Context(), func(c *engine.Conn) error { _, err := c.Exec(l.t.Context(), q); return err }); err != nil {
		l.t.Fatalf("%s: %v", q, err)
	}
}

func (l *lake) latest(expr string) string {
	return l.scalar(fmt.Sprintf("SELECT %s", strings.ReplaceAll(expr, "latest.", l.target.Schema+"_latest.")))
}

func (l *lake) built(o runner.BuildOptions) *runner.Report {
	l.t.Helper()
	rep, err := l.open().Build(l.t.Context(), o)
	if err != nil {
		l.t.Fatal(err)
	}
	return rep
}

// verified says that history is what the register says.
func (l *lake) verified() {
	l.t.Helper()
	v, err := l.open().Verify(l.t.Context(), "")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, m := range v.Mismatches {
		l.t.Errorf("verify: %+v", m)
	}
}

// Two builds at once: each has a run id of its own, and both are published, or
// the second is refused; never is one lost without a word. Each adds a column of
// its own to a table that the other plans statements on.
func TestTrinoTwoBuilds(t *testing.T) {
	l := newLake(t, lakeModels)
	l.write("-- models/a.sql --\n{{ config(primary_key=['k']) }}\nselect k, k as v, 1 as x{{ var('f', 2) }} from (values (1), (2), (3)) as t(k)\n")
	l.built(runner.BuildOptions{})
	var wg sync.WaitGroup
	reports, errs := make([]*runner.Report, 2), make([]error, 2)
	for i := range 2 {
		l.vars = map[string]any{"f": 10 + i}
		r := l.open()
		wg.Go(func() { reports[i], errs[i] = r.Build(t.Context(), runner.BuildOptions{}) })
	}
	wg.Wait()
	published := 0
	for i, rep := range reports {
		if rep == nil || rep.Run.ModelsOK != 3 {
			t.Fatalf("build %d: %+v, %v", i, rep, errs[i])
		}
		switch {
		case rep != nil && rep.Publication > 0:
			published++
		case rep != nil && strings.Contains(rep.NotBecause, "published anew"), rep != nil && strings.Contains(rep.NotBecause, "no longer live"):
		default:
			t.Errorf("build %d: %+v, %v", i, rep, errs[i])
		}
	}
	if published == 0 || reports[0].Run.ID == reports[1].Run.ID || reports[0].Run.Seq == reports[1].Run.Seq {
		t.Errorf("%d were published: %+v, %+v", published, reports[0].Run, reports[1].Run)
	}
	l.verified()
}

// Two builds at once whose marts have nothing to do with each other are both
// published: the second is laid over the first.
func TestTrinoTwoBuildsApart(t *testing.T) {
	l := newLake(t, "\n-- models/a.sql --\nselect {{ var('f', 1) }} as v\n-- models/b.sql --\nselect {{ var('f', 1) }} as v\n")
	l.built(runner.BuildOptions{})
	l.vars = map[string]any{"f": 2}
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		r := l.open()
		wg.Go(func() {
			rep, err := r.Build(t.Context(), runner.BuildOptions{Select: []string{name}})
			if err != nil || rep.Publication == 0 {
				t.Errorf("%s: %+v, %v", name, rep, err)
			}
		})
	}
	wg.Wait()
	if got := l.latest("(select v from latest.a) * 10 + (select v from latest.b)"); got != "22" {
		t.Errorf("latest is %s", got)
	}
	l.verified()
}

// publications is how many there are while others read.
func publications() int {
	if n, err := strconv.Atoi(os.Getenv("TRINO_PUBLICATIONS")); err == nil {
		return n
	}
	return 20
}

// A reader that joins three marts while publications and rollbacks go on sees
// one run in each.
func TestTrinoReaders(t *testing.T) {
	l := newLake(t, "")
	for _, m := range []string{"a", "b", "c"} {
		l.write("-- models/" + m + ".sql --\nselect '{{ run_id }}' as run\n")
	}
	l.built(runner.BuildOptions{})
	l.built(runner.BuildOptions{})
	moves := publications()
	done := make(chan struct{})
	var wg sync.WaitGroup
	reads, seen := 0, map[string]int{}
	wg.Go(func() {
		q := strings.ReplaceAll("SELECT a.run || ' ' || b.run || ' ' || c.run FROM L.a AS a, L.b AS b, L.c AS c", "L.", l.target.Schema+"_latest.")
		for {
			select {
			case <-done:
				return
			default:
			}
			got := strings.Fields(l.scalar(q))
			if len(got) != 3 || got[0] != got[1] || got[1] != got[2] {
				t.Errorf("a reader sees %v", got)
				return
			}
			reads++
			seen[got[0]]++
		}
	})
	db, err := trino.Engine().Open(t.Context(), l.target)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Each publishes what was live two publications ago, by the statement that a
	// publication is.
	log := engine.Relation{Database: l.target.Catalog, Schema: l.target.Schema, Name: "run_publication"}
	err = db.With(t.Context(), func(c *engine.Conn) error {
		columns, err := c.Describe(t.Context(), "SELECT * FROM "+log.String())
		if err != nil {
			return err
		}
		names := make([]string, len(columns))
		for i, c := range columns {
			names[i] = c.Name
		}
		for seq := 3; seq < moves+3; seq++ {
			from := strings.Replace(engine.Idents(names), `"seq"`, fmt.Sprintf("CAST(%d AS bigint)", seq), 1)
			q := c.DB().Dialect().(engine.Appender).InsertNew(log, []string{"seq"}, names, fmt.Sprintf("SELECT %s FROM %s WHERE seq = %d", from, log, seq-2))
			if n, err := c.Exec(t.Context(), q); err != nil || n != 1 {
				return fmt.Errorf("publication %d: %d rows, %w", seq, n, err)
			}
		}
		return nil
	})
	close(done)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2 || reads < 10 {
		t.Errorf("%d reads saw %v", reads, seen)
	}
	t.Logf("%d reads during %d publications: %v", reads, moves, seen)
}

package runner_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/engine/trino"
	"warehouse/runner/engine/trino/trinotest"
)

// sameFloat is how far two engines' floating point numbers may lie apart, as a
// part of the larger one; what is no floating point number must be equal.
const sameFloat = 1e-9

// The shipped example means the same on both engines: every mart has the same
// rows, and each of their values is equal, or as good as equal if it is a
// double.
func TestExampleOnBothEngines(t *testing.T) {
	lake := trinotest.Target(t, "")
	s := example(t)
	project := filepath.Join(s.dir, "project.yml")
	text, err := os.ReadFile(project)
	if err != nil {
		t.Fatal(err)
	}
	own := strings.NewReplacer(`"{{ env_var('TRINO_DSN') }}"`, lake.DSN, "schema: marts}", fmt.Sprintf("schema: %s, latest_schema: %s_latest}", lake.Schema, lake.Schema))
	if err := os.WriteFile(project, []byte(own.Replace(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	s.change = func(cfg *runner.Config) { cfg.Engines = []engine.Engine{duckdb.Engine(), trino.Engine()} }
	s.build(runner.BuildOptions{})
	s.change = func(cfg *runner.Config) {
		cfg.Engines = []engine.Engine{duckdb.Engine(), trino.Engine()}
		cfg.Target = "lake"
	}
	s.build(runner.BuildOptions{})

	local := engine.Target{Type: "duckdb", Path: filepath.Join(s.dir, "target", "warehouse.duckdb"), ReadOnly: true}
	lake.Schema += "_latest"
	for mart, columns := range exampleMarts {
		here := rowsOf(t, duckdb.Engine(), local, "latest."+mart, columns)
		there := rowsOf(t, trino.Engine(), lake, engine.Ident(lake.Schema)+"."+mart, columns)
		if len(here) == 0 || len(here) != len(there) {
			t.Errorf("%s: %d rows on DuckDB, %d on Trino", mart, len(here), len(there))
			continue
		}
		different := 0
		for i := range here {
			if !equalRows(here[i], there[i]) {
				if different++; different <= 3 {
					t.Errorf("%s:\nDuckDB %q\nTrino  %q", mart, here[i], there[i])
				}
			}
		}
		if different > 3 {
			t.Errorf("%s: %d rows of %d differ", mart, different, len(here))
		}
	}
}

// exampleMarts are the columns of each mart, the key first. Run ids differ, of
// course.
var exampleMarts = map[string][]string{
	"stg_image":                    {"image_sk", "file_name", "month"},
	"stg_vote":                     {"vote_id", "rater_id", "winner_image_sk", "loser_image_sk"},
	"mart_image_preference_score":  {"image_sk", "votes", "wins", "losses", "posterior_mean", "credible_lower", "credible_upper", "preference_rank"},
	"mart_inter_rater_reliability": {"metric", "value", "n", "numerator", "image_pairs", "ratings"},
	"mart_calendar_candidate":      {"month", "candidate_rank", "image_sk", "file_name", "posterior_mean", "votes"},
}

// rowsOf are the rows of a relation as texts, in one order.
func rowsOf(t *testing.T, e engine.Engine, target engine.Target, from string, columns []string) [][]string {
	t.Helper()
	ctx := t.Context()
	db, err := e.Open(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	texts := make([]string, len(columns))
	for i, c := range columns {
		texts[i] = fmt.Sprintf("coalesce(CAST(%s AS varchar), 'NULL')", c)
	}
	var out [][]string
	if err := db.With(ctx, func(c *engine.Conn) error { out, err = allRows(ctx, c, from, texts); return err }); err != nil {
		t.Fatal(from, err)
	}
	slices.SortFunc(out, func(a, b []string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	})
	return out
}

func allRows(ctx context.Context, c *engine.Conn, from string, texts []string) ([][]string, error) {
	rows, err := c.Query(ctx, "SELECT "+strings.Join(texts, ", ")+" FROM "+from)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]string
	for rows.Next() {
		row, into := make([]string, len(texts)), make([]any, len(texts))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

func equalRows(a, b []string) bool {
	return slices.EqualFunc(a, b, func(x, y string) bool {
		if x == y {
			return true
		}
		if !strings.ContainsAny(x+y, ".eE") {
			return false
		}
		f, err := strconv.ParseFloat(x, 64)
		g, err2 := strconv.ParseFloat(y, 64)
		return err == nil && err2 == nil && math.Abs(f-g) <= sameFloat*max(math.Abs(f), math.Abs(g))
	})
}

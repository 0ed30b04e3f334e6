package enginetest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"warehouse/runner/engine"
	"warehouse/runner/mart"
)

const (
	runA = "019f4e5a-0000-7000-8000-00000000000a"
	runB = "019f4e5a-0000-7000-8000-00000000000b"
	runC = "019f4e5a-0000-7000-8000-00000000000c"
)

// bench writes marts into a database of its own.
type bench struct {
	t  *testing.T
	db *engine.DB
	c  *engine.Conn
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, err := openDuck(t, duckTarget(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &bench{t, db, c}
}

// write does what a build does with a model.
func (b *bench) write(s mart.Spec, run, query string) (mart.Written, error) {
	b.t.Helper()
	ctx := b.t.Context()
	sel, err := b.c.Describe(ctx, query)
	if err != nil {
		return mart.Written{}, err
	}
	stored, err := mart.Layouts(ctx, b.c, "")
	if err != nil {
		b.t.Fatal(err)
	}
	plan, err := mart.Fit(s, stored[strings.ToLower(s.Table.Name)], sel)
	if err != nil {
		return mart.Written{}, err
	}
	var w mart.Written
	err = b.c.Atomic(ctx, func() (err error) {
		w, err = mart.Write(ctx, b.c, mart.Job{Spec: s, Plan: plan, RunID: run, CreatedAt: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Select: query})
		return err
	})
	return w, err
}

func (b *bench) must(s mart.Spec, run, query string) mart.Written {
	b.t.Helper()
	w, err := b.write(s, run, query)
	if err != nil {
		b.t.Fatalf("%v\n%s", err, query)
	}
	return w
}

// table returns the rows of a query, with spaces between values and semicolons
// between rows.
func (b *bench) table(query string) string {
	b.t.Helper()
	rows, err := b.c.Query(b.t.Context(), query)
	if err != nil {
		b.t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for rows.Next() {
		row, dest := make([]any, len(cols)), []any{}
		for i := range row {
			dest = append(dest, &row[i])
		}
		if err := rows.Scan(dest...); err != nil {
			b.t.Fatal(err)
		}
		out = append(out, strings.ReplaceAll(strings.TrimSpace(fmt.Sprintln(row...)), "<nil>", "NULL"))
	}
	return strings.Join(out, "; ")
}

func (b *bench) verify(s mart.Spec, run string, w mart.Written) {
	b.t.Helper()
	n, sum, err := mart.Verify(b.t.Context(), b.c, s.Table, s.RunColumn, w.Columns, run)
	if err != nil || n != w.Rows || sum != w.Checksum {
		b.t.Errorf("verify of %s: %d rows, %s, %v; written %+v", run, n, sum, err, w)
	}
}

func TestWrite(t *testing.T) {
	b, s := newBench(t), spec()
	first := b.must(s, runA, "SELECT range AS a, 'x' || range AS b FROM range(3) -- the end")
	if first.Rows != 3 || first.Scheme == "" || first.Checksum == "" || len(first.Columns) != 2 {
		t.Errorf("%+v", first)
	}
	second := b.must(s, runB, "SELECT 'y' AS b, 7::BIGINT AS a") // another order of columns
	// Built again, a run has its rows once, and the other run is as it was.
	for range 2 {
		if again := b.must(s, runA, "SELECT 'x' || range AS B, range AS a FROM range(3) ORDER BY a DESC"); again.Rows != 3 || again.Checksum != first.Checksum {
			t.Errorf("the same rows again: %+v, first %+v", again, first)
		}
	}
	b.verify(s, runA, first)
	b.verify(s, runB, second)
	if got := b.table("SELECT a, b, created_at = '2026-11-01 12:00:00+00'::TIMESTAMPTZ FROM main.m WHERE run_id = '" + runB + "'"); got != "7 y true" {
		t.Error(got)
	}
	empty := b.must(s, runC, "SELECT 1::BIGINT AS a, 'x' AS b WHERE false")
	if empty.Rows != 0 || empty.Checksum != "0" {
		t.Errorf("an empty run: %+v", empty)
	}
	if changed := b.must(s, runC, "SELECT range AS a, 'x' || range AS b FROM range(3) UNION ALL SELECT 2, 'x2'"); changed.Checksum == first.Checksum {
		t.Error("a row more, the same checksum")
	}
}

// TestWriteWithOldPlan: a plan that was made before its table was is still
// safe.
func TestWriteWithOldPlan(t *testing.T) {
	b, s := newBench(t), spec()
	plan, err := mart.Fit(s, nil, columns("a INTEGER"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w, err := mart.Write(t.Context(), b.c, mart.Job{Spec: s, Plan: plan, RunID: runA, CreatedAt: time.Now(), Select: "SELECT 1 AS a"})
		if err != nil || w.Rows != 1 {
			t.Errorf("%+v, %v", w, err)
		}
	}
}

func TestWriteEvolves(t *testing.T) {
	b, s := newBench(t), spec()
	one := b.must(s, runA, "SELECT 1::INTEGER AS v, 'old' AS gone")
	two := b.must(s, runB, "SELECT 2::BIGINT AS V, DATE '2026-01-01' AS added")
	three := b.must(s, runC, "SELECT 3::INTEGER AS v")
	if got := b.table(`SELECT v, "v~2", gone, added IS NULL FROM main.m ORDER BY run_id`); got != "1 NULL old true; NULL 2 NULL false; 3 NULL NULL true" {
		t.Error(got)
	}
	if got := fmt.Sprint(two.Columns); got != "[{V BIGINT V~2} {added DATE added}]" && got != "[{V BIGINT v~2} {added DATE added}]" {
		t.Error(got)
	}
	b.verify(s, runA, one)
	b.verify(s, runB, two)
	b.verify(s, runC, three)
	// hash() does not tell INTEGER from BIGINT: the types beside it do.
	same := b.must(s, runC, "SELECT 3::BIGINT AS v")
	if same.Checksum != three.Checksum || fmt.Sprint(same.Columns) == fmt.Sprint(three.Columns) {
		t.Errorf("%+v and %+v", same, three)
	}
}

func TestWriteFails(t *testing.T) {
	b, s := newBench(t), spec()
	before := b.must(s, runA, "SELECT 1::INTEGER AS v")
	query := "-- žluť\nSELECT v::INTEGER AS v, 1 AS added FROM (VALUES ('2'), ('x')) AS q(v)"
	_, err := b.write(s, runA, query)
	qe, ok := errors.AsType[*engine.QueryError](err)
	if !ok || qe.Kind != engine.KindRuntime || qe.SQL != query {
		t.Fatalf("got %#v", err)
	}
	if want := strings.Index(query, "v::INTEGER") + 1; qe.Offset != want {
		t.Errorf("offset %d, want %d", qe.Offset, want)
	}
	b.verify(s, runA, before)
	stored, err := mart.Layouts(t.Context(), b.c, "")
	if err != nil || len(stored["m"]) != 3 {
		t.Errorf("a failed write leaves %v, %v", stored, err)
	}
}

func TestWriteCancelled(t *testing.T) {
	b, s := newBench(t), spec()
	before := b.must(s, runA, "SELECT 1::BIGINT AS v")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	stored, err := mart.Layouts(t.Context(), b.c, "")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := mart.Fit(s, stored["m"], columns("v BIGINT"))
	if err != nil {
		t.Fatal(err)
	}
	err = b.c.Atomic(ctx, func() error {
		_, err := mart.Write(ctx, b.c, mart.Job{Spec: s, Plan: plan, RunID: runA, CreatedAt: time.Now(), Select: "SELECT (range * 7) % 1000003 AS v FROM range(1000000000)"})
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	b.verify(s, runA, before)
}

func TestKey(t *testing.T) {
	for _, c := range []struct {
		name, query    string
		key            []string
		nulls, tooMany int64
		examples       []string
	}{
		{"one column", "SELECT range AS k FROM range(10)", []string{"K"}, 0, 0, nil},
		{"two columns", "SELECT range % 3 AS a, range // 3 AS b FROM range(9)", []string{"a", "b"}, 0, 0, nil},
		{"no rows", "SELECT 1 AS k WHERE false", []string{"k"}, 0, 0, nil},
		{"a duplicate", "SELECT unnest([1, 2, 2, 2, 3, 3]) AS k", []string{"k"}, 0, 3, []string{"k = 2: 3 rows", "k = 3: 2 rows"}},
		{"NULL", "SELECT unnest([1, NULL, NULL]) AS k", []string{"k"}, 2, 0, []string{"k = NULL: 2 rows"}},
		{"NULL in part", "SELECT unnest([1, 1, 2]) AS a, unnest(['x', NULL, 'x']) AS b", []string{"a", "b"}, 1, 0, []string{"a = 1, b = NULL: 1 row"}},
		{"both", "SELECT unnest([1, 1, NULL]) AS k", []string{"k"}, 1, 1, []string{"k = 1: 2 rows", "k = NULL: 1 row"}},
		{"many", "SELECT range // 2 AS k FROM range(100)", []string{"k"}, 0, 50, []string{"k = 0: 2 rows", "k = 1: 2 rows", "k = 10: 2 rows", "k = 11: 2 rows", "k = 12: 2 rows"}},
		{"long text", "SELECT unnest([repeat('x', 100), repeat('x', 100)]) AS k", []string{"k"}, 0, 1, []string{"k = " + strings.Repeat("x", 60) + "…: 2 rows"}},
		{"structs", "SELECT unnest([{'a': 1}, {'a': 1}]) AS k", []string{"k"}, 0, 1, []string{"k = {'a': 1}: 2 rows"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, s := newBench(t), spec()
			b.must(s, runB, c.query) // another run may have the same keys
			s.Key = c.key
			_, err := b.write(s, runA, c.query)
			if c.nulls+c.tooMany == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			ke, ok := errors.AsType[*mart.KeyError](err)
			if !ok {
				t.Fatalf("got %v, want a *KeyError", err)
			}
			if ke.Nulls != c.nulls || ke.Duplicates != c.tooMany || fmt.Sprint(ke.Examples) != fmt.Sprint(c.examples) || ke.Hint() == "" {
				t.Errorf("got %+v: %v", ke, ke)
			}
			if n := b.table("SELECT count(*) FROM main.m WHERE run_id = '" + runA + "'"); n != "0" {
				t.Errorf("%s rows were kept", n)
			}
		})
	}
}

func TestEnforcedKey(t *testing.T) {
	b, s := newBench(t), spec()
	s.Key, s.KeyEnforced = []string{"k"}, true
	for range 2 {
		b.must(s, runA, "SELECT range AS k FROM range(3)")
		b.must(s, runB, "SELECT range AS k FROM range(3)")
	}
	for _, query := range []string{"SELECT 1::BIGINT AS k UNION ALL SELECT 1", "SELECT NULL::BIGINT AS k"} {
		_, err := b.write(s, runA, query)
		if qe, ok := errors.AsType[*engine.QueryError](err); !ok || qe.Kind != engine.KindConstraint {
			t.Errorf("%s: %v", query, err)
		}
	}
	if _, err := b.c.Exec(t.Context(), "INSERT INTO main.m SELECT * FROM main.m LIMIT 1"); err == nil {
		t.Error("the table does not enforce its key")
	}
}

func TestLayouts(t *testing.T) {
	b := newBench(t)
	for _, q := range []string{"CREATE TABLE main.Mixed (B INTEGER, a DATE)", "CREATE VIEW main.v AS SELECT 1 AS a", "CREATE SCHEMA other",
		"CREATE TABLE other.mixed (z DATE)", "CREATE TEMP TABLE tmp (a DATE)", "CREATE TABLE memory.main.mem (a DATE)"} {
		if _, err := b.c.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	for schema, want := range map[string]string{"": "map[mixed:[{B INTEGER} {a DATE}]]", "MAIN": "map[mixed:[{B INTEGER} {a DATE}]]",
		"other": "map[mixed:[{z DATE}]]", "none": "map[]"} {
		got, err := mart.Layouts(t.Context(), b.c, schema)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: got %v, %v, want %s", schema, got, err, want)
		}
	}
}

// TestRunColumnOfTheSeed writes a mart as the lesson that this program comes
// from has it.
func TestRunColumnOfTheSeed(t *testing.T) {
	b, s := newBench(t), spec()
	s.Table.Name, s.RunColumn, s.Key = "mart_image_preference_score", "score_run_id", []string{"image_sk"}
	b.must(s, runA, "SELECT range AS image_sk, range / 7 AS posterior_mean FROM range(12217)")
	b.must(s, runB, "SELECT range AS image_sk, range / 8 AS posterior_mean FROM range(12217)")
	got := b.table(fmt.Sprintf(`SELECT count(*), count(*) FILTER (b.posterior_mean <> a.posterior_mean)
		FROM mart_image_preference_score a JOIN mart_image_preference_score b USING (image_sk)
		WHERE a.score_run_id = '%s' AND b.score_run_id = '%s'`, runA, runB))
	if got != "12217 12216" {
		t.Error(got)
	}
	s.RunColumn = "run_id"
	_, err := b.write(s, runC, "SELECT 1 AS image_sk")
	if errs, ok := errors.AsType[mart.ColumnErrors](err); !ok || !strings.Contains(errs[0].Hint(), "run_id_column: score_run_id") {
		t.Errorf("got %v", err)
	}
}

// TestCounts: expressions over the SELECT's names are counted while the rows
// are verified, also when a column is stored under another name.
func TestCounts(t *testing.T) {
	b, s := newBench(t), spec()
	write := func(run, query string, counts ...string) []int64 {
		t.Helper()
		ctx := t.Context()
		sel, err := b.c.Describe(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := mart.Layouts(ctx, b.c, "")
		if err != nil {
			t.Fatal(err)
		}
		plan, err := mart.Fit(s, stored[strings.ToLower(s.Table.Name)], sel)
		if err != nil {
			t.Fatal(err)
		}
		w, err := mart.Write(ctx, b.c, mart.Job{Spec: s, Plan: plan, RunID: run, CreatedAt: time.Now(), Select: query, Counts: counts})
		if err != nil {
			t.Fatal(err)
		}
		b.verify(s, run, w)
		return w.Counts
	}
	nulls := func(name string) string {
		return fmt.Sprintf("count(*) FILTER (WHERE %s IS NULL)", engine.Ident(name))
	}
	if got := write(runA, "SELECT 1 AS a, NULL::INTEGER AS v FROM range(3)", nulls("a"), nulls("v")); got[0] != 0 || got[1] != 3 {
		t.Error(got)
	}
	// v is now text, stored beside the numbers, and A in another case.
	if got := write(runB, `SELECT 1 AS "A", 'x' AS v FROM range(3) UNION ALL SELECT 2, NULL`, nulls("a"), nulls("v")); got[0] != 0 || got[1] != 1 {
		t.Error(got)
	}
}

// TestIntegerKeys holds the counting of integer keys by bits to what GROUP BY
// says.
func TestIntegerKeys(t *testing.T) {
	for _, c := range []struct {
		name, query string
		ok          bool
	}{
		{"dense", "SELECT range AS id FROM range(10000)", true},
		{"one value", "SELECT 7 AS id", true},
		{"negative", "SELECT (range - 5000)::INTEGER AS id FROM range(10000)", true},
		{"extremes", "SELECT unnest([-9223372036854775808, 9223372036854775807]) AS id", true},
		{"extremes twice", "SELECT unnest([-9223372036854775808, 9223372036854775807, 9223372036854775807]) AS id", false},
		{"sparse", "SELECT range * 1000003 AS id FROM range(10000)", true},
		{"sparse twice", "SELECT range % 9999 * 1000003 AS id FROM range(10000)", false},
		{"one twice", "SELECT greatest(range, 1) AS id FROM range(10000)", false},
		{"the last twice", "SELECT least(range, 9998) AS id FROM range(10000)", false},
		{"a null", "SELECT nullif(range, 77) AS id FROM range(10000)", false},
		{"only nulls", "SELECT NULL::BIGINT AS id FROM range(3)", false},
		{"tiny", "SELECT (range - 128)::TINYINT AS id FROM range(256)", true},
		{"unsigned", "SELECT (range + 4294967000)::UINTEGER AS id FROM range(200)", true},
		{"no rows", "SELECT 1 AS id WHERE false", true},
		{"huge", "SELECT range::HUGEINT AS id FROM range(100)", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, s := newBench(t), spec()
			s.Key = []string{"id"}
			b.must(s, runB, "SELECT 1 AS id") // another run's keys do not count
			_, err := b.write(s, runA, c.query)
			if _, broken := errors.AsType[*mart.KeyError](err); broken == c.ok || (err != nil && !broken) {
				t.Errorf("err %v", err)
			}
		})
	}
}

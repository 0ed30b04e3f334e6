package enginetest_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
)

// TestExplain marks by | where in the statement the error is said to be; none
// means that DuckDB does not say.
func TestExplain(t *testing.T) {
	db, err := openDuck(t, engine.Target{Path: duckdb.Memory})
	if err != nil {
		t.Fatal(err)
	}
	exec1(t, db, "CREATE TABLE main.t AS SELECT 1 AS a, 'x' AS b")
	exec1(t, db, "CREATE TABLE main.pk (k INTEGER PRIMARY KEY)")
	cases := []struct {
		query string
		kind  engine.Kind
		msg   string // the whole message, or its beginning if it ends in …
	}{
		{"SELECT |nope FROM t", engine.KindBinder, "Referenced column \"nope\" not found in FROM clause!\nCandidate bindings: \"a\""},
		{"INSERT INTO t SELECT a, |nope FROM t", engine.KindBinder, "Referenced column \"nope\"…"},
		{"SELECT 'žluť 🐎',\r\n\t |nope FROM t", engine.KindBinder, "Referenced column \"nope\"…"},
		{"SELECT |foo(1)", engine.KindBinder, "Scalar Function with name foo does not exist!…"},
		{"SELECT a, |b FROM t GROUP BY a", engine.KindBinder, "column \"b\" must appear in the GROUP BY clause…"},
		{"|SELEC 1", engine.KindSyntax, `syntax error at or near "SELEC"`},
		{"SELECT (1|", engine.KindSyntax, "syntax error at end of input"},
		{"SELECT |'open", engine.KindSyntax, "unterminated quoted string…"},
		{"INSERT INTO t(a) SELECT |b FROM t", engine.KindRuntime, "Could not convert string 'x' to INT32…"},
		{"INSERT INTO t(a) SELECT |CAST(b AS INTEGER) FROM t", engine.KindRuntime, "Could not convert string 'x' to INT32…"},
		{"SELECT 2147483647::INTEGER + 1::INTEGER", engine.KindRuntime, "Overflow in addition of INT32 (2147483647 + 1)!"},
		{"SELECT error('{\"exception_type\":\"Binder\"}: LINE 1: x')", engine.KindRuntime, "{\"exception_type\":\"Binder\"}: LINE 1: x"},
		{"INSERT INTO pk VALUES (1), (1)", engine.KindConstraint, "PRIMARY KEY or UNIQUE constraint violation…"},
		{"INSERT INTO pk VALUES (NULL)", engine.KindConstraint, "NOT NULL constraint failed: pk.k"},
		{"SELECT st_point(1, 2)", engine.KindExtension, `Scalar Function with name "st_point" needs DuckDB's extension spatial, which is not loaded`},
		{"SELECT * FROM 'https://host/x.parquet'", engine.KindExtension, "File https://host/x.parquet needs DuckDB's extension httpfs, which is not loaded"},
		{"SELECT * FROM read_xlsx('x.xlsx')", engine.KindExtension, `Table Function with name "read_xlsx" needs DuckDB's extension excel, which is not loaded`},
		{"LOAD spatial", engine.KindExtension, "the statement needs DuckDB's extension spatial, which is not loaded"},
		{"SELECT * FROM |read_csv('/no/such/file.csv')", engine.KindOther, `No files found that match the pattern "/no/such/file.csv"`},
		{"COMMIT", engine.KindOther, "cannot commit - no transaction is active"},
		{"SELECT $1", engine.KindBinder, "the statement has parameters ($1, ?) that are given no values"},
	}
	check := func(c *engine.Conn, offsets bool) {
		t.Helper()
		for _, tc := range cases {
			query := strings.Replace(tc.query, "|", "", 1)
			_, err := c.Exec(t.Context(), query)
			qe, ok := errors.AsType[*engine.QueryError](err)
			if !ok {
				t.Errorf("%s: %v", query, err)
				continue
			}
			want, open := strings.CutSuffix(tc.msg, "…")
			if qe.Kind != tc.kind || (qe.Msg != want && !(open && strings.HasPrefix(qe.Msg, want))) {
				t.Errorf("%s:\n got %s: %s\nwant %s: %s", query, qe.Kind, qe.Msg, tc.kind, tc.msg)
			}
			if at := strings.Index(tc.query, "|"); offsets && qe.Offset != at {
				t.Errorf("%s: offset %d, want %d", query, qe.Offset, at)
			}
			if qe.Kind == engine.KindExtension && !strings.Contains(qe.Advice, "never loaded from the network") {
				t.Errorf("%s: advice %q", query, qe.Advice)
			}
		}
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	check(c, true)
	// A project's SQL may have switched the session to errors in plain text.
	if _, err := c.Exec(t.Context(), "SET errors_as_json = false"); err != nil {
		t.Fatal(err)
	}
	check(c, false)
}

func TestOutOfMemory(t *testing.T) {
	db, err := openDuck(t, engine.Target{Path: filepath.Join(t.TempDir(), "w.duckdb"),
		Settings: map[string]string{"memory_limit": "30MB", "max_temp_directory_size": "0KB", "threads": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Exec(t.Context(), "CREATE TABLE main.t AS SELECT range AS k, hash(range) AS h FROM range(10000000) ORDER BY h")
	qe, ok := errors.AsType[*engine.QueryError](err)
	if !ok || qe.Kind != engine.KindMemory || !strings.Contains(qe.Advice, "memory_limit") {
		t.Errorf("got %#v", err)
	}
	if _, err := c.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Error("the session after it:", err)
	}
}

func TestConflict(t *testing.T) {
	db, err := openDuck(t, duckTarget(t))
	if err != nil {
		t.Fatal(err)
	}
	exec1(t, db, "CREATE TABLE main.t AS SELECT range AS a FROM range(10)")
	one, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	err = one.Atomic(t.Context(), func() error {
		if _, err := one.Exec(t.Context(), "DELETE FROM main.t"); err != nil {
			return err
		}
		return db.With(t.Context(), func(two *engine.Conn) error {
			_, err := two.Exec(t.Context(), "DELETE FROM main.t WHERE a = 3")
			return err
		})
	})
	if qe, ok := errors.AsType[*engine.QueryError](err); !ok || qe.Kind != engine.KindConflict || qe.Advice == "" {
		t.Errorf("got %#v", err)
	}
}

func TestDescribePivot(t *testing.T) {
	db, err := openDuck(t, duckTarget(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cols, err := c.Describe(t.Context(), "PIVOT (SELECT 'x' AS a, 2 AS b) ON a USING sum(b) -- end")
	if err != nil || len(cols) != 1 || cols[0].Name != "x" {
		t.Errorf("got %v, %v", cols, err)
	}
	_, err = c.Describe(t.Context(), "SELECT 1 AS pivot; SELECT 2")
	if qe, ok := errors.AsType[*engine.QueryError](err); !ok || qe.Kind != engine.KindSyntax {
		t.Errorf("two statements: %v", err)
	}
	err = db.Dialect().(engine.StatementChecker).CheckSelect(t.Context(), c, "PIVOT (SELECT 'x' AS a, 2 AS b) ON a USING sum(b)")
	if qe, ok := errors.AsType[*engine.QueryError](err); !ok || !strings.Contains(qe.Advice, "IN (") {
		t.Errorf("a PIVOT without IN: %v", err)
	}
}

// TestTypes: stored and described types are spelled alike, so that a mart that
// is built again needs no new column.
func TestTypes(t *testing.T) {
	db, err := openDuck(t, duckTarget(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	query := `SELECT 1::TINYINT AS a, 1::UBIGINT AS b, 1::HUGEINT AS c, 1.5 AS d, 1::DECIMAL(38,10) AS e, 1::FLOAT AS f, 1::DOUBLE AS g,
		'x'::VARCHAR(10) AS h, 'a'::ENUM('a', 'it''s') AS i, {'a': 1, 'b c': {'d': [1]}} AS j, [1, 2]::INTEGER[2] AS k, [[1]] AS l,
		MAP {'a': 1} AS m, '{}'::JSON AS n, uuid() AS o, 'x'::BLOB AS p, DATE '2026-01-01' AS q, TIME '00:00' AS r, now() AS s,
		now()::TIMESTAMP AS t, now()::TIMESTAMP_NS AS u, now()::TIMESTAMP_S AS v, INTERVAL 1 DAY AS w, union_value(k := 1) AS x, '1'::BIT AS y,
		NULL AS z, [] AS aa, ['{}'::JSON] AS ab, TIMETZ '00:00:00+00' AS ac, 1::BIGNUM AS ad`
	described, err := c.Describe(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	types := db.Dialect().Types()
	table := engine.Table{Relation: engine.Relation{Schema: "main", Name: "m"}, RunColumn: "run_id",
		Columns: append([]engine.Column{{Name: "run_id", Type: types.RunID}}, described...)}
	exec1(t, db, db.Dialect().CreateTable(table))
	rows, err := c.Query(t.Context(), db.Dialect().Layouts(""))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for i := 0; rows.Next(); i++ {
		var name string
		var col engine.Column
		if err := rows.Scan(&name, &col.Name, &col.Type); err != nil {
			t.Fatal(err)
		}
		if col != table.Columns[i] {
			t.Errorf("stored %v, described %v", col, table.Columns[i])
		}
	}
}

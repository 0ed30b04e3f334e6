package enginetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"warehouse/runner/engine"
)

func testReopen(t *testing.T, s *suite) {
	m := s.mart("m")
	s.exec(s.insert(m, runA, s.rows("a", "b")))
	for _, c := range s.conns {
		_ = c.Close()
	}
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := s.engine.Open(s.ctx, s.target)
	if err != nil {
		t.Fatal("open again:", err)
	}
	s.db, s.conns = db, nil
	s.c = s.conn()
	s.equal(s.count(m, runA), "2", "rows after closing and opening")
}

func testDescribe(t *testing.T, s *suite) {
	m := s.mart("m")
	cols, err := s.c.Describe(s.ctx, "SELECT * FROM "+m.Relation.String())
	if err != nil {
		t.Fatal(err)
	}
	s.equal(fmt.Sprint(cols), fmt.Sprint(m.Columns), "the columns of a table, as it was created")
	s.equal(s.layout("m"), fmt.Sprint(m.Columns), "the same by Layouts")

	cols, err = s.c.Describe(s.ctx, `SELECT 1 AS a, 2 AS "A", 3 AS a, 'x' AS "odd name" -- end`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range cols {
		names = append(names, c.Name)
	}
	s.equal(strings.Join(names, "|"), "a|A|a|odd name", "names as written, duplicates too")

	for _, q := range []string{
		"WITH x AS (SELECT 1 AS a) SELECT a FROM x",
		"/* first */ SELECT 1 AS a",
		"-- first\nSELECT 1 AS a\n-- last",
		"SELECT 1 AS a UNION ALL SELECT 2",
	} {
		if cols, err := s.c.Describe(s.ctx, q); err != nil || len(cols) != 1 || cols[0].Name != "a" {
			t.Errorf("%q: %v, %v", q, cols, err)
		}
	}
}

// layout returns a table's stored columns.
func (s *suite) layout(table string) string {
	s.t.Helper()
	rows, err := s.c.Query(s.ctx, s.d.Layouts(s.target.Schema))
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var cols []engine.Column
	for rows.Next() {
		var name string
		var c engine.Column
		if err := rows.Scan(&name, &c.Name, &c.Type); err != nil {
			s.t.Fatal(err)
		}
		if strings.EqualFold(name, table) {
			cols = append(cols, c)
		}
	}
	return fmt.Sprint(cols)
}

// testDescribeErrors marks the place of each error by a | in the query.
func testDescribeErrors(t *testing.T, s *suite) {
	m := s.mart("m").Relation.String()
	for _, c := range []struct {
		query string
		kind  engine.Kind
		has   string
	}{
		{"SELECT k, |nope FROM " + m, engine.KindBinder, "nope"},
		{"SELECT 'žluťoučký 🐎' AS v,\r\n\t|nope FROM " + m, engine.KindBinder, "nope"},
		{"-- a comment\n\n  SELECT k,\n  |nope\nFROM " + m + "\n-- end", engine.KindBinder, "nope"},
		{"SELECT k FROM |no_such_table", engine.KindBinder, "no_such_table"},
		{"WITH a AS (SELECT k FROM " + m + ")\nSELECT k, a.|nope FROM a", engine.KindBinder, "nope"},
		{"SELECT k FROM " + m + " WHERE |nope = 1", engine.KindBinder, "nope"},
		{"|selec k FROM " + m, engine.KindSyntax, "selec"},
		{"SELECT k FROM FROM " + m, engine.KindSyntax, ""},
		{"", engine.KindSyntax, ""},
		{"-- nothing", engine.KindSyntax, ""},
		{"SELECT 1; SELECT 2", engine.KindSyntax, ""},
	} {
		query := strings.Replace(c.query, "|", "", 1)
		cols, err := s.c.Describe(s.ctx, query)
		qe, ok := errors.AsType[*engine.QueryError](err)
		if !ok {
			t.Errorf("%q: got %v, %v, want a *QueryError", query, cols, err)
			continue
		}
		s.equal(qe.Kind, c.kind, fmt.Sprintf("kind of %q", query))
		s.equal(qe.SQL, query, "the statement in the error")
		if !strings.Contains(qe.Msg, c.has) || strings.Contains(qe.Msg, "LINE ") || strings.Contains(qe.Msg, "{") {
			t.Errorf("%q: message %q", query, qe.Msg)
		}
		if want := strings.Index(c.query, "|"); want >= 0 && qe.Offset != want {
			// An engine may mark the qualifier of a name instead.
			if at := strings.LastIndexAny(query[:want], " \n\t") + 1; qe.Offset != at {
				t.Errorf("%q: offset %d (%q), want %d (%q)", query, qe.Offset, query[max(qe.Offset, 0):], want, query[want:])
			}
		}
	}
	s.equal(s.one("SELECT count(*) FROM "+m), "0", "the session after errors")
}

func testDescribeSession(t *testing.T, s *suite) {
	m := s.mart("m")
	boom := errors.New("boom")
	err := s.c.Atomic(s.ctx, func() error {
		s.exec(s.insert(m, runA, s.rows("a")))
		if _, err := s.c.Describe(s.ctx, "SELECT nope"); err == nil {
			t.Error("no error for an unknown column")
		}
		if _, err := s.c.Describe(s.ctx, "SELECT 1 AS a"); err != nil {
			t.Error("after a failed describe:", err)
		}
		s.equal(s.count(m, runA), "1", "the transaction goes on after a failed describe")
		return boom
	})
	s.equal(err, boom, "the error of the step")
	_, err = s.c.Exec(s.ctx, "SELECT nope")
	if qe, ok := errors.AsType[*engine.QueryError](err); !ok || strings.Contains(qe.Msg, "{") || qe.Kind != engine.KindBinder {
		t.Errorf("an error after describe: %v", err)
	}
}

func testCheckSelect(t *testing.T, s *suite) {
	check, ok := s.d.(engine.StatementChecker)
	if !ok {
		t.Skip("the engine cannot tell")
	}
	m := s.mart("m").Relation.String()
	for _, q := range []string{"SELECT 1", "SELECT 1;", "select k from " + m + " -- ;", "WITH a AS (SELECT 1) SELECT * FROM a", "VALUES (1)", "SELECT ';'"} {
		if err := check.CheckSelect(s.ctx, s.c, q); err != nil {
			t.Errorf("%q: %v", q, err)
		}
	}
	for _, q := range []string{"", "-- x", "SELECT 1; SELECT 2", "DROP TABLE " + m, "DELETE FROM " + m, "INSERT INTO " + m + " (k) VALUES (1)",
		"CREATE TABLE x (a INTEGER)", "SELECT 1; DROP TABLE " + m, "SELECT nope"} {
		if _, ok := errors.AsType[*engine.QueryError](check.CheckSelect(s.ctx, s.c, q)); !ok {
			t.Errorf("%q passes", q)
		}
	}
	s.equal(s.one("SELECT count(*) FROM "+m), "0", "the table is still there")
}

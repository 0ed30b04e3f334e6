package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"warehouse/runner/engine"
)

// slow is a query that does not end in reasonable time.
func (s *suite) slow() string {
	m := s.mart("big")
	s.exec(s.insert(m, runA, s.rows(strings.Split(strings.Repeat("x", 100), "")...)))
	r := m.Relation
	return fmt.Sprintf("SELECT sum(a.k * b.k + c.k * d.k - e.k * f.k) FROM %s a, %s b, %s c, %s d, %s e, %s f", r, r, r, r, r, r)
}

func testCancel(t *testing.T, s *suite) {
	slow := s.slow()
	ctx, cancel := context.WithCancel(s.ctx)
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	_, err := s.c.Exec(ctx, slow)
	s.cancelled(err, context.Canceled, start)
	_, err = s.c.Describe(ctx, "SELECT 1")
	s.cancelled(err, context.Canceled, time.Now())
	s.equal(s.one("SELECT 1"), "1", "the session after it")
}

func testDeadline(t *testing.T, s *suite) {
	slow := s.slow()
	ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := s.c.Query(ctx, slow)
	s.cancelled(err, context.DeadlineExceeded, start)
	s.equal(s.one("SELECT 1"), "1", "the session after it")
}

func (s *suite) cancelled(err, want error, start time.Time) {
	s.t.Helper()
	if qe, ok := errors.AsType[*engine.QueryError](err); !errors.Is(err, want) || !ok || qe.Kind != engine.KindCancelled {
		s.t.Errorf("got %#v, want %v", err, want)
	}
	if took := time.Since(start); took > 5*time.Second {
		s.t.Errorf("it took %v", took)
	}
}

func testErrors(t *testing.T, s *suite) {
	m := s.mart("m").Relation.String()
	for _, c := range []struct {
		query string
		kind  engine.Kind
	}{
		{"SELEC 1", engine.KindSyntax},
		{"SELECT nope", engine.KindBinder},
		{"SELECT * FROM nowhere", engine.KindBinder},
		{"INSERT INTO " + m + " (nope) VALUES (1)", engine.KindBinder},
		{"SELECT CAST(v AS INTEGER) FROM (SELECT 'x' AS v) AS q", engine.KindRuntime},
		{"SELECT " + s.d.Fail("boom"), engine.KindRuntime},
	} {
		_, err := s.readAll(c.query)
		qe, ok := errors.AsType[*engine.QueryError](err)
		if !ok {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		s.equal(qe.Kind, c.kind, "kind of "+c.query)
		if qe.Msg == "" || strings.ContainsAny(qe.Msg[:1], "{\n ") || strings.Contains(qe.Msg, "Error:") || strings.Contains(qe.Msg, "LINE ") {
			t.Errorf("%s: message %q", c.query, qe.Msg)
		}
		s.equal(qe.SQL, c.query, "the statement in the error")
	}
}

func testLog(t *testing.T, s *suite) {
	var seen []engine.Statement
	s.db.Log(func(st engine.Statement) { seen = append(seen, st) })
	s.exec("SELECT 1")
	_, _ = s.c.Exec(s.ctx, "SELECT nope")
	if len(seen) != 2 || seen[0].SQL != "SELECT 1" || seen[0].Err != nil || seen[1].Err == nil || seen[0].Duration <= 0 {
		t.Errorf("the log has %+v", seen)
	}
}

func testMemory(t *testing.T, s *suite) {
	mem, ok := s.d.(engine.MemoryBinder)
	if !ok {
		t.Skip("no views outside of the target")
	}
	m := s.mart("m")
	s.exec(s.insert(m, runA, s.rows("a")))
	schema := engine.Relation{Database: mem.MemoryCatalog(), Schema: "run"}
	full := m.Relation
	full.Database = s.d.Catalog()
	view := schema
	view.Name = "m"
	s.exec("CREATE SCHEMA " + schema.String())
	s.exec(fmt.Sprintf("CREATE VIEW %s AS SELECT k, v FROM %s", view, full))
	s.equal(s.list("SELECT v FROM "+view.String()), "a", "a view in memory over the target")
	other := s.conn()
	err := other.Atomic(s.ctx, func() error { // reads memory, writes the target
		_, err := other.Exec(s.ctx, s.insert(m, runB, "SELECT k, v FROM "+view.String()))
		return err
	})
	if err != nil {
		t.Error("a write that reads the view:", err)
	}
	s.equal(s.layout("m"), fmt.Sprint(m.Columns), "Layouts sees the target alone")
	if rows, err := other.Query(s.ctx, s.d.Layouts("run")); err == nil {
		if rows.Next() {
			t.Error("Layouts lists a table in memory")
		}
		rows.Close()
	}
	for _, c := range s.conns {
		_ = c.Close()
	}
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	s.db, err = s.engine.Open(s.ctx, s.target)
	if err != nil {
		t.Fatal(err)
	}
	s.conns = nil
	s.c = s.conn()
	if _, err := s.c.Exec(s.ctx, "SELECT * FROM "+view.String()); err == nil {
		t.Error("the view is still there after opening again")
	}
}

func testSearchPath(t *testing.T, s *suite) {
	if _, ok := s.d.(engine.SearchPather); !ok {
		t.Skip("names are looked up in one schema")
	}
	m, other := s.mart("m"), s.mart("other")
	s.exec(s.insert(other, runA, s.rows("b")))
	s.exec("CREATE SCHEMA " + engine.Ident(`b "1", x`))
	binding := engine.Relation{Schema: `b "1", x`, Name: "m"}
	s.exec(fmt.Sprintf("CREATE VIEW %s AS SELECT 'bound' AS v", binding))
	c := s.c
	s.c = s.conn()
	if err := s.c.SearchPath(s.ctx, engine.Relation{Database: s.d.Catalog(), Schema: binding.Schema},
		engine.Relation{Database: s.d.Catalog(), Schema: m.Relation.Schema}); err != nil {
		t.Fatal(err)
	}
	s.equal(s.list("SELECT v FROM m"), "bound", "the first schema wins")
	s.equal(s.list("SELECT v FROM other"), "b", "the second is searched")
	if err := s.c.Close(); err != nil {
		t.Error("close:", err)
	}
	s.c = c
	for range 3 { // whatever session the pool gives next
		s.c = s.conn()
		s.equal(s.list("SELECT v FROM other"), "b", "another session")
		s.equal(s.one("SELECT count(*) FROM m"), "0", "another session has the target's own search path")
	}
}

func testCheckpoint(t *testing.T, s *suite) {
	cp, ok := s.d.(engine.Checkpointer)
	if !ok {
		t.Skip("nothing to tidy")
	}
	for _, q := range cp.BeforeBuild(s.c.DB().Target()) {
		s.exec(q)
	}
	m := s.mart("m")
	s.exec(s.insert(m, runA, s.rows("a")))
	for _, q := range cp.AfterBuild(s.c.DB().Target()) {
		s.exec(q)
	}
	s.equal(s.count(m, runA), "1", "rows after it")
}

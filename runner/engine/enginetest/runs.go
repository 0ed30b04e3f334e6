package enginetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"warehouse/runner/engine"
)

func testRuns(t *testing.T, s *suite) {
	m := s.mart("m")
	s.exec(s.d.CreateTable(m)) // it is there: no error, nothing lost
	for range 3 {              // a run that is built again has its rows once
		s.exec(s.d.DeleteRun(m.Relation, "run_id", runA))
		s.equal(s.exec(s.insert(m, runA, s.rows("a", "b"))), int64(2), "rows inserted")
		s.equal(s.count(m, runA), "2", "rows of the run")
	}
	s.exec(s.insert(m, runB, s.rows("c")))
	s.equal(s.exec(s.d.DeleteRun(m.Relation, "run_id", runA)), int64(2), "rows deleted")
	s.equal(s.count(m, runA), "0", "rows of the deleted run")
	s.equal(s.count(m, runB), "1", "rows of the other run")
	var at any
	if err := s.c.QueryRow(s.ctx, fmt.Sprintf("SELECT created_at = %s FROM %s", s.d.TimeLiteral(noon), m.Relation), nil, &at); err != nil || at != true {
		t.Errorf("created_at: %v, %v", at, err)
	}
	s.exec(s.d.DropTable(m.Relation))
	s.exec(s.d.DropTable(m.Relation))
	s.equal(s.layout("m"), "[]", "columns of a dropped table")
}

func testEvolve(t *testing.T, s *suite) {
	m := s.mart("m")
	s.exec(s.insert(m, runA, s.rows("a")))
	added := engine.Column{Name: "v~2", Type: s.d.Types().Int}
	s.exec(s.d.AddColumn(m.Relation, added))
	s.equal(s.layout("m"), fmt.Sprint(append(m.Columns, added)), "columns after adding one")
	s.exec(s.d.InsertRun(engine.Insert{Table: m.Relation, RunColumn: "run_id", RunID: runB, CreatedColumn: "created_at", CreatedAt: noon,
		Physical: []string{"v~2", "k"}, Columns: []string{"new", "k"},
		Select: fmt.Sprintf("SELECT CAST(7 AS %s) AS new, CAST(1 AS %[1]s) AS k", added.Type)}))
	s.equal(s.list(fmt.Sprintf(`SELECT coalesce(CAST("v~2" AS %s), 'none') FROM %s ORDER BY run_id`, s.d.Types().Text, m.Relation)),
		"none 7", "the added column: NULL for the former run")
	s.equal(s.list(fmt.Sprintf("SELECT coalesce(v, 'none') FROM %s ORDER BY run_id", m.Relation)), "a none", "the former column")
}

func testTrailingComment(t *testing.T, s *suite) {
	m := s.mart("m")
	s.exec(s.insert(m, runA, s.rows("a")+" -- the end"))
	s.exec(s.insert(m, runB, "-- the beginning\nWITH x AS ("+s.rows("a")+")\nSELECT v, k FROM x -- by name, not by place"))
	s.equal(s.list("SELECT k FROM "+m.Relation.String()), "1 1", "rows")
}

func testNames(t *testing.T, s *suite) {
	types := s.d.Types()
	for _, name := range []string{"select", "two words", `quo"te`, "a.b", "žlutý", "x~2", "quo'te", "semi;colon", "-- x", "back\\slash", "1st", "%s", "{j}", "🐎"} {
		t.Run(name, func(t *testing.T) {
			s := *s
			s.t = t
			m := engine.Table{Relation: s.rel("t " + name), RunColumn: "r " + name,
				Columns: []engine.Column{{Name: "r " + name, Type: types.RunID}, {Name: name, Type: types.Text}}}
			s.exec(s.d.CreateTable(m))
			extra := engine.Column{Name: name + "~2", Type: types.Text}
			s.exec(s.d.AddColumn(m.Relation, extra))
			s.exec(s.d.InsertRun(engine.Insert{Table: m.Relation, RunColumn: "r " + name, RunID: runA, Physical: []string{extra.Name}, Columns: []string{name},
				Select: "SELECT 'x' AS " + engine.Ident(name)}))
			s.equal(s.one(fmt.Sprintf("SELECT %s FROM %s", engine.Ident(extra.Name), m.Relation)), "x", "the value")
			if !strings.ContainsAny(name, s.limits.Unlisted) {
				s.equal(s.layout("t "+name), fmt.Sprint(append(m.Columns, extra)), "the columns")
			}
			s.exec(s.d.DeleteRun(m.Relation, "r "+name, runA))
			s.exec(s.d.DropTable(m.Relation))
		})
	}
}

func testStaticViews(t *testing.T, s *suite) {
	m := s.mart("m")
	s.exec(s.insert(m, runA, s.rows("a")))
	s.exec(s.insert(m, runB, s.rows("b")))
	types := s.d.Types()
	log := engine.Table{Relation: s.rel("log"), Columns: []engine.Column{{Name: "seq", Type: types.Int}, {Name: "run_id", Type: types.RunID}}}
	s.exec(s.d.CreateTable(log))
	view := engine.Relation{Schema: s.target.Schema + "_latest", Name: "m"}
	s.exec("CREATE SCHEMA " + engine.Ident(view.Schema))
	s.exec(fmt.Sprintf("CREATE VIEW %s AS SELECT k, v FROM %s WHERE run_id = coalesce((SELECT run_id FROM %s ORDER BY seq DESC LIMIT 1), %s)",
		view, m.Relation, log.Relation, s.d.Fail("m is not published: it's the end")))

	_, err := s.readAll("SELECT v FROM " + view.String())
	if qe, ok := errors.AsType[*engine.QueryError](err); !ok || !strings.Contains(qe.Msg, "m is not published: it's the end") {
		t.Errorf("nothing published: %v", err)
	}
	publish := func(seq int, run string) {
		s.exec(fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", log.Relation, seq, s.d.RunLiteral(run)))
	}
	publish(1, runA)
	s.equal(s.list("SELECT v FROM "+view.String()), "a", "the published run")
	publish(2, runB)
	s.equal(s.list("SELECT v FROM "+view.String()), "b", "the next one")
	publish(3, runA)
	s.equal(s.list("SELECT v FROM "+view.String()), "a", "and back")
}

// readAll reads a query to its end and counts its rows.
func (s *suite) readAll(query string) (n int, err error) {
	rows, err := s.c.Query(s.ctx, query)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	return n, s.c.Explain(rows.Err(), query)
}

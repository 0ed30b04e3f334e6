package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// target is an open database file with a register.
type target struct {
	testing.TB
	ctx  context.Context
	path string
	db   *engine.DB
	c    *engine.Conn
	reg  *history.Register
	at   time.Time // the register's clock, a minute ahead with each look
}

func openTarget(t testing.TB) *target {
	t.Helper()
	g := &target{TB: t, ctx: context.Background(), path: filepath.Join(t.TempDir(), "wh.duckdb"), at: time.Date(2026, 11, 1, 9, 0, 0, 123456789, time.UTC)}
	g.attach(g.path)
	reg, err := history.Open(g.ctx, g.c, "main")
	g.must(err)
	reg.Now = g.now
	g.reg = reg
	return g
}

// attach opens a file; the one that was open is closed.
func (g *target) attach(path string) {
	g.Helper()
	g.close()
	db, err := duckdb.Engine().Open(g.ctx, engine.Target{Name: "dev", Type: "duckdb", Path: path})
	g.must(err)
	g.db, g.path = db, path
	g.c, err = db.Conn(g.ctx)
	g.must(err)
	g.Cleanup(g.close)
}

func (g *target) close() {
	if g.db != nil {
		g.must(g.c.Close())
		g.must(g.db.Close())
		g.db = nil
	}
}

func (g *target) now() time.Time { g.at = g.at.Add(time.Minute); return g.at }

func (g *target) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

func (g *target) exec(query string, args ...any) {
	g.Helper()
	_, err := g.c.Exec(g.ctx, query, args...)
	g.must(err)
}

// text runs a query of one value.
func (g *target) text(query string, args ...any) string {
	g.Helper()
	s, err := g.tryText(query, args...)
	g.must(err)
	return s
}

func (g *target) tryText(query string, args ...any) (s string, err error) {
	err = g.c.QueryRow(g.ctx, "SELECT coalesce(CAST(("+query+") AS VARCHAR), 'NULL')", args, &s)
	return s, err
}

// id is a run id that ends in n.
func id(n int) string { return fmt.Sprintf("01900000-%04d-7000-8000-%012d", n, n) }

// begin records a run of seq n.
func (g *target) begin(n int) history.Run {
	g.Helper()
	live, err := g.reg.Live(g.ctx, g.c)
	g.must(err)
	run := history.Run{ID: id(n), Command: "warehouse build", User: "anna", StartedAt: g.now(), BasePublication: live.Publication,
		Vars: json.RawMessage(`{"label": "it's \"50%\"\n é"}`), Selection: history.Selection{Select: []string{"a+"}, Publish: true}}
	g.must(g.reg.Begin(g.ctx, g.c, &run))
	return run
}

func record(runID, model string) history.ModelRecord {
	return history.ModelRecord{
		RunID: runID, Model: model, Attempt: 1, DataRunID: runID, Kind: "mart", Status: history.ModelSuccess, RowCount: 3,
		Checksum: "123456789012345678901234567890", ChecksumScheme: "sum", CompiledSQL: "select 'ü' as v", SQLSHA256: "ab",
		Layout: history.Layout{Schema: "main", Table: model, RunColumn: "run_id", CreatedColumn: "created_at", Key: []string{"id"},
			Columns: []mart.Column{{Name: "id", Type: "INTEGER", Physical: "id"}, {Name: "v", Type: "INTEGER", Physical: "v"}}},
		Inputs:    map[string]history.Input{"source.x.raw.e": {Name: "raw.e", Fingerprint: "f<1>"}},
		StartedAt: time.Date(2026, 11, 1, 9, 0, 0, 1000, time.UTC), FinishedAt: time.Date(2026, 11, 1, 9, 0, 1, 0, time.UTC),
	}
}

// build records a whole run of some marts, and publishes it if it is a success.
func (g *target) build(n int, status history.Status, models ...string) history.Run {
	g.Helper()
	run := g.begin(n)
	var recs []history.ModelRecord
	for _, m := range models {
		recs = append(recs, record(run.ID, m))
	}
	g.must(g.reg.RecordModels(g.ctx, g.c, recs))
	g.must(g.reg.RecordTests(g.ctx, g.c, []history.TestRecord{{RunID: run.ID, Attempt: 1, Test: "t", Model: "a", Column: "id", Severity: "error", Status: "pass"}}))
	run.Status, run.FinishedAt, run.ModelsOK = status, g.now(), len(models)
	g.must(g.reg.Finish(g.ctx, g.c, &run))
	if status == history.Success {
		g.publish(run.ID)
	}
	return run
}

// publish lays a run's marts over the live snapshot.
func (g *target) publish(runID string) int64 {
	g.Helper()
	s, err := g.reg.RunSnapshot(g.ctx, g.c, runID)
	g.must(err)
	seq, err := g.reg.Publish(g.ctx, g.c, history.Publication{Action: history.Publish, RunID: runID, By: "anna"}, s.Marts)
	g.must(err)
	return seq
}

func (g *target) rollback() (history.Publication, error) {
	g.Helper()
	p, err := g.reg.NextRollback(g.ctx, g.c)
	if err != nil {
		return p, err
	}
	s, err := g.reg.Snapshot(g.ctx, g.c, p.Seq)
	g.must(err)
	_, err = g.reg.Publish(g.ctx, g.c, history.Publication{Action: history.Rollback, RunID: p.RunID, Restores: p.Seq}, s.Marts)
	g.must(err)
	return p, nil
}

func (g *target) verify() []string {
	g.Helper()
	bad, err := g.reg.VerifyLedger(g.ctx, g.c)
	g.must(err)
	var out []string
	for _, m := range bad {
		out = append(out, m.String())
	}
	return out
}

func TestRegisterOpens(t *testing.T) {
	g := openTarget(t)
	if _, err := history.Read(g.ctx, g.c, "main"); err != nil {
		t.Errorf("Read after Open: %v", err)
	}
	if _, err := history.Read(g.ctx, g.c, "other"); !errors.Is(err, history.ErrNoRegister) {
		t.Errorf("Read of a schema without a register: %v", err)
	}
	odd, err := history.Open(g.ctx, g.c, `odd "schema`)
	g.must(err)
	run := history.Run{ID: id(1), StartedAt: g.now()}
	g.must(odd.Begin(g.ctx, g.c, &run))
	g.exec(`INSERT INTO run_state VALUES (99, now())`)
	var newer *history.VersionError
	for name, open := range map[string]func(context.Context, *engine.Conn, string) (*history.Register, error){"Open": history.Open, "Read": history.Read} {
		if _, err := open(g.ctx, g.c, "main"); !errors.As(err, &newer) || newer.Found != 99 {
			t.Errorf("%s of a newer register: %v", name, err)
		}
	}
}

// What is recorded comes back as it was, whichever way it was inserted.
func TestRecordsComeBack(t *testing.T) {
	g := openTarget(t)
	run := g.begin(1)
	for _, n := range []int{1, 2, 50} {
		var want []history.ModelRecord
		for i := range n {
			m := record(run.ID, fmt.Sprintf("m%d_%02d", n, i))
			m.Error = "it's \"bad\"\n\\ é 𝄞\t100%"
			m.Layout.Columns = append(m.Layout.Columns, mart.Column{Name: `say "hi"`, Type: "ENUM('a', 'b')", Physical: `say "hi"~2`})
			switch i % 3 {
			case 1:
				m = history.ModelRecord{RunID: run.ID, Model: m.Model, Attempt: 1, Kind: "view", Status: history.ModelSkipped, RowCount: -1}
			case 2:
				m.RowCount, m.DataRunID, m.Status = 0, id(7), history.ModelReused
			}
			want = append(want, m)
		}
		g.must(g.reg.RecordModels(g.ctx, g.c, want))
		got, err := g.reg.Models(g.ctx, g.c, run.ID)
		g.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d records (-want +got):\n%s", n, diff)
		}
		g.exec("DELETE FROM run_manifest_model")
	}
	for _, n := range []int{1, 10} {
		var want []history.TestRecord
		for i := range n {
			want = append(want, history.TestRecord{RunID: run.ID, Attempt: 1, Test: fmt.Sprintf("t%d_%d", n, i), Model: "a", Severity: "warn", Status: "fail",
				Failures: 12345678901, Sample: json.RawMessage(`[{"n": 12345678901234567890, "t": "a'b"}]`), CompiledSQL: "select 1", StartedAt: g.now()})
			want[i].StartedAt = want[i].StartedAt.Truncate(time.Microsecond)
		}
		g.must(g.reg.RecordTests(g.ctx, g.c, want))
		got, err := g.reg.Tests(g.ctx, g.c, run.ID)
		g.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d tests (-want +got):\n%s", n, diff)
		}
		g.exec("DELETE FROM run_manifest_test")
	}
	got, err := g.reg.Run(g.ctx, g.c, run.ID)
	g.must(err)
	run.StartedAt = run.StartedAt.Truncate(time.Microsecond)
	if diff := cmp.Diff(run, got); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if s := g.text(`SELECT vars->>'label' FROM run_manifest`); s != "it's \"50%\"\n é" {
		t.Errorf("vars read by SQL: %q", s)
	}
}

func TestHighestAttemptCounts(t *testing.T) {
	g := openTarget(t)
	g.build(1, history.Failed, "a", "b")
	run, err := g.reg.Run(g.ctx, g.c, id(1))
	g.must(err)
	run.Command = "warehouse retry"
	g.must(g.reg.Resume(g.ctx, g.c, &run))
	again := record(id(1), "b")
	again.Attempt, again.RowCount = 2, 99
	g.must(g.reg.RecordModels(g.ctx, g.c, []history.ModelRecord{again}))
	models, err := g.reg.Models(g.ctx, g.c, id(1))
	g.must(err)
	if len(models) != 2 || models[0].Attempt != 1 || models[1].RowCount != 99 {
		t.Errorf("got %+v", models)
	}
	if bad := g.verify(); len(bad) > 0 {
		t.Errorf("while it runs again: %q", bad)
	}
	run.Count(models, nil)
	run.Status = history.Success
	g.must(g.reg.Finish(g.ctx, g.c, &run))
	if run.RowCount != 102 || run.ModelsOK != 2 || run.Seq != 1 {
		t.Errorf("got %+v", run)
	}
	recs, err := g.reg.Records(g.ctx, g.c, history.Snapshot{Marts: map[string]string{"a": id(1), "b": id(1), "gone": id(1)}})
	g.must(err)
	if len(recs) != 2 || recs["b"].Attempt != 2 || recs["a"].Attempt != 1 {
		t.Errorf("Records: %+v", recs)
	}
	if bad := g.verify(); len(bad) > 0 {
		t.Error(bad)
	}
}

func TestStartOver(t *testing.T) {
	g := openTarget(t)
	if rows, err := g.reg.StartOver(g.ctx, g.c, id(1)); err != nil || rows != nil {
		t.Errorf("of a run that is not there: %v, %v", rows, err)
	}
	g.build(1, history.Success, "a")
	g.build(2, history.Failed, "a", "b")
	var rows map[string]history.Layout
	g.must(g.c.Atomic(g.ctx, func() (err error) {
		if rows, err = g.reg.StartOver(g.ctx, g.c, strings.ToUpper(id(2))); err != nil {
			return err
		}
		run := history.Run{ID: id(2), StartedAt: g.now()}
		return g.reg.Begin(g.ctx, g.c, &run)
	}))
	if got := slices.Sorted(maps.Keys(rows)); !slices.Equal(got, []string{"a", "b"}) || rows["b"].Table != "b" {
		t.Errorf("rows of %v", rows)
	}
	if got := g.text(`SELECT count(*) FROM run_manifest_model WHERE run_id = '` + id(2) + `'`); got != "0" {
		t.Errorf("%s records left", got)
	}
	if bad := g.verify(); len(bad) > 0 {
		t.Errorf("started over is no mismatch: %q", bad)
	}

	// What must stay.
	g.build(3, history.Failed, "c")
	g.build(4, history.Failed, "c")
	g.must(g.reg.SetTag(g.ctx, g.c, history.Tag{Name: "keep", RunID: id(4)}))
	g.build(5, history.Failed, "c")
	reader := record(id(3), "reader")
	reader.Inputs = map[string]history.Input{"model.p.c": {Name: "c", RunID: id(5)}}
	g.must(g.reg.RecordModels(g.ctx, g.c, []history.ModelRecord{reader}))
	pruned := g.build(6, history.Failed)
	pruned.Status = history.Pruned
	g.must(g.reg.Finish(g.ctx, g.c, &pruned))
	g.build(7, history.Failed, "c")
	reuser := record(id(3), "reuser")
	reuser.DataRunID, reuser.Inputs = id(7), nil
	g.must(g.reg.RecordModels(g.ctx, g.c, []history.ModelRecord{reuser}))
	for n, why := range map[int]string{
		1: "it was published (publication 1)", 4: `it has the tag "keep"`, 5: id(3) + " was built from it",
		6: "it was pruned", 7: id(3) + " was built from it",
	} {
		_, err := g.reg.StartOver(g.ctx, g.c, id(n))
		var refused *history.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), why) {
			t.Errorf("run %d: %v, want a refusal: %s", n, err, why)
		}
	}
	run := history.Run{ID: id(5)}
	if err := g.reg.Begin(g.ctx, g.c, &run); err == nil {
		t.Error("Begin of an id that is there")
	}
}

func TestMarkCrashed(t *testing.T) {
	g := openTarget(t)
	g.build(1, history.Success, "a")
	run := g.begin(2)
	g.must(g.reg.RecordModels(g.ctx, g.c, []history.ModelRecord{record(run.ID, "a")}))
	runs, err := g.reg.MarkCrashed(g.ctx, g.c)
	g.must(err)
	if len(runs) != 1 || runs[0].ID != id(2) || runs[0].ModelsOK != 1 {
		t.Errorf("got %+v", runs)
	}
	got, err := g.reg.Run(g.ctx, g.c, id(2))
	g.must(err)
	if got.Status != history.Crashed || !got.FinishedAt.IsZero() {
		t.Errorf("got %+v", got)
	}
	if runs, err = g.reg.MarkCrashed(g.ctx, g.c); err != nil || len(runs) > 0 {
		t.Errorf("a second time: %v, %v", runs, err)
	}
	if bad := g.verify(); len(bad) > 0 {
		t.Error(bad)
	}
}

// A rollback goes on back; it never toggles between two states.
func TestRollbackSteps(t *testing.T) {
	g := openTarget(t)
	if _, err := g.rollback(); !errors.Is(err, history.ErrNothingBefore) {
		t.Errorf("of an empty log: %v", err)
	}
	for n := 1; n <= 4; n++ {
		g.build(n, history.Success, "a")
	}
	step := func(want int) {
		t.Helper()
		p, err := g.rollback()
		g.must(err)
		live, err := g.reg.Live(g.ctx, g.c)
		g.must(err)
		if p.RunID != id(want) || live.Marts["a"] != id(want) || live.Run != id(want) {
			t.Fatalf("went to %s, want %s", p.RunID, id(want))
		}
	}
	step(3)
	step(2)
	g.build(5, history.Success, "a") // on run 2
	step(2)
	step(1)
	if _, err := g.rollback(); !errors.Is(err, history.ErrNothingBefore) {
		t.Errorf("before the first: %v", err)
	}

	// Published again, an old state is a step of its own.
	h := openTarget(t)
	h.build(1, history.Success, "a")
	h.build(2, history.Success, "a")
	h.publish(id(1))
	h.publish(id(2))
	for _, want := range []int{1, 2, 1} {
		p, err := h.rollback()
		h.must(err)
		if p.RunID != id(want) {
			t.Fatalf("went to %s, want %s", p.RunID, id(want))
		}
	}
	if bad := h.verify(); len(bad) > 0 {
		t.Error(bad)
	}
}

func TestVerifyLedger(t *testing.T) {
	fresh := func(t *testing.T) *target {
		g := openTarget(t)
		g.build(1, history.Success, "a", "b", "c", "d")
		g.build(2, history.Success, "a")
		g.build(3, history.Failed, "b")
		_, err := g.rollback()
		g.must(err)
		g.must(g.reg.SetTag(g.ctx, g.c, history.Tag{Name: "v1.0 rc", RunID: id(1), Publication: 1, Note: "it's"}))
		g.must(g.reg.SetTag(g.ctx, g.c, history.Tag{Name: "gone", RunID: id(1)}))
		g.must(g.reg.Untag(g.ctx, g.c, "gone"))
		g.must(g.reg.RecordTests(g.ctx, g.c, []history.TestRecord{{RunID: id(1), Attempt: 2, Test: "t", Status: "fail"}}))
		g.must(g.reg.Seal(g.ctx, g.c, id(1), "test"))
		return g
	}
	for name, tc := range map[string]struct{ tamper, want string }{
		"untouched":        {"SELECT 1", ""},
		"who ran it":       {`UPDATE run_manifest SET "user" = 'somebody' WHERE seq = 1`, "run " + id(1) + " (r1) was changed"},
		"status":           {`UPDATE run_manifest SET status = 'success' WHERE seq = 3`, "run " + id(3) + " (r3) was changed"},
		"deleted run":      {`DELETE FROM run_manifest WHERE seq = 3`, "run " + id(3) + " was deleted"},
		"model record":     {`UPDATE run_manifest_model SET row_count = 4 WHERE model = 'b' AND run_id = '` + id(1) + `'`, "(r1) was changed"},
		"compiled SQL":     {`UPDATE run_manifest_model SET compiled_sql = 'select 2' WHERE model = 'c'`, "(r1) was changed"},
		"inputs":           {`UPDATE run_manifest_model SET inputs = '{}' WHERE model = 'c'`, "(r1) was changed"},
		"deleted model":    {`DELETE FROM run_manifest_model WHERE model = 'c'`, "(r1) was changed"},
		"test record":      {`UPDATE run_manifest_test SET status = 'pass' WHERE status = 'fail'`, "(r1) was changed"},
		"test later":       {`INSERT INTO run_manifest_test (run_id, attempt, test) SELECT run_id, 3, 'x' FROM run_manifest WHERE seq = 2`, "(r2) was changed"},
		"added run":        {`INSERT INTO run_manifest (run_id, seq) VALUES ('` + id(9) + `', 9)`, "run " + id(9) + " (r9) is not in the ledger"},
		"orphan":           {`INSERT INTO run_manifest_model (run_id, model) VALUES ('` + id(9) + `', 'x')`, "run " + id(9) + " has model or test records"},
		"publication":      {`UPDATE run_publication SET published_by = 'x' WHERE seq = 2`, "publication 2 was changed"},
		"publication time": {`UPDATE run_publication SET published_at = published_at + INTERVAL 1 MICROSECOND WHERE seq = 2`, "publication 2 was changed"},
		"pointer":          {`UPDATE run_publication_mart SET run_id = '` + id(3) + `' WHERE seq = 2 AND mart = 'b'`, "publication 2 was changed"},
		"deleted log":      {`DELETE FROM run_publication WHERE seq = 3`, "publication 3 was changed"},
		"tag":              {`UPDATE run_tag SET publication = 2`, "tag v1.0 rc was changed"},
		"deleted tag":      {`DELETE FROM run_tag`, "tag v1.0 rc was deleted"},
		"ledger entry":     {`UPDATE run_ledger SET "at" = now() WHERE seq = 4`, "ledger 5 does not follow"},
		"ledger gap":       {`DELETE FROM run_ledger WHERE seq = 4`, "ledger 5 does not follow"},
		"ledger forged": {`UPDATE run_ledger SET content_sha256 = 'x' WHERE event = 'test'`,
			"(r1) was changed"},
	} {
		t.Run(name, func(t *testing.T) {
			g := fresh(t)
			g.exec(tc.tamper)
			got := strings.Join(g.verify(), "\n")
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) || strings.Count(got, "\n") > 1 {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// A time zone of the session, or another order of rows, is no change.
func TestVerifyLedgerAfterReopen(t *testing.T) {
	g := openTarget(t)
	for n := 1; n <= 60; n++ {
		g.build(n, []history.Status{history.Success, history.Failed}[n%2], "a", "b")
	}
	g.exec("CHECKPOINT warehouse")
	g.attach(g.path)
	g.exec("SET TimeZone = 'Pacific/Auckland'")
	if bad := g.verify(); len(bad) > 0 {
		t.Error(bad)
	}
	g.exec(`UPDATE run_manifest SET host = 'x' WHERE seq IN (26, 60)`)
	if bad := g.verify(); len(bad) != 2 {
		t.Error(bad)
	}
}

// A digest can be recomputed by other means, as docs/state.md says.
func TestLedgerByHand(t *testing.T) {
	g := openTarget(t)
	g.build(1, history.Success, "a")
	g.must(g.reg.SetTag(g.ctx, g.c, history.Tag{Name: "base", RunID: id(1), CreatedBy: "é \"x\"\n<&>"}))
	g.expect("true", `SELECT content_sha256 = (
		SELECT sha256('{"table":"run_tag","tag":"base","run_id":"' || run_id || '","created_at":"' ||
			strftime(timezone('UTC', created_at), '%Y-%m-%dT%H:%M:%S.%fZ') || '","created_by":"é \"x\"\n<&>"}' || chr(10)) FROM run_tag)
		FROM run_ledger WHERE event = 'tag base'`)
	g.expect("true", `SELECT prev_sha256 = (
		SELECT sha256('{"table":"run_ledger","seq":' || seq || ',"at":"' || strftime(timezone('UTC', "at"), '%Y-%m-%dT%H:%M:%S.%fZ') ||
			'","event":"publish 1","run_id":"' || run_id || '","content_sha256":"' || content_sha256 || '","prev_sha256":"' || prev_sha256 || '"}' || chr(10))
		FROM run_ledger WHERE event = 'publish 1')
		FROM run_ledger WHERE event = 'tag base'`)
}

// A whole build may be one transaction.
func TestOneTransaction(t *testing.T) {
	g := openTarget(t)
	for n := 1; n <= 2; n++ {
		g.must(g.c.Atomic(g.ctx, func() error {
			g.build(n, history.Success, "a")
			return nil
		}))
	}
	g.expect("success success", "SELECT string_agg(status, ' ') FROM run_manifest")
	if bad := g.verify(); len(bad) > 0 {
		t.Error(bad)
	}
}

// A publication is whole or not there.
func TestPublishIsAtomic(t *testing.T) {
	g := openTarget(t)
	g.build(1, history.Success, "a")
	boom := errors.New("boom")
	err := g.c.Atomic(g.ctx, func() error {
		if _, err := g.reg.Publish(g.ctx, g.c, history.Publication{Action: history.Publish, RunID: id(1)}, map[string]string{"a": id(1)}); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if n := g.text("SELECT count(*) FROM run_publication"); n != "1" {
		t.Errorf("%s publications", n)
	}
	if bad := g.verify(); len(bad) > 0 {
		t.Error(bad)
	}
}

func BenchmarkRegister(b *testing.B) {
	g := openTarget(b)
	ctx, c, reg, check := g.ctx, g.c, g.reg, g.must
	marts := map[string]string{}
	var recs []history.ModelRecord
	run := history.Run{ID: uuid.NewString(), StartedAt: time.Now()}
	check(reg.Begin(ctx, c, &run))
	for i := range 500 {
		m := record(run.ID, fmt.Sprintf("model_%03d", i))
		m.CompiledSQL = strings.Repeat("select some text of a model\n", 50)
		recs = append(recs, m)
		marts[m.Model] = run.ID
	}
	check(reg.RecordModels(ctx, c, recs))
	snap := history.Snapshot{Marts: marts}

	for name, f := range map[string]func(){
		"Begin": func() {
			r := history.Run{ID: uuid.NewString(), StartedAt: time.Now()}
			check(reg.Begin(ctx, c, &r))
		},
		"RecordModels1":   func() { check(reg.RecordModels(ctx, c, recs[:1])) },
		"RecordModels10":  func() { check(reg.RecordModels(ctx, c, recs[:10])) },
		"RecordModels500": func() { check(reg.RecordModels(ctx, c, recs)) },
		"Finish500":       func() { check(reg.Finish(ctx, c, &run)) },
		"Publish500": func() {
			_, err := reg.Publish(ctx, c, history.Publication{Action: history.Publish, RunID: run.ID}, marts)
			check(err)
		},
		"Records500":      func() { got, err := reg.Records(ctx, c, snap); check(err); _ = got },
		"Live500":         func() { _, err := reg.Live(ctx, c); check(err) },
		"Read":            func() { _, err := history.Read(ctx, c, "main"); check(err) },
		"Resolve":         func() { _, err := reg.Resolve(ctx, c, "r1"); check(err) },
		"MarkCrashedNone": func() { _, err := reg.MarkCrashed(ctx, c); check(err) },
	} {
		b.Run(name, func(b *testing.B) {
			err := c.Atomic(ctx, func() error { // undone, so that a benchmark leaves no rows to the next
				for range b.N {
					f()
				}
				return errUndo
			})
			if !errors.Is(err, errUndo) {
				b.Fatal(err)
			}
		})
	}
}

var errUndo = errors.New("undo")

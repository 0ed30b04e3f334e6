package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"warehouse/runner"
	"warehouse/runner/diag"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

func ptr[T any](v T) *T { return &v }

var (
	noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	run1 = history.Run{ID: "01900000-0000-7000-8000-000000000001", Seq: 41, Status: history.Success, StartedAt: noon.Add(-time.Hour), FinishedAt: noon.Add(-time.Hour + 90*time.Second), Command: "warehouse build"}
	run2 = history.Run{ID: "01900000-0000-7000-8000-000000000002", Seq: 42, Status: history.Success, StartedAt: noon, FinishedAt: noon.Add(1230 * time.Millisecond), RowCount: 12217,
		ModelsOK: 3, BasePublication: 7, Command: "warehouse build --select a b", Selection: history.Selection{Select: []string{"a", "b"}, Exclude: []string{"c"}, Publish: true},
		Vars: json.RawMessage(`{"v": 1}`), Target: "dev", Project: "shop", CodeVersion: "6d0e14e+dirty", ProjectSHA256: strings.Repeat("0123456789abcdef", 4),
		ToolVersion: "v0.1.0", Host: "box", User: "ana"}
)

// nodes are one result of each kind, as a build reports them.
func nodes() []runner.NodeResult {
	bad := &diag.Error{Pos: diag.Pos{File: "models/b.sql", Line: 2, Col: 8}, Span: 6, Msg: `column "ordres" is not there`, Source: "select ordres", Advice: `did you mean "orders"?`}
	return []runner.NodeResult{
		{ID: "model.shop.a", Name: "a", Resource: "model", Kind: "mart", File: "models/a.sql", Status: runner.StatusSuccess, Rows: 12217, Started: noon, Duration: 50 * time.Millisecond},
		{ID: "model.shop.v", Name: "v", Resource: "model", Kind: "view", File: "models/v.sql", Status: runner.StatusSuccess, Rows: -1, Started: noon, Duration: time.Millisecond},
		{ID: "test.shop.nn", Name: "not_null_a_v", Resource: "test", File: "models/schema.yml", Status: runner.StatusPass, Model: "a", Column: "v", Blocking: true, Duration: 20 * time.Millisecond},
		{ID: "test.shop.w", Name: "unique_a_w", Resource: "test", File: "models/schema.yml", Status: runner.StatusWarn, Failures: 2, Model: "a", Column: "w", Duration: 20 * time.Millisecond,
			Sample: runner.Sample{Columns: []string{"w", "n"}, Rows: [][]*string{{ptr("x\x1b[31m"), ptr("2")}, {nil, ptr("3")}}}, SampleSQL: "select w, count(*) as n\nfrom a\ngroup by 1\nhaving count(*) > 1"},
		{ID: "test.shop.f", Name: "accepted_a", Resource: "test", File: "tests/t.sql", Status: runner.StatusFail, Failures: 1200, Model: "a", Blocking: true, Duration: 2 * time.Second,
			Sample: runner.Sample{Columns: []string{"a long text"}, Rows: [][]*string{{ptr(strings.Repeat("日本", 30))}}}, SampleSQL: "select * from a -- it's all\nwhere w <> 'x'"},
		{ID: "test.shop.e", Name: "broken", Resource: "test", File: "tests/broken.sql", Status: runner.StatusError, Err: errors.New("no such column"), Duration: time.Millisecond},
		{ID: "model.shop.b", Name: "b", Resource: "model", Kind: "mart", File: "models/b.sql", Status: runner.StatusError, Rows: -1, Err: bad, Duration: 3 * time.Millisecond},
		{ID: "model.shop.c", Name: "c", Resource: "model", Kind: "mart", File: "models/c.sql", Status: runner.StatusSkipped, Rows: -1, Because: "b failed"},
		{ID: "model.shop.d", Name: "d", Resource: "model", Kind: "mart", File: "models/d.sql", Status: runner.StatusReused, Rows: 5},
		{ID: "model.shop.x", Name: "x", Resource: "model", Kind: "ephemeral", File: "models/x.sql", Status: runner.StatusNoOp, Rows: -1},
	}
}

func events() []runner.Event {
	out := []runner.Event{
		{Kind: runner.EventLock, Time: noon, Message: "waiting for the target: held by pid 7"},
		{Kind: runner.EventMended, Time: noon, Run: run1.ID, Message: "r41 did not end"},
		{Kind: runner.EventWarning, Time: noon, Err: &diag.Error{Pos: diag.Pos{File: "models/schema.yml", Line: 3, Col: 5}, Msg: "grants mean nothing here", Warn: true, Source: "    grants: {}"}},
		{Kind: runner.EventPlan, Time: noon, Run: run2.ID, Total: 10, Message: "r42"},
		{Kind: runner.EventLog, Time: noon, Message: "from a template"},
	}
	for i, n := range nodes() {
		start := n
		start.Status = runner.StatusStart
		out = append(out, runner.Event{Kind: runner.EventStart, Time: noon, Index: i + 1, Total: 10, Node: &start},
			runner.Event{Kind: runner.EventResult, Time: noon.Add(time.Second), Index: i + 1, Total: 10, Node: &n})
	}
	return append(out, runner.Event{Kind: runner.EventProgress, Time: noon, Message: "publishing"},
		runner.Event{Kind: runner.EventPublish, Time: noon, Message: "r42 published, 3 marts"})
}

func TestTextLog(t *testing.T) {
	var b strings.Builder
	sink := &textSink{w: &b, starts: true}
	play(sink)
	golden(t, "golden/log.txt", b.String())
}

// play sends all there is through a sink.
func play(s sink) {
	for _, e := range events() {
		s.event(e)
	}
	s.say("said")
	for _, n := range nodes() {
		if n.Err != nil {
			s.fail(nodeError(n))
		}
	}
	s.done(statsOf(nodes()), 1230*time.Millisecond)
	s.rest()
	s.close(codeNo)
}

func TestJSONLog(t *testing.T) {
	var b strings.Builder
	sink := &jsonSink{w: &b, now: func() time.Time { return noon }, began: noon, id: run2.ID, command: "build",
		mask: newMasker([]string{"WAREHOUSE_SECRET_X=template"})}
	play(sink)
	for line := range strings.Lines(b.String()) {
		var v struct {
			Info map[string]any
			Data map[string]any
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		for _, key := range []string{"name", "code", "msg", "level", "invocation_id", "pid", "thread", "ts", "extra", "category"} {
			if _, ok := v.Info[key]; !ok {
				t.Errorf("no info.%s in %s", key, line)
			}
		}
	}
	golden(t, "golden/log.jsonl", pidRE.ReplaceAllString(b.String(), `"pid":0`))
}

func TestQuietLog(t *testing.T) {
	var b strings.Builder
	play(quietSink{&textSink{w: &b, starts: true}})
	for line := range strings.Lines(b.String()) {
		if !strings.HasPrefix(line, "error: ") && !strings.HasPrefix(line, "hint: ") && !strings.HasPrefix(line, "    ") {
			t.Errorf("not quiet: %s", line)
		}
	}
}

func TestReport(t *testing.T) {
	ok := nodes()[:3]
	report := func(status history.Status, n []runner.NodeResult, change func(*runner.Report)) *runner.Report {
		r := &runner.Report{Run: run2, Marts: 3, Nodes: n, Elapsed: 1230 * time.Millisecond}
		r.Run.Status = status
		change(r)
		return r
	}
	var b strings.Builder
	for _, c := range []struct {
		title  string
		report *runner.Report
	}{
		{"published", report(history.Success, ok, func(r *runner.Report) { r.Publication = 8 })},
		{"the first one", report(history.Success, ok, func(r *runner.Report) { r.Publication, r.Run.BasePublication, r.Marts = 1, 0, 1 })},
		{"not wanted", report(history.Success, ok, func(r *runner.Report) { r.NotBecause = "--no-publish" })},
		{"failed", report(history.Failed, nodes(), func(r *runner.Report) { r.NotBecause = "1 models and 2 data tests failed" })},
		{"cancelled", report(history.Cancelled, ok, func(r *runner.Report) { r.NotBecause = "it was cancelled" })},
		{"stale", report(history.Success, ok, func(r *runner.Report) {
			r.Publication = 8
			r.Unbuilt = []runner.Stale{{Model: "a", Reads: run1.ID, Seq: run1.Seq, Models: []string{"x", "y", "z"}}, {Model: "b", Reads: run1.ID, Seq: run1.Seq, Models: []string{"x"}}}
		})},
		{"retry of a success", report(history.Success, nil, func(*runner.Report) {})},
		{"tests only", report(history.Success, ok[2:], func(r *runner.Report) { r.TestsOnly = true })},
		{"tests only, one failed", report(history.Success, nodes()[2:5], func(r *runner.Report) { r.TestsOnly, r.Failed = true, 1 })},
	} {
		fmt.Fprintf(&b, "== %s\n%s\n", c.title, reportText(c.report))
	}
	golden(t, "golden/report.txt", b.String())

	doc, err := json.MarshalIndent(reportJSON(report(history.Failed, nodes(), func(*runner.Report) {})), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "golden/report.json", string(doc)+"\n")
}

func TestMovePreview(t *testing.T) {
	m := &runner.Move{Action: history.Publish, Run: run2, Stay: 2, Force: "known\x07", Marts: []runner.MartMove{
		{Mart: "orders", From: &run1, To: &run2, RowsFrom: 12217, RowsTo: 12300, ColumnsAdded: []string{"note"}, ColumnsRemoved: []string{"old"}, ColumnsRetyped: []string{"v (INTEGER to VARCHAR)"}},
		{Mart: "fresh", To: &run2, RowsFrom: -1, RowsTo: 1},
		{Mart: "gone", From: &run1, RowsFrom: 3, RowsTo: -1},
	}}
	text := moveText(m)
	m.Action, m.Force, m.Stay, m.Run = history.Rollback, "", 0, run1
	text += moveText(m)
	for _, p := range []*history.Publication{nil, {Seq: 9}} {
		doc, err := json.MarshalIndent(moveJSON(m, p), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		text += string(doc) + "\n"
	}
	golden(t, "golden/move.txt", text)
}

func TestRunsAndPages(t *testing.T) {
	failed, running := run2, run2
	failed.Status, failed.Seq, failed.ModelsFailed, failed.TestsFailed, failed.Error = history.Failed, 43, 1, 2, "it\x1b broke"
	running.Status, running.Seq, running.FinishedAt = history.Running, 44, time.Time{}
	lines := []runner.RunLine{{Run: running}, {Run: failed}, {Run: run2, Live: true, Tags: []string{"baseline"}}, {Run: run1, Previous: true}}
	page := &runner.RunPage{
		RunLine: lines[2],
		Models: []history.ModelRecord{
			{Model: "a", Attempt: 1, Kind: "mart", Status: history.ModelSuccess, RowCount: 12217, Checksum: "123456789012345678901234567890", Layout: history.Layout{Columns: []mart.Column{}, Guards: &history.Guards{Closed: "day < /*as_of*/", MaxChange: map[string]history.Bound{"rows_added": {Value: 10, Percent: true}, "sum amount": {Value: 5}}}},
				Inputs:    map[string]history.Input{"source.shop.raw.e": {Name: "raw.e"}, "model.shop.b": {Name: "b", RunID: run1.ID}, "model.shop.c": {Name: "c", RunID: run2.ID}},
				StartedAt: noon, FinishedAt: noon.Add(time.Second), CompiledSQL: "select 1"},
			{Model: "b", Attempt: 1, Kind: "mart", Status: history.ModelError, RowCount: -1, Error: "models/b.sql:2:8: no such column", StartedAt: noon, FinishedAt: noon},
		},
		Tests: []history.TestRecord{
			{Test: "not_null_a_v", Attempt: 1, Model: "a", Column: "v", Severity: "error", Status: "fail", Failures: 2, Sample: json.RawMessage(`[{"v":null}]`)},
			{Test: "broken", Attempt: 1, Severity: "warn", Status: "error", Error: "no such column"},
		},
		Publications: []history.Publication{{Seq: 8, Action: history.Publish, RunID: run2.ID, At: noon, By: "ana", Reason: "it is\tgood"}},
	}
	doc, err := json.MarshalIndent(pageJSON(page), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "golden/runs.txt", runsText(lines)+"\n"+pageText(page)+"\n"+string(doc)+"\n")
}

func TestPlanAndVerify(t *testing.T) {
	p := &runner.Plan{Tests: 2, Base: history.Snapshot{Publication: 7}, Steps: []runner.Step{
		{Name: "a", Kind: "mart", Do: "build", Why: runner.ChangeSQL, Because: "its SQL changed", LastRows: 12217, LastTook: 50 * time.Millisecond, Tests: 2, Reads: []runner.StepInput{{Name: "raw.e", Run: "source"}}},
		{Name: "b", Kind: "view", Do: "build", Why: runner.ChangeNew, Because: "it was never published", LastRows: -1, Reads: []runner.StepInput{{Name: "a"}, {Name: "c", Run: "r41"}}},
	}}
	v := &runner.VerifyReport{Runs: 2, MartRuns: 3, Rows: 12217}
	text := planText(p) + "\n" + verifyText(v)
	v.Mismatches = []runner.Mismatch{
		{Mart: "a", RunID: run1.ID, Seq: 41, What: "rows", Want: "3", Got: "2"},
		{Mart: "a", RunID: run1.ID, Seq: 41, What: "checksum", Want: "12", Got: "13"},
		{Mart: "b", RunID: run1.ID, Seq: 41, What: "table", Want: "readable", Got: "it is gone"},
		{RunID: run1.ID, What: "register", Got: "run 1 was changed"},
	}
	doc, err := json.MarshalIndent([]any{planJSON(p), verifyJSON(v)}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "golden/plan.txt", text+verifyText(v)+string(doc)+"\n")
}

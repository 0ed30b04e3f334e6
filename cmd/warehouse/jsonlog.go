package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"warehouse/runner"
)

// jsonSink writes one JSON object a line, in the shape of dbt's structured
// log: names and codes are those of dbt-core's events, so that programs that
// read its log read ours.
type jsonSink struct {
	mu      sync.Mutex
	w       io.Writer
	mask    masker
	now     func() time.Time
	id      string // of the invocation: the run id of a build
	command string
	began   time.Time
}

type logLine struct {
	Info logInfo        `json:"info"`
	Data map[string]any `json:"data"`
}

type logInfo struct {
	Name         string            `json:"name"`
	Code         string            `json:"code"`
	Msg          string            `json:"msg"`
	Level        string            `json:"level"`
	InvocationID string            `json:"invocation_id"`
	PID          int               `json:"pid"`
	Thread       string            `json:"thread"`
	TS           string            `json:"ts"`
	Extra        map[string]string `json:"extra"`
	Category     string            `json:"category"`
}

const stampLayout = "2006-01-02T15:04:05.000000Z"

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(stampLayout)
}

func (j *jsonSink) emit(name, code, level, msg string, at time.Time, data map[string]any) {
	if at.IsZero() {
		at = j.now()
	}
	line := logLine{Data: data, Info: logInfo{Name: name, Code: code, Msg: msg, Level: level, InvocationID: j.id, PID: os.Getpid(),
		Thread: "MainThread", TS: stamp(at), Extra: map[string]string{}}}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		return // there is nothing in it that does not marshal
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.w.Write(j.mask.json(b.Bytes()))
}

func (j *jsonSink) event(e runner.Event) {
	switch e.Kind {
	case runner.EventPlan:
		if e.Run != "" {
			j.id = e.Run
		}
		j.note("info", fmt.Sprintf("%s: %s", e.Message, count(e.Total, "node")), e.Time)
	case runner.EventLock, runner.EventPublish:
		j.note("info", e.Message, e.Time)
	case runner.EventMended:
		j.note("warn", e.Message, e.Time)
	case runner.EventProgress:
		j.note("debug", e.Message, e.Time)
	case runner.EventLog:
		j.emit("JinjaLogInfo", "I062", "info", e.Message, e.Time, map[string]any{"msg": e.Message})
	case runner.EventWarning:
		j.warn(e.Err)
	case runner.EventStart:
		if e.Node != nil {
			msg := fmt.Sprintf("%d of %d START %s", e.Index, e.Total, nodeLabel(e.Node))
			j.emit("LogStartLine", "Q011", "info", msg, e.Time, map[string]any{
				"description": nodeLabel(e.Node), "index": e.Index, "total": e.Total, "node_info": nodeInfo(e.Node, time.Time{})})
		}
	case runner.EventResult:
		if e.Node != nil {
			j.result(e)
		}
	}
}

func (j *jsonSink) note(level, msg string, at time.Time) {
	j.emit("Note", "Z050", level, msg, at, map[string]any{"msg": msg})
}

// result is a LogModelResult, LogSeedResult, LogSnapshotResult, LogTestResult, LogFreshnessResult
// or SkippingDetails.
func (j *jsonSink) result(e runner.Event) {
	n := e.Node
	msg := resultLine(e, paint{}, 0)
	data := map[string]any{"node_info": nodeInfo(n, e.Time), "index": e.Index, "total": e.Total}
	if n.Status == runner.StatusSkipped {
		data["node_name"], data["resource_type"], data["schema"], data["because"] = n.Name, n.Resource, n.Relation.Schema, n.Because
		j.emit("SkippingDetails", "Q034", "info", msg, e.Time, data)
		return
	}
	data["status"] = string(n.Status)
	data["execution_time"] = n.Duration.Seconds()
	if n.Err != nil {
		data["error"] = n.Err.Error()
	}
	level := map[runner.NodeStatus]string{runner.StatusWarn: "warn", runner.StatusFail: "error", runner.StatusError: "error"}[n.Status]
	if level == "" {
		level = "info"
	}
	if isTest(n) {
		data["name"], data["num_failures"], data["num_models"], data["attached_node"] = n.Name, n.Failures, e.Total, n.Attached
		j.emit("LogTestResult", "Q007", level, msg, e.Time, data)
		return
	}
	data["description"] = nodeLabel(n)
	if n.Rows >= 0 {
		data["rows_affected"] = n.Rows
	}
	switch n.Resource {
	case "seed":
		data["schema"], data["relation"], data["result_message"] = n.Relation.Schema, n.Relation.Name, fmt.Sprintf("INSERT %d", max(n.Rows, 0))
		j.emit("LogSeedResult", "Q016", level, msg, e.Time, data)
	case "source":
		data["source_name"], data["table_name"], _ = strings.Cut(n.Name, ".")
		j.emit("LogFreshnessResult", "Q018", level, msg, e.Time, data)
	case "snapshot":
		data["result_message"] = fmt.Sprintf("INSERT %d", max(n.Rows, 0))
		j.emit("LogSnapshotResult", "Q015", level, msg, e.Time, data)
	default:
		j.emit("LogModelResult", "Q012", level, msg, e.Time, data)
	}
}

// nodeInfo is dbt's NodeInfo; ended is zero while the node runs.
func nodeInfo(n *runner.NodeResult, ended time.Time) map[string]any {
	status := string(n.Status)
	if n.Status == runner.StatusStart {
		status = "started"
	}
	finished := ""
	if !ended.IsZero() && !n.Started.IsZero() {
		finished = stamp(n.Started.Add(n.Duration))
	}
	relation := map[string]any{"database": "", "schema": "", "alias": n.Name, "relation_name": ""}
	if r := n.Relation; r.Name != "" {
		relation = map[string]any{"database": r.Database, "schema": r.Schema, "alias": r.Name, "relation_name": r.String()}
	}
	meta := n.Meta
	if meta == nil {
		meta = map[string]any{}
	}
	return map[string]any{
		"node_name": n.Name, "node_path": nodePath(n), "unique_id": n.ID, "resource_type": n.Resource, "materialized": dbtKind(n),
		"node_status": status, "node_started_at": stamp(n.Started), "node_finished_at": finished, "meta": meta, "node_relation": relation,
	}
}

// dbtKind is the kind of a node as dbt calls it.
func dbtKind(n *runner.NodeResult) string {
	switch {
	case n.Resource == "test":
		return "test"
	case n.Kind == "mart":
		return "table"
	}
	return n.Kind
}

// nodePath is a node's file below the folder of its kind, as dbt has it: of a
// data test in a YAML file, the name of its SQL.
func nodePath(n *runner.NodeResult) string {
	if isTest(n) && !strings.HasSuffix(n.File, ".sql") {
		return n.Name + ".sql"
	}
	if _, below, ok := strings.Cut(n.File, "/"); ok {
		return below
	}
	return n.File
}

func (j *jsonSink) say(msg string) { j.note("info", msg, time.Time{}) }

func (j *jsonSink) warn(err error) {
	for _, p := range problems(err) {
		j.emit("LogWarning", "Z051", "warn", p.msg, time.Time{}, problemData(p))
	}
}

func (j *jsonSink) fail(err error) {
	for _, p := range problems(err) {
		j.emit("MainEncounteredError", "Z002", "error", p.msg, time.Time{}, problemData(p))
	}
}

func problemData(p problem) map[string]any {
	data := map[string]any{"exc": p.msg}
	if p.pos.File != "" {
		data["file"], data["line"], data["column"] = p.pos.File, p.pos.Line, p.pos.Col
	}
	if p.excerpt != "" {
		data["excerpt"] = strings.TrimRight(p.excerpt, "\n")
	}
	if p.hint != "" {
		data["hint"] = p.hint
	}
	return data
}

func (j *jsonSink) done(s stats, took time.Duration) {
	numbers := map[string]int{"pass": s.pass, "warn": s.warn, "error": s.errors, "skip": s.skip, "noop": s.noOp, "reused": s.reused, "total": s.total}
	j.emit("StatsLine", "Z023", "info", doneLine(s), time.Time{}, map[string]any{"stats": numbers, "execution_time": took.Seconds()})
}

func (j *jsonSink) rest() {}

func (j *jsonSink) close(code int) {
	now := j.now()
	msg := fmt.Sprintf("Command `warehouse %s` succeeded", j.command)
	if code != codeOK {
		msg = fmt.Sprintf("Command `warehouse %s` failed", j.command)
	}
	j.emit("CommandCompleted", "Q039", "debug", msg, now, map[string]any{
		"command": "warehouse " + j.command, "success": code == codeOK, "exit_code": code,
		"completed_at": stamp(now), "elapsed": now.Sub(j.began).Seconds()})
}

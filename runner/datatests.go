package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"warehouse/runner/compile"
	"warehouse/runner/datatest"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// runTest runs one data test of a build, or takes the result that was counted
// with its model.
func (b *build) runTest(ctx context.Context, n *compile.Node) error {
	node := b.nodeResult(n)
	if why := b.unbuilt[n.ID]; why != "" {
		b.skipTest(n, node, why)
		return nil
	}
	i := b.start(node)
	b.mu.Lock()
	res, counted := b.fused[n.ID]
	b.mu.Unlock()
	var sql string
	var err error
	switch {
	case n.Unit != nil:
		res, sql, err = b.unitNow(ctx, n)
	case counted:
		sql, err = b.storedSQL(ctx, n)
	default:
		res, sql, err = b.testNow(ctx, n)
	}
	if err != nil {
		res.Status, res.Err = datatest.Error, err
	}
	if ctx.Err() != nil && res.Status == datatest.Error {
		node.Status, node.Because = StatusSkipped, "the build was cancelled"
		b.end(i, node)
		return errFailed
	}
	if ctx.Err() == nil {
		if kerr := b.keepFailures(ctx, n, &res); kerr != nil {
			res.Status, res.Err = datatest.Error, fmt.Errorf("its failing rows cannot be kept: %w", kerr)
		} else if b.keeps(n) && (res.Status == datatest.Fail || res.Status == datatest.Warn) {
			node.KeptIn = n.Test.KeptIn
		}
	}
	if res.Status == datatest.Warn && b.r.cfg.WarnError.fails(warnTest) {
		res.Status, node.Blocking = datatest.Fail, true
	}
	b.r.hideResult(&res)
	rec := testRecord(&node, n, res, sql)
	rec.RunID, rec.Attempt = b.run.ID, b.attempt
	if n.Unit != nil {
		node.SampleSQL = "" // the sample is whole
	}
	b.mu.Lock()
	b.tests = append(b.tests, rec)
	b.mu.Unlock()
	b.end(i, node)
	if node.Blocks() {
		return errFailed
	}
	return nil
}

// skipTest records a data test that is not run.
func (b *build) skipTest(n *compile.Node, node NodeResult, why string) {
	node.Status, node.Because = StatusSkipped, why
	b.mu.Lock()
	b.tests = append(b.tests, history.TestRecord{RunID: b.run.ID, Attempt: b.attempt, Test: n.Name, Model: node.Model, Column: n.Test.Column,
		Severity: n.Test.Severity, Status: "skipped", StartedAt: b.r.now(), FinishedAt: b.r.now()})
	b.mu.Unlock()
	b.end(b.number(), node)
}

// Blocks says whether the result keeps a run from being published.
func (n *NodeResult) Blocks() bool {
	switch n.Status {
	case StatusFail, StatusError:
		return true
	}
	return false
}

func (b *build) storedSQL(ctx context.Context, n *compile.Node) (string, error) {
	rendered, err := b.render(ctx, n, b.binder)
	if err != nil {
		return "", err
	}
	return rendered.Stored, nil
}

// testNow renders and runs a data test.
func (b *build) testNow(ctx context.Context, n *compile.Node) (res datatest.Result, stored string, err error) {
	res.Started = time.Now()
	if err := b.readable(n); err != nil {
		return res, "", err
	}
	err = b.db.With(ctx, func(c *engine.Conn) error {
		bind := b.binder
		bind.Query = b.ask(c)
		rendered, err := b.render(ctx, n, bind)
		if err != nil {
			return err
		}
		stored = rendered.Stored
		res = datatest.Run(ctx, c, testOf(n, rendered.SQL))
		if res.Err != nil {
			res.Err = placed(res.Err, n, rendered)
		}
		return nil
	})
	return res, stored, err
}

// readable says what a data test would read that was never built.
func (b *build) readable(n *compile.Node) error {
	for _, name := range stored(b.g, n) {
		if !b.names[name] && !b.bound[name] {
			return fmt.Errorf("it reads %s, which is not selected and was never published: %w", name, ErrNotPublished)
		}
	}
	return nil
}

// testRecord fills in a data test's result and makes its row of the register.
func testRecord(node *NodeResult, n *compile.Node, res datatest.Result, sql string) history.TestRecord {
	node.Status, node.Failures, node.Err = NodeStatus(res.Status), res.Failures, res.Err
	node.Sample = Sample{Columns: res.Columns, Rows: res.Rows}
	node.Started, node.Duration, node.SampleSQL = res.Started, res.Duration, sql
	rec := history.TestRecord{Test: n.Name, Model: node.Model, Column: n.Test.Column, Severity: n.Test.Severity,
		Status: string(res.Status), Failures: res.Failures, Sample: sampleJSON(node.Sample), CompiledSQL: sql,
		StartedAt: res.Started.UTC().Truncate(time.Microsecond), FinishedAt: res.Started.Add(res.Duration).UTC().Truncate(time.Microsecond)}
	if res.Err != nil {
		rec.Error = res.Err.Error()
	}
	return rec
}

// sampleJSON is an array of rows, each an array of [column, text or null]
// pairs as an object in column order; of two columns of one name the later
// stands under "name_2".
func sampleJSON(s Sample) json.RawMessage {
	if len(s.Rows) == 0 {
		return nil
	}
	buf := []byte{'['}
	for i, row := range s.Rows {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, '{')
		seen := map[string]int{}
		for j, v := range row {
			if j > 0 {
				buf = append(buf, ',')
			}
			name := s.Columns[j]
			if seen[name]++; seen[name] > 1 {
				name = fmt.Sprintf("%s_%d", name, seen[name])
			}
			key, _ := json.Marshal(name) // a string always marshals
			val, _ := json.Marshal(v)
			buf = append(append(append(buf, key...), ':'), val...)
		}
		buf = append(buf, '}')
	}
	return append(buf, ']')
}

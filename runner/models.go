package runner

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/datatest"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
	"warehouse/runner/sqltext"
)

// runModel builds one model and reports it.
func (b *build) runModel(ctx context.Context, t *task) error {
	res := b.nodeResult(t.node)
	i := b.start(res)
	res.Started = time.Now()
	rec, err := b.buildModel(ctx, t)
	res.Duration = time.Since(res.Started)
	if err != nil && t.written {
		// The rows and their record are there: only what reads them fails.
		if ctx.Err() == nil {
			res.Status, res.Err = StatusError, b.r.hidden(err)
			b.end(i, res)
			return errFailed
		}
		err = nil
	}
	if err != nil {
		if ctx.Err() != nil {
			res.Status, res.Because = StatusSkipped, "the build was cancelled"
			rec.Status, rec.Error = history.ModelSkipped, "cancelled"
		} else {
			res.Status, res.Err = StatusError, b.r.hidden(err)
			rec.Status, rec.Error = history.ModelError, res.Err.Error()
		}
		b.mu.Lock()
		b.rows = append(b.rows, rec)
		b.mu.Unlock()
		b.end(i, res)
		return errFailed
	}
	res.Status, res.Rows = StatusSuccess, rec.RowCount
	for _, x := range t.batches {
		res.Batches = append(res.Batches, [2]time.Time{x.Start, x.End})
	}
	switch {
	case t.kept:
		res.Status, res.Because = StatusReused, "kept from an earlier try"
	case t.reused:
		res.Status, res.Because = StatusReused, "unchanged since it was built"
	}
	b.mu.Lock()
	b.done[rec.Model] = rec
	if t.reused {
		b.rows = append(b.rows, rec)
	}
	b.mu.Unlock()
	b.end(i, res)
	return nil
}

// buildModel writes a model's rows, with its row of the register, in one
// transaction. A view model has no rows: its record is its SQL.
func (b *build) buildModel(ctx context.Context, t *task) (rec history.ModelRecord, err error) {
	switch {
	case t.kept:
		return b.runKept(ctx, t)
	case t.reused:
		return b.runReused(ctx, t)
	}
	started := b.r.now()
	defer func() {
		if t.kept {
			return
		}
		rec.StartedAt, rec.FinishedAt = started, b.r.now()
	}()
	err = b.db.With(ctx, func(c *engine.Conn) error {
		if err := b.preHooks(ctx, c, t); err != nil {
			return err
		}
		if t.deferred {
			if err := b.bindNow(ctx, c, t); err != nil {
				return err
			}
			if t.kept {
				rec = b.old[t.node.Name]
				return b.countTests(ctx, c, t)
			}
		}
		rec = b.record(t)
		rec.StartedAt, rec.Status = started, history.ModelSuccess
		if t.node.Kind == "view" {
			rec.FinishedAt = b.r.now()
			if b.recordedLater(t, rec) {
				return nil
			}
			err := c.Atomic(ctx, func() error {
				if err := b.moveAway(ctx, c, t); err != nil {
					return err
				}
				if err := b.postHooks(ctx, c, t, rec, false); err != nil {
					return err
				}
				return b.reg.RecordModels(ctx, c, []history.ModelRecord{rec})
			})
			if err == nil && afterCommit(t.node) {
				t.written, err = true, b.postHooks(ctx, c, t, rec, true)
			}
			return err
		}
		counts, err := b.writeRows(ctx, c, t, &rec)
		if err != nil {
			if t.csv != nil {
				err = t.csv.explain(ctx, b.r, c, t.node, err)
			}
			return placed(err, t.node, t.rendered)
		}
		if t.read {
			if err := b.bindRows(ctx, c, t); err != nil {
				return err
			}
		}
		if err := b.postHooks(ctx, c, t, rec, true); err != nil {
			return err
		}
		return b.judgeFused(ctx, c, t, counts)
	})
	if rec.Model == "" {
		rec = b.record(t)
	}
	return rec, err
}

// bindNow renders and binds a model whose SQL depends on query results.
func (b *build) bindNow(ctx context.Context, c *engine.Conn, t *task) error {
	now := b.binder
	now.Query = b.ask(c)
	if err := b.bindThis(ctx, c, t); err != nil {
		return err
	}
	if err := b.renderTask(ctx, t, now); err != nil {
		return err
	}
	return b.bind(ctx, c, t)
}

// writeRows writes a mart, and returns the failures of the data tests that are
// counted along. If those cannot be counted, the mart is written without, and
// each data test says at its own turn what is wrong.
func (b *build) writeRows(ctx context.Context, c *engine.Conn, t *task, rec *history.ModelRecord) ([]int64, error) {
	w, err := b.writeOnce(ctx, c, t, rec)
	var uncounted *mart.CountError
	if errors.As(err, &uncounted) && ctx.Err() == nil {
		t.fused, t.ifFew, t.read = nil, nil, true
		w, err = b.writeOnce(ctx, c, t, rec)
	}
	if t.written = err == nil; !t.written {
		return nil, err
	}
	b.passed(t, w.IfFew)
	if t.plan.Create == nil {
		b.relieve(ctx, c, len(w.Columns))
	}
	return w.Counts[:len(t.fused)], nil
}

// writeOnce is the transaction of a mart.
func (b *build) writeOnce(ctx context.Context, c *engine.Conn, t *task, rec *history.ModelRecord) (w mart.Written, err error) {
	query := t.rendered.SQL
	if len(t.parts) > 0 {
		query = t.parts[0].SQL
	}
	if b.o.Empty {
		query = fmt.Sprintf("SELECT * FROM (\n%s\n) AS none_of LIMIT 0", query)
	}
	job := mart.Job{Spec: t.spec, Plan: t.plan, RunID: b.run.ID, CreatedAt: b.r.now(), Select: query}
	if t.csv != nil && !b.o.Empty {
		job.More = t.csv.more
	}
	if !b.o.Empty {
		job.More = append(job.More, t.more()...)
	}
	b.stagedJob(t, &job)
	for _, n := range t.fused {
		job.Counts = append(job.Counts, n.Test.RowWise)
	}
	for _, n := range t.ifFew {
		job.IfFew = append(job.IfFew, b.repeats(n))
	}
	for _, rule := range t.rules {
		job.Counts = append(job.Counts, rule.SQL)
	}
	var views []history.ModelRecord
	rec.Layout.Hook = ""
	if b.transacts() {
		job.Then = func(columns []mart.Column) error {
			rec.Layout.Columns = columns
			return b.changingHooks(ctx, c, t, rec, job.CreatedAt)
		}
	}
	err = c.Atomic(ctx, func() error {
		if err := b.moveAway(ctx, c, t); err != nil {
			return err
		}
		if w, err = mart.Write(ctx, c, job); err != nil {
			return err
		}
		if t.csv != nil && !b.o.Empty {
			rows := w.Rows
			if rec.Layout.Hook != "" {
				rows = w.Selected
			}
			if err := b.r.loaded(t.csv, rows); err != nil {
				return err
			}
		}
		if err := b.staged(ctx, c, t); err != nil {
			return err
		}
		if err := t.judgeContract(w.Counts[len(t.fused):]); err != nil {
			return err
		}
		rec.RowCount, rec.Checksum, rec.ChecksumScheme, rec.Layout.Columns = w.Rows, w.Checksum, w.Scheme, w.Columns
		if !b.transacts() {
			if err := b.postHooks(ctx, c, t, *rec, false); err != nil {
				return err
			}
		}
		rec.FinishedAt = b.r.now()
		views = b.takeViews()
		return b.reg.RecordModels(ctx, c, append(views, *rec))
	})
	if errors.Is(err, engine.ErrCommitUnknown) {
		err = b.recorded(ctx, c, rec, err)
	} else if err != nil {
		err = b.unwrite(ctx, c, t, err)
	}
	if err != nil {
		b.giveBack(views)
	}
	return w, err
}

// recordedLater says whether the record of a view model needs no transaction of
// its own: it has no rows, and what is lost of it in a crash is made anew by a
// retry. It is written with the next mart, so that in general what a mart reads
// is recorded before it or with it; at last with the end of the run.
func (b *build) recordedLater(t *task, rec history.ModelRecord) bool {
	if _, tried := b.old[t.node.Name]; tried || !b.transacts() || b.stage != nil || len(t.node.PostHooks) > 0 {
		return false
	}
	b.giveBack([]history.ModelRecord{rec})
	return true
}

// takeViews takes the records of view models that are to be written.
func (b *build) takeViews() []history.ModelRecord {
	b.mu.Lock()
	defer b.mu.Unlock()
	views := b.pending
	b.pending = nil
	return views
}

func (b *build) giveBack(views []history.ModelRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = append(b.pending, views...)
}

// passed notes the data tests that the write has told to pass. The others have
// their own turn.
func (b *build) passed(t *task, told []int64) {
	left := t.ifFew[:0:0]
	b.mu.Lock()
	for i, n := range t.ifFew {
		if told == nil || told[i] != 0 {
			left = append(left, n)
			continue
		}
		b.fused[n.ID] = datatest.Result{Status: datatest.Pass, Started: time.Now()}
		b.scans++
	}
	b.mu.Unlock()
	t.ifFew = left
	t.untold()
}

// moveAway removes what an earlier try of this run wrote for the model into
// another table: its alias, schema or run id column changed since.
func (b *build) moveAway(ctx context.Context, c *engine.Conn, t *task) error {
	old, ok := b.old[t.node.Name]
	if !ok || old.Status != history.ModelSuccess || old.Layout.RunColumn == "" {
		return nil
	}
	if l := old.Layout; strings.EqualFold(l.Schema, t.spec.Table.Schema) && strings.EqualFold(l.Table, t.spec.Table.Name) && l.RunColumn == t.spec.RunColumn {
		return nil
	}
	return deleteRows(ctx, c, old.Layout, b.run.ID)
}

// recorded asks the register whether a commit that reported an error happened
// all the same.
func (b *build) recorded(ctx context.Context, c *engine.Conn, rec *history.ModelRecord, cause error) error {
	recs, err := b.reg.Models(context.WithoutCancel(ctx), c, b.run.ID)
	if err != nil {
		return errors.Join(cause, err)
	}
	for _, r := range recs {
		if r.Model == rec.Model && r.Status == history.ModelSuccess {
			return nil
		}
	}
	return cause
}

// judgeFused turns counts into results, which the data tests' own turns report.
func (b *build) judgeFused(ctx context.Context, c *engine.Conn, t *task, counts []int64) error {
	for i, n := range t.fused {
		test := testOf(n, "")
		if counts[i] != 0 { // the failing rows are read through the model's view
			if err := b.bindRows(ctx, c, t); err != nil {
				return err
			}
			rendered, err := b.render(ctx, n, b.binder)
			if err != nil {
				return err
			}
			test.SQL = rendered.SQL
		}
		res := datatest.Judge(ctx, c, test, counts[i], time.Now())
		b.mu.Lock()
		b.fused[n.ID] = res
		b.mu.Unlock()
	}
	b.mu.Lock()
	b.scans += len(t.fused)
	b.mu.Unlock()
	return nil
}

// countTests counts the fused data tests of a model whose rows are there
// already.
func (b *build) countTests(ctx context.Context, c *engine.Conn, t *task) error {
	if len(t.fused) == 0 {
		return nil
	}
	if err := b.bindRows(ctx, c, t); err != nil {
		return err
	}
	tests := make([]datatest.Test, len(t.fused))
	for i, n := range t.fused {
		tests[i] = testOf(n, "")
	}
	counts, err := datatest.Count(ctx, c, binding.Ref(b.dialect(), t.node.Name).String(), tests)
	if err != nil {
		t.fused = nil // each says at its own turn what is wrong
		return ctx.Err()
	}
	return b.judgeFused(ctx, c, t, counts)
}

// testOf is a data test as datatest runs it.
func testOf(n *compile.Node, sql string) datatest.Test {
	t := n.Test
	return datatest.Test{Name: n.Name, SQL: sql, Severity: t.Severity, WarnIf: t.WarnIf, ErrorIf: t.ErrorIf, FailCalc: t.FailCalc,
		Limit: t.Limit, RowWise: t.RowWise}
}

// queryRows is run_query: the whole result in memory, as templates use it.
func queryRows(ctx context.Context, c *engine.Conn, sql string) ([]engine.Column, [][]any, error) {
	sql = sqltext.TrimTerminator(sql)
	described, derr := c.Describe(ctx, sql)
	if derr == nil {
		sql = forTemplates(described, sql, c.DB().Dialect().Types())
	}
	rows, err := c.Query(ctx, sql)
	if err != nil {
		if derr != nil {
			err = derr // of the text as it was written
		}
		return nil, nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, nil, err
	}
	cols := described
	if derr != nil { // no SELECT
		cols = make([]engine.Column, len(types))
		for i, t := range types {
			cols[i] = engine.Column{Name: t.Name(), Type: t.DatabaseTypeName()}
		}
	}
	var out [][]any
	for rows.Next() {
		row, dest := make([]any, len(cols)), make([]any, len(cols))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, nil, err
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, c.Explain(err, sql)
	}
	return cols, out, nil
}

// plainType matches types whose values templates know as they are.
var plainType = regexp.MustCompile(`(?i)^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|BOOLEAN|FLOAT|REAL|DOUBLE|VARCHAR|TIMESTAMP)\b`)

var decimalType = regexp.MustCompile(`(?i)^DECIMAL\(\d+, ?(\d+)\)$`)

// forTemplates casts what the driver has no plain values for to text, as the
// engine writes it: templates get decimals and dates made of that.
func forTemplates(cols []engine.Column, sql string, types engine.Types) string {
	aliases, casts, any := make([]string, len(cols)), make([]string, len(cols)), false
	for i, col := range cols {
		aliases[i] = engine.Ident(fmt.Sprintf("c%d", i)) // names may repeat
		to := ""
		if m := decimalType.FindStringSubmatch(col.Type); m != nil {
			if to = types.Text; m[1] == "0" {
				to = "HUGEINT"
			}
		} else if !plainType.MatchString(col.Type) {
			to = types.Text
		}
		casts[i] = aliases[i]
		if to != "" {
			casts[i], any = fmt.Sprintf("CAST(%s AS %s)", aliases[i], to), true
		}
	}
	if !any {
		return sql
	}
	return fmt.Sprintf("SELECT %s FROM (\n%s\n) AS q(%s)", strings.Join(casts, ", "), sqltext.TrimTerminator(sql), strings.Join(aliases, ", "))
}

package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"warehouse/runner/engine"
)

// Begin records a run: it gives it the next seq and status running, and adds a
// ledger entry. run.ID, StartedAt and what is known of the command are the
// caller's. An id that is there already is a *RefusedError (see StartOver).
func (r *Register) Begin(ctx context.Context, c *engine.Conn, run *Run) error {
	return c.Atomic(ctx, func() error {
		run.ID = strings.ToLower(run.ID)
		var seq, same int64
		q := "SELECT coalesce(max(seq), 0) + 1, count(*) FILTER (WHERE run_id = " + r.id() + ") FROM " + r.rel(manifest.name)
		if err := c.QueryRow(ctx, q, []any{run.ID}, &seq, &same); err != nil {
			return err
		}
		if same > 0 {
			return &RefusedError{RunID: run.ID, Op: "begin", Why: []string{"there is a run of that id"}}
		}
		run.Seq, run.Status = seq, Running
		if a := appender(c); a != nil {
			return r.beginNew(ctx, c, a, run)
		}
		if err := manifest.insert(ctx, c, r.relation(manifest.name), []Run{*run}); err != nil {
			return err
		}
		return r.append(ctx, c, "begin", run.ID, digestOf(manifest, []Run{*run}))
	})
}

// beginNew is Begin where other clients may begin runs at the same time: each
// gets a seq of its own.
func (r *Register) beginNew(ctx context.Context, c *engine.Conn, a engine.Appender, run *Run) error {
	// All versions count, also of rows that are gone: they hold their seq.
	q := "SELECT coalesce(max(seq), 0) + 1 FROM " + logOf(r.relation(manifest.name)).String()
	err := manifest.insertNew(ctx, c, a, r.relation(manifest.name), func() (Run, error) {
		err := c.QueryRow(ctx, q, nil, &run.Seq)
		return *run, err
	})
	if err != nil {
		return err
	}
	return r.append(ctx, c, "begin", run.ID, digestOf(manifest, []Run{*run}))
}

// Resume sets a finished run back to running, under its id, seq and first
// started_at, for a retry; and adds a ledger entry. The caller says in run what
// else changes; ID, Seq and StartedAt are kept.
func (r *Register) Resume(ctx context.Context, c *engine.Conn, run *Run) error {
	return c.Atomic(ctx, func() error {
		was, err := r.Run(ctx, c, run.ID)
		if err != nil {
			return err
		}
		run.ID, run.Seq, run.StartedAt, run.Status = was.ID, was.Seq, was.StartedAt, Running
		return r.update(ctx, c, run, "resume", func(column string) bool {
			return column != "run_id" && column != "seq" && column != "started_at"
		})
	})
}

// Resumed returns when the newest retry of each run began, by run id; runs that
// were never retried are not in it.
func (r *Register) Resumed(ctx context.Context, c *engine.Conn) (map[string]time.Time, error) {
	entries, err := ledger.query(ctx, c, "SELECT "+ledger.selectList("")+" FROM "+r.rel(ledger.name)+" WHERE event = 'resume' ORDER BY seq")
	if err != nil {
		return nil, err
	}
	out := make(map[string]time.Time, len(entries))
	for _, e := range entries {
		out[e.RunID] = e.At
	}
	return out, nil
}

// Finish writes the end of a run: status, counts, finished_at, error, and
// nothing else of it; and adds a ledger entry over all its rows.
func (r *Register) Finish(ctx context.Context, c *engine.Conn, run *Run) error {
	return c.Atomic(ctx, func() error {
		return r.update(ctx, c, run, string(run.Status), func(column string) bool {
			switch column {
			case "status", "finished_at", "row_count", "models_ok", "models_failed", "tests_failed", "error":
				return true
			}
			return false
		})
	})
}

// update writes some columns of a run's row and seals the run.
func (r *Register) update(ctx context.Context, c *engine.Conn, run *Run, event string, some func(column string) bool) error {
	var set []setting
	for _, f := range manifest.fields {
		if !some(f.name) {
			continue
		}
		v, err := f.kind.encode(f.of(run))
		if err != nil {
			return fmt.Errorf("%s.%s: %w", manifest.name, f.name, err)
		}
		set = append(set, setting{f.name, v})
	}
	n, err := manifest.update(ctx, c, r.relation(manifest.name), set, "run_id = "+r.id(), run.ID)
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("%w: %s", ErrNoRun, run.ID)
	}
	return r.Seal(ctx, c, run.ID, event)
}

// StartOver removes all records of a run, so that its id can be built again,
// and returns the layouts in which it had rows, by model, for the caller to
// delete. A run that is not there is fine: nil. *RefusedError if it was ever
// published, is tagged, is named by another run's inputs or data_run_id, or
// was pruned. Begin should follow in the same step.
func (r *Register) StartOver(ctx context.Context, c *engine.Conn, id string) (map[string]Layout, error) {
	id = strings.ToLower(id)
	run, err := r.Run(ctx, c, id)
	if errors.Is(err, ErrNoRun) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	why, err := r.whyKeep(ctx, c, run)
	if err != nil {
		return nil, err
	}
	if len(why) > 0 {
		return nil, &RefusedError{RunID: id, Op: "build again", Why: why, Advice: "build under a new run id"}
	}
	recs, err := r.allModels(ctx, c, id)
	if err != nil {
		return nil, err
	}
	rows := map[string]Layout{}
	for _, m := range recs {
		if m.DataRunID == id && m.Layout.Table != "" {
			rows[m.Model] = m.Layout
		}
	}
	return rows, c.Atomic(ctx, func() error {
		where := "run_id = " + r.id()
		if _, err := manifestModel.remove(ctx, c, r.relation(manifestModel.name), where, id); err != nil {
			return err
		}
		if _, err := manifestTest.remove(ctx, c, r.relation(manifestTest.name), where, id); err != nil {
			return err
		}
		if _, err := manifest.remove(ctx, c, r.relation(manifest.name), where, id); err != nil {
			return err
		}
		return r.append(ctx, c, "start over", id, digest(nil))
	})
}

// whyKeep says why a run's records must stay.
func (r *Register) whyKeep(ctx context.Context, c *engine.Conn, run Run) ([]string, error) {
	var why []string
	if run.Status == Pruned {
		why = append(why, "it was pruned, and a pruned id is never used again")
	}
	var seq int64
	q := "SELECT coalesce(min(seq), 0) FROM (SELECT seq FROM " + r.rel(publication.name) + " WHERE run_id = " + r.id() +
		" UNION ALL SELECT seq FROM " + r.rel(publicationMart.name) + " WHERE run_id = " + r.id() + ") p"
	if err := c.QueryRow(ctx, q, []any{run.ID, run.ID}, &seq); err != nil {
		return nil, err
	}
	if seq > 0 {
		why = append(why, fmt.Sprintf("it was published (publication %d)", seq))
	}
	tags, err := tag.query(ctx, c, "SELECT "+tag.selectList("")+" FROM "+r.rel(tag.name)+" WHERE run_id = "+r.id()+" ORDER BY tag", run.ID)
	if err != nil {
		return nil, err
	}
	for _, t := range tags {
		why = append(why, fmt.Sprintf("it has the tag %q", t.Name))
	}
	readers, err := texts(ctx, c, r.file("who_reads_run"), run.ID, run.ID, run.ID)
	if err != nil {
		return nil, err
	}
	if len(readers) > 0 {
		why = append(why, fmt.Sprintf("%s was built from it", some3(readers)))
	}
	return why, nil
}

// some3 names at most three of a list.
func some3(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// Texts returns the rows of a SELECT of one text.
func Texts(ctx context.Context, c *engine.Conn, query string, args ...any) ([]string, error) {
	return texts(ctx, c, query, args...)
}

func texts(ctx context.Context, c *engine.Conn, query string, args ...any) ([]string, error) {
	var out []string
	err := c.Each(ctx, query, args, func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		out = append(out, s)
		return err
	})
	return out, err
}

// RecordModels adds model records, in one statement. They are sealed by Finish.
func (r *Register) RecordModels(ctx context.Context, c *engine.Conn, recs []ModelRecord) error {
	return manifestModel.insert(ctx, c, r.relation(manifestModel.name), recs)
}

// RecordTests adds test records, in one statement. They are sealed by Finish;
// for a run that is finished already, call Seal in the same step.
func (r *Register) RecordTests(ctx context.Context, c *engine.Conn, recs []TestRecord) error {
	return manifestTest.insert(ctx, c, r.relation(manifestTest.name), recs)
}

// MarkCrashed gives every run that is still running the status crashed, counts
// what it had recorded, and returns them, oldest first. The caller holds the
// exclusive lock, so none of them is alive. finished_at stays empty: nobody
// knows when it ended.
func (r *Register) MarkCrashed(ctx context.Context, c *engine.Conn) ([]Run, error) {
	var n int64
	q := "SELECT count(*) FROM " + r.rel(manifest.name) + " WHERE status = ?"
	if err := c.QueryRow(ctx, q, []any{string(Running)}, &n); err != nil || n == 0 {
		return nil, err
	}
	runs, err := r.runsWhere(ctx, c, "status = ?", string(Running))
	if err != nil {
		return nil, err
	}
	slices.Reverse(runs)
	return runs, c.Atomic(ctx, func() error {
		for i := range runs {
			if err := r.MarkEnded(ctx, c, &runs[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// StillRunning returns the runs whose status is running, newest first.
func (r *Register) StillRunning(ctx context.Context, c *engine.Conn) ([]Run, error) {
	return r.runsWhere(ctx, c, "status = ?", string(Running))
}

// MarkEnded gives a run whose process is gone the status crashed, and counts
// what it had recorded; or success, if it was published: where that is no one
// step, its publication says how it ended.
func (r *Register) MarkEnded(ctx context.Context, c *engine.Conn, run *Run) error {
	models, err := r.Models(ctx, c, run.ID)
	if err != nil {
		return err
	}
	tests, err := r.Tests(ctx, c, run.ID)
	if err != nil {
		return err
	}
	run.Count(models, tests)
	run.Status, run.Error = Crashed, "the process ended before the run did"
	switch p, err := r.PublicationOf(ctx, c, run.ID); {
	case err == nil:
		run.Status, run.Error, run.FinishedAt = Success, "", p.At
	case !errors.Is(err, ErrNoPublication):
		return err
	}
	return r.Finish(ctx, c, run)
}

// Count sets the run's counts from its records of the highest attempts: rows
// of what it wrote itself, models that succeeded (reused ones too) and failed,
// blocking data tests that failed or could not run.
func (run *Run) Count(models []ModelRecord, tests []TestRecord) {
	run.RowCount, run.ModelsOK, run.ModelsFailed, run.TestsFailed = 0, 0, 0, 0
	for _, m := range models {
		switch m.Status {
		case ModelSuccess, ModelReused:
			run.ModelsOK++
			run.RowCount += max(m.RowCount, 0)
		case ModelError:
			run.ModelsFailed++
		}
	}
	for _, t := range tests {
		if t.Status == "fail" || t.Status == "error" {
			run.TestsFailed++
		}
	}
}

// Runs returns the newest runs, newest first; limit 0 is all.
func (r *Register) Runs(ctx context.Context, c *engine.Conn, limit int) ([]Run, error) {
	q := "SELECT " + manifest.selectList("") + " FROM " + r.rel(manifest.name) + " ORDER BY seq DESC"
	return manifest.query(ctx, c, q+limited(limit))
}

func limited(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" LIMIT %d", n)
}

// Seqs returns the numbers of all runs, by run id.
func (r *Register) Seqs(ctx context.Context, c *engine.Conn) (map[string]int64, error) {
	q := "SELECT CAST(run_id AS VARCHAR), seq FROM " + r.rel(manifest.name)
	out := map[string]int64{}
	err := c.Each(ctx, q, nil, func(scan func(...any) error) error {
		var id string
		var seq int64
		err := scan(&id, &seq)
		out[id] = seq
		return err
	})
	return out, err
}

// Run returns one run; ErrNoRun.
func (r *Register) Run(ctx context.Context, c *engine.Conn, id string) (Run, error) {
	q := "SELECT " + manifest.selectList("") + " FROM " + r.rel(manifest.name) + " WHERE run_id = " + r.id()
	runs, err := manifest.query(ctx, c, q, id)
	if err != nil {
		return Run{}, err
	}
	if len(runs) == 0 {
		return Run{}, fmt.Errorf("%w: %s", ErrNoRun, id)
	}
	return runs[0], nil
}

// Models returns a run's model records, of each model the one of its highest
// attempt, by name.
func (r *Register) Models(ctx context.Context, c *engine.Conn, runID string) ([]ModelRecord, error) {
	all, err := r.allModels(ctx, c, runID)
	if err != nil {
		return nil, err
	}
	return newest(all, func(m ModelRecord) (string, int) { return m.Model, m.Attempt }), nil
}

// newest keeps of each name the row of its highest attempt, and sorts by name.
// That is done here, and not in SQL: retries are few, and a query that finds
// the highest attempt takes three times as long.
func newest[T any](rows []T, key func(T) (name string, attempt int)) []T {
	slices.SortStableFunc(rows, func(a, b T) int {
		x, m := key(a)
		y, n := key(b)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(n, m))
	})
	return slices.CompactFunc(rows, func(a, b T) bool {
		x, _ := key(a)
		y, _ := key(b)
		return x == y
	})
}

// allModels returns the records of all attempts.
func (r *Register) allModels(ctx context.Context, c *engine.Conn, runID string) ([]ModelRecord, error) {
	q := "SELECT " + manifestModel.selectList("") + " FROM " + r.rel(manifestModel.name) + " WHERE run_id = " + r.id()
	return manifestModel.query(ctx, c, q, runID)
}

// Tests returns a run's test records, of each test the one of its highest
// attempt, by name.
func (r *Register) Tests(ctx context.Context, c *engine.Conn, runID string) ([]TestRecord, error) {
	q := "SELECT " + manifestTest.selectList("") + " FROM " + r.rel(manifestTest.name) + " WHERE run_id = " + r.id()
	all, err := manifestTest.query(ctx, c, q, runID)
	if err != nil {
		return nil, err
	}
	return newest(all, func(t TestRecord) (string, int) { return t.Test, t.Attempt }), nil
}

// Records returns for each mart of a snapshot its ModelRecord, in one query. A
// mart whose record is gone is not in the map.
func (r *Register) Records(ctx context.Context, c *engine.Conn, s Snapshot) (map[string]ModelRecord, error) {
	out, _, err := r.RecordsOfBoth(ctx, c, s, Snapshot{})
	return out, err
}

// RecordsOfBoth is Records of two snapshots, in one query.
func (r *Register) RecordsOfBoth(ctx context.Context, c *engine.Conn, a, b Snapshot) (ofA, ofB map[string]ModelRecord, err error) {
	pairs := pairsOf(a, b)
	if len(pairs) == 0 {
		return map[string]ModelRecord{}, map[string]ModelRecord{}, nil
	}
	q, args, err := r.recordsOfPairs(c, pairs)
	if err != nil {
		return nil, nil, err
	}
	recs, err := manifestModel.query(ctx, c, q, args...)
	if err != nil {
		return nil, nil, err
	}
	return newestOf(recs, a), newestOf(recs, b), nil
}

// newestOf are the records of a snapshot's marts, each of its newest attempt.
func newestOf(recs []ModelRecord, s Snapshot) map[string]ModelRecord {
	out := make(map[string]ModelRecord, len(s.Marts))
	for _, rec := range recs {
		if !strings.EqualFold(s.Marts[rec.Model], rec.RunID) {
			continue
		}
		if had, ok := out[rec.Model]; !ok || had.Attempt < rec.Attempt {
			out[rec.Model] = rec
		}
	}
	return out
}

// pairsOf are the pairs (model, run) of two snapshots, each once.
func pairsOf(a, b Snapshot) [][2]string {
	pairs := make([][2]string, 0, len(a.Marts))
	for _, n := range slices.Sorted(maps.Keys(a.Marts)) {
		pairs = append(pairs, [2]string{n, a.Marts[n]})
	}
	for _, n := range slices.Sorted(maps.Keys(b.Marts)) {
		if run, ok := a.Marts[n]; !ok || run != b.Marts[n] {
			pairs = append(pairs, [2]string{n, b.Marts[n]})
		}
	}
	return pairs
}

// recordsOfPairs is the query of Records: its pairs go as JSON.
func (r *Register) recordsOfPairs(c *engine.Conn, pairs [][2]string) (string, []any, error) {
	if a := appender(c); a != nil {
		text, err := marshal(pairs)
		return fmt.Sprintf("SELECT %s FROM %s AS m JOIN (SELECT r[1] AS model, CAST(r[2] AS %s) AS run_id FROM %s) AS w ON w.run_id = m.run_id AND w.model = m.model",
			manifestModel.selectList("m."), r.rel(manifestModel.name), r.types.RunID, a.JSONRows()), []any{text}, err
	}
	names, ids := make([]string, len(pairs)), make([]string, len(pairs))
	for i, p := range pairs {
		names[i], ids[i] = p[0], p[1]
	}
	namesJSON, err := marshal(names)
	if err != nil {
		return "", nil, err
	}
	idsJSON, err := marshal(ids)
	return r.file("records_of_snapshot", "{columns}", manifestModel.selectList("m.")), []any{namesJSON, idsJSON}, err
}

package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// Mismatch is one thing that Verify found changed.
type Mismatch struct {
	Mart  string // "" for the register itself
	RunID string
	Seq   int64
	What  string // "rows", "checksum", "table", "register"
	Want  string
	Got   string
}

// VerifyReport is what Verify found.
type VerifyReport struct {
	Runs        int // runs looked at
	MartRuns    int // marts of runs whose rows were read
	Rows        int64
	Mismatches  []Mismatch
	NotCompared []string // checksums of another engine version: recounted only
}

// Verify recomputes counts and checksums of all that the snapshot of spec
// reads, or of all runs, and compares them with the register. Of all runs it
// also finds rows that no run wrote, and holds the register against its own
// ledger.
func (r *Runner) Verify(ctx context.Context, spec string) (*VerifyReport, error) {
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := &VerifyReport{}
	if s.reg == nil {
		if spec != "" {
			_, err := s.resolve(ctx, spec)
			return nil, err
		}
		return out, nil
	}
	recs, err := s.toVerify(ctx, spec, out)
	if err != nil {
		return nil, err
	}
	seqs := map[string]int64{}
	runs, err := s.reg.Runs(ctx, s.conn, 0)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		seqs[run.ID] = run.Seq
	}
	for i, rec := range recs {
		r.event(Event{Kind: EventProgress, Index: i + 1, Total: len(recs), Run: rec.RunID, Message: fmt.Sprintf("verifying %s of r%d", rec.Model, seqs[rec.RunID])})
		if err := s.verifyOne(ctx, rec, seqs[rec.RunID], out); err != nil {
			return nil, err
		}
	}
	if spec != "" {
		return out, nil
	}
	if err := s.verifyOwners(ctx, recs, seqs, out); err != nil {
		return nil, err
	}
	return out, s.verifyRegister(ctx, out)
}

// verifyOwners finds rows under run ids that wrote none: of no run, or of one
// whose record says that this model failed.
func (s *session) verifyOwners(ctx context.Context, recs []history.ModelRecord, seqs map[string]int64, out *VerifyReport) error {
	type place struct{ schema, table, column string }
	owners, models := map[place]map[string]bool{}, map[place]string{}
	for _, rec := range recs {
		l := rec.Layout
		pruned := rec.Status == history.ModelPruned // its rows may be left by a prune that was stopped
		if l.RunColumn == "" || rec.Status != history.ModelSuccess && !pruned {
			continue
		}
		p := place{l.Schema, strings.ToLower(l.Table), strings.ToLower(l.RunColumn)}
		if owners[p] == nil {
			owners[p] = map[string]bool{}
		}
		owners[p][rec.DataRunID], models[p] = true, rec.Model
	}
	places := slices.SortedFunc(maps.Keys(owners), func(a, b place) int { return strings.Compare(models[a], models[b]) })
	for _, p := range places {
		known := owners[p]
		table := engine.Relation{Database: s.dialect().Catalog(), Schema: p.schema, Name: p.table}
		counts, err := mart.Runs(ctx, s.conn, table, p.column)
		var qe *engine.QueryError
		if asBinder(err, &qe) {
			continue // told by verifyOne
		}
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(counts)) {
			if !known[id] {
				out.Mismatches = append(out.Mismatches, Mismatch{Mart: models[p], RunID: id, Seq: seqs[id], What: "rows", Want: "0", Got: fmt.Sprint(counts[id])})
			}
		}
	}
	return nil
}

// toVerify lists the model records whose rows are to be read, oldest first.
func (s *session) toVerify(ctx context.Context, spec string, out *VerifyReport) ([]history.ModelRecord, error) {
	var recs []history.ModelRecord
	if spec != "" {
		snap, err := s.resolve(ctx, spec)
		if err != nil {
			return nil, err
		}
		byMart, err := s.reg.Records(ctx, s.conn, snap)
		if err != nil {
			return nil, err
		}
		seen := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(byMart)) {
			recs = append(recs, byMart[name])
			seen[byMart[name].RunID] = true
		}
		out.Runs = len(seen)
		return recs, nil
	}
	runs, err := s.reg.Runs(ctx, s.conn, 0)
	if err != nil {
		return nil, err
	}
	slices.Reverse(runs)
	out.Runs = len(runs)
	for _, run := range runs {
		of, err := s.reg.Models(ctx, s.conn, run.ID)
		if err != nil {
			return nil, err
		}
		recs = append(recs, of...)
	}
	return recs, nil
}

func (s *session) verifyOne(ctx context.Context, rec history.ModelRecord, seq int64, out *VerifyReport) error {
	// What was not written has no rows; a reused model's rows are verified
	// with the run that wrote them.
	if rec.Layout.RunColumn == "" || rec.Status != history.ModelSuccess {
		return nil
	}
	d := s.dialect()
	table := engine.Relation{Database: d.Catalog(), Schema: rec.Layout.Schema, Name: rec.Layout.Table}
	rows, sum, err := mart.Verify(ctx, s.conn, table, rec.Layout.RunColumn, rec.Layout.Columns, rec.DataRunID)
	bad := Mismatch{Mart: rec.Model, RunID: rec.RunID, Seq: seq}
	var qe *engine.QueryError
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case asBinder(err, &qe):
		bad.What, bad.Want, bad.Got = "table", "readable", qe.Error()
	case err != nil:
		return err
	case rows != rec.RowCount:
		bad.What, bad.Want, bad.Got = "rows", fmt.Sprint(rec.RowCount), fmt.Sprint(rows)
	case rec.ChecksumScheme != d.ChecksumScheme():
		out.NotCompared = append(out.NotCompared, fmt.Sprintf("%s of r%d: its checksum is %s, this program computes %s", rec.Model, seq, rec.ChecksumScheme, d.ChecksumScheme()))
	case sum != rec.Checksum:
		bad.What, bad.Want, bad.Got = "checksum", rec.Checksum, sum
	}
	out.MartRuns++
	out.Rows += rows
	if bad.What != "" {
		out.Mismatches = append(out.Mismatches, bad)
	}
	return nil
}

func asBinder(err error, qe **engine.QueryError) bool {
	e, ok := err.(*engine.QueryError)
	if !ok || e.Kind != engine.KindBinder {
		return false
	}
	*qe = e
	return true
}

// verifyRegister holds the register's rows against its ledger.
func (s *session) verifyRegister(ctx context.Context, out *VerifyReport) error {
	bad, err := s.reg.VerifyLedger(ctx, s.conn)
	for _, m := range bad {
		out.Mismatches = append(out.Mismatches, Mismatch{Seq: m.Seq, What: "register", Got: m.String()})
	}
	return err
}

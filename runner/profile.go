package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// MartProfile sums up the columns of a mart as one run has it.
type MartProfile struct {
	Mart    string
	RunID   string // the run that wrote the rows
	Columns []mart.ColumnProfile
}

// Profile sums up every mart that the run of spec built or reused: rows, nulls,
// different values, least, greatest, mean and deviation of each column. What
// was read once is kept in the register and not read again.
func (r *Runner) Profile(ctx context.Context, spec string) ([]MartProfile, error) {
	var out []MartProfile
	err := r.profiling(ctx, func(s *session, p *profiler) error {
		snap, err := s.resolve(ctx, spec)
		if err != nil {
			return err
		}
		recs, err := s.reg.Models(ctx, s.conn, snap.Run)
		if err != nil {
			return err
		}
		if err := p.load(ctx); err != nil {
			return err
		}
		for _, rec := range recs {
			if !hasRows(rec) {
				continue
			}
			cols, err := p.of(ctx, rec)
			if err != nil {
				return err
			}
			if cols != nil {
				out = append(out, MartProfile{Mart: rec.Model, RunID: rec.DataRunID, Columns: cols})
			}
		}
		return nil
	})
	return out, err
}

// TrendPoint is one column of a mart in one run.
type TrendPoint struct {
	Run     history.Run
	Live    bool                // the mart is read from this run's rows now
	Profile *mart.ColumnProfile // nil: this run has no such column
}

// Trend follows a column of a mart over its successful runs, oldest first, the
// newest most of them; 0 is all. Runs that were pruned are there if they were
// summed up before.
func (r *Runner) Trend(ctx context.Context, name, column string, most int) ([]TrendPoint, error) {
	var out []TrendPoint
	err := r.profiling(ctx, func(s *session, p *profiler) error {
		recs, err := s.recordsOf(ctx, name)
		if err != nil {
			return err
		}
		if err := knowsColumn(name, column, recs); err != nil {
			return err
		}
		live, err := s.reg.Live(ctx, s.conn)
		if err != nil && !errors.Is(err, history.ErrNoPublication) {
			return err
		}
		if err := p.load(ctx, recs[0].rec.Model); err != nil {
			return err
		}
		if most > 0 && len(recs) > most {
			recs = recs[len(recs)-most:]
		}
		for _, x := range recs {
			cols, err := p.of(ctx, x.rec)
			if err != nil {
				return err
			}
			if cols == nil {
				continue
			}
			point := TrendPoint{Run: x.run, Live: live.Marts[x.rec.Model] == x.rec.DataRunID}
			if i := slices.IndexFunc(cols, func(c mart.ColumnProfile) bool { return strings.EqualFold(c.Name, column) }); i >= 0 {
				point.Profile = &cols[i]
			}
			out = append(out, point)
		}
		return nil
	})
	return out, err
}

// hasRows: the record is of a mart that has rows, its own or reused ones.
func hasRows(rec history.ModelRecord) bool {
	return rec.Layout.RunColumn != "" && (rec.Status == history.ModelSuccess || rec.Status == history.ModelReused || rec.Status == history.ModelPruned)
}

// runRecord is a model's record with its run.
type runRecord struct {
	run history.Run
	rec history.ModelRecord
}

// recordsOf are the records of a mart in runs that wrote it and succeeded,
// oldest first. A name that no run knows is a *UsageError.
func (s *session) recordsOf(ctx context.Context, name string) ([]runRecord, error) {
	runs, err := s.reg.Runs(ctx, s.conn, 0)
	if err != nil {
		return nil, err
	}
	byID := map[string]history.Run{}
	for _, run := range runs {
		byID[run.ID] = run
	}
	all, err := s.reg.AllModels(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	var out []runRecord
	known := map[string]bool{}
	for _, rec := range all {
		if !hasRows(rec) || rec.Status == history.ModelReused {
			continue
		}
		known[rec.Model] = true
		run := byID[rec.RunID]
		if strings.EqualFold(rec.Model, name) && (run.Status == history.Success || run.Status == history.Pruned) {
			out = append(out, runRecord{run, rec})
		}
	}
	if len(out) == 0 {
		e := &UsageError{Msg: fmt.Sprintf("no successful run has rows of a mart %s", name)}
		if near := diag.Nearest(name, slices.Sorted(maps.Keys(known))); near != "" && !known[name] {
			e.Advice = fmt.Sprintf("did you mean %s?", near)
		}
		return nil, e
	}
	slices.SortFunc(out, func(a, b runRecord) int { return cmp.Compare(a.run.Seq, b.run.Seq) })
	return out, nil
}

// knowsColumn is nil if any of the runs has the column.
func knowsColumn(name, column string, recs []runRecord) error {
	names := map[string]bool{}
	for _, x := range recs {
		for _, c := range x.rec.Layout.Columns {
			if strings.EqualFold(c.Name, column) {
				return nil
			}
			names[c.Name] = true
		}
	}
	e := &UsageError{Msg: fmt.Sprintf("%s has no column %s in any run", name, column), Advice: "its columns are " + strings.Join(slices.Sorted(maps.Keys(names)), ", ")}
	if near := diag.Nearest(column, slices.Sorted(maps.Keys(names))); near != "" {
		e.Advice = fmt.Sprintf("did you mean %s?", near)
	}
	return e
}

// profiler gives profiles: kept ones, and new ones that it remembers to keep.
type profiler struct {
	s     *session
	kept  map[profiled][]mart.ColumnProfile
	fresh []history.Profile
}

type profiled struct{ run, model, checksum string }

func (p *profiler) load(ctx context.Context, models ...string) error {
	rows, err := p.s.reg.Profiles(ctx, p.s.conn, models...)
	for _, row := range rows {
		key := profiled{row.RunID, row.Model, row.Checksum}
		if len(p.kept[key]) < row.Ordinal { // another reader may have kept the same
			p.kept[key] = append(p.kept[key], row.ColumnProfile)
		}
	}
	return err
}

// of returns a record's profile; nil if its rows are gone and nobody asked
// before.
func (p *profiler) of(ctx context.Context, rec history.ModelRecord) ([]mart.ColumnProfile, error) {
	key := profiled{rec.DataRunID, rec.Model, rec.Checksum}
	if cols, ok := p.kept[key]; ok {
		return cols, nil
	}
	if rec.Status == history.ModelPruned {
		return nil, nil
	}
	p.s.r.event(Event{Kind: EventProgress, Run: rec.RunID, Message: "profiling " + rec.Model})
	table := engine.Relation{Database: p.s.dialect().Catalog(), Schema: rec.Layout.Schema, Name: rec.Layout.Table}
	cols, err := mart.Profile(ctx, p.s.conn, table, rec.Layout.RunColumn, rec.Layout.Columns, rec.DataRunID, rec.RowCount)
	if err != nil {
		return nil, fmt.Errorf("profiling %s: %w", rec.Model, err)
	}
	p.kept[key] = cols
	for i, c := range cols {
		p.fresh = append(p.fresh, history.Profile{RunID: key.run, Model: key.model, Checksum: key.checksum, Ordinal: i + 1, ColumnProfile: c})
	}
	return cols, nil
}

// profiling runs f on a session for reading, and keeps what f read anew if the
// target can be written just now; the next reader sums up again if not.
func (r *Runner) profiling(ctx context.Context, f func(*session, *profiler) error) error {
	s, err := r.read(ctx)
	if err != nil {
		return err
	}
	p := &profiler{s: s, kept: map[profiled][]mart.ColumnProfile{}}
	if s.reg == nil {
		_, err = s.resolve(ctx, "latest") // says that there is nothing
	} else {
		err = f(s, p)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	if len(p.fresh) == 0 {
		return nil
	}
	patience := r.cfg.LockTimeout
	r.cfg.LockTimeout = min(patience, time.Second)
	defer func() { r.cfg.LockTimeout = patience }()
	w, err := r.write(ctx, "")
	if err == nil {
		err = errors.Join(w.reg.KeepProfiles(ctx, w.conn, p.fresh), w.Close())
	}
	if err != nil {
		r.warn(&diag.Error{Warn: true, Msg: "the profile is not kept, and will be read again: " + err.Error()})
	}
	return nil
}

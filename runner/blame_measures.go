package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/blame"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// measures are the numbers of a step: of the mart that was asked for its
// aggregates too.
func (s *split) measures(ctx context.Context) ([]BlameMeasure, error) {
	if s.gone() {
		return nil, nil
	}
	counted, err := s.counts(ctx)
	if err != nil || !s.top {
		return counted, err
	}
	for _, e := range s.aggregates() {
		v, err := s.values(ctx, e)
		if err != nil {
			return nil, err
		}
		if v[0] == nil || v[3] == nil {
			s.note("%s is no finite number in one of the runs: it is not split", e.name)
		}
		counted = append(counted, BlameMeasure{Name: e.name, Old: v[0], New: v[3], Parts: blame.Split(v[0], v[1], v[2], v[3])})
	}
	return counted, nil
}

// values of an aggregate: old, with new SQL, with new inputs, new.
func (s *split) values(ctx context.Context, e aggregate) (v [4]*blame.Number, err error) {
	for i, rec := range []history.ModelRecord{s.x, s.y} {
		view, _, err := binding.MemoryModel(s.b.dialect(), rec)
		if err != nil {
			return v, err
		}
		if err := binding.Create(ctx, s.b.conn, []binding.View{view}); err != nil {
			return v, err
		}
		if v[i*3], err = blame.Value(ctx, s.b.conn, binding.Ref(s.b.dialect(), rec.Model), e.sql, s.b.o.Where); err != nil {
			return v, s.b.badValue(err)
		}
	}
	for i, side := range []*diff.Side{s.newCode, s.newData} {
		if side == nil {
			continue
		}
		v[i+1], err = blame.Value(ctx, s.b.conn, side.Rows, e.sql, s.b.o.Where)
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		if err != nil || v[i+1] == nil {
			s.note("%s has no value over the %s", e.name, side.Name)
		}
	}
	s.fill(&v)
	return v, nil
}

// fill sets what is known without running anything.
func (s *split) fill(v *[4]*blame.Number) {
	switch {
	case s.allCode:
		v[1], v[2] = v[3], v[0]
	case s.allData:
		v[1], v[2] = v[0], v[3]
	}
}

func (b *blamer) badValue(err error) error {
	qe, ok := errors.AsType[*engine.QueryError](err)
	if !ok || qe.Kind == engine.KindCancelled || qe.Kind == engine.KindDiskFull || qe.Kind == engine.KindMemory {
		return err
	}
	first, _, _ := strings.Cut(qe.Msg, "\n")
	return &UsageError{Msg: "--where or --aggregate does not fit the mart: " + first, Advice: "both are expressions over its columns, which must be in both runs"}
}

// options of the comparisons: what was asked for holds for the mart itself.
func (s *split) options() diff.Options {
	if !s.top {
		return diff.Options{}
	}
	o := diff.Options{Where: s.b.o.Where}
	if s.b.column != "" {
		o.Columns = []string{s.b.column}
	}
	return o
}

// stored are the two runs as they stand in the target.
func (s *split) stored() (from, to *diff.Side) {
	return &diff.Side{Record: s.x, Name: fmt.Sprintf("r%d", s.runA.Seq)}, &diff.Side{Record: s.y, Name: fmt.Sprintf("r%d", s.runB.Seq)}
}

// compare fills s.rows: old with each of the others.
func (s *split) compare(ctx context.Context) error {
	from, to := s.stored()
	s.rows[0] = &diff.Result{}
	for i, side := range []*diff.Side{s.newCode, s.newData, to} {
		if side == nil {
			continue
		}
		res, err := diff.Mart(ctx, s.b.conn, from, side, s.options())
		_, refused := errors.AsType[*diff.Error](err)
		switch {
		case err != nil && !incomparable(ctx, err):
			return err
		case err != nil && side == to && !refused:
			return s.b.badValue(err)
		case err != nil:
			s.note("the rows of %s cannot be compared: %s", side.Name, err)
			continue
		}
		if side == to {
			s.notes = append(s.notes, res.Notes...)
			if columns := changedColumns(&res); columns != "" && s.b.column == "" {
				s.note("columns: %s", columns)
			}
		}
		s.rows[i+1] = &res
	}
	for i := 1; i <= 2 && s.rows[3] != nil; i++ {
		if s.rows[i] != nil && len(s.rows[i].Key) != len(s.rows[3].Key) {
			s.note("with one of the two changes alone the key is not unique: rows are not told apart")
			s.rows[i] = nil
		}
	}
	return nil
}

// changedColumns are the columns that came, went, or have another type.
func changedColumns(r *diff.Result) string {
	var out []string
	for _, c := range r.ColumnsAdded {
		out = append(out, "+"+c)
	}
	for _, c := range r.ColumnsRemoved {
		out = append(out, "-"+c)
	}
	for _, c := range r.ColumnsRetyped {
		out = append(out, fmt.Sprintf("~%s (%s -> %s)", c.Name, c.From, c.To))
	}
	return strings.Join(out, ", ")
}

// counts splits how many rows were added, removed and changed.
func (s *split) counts(ctx context.Context) ([]BlameMeasure, error) {
	if err := s.compare(ctx); err != nil || s.rows[3] == nil {
		return nil, err
	}
	var out []BlameMeasure
	for _, k := range []struct {
		name string
		of   func(*diff.Result) int64
	}{{"rows added", func(r *diff.Result) int64 { return r.Added }}, {"rows removed", func(r *diff.Result) int64 { return r.Removed }},
		{"rows changed", func(r *diff.Result) int64 { return r.Changed }}} {
		var v [4]*blame.Number
		for i, res := range s.rows {
			if res != nil {
				v[i] = blame.Int(k.of(res))
			}
		}
		s.fill(&v)
		out = append(out, BlameMeasure{Name: k.name, Parts: blame.Split(v[0], v[1], v[2], v[3])})
	}
	return out, nil
}

type aggregate struct{ name, sql string }

// aggregates are the numbers that are looked at beside the rows.
func (s *split) aggregates() []aggregate {
	if s.b.o.Aggregate != "" {
		return []aggregate{{s.b.o.Aggregate, s.b.o.Aggregate}}
	}
	var out []aggregate
	for _, col := range s.y.Layout.Columns {
		was, ok := columnOf(s.x, col.Name)
		if !ok || !numeric(col.Type) || !numeric(was.Type) || s.b.column != "" && !strings.EqualFold(col.Name, s.b.column) {
			continue
		}
		if s.b.column == "" && slices.ContainsFunc(s.y.Layout.Key, func(k string) bool { return strings.EqualFold(k, col.Name) }) {
			continue
		}
		out = append(out, aggregate{"sum(" + col.Name + ")", "coalesce(sum(" + engine.Ident(col.Name) + "), 0)"})
	}
	return out
}

func columnOf(rec history.ModelRecord, name string) (mart.Column, bool) {
	i := slices.IndexFunc(rec.Layout.Columns, func(c mart.Column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return mart.Column{}, false
	}
	return rec.Layout.Columns[i], true
}

// numeric reports a type that has a sum.
func numeric(typ string) bool {
	word, _, _ := strings.Cut(strings.ToUpper(typ), "(")
	switch word {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "REAL", "DOUBLE", "DECIMAL":
		return !strings.HasSuffix(typ, "]")
	}
	return false
}

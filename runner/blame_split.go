package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/blame"
	"warehouse/runner/compile"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// split is one mart with old and new SQL over old and new inputs.
type split struct {
	b          *blamer
	x, y       history.ModelRecord
	runA, runB history.Run // that computed the rows
	ra, rb     *reading
	top        bool

	changed bool     // its SQL
	how     []Why    // what was not alike in how the runs were built
	inputs  []string // models that it reads and that differ
	moved   []string // what it reads outside history and may differ
	notes   []string

	newCode, newData *diff.Side // new SQL on old inputs, old SQL on new inputs; nil: not known
	allCode, allData bool       // known without running anything
	rows             [4]*diff.Result
}

func (s *split) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.notes, text) {
		s.notes = append(s.notes, text)
	}
}

func (s *split) drop(ctx context.Context) {
	for _, side := range []*diff.Side{s.newCode, s.newData} {
		if side != nil {
			_ = blame.Drop(ctx, s.b.conn, side) // the session ends with them
		}
	}
}

// dataDiffers says whether anything that it reads may differ.
func (s *split) dataDiffers() bool {
	return len(s.inputs)+len(s.moved) > 0 || s.ra.self() != s.rb.self()
}

// gone says whether rows of either side were pruned.
func (s *split) gone() bool {
	return s.x.Status == history.ModelPruned || s.y.Status == history.ModelPruned
}

// run finds out what can be told apart, and runs what must be run for it.
func (s *split) run(ctx context.Context) error {
	data := s.dataDiffers()
	switch {
	case s.gone():
		s.note("rows of it were pruned: the change cannot be counted")
		return nil
	case len(s.how) > 0:
		s.note("%s: code and data are not told apart", s.how[0].Text)
		return nil
	case !s.changed:
		s.allData = data
		if len(s.moved) > 0 {
			s.note("%s: its old rows are outside history; the SQL is the same, so the change is the data's", strings.Join(s.moved, ", "))
		}
		if !data {
			s.note("neither its SQL nor what it reads changed")
		}
		return nil
	case !data:
		s.allCode = true
		return nil
	case (s.ra.self() == "") != (s.rb.self() == ""):
		s.note("one of the runs built all rows anew, the other added to earlier ones: their SQL cannot be exchanged, so code and data are not told apart")
		return nil
	}
	today, err := diff.Settings(ctx, s.b.conn)
	if err != nil {
		return err
	}
	if other := diff.OtherSettings(s.rb.rec.Layout.Settings, today); other != "" {
		s.note("the engine's settings are not those of the runs (%s): code and data are not told apart", other)
		return nil
	}
	texts := append(s.ra.texts(map[string]bool{}), s.rb.texts(map[string]bool{})...)
	if unstable, err := s.unstable(ctx, texts); err != nil || unstable {
		return err
	}
	if open, order := outsideReads(s.ra, s.rb), ordered(texts); len(open)+len(order) > 0 {
		return s.runProven(ctx, open, order)
	}
	return s.runBoth(ctx)
}

func (s *split) runBoth(ctx context.Context) (err error) {
	if s.newCode, err = s.cell(ctx, "new SQL on old inputs", s.rb, s.ra); err == nil {
		s.newData, err = s.cell(ctx, "old SQL on new inputs", s.ra, s.rb)
	}
	return err
}

func (s *split) unstable(ctx context.Context, texts []string) (bool, error) {
	if err := s.b.learn(ctx); err != nil {
		return false, err
	}
	var names []string
	for _, sql := range texts {
		names = append(names, calls(sql, s.b.funcs)...)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > 0 {
		s.note("%s gives another value each time: running the SQL again would say nothing, so code and data are not told apart", strings.Join(names, ", "))
	}
	return len(names) > 0, nil
}

// ordered are the parts of SQL whose result depends on the order of rows,
// unless an ORDER BY says it.
func ordered(texts []string) []string {
	var out []string
	for _, sql := range texts {
		out = append(out, calls(sql, diff.ByOrder)...)
		if limited(sql) {
			out = append(out, "LIMIT")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// runProven runs SQL that reads what is outside history, or depends on the
// order of rows: what comes out counts if a run's SQL, on what it read, gives
// the rows of that run again.
func (s *split) runProven(ctx context.Context, open, order []string) error {
	newer, err := s.again(ctx, "new SQL again", s.rb, s.y)
	if err != nil {
		return err
	}
	older, err := s.again(ctx, "old SQL again", s.ra, s.x)
	if err != nil {
		return err
	}
	switch {
	case newer && older:
		return s.runBoth(ctx)
	case len(order) > 0 && len(open) == 0:
		s.note("run again, its SQL does not give the same rows (%s depends on their order): code and data are not told apart", strings.Join(order, ", "))
	case !newer || len(order) > 0:
		s.note("%s: what r%d read is outside history, and its SQL no longer gives its rows: code and data are not told apart", strings.Join(open, ", "), s.runB.Seq)
	default:
		s.note("%s: its old rows are outside history, so the new SQL cannot run on them", strings.Join(open, ", "))
		s.newData, err = s.cell(ctx, "old SQL on new inputs", s.ra, s.rb)
	}
	return err
}

// again says whether a run's SQL on its own inputs still gives its rows.
func (s *split) again(ctx context.Context, name string, r *reading, stored history.ModelRecord) (bool, error) {
	notes := len(s.notes)
	side, err := s.cell(ctx, name, r, r)
	s.notes = s.notes[:notes]
	if side == nil || err != nil {
		return false, err
	}
	differs, err := s.differs(ctx, &diff.Side{Record: stored, Name: "stored"}, side, diff.Options{})
	return !differs, errors.Join(err, blame.Drop(ctx, s.b.conn, side))
}

// differs compares two sides in all but rounding. What cannot be compared is
// not known to be equal.
func (s *split) differs(ctx context.Context, a, b *diff.Side, o diff.Options) (bool, error) {
	res, err := diff.Mart(ctx, s.b.conn, a, b, o)
	if err != nil && !incomparable(ctx, err) {
		return true, err
	}
	return err != nil || beyondRounding(&res), nil
}

// incomparable says whether an error is about these two sides alone.
func incomparable(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (ofThisMart(err) || errors.Is(err, diff.ErrNoColumn))
}

func beyondRounding(r *diff.Result) bool {
	return r.Added+r.Removed > 0 || r.Changed > r.RoundingOnly || len(r.ColumnsAdded)+len(r.ColumnsRemoved)+len(r.ColumnsRetyped) > 0
}

// cell runs the SQL of one reading over the inputs of another; nil if that is
// not possible, which a note explains.
func (s *split) cell(ctx context.Context, name string, code, data *reading) (*diff.Side, error) {
	side, err := s.made(ctx, name, code, data)
	if err == nil || ctx.Err() != nil {
		return side, err
	}
	if qe, ok := errors.AsType[*engine.QueryError](err); ok && (qe.Kind == engine.KindDiskFull || qe.Kind == engine.KindMemory) {
		return nil, err
	}
	first, _, _ := strings.Cut(s.b.r.hidden(err).Error(), "\n")
	s.note("the %s does not run: %s", name, first)
	return nil, nil
}

func (s *split) made(ctx context.Context, name string, code, data *reading) (*diff.Side, error) {
	views, err := s.bind(ctx, code, data)
	if err != nil {
		return nil, err
	}
	if err := binding.CreateSchemas(ctx, s.b.conn); err != nil {
		return nil, err
	}
	if err := binding.Create(ctx, s.b.conn, views); err != nil {
		return nil, err
	}
	r, err := compile.FromStored(code.rec.CompiledSQL, s.b.r.cfg.LookupEnv)
	if err != nil {
		return nil, err
	}
	return blame.Make(ctx, s.b.conn, s.y.Model, name, r.SQL)
}

// bind makes the views that the SQL of code reads, over the rows of data.
func (s *split) bind(ctx context.Context, code, data *reading) ([]binding.View, error) {
	snap := history.Snapshot{Marts: map[string]string{}}
	recs := map[string]history.ModelRecord{}
	var add func(name string)
	add = func(name string) {
		rec, ok := data.find(name)
		if !ok {
			if rec, ok = code.find(name); !ok {
				return // binding says what is missing
			}
			run := s.runA
			if code == s.rb {
				run = s.runB
			}
			s.note("%s is in one of the runs alone: its rows of r%d are read on both sides", rec.Model, run.Seq)
		}
		if _, done := recs[rec.Model]; done {
			return
		}
		recs[rec.Model], snap.Marts[rec.Model] = rec, ranIn(rec)
		if rec.Kind == "view" {
			for _, n := range data.of(rec).models() {
				add(n)
			}
		}
	}
	for _, name := range code.models() {
		add(name)
	}
	views, err := binding.MemoryRef(s.b.dialect(), snap, recs)
	if err != nil || data.self() == "" {
		return views, err
	}
	own, ok, err := s.b.model(ctx, data.self(), data.rec.Model)
	if err != nil || !ok {
		return views, err
	}
	if own.Status == history.ModelPruned {
		return nil, &history.PrunedError{Model: own.Model, RunID: own.RunID}
	}
	own.Model = code.rec.Model
	this, err := binding.Published(s.b.dialect(), own, ranIn(own))
	return append(views, this), err
}

// matters says whether the SQL made any difference, and whether what it reads
// did: on old or on new inputs, with old or with new SQL. What is not known may
// have.
func (s *split) matters(ctx context.Context) (code, data bool, err error) {
	switch {
	case s.allCode:
		return true, false, nil
	case s.allData:
		return false, true, nil
	case s.newCode == nil && s.newData == nil:
		return s.changed, s.dataDiffers(), nil
	}
	from, to := s.stored()
	differ := func(pairs ...[2]*diff.Side) bool {
		return slices.ContainsFunc(pairs, func(p [2]*diff.Side) bool {
			if err != nil || p[0] == nil || p[1] == nil {
				return false
			}
			var differs bool
			differs, err = s.differs(ctx, p[0], p[1], s.options())
			return differs
		})
	}
	code = differ([2]*diff.Side{from, s.newCode}, [2]*diff.Side{s.newData, to})
	data = differ([2]*diff.Side{from, s.newData}, [2]*diff.Side{s.newCode, to})
	return code, data, err
}

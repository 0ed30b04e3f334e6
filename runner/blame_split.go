package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/blame"
	"warehouse/runner/compile"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// reading is what a model's SQL read: the snapshot of the run that wrote it.
type reading struct {
	rec  history.ModelRecord // as the run wrote it, not as another took it over
	snap history.Snapshot
	recs map[string]history.ModelRecord
}

// ranIn is the run that computed a record's rows.
func ranIn(rec history.ModelRecord) string {
	if rec.DataRunID != "" {
		return rec.DataRunID
	}
	return rec.RunID
}

func (b *blamer) reading(ctx context.Context, rec history.ModelRecord) (*reading, error) {
	if own, ok, err := b.model(ctx, ranIn(rec), rec.Model); err != nil {
		return nil, err
	} else if ok {
		rec = own
	}
	r := &reading{rec: rec}
	var err error
	if r.snap, err = b.resolve(ctx, ranIn(rec)); err == nil {
		r.recs, err = b.reg.Records(ctx, b.conn, r.snap)
	}
	if _, pruned := errors.AsType[*history.PrunedError](err); pruned {
		return r, nil // its inputs cannot be read: the split says so
	}
	return r, err
}

// of is what another model of the same snapshot reads.
func (r *reading) of(rec history.ModelRecord) *reading {
	return &reading{rec: rec, snap: r.snap, recs: r.recs}
}

func (r *reading) find(name string) (history.ModelRecord, bool) {
	if rec, ok := r.recs[name]; ok {
		return rec, true
	}
	for n, rec := range r.recs {
		if strings.EqualFold(n, name) {
			return rec, true
		}
	}
	return history.ModelRecord{}, false
}

// models are the other models that are read, sorted.
func (r *reading) models() []string {
	var out []string
	for _, in := range r.rec.Inputs {
		if in.RunID != "" && !strings.EqualFold(in.Name, r.rec.Model) {
			out = append(out, in.Name)
		}
	}
	slices.Sort(out)
	return out
}

// self is the run whose rows an incremental model added to, "" for none.
func (r *reading) self() string {
	for _, in := range r.rec.Inputs {
		if in.RunID != "" && strings.EqualFold(in.Name, r.rec.Model) {
			return in.RunID
		}
	}
	return ""
}

// differing are the models that two readings name and that are not known to be
// equal.
func differing(ra, rb *reading) []string {
	names := append(ra.models(), rb.models()...)
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return sameInput(name, ra, rb, map[string]bool{}) })
}

func sameInput(name string, ra, rb *reading, seen map[string]bool) bool {
	x, inA := ra.find(name)
	y, inB := rb.find(name)
	if !inA || !inB || (x.Kind == "view") != (y.Kind == "view") {
		return false
	}
	if y.Kind != "view" {
		return equalRows(x, y)
	}
	if x.CompiledSQL != y.CompiledSQL || len(outsideReads(ra.of(x), rb.of(y))) > 0 {
		return false
	}
	if seen[name] {
		return true
	}
	seen[name] = true
	return !slices.ContainsFunc(rb.of(y).models(), func(n string) bool { return !sameInput(n, ra, rb, seen) })
}

// outsideReads are the sources and files that are read, through views too: of
// them there is only what they hold today.
func outsideReads(rs ...*reading) []string {
	found := map[string]bool{}
	for _, r := range rs {
		r.outside(found, map[string]bool{})
	}
	return slices.Sorted(maps.Keys(found))
}

func (r *reading) outside(found, seen map[string]bool) {
	for _, in := range r.rec.Inputs {
		if in.RunID == "" {
			found["source "+in.Name] = true
		}
	}
	for name := range outsideOf(r.rec.CompiledSQL) {
		found[name] = true
	}
	for _, name := range r.models() {
		if rec, ok := r.find(name); ok && rec.Kind == "view" && !seen[name] {
			seen[name] = true
			r.of(rec).outside(found, seen)
		}
	}
}

// split is one mart with old and new SQL over old and new inputs.
type split struct {
	b      *blamer
	x, y   history.ModelRecord
	ra, rb *reading
	top    bool
	at     int // its step

	changed bool     // its SQL
	differ  []string // models that it reads
	open    []string // what it reads outside history
	notes   []string

	newCode, newData *diff.Side // new SQL on old inputs, old SQL on new inputs; nil: not known
	allCode, allData bool       // known without running anything
	made             []*diff.Side
}

func (s *split) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *split) drop(ctx context.Context) {
	for _, side := range s.made {
		_ = blame.Drop(ctx, s.b.conn, side) // the session ends with them
	}
}

func stale(what []string) string { return strings.Join(what, ", ") }

// run finds out what can be told apart, and runs what must be run for it.
func (s *split) run(ctx context.Context) error {
	data := len(s.differ) > 0 || len(s.open) > 0 || s.ra.self() != s.rb.self()
	switch {
	case !s.changed:
		s.allData = data
		if len(s.open) > 0 {
			s.note("%s: its old rows are outside history; the SQL is the same, so the change is the data's", stale(s.open))
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
	if unstable, err := s.unstable(ctx); err != nil || unstable {
		return err
	}
	if len(s.open) > 0 {
		return s.runOpen(ctx)
	}
	var err error
	if s.newCode, err = s.cell(ctx, "new SQL on old inputs", s.rb, s.ra); err == nil {
		s.newData, err = s.cell(ctx, "old SQL on new inputs", s.ra, s.rb)
	}
	return err
}

func (s *split) unstable(ctx context.Context) (bool, error) {
	if s.b.funcs == nil {
		var err error
		if s.b.funcs, err = diff.Unstable(ctx, s.b.conn); err != nil {
			return false, err
		}
	}
	names := append(calls(s.ra.rec.CompiledSQL, s.b.funcs), calls(s.rb.rec.CompiledSQL, s.b.funcs)...)
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > 0 {
		s.note("%s gives another value each time: running the SQL again would say nothing, so code and data are not told apart", strings.Join(names, ", "))
	}
	return len(names) > 0, nil
}

// runOpen runs SQL over sources, which hold only what they hold today: that
// counts as the inputs of a run if its SQL gives its rows again.
func (s *split) runOpen(ctx context.Context) error {
	what := stale(s.open)
	again, err := s.again(ctx, "new SQL again", s.rb, s.y)
	if err != nil {
		return err
	}
	if !again {
		s.note("%s: what r%d read is outside history, and its SQL no longer gives its rows: code and data are not told apart", what, s.seq(ctx, s.y))
		return nil
	}
	if s.newData, err = s.cell(ctx, "old SQL on new inputs", s.ra, s.rb); err != nil {
		return err
	}
	if again, err = s.again(ctx, "old SQL again", s.ra, s.x); err != nil {
		return err
	}
	if !again {
		s.note("%s: its old rows are outside history, so the new SQL cannot run on them; what code and data did together is in code", what)
		return nil
	}
	s.newCode, err = s.cell(ctx, "new SQL on old inputs", s.rb, s.ra)
	return err
}

func (s *split) seq(ctx context.Context, rec history.ModelRecord) int64 {
	run, _ := s.b.run(ctx, ranIn(rec)) // was read before
	return run.Seq
}

// again says whether a run's SQL on its own inputs still gives its rows.
func (s *split) again(ctx context.Context, name string, r *reading, stored history.ModelRecord) (bool, error) {
	notes := len(s.notes)
	side, err := s.cell(ctx, name, r, r)
	s.notes = s.notes[:notes]
	if side == nil || err != nil {
		return false, err
	}
	res, err := diff.Mart(ctx, s.b.conn, &diff.Side{Record: stored, Name: "stored"}, side, diff.Options{})
	return err == nil && res.Added+res.Removed == 0 && res.Changed == res.RoundingOnly, err
}

// cell runs the SQL of one reading over the inputs of another; nil if that is
// not possible, which a note explains.
func (s *split) cell(ctx context.Context, name string, code, data *reading) (*diff.Side, error) {
	views, err := s.bind(ctx, code, data)
	if err == nil {
		if err = binding.CreateSchemas(ctx, s.b.conn); err == nil {
			err = binding.Create(ctx, s.b.conn, views)
		}
	}
	var side *diff.Side
	if err == nil {
		var r *compile.Rendered
		if r, err = compile.FromStored(code.rec.CompiledSQL, s.b.r.cfg.LookupEnv); err == nil {
			side, err = blame.Make(ctx, s.b.conn, s.y.Model, name, r.SQL)
		}
	}
	if err == nil {
		side.Record.Layout.Key, side.Record.Layout.RunColumn = nil, ""
		s.made = append(s.made, side)
		return side, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if qe, ok := errors.AsType[*engine.QueryError](err); ok && (qe.Kind == engine.KindDiskFull || qe.Kind == engine.KindMemory) {
		return nil, err
	}
	first, _, _ := strings.Cut(s.b.r.hidden(err).Error(), "\n")
	s.note("the %s does not run: %s", name, first)
	return nil, nil
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
			s.note("%s is in one of the runs alone: its rows of r%d are read on both sides", name, s.seq(ctx, code.rec))
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

// measures are the numbers of a step.
func (s *split) measures(ctx context.Context) ([]BlameMeasure, error) {
	if s.x.Status == history.ModelPruned || s.y.Status == history.ModelPruned {
		s.note("rows of it were pruned: the change cannot be counted")
		return nil, nil
	}
	counted, err := s.rows(ctx)
	if err != nil || !s.top {
		return counted, err
	}
	exprs := s.aggregates()
	stored := [2]engine.Relation{}
	values := make([][4]*blame.Number, len(exprs))
	for i, rec := range []history.ModelRecord{s.x, s.y} {
		view, _, err := binding.MemoryModel(s.b.dialect(), rec)
		if err != nil {
			return nil, err
		}
		if err := binding.Create(ctx, s.b.conn, []binding.View{view}); err != nil {
			return nil, err
		}
		stored[i] = binding.Ref(s.b.dialect(), rec.Model)
		for j, e := range exprs {
			if values[j][i*3], err = blame.Value(ctx, s.b.conn, stored[i], e.sql, s.b.o.Where); err != nil {
				return nil, s.b.badValue(err)
			}
		}
	}
	for j, e := range exprs {
		for i, side := range []*diff.Side{s.newCode, s.newData} {
			if side == nil {
				continue
			}
			v, err := blame.Value(ctx, s.b.conn, side.Rows, e.sql, s.b.o.Where)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil || v == nil {
				s.note("%s has no value over the %s", e.name, side.Name)
				continue
			}
			values[j][i+1] = v
		}
		v := values[j]
		s.fill(&v)
		if v[0] == nil || v[3] == nil {
			s.note("%s is no finite number in one of the runs: it is not split", e.name)
		}
		counted = append(counted, BlameMeasure{Name: e.name, Old: v[0], New: v[3], Parts: blame.Split(v[0], v[1], v[2], v[3])})
	}
	return counted, nil
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

// rows splits how many rows were added, removed and changed.
func (s *split) rows(ctx context.Context) ([]BlameMeasure, error) {
	o := diff.Options{}
	if s.top {
		o.Where = s.b.o.Where
	}
	from := &diff.Side{Record: s.x, Name: fmt.Sprintf("r%d", s.seq(ctx, s.x))}
	to := &diff.Side{Record: s.y, Name: fmt.Sprintf("r%d", s.seq(ctx, s.y))}
	var results [4]*diff.Result
	results[0] = &diff.Result{}
	for i, side := range []*diff.Side{s.newCode, s.newData, to} {
		if side == nil {
			continue
		}
		res, err := diff.Mart(ctx, s.b.conn, from, side, o)
		switch {
		case err != nil && (ctx.Err() != nil || i == 2 && !ofThisMart(err)):
			return nil, err
		case err != nil && i == 2:
			return nil, s.b.badValue(err)
		case err != nil:
			s.note("the rows of the %s cannot be compared: %s", side.Name, err)
			continue
		}
		if i == 2 {
			s.notes = append(s.notes, res.Notes...)
		}
		results[i+1] = &res
	}
	for i := 1; i <= 2; i++ {
		if results[i] != nil && len(results[i].Key) != len(results[3].Key) {
			s.note("with one of the two changes alone the key is not unique: rows are not told apart")
			results[i] = nil
		}
	}
	var out []BlameMeasure
	for _, k := range []struct {
		name string
		of   func(*diff.Result) int64
	}{{"rows added", func(r *diff.Result) int64 { return r.Added }}, {"rows removed", func(r *diff.Result) int64 { return r.Removed }},
		{"rows changed", func(r *diff.Result) int64 { return r.Changed }}} {
		var v [4]*blame.Number
		for i, res := range results {
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

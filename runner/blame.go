package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/blame"
	"warehouse/runner/diff"
	"warehouse/runner/history"
)

// BlameOptions of Blame.
type BlameOptions struct {
	Mart      string // MART or MART.COLUMN, whose sum is looked at
	A, B      string // run specs; "" is previous and latest
	Where     string // a condition: only rows for which it is true, on all sides
	Aggregate string // an expression over the mart's rows, in the place of sums
}

// BlameReport says what changed a mart between two snapshots: the mart itself,
// then what it reads, upwards, as far as that differs.
type BlameReport struct {
	A, B   history.Run
	Steps  []BlameStep
	Causes []BlameCause // where the walk ended
}

// BlameStep is a model whose rows differ. Its measures are split into code (its
// own SQL), data (what it reads) and both.
type BlameStep struct {
	Model    string
	View     bool
	A, B     history.Run // that wrote the rows
	Measures []BlameMeasure
	Notes    []string
	Reads    []string // what it reads and differs, which the walk went on to
}

// BlameMeasure is a number of a step: rows added, removed and changed count
// what differs from A; Old and New are nil for them.
type BlameMeasure struct {
	Name     string
	Old, New *blame.Number
	blame.Parts
}

// BlameCause is a reason at the end of the walk.
type BlameCause struct {
	Model string
	Why
}

// Blame splits the change of a mart between two runs into code and data, and
// finds the models and sources that caused it. It runs stored SQL in a scratch
// binding and writes nothing to the target.
func (r *Runner) Blame(ctx context.Context, o BlameOptions) (*BlameReport, error) {
	if err := checkExpression(o.Where); err != nil {
		return nil, err
	}
	if err := checkFlag("--aggregate", "write one expression, such as \"sum(price * quantity)\"", o.Aggregate); err != nil {
		return nil, err
	}
	if o.A == "" {
		o.A = "previous"
	}
	if o.B == "" {
		o.B = "latest"
	}
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	b := &blamer{differ: &differ{session: s, out: &DiffReport{}, memory: memory{s: s}}, o: o, report: &BlameReport{}, seen: map[string]bool{}}
	if b.a, b.report.A, err = b.side(ctx, o.A); err != nil {
		return nil, err
	}
	if b.b, b.report.B, err = b.side(ctx, o.B); err != nil {
		return nil, err
	}
	x, y, err := b.find()
	if err != nil {
		return nil, err
	}
	return b.report, b.step(ctx, x, y, true)
}

// blamer is one Blame on its way.
type blamer struct {
	*differ
	o      BlameOptions
	column string
	report *BlameReport
	seen   map[string]bool
}

// find takes MART.COLUMN apart and returns the mart's records.
func (b *blamer) find() (x, y history.ModelRecord, err error) {
	name := strings.ToLower(b.o.Mart)
	if _, ok := b.b[name]; !ok {
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			name, b.column = name[:dot], b.o.Mart[dot+1:]
		}
	}
	x, inA := b.a[name]
	y, inB := b.b[name]
	only := func(run history.Run) error {
		return &UsageError{Msg: fmt.Sprintf("only r%d has %s: there is nothing to split", run.Seq, x.Model+y.Model), Advice: "name two runs that both have it; `warehouse runs` lists them"}
	}
	switch {
	case !inA && !inB:
		return x, y, &SelectionError{Unmatched: []string{b.o.Mart}, Near: []string{""}, Verb: "blame", What: "model of either run"}
	case !inA:
		return x, y, only(b.report.B)
	case !inB:
		y = history.ModelRecord{}
		return x, y, only(b.report.A)
	case x.Kind == "view" || y.Kind == "view":
		return x, y, &UsageError{Msg: fmt.Sprintf("%s is a view, which has no rows of its own", y.Model), Advice: "name a mart that reads it"}
	case b.column != "" && b.o.Aggregate != "":
		return x, y, &UsageError{Msg: "name a column or an --aggregate, not both"}
	}
	for i, rec := range []history.ModelRecord{x, y} {
		run := []history.Run{b.report.A, b.report.B}[i]
		if rec.Status == history.ModelPruned {
			return x, y, &history.PrunedError{Model: rec.Model, RunID: rec.RunID}
		}
		if b.column == "" {
			continue
		}
		col, ok := columnOf(rec, b.column)
		if !ok {
			return x, y, &UsageError{Msg: fmt.Sprintf("%s has no column %s in r%d", rec.Model, b.column, run.Seq), Advice: "--aggregate takes any expression over its columns"}
		}
		if !numeric(col.Type) {
			return x, y, &UsageError{Msg: fmt.Sprintf("%s.%s is %s, which has no sum", rec.Model, col.Name, col.Type), Advice: fmt.Sprintf("name a number of it, such as --aggregate 'count(distinct %s)'", col.Name)}
		}
	}
	return x, y, nil
}

// step splits the change of one mart, and goes on to what it reads.
func (b *blamer) step(ctx context.Context, x, y history.ModelRecord, top bool) error {
	key := strings.ToLower(y.Model) + "\x00" + x.RunID + "\x00" + y.RunID
	if b.seen[key] || equalRows(x, y) && !top {
		return nil
	}
	b.seen[key] = true
	if equalRows(x, y) {
		return b.add(ctx, x, y, &split{b: b, x: x, y: y}, nil)
	}
	s := &split{b: b, x: x, y: y, top: top}
	ra, err := b.reading(ctx, x)
	if err != nil {
		return err
	}
	rb, err := b.reading(ctx, y)
	if err != nil {
		return err
	}
	s.ra, s.rb = ra, rb
	s.x.CompiledSQL, s.y.CompiledSQL = ra.rec.CompiledSQL, rb.rec.CompiledSQL
	if y.Kind == "seed" || x.Kind == "seed" {
		return b.seed(ctx, s)
	}
	s.differ = differing(ra, rb)
	s.open = outsideReads(ra, rb)
	s.changed = ra.rec.CompiledSQL != rb.rec.CompiledSQL
	defer s.drop(ctx)
	if err := s.run(ctx); err != nil {
		return err
	}
	if err := b.add(ctx, x, y, s, s.differ); err != nil {
		return err
	}
	return b.causes(ctx, s)
}

// add reports a step with its measures.
func (b *blamer) add(ctx context.Context, x, y history.ModelRecord, s *split, reads []string) error {
	st := BlameStep{Model: y.Model, Reads: reads}
	var err error
	if st.A, err = b.run(ctx, ranIn(x)); err != nil {
		return err
	}
	if st.B, err = b.run(ctx, ranIn(y)); err != nil {
		return err
	}
	if s.ra != nil {
		if st.Measures, err = s.measures(ctx); err != nil {
			return err
		}
	}
	st.Notes = s.notes
	s.at = len(b.report.Steps)
	b.report.Steps = append(b.report.Steps, st)
	return nil
}

// seed says what changed a seed, whose rows come from its file.
func (b *blamer) seed(ctx context.Context, s *split) error {
	file, text := false, ""
	for id, in := range s.rb.rec.Inputs {
		if was := s.ra.rec.Inputs[id]; was.Fingerprint != in.Fingerprint {
			file, text = true, in.Name
		}
	}
	s.allData, s.allCode = file, !file
	if err := b.add(ctx, s.x, s.y, s, nil); err != nil {
		return err
	}
	w := Why{Kind: WhySeed, Name: text, Text: "its file changed", Certain: true}
	if !file {
		w = Why{Kind: WhySQL, Text: "how its file is read changed", Diff: unified(s.x.CompiledSQL, s.y.CompiledSQL), Certain: true}
	}
	b.cause(s.y.Model, w)
	return nil
}

func (b *blamer) cause(model string, w Why) {
	c := BlameCause{Model: model, Why: w}
	if !slices.Contains(b.report.Causes, c) {
		b.report.Causes = append(b.report.Causes, c)
	}
}

// causes names what changed a mart, as far as it lies in the mart, and walks
// up to the rest.
func (b *blamer) causes(ctx context.Context, s *split) error {
	before := len(b.report.Causes)
	st := &b.report.Steps[s.at]
	sql, err := b.whySQL(ctx, s.ra.rec, s.rb.rec)
	if err != nil {
		return err
	}
	if s.changed && !st.touched(func(p blame.Parts) *blame.Number { return p.Code }) {
		st.Notes = append(st.Notes, "its SQL changed too, which changed nothing here")
		sql = nil
	}
	for _, w := range sql {
		b.cause(s.y.Model, w)
	}
	if !s.changed || st.touched(func(p blame.Parts) *blame.Number { return p.Data }) {
		if err := b.up(ctx, s.y.Model, s.ra, s.rb, s.differ); err != nil {
			return err
		}
	}
	if len(b.report.Causes) > before || s.changed {
		return nil
	}
	why, err := b.whyNothing(ctx, s.rb.rec, &diff.Result{}, false)
	for _, w := range why {
		b.cause(s.y.Model, w)
	}
	return err
}

// touched says whether a part, or what both parts did, is anything but 0, or
// not known.
func (s *BlameStep) touched(part func(blame.Parts) *blame.Number) bool {
	return slices.ContainsFunc(s.Measures, func(m BlameMeasure) bool {
		return !part(m.Parts).Zero() || m.Both != nil && !m.Both.Zero()
	})
}

// up goes on to what a model reads: marts, views, sources.
func (b *blamer) up(ctx context.Context, model string, ra, rb *reading, names []string) error {
	for _, id := range slices.Sorted(maps.Keys(rb.rec.Inputs)) {
		in, was := rb.rec.Inputs[id], ra.rec.Inputs[id]
		switch {
		case in.RunID == "":
			for _, w := range whySource(was, in) {
				b.cause(model, w)
			}
		case strings.EqualFold(in.Name, model) && was.RunID != in.RunID:
			text := "it adds to its own earlier rows"
			if was.RunID != "" {
				runs, err := b.names(ctx, was.RunID, in.RunID)
				if err != nil {
					return err
				}
				text = fmt.Sprintf("it adds to its own earlier rows, which differ (%s); blame those two runs of it", runs)
			}
			b.cause(model, Why{Kind: WhySelf, Name: in.Name, Text: text, Certain: was.RunID != ""})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(outsideOf(rb.rec.CompiledSQL))) {
		b.cause(model, Why{Kind: WhyOutside, Name: name, Text: fmt.Sprintf("reads %s, whose rows are outside history", name)})
	}
	for _, name := range names {
		x, inA := ra.find(name)
		y, inB := rb.find(name)
		switch {
		case !inA || !inB:
			b.cause(model, Why{Kind: WhyInput, Name: name, Text: fmt.Sprintf("reads %s, which only one of the runs has", name), Certain: true})
		case x.Kind != y.Kind && (x.Kind == "view" || y.Kind == "view"):
			b.cause(model, Why{Kind: WhyInput, Name: name, Text: fmt.Sprintf("reads %s, which was a %s and is a %s", name, x.Kind, y.Kind), Certain: true})
		case y.Kind == "view":
			if err := b.view(ctx, x, y, ra, rb); err != nil {
				return err
			}
		default:
			if err := b.step(ctx, x, y, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// view goes through a view model, which has no rows to split.
func (b *blamer) view(ctx context.Context, x, y history.ModelRecord, ra, rb *reading) error {
	key := strings.ToLower(y.Model) + "\x00view\x00" + ra.snap.Run + "\x00" + rb.snap.Run
	if b.seen[key] {
		return nil
	}
	b.seen[key] = true
	va, vb := ra.of(x), rb.of(y)
	st := BlameStep{Model: y.Model, View: true, Reads: differing(va, vb)}
	var err error
	if st.A, err = b.run(ctx, x.RunID); err != nil {
		return err
	}
	if st.B, err = b.run(ctx, y.RunID); err != nil {
		return err
	}
	b.report.Steps = append(b.report.Steps, st)
	sql, err := b.whySQL(ctx, x, y)
	if err != nil {
		return err
	}
	for _, w := range sql {
		b.cause(y.Model, w)
	}
	return b.up(ctx, y.Model, va, vb, st.Reads)
}

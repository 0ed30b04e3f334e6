package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/blame"
	"warehouse/runner/diag"
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
	x, y, err := b.find(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.learn(ctx); err != nil {
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
func (b *blamer) find(ctx context.Context) (x, y history.ModelRecord, err error) {
	x, inA, y, inB := b.named(b.o.Mart)
	// Names of marts and columns may have dots: the longest that is a mart's is.
	for dot := len(b.o.Mart); !inA && !inB; {
		if dot = strings.LastIndexByte(b.o.Mart[:dot], '.'); dot < 0 {
			break
		}
		x, inA, y, inB = b.named(b.o.Mart[:dot])
		b.column = b.o.Mart[dot+1:]
	}
	only := func(run history.Run, rec history.ModelRecord) error {
		return &UsageError{Msg: fmt.Sprintf("of the two runs only r%d has %s: there is nothing to split", run.Seq, rec.Model), Advice: "name two runs that both have it; `warehouse runs` lists them"}
	}
	if !inA {
		err = b.pruned(ctx, b.report.A)
	}
	if !inB && err == nil {
		err = b.pruned(ctx, b.report.B)
	}
	switch {
	case err != nil:
		return x, y, err
	case !inA && !inB:
		names := slices.AppendSeq(slices.Collect(maps.Keys(b.a)), maps.Keys(b.b))
		return x, y, &SelectionError{Unmatched: []string{b.o.Mart}, Near: []string{diag.Nearest(b.o.Mart, names)}, Verb: "blame", What: "model of either run"}
	case !inA:
		return x, y, only(b.report.B, y)
	case !inB:
		return x, y, only(b.report.A, x)
	case x.Kind == "view" || y.Kind == "view":
		return x, y, &UsageError{Msg: fmt.Sprintf("%s is a view, which has no rows of its own", y.Model), Advice: "name a mart that reads it"}
	case b.column != "" && b.o.Aggregate != "":
		return x, y, &UsageError{Msg: "name a column or an --aggregate, not both"}
	}
	for _, rec := range []history.ModelRecord{x, y} {
		if rec.Status == history.ModelPruned {
			return x, y, &history.PrunedError{Model: rec.Model, RunID: rec.RunID}
		}
	}
	if b.column == "" {
		return x, y, nil
	}
	if err = summable(x, b.report.A, b.column); err == nil {
		err = summable(y, b.report.B, b.column)
	}
	return x, y, err
}

// pruned refuses a mart that a run built and that was pruned since: it is not
// in the run's snapshot.
func (b *blamer) pruned(ctx context.Context, run history.Run) error {
	recs, err := b.reg.Models(ctx, b.conn, run.ID)
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if rec.Status == history.ModelPruned && strings.HasPrefix(strings.ToLower(b.o.Mart)+".", strings.ToLower(rec.Model)+".") {
			return &history.PrunedError{Model: rec.Model, RunID: rec.RunID}
		}
	}
	return nil
}

// named returns a model's record of either side.
func (b *blamer) named(name string) (x history.ModelRecord, inA bool, y history.ModelRecord, inB bool) {
	x, inA = b.a[strings.ToLower(name)]
	y, inB = b.b[strings.ToLower(name)]
	return x, inA, y, inB
}

// summable refuses a column that a run does not have, or that has no sum.
func summable(rec history.ModelRecord, run history.Run, column string) error {
	col, ok := columnOf(rec, column)
	if !ok {
		return &UsageError{Msg: fmt.Sprintf("%s has no column %s in r%d", rec.Model, column, run.Seq), Advice: "--aggregate takes any expression over its columns"}
	}
	if !numeric(col.Type) {
		return &UsageError{Msg: fmt.Sprintf("%s.%s is %s, which has no sum", rec.Model, col.Name, col.Type), Advice: fmt.Sprintf("name a number of it, such as --aggregate 'count(distinct %s)'", col.Name)}
	}
	return nil
}

// step splits the change of one mart, and goes on to what it reads.
func (b *blamer) step(ctx context.Context, x, y history.ModelRecord, top bool) error {
	key := strings.ToLower(y.Model) + "\x00" + x.RunID + "\x00" + y.RunID
	if b.seen[key] || equalRows(x, y) && !top {
		return nil
	}
	b.seen[key] = true
	s := &split{b: b, x: x, y: y, top: top}
	var err error
	if s.runA, err = b.run(ctx, ranIn(x)); err != nil {
		return err
	}
	if s.runB, err = b.run(ctx, ranIn(y)); err != nil {
		return err
	}
	if equalRows(x, y) {
		b.add(s, nil, nil)
		return nil
	}
	if s.ra, err = b.reading(ctx, x); err != nil {
		return err
	}
	if s.rb, err = b.reading(ctx, y); err != nil {
		return err
	}
	if s.how, err = b.whyHow(ctx, s.ra.rec, s.rb.rec); err != nil {
		return err
	}
	s.changed = s.ra.rec.CompiledSQL != s.rb.rec.CompiledSQL
	if y.Kind == "seed" || x.Kind == "seed" {
		return b.seed(ctx, s)
	}
	s.inputs, s.moved = differing(s.ra, s.rb), movedReads(s.ra, s.rb)
	code, data, err := b.split(ctx, s)
	if err != nil {
		return err
	}
	return b.causes(ctx, s, code, data)
}

// split runs what must be run, reports the step, and says whether the SQL made
// a difference, and whether what it reads did.
func (b *blamer) split(ctx context.Context, s *split) (code, data bool, err error) {
	defer s.drop(ctx)
	if err := s.run(ctx); err != nil {
		return false, false, err
	}
	measures, err := s.measures(ctx)
	if err != nil {
		return false, false, err
	}
	if code, data, err = s.matters(ctx); err != nil {
		return false, false, err
	}
	if s.changed && !code {
		s.note("its SQL changed too, which changed nothing here")
	}
	b.add(s, measures, s.inputs)
	return code, data, nil
}

// add reports a step.
func (b *blamer) add(s *split, measures []BlameMeasure, reads []string) {
	b.report.Steps = append(b.report.Steps, BlameStep{Model: s.y.Model, A: s.runA, B: s.runB, Measures: measures, Notes: s.notes, Reads: reads})
}

// seed says what changed a seed, whose rows come from its file.
func (b *blamer) seed(ctx context.Context, s *split) error {
	w := Why{Kind: WhySQL, Text: "how its file is read changed", Certain: true}
	if s.changed {
		w.Diff = unified(s.ra.rec.CompiledSQL, s.rb.rec.CompiledSQL)
	}
	if s.x.Kind != s.y.Kind {
		w.Text = fmt.Sprintf("it was a %s and is a %s", s.x.Kind, s.y.Kind)
	}
	for id, in := range s.rb.rec.Inputs {
		if was := s.ra.rec.Inputs[id]; s.x.Kind == s.y.Kind && was.Fingerprint != in.Fingerprint {
			w = Why{Kind: WhySeed, Name: in.Name, Text: "its file changed", Certain: true}
		}
	}
	s.allData, s.allCode = w.Kind == WhySeed, w.Kind != WhySeed
	if s.gone() {
		s.note("rows of it were pruned: the change cannot be counted")
	}
	measures, err := s.measures(ctx)
	if err != nil {
		return err
	}
	b.add(s, measures, nil)
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
func (b *blamer) causes(ctx context.Context, s *split, code, data bool) error {
	for _, w := range s.how {
		b.cause(s.y.Model, w)
	}
	if code && s.changed {
		sql, err := b.whySQL(ctx, s.ra.rec, s.rb.rec)
		if err != nil {
			return err
		}
		for _, w := range sql {
			b.cause(s.y.Model, w)
		}
	}
	if data {
		return b.up(ctx, s.y.Model, s.ra, s.rb, s.inputs)
	}
	if code || len(s.how) > 0 {
		return nil
	}
	res := s.rows[3]
	if res == nil {
		res = &diff.Result{}
	}
	why, err := b.whyNothing(ctx, s.rb.rec, res, false)
	for _, w := range why {
		b.cause(s.y.Model, w)
	}
	return err
}

// up goes on to what a model reads: marts, views, sources.
func (b *blamer) up(ctx context.Context, model string, ra, rb *reading, names []string) error {
	for _, id := range slices.Sorted(maps.Keys(rb.rec.Inputs)) {
		in := rb.rec.Inputs[id]
		was, inA := ra.rec.Inputs[id]
		switch {
		case in.Via != "": // the walk comes to it through the view
		case in.RunID == "" && !inA: // the SQL says so
		case in.RunID == "":
			if rb.rec.Kind == "view" && was == in {
				was.Fingerprint = "" // it was taken when the view was made, not when it was read
			}
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
	for _, name := range slices.Sorted(maps.Keys(outsideOf(rb.rec.CompiledSQL, b.unheld))) {
		b.cause(model, whyOutside(name))
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

package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/sqltext"
)

// DiffOptions of Diff.
type DiffOptions struct {
	A, B   string   // run specs; "" is previous and latest
	Select []string // marts: names, globs, or a selection of the project; none: all

	Where   string   // an expression; only rows for which it is true, on both sides
	Columns []string // the only ones to compare, beside the key
	Limit   int      // rows and movers that are shown

	Tolerance *diff.Tolerance           // within which numbers count as equal; nil: what each mart's config says
	ByColumn  map[string]diff.Tolerance // of single columns, by lower-cased name
}

// DiffReport says how two snapshots differ, and why.
type DiffReport struct {
	A, B  history.Run // the snapshots' runs
	Marts []MartDiff  // of both snapshots, by name
	Views []ViewDiff  // view models: they have no rows of their own
}

// MartDiff is one mart of a DiffReport.
type MartDiff struct {
	diff.Result
	A, B    *history.Run // whose rows were compared; nil: the mart is not in that snapshot
	Refused error        // why it could not be compared; Result has but its name then
	Why     []Why        // if rows or columns differ: what can be told from the register
}

// ViewDiff is a view model of a DiffReport. Change is "added", "removed", "sql"
// or "".
type ViewDiff struct {
	Name, Change string
	SQLDiff      string
}

// Different reports any difference: a mart's rows or columns, one that could
// not be compared, a view model's SQL, a model on one side only.
func (r *DiffReport) Different() bool {
	return slices.ContainsFunc(r.Marts, func(m MartDiff) bool { return m.Differs() }) ||
		slices.ContainsFunc(r.Views, func(v ViewDiff) bool { return v.Change != "" })
}

// Differs reports that the mart is not proven to be equal on both sides.
func (m *MartDiff) Differs() bool {
	return m.Refused != nil || m.A == nil || m.B == nil || m.Different()
}

// Diff compares two snapshots mart by mart, exactly. A mart that cannot be
// compared says why and stops no other.
func (r *Runner) Diff(ctx context.Context, o DiffOptions) (*DiffReport, error) {
	if err := checkExpression(o.Where); err != nil {
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
	d := &differ{session: s, o: o, out: &DiffReport{}, memory: memory{s: s}}
	if d.a, d.out.A, err = d.side(ctx, o.A); err != nil {
		return nil, err
	}
	if d.b, d.out.B, err = d.side(ctx, o.B); err != nil {
		return nil, err
	}
	return d.out, d.all(ctx)
}

// checkExpression refuses a condition that is not one expression: what stands
// in it must stay within the parentheses that are put around it.
func checkExpression(sql string) error {
	return checkFlag("--where", "write one condition over a mart's columns, such as \"country = 'DE' and price > 10\"", sql)
}

// checkFlag is checkExpression for the value of another flag.
func checkFlag(flag, advice, sql string) error {
	if sql == "" {
		return nil
	}
	bad := func(why string) error {
		return &UsageError{Msg: flag + ": " + why, Advice: advice}
	}
	depth, words := 0, 0
	for _, t := range sqltext.Scan(sql) {
		text := sql[t.Start:t.End]
		switch t.Kind {
		case sqltext.Unterminated:
			return bad("a string, name or comment does not end")
		case sqltext.Space, sqltext.Comment:
			continue
		case sqltext.Param:
			return bad(fmt.Sprintf("there is no value for %s", text))
		case sqltext.Op:
			switch text {
			case ";":
				return bad("it is more than one expression")
			case "(", "[", "{":
				depth++
			case ")", "]", "}":
				depth--
			}
		}
		words++
		if depth < 0 {
			return bad("a bracket is closed that was not opened")
		}
	}
	switch {
	case words == 0:
		return bad("it is empty")
	case depth > 0:
		return bad("a bracket is not closed")
	}
	return nil
}

// differ is one Diff on its way.
type differ struct {
	*session
	memory
	o    DiffOptions
	a, b map[string]history.ModelRecord // by lower-cased name
	out  *DiffReport
	// unfit are errors of the condition; usable: it did fit a mart.
	unfit  error
	usable bool
	funcs  map[string]bool // unstable ones; nil: not asked yet
	unheld map[string]bool // those that read what no run holds
}

// side resolves one of the two specs.
func (d *differ) side(ctx context.Context, spec string) (map[string]history.ModelRecord, history.Run, error) {
	snap, err := d.resolve(ctx, spec)
	if err != nil {
		return nil, history.Run{}, err
	}
	run, err := d.run(ctx, snap.Run)
	if err != nil {
		return nil, run, err
	}
	records, err := d.reg.Records(ctx, d.conn, snap)
	if err != nil {
		return nil, run, err
	}
	out := map[string]history.ModelRecord{}
	for name, id := range snap.Marts {
		rec, ok := records[name]
		if !ok {
			rec = history.ModelRecord{RunID: id, Model: name, RowCount: -1} // says below that it cannot be read
		}
		out[strings.ToLower(name)] = rec
	}
	return out, run, nil
}

func (d *differ) all(ctx context.Context) error {
	names, err := d.picked(ctx)
	if err != nil {
		return err
	}
	if err := d.checkTolerance(names); err != nil {
		return err
	}
	for i, name := range names {
		a, inA := d.a[name]
		b, inB := d.b[name]
		if (!inA || a.Kind == "view") && (!inB || b.Kind == "view") {
			d.out.Views = append(d.out.Views, viewDiff(a, b, inA, inB))
			continue
		}
		m, err := d.mart(ctx, name, i+1, len(names))
		if err != nil {
			return err
		}
		if m != nil {
			d.out.Marts = append(d.out.Marts, *m)
		}
	}
	if d.unfit == nil || d.usable {
		return nil
	}
	return d.fitsNone()
}

// checkTolerance refuses a tolerance of a column that no mart has.
func (d *differ) checkTolerance(names []string) error {
	columns := map[string]bool{}
	for _, name := range names {
		for _, c := range slices.Concat(d.a[name].Layout.Columns, d.b[name].Layout.Columns) {
			columns[strings.ToLower(c.Name)] = true
		}
	}
	for _, c := range slices.Sorted(maps.Keys(d.o.ByColumn)) {
		if columns[c] {
			continue
		}
		e := &UsageError{Msg: fmt.Sprintf("--tolerance: no mart that is compared has a column %s", c)}
		if near := diag.Nearest(c, slices.Sorted(maps.Keys(columns))); near != "" {
			e.Advice = fmt.Sprintf("did you mean %s?", near)
		}
		return e
	}
	return nil
}

// fitsNone says that the condition, or the columns, are those of no mart.
func (d *differ) fitsNone() error {
	advice := "--select names the marts to compare"
	var h interface{ Hint() string }
	if errors.As(d.unfit, &h) && h.Hint() != "" {
		advice = h.Hint()
	}
	if errors.Is(d.unfit, diff.ErrNoColumn) {
		return &UsageError{Msg: "--columns: no mart has " + strings.Join(d.o.Columns, " or "), Advice: advice}
	}
	first, _, _ := strings.Cut(d.unfit.Error(), "\n")
	return &UsageError{Msg: "--where fits no mart: " + first, Advice: advice}
}

// picked are the lower-cased names of the models to compare.
func (d *differ) picked(ctx context.Context) ([]string, error) {
	both := maps.Clone(d.a)
	maps.Copy(both, d.b)
	all := slices.Sorted(maps.Keys(both))
	if len(d.o.Select) == 0 {
		return all, nil
	}
	want, err := d.r.martNames(ctx, d.o.Select)
	if err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(all, func(name string) bool {
		return !slices.ContainsFunc(want, func(w string) bool {
			ok, _ := path.Match(strings.ToLower(w), name)
			return ok || strings.EqualFold(w, name)
		})
	})
	if len(out) == 0 {
		e := &SelectionError{Unmatched: d.o.Select, Near: make([]string, len(d.o.Select)), Verb: "compare", What: "model of either run"}
		return nil, e
	}
	return out, nil
}

// martNames turns a selection into names and globs. Plain ones need no project,
// so that a diff works when its models do not compile.
func (r *Runner) martNames(ctx context.Context, words []string) ([]string, error) {
	plain := !slices.ContainsFunc(words, func(w string) bool { return strings.ContainsAny(w, "+@:, /.") })
	if plain {
		return words, nil
	}
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	p, failed, err := r.pick(ctx, g, wanted{include: words})
	if err != nil {
		return nil, err
	}
	var names []string
	for id := range p.models {
		names = append(names, g.Nodes[id].Name)
	}
	if len(names) == 0 && failed != nil {
		failed.Verb, failed.What = "compare", "model"
		return nil, failed
	}
	return names, nil
}

// mart compares one mart; nil if it is left out, because it has none of the
// wanted columns.
func (d *differ) mart(ctx context.Context, name string, i, n int) (*MartDiff, error) {
	a, inA := d.a[name]
	b, inB := d.b[name]
	m := &MartDiff{}
	m.Mart = b.Model
	if !inB {
		m.Mart = a.Model
	}
	d.r.event(Event{Kind: EventProgress, Index: i, Total: n, Run: d.out.B.ID, Message: "comparing " + m.Mart})
	var sides [2]*diff.Side
	for j, s := range []struct {
		in  bool
		rec history.ModelRecord
		run **history.Run
	}{{inA, a, &m.A}, {inB, b, &m.B}} {
		if !s.in {
			continue
		}
		run, err := d.run(ctx, s.rec.RunID)
		if err != nil {
			return nil, err
		}
		*s.run = &run
		sides[j] = &diff.Side{Record: s.rec, Name: fmt.Sprintf("r%d", run.Seq)}
		if s.rec.Kind == "view" {
			m.Refused = &diff.Error{Mart: m.Mart, Msg: fmt.Sprintf("it is a view in r%d, which has no rows of its own", run.Seq)}
		}
	}
	if m.Refused != nil {
		return m, nil
	}
	o := tolerating(b.Layout)
	o.Where, o.Columns, o.Limit = d.o.Where, d.o.Columns, d.o.Limit
	if d.o.Tolerance != nil {
		o.Tolerance, o.ByColumn = *d.o.Tolerance, map[string]diff.Tolerance{}
	}
	maps.Copy(o.ByColumn, d.o.ByColumn)
	res, err := diff.Mart(ctx, d.conn, sides[0], sides[1], o)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, diff.ErrNoColumn):
		d.unfit = err
		return nil, nil
	case err != nil && !ofThisMart(err):
		return nil, err
	case err != nil:
		if qe, ok := errors.AsType[*engine.QueryError](err); ok && d.o.Where != "" && qe.Kind != engine.KindMemory {
			d.unfit = err
		} else {
			d.usable = true
		}
		m.Refused = err
		return m, nil
	}
	d.usable = true
	m.Result = res
	if m.Different() && inA && inB {
		if err := d.learn(ctx); err != nil {
			return nil, err
		}
		m.Why, err = d.why(ctx, a, b, &m.Result)
	}
	return m, err
}

// ofThisMart reports that an error says nothing about other marts.
func ofThisMart(err error) bool {
	if _, ok := errors.AsType[*diff.Error](err); ok {
		return true
	}
	qe, ok := errors.AsType[*engine.QueryError](err)
	return ok && qe.Kind != engine.KindDiskFull && qe.Kind != engine.KindCancelled
}

func viewDiff(a, b history.ModelRecord, inA, inB bool) ViewDiff {
	v := ViewDiff{Name: b.Model}
	switch {
	case !inA:
		v.Change = "added"
	case !inB:
		v.Name, v.Change = a.Model, "removed"
	case a.CompiledSQL != b.CompiledSQL:
		v.Change, v.SQLDiff = "sql", unified(a.CompiledSQL, b.CompiledSQL)
	}
	return v
}

package runner

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/project"
)

// Restatement guards compare a run with what is live, before it is published:
// rows of a closed period must stay as they are, and a mart may change only so
// much. They are kept with the run's record of the mart, so that publishing it
// later asks them again, also when the project does not compile.

// Restatement is what a guard found: a mart would change what was closed, or
// more than it may.
type Restatement struct {
	Mart  string
	Guard string // "closed", "max_change"
	What  string // "3 rows of the closed period differ (order_month < …)"
	Rows  int64
	Lines []string // the first rows, or the sums
}

// RestatedError says that guards keep a run from being published.
type RestatedError struct {
	Run   history.Run
	Found []Restatement
}

func (e *RestatedError) Error() string {
	var parts []string
	for _, f := range e.Found {
		parts = append(parts, fmt.Sprintf("%s: %s", f.Mart, f.What))
	}
	return fmt.Sprintf("r%d would restate what was published: %s", e.Run.Seq, strings.Join(parts, "; "))
}

func (e *RestatedError) Hint() string {
	var accept []string
	for _, m := range restatedMarts(e.Found) {
		accept = append(accept, "--accept "+m)
	}
	return fmt.Sprintf("mend it and build again, or record the restatement: warehouse publish r%d %s --reason TEXT", e.Run.Seq, strings.Join(accept, " "))
}

func restatedMarts(found []Restatement) []string {
	seen := map[string]bool{}
	for _, f := range found {
		seen[f.Mart] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// asOf is `{{ as_of }}` in a closed predicate: when the live run began.
var asOf = regexp.MustCompile(`\{\{-?\s*as_of\s*-?\}\}`)

// asOfMark stands for it in a predicate that is otherwise rendered.
const asOfMark = "/*as_of*/"

var clock = regexp.MustCompile(`(?i)\b(now|today|get_current_timestamp)\s*\(|\bcurrent_(date|timestamp|time)\b|\blocaltime(stamp)?\b`)

// guardsOf renders a model's guards for its record; nil if it has none.
func (b *build) guardsOf(ctx context.Context, n *compile.Node) (*history.Guards, error) {
	c := n.Config
	if c.Closed == "" && c.MaxChange == nil {
		return nil, nil
	}
	g := &history.Guards{}
	if c.Closed != "" {
		rendered, err := b.g.RenderText(ctx, asOf.ReplaceAllString(c.Closed, asOfMark), b.binder)
		if err != nil {
			return nil, &diag.Error{Pos: diag.Pos{File: n.File}, Msg: fmt.Sprintf("closed of %s: %s", n.Name, err), Err: err}
		}
		g.Closed = rendered.Stored
		if err := checkExpression(g.Closed); err != nil {
			return nil, &diag.Error{Pos: diag.Pos{File: n.File}, Msg: fmt.Sprintf("closed of %s is not one condition: %s", n.Name, g.Closed), Err: err,
				Advice: "write it as in closed: \"order_month < date_trunc('month', {{ as_of }})\""}
		}
		if clock.MatchString(g.Closed) {
			b.r.warn(&diag.Error{Pos: diag.Pos{File: n.File}, Warn: true, Msg: fmt.Sprintf("closed of %s asks the clock: what was open when the live run began counts as closed later", n.Name),
				Advice: "compare with {{ as_of }}, which is when the live run began: closed: \"order_month < date_trunc('month', {{ as_of }})\""})
		}
	}
	if m := c.MaxChange; m != nil {
		g.MaxChange = map[string]history.Bound{}
		for key, bound := range map[string]*history.Bound{"rows_added": boundOf(m.RowsAdded), "rows_removed": boundOf(m.RowsRemoved), "rows_changed": boundOf(m.RowsChanged)} {
			if bound != nil {
				g.MaxChange[key] = *bound
			}
		}
		for col, bound := range m.Sum {
			g.MaxChange["sum "+col] = history.Bound{Value: bound.Value, Percent: bound.Percent}
		}
	}
	return g, nil
}

// guard holds one mart against its live run.
func (s *session) guard(ctx context.Context, live, now history.ModelRecord, began time.Time) ([]Restatement, error) {
	g := now.Layout.Guards
	if g == nil || live.DataRunID == now.DataRunID {
		return nil, nil
	}
	a, b := &diff.Side{Record: live, Name: "live"}, &diff.Side{Record: now, Name: "new"}
	var out []Restatement
	if g.Closed != "" {
		where := strings.ReplaceAll(g.Closed, asOfMark, s.dialect().TimeLiteral(began))
		r, err := diff.Mart(ctx, s.conn, a, b, diff.Options{Where: where, Limit: 5, FloatTolerance: now.Layout.FloatTolerance})
		if err != nil {
			return nil, fmt.Errorf("guard closed of %s: %w", now.Model, err)
		}
		if n := r.Added + r.Removed + r.Changed - r.RoundingOnly; n > 0 {
			out = append(out, Restatement{Mart: now.Model, Guard: "closed", Rows: n, Lines: sampleLines(r),
				What: fmt.Sprintf("%s of a closed period differ: %d added, %d removed, %d changed (closed: %s)", rowsText(n), r.Added, r.Removed, r.Changed-r.RoundingOnly, where)})
		}
	}
	if len(g.MaxChange) == 0 {
		return out, nil
	}
	r, err := diff.Mart(ctx, s.conn, a, b, diff.Options{FloatTolerance: now.Layout.FloatTolerance})
	if err != nil {
		return nil, fmt.Errorf("guard max_change of %s: %w", now.Model, err)
	}
	for _, key := range slices.Sorted(maps.Keys(g.MaxChange)) {
		f, err := s.bounded(ctx, live, now, key, g.MaxChange[key], r)
		if err != nil {
			return nil, err
		}
		out = append(out, f...)
	}
	return out, nil
}

// Guard is a restatement guard in words.
type Guard struct{ Name, Bound string } // "max_change rows_added", "10%"

// GuardsOf lists the guards that a mart had in a run, closed first.
func GuardsOf(l history.Layout) []Guard {
	if l.Guards == nil {
		return nil
	}
	var out []Guard
	if c := l.Guards.Closed; c != "" {
		out = append(out, Guard{"closed", strings.ReplaceAll(c, asOfMark, "{{ as_of }}")})
	}
	for _, key := range slices.Sorted(maps.Keys(l.Guards.MaxChange)) {
		out = append(out, Guard{"max_change " + key, "at most " + boundText(l.Guards.MaxChange[key])})
	}
	return out
}

func boundOf(b *project.Bound) *history.Bound {
	if b == nil {
		return nil
	}
	return &history.Bound{Value: b.Value, Percent: b.Percent}
}

// bounded holds one number of a comparison against its bound.
func (s *session) bounded(ctx context.Context, live, now history.ModelRecord, key string, bound history.Bound, r diff.Result) ([]Restatement, error) {
	found := func(n int64, format string, args ...any) []Restatement {
		return []Restatement{{Mart: now.Model, Guard: "max_change", Rows: n, What: fmt.Sprintf(format, args...)}}
	}
	if col, ok := strings.CutPrefix(key, "sum "); ok {
		before, err := s.sum(ctx, live, col)
		if err != nil {
			return nil, err
		}
		after, err := s.sum(ctx, now, col)
		if err != nil {
			return nil, err
		}
		most := bound.Value
		if bound.Percent {
			most = math.Abs(before) * bound.Value / 100
		}
		if d := math.Abs(after - before); d > most*(1+diff.DefaultFloatTolerance) || math.IsNaN(d) {
			return found(0, "the sum of %s goes from %v to %v, which is more than %s", col, before, after, boundText(bound)), nil
		}
		return nil, nil
	}
	n := map[string]int64{"rows_added": r.Added, "rows_removed": r.Removed, "rows_changed": r.Changed - r.RoundingOnly}[key]
	most := bound.Value
	if bound.Percent {
		most = float64(r.RowsA) * bound.Value / 100
	}
	if float64(n) > most {
		return found(n, "%s %s, of %d that are live; at most %s", rowsText(n), strings.TrimPrefix(key, "rows_"), r.RowsA, boundText(bound)), nil
	}
	return nil, nil
}

func boundText(b history.Bound) string {
	if b.Percent {
		return fmt.Sprintf("%v%%", b.Value)
	}
	return fmt.Sprint(b.Value)
}

func rowsText(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// sum adds up a column of a run of a mart; 0 of no rows.
func (s *session) sum(ctx context.Context, rec history.ModelRecord, column string) (float64, error) {
	physical := ""
	for _, c := range rec.Layout.Columns {
		if strings.EqualFold(c.Name, column) {
			physical = c.Physical
		}
	}
	if physical == "" {
		return 0, &UsageError{Msg: fmt.Sprintf("max_change of %s sums %s, which is no column of it", rec.Model, column), Advice: "mend max_change in the model's config"}
	}
	d := s.dialect()
	table := engine.Relation{Database: d.Catalog(), Schema: rec.Layout.Schema, Name: rec.Layout.Table}
	var sum float64
	err := s.conn.QueryRow(ctx, fmt.Sprintf("SELECT coalesce(CAST(sum(%s) AS DOUBLE), 0) FROM %s WHERE %s = %s", engine.Ident(physical), table,
		engine.Ident(rec.Layout.RunColumn), d.RunLiteral(rec.DataRunID)), nil, &sum)
	return sum, err
}

// sampleLines are a comparison's first rows, one line each.
func sampleLines(r diff.Result) []string {
	text := func(v *string) string {
		if v == nil {
			return "NULL"
		}
		return *v
	}
	var out []string
	for _, s := range r.Samples {
		line := s.Kind
		for i, k := range s.Key {
			if i < len(r.Key) {
				line += fmt.Sprintf(" %s=%s", r.Key[i], text(k))
			}
		}
		for _, c := range s.Cells {
			switch s.Kind {
			case diff.Added:
				line += fmt.Sprintf(" %s: %s", c.Column, text(c.New))
			case diff.Removed:
				line += fmt.Sprintf(" %s: %s", c.Column, text(c.Old))
			default:
				line += fmt.Sprintf(" %s: %s -> %s", c.Column, text(c.Old), text(c.New))
			}
		}
		out = append(out, line)
	}
	return out
}

// guardAll holds what a run built against what is live.
func (s *session) guardAll(ctx context.Context, live, now map[string]history.ModelRecord) ([]Restatement, error) {
	var out []Restatement
	began := map[string]time.Time{}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		was, published := live[name]
		rec := now[name]
		if rec.Layout.Guards == nil {
			continue
		}
		if !published || was.Kind == "view" {
			s.r.event(Event{Kind: EventLog, Run: rec.RunID, Message: fmt.Sprintf("%s has guards, and no published run yet: they pass", name)})
			continue
		}
		if began[was.RunID].IsZero() {
			run, err := s.reg.Run(ctx, s.conn, was.RunID)
			if err != nil {
				return nil, err
			}
			began[was.RunID] = run.StartedAt
		}
		found, err := s.guard(ctx, was, rec, began[was.RunID])
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

package mart

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"warehouse/runner/engine"
)

// ColumnProfile sums up one column of one run.
type ColumnProfile struct {
	Name, Type string
	Rows       int64 // of the run
	Nulls      int64
	Distinct   int64    // different values, approximately of a run of more than a million rows; -1: the engine does not count such
	Min, Max   *string  // nil: there is none
	Mean, SD   *float64 // of numbers, and the share of true; nil: there is none
}

const (
	profiledAtOnce = 50        // columns that one scan sums up
	countedExactly = 1_000_000 // rows in which different values are remembered one by one
)

// Profile reads a run's rows, which are so many, and sums up each column. Where
// the engine cannot, it is errors.ErrUnsupported.
func Profile(ctx context.Context, c *engine.Conn, table engine.Relation, runColumn string, columns []Column, runID string, rows int64) ([]ColumnProfile, error) {
	p, ok := c.DB().Dialect().(engine.Profiler)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	of := from(c.DB().Dialect(), table, runColumn, runID)
	var out []ColumnProfile
	for len(columns) > 0 {
		n := min(len(columns), profiledAtOnce)
		some, err := profile(ctx, c, p, of, columns[:n], rows <= countedExactly, true)
		if qe, is := errors.AsType[*engine.QueryError](err); is && qe.Kind == engine.KindRuntime {
			// Values so far apart that their squares are no numbers.
			some, err = profile(ctx, c, p, of, columns[:n], rows <= countedExactly, false)
		}
		if err != nil {
			return nil, err
		}
		out, columns = append(out, some...), columns[n:]
	}
	return out, nil
}

// profile is one scan; exact and sd say how different values are counted, and
// whether deviations are asked for.
func profile(ctx context.Context, c *engine.Conn, p engine.Profiler, of string, columns []Column, exact, sd bool) ([]ColumnProfile, error) {
	out := make([]ColumnProfile, len(columns))
	var rows int64
	exprs, dest := []string{"count(*)"}, []any{&rows}
	ask := func(expr string, into any) {
		if expr != "" {
			exprs, dest = append(exprs, expr), append(dest, into)
		}
	}
	for i, col := range columns {
		out[i] = ColumnProfile{Name: col.Name, Type: col.Type, Distinct: -1}
		ask(fmt.Sprintf("count(*) FILTER (WHERE %s IS NULL)", engine.Ident(col.Physical)), &out[i].Nulls)
		a := p.ProfileColumn(engine.Column{Name: col.Physical, Type: col.Type})
		if exact && a.Distinct != "" {
			a.Distinct = fmt.Sprintf("count(DISTINCT %s)", engine.Ident(col.Physical))
		}
		ask(a.Distinct, &out[i].Distinct)
		ask(a.Min, &out[i].Min)
		ask(a.Max, &out[i].Max)
		ask(a.Mean, &out[i].Mean)
		if sd {
			ask(a.SD, &out[i].SD)
		}
	}
	q := "SELECT " + strings.Join(exprs, ",\n  ") + "\n" + of
	if err := c.QueryRow(ctx, q, nil, dest...); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Rows = rows
		// The approximation may say more values than there are rows.
		out[i].Distinct = min(out[i].Distinct, rows-out[i].Nulls)
		if out[i].Mean != nil && math.IsInf(*out[i].Mean, 0) { // their sum is no number
			out[i].Mean, out[i].SD = nil, nil
		}
	}
	return out, nil
}

package diff

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/mart"
)

// ErrNoColumn: none of Options.Columns is in the mart.
var ErrNoColumn = errors.New("no such column")

// Mart compares two runs of a mart; of one that only one side has, the other
// is nil. What can be said of this mart alone is an *Error; a condition that
// does not fit it is the engine's *engine.QueryError.
//
// It needs a session of its own, as it makes a temporary table, and leaves
// none.
func Mart(ctx context.Context, c *engine.Conn, a, b *Side, o Options) (Result, error) {
	var err error
	if o.in, err = langOf(c.DB().Dialect()); err != nil {
		return Result{}, err
	}
	for _, s := range []*Side{a, b} {
		if err := s.readable(); err != nil {
			return Result{}, err
		}
	}
	if a == nil || b == nil {
		return oneSided(ctx, c, a, b, o)
	}
	both, r := align(a.Record.Layout.Columns, b.Record.Layout.Columns, o)
	r.Mart = b.Record.Model
	m := &comparison{c: c, a: a, b: b, o: o, both: both, r: &r}
	return r, m.run(ctx)
}

// readable says why a side's rows cannot be read.
func (s *Side) readable() error {
	switch {
	case s == nil, s.Rows.Name != "":
		return nil
	case s.Record.Status == "pruned":
		return &Error{Mart: s.Record.Model, Msg: fmt.Sprintf("its rows of %s were pruned", s.Name)}
	case s.Record.Layout.Table == "" || s.Record.Layout.RunColumn == "":
		return &Error{Mart: s.Record.Model, Msg: fmt.Sprintf("the register does not say where %s stored it", s.Name)}
	}
	return nil
}

func oneSided(ctx context.Context, c *engine.Conn, a, b *Side, o Options) (Result, error) {
	there := a
	if a == nil {
		there = b
	}
	r := Result{Mart: there.Record.Model, Key: keyOf(there.Record.Layout)}
	var names []string
	for _, col := range there.Record.Layout.Columns {
		names = append(names, col.Name)
	}
	if err := anyOf(r.Mart, names, o.Columns); err != nil {
		return r, err
	}
	n := there.Record.RowCount
	if o.Where != "" || n < 0 {
		if err := c.QueryRow(ctx, there.source(c.DB().Dialect(), o.Where).count(), nil, &n); err != nil {
			return r, err
		}
	}
	if a == nil {
		r.RowsB, r.Added = n, n
	} else {
		r.RowsA, r.Removed = n, n
	}
	return r, nil
}

// comparison is one Mart on its way.
type comparison struct {
	c    *engine.Conn
	a, b *Side
	o    Options
	both []column
	r    *Result
}

func (m *comparison) run(ctx context.Context) (err error) {
	key, err := m.key(ctx)
	if err != nil {
		return err
	}
	m.r.Key = key
	columns, err := choose(m.r, m.both, m.o.Columns)
	if err != nil {
		return err
	}
	d := m.c.DB().Dialect()
	from, to := m.a.source(d, m.o.Where), m.b.source(d, m.o.Where)
	if m.same() {
		return m.unchanged(ctx, to, columns)
	}
	if err := m.count(ctx, from, &m.r.RowsA); err != nil {
		return err
	}
	if err := m.count(ctx, to, &m.r.RowsB); err != nil {
		return err
	}
	if len(columns) == 0 {
		m.r.Removed, m.r.Added = m.r.RowsA, m.r.RowsB
		m.note("the two sides have no column in common")
		return nil
	}
	if m.o.in.temporary() {
		defer func() {
			_, derr := m.c.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+differing)
			err = errors.Join(err, derr)
		}()
	}
	if len(key) > 0 {
		keys, values := split(columns, key)
		return m.keyed(ctx, keyed{from, to, keys, values, m.o.in})
	}
	return m.bag(ctx, bag{from, to, columns, m.o.in})
}

// keep makes the temporary table of the rows that differ, where there can be
// one.
func (m *comparison) keep(ctx context.Context, rows string) error {
	if !m.o.in.temporary() {
		return nil
	}
	_, err := m.c.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+differing+" AS\n"+rows)
	return err
}

func (m *comparison) note(format string, args ...any) {
	m.r.Notes = append(m.r.Notes, fmt.Sprintf(format, args...))
}

// key finds the key that tells rows apart on both sides; none if there is
// none. A key that was not verified when a side was written, because it was
// declared later, is verified now.
func (m *comparison) key(ctx context.Context) ([]string, error) {
	all, notes := candidates(m.a.Record.Layout, m.b.Record.Layout, m.both)
	for _, cand := range all {
		keys, _ := split(m.both, cand.key)
		var ca, cb []mart.Column
		for _, k := range keys {
			ca, cb = append(ca, k.a), append(cb, k.b)
		}
		if m.same() {
			return cand.key, nil // nothing will be joined by it
		}
		bad := ""
		for _, s := range []struct {
			side     *Side
			verified bool
			columns  []mart.Column
		}{{m.a, cand.verifiedA, ca}, {m.b, cand.verifiedB, cb}} {
			if s.verified || bad != "" {
				continue
			}
			var n int64
			if err := m.c.QueryRow(ctx, s.side.source(m.c.DB().Dialect(), "").repeated(s.columns), nil, &n); err != nil {
				return nil, err
			}
			if n > 0 {
				bad = s.side.Name
			}
		}
		if bad == "" {
			return cand.key, nil
		}
		notes = append(notes, fmt.Sprintf("the key (%s) is not used: %s has rows with one key", strings.Join(cand.key, ", "), bad))
	}
	if len(notes) > 0 {
		m.r.Notes = append(m.r.Notes, notes...)
		m.note("compared as multisets")
	}
	return nil, nil
}

// same reports that the rows of both sides are equal without reading them: the
// columns are, and the checksums over them.
func (m *comparison) same() bool {
	a, b := m.a.Record, m.b.Record
	equal := len(a.Layout.Columns) == len(b.Layout.Columns) && len(a.Layout.Columns) == len(m.both) &&
		!slices.ContainsFunc(m.both, func(c column) bool { return c.a.Type != c.b.Type })
	if !equal || a.RowCount != b.RowCount || a.RowCount < 0 {
		return false
	}
	if a.Layout.Table == b.Layout.Table && a.Layout.Schema == b.Layout.Schema && m.a.runID() == m.b.runID() {
		return true
	}
	return a.Checksum != "" && a.Checksum == b.Checksum && a.ChecksumScheme != "" && a.ChecksumScheme == b.ChecksumScheme
}

// unchanged fills in the result of equal sides.
func (m *comparison) unchanged(ctx context.Context, rows source, columns []column) error {
	n := m.b.Record.RowCount
	if m.o.Where != "" {
		if err := m.count(ctx, rows, &n); err != nil {
			return err
		}
	}
	m.r.RowsA, m.r.RowsB, m.r.Unchanged = n, n, n
	if len(m.r.Key) > 0 {
		_, values := split(columns, m.r.Key)
		m.r.Columns = results(values)
	}
	return nil
}

func (m *comparison) count(ctx context.Context, rows source, n *int64) error {
	return m.c.QueryRow(ctx, rows.count(), nil, n)
}

func results(values []column) []ColumnResult {
	out := make([]ColumnResult, len(values))
	for i, c := range values {
		out[i] = ColumnResult{Name: c.name, Type: c.common.as}
	}
	return out
}

func (m *comparison) keyed(ctx context.Context, k keyed) error {
	if err := m.keep(ctx, k.rows()); err != nil {
		return err
	}
	r := m.r
	m.noteTolerance(k)
	r.Columns = results(k.values)
	dest := []any{&r.Removed, &r.Added, &r.Changed, &r.RoundingOnly}
	for i := range r.Columns {
		col := &r.Columns[i]
		dest = append(dest, &col.Changed, &col.NullToValue, &col.ValueToNull)
	}
	if err := m.c.QueryRow(ctx, k.counts(), nil, dest...); err != nil {
		return err
	}
	r.Unchanged = r.RowsB - r.Added - r.Changed
	if r.RowsA-r.Removed-r.Changed != r.Unchanged || r.Unchanged < 0 {
		return &Error{Mart: r.Mart, Msg: fmt.Sprintf("its key (%s) does not tell its rows apart", strings.Join(r.Key, ", ")),
			Advice: "`warehouse verify` finds what was changed since it was written"}
	}
	if m.o.Limit == 0 || !r.RowsDiffer() {
		return nil
	}
	return k.show(ctx, m.c, r, m.o.Limit)
}

// noteTolerance says what counted as equal, and where a tolerance that was asked
// for could not be used.
func (m *comparison) noteTolerance(k keyed) {
	var within []string
	all := false
	for _, c := range k.values {
		own, named := m.o.ByColumn[fold(c.name)]
		switch {
		case !c.ta.number() || !c.tb.number():
			if named && !own.none() {
				m.note("no tolerance is used for %s: %s is compared exactly", c.name, c.common.as)
			}
		case named && !own.none():
			within = append(within, fmt.Sprintf("of %s that differ by at most %s", c.name, own))
		case !named:
			all = true
		}
	}
	for _, c := range k.keys {
		if own, named := m.o.ByColumn[fold(c.name)]; named && !own.none() {
			m.note("no tolerance is used for %s: it is part of the key", c.name)
		}
	}
	if all && !m.o.Tolerance.none() {
		within = append([]string{fmt.Sprintf("that differ by at most %s", m.o.Tolerance)}, within...)
	}
	if len(within) > 0 {
		m.note("numbers count as equal: those %s", strings.Join(within, ", those "))
	}
}

func (m *comparison) bag(ctx context.Context, g bag) error {
	if !m.o.Tolerance.none() || len(m.o.ByColumn) > 0 {
		m.note("without a key, rows are compared exactly: no tolerance is used")
	}
	if err := m.keep(ctx, g.rows()); err != nil {
		return err
	}
	r := m.r
	if err := m.c.QueryRow(ctx, g.counts(), nil, &r.Removed, &r.Added); err != nil {
		return err
	}
	r.Unchanged = r.RowsB - r.Added
	if m.o.Limit == 0 || !r.RowsDiffer() {
		return nil
	}
	return g.show(ctx, m.c, r, m.o.Limit)
}

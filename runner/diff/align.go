package diff

import (
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// column is one column that both sides have.
type column struct {
	name     string // as b spells it
	a, b     mart.Column
	ta, tb   typ
	common   common
	tol      Tolerance
	rounding float64 // relative difference that is rounding; 0 for all but floats
}

func fold(name string) string { return strings.ToLower(name) }

func byName(columns []mart.Column, name string) (mart.Column, bool) {
	i := slices.IndexFunc(columns, func(c mart.Column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return mart.Column{}, false
	}
	return columns[i], true
}

// align matches the columns of two runs by name, without case, in the order of
// b, and says what is on one side only.
func align(a, b []mart.Column, o Options) (both []column, r Result) {
	for _, cb := range b {
		ca, ok := byName(a, cb.Name)
		if !ok {
			r.ColumnsAdded = append(r.ColumnsAdded, cb.Name)
			continue
		}
		c := column{name: cb.Name, a: ca, b: cb, ta: o.in.parse(ca.Type), tb: o.in.parse(cb.Type), tol: o.Tolerance}
		c.common = unify(c.ta, c.tb)
		if t, ok := o.ByColumn[fold(cb.Name)]; ok {
			c.tol = t
		}
		if c.ta.number() && c.tb.number() && (c.ta.float() || c.tb.float()) {
			c.rounding = DefaultFloatTolerance
			if o.FloatTolerance != nil {
				c.rounding = *o.FloatTolerance
			}
		}
		if ca.Type != cb.Type {
			r.ColumnsRetyped = append(r.ColumnsRetyped, Retyped{cb.Name, ca.Type, cb.Type, c.common.as})
		}
		both = append(both, c)
	}
	for _, ca := range a {
		if _, ok := byName(b, ca.Name); !ok {
			r.ColumnsRemoved = append(r.ColumnsRemoved, ca.Name)
		}
	}
	return both, r
}

// chosen reports whether a column is to be compared; without a choice, all are.
func chosen(name string, only []string) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(n string) bool { return strings.EqualFold(n, name) })
}

// choose keeps the columns that were asked for, and the key, and of the changes
// of columns those that were asked for.
func choose(r *Result, both []column, only []string) ([]column, error) {
	if len(only) == 0 {
		return both, nil
	}
	var names []string
	for _, c := range both {
		names = append(names, c.name)
	}
	if err := anyOf(r.Mart, names, only); err != nil {
		return nil, err
	}
	unwanted := func(name string) bool { return !chosen(name, only) }
	r.ColumnsAdded = slices.DeleteFunc(r.ColumnsAdded, unwanted)
	r.ColumnsRemoved = slices.DeleteFunc(r.ColumnsRemoved, unwanted)
	r.ColumnsRetyped = slices.DeleteFunc(r.ColumnsRetyped, func(c Retyped) bool { return unwanted(c.Name) })
	return slices.DeleteFunc(slices.Clone(both), func(c column) bool {
		return unwanted(c.name) && !inKey(c.name, r.Key)
	}), nil
}

func inKey(name string, key []string) bool {
	return slices.ContainsFunc(key, func(k string) bool { return strings.EqualFold(k, name) })
}

// anyOf is ErrNoColumn if none of the wanted columns is among names.
func anyOf(mart string, names, only []string) error {
	if len(only) == 0 || slices.ContainsFunc(names, func(n string) bool { return chosen(n, only) }) {
		return nil
	}
	e := &Error{Mart: mart, Msg: fmt.Sprintf("it has no column %s", strings.Join(only, ", ")), Err: ErrNoColumn}
	if near := diag.Nearest(only[0], names); near != "" {
		e.Advice = fmt.Sprintf("did you mean %s?", near)
	}
	return e
}

// candidate is a key that may be used, and on which sides it was verified when
// the rows were written.
type candidate struct {
	key                  []string
	verifiedA, verifiedB bool
}

// candidates are the key of b and then that of a, as far as both sides have
// its columns.
func candidates(a, b history.Layout, both []column) (out []candidate, notes []string) {
	ka, kb := keyOf(a), keyOf(b)
	for i, k := range [][]string{kb, ka} {
		if len(k) == 0 || i == 1 && sameNames(ka, kb) {
			continue
		}
		missing := slices.IndexFunc(k, func(name string) bool {
			return !slices.ContainsFunc(both, func(c column) bool { return strings.EqualFold(c.name, name) })
		})
		if missing >= 0 {
			notes = append(notes, fmt.Sprintf("the key (%s) is not used: only one side has %s", strings.Join(k, ", "), k[missing]))
			continue
		}
		out = append(out, candidate{k, sameNames(k, ka), sameNames(k, kb)})
	}
	return out, notes
}

// keyOf is a layout's key without the run id, or else the unique_key that was
// verified.
func keyOf(l history.Layout) []string {
	var out []string
	for _, k := range l.Key {
		if !strings.EqualFold(k, l.RunColumn) {
			out = append(out, k)
		}
	}
	if len(out) == 0 {
		return l.Unique
	}
	return out
}

func sameNames(a, b []string) bool {
	fa, fb := make([]string, len(a)), make([]string, len(b))
	for i := range a {
		fa[i] = fold(a[i])
	}
	for i := range b {
		fb[i] = fold(b[i])
	}
	slices.Sort(fa)
	slices.Sort(fb)
	return slices.Equal(fa, fb)
}

// split parts the columns into those of the key, in its order, and the others.
func split(both []column, key []string) (keys, values []column) {
	for _, k := range key {
		i := slices.IndexFunc(both, func(c column) bool { return strings.EqualFold(c.name, k) })
		keys = append(keys, both[i])
	}
	for _, c := range both {
		if !inKey(c.name, key) {
			values = append(values, c)
		}
	}
	return keys, values
}

package diff

import (
	"fmt"
	"strings"

	"warehouse/runner/mart"
)

// keyed compares two runs whose rows are told apart by a key.
type keyed struct {
	a, b         source
	keys, values []column
	in           lang
}

// differ is true where the values of a column differ: x and y are the names of
// the columns that hold them.
func (c column) differ(x, y string) string {
	d := fmt.Sprintf("%s IS DISTINCT FROM %s", c.common.a(x), c.common.b(y))
	if c.tol.none() || !c.ta.number() || !c.tb.number() {
		return d
	}
	return fmt.Sprintf("(%s AND NOT %s)", d, c.within(x, y, c.tol.Absolute, c.tol.Relative))
}

// within is true where two numbers differ by no more than a tolerance. An
// infinity is near nothing.
func (c column) within(x, y string, absolute, relative float64) string {
	x, y = cast("DOUBLE")(x), cast("DOUBLE")(y)
	finite := c.ta.in.finite()
	var parts []string
	if absolute > 0 {
		parts = append(parts, fmt.Sprintf("abs(%s - %s) <= CAST(%v AS DOUBLE)", x, y, absolute))
	}
	if relative > 0 {
		parts = append(parts, fmt.Sprintf("abs(%[1]s - %[2]s) <= CAST(%[3]v AS DOUBLE) * greatest(abs(%[1]s), abs(%[2]s))", x, y, relative))
	}
	return fmt.Sprintf("coalesce(%[1]s(%[2]s) AND %[1]s(%[3]s) AND (%[4]s), false)", finite, x, y, strings.Join(parts, " OR "))
}

// byRounding is true where two floats differ by rounding only.
func (c column) byRounding(x, y string) string { return c.within(x, y, 0, c.rounding) }

// rows are the rows that differ: one join on the key. here tells a row that is
// not there from one that is NULL everywhere.
func (k keyed) rows() string {
	var list, on, where []string
	for i, c := range k.keys {
		list = append(list, fmt.Sprintf("a.%s, b.%s", ka(i), kb(i)))
		on = append(on, k.in.same(c.common.as, c.common.a("a."+ka(i)), c.common.b("b."+kb(i))))
	}
	where = append(where, "a.here IS NULL", "b.here IS NULL")
	for i, c := range k.values {
		list = append(list, fmt.Sprintf("a.%s, b.%s", va(i), vb(i)))
		where = append(where, c.differ("a."+va(i), "b."+vb(i)))
	}
	return fmt.Sprintf("SELECT a.here AS in_a, b.here AS in_b, %s\nFROM (%s) AS a\nFULL JOIN (%s) AS b\n  ON %s\nWHERE %s",
		strings.Join(list, ", "),
		k.side(k.a, ka, va, func(c column) mart.Column { return c.a }),
		k.side(k.b, kb, vb, func(c column) mart.Column { return c.b }),
		strings.Join(on, "\n AND "), strings.Join(where, "\n   OR "))
}

func (k keyed) side(s source, key, value func(int) string, of func(column) mart.Column) string {
	from, expr := s.from()
	list := []string{"true AS here"}
	for i, c := range k.keys {
		list = append(list, expr(of(c))+" AS "+key(i))
	}
	for i, c := range k.values {
		list = append(list, expr(of(c))+" AS "+value(i))
	}
	return "SELECT " + strings.Join(list, ", ") + " " + from
}

// counts is a query of one row over the table: removed, added, changed, by
// rounding only; then for each value column changed, NULL to value, value to
// NULL.
func (k keyed) counts() string {
	when := func(cond string) string { return fmt.Sprintf("count(*) FILTER (WHERE %s)", cond) }
	list := []string{when("in_b IS NULL"), when("in_a IS NULL"), when("in_a AND in_b"), when(k.rounded())}
	for i, c := range k.values {
		d := "in_a AND in_b AND " + c.differ(va(i), vb(i))
		list = append(list, when(d), when(d+" AND "+va(i)+" IS NULL"), when(d+" AND "+vb(i)+" IS NULL"))
	}
	return "SELECT " + strings.Join(list, ",\n  ") + "\nFROM " + k.from()
}

// from is where the queries read the rows that differ.
func (k keyed) from() string { return k.in.from(k.rows) }

// rounded is true for rows that differ in floats alone, and there by rounding.
func (k keyed) rounded() string {
	parts := []string{"in_a AND in_b"}
	any := false
	for i, c := range k.values {
		x, y := va(i), vb(i)
		if c.rounding == 0 {
			parts = append(parts, "NOT ("+c.differ(x, y)+")")
			continue
		}
		any = true
		parts = append(parts, fmt.Sprintf("(NOT (%s) OR %s)", c.differ(x, y), c.byRounding(x, y)))
	}
	if !any {
		return "false"
	}
	return strings.Join(parts, " AND ")
}

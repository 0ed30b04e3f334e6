package diff

import (
	"context"
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

// mostText is how many characters of a value are shown.
const mostText = 1000

// shown is a value as text, cut if it is very long.
func shown(t typ, x string) string {
	text := show(t)(x)
	switch t.base {
	case "VARCHAR", "JSON", "BLOB", "BIT", "LIST", "ARRAY", "STRUCT", "MAP":
		return fmt.Sprintf("CASE WHEN length(%[1]s) > %[2]d THEN substr(%[1]s, 1, %[2]d) || '…' ELSE %[1]s END", text, mostText)
	}
	return text
}

// keyText are the key's columns as text, from the side that has the row, and
// the order by them.
func (k keyed) keyText() (list, order []string) {
	for i, c := range k.keys {
		list = append(list, fmt.Sprintf("CASE WHEN in_b THEN %s ELSE %s END", shown(c.tb, kb(i)), shown(c.ta, ka(i))))
		order = append(order, fmt.Sprintf("CASE WHEN in_b THEN %s ELSE %s END", c.common.b(kb(i)), c.common.a(ka(i))))
	}
	return list, order
}

// sample is a query for the first rows of a kind: the key, and for each value
// column whether it is to be shown, the old and the new value.
func (k keyed) sample(kind string, limit int) string {
	list, order := k.keyText()
	where := map[string]string{Removed: "in_b IS NULL", Added: "in_a IS NULL", Changed: "in_a AND in_b"}[kind]
	for i, c := range k.values {
		is := "true"
		if kind == Changed {
			is = c.differ(va(i), vb(i))
		}
		list = append(list, is, shown(c.ta, va(i)), shown(c.tb, vb(i)))
	}
	return fmt.Sprintf("SELECT %s\nFROM %s\nWHERE %s\nORDER BY %s\nLIMIT %d", strings.Join(list, ",\n  "), k.from(), where, strings.Join(order, ", "), limit)
}

// movers is a query for the rows in which a column moved most: the key, old,
// new and delta; "" if the column is no number.
func (k keyed) movers(i, limit int) string {
	c := k.values[i]
	d := delta(c.ta, c.tb, va(i), vb(i))
	if d == "" {
		return ""
	}
	list, order := k.keyText()
	list = append(list, shown(c.ta, va(i)), shown(c.tb, vb(i)), cast("VARCHAR")(d))
	// What moves from or to NULL or NaN moves by no number.
	return fmt.Sprintf("SELECT %s\nFROM %s\nWHERE in_a AND in_b AND %s AND %s(CAST(%s AS DOUBLE))\nORDER BY abs(%s) DESC, %s\nLIMIT %d",
		strings.Join(list, ", "), k.from(), c.differ(va(i), vb(i)), k.in.finite(), d, d, strings.Join(order, ", "), limit)
}

// sample is a query for rows that are there more often on one side: how many
// more, then the values. The most frequent come first.
func (g bag) sample(kind string, limit int) string {
	n := map[string]string{Removed: "na - nb", Added: "nb - na"}[kind]
	list, order := []string{fmt.Sprintf("CAST(%s AS BIGINT)", n)}, []string{n + " DESC"}
	for i, c := range g.columns {
		t := c.tb
		if c.ta.text != c.tb.text {
			t = g.in.parse(c.common.as) // the values are in their common form
		}
		list = append(list, shown(t, va(i)))
		order = append(order, g.in.ordered(t, va(i)))
	}
	return fmt.Sprintf("SELECT %s\nFROM %s\nWHERE %s > 0\nORDER BY %s\nLIMIT %d", strings.Join(list, ", "), g.from(), n, strings.Join(order, ", "), limit)
}

// read runs a query and gives each row to f, as text.
func read(ctx context.Context, c *engine.Conn, query string, f func([]*string)) error {
	rows, err := c.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		cells, dest := make([]*string, len(names)), make([]any, len(names))
		for i := range cells {
			dest[i] = &cells[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		f(cells)
	}
	if err := rows.Err(); err != nil {
		return c.Explain(err, query)
	}
	return nil
}

// show fills in movers and samples.
func (k keyed) show(ctx context.Context, c *engine.Conn, r *Result, limit int) error {
	n := len(k.keys)
	for i := range k.values {
		q := k.movers(i, limit)
		if r.Columns[i].Changed == 0 || q == "" {
			continue
		}
		err := read(ctx, c, q, func(row []*string) {
			r.Columns[i].Movers = append(r.Columns[i].Movers, Mover{row[:n], *row[n], *row[n+1], *row[n+2]})
		})
		if err != nil {
			return err
		}
	}
	for _, kind := range []string{Removed, Added, Changed} {
		if r.of(kind) == 0 {
			continue
		}
		err := read(ctx, c, k.sample(kind, limit), func(row []*string) {
			s := Sample{Kind: kind, Key: row[:n], Count: 1}
			for i, col := range k.values {
				is := row[n+3*i:]
				if is[0] != nil && *is[0] == "true" {
					s.Cells = append(s.Cells, Cell{col.name, is[1], is[2]})
				}
			}
			r.Samples = append(r.Samples, s)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (g bag) show(ctx context.Context, c *engine.Conn, r *Result, limit int) error {
	for _, kind := range []string{Removed, Added} {
		if r.of(kind) == 0 {
			continue
		}
		err := read(ctx, c, g.sample(kind, limit), func(row []*string) {
			s := Sample{Kind: kind}
			_, _ = fmt.Sscan(*row[0], &s.Count)
			for i, col := range g.columns {
				cell := Cell{Column: col.name, Old: row[i+1]}
				if kind == Added {
					cell = Cell{Column: col.name, New: row[i+1]}
				}
				s.Cells = append(s.Cells, cell)
			}
			r.Samples = append(r.Samples, s)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// of is how many rows there are of a kind.
func (r *Result) of(kind string) int64 {
	switch kind {
	case Added:
		return r.Added
	case Removed:
		return r.Removed
	}
	return r.Changed
}

package diff

import (
	"fmt"
	"strings"

	"warehouse/runner/mart"
)

// bag compares two runs as multisets: equal rows are counted on each side.
type bag struct {
	a, b    source
	columns []column
	in      lang
}

// rows are those that are there more often on one side: na and nb times.
func (g bag) rows() string {
	var names []string
	for i := range g.columns {
		names = append(names, va(i))
	}
	group := strings.Join(names, ", ")
	return fmt.Sprintf("SELECT %s, sum(a) AS na, sum(b) AS nb\nFROM (\n%s\nUNION ALL\n%s\n)\nGROUP BY %s\nHAVING sum(a) <> sum(b)",
		group,
		g.side(g.a, "1 AS a, 0 AS b", func(c column) (mart.Column, form) { return c.a, c.common.a }),
		g.side(g.b, "0 AS a, 1 AS b", func(c column) (mart.Column, form) { return c.b, c.common.b }), group)
}

func (g bag) side(s source, which string, of func(column) (mart.Column, form)) string {
	from, expr := s.from()
	// The stored columns get our names first: a form has variables, which a
	// column of the mart must not be taken for.
	var raw []string
	list := []string{which}
	for i, c := range g.columns {
		col, f := of(c)
		raw = append(raw, expr(col)+" AS "+va(i))
		list = append(list, f("s."+va(i))+" AS "+va(i))
	}
	return fmt.Sprintf("SELECT %s FROM (SELECT %s %s) AS s", strings.Join(list, ", "), strings.Join(raw, ", "), from)
}

// counts is a query of one row: removed, added.
func (g bag) counts() string {
	return "SELECT CAST(coalesce(sum(greatest(na - nb, 0)), 0) AS BIGINT), CAST(coalesce(sum(greatest(nb - na, 0)), 0) AS BIGINT) FROM " + g.from()
}

func (g bag) from() string { return g.in.from(g.rows) }

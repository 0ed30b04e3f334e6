package compile

import (
	"context"
	"fmt"
	"strings"

	"warehouse/runner/jinja"
)

// unitReport is a unit test as text: its rows, and its model's SQL over inputs
// that stand for themselves.
func unitReport(g *Graph, n *Node) string {
	var b strings.Builder
	rows := func(what string, f *Fixture) {
		fmt.Fprintf(&b, "  %s at %s %s", what, f.Pos, strings.Join(f.Columns, ", "))
		switch {
		case f.SQL != "":
			sql, err := g.RenderFixture(context.Background(), n, f.SQL, testBinding())
			if err != nil {
				sql = shownErr(err)
			}
			fmt.Fprintf(&b, "SQL: %s", sql)
		case f.Seed:
			b.WriteString("the seed's file")
		case f.Text:
			b.WriteString(" as text")
		}
		b.WriteByte('\n')
		for i, row := range f.Rows {
			fmt.Fprintf(&b, "    line %d:", f.Place(i).Line)
			for _, v := range row {
				fmt.Fprintf(&b, " %s", jinja.Repr(v))
			}
			b.WriteByte('\n')
		}
	}
	queries := make([]string, len(n.Unit.Given))
	for i, in := range n.Unit.Given {
		rows("given "+in.CTE(), &in.Rows)
		queries[i] = fmt.Sprintf("select %d", i)
	}
	rows("expect", &n.Unit.Expect)
	r, err := g.RenderUnit(context.Background(), n, queries, testBinding())
	if err != nil {
		return b.String() + "  error " + shownErr(err)
	}
	return b.String() + indent(r.SQL, "  | ")
}

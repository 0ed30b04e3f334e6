package diff

import (
	"fmt"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/mart"
)

// source is where one side's rows are.
type source struct {
	table  engine.Relation
	filter string // the run
	all    []mart.Column
	where  string
}

func (s *Side) source(d engine.Dialect, where string) source {
	l := s.Record.Layout
	if s.Rows.Name != "" {
		return source{table: s.Rows, filter: "true", all: l.Columns, where: where}
	}
	return source{
		table:  engine.Relation{Database: d.Catalog(), Schema: l.Schema, Name: l.Table},
		filter: "t." + engine.Ident(l.RunColumn) + " = " + d.RunLiteral(s.runID()),
		all:    l.Columns, where: where,
	}
}

// from is the FROM of the rows; column gives the expression for a column in
// it. With a condition of the user's, which uses the names of the run, the
// stored columns get those names first.
func (s source) from() (text string, column func(mart.Column) string) {
	if s.where == "" {
		return fmt.Sprintf("FROM %s AS t WHERE %s", s.table, s.filter),
			func(c mart.Column) string { return "t." + engine.Ident(c.Physical) }
	}
	var named []string
	for _, c := range s.all {
		named = append(named, fmt.Sprintf("t.%s AS %s", engine.Ident(c.Physical), engine.Ident(c.Name)))
	}
	if len(named) == 0 {
		named = []string{"1"}
	}
	return fmt.Sprintf("FROM (SELECT %s FROM %s AS t WHERE %s) AS m WHERE (\n%s\n)", strings.Join(named, ", "), s.table, s.filter, s.where),
		func(c mart.Column) string { return "m." + engine.Ident(c.Name) }
}

// count is a query for the number of rows.
func (s source) count() string {
	from, _ := s.from()
	return "SELECT count(*) " + from
}

// repeated is a query for the number of keys that more than one row has, 1 at
// most.
func (s source) repeated(key []mart.Column) string {
	var names []string
	for _, c := range key {
		names = append(names, "t."+engine.Ident(c.Physical))
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s AS t WHERE %s GROUP BY %s HAVING count(*) > 1 LIMIT 1)", s.table, s.filter, list)
}

// names of columns in the working tables.
func ka(i int) string { return fmt.Sprintf("ka%d", i) }
func kb(i int) string { return fmt.Sprintf("kb%d", i) }
func va(i int) string { return fmt.Sprintf("a%d", i) }
func vb(i int) string { return fmt.Sprintf("b%d", i) }

// differing is the temporary table of the rows that differ.
const differing = `temp."diff rows"`

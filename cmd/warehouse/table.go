package main

import (
	"strings"
)

// table is text in columns: what lists and reports print.
type table struct {
	head   []string
	right  []bool // numbers: aligned at their end; nil: none
	indent string
	rows   [][]string
}

func (t *table) add(cells ...string) {
	for i, c := range cells {
		cells[i] = clean(c)
	}
	t.rows = append(t.rows, cells)
}

// String returns the lines, two spaces between columns, none at their ends.
func (t *table) String() string {
	widths := make([]int, len(t.head))
	for i, h := range t.head {
		widths[i] = width(h)
	}
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], width(c))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		var l strings.Builder
		for i, c := range cells {
			if i > 0 {
				l.WriteString("  ")
			}
			l.WriteString(pad(c, widths[i], i < len(t.right) && t.right[i]))
		}
		b.WriteString(strings.TrimRight(t.indent+l.String(), " ") + "\n")
	}
	line(t.head)
	for _, row := range t.rows {
		line(row)
	}
	return b.String()
}

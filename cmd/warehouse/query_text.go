package main

import (
	"bufio"
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

// textRows prints an aligned table. Widths come from the first rows; later
// ones are printed as they come, so that a long result needs no memory.
type textRows struct {
	w      *bufio.Writer
	names  []string
	right  []bool
	widths []int
	held   [][]string
	n      int
	begun  bool
}

const rowsMeasured = 1000

func (t *textRows) head(columns []engine.Column) error {
	for _, c := range columns {
		t.names = append(t.names, clean(c.Name))
		t.right = append(t.right, isNumber(c.Type))
	}
	return nil
}

func (t *textRows) row(cells []*string) error {
	t.n++
	line := make([]string, len(cells))
	for i, v := range cells {
		line[i] = "NULL"
		if v != nil {
			line[i] = clean(*v)
		}
	}
	if t.begun {
		return t.line(line)
	}
	if t.held = append(t.held, line); len(t.held) == rowsMeasured {
		return t.begin()
	}
	return nil
}

// begin prints the head and the rows that were held back.
func (t *textRows) begin() error {
	t.begun = true
	for _, name := range t.names {
		t.widths = append(t.widths, width(name))
	}
	for _, row := range t.held {
		for i, c := range row {
			t.widths[i] = max(t.widths[i], width(c))
		}
	}
	heads, rule := make([]string, len(t.names)), make([]string, len(t.names))
	for i, name := range t.names {
		heads[i] = pad(name, t.widths[i], t.right[i])
		rule[i] = strings.Repeat("-", t.widths[i]+2)
	}
	if _, err := fmt.Fprintf(t.w, "%s\n%s\n", strings.TrimRight(" "+strings.Join(heads, " | "), " "), strings.Join(rule, "+")); err != nil {
		return err
	}
	for _, row := range t.held {
		if err := t.line(row); err != nil {
			return err
		}
	}
	t.held = nil
	return nil
}

func (t *textRows) line(row []string) error {
	cells := make([]string, len(row))
	for i, c := range row {
		cells[i] = pad(c, t.widths[i], t.right[i])
	}
	_, err := fmt.Fprintln(t.w, strings.TrimRight(" "+strings.Join(cells, " | "), " "))
	return err
}

func (t *textRows) end() error {
	if !t.begun {
		if err := t.begin(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(t.w, "(%s)\n", count(t.n, "row"))
	return err
}

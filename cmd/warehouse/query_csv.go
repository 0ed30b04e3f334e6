package main

import (
	"bufio"
	"strings"

	"warehouse/runner/engine"
)

// csvRows prints RFC 4180 with line feeds: a header, NULL as an empty field
// and empty text as "", so that the two are told apart.
type csvRows struct{ w *bufio.Writer }

func (c *csvRows) head(columns []engine.Column) error {
	cells := make([]*string, len(columns))
	for i := range columns {
		cells[i] = &columns[i].Name
	}
	return c.row(cells)
}

func (c *csvRows) row(cells []*string) error {
	for i, v := range cells {
		if i > 0 {
			_ = c.w.WriteByte(',') // a bufio.Writer keeps its error
		}
		if v != nil {
			_, _ = c.w.WriteString(csvField(*v))
		}
	}
	return c.w.WriteByte('\n')
}

func (c *csvRows) end() error { return nil }

func csvField(s string) string {
	if s != "" && !strings.ContainsAny(s, ",\"\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

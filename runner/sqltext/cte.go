package sqltext

import "strings"

// CTE is a query with a name, for WithCTEs. Name is written as it is, so it
// has its quotes if it needs them.
type CTE struct{ Name, SQL string }

// Main is the Source of what comes from the main text.
const Main = -1

// Piece says where a part of a composed text comes from.
type Piece struct {
	Start, End int // in the composed text
	Source     int // index of a CTE, or Main
	Offset     int // of Start, in the source
}

// Pieces are in the order of the composed text and do not overlap.
type Pieces []Piece

// At returns the source and the offset in it of an offset in the composed
// text. What belongs to no source (WITH, a CTE's name, a bracket) counts as
// the start of the piece that follows it, and the end as the end of the last.
func (ps Pieces) At(off int) (source, offset int) {
	for _, p := range ps {
		if off < p.End {
			return p.Source, p.Offset + max(0, off-p.Start)
		}
	}
	if len(ps) == 0 {
		return Main, off
	}
	last := ps[len(ps)-1]
	return last.Source, last.Offset + last.End - last.Start
}

// WithCTEs puts ctes, in their order, in front of the query sql. They become
// the first of its own WITH list if it has one; RECURSIVE stays, and so does
// the query's right to have the same name in an inner list. Each CTE's text
// stands on lines of its own, so a comment at its end does no harm. A ; at the
// end of any of the texts is blanked out.
//
// sql is a query in any form: SELECT, FROM first, VALUES, TABLE, PIVOT,
// in parentheses, or DuckDB's DESCRIBE, SHOW and SUMMARIZE. Other statements
// get the WITH in front, which INSERT, UPDATE and DELETE take. Trino's WITH
// FUNCTION is not told from a CTE of that name.
func WithCTEs(sql string, ctes []CTE) (string, Pieces) {
	if len(ctes) == 0 {
		return sql, Pieces{{0, len(sql), Main, 0}}
	}
	sql = TrimTerminator(sql)
	var c composer
	switch own, inner := withList(sql), FirstKeyword(sql); {
	case own > 0:
		c.piece(sql[:own], Main, 0)
		c.glue(" ")
		c.ctes(ctes)
		c.glue(",")
		c.piece(sql[own:], Main, own)
	case inner == "WITH" || inner == "DESCRIBE" || inner == "SHOW" || inner == "SUMMARIZE":
		// DuckDB takes no WITH before (WITH …) nor before these statements,
		// but all of them as a subquery.
		c.glue("WITH ")
		c.ctes(ctes)
		c.glue("\nSELECT * FROM (\n")
		c.piece(sql, Main, 0)
		c.glue("\n)")
	default:
		c.glue("WITH ")
		c.ctes(ctes)
		c.glue("\n")
		c.piece(sql, Main, 0)
	}
	return c.text.String(), c.pieces
}

// withList returns the offset behind the WITH or WITH RECURSIVE that starts
// sql, or 0.
func withList(sql string) int {
	end := 0
	for _, t := range Scan(sql) {
		switch {
		case t.blank():
		case t.Kind == Word && end == 0 && upper(t.text(sql)) == "WITH":
			end = t.End
		case t.Kind == Word && end > 0 && upper(t.text(sql)) == "RECURSIVE":
			return t.End
		default:
			return end
		}
	}
	return end
}

// composer writes a text and notes where its parts come from.
type composer struct {
	text   strings.Builder
	pieces Pieces
}

func (c *composer) glue(s string) { c.text.WriteString(s) }

func (c *composer) piece(s string, source, offset int) {
	start := c.text.Len()
	c.text.WriteString(s)
	c.pieces = append(c.pieces, Piece{start, c.text.Len(), source, offset})
}

func (c *composer) ctes(ctes []CTE) {
	for i, cte := range ctes {
		if i > 0 {
			c.glue(", ")
		}
		c.glue(cte.Name + " AS (\n")
		c.piece(TrimTerminator(cte.SQL), i, 0)
		c.glue("\n)")
	}
}

// Package diff compares two runs of a mart, exactly, in the engine.
//
// The way of a comparison, which Mart walks:
//
//  1. Equal checksums of one scheme over equal columns, or one run on both
//     sides, end it: nothing differs (same, in mart.go).
//  2. align.go matches the columns by name and finds the key; types.go gives
//     two types of one column a common form without loss.
//  3. keyed.go joins both runs on the key and keeps the rows that differ
//     in a temporary table; all counts are counted there.
//  4. bag.go does the same without a key: equal rows are counted on each side.
//  5. show.go reads the few rows that are shown. No others leave the engine.
//
// Values are compared as the engine compares them with IS DISTINCT FROM: NULL
// equals NULL, NaN equals NaN, -0.0 equals 0.0, decimals of any scale and
// timestamps with a zone are equal if they are one value; lists, structs and
// maps are compared in depth, and the order of a list or map counts.
//
// The SQL is DuckDB's or Trino's (lang.go). Where there are no temporary tables
// (Trino) each query makes the rows that differ anew.
package diff

import (
	"fmt"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// Side is one run of a mart.
type Side struct {
	Record history.ModelRecord
	Name   string // of the run, in notes: "r41"
	// Rows, if named, is a table that holds the side's rows and nothing else,
	// in the place of a stored run. Record needs Model and Layout.Columns then.
	Rows engine.Relation
}

// runID is the run whose rows the side reads.
func (s *Side) runID() string {
	if s.Record.DataRunID != "" {
		return s.Record.DataRunID
	}
	return s.Record.RunID
}

// Options of Mart. The zero value compares everything exactly and shows
// nothing.
type Options struct {
	// Where is a condition over the mart's columns, applied to both sides. It
	// must be one expression: the caller checks what people type.
	Where string
	// Columns are the only ones to compare, beside the key; nil: all that both
	// sides have.
	Columns []string
	// Limit is how many rows of each kind, and how many movers of each column,
	// are shown.
	Limit int
	// Tolerance within which numbers count as equal; ByColumn holds those of
	// single columns, by lower-cased name.
	Tolerance Tolerance
	ByColumn  map[string]Tolerance
	// FloatTolerance is the relative difference within which floats differ by
	// rounding only; nil is DefaultFloatTolerance.
	FloatTolerance *float64

	in lang // the engine's; the zero value is DuckDB
}

// DefaultFloatTolerance is what parallel sums of floats stay well within.
const DefaultFloatTolerance = 1e-9

// Tolerance is a difference between two numbers that does not count: at most
// Absolute, or at most Relative times the greater of both.
type Tolerance struct{ Absolute, Relative float64 }

func (t Tolerance) none() bool { return t == Tolerance{} }

func (t Tolerance) String() string {
	var parts []string
	if t.Absolute > 0 {
		parts = append(parts, fmt.Sprint(t.Absolute))
	}
	if t.Relative > 0 {
		parts = append(parts, fmt.Sprintf("%v%%", t.Relative*100))
	}
	return strings.Join(parts, " or ")
}

// Result says how two runs of one mart differ. RowsA = Removed + Changed +
// Unchanged, and RowsB = Added + Changed + Unchanged.
type Result struct {
	Mart         string
	Key          []string // without the run id; empty: both sides are multisets, and nothing is Changed
	RowsA, RowsB int64

	Added, Removed, Changed, Unchanged int64
	// RoundingOnly are those of Changed that differ in floats alone, and there
	// by rounding.
	RoundingOnly int64

	Columns        []ColumnResult // compared ones but for the key, in the order of b
	ColumnsAdded   []string
	ColumnsRemoved []string
	ColumnsRetyped []Retyped

	Samples []Sample // removed, added, changed, each by key
	Notes   []string // what a reader has to know: why there is no key, …
}

// Different reports any difference, of rows or of columns.
func (r *Result) Different() bool {
	return r.RowsDiffer() || len(r.ColumnsAdded)+len(r.ColumnsRemoved)+len(r.ColumnsRetyped) > 0
}

// RowsDiffer reports whether any row was added, removed or changed.
func (r *Result) RowsDiffer() bool { return r.Added+r.Removed+r.Changed > 0 }

// ColumnResult is what changed in a column, over the rows whose key is on both
// sides.
type ColumnResult struct {
	Name        string
	Type        string // the type in which it was compared
	Changed     int64
	NullToValue int64
	ValueToNull int64
	Movers      []Mover // the rows in which a number moved most, greatest first
}

// Mover is a number that changed. Delta is New less Old.
type Mover struct {
	Key             []*string
	Old, New, Delta string
}

// Retyped is a column whose type is not the same on both sides.
type Retyped struct {
	Name     string
	From, To string
	As       string // the type in which its values were compared
}

// Kinds of a Sample.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Sample is a row that differs.
type Sample struct {
	Kind  string
	Key   []*string // nil without a key
	Count int64     // how many more there are on one side: 1 where there is a key
	Cells []Cell    // of a changed row only what changed; otherwise all compared columns
}

// Cell is a value, or two, as text; nil is NULL.
type Cell struct {
	Column   string
	Old, New *string
}

// Error says why a mart could not be compared. Others can be.
type Error struct {
	Mart   string
	Msg    string
	Advice string
	Err    error
}

func (e *Error) Error() string { return e.Msg }
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *Error) Hint() string { return e.Advice }

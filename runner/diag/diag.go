// Package diag says where in a user's files something is wrong, and shows it.
//
// Every part that reads files (templates, YAML, SQL) reports through this one
// type, so that all errors of a project look alike and can be collected,
// sorted and printed together:
//
//	models/orders.sql:3:8: 'ordres' is not a model; did you mean 'orders'?
//	    3 | from {{ ref('ordres') }}
//	      |             ^~~~~~~~
//
// Read Error first, then List.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pos is a place in a file. Line and Col are 1-based, Col counts runes; zero
// means unknown. File is relative to the project folder, with forward slashes.
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Frame is one step of the way to an error: a macro call, or an inlined model.
type Frame struct {
	Pos  Pos    // where the call stands
	What string // "macro cents_to_dollars"
}

// Error is one thing that is wrong at one place.
type Error struct {
	Pos    Pos
	Span   int    // width of the marked text in runes; 0 and 1 mark one rune
	Msg    string // lower case, no full stop
	Source string // the line at Pos, without its line break; "" prints no excerpt
	Advice string // what to do next; printed on a line of its own
	Trace  []Frame
	Warn   bool  // a warning: reported, stops nothing
	Err    error // cause, for errors.Is and errors.As
}

// Error returns the place and the message on one line.
func (e *Error) Error() string {
	if e.Pos.File == "" {
		return e.Msg
	}
	return e.Pos.String() + ": " + e.Msg
}

func (e *Error) Unwrap() error { return e.Err }

// Hint returns what to do next, or "".
func (e *Error) Hint() string { return e.Advice }

// Excerpt returns the source line with a caret under the marked text, and the
// chain of calls that led there, each line indented by four spaces; "" if the
// line is not known. Control characters in the source are shown as spaces.
func (e *Error) Excerpt() string {
	var b strings.Builder
	if e.Source != "" && e.Pos.Line > 0 {
		num := fmt.Sprint(e.Pos.Line)
		src, shift := window(e.Source, e.Pos.Col)
		fmt.Fprintf(&b, "    %s | %s\n", num, printable(src))
		if e.Pos.Col > 0 {
			col := e.Pos.Col - shift
			room := utf8.RuneCountInString(src) - col
			fmt.Fprintf(&b, "    %s | %s^%s\n", strings.Repeat(" ", len(num)), strings.Repeat(" ", max(col-1, 0)),
				strings.Repeat("~", max(0, min(e.Span-1, room))))
		}
	}
	for i, f := range e.Trace {
		last := len(e.Trace) - framesBelow
		switch {
		case i < framesAbove || i >= last:
			fmt.Fprintf(&b, "    in %s, called at %s\n", f.What, f.Pos)
		case i == framesAbove:
			fmt.Fprintf(&b, "    … %d more\n", last-framesAbove)
		}
	}
	return b.String()
}

// Of a long chain of calls, as one without an end has it, the innermost and the
// outermost are shown.
const framesAbove, framesBelow = 8, 4

// window cuts a very long line around col and returns how many runes it cut
// from the front.
func window(line string, col int) (string, int) {
	const most = 160
	r := []rune(line)
	if len(r) <= most {
		return line, 0
	}
	from := min(max(0, col-most/2), len(r)-most)
	return string(r[from : from+most]), from
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, s)
}

// LineAt returns line n (1-based) of text without its line break, or "".
func LineAt(text string, n int) string {
	for i := 1; i < n; i++ {
		_, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return ""
		}
		text = rest
	}
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSuffix(line, "\r")
}

// Locate returns the line and column (1-based, in runes) of byte offset off.
func Locate(text string, off int) (line, col int) {
	off = min(max(off, 0), len(text))
	before := text[:off]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// List collects errors and warnings. The zero value is ready to use. It is not
// safe for concurrent use.
type List struct{ all []*Error }

// Add appends e; nil is ignored.
func (l *List) Add(e ...*Error) {
	for _, e := range e {
		if e != nil {
			l.all = append(l.all, e)
		}
	}
}

// AddErr appends any error: an *Error or a *List found in it as it is,
// anything else at pos.
func (l *List) AddErr(pos Pos, err error) {
	switch e := err.(type) {
	case nil:
	case *Error:
		l.Add(e)
	case Errors:
		l.Add(e...)
	default:
		l.Add(&Error{Pos: pos, Msg: err.Error(), Err: err})
	}
}

// Merge appends all of other.
func (l *List) Merge(other *List) { l.all = append(l.all, other.all...) }

// Warnings returns the warnings, sorted by place.
func (l *List) Warnings() []*Error { return l.pick(true) }

// Err returns the errors (not the warnings) sorted by file, line and column,
// equal ones once, as an Errors; nil if there are none.
func (l *List) Err() error {
	if errs := l.pick(false); len(errs) > 0 {
		return Errors(errs)
	}
	return nil
}

func (l *List) pick(warn bool) []*Error {
	var out []*Error
	for _, e := range l.all {
		if e.Warn == warn {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return slices.CompactFunc(out, func(a, b *Error) bool { return a.Pos == b.Pos && a.Msg == b.Msg })
}

// Errors is one or more errors of a set of files, as List.Err returns them.
type Errors []*Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// Nearest returns the candidate that is closest to name by edit distance, or
// "" if none is close enough to be a likely slip (a third of its length,
// at least one, letters compared without case).
func Nearest(name string, candidates []string) string {
	best, bestD := "", 1+max(1, utf8.RuneCountInString(name)/3)
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < bestD || (d == bestD && best != "" && c < best) {
			best, bestD = c, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours count one each.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	prev2, prev, cur := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(s); i++ {
		cur[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(t)]
}

package jinja

import (
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"warehouse/runner/diag"
)

// Template is a parsed file. It never changes.
type Template struct {
	file, src string
	text      string // src as the lexer wants it; positions are offsets in it
	body      []stmt
	fn        *function
	init      scopeInit
	exports   []localVar // what the top level assigns
	assigns   bool       // and there is more among it than macros
	macros    []*Macro
	blocks    []*Block
	lines     func() []int32 // where each line starts
}

// Parse reads a template. The error is a *diag.Error.
func Parse(file, src string) (*Template, error) {
	return parsePart(file, src, normalise(src), 0, -1)
}

// parsePart parses text[from:to], which keeps its positions in the file.
func parsePart(file, src, text string, from, to int) (*Template, error) {
	if to < 0 {
		to = len(text)
	}
	if len(text) > 1<<30 {
		return nil, &diag.Error{Pos: diag.Pos{File: file}, Msg: "the template is too large"}
	}
	t := &Template{file: file, src: src, text: text}
	t.lines = sync.OnceValue(t.findLines)
	err := parseTemplate(t, from, to)
	if err != nil {
		return nil, err
	}
	for _, b := range t.blocks {
		inner := strings.TrimSuffix(text[b.from:b.to], "\n")
		if b.Body, err = parsePart(file, src, text, b.from, b.from+len(inner)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// File returns the name that was given to Parse.
func (t *Template) File() string { return t.file }

// Source returns the text that was given to Parse.
func (t *Template) Source() string { return t.src }

// Macros returns the definitions at the top level of the file, in their order:
// macros, and dbt's tests, materializations and docs blocks under the names
// that dbt gives them.
func (t *Template) Macros() []*Macro { return t.macros }

// Blocks returns the snapshot and docs blocks at the top level of the file.
func (t *Template) Blocks() []*Block { return t.blocks }

// Block is a snapshot or docs block.
type Block struct {
	Kind, Name string
	Pos        diag.Pos  // of the name
	Body       *Template // what stands in the block
	from, to   int
}

// Text is what stands in the block, as written.
func (b *Block) Text() string { return b.Body.text[b.from:b.to] }

// Macro is a definition in a template.
type Macro struct {
	Name   string // a test's is test_NAME, a materialization's materialization_NAME_ADAPTER
	Kind   string // "macro", "test", "materialization", "docs"
	Params []Param
	Pos    diag.Pos // of the name

	tmpl    *Template
	at      span
	body    []stmt
	fn      *function
	init    scopeInit
	special specials

	catchCaller, explicitCaller         bool
	callerSlot, kwargsSlot, varargsSlot int32 // -1: none
}

// File returns the name of the file that defines the macro.
func (m *Macro) File() string { return m.tmpl.file }

// Param is a parameter of a Macro.
type Param struct {
	Name       string
	HasDefault bool
	at         span
	value      expr
	slot       int32
}

func (t *Template) findLines() []int32 {
	starts := make([]int32, 1, 1+strings.Count(t.text, "\n"))
	for i := 0; i < len(t.text); i++ {
		if t.text[i] == '\n' {
			starts = append(starts, int32(i+1))
		}
	}
	return starts
}

// pos returns the line and column of a byte offset.
func (t *Template) pos(off int32) diag.Pos {
	off = min(max(off, 0), int32(len(t.text)))
	lines := t.lines()
	line := sort.Search(len(lines), func(i int) bool { return lines[i] > off })
	return diag.Pos{File: t.file, Line: line, Col: 1 + utf8.RuneCountInString(t.text[lines[line-1]:off])}
}

// width returns the width of s in runes, up to the end of its first line.
func (t *Template) width(s span) int {
	end := min(int(s.end), len(t.text))
	if int(s.pos) >= end {
		return 1
	}
	part, _, _ := strings.Cut(t.text[s.pos:end], "\n")
	return max(1, utf8.RuneCountInString(part))
}

func (t *Template) errorAt(s span, msg string) *diag.Error {
	pos := t.pos(s.pos)
	return &diag.Error{Pos: pos, Span: t.width(s), Msg: msg, Source: t.line(pos.Line)}
}

func (t *Template) line(n int) string {
	lines := t.lines()
	if n < 1 || n > len(lines) {
		return ""
	}
	line, _, _ := strings.Cut(t.text[lines[n-1]:], "\n")
	return line
}

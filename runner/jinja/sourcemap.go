package jinja

import (
	"slices"
	"sort"
	"strconv"
	"sync"

	"warehouse/runner/diag"
)

// site is a template or macro that runs, and where it was called from. Text
// and errors remember the site, so that both can say how they came about.
type site struct {
	tmpl *Template
	up   *site // the caller; nil for the outermost
	pos  int32 // of the call, in up.tmpl
	kind string
	name string
}

// frames returns the calls that led to s, innermost first.
func (s *site) frames() []diag.Frame {
	var out []diag.Frame
	for ; s != nil && s.up != nil; s = s.up {
		out = append(out, diag.Frame{Pos: s.up.tmpl.pos(s.pos), What: s.kind + " " + s.name})
	}
	return out
}

// segment says where the output from off on came from.
type segment struct {
	off      int32
	src      int32 // in site.tmpl
	verbatim bool  // byte by byte, otherwise all of it from src
	site     *site
}

// SourceMap says where the bytes of an Output came from.
type SourceMap struct{ segs []segment }

// At returns the place that wrote byte off of the output: for text that stands
// in a template its own line and column, for what an expression printed the
// expression. frames are the macro calls that led there, innermost first.
func (m *SourceMap) At(off int) (pos diag.Pos, frames []diag.Frame, ok bool) {
	if m == nil || off < 0 {
		return diag.Pos{}, nil, false
	}
	i := sort.Search(len(m.segs), func(i int) bool { return int(m.segs[i].off) > off })
	if i == 0 {
		return diag.Pos{}, nil, false
	}
	s := m.segs[i-1]
	src := s.src
	if s.verbatim {
		src += int32(off) - s.off
	}
	return s.site.tmpl.pos(src), s.site.frames(), true
}

// writer collects output.
type writer struct {
	buf  []byte
	segs []segment
}

// writers are those of finished renders, for the room that they have.
var writers = sync.Pool{New: func() any { return &writer{} }}

// most is the size of a text whose writer is kept.
const most = 1 << 16

// output returns what was written, with m as its map, and ends the use of w.
func (w *writer) output(m *SourceMap) Output {
	m.segs = slices.Clone(w.segs)
	out := Output{Text: string(w.buf), Map: m}
	if cap(w.buf) <= most {
		clear(w.segs)
		w.truncate(0, 0)
		writers.Put(w)
	}
	return out
}

func (w *writer) mark(src int32, verbatim bool, s *site) {
	w.segs = append(w.segs, segment{int32(len(w.buf)), src, verbatim, s})
}

// data writes text of a template.
func (w *writer) data(f *frame, d *dataStmt) error {
	w.mark(d.pos, true, f.site)
	w.buf = append(w.buf, d.text...)
	return w.fits(f, d.span)
}

// value prints the value of the expression at s.
func (w *writer) value(f *frame, s span, v Value) error {
	switch v := v.(type) {
	case string:
		if c := f.rt.captured(v); c != nil {
			w.capture(c)
			return w.fits(f, s)
		}
		w.mark(s.pos, false, f.site)
		w.buf = append(w.buf, v...)
	case int64:
		w.mark(s.pos, false, f.site)
		w.buf = strconv.AppendInt(w.buf, v, 10)
	case *Undefined:
		return f.undefinedText(v, s)
	default:
		text, err := f.rt.str(v)
		if err != nil {
			return f.fail(s, err)
		}
		w.mark(s.pos, false, f.site)
		w.buf = append(w.buf, text...)
	}
	return w.fits(f, s)
}

// fits checks the size of the output and of its map.
func (w *writer) fits(f *frame, s span) error {
	limit := f.rt.limits.Output
	if len(w.buf) > limit {
		return f.fail(s, raise(limitError, "the output is larger than %d bytes", limit))
	}
	if len(w.segs) > limit/16+1000 {
		return f.fail(s, raise(limitError, "the output is made of more than %d pieces", len(w.segs)-1))
	}
	return nil
}

// capture is text that a macro or a block set made, with its origin.
type capture struct {
	text string
	segs []segment
}

func (w *writer) capture(c *capture) {
	base := int32(len(w.buf))
	for _, s := range c.segs {
		s.off += base
		w.segs = append(w.segs, s)
	}
	w.buf = append(w.buf, c.text...)
}

// truncate drops what was written since a place.
func (w *writer) truncate(size, segs int) {
	w.buf, w.segs = w.buf[:size], w.segs[:segs]
}

package compile

import (
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/sqltext"
)

// place leads from a byte of the assembled text to the user's file.
func (r *render) place(main body, pieces sqltext.Pieces, off int) (diag.Pos, string, []diag.Frame, bool) {
	source, at := pieces.At(off)
	if source == sqltext.Main {
		return r.placeIn(main, at)
	}
	in := r.inlined[source]
	pos, line, frames, ok := r.child(in.node).placeIn(in.body, at)
	return pos, line, append(slices.Clip(frames), diag.Frame{Pos: in.at, What: "ephemeral model " + in.node.Name}), ok
}

// placeIn leads from a byte of one body to its file. What a built-in macro
// wrote belongs to the user's line that called it.
func (r *render) placeIn(b body, off int) (diag.Pos, string, []diag.Frame, bool) {
	generic := r.node.generic()
	var pos diag.Pos
	var frames []diag.Frame
	ok := false
	if b.m != nil {
		pos, frames, ok = b.m.At(off)
	}
	if generic {
		frames = append(slices.Clip(r.withoutHost(frames)), diag.Frame{Pos: r.node.Pos, What: "data test " + r.node.Name})
	}
	for ok && isBuiltinFile(pos.File) && len(frames) > 0 {
		pos, frames = frames[0].Pos, frames[1:]
	}
	if !ok {
		if !generic {
			return diag.Pos{}, "", nil, false
		}
		return r.node.Pos, "", nil, true
	}
	return pos, r.line(pos), frames, true
}

func isBuiltinFile(file string) bool { return strings.HasPrefix(file, "<built in>/") }

package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

func filterWordWrap(c *Call, a []Value) (Value, error) {
	s, ok := textOf(a[0])
	if !ok {
		if err := usable(a[0]); err != nil {
			return nil, err
		}
		return nil, raise(attributeError, "'%s' object has no attribute 'splitlines'", typeName(a[0]))
	}
	width, err := indexArg(a[1], 79)
	if err != nil {
		return nil, err
	}
	if width <= 0 {
		return nil, raise(valueError, "invalid width %d (must be > 0)", width)
	}
	sep := "\n"
	if given(a[3]) && a[3] != nil {
		if sep, err = strArg(a[3], "wrapstring"); err != nil {
			return nil, err
		}
	}
	w := wrapper{width: width, breakLong: !given(a[2]) || Truth(a[2]), hyphens: !given(a[4]) || Truth(a[4])}
	var out []string
	for _, line := range splitLines(s, false) {
		out = append(out, strings.Join(w.wrap(line), sep))
	}
	return strings.Join(out, sep), nil
}

// wrapper is Python's textwrap, as Jinja sets it up.
type wrapper struct {
	width              int
	breakLong, hyphens bool
}

func isWrapSpace(r rune) bool { return strings.ContainsRune("\t\n\v\f\r ", r) }

// wrap breaks a text into lines. White space at their ends is dropped.
func (w *wrapper) wrap(s string) []string {
	chunks := w.chunks(s)
	var lines []string
	blank := func(c string) bool { return strings.TrimFunc(c, isSpace) == "" }
	for i := 0; i < len(chunks); {
		if blank(chunks[i]) && len(lines) > 0 {
			i++
			if i == len(chunks) {
				break
			}
		}
		var line []string
		size := 0
		for i < len(chunks) {
			n := utf8.RuneCountInString(chunks[i])
			if size+n > w.width {
				break
			}
			line = append(line, chunks[i])
			size += n
			i++
		}
		if i < len(chunks) && utf8.RuneCountInString(chunks[i]) > w.width {
			if w.breakLong {
				head, rest := w.cut(chunks[i], w.width-size)
				line = append(line, head)
				chunks[i] = rest
			} else if len(line) == 0 {
				line = append(line, chunks[i])
				i++
			}
		}
		if n := len(line); n > 0 && blank(line[n-1]) {
			line = line[:n-1]
		}
		if len(line) > 0 {
			lines = append(lines, strings.Join(line, ""))
		}
	}
	return lines
}

// cut breaks a word that is longer than a line, behind a hyphen if there is one.
// Without room the head is empty; it then saves the white space before it from
// being dropped, as in Python.
func (w *wrapper) cut(word string, room int) (head, rest string) {
	runes := []rune(word)
	end := min(room, len(runes))
	if w.hyphens && len(runes) > room {
		for i := room - 1; i > 0; i-- {
			if runes[i] == '-' {
				for j := 0; j < i; j++ {
					if runes[j] != '-' {
						return string(runes[:i+1]), string(runes[i+1:])
					}
				}
				break
			}
		}
	}
	return string(runes[:end]), string(runes[end:])
}

// chunks cuts a text into white space, words, and the parts of words that
// hyphens or dashes join.
func (w *wrapper) chunks(s string) []string {
	var out []string
	for s != "" {
		i := strings.IndexFunc(s, isWrapSpace)
		if i == 0 {
			n := strings.IndexFunc(s, func(r rune) bool { return !isWrapSpace(r) })
			if n < 0 {
				n = len(s)
			}
			out, s = append(out, s[:n]), s[n:]
			continue
		}
		if i < 0 {
			i = len(s)
		}
		if w.hyphens {
			out = append(out, hyphenParts(s[:i])...)
		} else {
			out = append(out, s[:i])
		}
		s = s[i:]
	}
	return out
}

// hyphenParts cuts a word behind a hyphen between letters, and around dashes.
func hyphenParts(word string) []string {
	var out []string
	runes := []rune(word)
	isWord := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }
	letter := func(i int) bool {
		return i >= 0 && i < len(runes) && (runes[i] == '_' || unicode.IsLetter(runes[i]))
	}
	start := 0
	for i := 0; i < len(runes); i++ {
		if runes[i] != '-' {
			continue
		}
		dash := i
		for dash < len(runes) && runes[dash] == '-' {
			dash++
		}
		switch {
		case dash-i >= 2:
			// A dash of two or more between words stands alone.
			if i > start && dash < len(runes) && isWord(runes[dash]) && (isWord(runes[i-1]) || strings.ContainsRune("!\"'&.,?", runes[i-1])) {
				out = append(out, string(runes[start:i]), string(runes[i:dash]))
				start = dash
			}
			i = dash - 1
		case i-start >= 2 && letter(i-1) && letter(i-2) && letter(i+1) && (letter(i+2) || i+2 < len(runes) && runes[i+2] == '-' && letter(i+3)),
			i-start >= 3 && letter(i-1) && runes[i-2] == '-' && letter(i-3) && letter(i+1) && letter(i+2):
			out = append(out, string(runes[start:i+1]))
			start = i + 1
		}
	}
	if start < len(runes) {
		out = append(out, string(runes[start:]))
	}
	return out
}

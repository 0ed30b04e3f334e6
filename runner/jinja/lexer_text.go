package jinja

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// text reads a string literal and resolves its escapes as Python does.
func (l *lexer) text(quote byte) (token, error) {
	at := l.pos
	i := at + 1
	escaped := false
	for ; i < len(l.src) && l.src[i] != quote; i++ {
		if l.src[i] == '\\' {
			escaped = true
			i++
		}
	}
	if i >= len(l.src) {
		return l.fail(at, 1, "unexpected char %s: the text is not closed", Repr(string(quote)))
	}
	s := l.src[at+1 : i]
	l.pos = i + 1
	if escaped {
		var msg string
		if s, msg = unescape(s); msg != "" {
			return l.fail(at, i+1-at, "%s", msg)
		}
	}
	return token{kind: tString, pos: int32(at), end: int32(i + 1), str: s}, nil
}

// unescape resolves the escapes of Python's unicode_escape codec. Jinja first
// writes what is not ASCII as escapes, so that a backslash before it stays and
// the escape's letters appear.
func unescape(s string) (text, problem string) {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		i++
		c := s[i] // the lexer leaves no single backslash at the end
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			b.WriteString(`\` + backslashed(r))
			i += n
			continue
		}
		i++
		if simple := strings.IndexByte("\n\\'\"abfnrtv", c); simple >= 0 {
			b.WriteString([...]string{"", "\\", "'", "\"", "\a", "\b", "\f", "\n", "\r", "\t", "\v"}[simple])
			continue
		}
		switch c {
		case '0', '1', '2', '3', '4', '5', '6', '7':
			end := i
			for end < len(s) && end < i+2 && s[end] >= '0' && s[end] <= '7' {
				end++
			}
			n, _ := strconv.ParseUint(s[i-1:end], 8, 32)
			b.WriteRune(rune(n))
			i = end
		case 'x', 'u', 'U':
			digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if problem = hexEscape(&b, s[i:], digits, c); problem != "" {
				return "", problem
			}
			i += digits
		case 'N':
			return "", `the escape \N is not supported: write the character itself`
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

func hexEscape(b *strings.Builder, s string, digits int, c byte) string {
	if len(s) >= digits {
		if n, err := strconv.ParseUint(s[:digits], 16, 32); err == nil && isHex(s[0]) {
			switch {
			case n > 0x10ffff:
				return "illegal Unicode character"
			case n >= 0xd800 && n < 0xe000:
				return "a surrogate is no character"
			}
			b.WriteRune(rune(n))
			return ""
		}
	}
	return `truncated \` + string(c) + strings.Repeat("X", digits) + " escape"
}

// backslashed is r as Python's error handler backslashreplace writes it,
// without the backslash.
func backslashed(r rune) string {
	hex := strconv.FormatInt(int64(r), 16)
	switch {
	case r < 0x100:
		return "x" + hex
	case r < 0x10000:
		return "u" + strings.Repeat("0", 4-len(hex)) + hex
	}
	return "U" + strings.Repeat("0", 8-len(hex)) + hex
}

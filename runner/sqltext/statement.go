package sqltext

import "strings"

// Span is a part of a text.
type Span struct{ Start, End int }

// Statements returns the statements of sql, cut at each ; that is not in a
// string, name or comment. A span has neither the ; nor the blanks around the
// statement, but the comments. What is only blanks and comments is left out.
func Statements(sql string) []Span {
	var out []Span
	cur, full := Span{Start: -1}, false
	flush := func() {
		if full {
			out = append(out, cur)
		}
		cur, full = Span{Start: -1}, false
	}
	for _, t := range Scan(sql) {
		switch {
		case t.is(sql, ";"):
			flush()
			continue
		case t.Kind == Space:
			continue
		case t.Kind != Comment:
			full = true
		}
		if cur.Start < 0 {
			cur.Start = t.Start
		}
		cur.End = t.End
	}
	flush()
	return out
}

// TrimTerminator puts a blank in the place of one ; that only blanks and
// comments follow, so that sql can stand inside a greater statement and every
// offset stays true. It takes away one: of two, the first is left.
func TrimTerminator(sql string) string {
	tokens := Scan(sql)
	for i := len(tokens) - 1; i >= 0; i-- {
		if t := tokens[i]; t.is(sql, ";") {
			return sql[:t.Start] + " " + sql[t.End:]
		} else if !t.blank() {
			break
		}
	}
	return sql
}

// FirstKeyword returns the first word of sql in upper case ("SELECT", "WITH",
// "FROM"), past comments and opening parentheses, or "" if anything but a word
// stands there.
func FirstKeyword(sql string) string {
	for _, t := range Scan(sql) {
		switch {
		case t.blank() || t.is(sql, "("):
		case t.Kind == Word:
			return upper(t.text(sql))
		default:
			return ""
		}
	}
	return ""
}

// Compact returns sql without comments and with one blank between two tokens,
// for comparing two texts. Strings, names and their case stay as they are. A
// literal that goes on in the next line ('a' ⏎ 'b') keeps its line break, as
// it would be another text without.
func Compact(sql string) string {
	var b strings.Builder
	last, broken := Space, false
	for _, t := range Scan(sql) {
		text := t.text(sql)
		if t.blank() {
			broken = broken || strings.ContainsAny(text, "\r\n")
			continue
		}
		switch {
		case b.Len() == 0:
		case last == String && t.Kind == String && broken:
			b.WriteByte('\n')
		default:
			b.WriteByte(' ')
		}
		b.WriteString(text)
		last, broken = t.Kind, false
	}
	return b.String()
}

// blank reports whether the token means nothing to the engine.
func (t Token) blank() bool { return t.Kind == Space || t.Kind == Comment }

func (t Token) is(sql, op string) bool { return t.Kind == Op && t.text(sql) == op }

func (t Token) text(sql string) string { return sql[t.Start:t.End] }

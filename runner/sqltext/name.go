package sqltext

import "strings"

// Name is a dotted name: a, a.b, a . "B c".d. Keywords and function names are
// names too: what a word means only a parser knows.
type Name struct {
	Parts      []string // without quotes, "" in them made one
	Quoted     []bool   // which of the parts had quotes
	Start, End int      // from the first part to the end of the last
}

// Names returns the dotted names of sql in the order of the text. Blanks and
// comments may stand around the dots. A name behind a dot that follows
// anything but a name is a field or a method, (x).a or f(x).a, and is left out;
// of a.* it is a.
func Names(sql string) []Name {
	tokens := Scan(sql)
	var out []Name
	var cur *Name
	dot := false // a dot is the last token that is not blank
	for _, t := range tokens {
		switch {
		case t.blank():
		case t.is(sql, "."):
			dot = true
		case t.Kind == Word || t.Kind == Quoted:
			if cur != nil && dot {
				cur.add(t, sql)
			} else if !dot {
				out = append(out, Name{Start: t.Start})
				cur = &out[len(out)-1]
				cur.add(t, sql)
			}
			dot = false
		default:
			cur, dot = nil, false
		}
	}
	return out
}

func (n *Name) add(t Token, sql string) {
	text, quoted := t.text(sql), t.Kind == Quoted
	if quoted {
		text = strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)
	}
	n.Parts, n.Quoted, n.End = append(n.Parts, text), append(n.Quoted, quoted), t.End
}

// Rebind returns sql with each dotted name for which f returns true replaced,
// from its first to its last part, by f's text. That text is written as it is:
// f quotes. Everything else, comments and strings too, keeps its bytes.
func Rebind(sql string, f func(parts []string) (string, bool)) string {
	var b strings.Builder
	at := 0
	for _, n := range Names(sql) {
		if text, ok := f(n.Parts); ok {
			b.WriteString(sql[at:n.Start])
			b.WriteString(text)
			at = n.End
		}
	}
	return b.String() + sql[at:]
}

// Next returns the token at or behind an offset that is neither blank nor
// comment, as it stands there; "" at the end.
func Next(sql string, at int) string {
	s := scanner{sql: sql}
	for i := at; i < len(sql); {
		kind, end := s.next(i)
		if t := (Token{kind, i, end}); !t.blank() {
			return sql[i:end]
		}
		i = end
	}
	return ""
}

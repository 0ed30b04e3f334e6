package compile

import (
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/sqltext"
)

// single makes sure that the text is one statement, and blanks out the
// semicolons behind it.
func (r *render) single(b body) (body, error) {
	if startsWithWord(b.text) && !strings.Contains(b.text, ";") {
		return b, nil
	}
	statements := sqltext.Statements(b.text)
	switch len(statements) {
	case 0:
		if !r.execute() {
			return b, nil // it may wait for a query's result
		}
		return b, &diag.Error{Pos: r.node.Pos, Msg: r.what() + " renders to no SQL: it is empty, or all of it is comments"}
	case 1:
	default:
		e := r.errorAt(b, firstWord(b.text, statements[1]), "a second statement: "+r.what()+" is one SELECT")
		e.Advice = "take out the semicolon, or what follows it"
		return b, e
	}
	end := statements[0].End
	rest := b.text[end:]
	for {
		trimmed := sqltext.TrimTerminator(rest)
		if trimmed == rest {
			b.text = b.text[:end] + rest
			return b, nil
		}
		rest = trimmed
	}
}

// startsWithWord is true for most texts that hold a statement.
func startsWithWord(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	return text != "" && (text[0]|0x20 >= 'a' && text[0]|0x20 <= 'z')
}

// firstWord is where a statement begins, past its comments.
func firstWord(text string, s sqltext.Span) int {
	for _, t := range sqltext.Scan(text[s.Start:s.End]) {
		if t.Kind != sqltext.Space && t.Kind != sqltext.Comment {
			return s.Start + t.Start
		}
	}
	return s.Start
}

// Package sqltext knows what can be known of SQL text without an engine:
// where strings and comments end, where a statement ends, which words are
// names, how CTEs are put in front of a query.
//
// Everything stands on Scan, which cuts a text into tokens, never fails and
// loses no byte; read it first. On it stand
//
//   - Statements, TrimTerminator, FirstKeyword, Compact (statement.go)
//   - Names and Rebind: dotted names, found and replaced (name.go)
//   - WithCTEs and Pieces: one query out of several, with the way back from an
//     offset in it (cte.go)
//
// The lexical rules are DuckDB's (tried on 1.5.6): block comments nest,
// E'…' has backslashes, $tag$…$tag$ is a string, Unicode blanks are blanks.
// Trino's are the same, but for these three: its comments do not nest, and it
// knows neither E'…' nor $tag$. A text of which that changes the meaning, such
// as /* /* */, is read as DuckDB reads it. All offsets count bytes.
package sqltext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is the kind of a Token.
type Kind uint8

// The kinds of tokens.
const (
	Space        Kind = iota // blanks and line breaks
	Comment                  // -- without its line break, or /* … */
	Word                     // a name without quotes, or a keyword
	Quoted                   // "…"
	String                   // '…', $tag$…$tag$, and E'…', X'…', B'…', N'…', U&'…'
	Number                   // 1, 1_000, 1.5e-3, 0xFF
	Param                    // ?, $1, $name
	Op                       // an operator, a comma, a dot, one bracket
	Unterminated             // a string, quoted name or comment whose end is missing
)

// Token is a piece of a text.
type Token struct {
	Kind       Kind
	Start, End int
}

// Scan cuts sql into tokens: together they cover it without gap or overlap. It
// never fails; what has no end is one Unterminated token up to the end.
func Scan(sql string) []Token {
	s := scanner{sql: sql}
	tokens := make([]Token, 0, len(sql)/4+1)
	for i := 0; i < len(sql); {
		kind, end := s.next(i)
		s.follow(kind, i, end)
		tokens = append(tokens, Token{kind, i, end})
		i = end
	}
	return tokens
}

type scanner struct {
	sql string

	// escapes: the last string was E'…', and since then there were only
	// blanks and comments. After a line break such a string goes on in the
	// next '…', with backslashes: e'a' ⏎ 'b\'c' is one literal.
	escapes, broken bool
}

func (s *scanner) follow(kind Kind, start, end int) {
	switch kind {
	case Space, Comment:
		s.broken = s.broken || strings.ContainsAny(s.sql[start:end], "\n\r")
	case String:
		s.escapes = s.sql[start]|0x20 == 'e' || (s.escapes && s.broken)
		s.broken = false
	default:
		s.escapes, s.broken = false, false
	}
}

// next returns the kind and the end of the token that starts at i.
func (s *scanner) next(i int) (Kind, int) {
	sql := s.sql
	rest := sql[i:]
	switch c := sql[i]; {
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexAny(rest, "\r\n"); n >= 0 {
			return Comment, i + n
		}
		return Comment, len(sql)
	case strings.HasPrefix(rest, "/*"):
		return s.block(i)
	case c == '\'':
		return s.quoted(i+1, '\'', s.escapes && s.broken, String)
	case c == '"':
		return s.quoted(i+1, '"', false, Quoted)
	case c == '$':
		return s.dollar(i)
	case c == '?':
		return Param, i + 1
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return Number, i + number(rest)
	case blank(rest) > 0:
		end := i
		for n := blank(sql[end:]); n > 0; n = blank(sql[end:]) {
			end += n
		}
		return Space, end
	case wordStart(rest):
		if q := i + prefix(rest); q > i {
			return s.quoted(q+1, '\'', c|0x20 == 'e', String)
		}
		return Word, i + word(rest)
	}
	return Op, i + operator(rest)
}

// quoted ends a string or name whose text starts at i. A doubled quote stands
// for itself, and behind a backslash too if escapes is true.
func (s *scanner) quoted(i int, quote byte, escapes bool, kind Kind) (Kind, int) {
	for ; i < len(s.sql); i++ {
		switch {
		case escapes && s.sql[i] == '\\':
			i++
		case s.sql[i] != quote:
		case i+1 < len(s.sql) && s.sql[i+1] == quote:
			i++
		default:
			return kind, i + 1
		}
	}
	return Unterminated, len(s.sql)
}

// block ends a comment, in which other comments may be nested.
func (s *scanner) block(i int) (Kind, int) {
	depth := 0
	for i+1 < len(s.sql) {
		switch s.sql[i : i+2] {
		case "/*":
			depth++
			i += 2
		case "*/":
			depth--
			i += 2
			if depth == 0 {
				return Comment, i
			}
		default:
			i++
		}
	}
	return Unterminated, len(s.sql)
}

// dollar reads $tag$…$tag$, $1 or $name. A tag is a name in which no $ follows.
func (s *scanner) dollar(i int) (Kind, int) {
	rest := s.sql[i+1:]
	name := 0
	if wordStart(rest) {
		name = word(rest)
	}
	tag := name
	if n := strings.IndexByte(rest[:name], '$'); n >= 0 {
		tag = n
	}
	if strings.HasPrefix(rest[tag:], "$") {
		mark := s.sql[i : i+tag+2]
		if at := strings.Index(s.sql[i+len(mark):], mark); at >= 0 {
			return String, i + at + 2*len(mark)
		}
		return Unterminated, len(s.sql)
	}
	if name > 0 {
		return Param, i + 1 + name
	}
	n := 0
	for n < len(rest) && isDigit(rest[n]) {
		n++
	}
	if n > 0 {
		return Param, i + 1 + n
	}
	return Op, i + 1
}

// prefix returns where the quote of E'…', X'…', B'…', N'…' or U&'…' stands in
// s, or 0.
func prefix(s string) int {
	switch {
	case len(s) > 1 && s[1] == '\'' && strings.IndexByte("eExXbBnN", s[0]) >= 0:
		return 1
	case len(s) > 2 && s[0]|0x20 == 'u' && s[1:3] == "&'":
		return 2
	}
	return 0
}

// number returns the length of the number at the start of s. What follows at
// once is a token of its own: DuckDB reads 1from as 1 from, and 1..2 has no
// number 1. in it.
func number(s string) int {
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xXbBoO", s[1]) >= 0 {
		n := 2
		for n < len(s) && (isDigit(s[n]) || s[n] == '_' || (s[n]|0x20 >= 'a' && s[n]|0x20 <= 'f')) {
			n++
		}
		if n > 2 && !wordStart(s[n:]) {
			return n // Trino's; DuckDB reads a 0 with the alias xFF
		}
	}
	n := digits(s, 0)
	if n < len(s) && s[n] == '.' && !strings.HasPrefix(s[n:], "..") {
		n = digits(s, n+1)
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		e := n + 1
		if e < len(s) && (s[e] == '+' || s[e] == '-') {
			e++
		}
		if e < len(s) && isDigit(s[e]) {
			n = digits(s, e)
		}
	}
	return n
}

func digits(s string, n int) int {
	for n < len(s) && (isDigit(s[n]) || (s[n] == '_' && n+1 < len(s) && isDigit(s[n+1]))) {
		n++
	}
	return n
}

// operator returns the length of the operator at the start of s: Postgres's
// rule, which DuckDB has kept. A run of operator characters is one operator,
// without a comment that starts in it and, unless one of ~!@#^&|%` is in it,
// without + and - at its end, so that 1<-1 is 1 < -1.
func operator(s string) int {
	const runes = "~!@#^&|`+-*/%<>="
	const longest = 64 // Postgres's limit; without one a long row of + takes quadratic time
	if strings.HasPrefix(s, "::") || strings.HasPrefix(s, ":=") || strings.HasPrefix(s, "..") {
		return 2
	}
	n, unsigned, special := 0, 1, false // unsigned: the length without the signs at the end
	for n < min(len(s), longest) && strings.IndexByte(runes, s[n]) >= 0 && !strings.HasPrefix(s[n:], "--") && !strings.HasPrefix(s[n:], "/*") {
		special = special || strings.IndexByte("~!@#^&|%`", s[n]) >= 0
		n++
		if s[n-1] != '+' && s[n-1] != '-' {
			unsigned = n
		}
	}
	switch {
	case n == 0:
		_, n = utf8.DecodeRuneInString(s)
		return n
	case special:
		return n
	}
	return unsigned
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// blank returns the length of the blank at the start of s, or 0. Beyond ASCII
// these are the runes that DuckDB reads as blanks; to it the line separator
// U+2028, for one, is a letter.
func blank(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	switch {
	case r == ' ', r >= '\t' && r <= '\r', r == '\u00a0', r >= '\u2000' && r <= '\u200b', r == '\u202f',
		r == '\u205f', r == '\u2060', r == '\u3000', r == '\ufeff':
		return n
	}
	return 0
}

// wordStart reports whether a name starts s: a letter, _ or any rune beyond
// ASCII that is no blank. A broken byte counts as such a rune.
func wordStart(s string) bool {
	if s == "" {
		return false
	}
	c := s[0]
	return c == '_' || (c|0x20 >= 'a' && c|0x20 <= 'z') || (c >= utf8.RuneSelf && blank(s) == 0)
}

// word returns the length of the name at the start of s, in which digits and $
// may follow.
func word(s string) int {
	n := 0
	for n < len(s) && (wordStart(s[n:]) || isDigit(s[n]) || s[n] == '$') {
		_, size := utf8.DecodeRuneInString(s[n:])
		n += size
	}
	return n
}

// upper is strings.ToUpper for keywords: ASCII letters alone, so that no
// other letter turns into one of them.
func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= unicode.MaxASCII {
			return unicode.ToUpper(r)
		}
		return r
	}, s)
}

// Package sqltext knows what can be known of SQL text without an engine.
package sqltext

// Kind is the kind of a Token.
type Kind uint8

const (
	Space        Kind = iota // blanks and line breaks
	Comment                  // -- … or /* … */
	Name                     // a word without quotes, keywords too
	QuotedName               // "…"
	String                   // '…', E'…', $tag$…$tag$
	Number                   // 1, 1.5e3
	Param                    // ?, $1, $name
	Op                       // operators and punctuation
	Unterminated             // a string, quoted name or comment without its end
)

// Token is a piece of the text; every byte belongs to exactly one.
type Token struct {
	Kind       Kind
	Start, End int // byte offsets
}

// Span is a part of a text, in byte offsets.
type Span struct{ Start, End int }

// Chain is a dotted name: a, a.b, a."B c".d.
type Chain struct {
	Parts      []string // without quotes
	Quoted     []bool
	Start, End int
}

// CTE is a named query for WithCTEs; Name is written as it is.
type CTE struct{ Name, SQL string }

// Piece says where bytes Start to End of a result come from: Source is the
// index of a CTE or -1 for the main text, Offset the place there.
type Piece struct{ Start, End, Source, Offset int }

func Scan(sql string) []Token                                         { return nil }
func Statements(sql string) []Span                                    { return nil }
func TrimTerminator(sql string) string                                { return sql }
func Names(sql string) []Chain                                        { return nil }
func Rebind(sql string, f func(parts []string) (string, bool)) string { return sql }
func WithCTEs(sql string, ctes []CTE) (string, []Piece)               { return sql, nil }
func FirstKeyword(sql string) string                                  { return "" }
func Compact(sql string) string                                       { return sql }

package jinja

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is the kind of a token. The comment of a kind is how messages call it.
type kind uint8

const (
	tEOF        kind = iota // end of template
	tData                   // template data / text
	tVarBegin               // begin of print statement
	tVarEnd                 // end of print statement
	tBlockBegin             // begin of statement block
	tBlockEnd               // end of statement block
	tName
	tString
	tInteger
	tFloat
	tAdd
	tSub
	tMul
	tDiv
	tFloorDiv
	tMod
	tPow
	tTilde
	tLBracket
	tRBracket
	tLParen
	tRParen
	tLBrace
	tRBrace
	tEq
	tNe
	tGt
	tGe
	tLt
	tLe
	tAssign
	tDot
	tColon
	tPipe
	tComma
	tSemicolon
)

var kindNames = [...]string{
	tEOF: "end of template", tData: "template data / text",
	tVarBegin: "begin of print statement", tVarEnd: "end of print statement",
	tBlockBegin: "begin of statement block", tBlockEnd: "end of statement block",
	tName: "name", tString: "string", tInteger: "integer", tFloat: "float",
	tAdd: "+", tSub: "-", tMul: "*", tDiv: "/", tFloorDiv: "//", tMod: "%", tPow: "**", tTilde: "~",
	tLBracket: "[", tRBracket: "]", tLParen: "(", tRParen: ")", tLBrace: "{", tRBrace: "}",
	tEq: "==", tNe: "!=", tGt: ">", tGe: ">=", tLt: "<", tLe: "<=",
	tAssign: "=", tDot: ".", tColon: ":", tPipe: "|", tComma: ",", tSemicolon: ";",
}

func (k kind) String() string { return kindNames[k] }

// token is one piece of a template; pos and end are byte offsets.
type token struct {
	kind     kind
	pos, end int32
	str      string // text of data, names and strings
	num      Value  // value of numbers
}

func (t token) String() string {
	if t.kind == tName {
		return t.str
	}
	return t.kind.String()
}

// is reports whether t is the given keyword.
func (t token) is(name string) bool { return t.kind == tName && t.str == name }

// lexer cuts a template into tokens on demand. src has "\n" line breaks only,
// and its last line break has been dropped.
type lexer struct {
	src    string
	pos    int
	state  kind   // tData, tVarBegin or tBlockBegin
	closer []byte // closing brackets that are awaited
	queued token  // found together with the token before it; kind tEOF: none
}

// normalise returns the text as the lexer wants it: Jinja knows three line
// breaks, makes one of them, and drops the last.
func normalise(src string) string {
	src = strings.TrimPrefix(src, "\uFEFF")
	if strings.IndexByte(src, '\r') >= 0 {
		src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	}
	return strings.TrimSuffix(src, "\n")
}

// lexError is an error at a byte offset.
type lexError struct {
	pos, span int
	msg       string
}

func (e *lexError) Error() string { return e.msg }

func (l *lexer) fail(pos, span int, format string, args ...any) (token, error) {
	return token{}, &lexError{pos, span, fmt.Sprintf(format, args...)}
}

// next returns the next token, or a *lexError.
func (l *lexer) next() (token, error) {
	if l.queued.kind != tEOF {
		t := l.queued
		l.queued.kind = tEOF
		return t, nil
	}
	if l.state == tData {
		return l.root()
	}
	return l.inTag()
}

// root reads text up to the next tag and queues that tag. Comments yield
// nothing, raw blocks text.
func (l *lexer) root() (token, error) {
	for l.pos < len(l.src) {
		start := l.pos
		at := findTag(l.src, start)
		if at < 0 {
			l.pos = len(l.src)
			return token{kind: tData, pos: int32(start), end: int32(l.pos), str: l.src[start:]}, nil
		}
		text := token{kind: tData, pos: int32(start), str: l.src[start:at]}
		l.pos = at + 2
		if l.sign() == '-' {
			text.str = trimRightSpace(text.str)
		}
		text.end = text.pos + int32(len(text.str))
		tag, err := l.tag(at)
		if err != nil {
			return token{}, err
		}
		switch {
		case text.str != "":
			l.queued = tag
			return text, nil
		case tag.kind != tEOF:
			return tag, nil
		}
	}
	return token{kind: tEOF, pos: int32(len(l.src)), end: int32(len(l.src))}, nil
}

// tag returns what the tag opener at byte at begins, behind which l.pos stands:
// a tag, the text of a raw block, or nothing (kind tEOF) for a comment.
func (l *lexer) tag(at int) (token, error) {
	switch l.src[at+1] {
	case '#':
		return l.comment(at)
	case '{':
		l.state = tVarBegin
	default:
		if end, ok := l.rawBegin(); ok {
			l.pos = end
			return l.raw(at)
		}
		l.state = tBlockBegin
	}
	return token{kind: l.state, pos: int32(at), end: int32(l.pos)}, nil
}

// findTag returns the place of the next tag opener, or -1.
func findTag(src string, from int) int {
	for from < len(src)-1 {
		i := strings.IndexByte(src[from:len(src)-1], '{')
		if i < 0 {
			return -1
		}
		from += i
		if c := src[from+1]; c == '{' || c == '%' || c == '#' {
			return from
		}
		from++
	}
	return -1
}

// sign reads a whitespace control sign, if there is one.
func (l *lexer) sign() byte {
	if l.pos < len(l.src) && (l.src[l.pos] == '-' || l.src[l.pos] == '+') {
		l.pos++
		return l.src[l.pos-1]
	}
	return 0
}

// comment skips the comment that began at byte at.
func (l *lexer) comment(at int) (token, error) {
	i := strings.Index(l.src[l.pos:], "#}")
	if i < 0 {
		return l.fail(at, 2, "missing end of comment tag")
	}
	minus := i > 0 && l.src[l.pos+i-1] == '-'
	l.pos += i + 2
	if minus {
		l.skipSpace()
	}
	return token{}, nil
}

// rawBegin reports whether a raw tag stands at l.pos, and where it ends.
func (l *lexer) rawBegin() (int, bool) {
	i := spaceEnd(l.src, l.pos)
	if !strings.HasPrefix(l.src[i:], "raw") {
		return 0, false
	}
	return l.tagEnd(spaceEnd(l.src, i+3), false)
}

// tagEnd reads the end of a block tag at i; plus says whether "+%}" is one.
func (l *lexer) tagEnd(i int, plus bool) (int, bool) {
	rest := l.src[i:]
	switch {
	case strings.HasPrefix(rest, "%}"):
		return i + 2, true
	case strings.HasPrefix(rest, "-%}"):
		return spaceEnd(l.src, i+3), true
	case plus && strings.HasPrefix(rest, "+%}"):
		return i + 3, true
	}
	return 0, false
}

// raw reads the text of the raw block that began at byte at.
func (l *lexer) raw(at int) (token, error) {
	start := l.pos
	for i := start; ; {
		j := strings.Index(l.src[i:], "{%")
		if j < 0 {
			return l.fail(at, 2, "missing end of raw directive")
		}
		end := i + j
		l.pos = end + 2
		minus := l.sign() == '-'
		i = spaceEnd(l.src, l.pos)
		if !strings.HasPrefix(l.src[i:], "endraw") {
			i = end + 1
			continue
		}
		after, ok := l.tagEnd(spaceEnd(l.src, i+6), true)
		if !ok {
			i = end + 1
			continue
		}
		l.pos = after
		text := l.src[start:end]
		if minus {
			text = trimRightSpace(text)
		}
		if text == "" {
			return token{}, nil
		}
		return token{kind: tData, pos: int32(start), end: int32(start + len(text)), str: text}, nil
	}
}

// inTag reads a token of a print statement or a block tag.
func (l *lexer) inTag() (token, error) {
	l.skipSpace()
	at := l.pos
	if at >= len(l.src) {
		return token{kind: tEOF, pos: int32(at), end: int32(at)}, nil
	}
	if len(l.closer) == 0 {
		if tok, ok := l.end(); ok {
			return tok, nil
		}
	}
	switch c := l.src[at]; {
	case c >= '0' && c <= '9':
		return l.number()
	case c == '\'' || c == '"':
		return l.text(c)
	case isNameByte(c):
		return l.name()
	case c >= utf8.RuneSelf:
		if r, _ := utf8.DecodeRuneInString(l.src[at:]); isNameRune(r) {
			return l.name()
		}
	}
	return l.operator()
}

// end reads the end of the tag, if it stands here.
func (l *lexer) end() (token, bool) {
	at, end := l.pos, 0
	rest := l.src[at:]
	tok := token{kind: tVarEnd, pos: int32(at)}
	if l.state == tBlockBegin {
		tok.kind = tBlockEnd
		end, _ = l.tagEnd(at, true)
	} else if strings.HasPrefix(rest, "}}") {
		end = at + 2
	} else if strings.HasPrefix(rest, "-}}") {
		end = spaceEnd(l.src, at+3)
	}
	if end == 0 {
		return tok, false
	}
	l.pos, l.state, tok.end = end, tData, int32(end)
	return tok, true
}

func (l *lexer) name() (token, error) {
	at := l.pos
	i := at
	for i < len(l.src) && isNameByte(l.src[i]) {
		i++
	}
	if i < len(l.src) && l.src[i] >= utf8.RuneSelf {
		for j, r := range l.src[i:] {
			if !isNameRune(r) {
				i += j
				break
			}
			if i+j+utf8.RuneLen(r) == len(l.src) {
				i = len(l.src)
				break
			}
		}
		if r, _ := utf8.DecodeRuneInString(l.src[at:]); !unicode.IsLetter(r) && r != '_' && !unicode.Is(unicode.Nl, r) {
			return l.fail(at, utf8.RuneCountInString(l.src[at:i]), "invalid character in identifier")
		}
	}
	l.pos = i
	return token{kind: tName, pos: int32(at), end: int32(i), str: l.src[at:i]}, nil
}

func isNameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isNameRune(r rune) bool {
	return r < utf8.RuneSelf && isNameByte(byte(r)) ||
		r >= utf8.RuneSelf && r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || unicode.Is(unicode.Pc, r))
}

// number reads an integer or a float. A number behind a dot is an index, so it
// takes no fraction.
func (l *lexer) number() (token, error) {
	at := l.pos
	if at == 0 || l.src[at-1] != '.' {
		if end := floatEnd(l.src, at); end > 0 {
			f, err := strconv.ParseFloat(strings.ReplaceAll(l.src[at:end], "_", ""), 64)
			if err != nil && f == 0 {
				return l.fail(at, end-at, "bad number")
			}
			l.pos = end
			return token{kind: tFloat, pos: int32(at), end: int32(end), num: f}, nil
		}
	}
	end, base := integerEnd(l.src, at)
	l.pos = end
	tok := token{kind: tInteger, pos: int32(at), end: int32(end)}
	if end-at < 18 && base == 10 && strings.IndexByte(l.src[at:end], '_') < 0 {
		n, _ := strconv.ParseInt(l.src[at:end], 10, 64)
		tok.num = n
		return tok, nil
	}
	digits := strings.ReplaceAll(l.src[at:end], "_", "")
	if base != 10 {
		digits = digits[2:]
	} else if len(digits) > maxIntDigits {
		return l.fail(at, 1, "exceeds the limit (%d digits) for integer string conversion", maxIntDigits)
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return l.fail(at, end-at, "bad number")
	}
	tok.num = normInt(n)
	return tok, nil
}

// digitsEnd reads digits with single underscores between them; it returns
// from if there are none.
func digitsEnd(s string, from int, ok func(byte) bool) int {
	i := from
	for i < len(s) {
		if ok(s[i]) {
			i++
		} else if s[i] == '_' && i > from && i+1 < len(s) && ok(s[i+1]) {
			i += 2
		} else {
			break
		}
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// floatEnd returns the end of the float at from, or 0 if there is none.
func floatEnd(s string, from int) int {
	i := digitsEnd(s, from, isDigit)
	float := false
	if i+1 < len(s) && s[i] == '.' && isDigit(s[i+1]) {
		i, float = digitsEnd(s, i+1, isDigit), true
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if k := digitsEnd(s, j, isDigit); k > j {
			i, float = k, true
		}
	}
	if !float {
		return 0
	}
	return i
}

func integerEnd(s string, at int) (end, base int) {
	if s[at] != '0' {
		return digitsEnd(s, at, isDigit), 10
	}
	if at+2 < len(s) {
		base, ok := 0, isHex
		switch s[at+1] {
		case 'b', 'B':
			base, ok = 2, func(c byte) bool { return c == '0' || c == '1' }
		case 'o', 'O':
			base, ok = 8, func(c byte) bool { return c >= '0' && c <= '7' }
		case 'x', 'X':
			base = 16
		}
		if base != 0 {
			from := at + 2
			if s[from] == '_' {
				from++
			}
			if end := digitsEnd(s, from, ok); end > from {
				return end, base
			}
		}
	}
	return digitsEnd(s, at, func(c byte) bool { return c == '0' }), 10
}

func (l *lexer) operator() (token, error) {
	at := l.pos
	k, n := operatorAt(l.src[at:])
	if n == 0 {
		r, _ := utf8.DecodeRuneInString(l.src[at:])
		return l.fail(at, 1, "unexpected char %s", Repr(string(r)))
	}
	switch k {
	case tLBrace:
		l.closer = append(l.closer, '}')
	case tLParen:
		l.closer = append(l.closer, ')')
	case tLBracket:
		l.closer = append(l.closer, ']')
	case tRBrace, tRParen, tRBracket:
		if len(l.closer) == 0 {
			return l.fail(at, 1, "unexpected '%c'", l.src[at])
		}
		want := l.closer[len(l.closer)-1]
		if l.closer = l.closer[:len(l.closer)-1]; want != l.src[at] {
			return l.fail(at, 1, "unexpected '%c', expected '%c'", l.src[at], want)
		}
	}
	l.pos = at + n
	return token{kind: k, pos: int32(at), end: int32(at + n)}, nil
}

func operatorAt(s string) (kind, int) {
	if len(s) > 1 {
		switch s[:2] {
		case "//":
			return tFloorDiv, 2
		case "**":
			return tPow, 2
		case "==":
			return tEq, 2
		case "!=":
			return tNe, 2
		case ">=":
			return tGe, 2
		case "<=":
			return tLe, 2
		}
	}
	i := strings.IndexByte("+-/*%~[](){}><=.:|,;", s[0])
	if i < 0 {
		return 0, 0
	}
	return [...]kind{tAdd, tSub, tDiv, tMul, tMod, tTilde, tLBracket, tRBracket, tLParen, tRParen, tLBrace, tRBrace,
		tGt, tLt, tAssign, tDot, tColon, tPipe, tComma, tSemicolon}[i], 1
}

func (l *lexer) skipSpace() { l.pos = spaceEnd(l.src, l.pos) }

// spaceEnd returns the first place from i on that is no white space.
func spaceEnd(s string, i int) int {
	for i < len(s) {
		if c := s[i]; c == ' ' || c == '\n' || c == '\t' {
			i++
			continue
		} else if c > ' ' && c < utf8.RuneSelf {
			return i
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if !isSpace(r) {
			return i
		}
		i += n
	}
	return i
}

// isSpace is Python's str.isspace of one character.
func isSpace(r rune) bool {
	return r >= 0x1c && r <= 0x1f || unicode.IsSpace(r)
}

func trimRightSpace(s string) string { return strings.TrimRightFunc(s, isSpace) }

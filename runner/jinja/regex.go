package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Flags of Python's re.
const (
	reIgnoreCase = 2
	reMultiline  = 8
	reDotAll     = 16
	reUnicode    = 32
	reVerbose    = 64
	reASCII      = 256
)

// pattern is a compiled regular expression of Python's re. Go's engine, which
// takes linear time, does what it can; what it can not do (look-around, references
// back) or does differently is for one that backtracks: see backtrack.go.
type pattern struct {
	source      string
	flags       int64
	names       []string       // of the groups, "" where one has none; the first is the whole
	re          *regexp.Regexp // nil: Go's engine can not
	start, full *regexp.Regexp // anchored, for match and fullmatch
	deep        *backtracker   // made when it is needed
	words       bool           // \b and \B, which Go knows for ASCII only
	dollar      bool           // $, which Python also finds before a last line break
	anchors     bool           // anything that looks at what is around
}

func (p *pattern) Attr(name string) (Value, bool) {
	switch name {
	case "pattern":
		return p.source, true
	case "flags":
		return p.flags | reUnicode, true
	case "groups":
		return int64(len(p.names) - 1), true
	}
	return nil, false
}

func (p *pattern) TypeName() string { return "Pattern" }
func (p *pattern) String() string   { return "re.compile(" + Repr(p.source) + ")" }

func compilePattern(v, flags Value) (*pattern, error) {
	if p, ok := v.(*pattern); ok {
		return p, nil
	}
	source, err := strArg(v, "a pattern")
	if err != nil {
		return nil, err
	}
	p := &pattern{source: source}
	if given(flags) && flags != nil {
		n, _, ok := asInt(flags)
		if !ok {
			return nil, raise(typeError, "flags must be an int")
		}
		p.flags = n
	}
	text, err := (&translator{pattern: p}).translate()
	if errors.Is(err, errBacktrack) {
		_, err = p.backtracker()
		return p, err
	}
	if err != nil {
		return nil, err
	}
	prefix := ""
	for _, f := range []struct {
		bit  int64
		name string
	}{{reIgnoreCase, "i"}, {reMultiline, "m"}, {reDotAll, "s"}} {
		if p.flags&f.bit != 0 {
			prefix += f.name
		}
	}
	if prefix != "" {
		text = "(?" + prefix + ")" + text
	}
	for _, c := range []struct {
		re   **regexp.Regexp
		text string
	}{{&p.re, text}, {&p.start, `\A(?:` + text + `)`}, {&p.full, `\A(?:` + text + `)\z`}} {
		if *c.re, err = regexp.Compile(c.text); err != nil {
			p.re = nil
			_, err = p.backtracker() // its word counts: Go bounds repetitions
			return p, err
		}
	}
	return p, nil
}

func (p *pattern) unsupported(what string) error {
	return raise(valueError, "the regular expression %s uses %s, which is not supported", Repr(p.source), what)
}

// errBacktrack says that Go's engine can not do it.
var errBacktrack = errors.New("needs backtracking")

// translator writes a pattern in Go's syntax, or in that of the engine that
// backtracks.
type translator struct {
	*pattern
	deep bool
	b    strings.Builder
}

// beyond is for what only the engine that backtracks can do.
func (t *translator) beyond() error {
	if t.deep {
		return nil
	}
	return errBacktrack
}

func (t *translator) translate() (string, error) {
	if t.flags&reVerbose != 0 && !t.deep {
		return "", errBacktrack
	}
	t.names = []string{""}
	b, s := &t.b, t.source
	inClass := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			if i+1 == len(s) {
				return "", raise(valueError, "bad escape (end of pattern)")
			}
			n, err := t.escape(s[i+1:], inClass)
			if err != nil {
				return "", err
			}
			i += n
		case inClass:
			if c == '[' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
			inClass = c != ']'
		case c == '[':
			inClass = true
			b.WriteByte(c)
			if i+1 < len(s) && s[i+1] == '^' {
				i++
				b.WriteByte('^')
			}
			if i+1 < len(s) && s[i+1] == ']' {
				i++
				b.WriteString(`\]`)
			}
		case c == '(' && strings.HasPrefix(s[i:], "(?"):
			n, err := t.group(s[i:])
			if err != nil {
				return "", err
			}
			i += n - 1
		case c == '(':
			t.names = append(t.names, "")
			b.WriteByte(c)
		case c == '{' && strings.HasPrefix(s[i:], "{,"):
			b.WriteString("{0,")
			i++
		case c == '$':
			t.dollar = t.dollar || t.flags&reMultiline == 0
			t.anchors = true
			b.WriteByte(c)
		case c == '^':
			t.anchors = true
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// escape translates what follows a backslash and returns its length.
func (t *translator) escape(s string, inClass bool) (int, error) {
	c, b := s[0], &t.b
	ascii := t.flags&reASCII != 0
	class := func(in, out string) {
		if inClass {
			b.WriteString(in)
		} else {
			b.WriteString(out)
		}
	}
	switch {
	case ascii && t.deep && strings.IndexByte("dDwWsS", c) >= 0:
		return t.asciiClass(c, inClass)
	case ascii && strings.IndexByte("dDwWsS", c) >= 0:
		b.WriteString(`\` + s[:1])
	case c == 'd':
		b.WriteString(`\p{Nd}`)
	case c == 'D':
		b.WriteString(`\P{Nd}`)
	case c == 'w':
		class(`\p{L}\p{N}_`, `[\p{L}\p{N}_]`)
	case c == 's':
		class(`\s\x0b\x1c-\x1f\x85\p{Z}`, `[\s\x0b\x1c-\x1f\x85\p{Z}]`)
	case c == 'W' && !inClass:
		b.WriteString(`[^\p{L}\p{N}_]`)
	case c == 'S' && !inClass:
		b.WriteString(`[^\s\x0b\x1c-\x1f\x85\p{Z}]`)
	case c == 'W' || c == 'S':
		b.WriteString(`\` + s[:1])
		return 1, t.beyond()
	case c == 'Z' && !inClass:
		t.anchors = true
		b.WriteString(`\z`)
	case c == 'A' && !inClass:
		t.anchors = true
		b.WriteString(`\A`)
	case c == 'b' && inClass:
		b.WriteString(`\x08`)
	case c == 'b' || c == 'B':
		t.words, t.anchors = true, true
		b.WriteString(`\` + s[:1])
	case c == '0':
		b.WriteString(`\x00`)
	case isDigit(c):
		n := 1
		if len(s) > 1 && isDigit(s[1]) {
			n = 2
		}
		return n, t.reference(s[:n])
	case c == 'u' && len(s) > 4:
		return 5, t.character(s[1:5])
	case c == 'U' && len(s) > 8:
		return 9, t.character(s[1:9])
	case c == 'x' && len(s) > 2:
		return 3, t.character(s[1:3])
	case strings.IndexByte("afnrtv", c) >= 0:
		b.WriteString(`\` + s[:1])
	case isNameByte(c) && c != '_':
		return 0, raise(valueError, `bad escape \%c in the regular expression %s`, c, Repr(t.source))
	case c >= utf8.RuneSelf:
		r, n := utf8.DecodeRuneInString(s)
		b.WriteRune(r)
		return n, nil
	default:
		b.WriteString(`\` + s[:1])
	}
	return 1, nil
}

// asciiClass is \d, \w, \s or the rest, of ASCII alone.
func (t *translator) asciiClass(c byte, inClass bool) (int, error) {
	set := map[byte]string{'d': `0-9`, 'w': `a-zA-Z0-9_`, 's': ` \t\n\r\f\v`}[c|0x20]
	switch {
	case c >= 'a' && inClass:
		t.b.WriteString(set)
	case c >= 'a':
		t.b.WriteString("[" + set + "]")
	case !inClass:
		t.b.WriteString("[^" + set + "]")
	default:
		return 0, t.unsupported(`\` + string(c) + " in a class with the flag ASCII")
	}
	return 1, nil
}

// character writes one that is given by its number.
func (t *translator) character(hex string) error {
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil || n > utf8.MaxRune {
		return raise(valueError, `bad escape in the regular expression %s`, Repr(t.source))
	}
	switch {
	case n > 0xffff && t.deep:
		t.b.WriteRune(rune(n))
	case t.deep:
		fmt.Fprintf(&t.b, `\u%04x`, n)
	default:
		fmt.Fprintf(&t.b, `\x{%x}`, n)
	}
	return nil
}

// reference writes a reference back to a group, by its number.
func (t *translator) reference(number string) error {
	if n, err := strconv.Atoi(number); err != nil || n >= len(t.names) {
		return raise(valueError, "invalid group reference %s in the regular expression %s", number, Repr(t.source))
	}
	t.b.WriteString(`\k<` + number + `>`)
	return t.beyond()
}

// group translates "(?…" and returns how much of s it has read.
func (t *translator) group(s string) (int, error) {
	b := &t.b
	switch {
	case strings.HasPrefix(s, "(?#"):
		end := strings.IndexByte(s, ')')
		if end < 0 {
			return 0, raise(valueError, "missing ), unterminated comment")
		}
		return end + 1, nil
	case strings.HasPrefix(s, "(?P<"), strings.HasPrefix(s, "(?P="):
		name, _, ok := strings.Cut(s[4:], map[byte]string{'<': ">", '=': ")"}[s[3]])
		known := slices.Index(t.names[1:], name) + 1
		if !ok || name == "" || s[3] == '<' && known > 0 {
			return 0, raise(valueError, "bad group name in the regular expression %s", Repr(t.source))
		}
		if s[3] == '<' {
			t.names = append(t.names, name)
			b.WriteByte('(')
			return 5 + len(name), nil
		}
		if known == 0 {
			return 0, raise(valueError, "unknown group name %s in the regular expression %s", Repr(name), Repr(t.source))
		}
		return 5 + len(name), t.reference(strconv.Itoa(known))
	case strings.HasPrefix(s, "(?:"):
		b.WriteString("(?:")
		return 3, nil
	case strings.HasPrefix(s, "(?="), strings.HasPrefix(s, "(?!"), strings.HasPrefix(s, "(?>"):
		b.WriteString(s[:3])
		return 3, t.beyond()
	case strings.HasPrefix(s, "(?<="), strings.HasPrefix(s, "(?<!"):
		b.WriteString(s[:4])
		return 4, t.beyond()
	}
	end := strings.IndexAny(s, "):")
	if end < 0 || strings.Trim(s[2:end], "aimsux-") != "" {
		return 0, t.unsupported("an extension")
	}
	flags := ""
	for _, c := range s[2:end] {
		switch c {
		case 'm':
			t.flags |= reMultiline
		case 'x':
			if err := t.beyond(); err != nil {
				return 0, err
			}
			if s[end] == ')' {
				t.flags |= reVerbose
			}
		case 'a':
			t.flags |= reASCII
		}
		if c != 'u' && c != 'a' {
			flags += string(c)
		}
	}
	if flags != "" || s[end] == ':' {
		b.WriteString("(?" + flags + s[end:end+1])
	}
	return end + 1, nil
}

// fits says whether Go's engine matches s as Python does.
func (p *pattern) fits(s string) bool {
	return p.re != nil && (!p.words || isASCII(s)) && (!p.dollar || !strings.HasSuffix(s, "\n"))
}

// all returns the matches in s as Python finds them: also empty ones right
// behind others, which Go leaves out.
func (p *pattern) all(s string, limit int) ([][]int, error) {
	if !p.fits(s) {
		return p.allDeep(s, limit)
	}
	found := p.re.FindAllStringSubmatchIndex(s, -1)
	if p.start.MatchString("") {
		if p.anchors && len(found) > 0 {
			for _, m := range found {
				if m[1] > m[0] {
					return p.allDeep(s, limit)
				}
			}
		}
		var out [][]int
		for i, m := range found {
			out = append(out, m)
			if m[1] == m[0] || i+1 < len(found) && found[i+1][0] == m[1] {
				continue
			}
			if e := p.start.FindStringSubmatchIndex(s[m[1]:]); e != nil && e[1] == 0 {
				for j := range e {
					if e[j] >= 0 {
						e[j] += m[1]
					}
				}
				out = append(out, e)
			}
		}
		found = out
	}
	if limit > 0 && len(found) > limit {
		found = found[:limit]
	}
	return found, nil
}

// match is a match of Python's re.
type match struct {
	p  *pattern
	s  string
	at []int // of the groups, as Go's regexp gives them
}

func (m *match) group(i int) Value {
	if m.at[2*i] < 0 {
		return nil
	}
	return m.s[m.at[2*i]:m.at[2*i+1]]
}

// index finds a group by number or name.
func (m *match) index(v Value) (int, error) {
	if name, ok := textOf(v); ok {
		if i := slices.Index(m.p.names[1:], name); i >= 0 && name != "" {
			return i + 1, nil
		}
		return 0, raise(lookupError, "no such group")
	}
	n, huge, ok := asInt(v)
	if !ok || huge != nil || n < 0 || int(n) >= len(m.at)/2 {
		return 0, raise(lookupError, "no such group")
	}
	return int(n), nil
}

func (m *match) Attr(name string) (Value, bool) {
	switch name {
	case "string":
		return m.s, true
	case "re":
		return m.p, true
	case "pos":
		return int64(0), true
	case "endpos":
		return int64(utf8.RuneCountInString(m.s)), true
	}
	return nil, false
}

func (m *match) TypeName() string { return "Match" }
func (m *match) String() string {
	from, to := m.offsets(0)
	return "<re.Match object; span=(" + strconv.Itoa(from) + ", " + strconv.Itoa(to) + "), match=" + Repr(m.group(0)) + ">"
}

func (m *match) Index(key Value) (Value, bool, error) {
	i, err := m.index(key)
	if err != nil {
		return nil, false, nil
	}
	return m.group(i), true, nil
}

func (m *match) offsets(i int) (int, int) {
	if m.at[2*i] < 0 {
		return -1, -1
	}
	return utf8.RuneCountInString(m.s[:m.at[2*i]]), utf8.RuneCountInString(m.s[:m.at[2*i+1]])
}

func (m *match) methods() map[string]*method   { return matchMethods }
func (p *pattern) methods() map[string]*method { return patternMethods }

func offsetMethod(pick func(from, to int) Value) *method {
	return &method{sig("group?"), func(_ *Call, obj Value, a []Value) (Value, error) {
		m, i := obj.(*match), 0
		if given(a[0]) {
			var err error
			if i, err = m.index(a[0]); err != nil {
				return nil, err
			}
		}
		return pick(m.offsets(i)), nil
	}}
}

var matchMethods = map[string]*method{
	"group": {sig("*"), func(_ *Call, obj Value, a []Value) (Value, error) {
		m, args := obj.(*match), a[0].(Tuple)
		if len(args) == 0 {
			return m.group(0), nil
		}
		out := make(Tuple, len(args))
		for i, v := range args {
			n, err := m.index(v)
			if err != nil {
				return nil, err
			}
			out[i] = m.group(n)
		}
		if len(out) == 1 {
			return out[0], nil
		}
		return out, nil
	}},
	"groups": {sig("default?"), func(_ *Call, obj Value, a []Value) (Value, error) {
		m := obj.(*match)
		out := make(Tuple, len(m.at)/2-1)
		for i := range out {
			if out[i] = m.group(i + 1); out[i] == nil {
				out[i] = optional(a[0])
			}
		}
		return out, nil
	}},
	"groupdict": {sig("default?"), func(_ *Call, obj Value, a []Value) (Value, error) {
		m, d := obj.(*match), NewDict()
		for i, name := range m.p.names {
			if name != "" {
				v := m.group(i)
				if v == nil {
					v = optional(a[0])
				}
				d.setText(name, v)
			}
		}
		return d, nil
	}},
	"start": offsetMethod(func(from, _ int) Value { return int64(from) }),
	"end":   offsetMethod(func(_, to int) Value { return int64(to) }),
	"span":  offsetMethod(func(from, to int) Value { return Tuple{int64(from), int64(to)} }),
}

package jinja

import (
	"regexp"
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

// pattern is a compiled regular expression of Python's re. What Go's engine
// can not do (look-around, references back) or does differently is an error.
type pattern struct {
	source      string
	flags       int64
	re          *regexp.Regexp
	start, full *regexp.Regexp // anchored, for match and fullmatch
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
		return int64(p.re.NumSubexp()), true
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
	if p.flags&reVerbose != 0 {
		return nil, p.unsupported("the flag VERBOSE")
	}
	text, err := p.translate()
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
			return nil, raise(valueError, "bad regular expression %s: %v", Repr(source), err)
		}
	}
	return p, nil
}

func (p *pattern) unsupported(what string) error {
	return raise(valueError, "the regular expression %s uses %s, which is not supported", Repr(p.source), what)
}

// translate writes the pattern in Go's syntax.
func (p *pattern) translate() (string, error) {
	var b strings.Builder
	s := p.source
	inClass := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			if i+1 == len(s) {
				return "", raise(valueError, "bad escape (end of pattern)")
			}
			n, err := p.escape(&b, s[i+1:], inClass)
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
			n, err := p.group(&b, s[i:])
			if err != nil {
				return "", err
			}
			i += n - 1
		case c == '{' && strings.HasPrefix(s[i:], "{,"):
			b.WriteString("{0,")
			i++
		case c == '$':
			p.dollar = p.dollar || p.flags&reMultiline == 0
			p.anchors = true
			b.WriteByte(c)
		case c == '^':
			p.anchors = true
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// escape translates what follows a backslash and returns its length.
func (p *pattern) escape(b *strings.Builder, s string, inClass bool) (int, error) {
	c := s[0]
	ascii := p.flags&reASCII != 0
	class := func(in, out string) {
		if inClass {
			b.WriteString(in)
		} else {
			b.WriteString(out)
		}
	}
	switch {
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
		return 0, p.unsupported(`\` + s[:1] + " in a class")
	case c == 'Z' && !inClass:
		p.anchors = true
		b.WriteString(`\z`)
	case c == 'A' && !inClass:
		p.anchors = true
		b.WriteString(`\A`)
	case c == 'b' && inClass:
		b.WriteString(`\x08`)
	case c == 'b' || c == 'B':
		p.words, p.anchors = true, true
		b.WriteString(`\` + s[:1])
	case c == '0':
		b.WriteString(`\x00`)
	case isDigit(c):
		return 0, p.unsupported("a reference back")
	case c == 'u' && len(s) > 4:
		b.WriteString(`\x{` + s[1:5] + `}`)
		return 5, nil
	case c == 'U' && len(s) > 8:
		b.WriteString(`\x{` + s[1:9] + `}`)
		return 9, nil
	case c == 'x' && len(s) > 2:
		b.WriteString(`\x` + s[1:3])
		return 3, nil
	case strings.IndexByte("afnrtv", c) >= 0:
		b.WriteString(`\` + s[:1])
	case isNameByte(c) && c != '_':
		return 0, raise(valueError, `bad escape \%c in the regular expression %s`, c, Repr(p.source))
	case c >= utf8.RuneSelf:
		r, n := utf8.DecodeRuneInString(s)
		b.WriteRune(r)
		return n, nil
	default:
		b.WriteString(`\` + s[:1])
	}
	return 1, nil
}

// group translates "(?…" and returns how much of s it has read.
func (p *pattern) group(b *strings.Builder, s string) (int, error) {
	switch {
	case strings.HasPrefix(s, "(?#"):
		end := strings.IndexByte(s, ')')
		if end < 0 {
			return 0, raise(valueError, "missing ), unterminated comment")
		}
		return end + 1, nil
	case strings.HasPrefix(s, "(?P<"):
		b.WriteString("(?P<")
		return 4, nil
	case strings.HasPrefix(s, "(?:"):
		b.WriteString("(?:")
		return 3, nil
	case strings.HasPrefix(s, "(?="), strings.HasPrefix(s, "(?!"), strings.HasPrefix(s, "(?<"):
		return 0, p.unsupported("look-around")
	case strings.HasPrefix(s, "(?P="):
		return 0, p.unsupported("a reference back")
	}
	end := strings.IndexAny(s, "):")
	if end < 0 || strings.Trim(s[2:end], "imsu-") != "" {
		return 0, p.unsupported("an extension")
	}
	for _, c := range s[2:end] {
		if c == 'm' {
			p.flags |= reMultiline
		}
	}
	flags := strings.ReplaceAll(s[2:end], "u", "")
	if flags != "" || s[end] == ':' {
		b.WriteString("(?" + flags + s[end:end+1])
	}
	return end + 1, nil
}

// fits fails for texts on which Go's engine would match differently.
func (p *pattern) fits(s string) error {
	if p.words && !isASCII(s) {
		return p.unsupported(`\b on text that is not ASCII`)
	}
	if p.dollar && strings.HasSuffix(s, "\n") {
		return p.unsupported("$ on text that ends with a line break")
	}
	return nil
}

// all returns the matches in s as Python finds them: also empty ones right
// behind others, which Go leaves out.
func (p *pattern) all(s string, limit int) ([][]int, error) {
	if err := p.fits(s); err != nil {
		return nil, err
	}
	found := p.re.FindAllStringSubmatchIndex(s, -1)
	if p.start.MatchString("") {
		if p.anchors && len(found) > 0 {
			for _, m := range found {
				if m[1] > m[0] {
					return nil, p.unsupported("an empty match with an anchor")
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
		if i := m.p.re.SubexpIndex(name); i >= 0 {
			return i, nil
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
		for i, name := range m.p.re.SubexpNames() {
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

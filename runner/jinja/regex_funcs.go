package jinja

import (
	"regexp"
	"strings"
)

// regexFunc is a function of re; as a method of a pattern it lacks the first
// argument and the flags.
type regexFunc struct {
	params string
	f      func(c *Call, p *pattern, a []Value) (Value, error)
}

var regexFuncs = map[string]regexFunc{
	"match": {"string", func(c *Call, p *pattern, a []Value) (Value, error) {
		return p.matchAt("match", a[0])
	}},
	"search": {"string", func(c *Call, p *pattern, a []Value) (Value, error) {
		return p.matchAt("search", a[0])
	}},
	"fullmatch": {"string", func(c *Call, p *pattern, a []Value) (Value, error) {
		return p.matchAt("fullmatch", a[0])
	}},
	"findall":  {"string", regexFindAll},
	"finditer": {"string", regexFindIter},
	"split":    {"string maxsplit?", regexSplit},
	"sub":      {"repl string count?", func(c *Call, p *pattern, a []Value) (Value, error) { s, _, err := p.sub(c, a); return s, err }},
	"subn": {"repl string count?", func(c *Call, p *pattern, a []Value) (Value, error) {
		s, n, err := p.sub(c, a)
		return Tuple{s, int64(n)}, err
	}},
}

var patternMethods = makePatternMethods()

func makePatternMethods() map[string]*method {
	m := map[string]*method{}
	for name, rf := range regexFuncs {
		m[name] = &method{sig(rf.params), func(c *Call, obj Value, a []Value) (Value, error) {
			return rf.f(c, obj.(*pattern), a)
		}}
	}
	return m
}

func regexModule() Value {
	attrs := map[string]Value{}
	for name, rf := range regexFuncs {
		s := sig("pattern " + rf.params + " flags?")
		attrs[name] = Func{name, func(c *Call) (Value, error) {
			a, err := s.bind(name, arguments{c.Args, kwargsOf(c.Kwargs)})
			if err != nil {
				return nil, err
			}
			p, err := compilePattern(a[0], a[len(a)-1])
			if err != nil {
				return nil, err
			}
			return rf.f(c, p, a[1:len(a)-1])
		}}
	}
	attrs["compile"] = bound("compile", []string{"pattern", "flags=0"}, func(_ *Call, a []Value) (Value, error) {
		return orNil(compilePattern(a[0], a[1]))
	})
	attrs["escape"] = bound("escape", []string{"pattern"}, func(_ *Call, a []Value) (Value, error) {
		s, err := strArg(a[0], "a pattern")
		var b strings.Builder
		for _, r := range s {
			if r < 0x80 && strings.ContainsRune("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
		return b.String(), err
	})
	attrs["purge"] = bound("purge", nil, func(*Call, []Value) (Value, error) { return nil, nil })
	for name, bit := range map[string]int64{"I": reIgnoreCase, "IGNORECASE": reIgnoreCase, "M": reMultiline, "MULTILINE": reMultiline,
		"S": reDotAll, "DOTALL": reDotAll, "X": reVerbose, "VERBOSE": reVerbose, "A": reASCII, "ASCII": reASCII, "U": reUnicode, "UNICODE": reUnicode} {
		attrs[name] = bit
	}
	return &object{kind: "dict", attrs: attrs}
}

// matchAt is match, search or fullmatch.
func (p *pattern) matchAt(how string, v Value) (Value, error) {
	s, err := strArg(v, "the text")
	if err != nil {
		return nil, err
	}
	var at []int
	if p.fits(s) {
		at = map[string]*regexp.Regexp{"match": p.start, "search": p.re, "fullmatch": p.full}[how].FindStringSubmatchIndex(s)
	} else if at, err = p.firstDeep(how, s); err != nil {
		return nil, err
	}
	if at == nil {
		return nil, nil
	}
	return &match{p, s, at}, nil
}

func regexFindAll(c *Call, p *pattern, a []Value) (Value, error) {
	s, err := strArg(a[0], "the text")
	if err != nil {
		return nil, err
	}
	found, err := p.all(s, 0)
	out := make([]Value, len(found))
	text := func(m []int, i int) Value {
		if m[2*i] < 0 {
			return ""
		}
		return s[m[2*i]:m[2*i+1]]
	}
	for i, m := range found {
		switch n := len(m)/2 - 1; n {
		case 0, 1:
			out[i] = text(m, n)
		default:
			t := make(Tuple, n)
			for j := range t {
				t[j] = text(m, j+1)
			}
			out[i] = t
		}
	}
	return &List{out}, err
}

func regexFindIter(c *Call, p *pattern, a []Value) (Value, error) {
	s, err := strArg(a[0], "the text")
	if err != nil {
		return nil, err
	}
	found, err := p.all(s, 0)
	out := make([]Value, len(found))
	for i, m := range found {
		out[i] = &match{p, s, m}
	}
	return sliceKind("callable_iterator", out), err
}

func regexSplit(c *Call, p *pattern, a []Value) (Value, error) {
	s, err := strArg(a[0], "the text")
	if err != nil {
		return nil, err
	}
	limit, err := indexArg(a[1], 0)
	if err != nil {
		return nil, err
	}
	found, err := p.all(s, limit)
	if err != nil {
		return nil, err
	}
	var out []Value
	last := 0
	for _, m := range found {
		out = append(out, s[last:m[0]])
		for i := 2; i < len(m); i += 2 {
			if m[i] < 0 {
				out = append(out, nil)
			} else {
				out = append(out, s[m[i]:m[i+1]])
			}
		}
		last = m[1]
	}
	return &List{append(out, s[last:])}, nil
}

// sub replaces matches by a template or by what a function makes of them.
func (p *pattern) sub(c *Call, a []Value) (string, int, error) {
	s, err := strArg(a[1], "the text")
	if err != nil {
		return "", 0, err
	}
	limit, err := indexArg(a[2], 0)
	if err != nil {
		return "", 0, err
	}
	found, err := p.all(s, limit)
	if err != nil {
		return "", 0, err
	}
	with, isText := textOf(a[0])
	var b strings.Builder
	last := 0
	for _, at := range found {
		m := &match{p, s, at}
		b.WriteString(s[last:at[0]])
		last = at[1]
		if isText {
			err = m.expand(&b, with)
		} else {
			var v Value
			if v, err = c.CallValue(a[0], []Value{m}, nil); err == nil {
				var text string
				text, err = strArg(v, "what the function returns")
				b.WriteString(text)
			}
		}
		if err == nil && b.Len() > c.f.rt.limits.Output {
			err = c.f.rt.spend(b.Len())
		}
		if err != nil {
			return "", 0, err
		}
	}
	b.WriteString(s[last:])
	return b.String(), len(found), nil
}

// expand writes a replacement, in which \1 and \g<name> stand for groups.
func (m *match) expand(b *strings.Builder, with string) error {
	for {
		before, rest, ok := strings.Cut(with, `\`)
		b.WriteString(before)
		if !ok {
			return nil
		}
		if rest == "" {
			return raise(valueError, "bad escape (end of pattern)")
		}
		c := rest[0]
		with = rest[1:]
		var key Value
		switch {
		case c == 'g':
			name, after, ok := strings.Cut(strings.TrimPrefix(with, "<"), ">")
			if !ok || !strings.HasPrefix(with, "<") {
				return raise(valueError, "missing group name")
			}
			key, with = attrPart(name), after
		case c == '0':
			b.WriteByte(0)
			continue
		case isDigit(c):
			n := int64(c - '0')
			if with != "" && isDigit(with[0]) {
				n, with = 10*n+int64(with[0]-'0'), with[1:]
			}
			key = n
		case strings.IndexByte("abfnrtv\\", c) >= 0:
			b.WriteByte("\a\b\f\n\r\t\v\\"[strings.IndexByte("abfnrtv\\", c)])
			continue
		case isNameByte(c) && c != '_':
			return raise(valueError, `bad escape \%c`, c)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
			continue
		}
		i, err := m.index(key)
		if err != nil {
			return raise(valueError, "invalid group reference %s", Str(key))
		}
		if v, ok := m.group(i).(string); ok {
			b.WriteString(v)
		}
	}
}

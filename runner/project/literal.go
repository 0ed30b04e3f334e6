package project

import (
	"math/big"
	"strconv"
	"strings"

	"warehouse/runner/jinja"
)

// literal reads a text as Python's ast.literal_eval does: None, booleans,
// numbers, texts, lists, tuples and dicts of them. It reports false for
// everything else.
func literal(s string) (jinja.Value, bool) {
	p := &literalParser{s: strings.TrimLeft(s, " \t")}
	if p.s == "" {
		return nil, false
	}
	v, ok := p.value(0)
	if p.space(); !ok || p.i < len(p.s) {
		return nil, false
	}
	return v, true
}

type literalParser struct {
	s string
	i int
}

func (p *literalParser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n\f", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *literalParser) eat(c byte) bool {
	if p.space(); p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *literalParser) value(depth int) (jinja.Value, bool) {
	if p.space(); p.i >= len(p.s) || depth > 100 {
		return nil, false
	}
	switch c := p.s[p.i]; {
	case c == '[':
		p.i++
		items, _, ok := p.items(']', depth)
		return &jinja.List{Items: items}, ok
	case c == '(':
		p.i++
		items, comma, ok := p.items(')', depth)
		if ok && len(items) == 1 && !comma {
			return items[0], true
		}
		return jinja.Tuple(items), ok
	case c == '{':
		p.i++
		return p.dict(depth)
	case c == '\'' || c == '"':
		return p.text()
	case c == '-' || c == '+' || c == '.' || c >= '0' && c <= '9':
		return p.number()
	}
	for word, v := range map[string]jinja.Value{"None": nil, "True": true, "False": false} {
		if strings.HasPrefix(p.s[p.i:], word) {
			p.i += len(word)
			return v, p.i == len(p.s) || strings.IndexByte(" \t\r\n,:)]}", p.s[p.i]) >= 0
		}
	}
	return nil, false
}

func (p *literalParser) items(end byte, depth int) (items []jinja.Value, comma, ok bool) {
	for {
		if p.eat(end) {
			return items, comma, true
		}
		if len(items) > 0 && !comma {
			return nil, false, false
		}
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false, false
		}
		items = append(items, v)
		comma = p.eat(',')
	}
}

func (p *literalParser) dict(depth int) (jinja.Value, bool) {
	d := jinja.NewDict()
	for comma := true; ; {
		if p.eat('}') {
			return d, true
		}
		if !comma {
			return nil, false
		}
		k, ok := p.value(depth + 1)
		if !ok || !p.eat(':') {
			return nil, false
		}
		v, ok := p.value(depth + 1)
		if !ok || d.Set(k, v) != nil {
			return nil, false
		}
		comma = p.eat(',')
	}
}

// text reads a quoted text. Escapes beyond the common ones make it no literal:
// the text then stays as it was written.
func (p *literalParser) text() (jinja.Value, bool) {
	quote := p.s[p.i]
	var b strings.Builder
	for p.i++; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; c {
		case quote:
			p.i++
			return b.String(), true
		case '\n':
			return nil, false
		case '\\':
			if p.i++; p.i >= len(p.s) {
				return nil, false
			}
			switch e := p.s[p.i]; e {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			case '\\', '\'', '"':
				b.WriteByte(e)
			default:
				return nil, false
			}
		default:
			b.WriteByte(c)
		}
	}
	return nil, false
}

func (p *literalParser) number() (jinja.Value, bool) {
	start := p.i
	for p.i < len(p.s) && strings.IndexByte("+-", p.s[p.i]) >= 0 {
		p.i++
	}
	negative := strings.Count(p.s[start:p.i], "-")%2 == 1
	from := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		digit := c >= '0' && c <= '9' || c == '.' || c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		sign := (c == '+' || c == '-') && p.s[p.i-1]|0x20 == 'e' && !strings.HasPrefix(p.s[from:], "0x")
		if !digit && !sign {
			break
		}
		p.i++
	}
	return pythonNumber(p.s[from:p.i], negative)
}

func pythonNumber(s string, negative bool) (jinja.Value, bool) {
	if s == "" || s[0] == '_' || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return nil, false
	}
	if n, ok := new(big.Int).SetString(s, 0); ok && !leadingZero(s) {
		if negative {
			n.Neg(n)
		}
		return jinja.FromGo(n), true
	}
	if !strings.ContainsAny(s, ".eE") || strings.Trim(s, "0123456789.eE+-_") != "" {
		return nil, false
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && v == 0 {
		return nil, false
	}
	if negative {
		v = -v
	}
	return v, true
}

// leadingZero: 007 is no number of Python's, 0 and 00 are.
func leadingZero(s string) bool {
	return len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9' && strings.Trim(s, "0_") != ""
}

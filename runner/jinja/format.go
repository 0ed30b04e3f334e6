package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// percent is Python's "…" % v.
func (rt *render) percent(format string, v Value, escape bool) (Value, error) {
	p := percenter{rt: rt, args: Tuple{v}, escape: escape}
	switch v := v.(type) {
	case Tuple:
		p.args = v
	case *groupTuple:
		p.args = v.tuple()
	case *Dict, Mapping:
		p.dict, _ = asDict(v)
		p.mapping = true
	case *List, *rangeValue, *Undefined:
		p.mapping = true
	}
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			p.b.WriteString(format)
			break
		}
		p.b.WriteString(format[:i])
		rest, err := p.directive(format[i+1:])
		if err != nil {
			return nil, err
		}
		format = rest
		if err := rt.spend(p.b.Len()); err != nil {
			return nil, err
		}
	}
	if p.next < len(p.args) && !p.mapping {
		return nil, raise(typeError, "not all arguments converted during string formatting")
	}
	return p.b.String(), nil
}

type percenter struct {
	rt      *render
	b       strings.Builder
	args    Tuple
	next    int
	dict    *Dict
	mapping bool
	escape  bool
}

func (p *percenter) arg() (Value, error) {
	if p.next >= len(p.args) {
		return nil, raise(typeError, "not enough arguments for format string")
	}
	p.next++
	return p.args[p.next-1], nil
}

// directive formats what follows a percent sign and returns what follows that.
func (p *percenter) directive(s string) (string, error) {
	var v Value
	var err error
	named := false
	if strings.HasPrefix(s, "(") {
		if p.dict == nil {
			return "", raise(typeError, "format requires a mapping")
		}
		depth, i := 0, 0
		for ; i < len(s); i++ {
			if s[i] == '(' {
				depth++
			} else if s[i] == ')' {
				if depth--; depth == 0 {
					break
				}
			}
		}
		if i == len(s) {
			return "", raise(valueError, "incomplete format key")
		}
		var ok bool
		if v, ok = p.dict.Get(s[1:i]); !ok {
			return "", raise(lookupError, "%s", Repr(s[1:i]))
		}
		named, s = true, s[i+1:]
	}
	sp := spec{fill: ' ', precision: -1}
	left := false
	for ; s != "" && strings.IndexByte("-+ #0", s[0]) >= 0; s = s[1:] {
		switch s[0] {
		case '-':
			left = true
		case '+':
			sp.sign = '+'
		case ' ':
			if sp.sign == 0 {
				sp.sign = ' '
			}
		case '#':
			sp.alt = true
		case '0':
			sp.zero = true
		}
	}
	if sp.width, s, err = p.size(s); err != nil {
		return "", err
	}
	if sp.width < 0 {
		left, sp.width = true, -sp.width
	}
	if strings.HasPrefix(s, ".") {
		if sp.precision, s, err = p.size(s[1:]); err != nil {
			return "", err
		}
		sp.precision = max(sp.precision, 0)
	}
	s = strings.TrimLeft(s, "hlL")
	if s == "" {
		return "", raise(valueError, "incomplete format")
	}
	if left {
		sp.align, sp.zero = '<', false
	}
	sp.kind = s[0]
	if sp.kind == '%' {
		p.b.WriteByte('%')
		return s[1:], nil
	}
	if !named {
		if v, err = p.arg(); err != nil {
			return "", err
		}
	}
	text, err := p.convert(v, sp)
	if err != nil {
		return "", err
	}
	p.b.WriteString(text)
	_, n := utf8.DecodeRuneInString(s)
	return s[n:], nil
}

// size reads a width or a precision, which "*" takes from the arguments.
func (p *percenter) size(s string) (int, string, error) {
	if !strings.HasPrefix(s, "*") {
		return eatInt(s)
	}
	v, err := p.arg()
	if err != nil {
		return 0, s, err
	}
	n, huge, ok := asInt(v)
	if !ok {
		return 0, s, raise(typeError, "* wants int")
	}
	if huge != nil || n > maxWidth || n < -maxWidth {
		return 0, s, raise(limitError, "the width of a format is more than %d", maxWidth)
	}
	return int(n), s[1:], nil
}

func (p *percenter) convert(v Value, sp spec) (string, error) {
	if d, ok := v.(*Decimal); ok && strings.IndexByte("diueEfFgG", sp.kind) >= 0 {
		var err error
		if v, err = d.Float(); strings.IndexByte("diu", sp.kind) >= 0 {
			v, err = d.Int()
		}
		if err != nil {
			return "", err
		}
	}
	switch sp.kind {
	case 's', 'r', 'a':
		return p.text(v, sp)
	case 'c':
		if s, ok := textOf(v); ok && utf8.RuneCountInString(s) == 1 {
			return sp.pad(s, '>'), nil
		}
		if n, huge, ok := asInt(v); ok && huge == nil && n >= 0 && n <= 0x10ffff {
			return sp.pad(string(rune(n)), '>'), nil
		}
		return "", raise(typeError, "%%c requires int or char")
	case 'd', 'i', 'u', 'o', 'x', 'X':
		return percentInt(v, sp)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if !isNumber(v) {
			if err := usable(v); err != nil {
				return "", err
			}
			return "", raise(typeError, "must be real number, not %s", typeName(v))
		}
		f, err := toFloat(v)
		if err != nil {
			return "", err
		}
		if sp.zero && sp.align == 0 {
			sp.align, sp.fill = '=', '0'
		}
		return formatFloat(f, sp)
	}
	return "", raise(valueError, "unsupported format character '%c' (0x%x)", sp.kind, sp.kind)
}

func (p *percenter) text(v Value, sp spec) (string, error) {
	how := (*printer).str
	if sp.kind != 's' {
		how = (*printer).repr
	}
	s, err := p.rt.print(v, how)
	if err != nil {
		return "", err
	}
	if _, isMarkup := v.(Markup); p.escape && !(isMarkup && sp.kind == 's') {
		s = escapeHTML(s)
	}
	if sp.kind == 'a' {
		var b strings.Builder
		for _, r := range s {
			if r < utf8.RuneSelf {
				b.WriteRune(r)
			} else {
				b.WriteString(`\` + backslashed(r))
			}
		}
		s = b.String()
	}
	if sp.precision >= 0 {
		s, _ = sliceText(s, [3]Value{nil, int64(sp.precision)})
	}
	return sp.pad(s, '>'), nil
}

func percentInt(v Value, sp spec) (string, error) {
	var n *big.Int
	switch x := v.(type) {
	case int64, bool, *big.Int:
		n = toBig(v)
	case float64:
		if sp.kind == 'd' || sp.kind == 'i' || sp.kind == 'u' {
			var err error
			if n, err = floatToInt(x); err != nil {
				return "", err
			}
		}
	}
	if n == nil {
		if err := usable(v); err != nil {
			return "", err
		}
		if sp.kind == 'd' || sp.kind == 'i' || sp.kind == 'u' {
			return "", raise(typeError, "%%%c format: a real number is required, not %s", sp.kind, typeName(v))
		}
		return "", raise(typeError, "%%%c format: an integer is required, not %s", sp.kind, typeName(v))
	}
	precision := sp.precision
	if sp.kind == 'i' || sp.kind == 'u' {
		sp.kind = 'd'
	}
	if sp.zero && sp.align == 0 {
		sp.align, sp.fill = '=', '0'
	}
	if precision < 0 {
		return formatInt(n, sp)
	}
	inner := spec{fill: '0', align: '=', precision: -1, kind: sp.kind, sign: sp.sign, alt: sp.alt, width: precision}
	if n.Sign() < 0 || sp.sign != 0 {
		inner.width++
	}
	if sp.alt && sp.kind != 'd' {
		inner.width += 2
	}
	s, err := formatInt(n, inner)
	if err != nil {
		return "", err
	}
	return sp.pad(s, '>'), nil
}

func floatToInt(f float64) (*big.Int, error) {
	if math.IsNaN(f) {
		return nil, raise(valueError, "cannot convert float NaN to integer")
	}
	if math.IsInf(f, 0) {
		return nil, raise(overflowError, "cannot convert float infinity to integer")
	}
	n, _ := big.NewFloat(f).Int(nil)
	return n, nil
}

// formatter is one call of str.format.
type formatter struct {
	rt     *render
	args   Tuple
	kwargs *Dict
	auto   int  // the next automatic number; -1 once numbers are given
	manual bool // numbers are given
	escape bool // Markup.format
}

// strFormat is str.format.
func (rt *render) strFormat(s string, args Tuple, kwargs *Dict, escape bool) (string, error) {
	f := formatter{rt: rt, args: args, kwargs: kwargs, escape: escape}
	text, err := f.format(s, 0)
	if err != nil {
		return "", err
	}
	return text, rt.spend(len(text))
}

func (f *formatter) format(s string, depth int) (string, error) {
	if depth > 1 {
		return "", raise(valueError, "Max string recursion exceeded")
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		c := s[i]
		s = s[i+1:]
		if s != "" && s[0] == c {
			b.WriteByte(c)
			s = s[1:]
			continue
		}
		if c == '}' {
			return "", raise(valueError, "Single '}' encountered in format string")
		}
		field, rest, err := cutField(s)
		if err != nil {
			return "", err
		}
		text, err := f.field(field, depth)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		if b.Len() > f.rt.limits.Output {
			return "", f.rt.spend(b.Len())
		}
		s = rest
	}
	return b.String(), nil
}

// cutField returns what stands in {…}, whose end it looks for.
func cutField(s string) (field, rest string, err error) {
	depth, bracket := 1, false
	for i := 0; i < len(s); i++ {
		switch {
		case bracket:
			bracket = s[i] != ']'
		case s[i] == '[' && depth == 1:
			bracket = true
		case s[i] == '{':
			depth++
		case s[i] == '}':
			if depth--; depth == 0 {
				return s[:i], s[i+1:], nil
			}
		}
	}
	if s == "" {
		return "", "", raise(valueError, "Single '{' encountered in format string")
	}
	return "", "", raise(valueError, "expected '}' before end of string")
}

// field formats what stands in braces: name[!conversion][:spec].
func (f *formatter) field(s string, depth int) (string, error) {
	name, conversion, text := s, "", ""
	bracket := false
	for i := 0; i < len(s); i++ {
		if s[i] == '[' {
			bracket = true
		} else if s[i] == ']' {
			bracket = false
		}
		if !bracket && (s[i] == '!' || s[i] == ':') {
			name, text = s[:i], s[i+1:]
			if s[i] == '!' {
				if len(text) == 0 || len(text) > 1 && text[1] != ':' {
					return "", raise(valueError, "expected ':' after conversion specifier")
				}
				conversion, text = text[:1], strings.TrimPrefix(text[1:], ":")
			}
			break
		}
	}
	v, err := f.value(name)
	if err != nil {
		return "", err
	}
	if isSecret(v) {
		return "", errSecret
	}
	switch conversion {
	case "":
	case "s", "r", "a":
		p := percenter{rt: f.rt}
		text, err := p.text(v, spec{kind: conversion[0], precision: -1})
		if err != nil {
			return "", err
		}
		v = text
	default:
		return "", raise(valueError, "Unknown conversion specifier '%s'", conversion)
	}
	if strings.ContainsAny(text, "{}") {
		if text, err = f.format(text, depth+1); err != nil {
			return "", err
		}
	}
	out, err := f.rt.formatValue(v, text)
	if _, isMarkup := v.(Markup); err == nil && f.escape && !isMarkup {
		out = escapeHTML(out)
	}
	return out, err
}

// value finds the value of a field name such as 0.name[key].
func (f *formatter) value(name string) (Value, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	v, err := f.first(name[:end])
	if err != nil {
		return nil, err
	}
	for rest := name[end:]; rest != ""; {
		if rest[0] == '.' {
			rest = rest[1:]
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, raise(valueError, "Empty attribute in format string")
			}
			v, err = f.rt.getAttr(v, rest[:end])
			rest = rest[end:]
		} else {
			key, after, ok := strings.Cut(rest[1:], "]")
			switch {
			case !ok:
				return nil, raise(valueError, "Missing ']' in format string")
			case key == "":
				return nil, raise(valueError, "Empty attribute in format string")
			case after != "" && after[0] != '.' && after[0] != '[':
				return nil, raise(valueError, "Only '.' or '[' may follow ']' in format field specifier")
			}
			var k Value = key
			if n, err := strconv.ParseInt(key, 10, 64); err == nil && isDigit(key[0]) {
				k = n
			}
			v, err = f.rt.getItem(v, k)
			rest = after
		}
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (f *formatter) first(name string) (Value, error) {
	index := -1
	if name == "" {
		if f.manual {
			return nil, raise(valueError, "cannot switch from manual field specification to automatic field numbering")
		}
		index = f.auto
		f.auto++
	} else if isDigit(name[0]) {
		if n, err := strconv.Atoi(name); err == nil {
			if f.auto > 0 {
				return nil, raise(valueError, "cannot switch from automatic field numbering to manual field specification")
			}
			f.manual, index = true, n
		}
	}
	if index >= 0 {
		if index >= len(f.args) {
			return nil, raise(lookupError, "Replacement index %d out of range for positional args tuple", index)
		}
		return f.args[index], nil
	}
	if v, ok := f.kwargs.Get(name); ok {
		return v, nil
	}
	return nil, raise(lookupError, "%s", Repr(name))
}

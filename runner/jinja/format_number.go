package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// spec is a format specification of Python's format():
// [[fill]align][sign][#][0][width][grouping][.precision][type].
type spec struct {
	fill      rune
	align     byte // 0: not given
	sign      byte
	alt, zero bool
	width     int
	group     byte
	precision int // -1: not given
	kind      byte
}

const maxWidth = 1 << 20 // of a formatted number or text

func parseSpec(s string) (spec, error) {
	p, filled := spec{fill: ' ', precision: -1}, false
	isAlign := func(c byte) bool { return c == '<' || c == '>' || c == '=' || c == '^' }
	if r, n := utf8.DecodeRuneInString(s); n > 0 && len(s) > n && isAlign(s[n]) {
		p.fill, p.align, s, filled = r, s[n], s[n+1:], true
	} else if s != "" && isAlign(s[0]) {
		p.align, s = s[0], s[1:]
	}
	eat := func(set string) byte {
		if s != "" && strings.IndexByte(set, s[0]) >= 0 {
			c := s[0]
			s = s[1:]
			return c
		}
		return 0
	}
	p.sign = eat("+- ")
	p.alt = eat("#") != 0
	if eat("0") != 0 {
		p.zero = true
		if !filled {
			p.fill = '0'
		}
		if p.align == 0 {
			p.align = '='
		}
	}
	var err error
	if p.width, s, err = eatInt(s); err != nil {
		return p, err
	}
	p.group = eat(",_")
	if eat(".") != 0 {
		before := s
		if p.precision, s, err = eatInt(s); err != nil {
			return p, err
		}
		if before == s {
			return p, raise(valueError, "Format specifier missing precision")
		}
	}
	if len(s) > 1 {
		return p, raise(valueError, "Invalid format specifier")
	}
	if s != "" {
		p.kind = s[0]
	}
	return p, nil
}

func eatInt(s string) (int, string, error) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == 0 {
		return 0, s, nil
	}
	n, err := strconv.Atoi(s[:i])
	if err != nil || n > maxWidth {
		return 0, s, raise(limitError, "the width of a format is more than %d", maxWidth)
	}
	return n, s[i:], nil
}

// pad aligns a text; preset is the alignment when the spec has none.
func (p spec) pad(s string, preset byte) string {
	n := p.width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	align := p.align
	if align == 0 {
		align = preset
	}
	fill := func(n int) string { return strings.Repeat(string(p.fill), n) }
	switch align {
	case '<':
		return s + fill(n)
	case '^':
		return fill(n/2) + s + fill(n-n/2)
	}
	return fill(n) + s
}

// formatValue is Python's format(v, spec).
func (rt *render) formatValue(v Value, text string) (string, error) {
	if f, ok := v.(Formatter); ok {
		return f.Format(text)
	}
	if text == "" {
		return rt.str(v)
	}
	p, err := parseSpec(text)
	if err != nil {
		return "", err
	}
	switch x := v.(type) {
	case string:
		return formatText(x, p)
	case Markup:
		return formatText(string(x), p)
	case int64, bool, *big.Int:
		return formatInt(toBig(v), p)
	case float64:
		return formatFloat(x, p)
	}
	return "", raise(typeError, "unsupported format string passed to %s.__format__", typeName(v))
}

func formatText(s string, p spec) (string, error) {
	switch {
	case p.kind != 0 && p.kind != 's':
		return "", unknownFormat(p.kind, "str")
	case p.group != 0:
		return "", raise(valueError, "Cannot specify '%c' with 's'.", p.group)
	case p.sign != 0:
		return "", raise(valueError, "Sign not allowed in string format specifier")
	case p.align == '=' && !p.zero:
		return "", raise(valueError, "'=' alignment not allowed in string format specifier")
	}
	if p.zero && p.align == '=' { // "05" pads a text on the right, with zeros
		p.align = '<'
	}
	if p.precision >= 0 {
		s, _ = sliceText(s, [3]Value{nil, int64(p.precision)})
	}
	return p.pad(s, '<'), nil
}

func unknownFormat(k byte, of string) error {
	return raise(valueError, "Unknown format code '%c' for object of type '%s'", k, of)
}

func formatInt(n *big.Int, p spec) (string, error) {
	base, prefix := 10, ""
	switch p.kind {
	case 0, 'd', 'n':
	case 'b':
		base, prefix = 2, "0b"
	case 'o':
		base, prefix = 8, "0o"
	case 'x':
		base, prefix = 16, "0x"
	case 'X':
		base, prefix = 16, "0X"
	case 'c':
		if !n.IsInt64() || n.Int64() < 0 || n.Int64() > 0x10ffff {
			return "", raise(overflowError, "%%c arg not in range(0x110000)")
		}
		return p.pad(string(rune(n.Int64())), '<'), nil
	case 'e', 'E', 'f', 'F', 'g', 'G', '%':
		f, err := toFloat(normInt(n))
		if err != nil {
			return "", err
		}
		return formatFloat(f, p)
	default:
		return "", unknownFormat(p.kind, "int")
	}
	if p.precision >= 0 {
		return "", raise(valueError, "Precision not allowed in integer format specifier")
	}
	if base == 10 {
		if _, err := bigText(n); err != nil {
			return "", err
		}
	}
	digits := new(big.Int).Abs(n).Text(base)
	if p.kind == 'X' {
		digits = strings.ToUpper(digits)
	}
	if !p.alt {
		prefix = ""
	}
	size := 3
	if base != 10 {
		size = 4
	}
	return p.number(n.Sign() < 0, prefix, digits, "", size), nil
}

// number puts sign, prefix, digits and the rest together.
func (p spec) number(negative bool, prefix, digits, rest string, groupSize int) string {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case p.sign == '+' || p.sign == ' ':
		sign = string(p.sign)
	}
	head := sign + prefix
	if p.group != 0 {
		if p.align == '=' && p.fill == '0' {
			// Zeros are grouped too.
			for room := p.width - len(head) - len(rest); ; {
				grouped := group(digits, p.group, groupSize)
				if len(grouped) >= room {
					break
				}
				if len(group("0"+digits, p.group, groupSize)) > room && (len(digits)%groupSize != 0) {
					break
				}
				digits = "0" + digits
			}
		}
		digits = group(digits, p.group, groupSize)
	}
	body := digits + rest
	if p.align == '=' {
		if n := p.width - utf8.RuneCountInString(head+body); n > 0 {
			return head + strings.Repeat(string(p.fill), n) + body
		}
		return head + body
	}
	return p.pad(head+body, '>')
}

func group(digits string, sep byte, size int) string {
	if len(digits) <= size {
		return digits
	}
	var b strings.Builder
	first := len(digits) % size
	if first == 0 {
		first = size
	}
	b.WriteString(digits[:first])
	for i := first; i < len(digits); i += size {
		b.WriteByte(sep)
		b.WriteString(digits[i : i+size])
	}
	return b.String()
}

func formatFloat(f float64, p spec) (string, error) {
	var text string
	kind := p.kind
	negative := math.Signbit(f) && !math.IsNaN(f)
	a := math.Abs(f)
	precision := p.precision
	if precision < 0 {
		precision = 6
	}
	switch kind {
	case 0:
		if p.precision < 0 {
			text = floatRepr(a)
		} else {
			text = floatG(a, p.precision, p.alt, true)
		}
	case 'e', 'E':
		text = strconv.FormatFloat(a, 'e', precision, 64)
	case 'f', 'F':
		text = strconv.FormatFloat(a, 'f', precision, 64)
	case 'g', 'G', 'n':
		text = floatG(a, precision, p.alt, false)
	case '%':
		text = strconv.FormatFloat(a*100, 'f', precision, 64) + "%"
	default:
		return "", unknownFormat(kind, "float")
	}
	switch {
	case math.IsInf(f, 0):
		text = "inf" + strings.Repeat("%", bool2int(kind == '%'))
	case math.IsNaN(f):
		text = "nan" + strings.Repeat("%", bool2int(kind == '%'))
	case p.alt && strings.IndexByte(text, '.') < 0:
		i := strings.IndexAny(text, "e%")
		if i < 0 {
			i = len(text)
		}
		text = text[:i] + "." + text[i:]
	}
	if kind == 'E' || kind == 'G' || kind == 'F' {
		text = strings.ToUpper(text)
	}
	i := 0
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return p.number(negative, "", text[:i], text[i:], 3), nil
}

func bool2int(b bool) int {
	if b {
		return 1
	}
	return 0
}

// floatG is C's %g: digits significant digits, with an exponent where that is
// shorter; dot0 is the variant of format(f, ".3"), which always shows a fraction.
func floatG(f float64, digits int, alt, dot0 bool) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return "inf"
	}
	digits = max(digits, 1)
	e := strconv.FormatFloat(f, 'e', digits-1, 64)
	i := strings.IndexByte(e, 'e')
	exp, _ := strconv.Atoi(e[i+1:])
	limit := digits
	if dot0 {
		limit--
	}
	trim := func(s string) string {
		if alt || strings.IndexByte(s, '.') < 0 {
			return s
		}
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	if exp < -4 || exp+1 > limit {
		if f == 0 {
			return "0" + strings.Repeat(".0", bool2int(dot0))
		}
		return trim(e[:i]) + e[i:]
	}
	s := trim(strconv.FormatFloat(f, 'f', max(digits-1-exp, 0), 64))
	if dot0 && strings.IndexByte(s, '.') < 0 {
		s += ".0"
	}
	return s
}

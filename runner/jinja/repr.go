package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// Str is Python's str(v). A Secret gives its marker.
func Str(v Value) string {
	switch v := v.(type) {
	case string:
		return v
	case Secret, SecretText:
		return secretMarker(v)
	}
	p := printer{limit: 64 << 20}
	p.str(v)
	return p.b.String()
}

// Repr is Python's repr(v).
func Repr(v Value) string {
	p := printer{limit: 64 << 20}
	p.repr(v)
	return p.b.String()
}

// str is Str within the limits of the render.
func (rt *render) str(v Value) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case Markup:
		return string(v), nil
	case Secret, SecretText:
		return rt.secretText(v), nil
	}
	return rt.print(v, (*printer).str)
}

func (rt *render) repr(v Value) (string, error) { return rt.print(v, (*printer).repr) }

func (rt *render) print(v Value, how func(*printer, Value)) (string, error) {
	p := printer{limit: rt.limits.Output}
	how(&p, v)
	if p.err != nil {
		return "", p.err
	}
	return p.b.String(), rt.spend(p.b.Len())
}

// printer writes values as Python does. Lists that contain themselves and
// texts without end are cut.
type printer struct {
	b     strings.Builder
	limit int
	err   error
	open  map[any]bool // the lists and dicts that are being printed
	depth int
}

func (p *printer) str(v Value) {
	switch v := v.(type) {
	case string:
		p.b.WriteString(v)
	case Markup:
		p.b.WriteString(string(v))
	case *Undefined:
	case *module:
		p.b.WriteString(v.text)
	case Object:
		if !p.builtin(v) {
			p.b.WriteString(v.String())
		}
	default:
		p.repr(v)
	}
}

// builtin prints objects of ours whose str is their repr.
func (p *printer) builtin(v Value) bool {
	switch v := v.(type) {
	case *namespace:
		p.b.WriteString("<Namespace ")
		p.repr(v.attrs)
		p.b.WriteByte('>')
	default:
		return false
	}
	return true
}

func (p *printer) repr(v Value) {
	if p.err != nil {
		return
	}
	if p.b.Len() > p.limit {
		p.err = raise(limitError, "the text would be larger than %d bytes", p.limit)
		return
	}
	switch v := v.(type) {
	case nil:
		p.b.WriteString("None")
	case bool:
		if v {
			p.b.WriteString("True")
		} else {
			p.b.WriteString("False")
		}
	case int64:
		p.b.WriteString(strconv.FormatInt(v, 10))
	case *big.Int:
		text, err := bigText(v)
		p.b.WriteString(text)
		p.err = err
	case float64:
		p.b.WriteString(floatRepr(v))
	case string:
		p.quote(v)
	case Markup:
		p.b.WriteString("Markup(")
		p.quote(string(v))
		p.b.WriteByte(')')
	case *Undefined:
		p.b.WriteString("Undefined")
	default:
		p.container(v)
	}
}

func (p *printer) container(v Value) {
	switch v := v.(type) {
	case *List:
		p.nested(v, "[...]", func() { p.list("[", v.Items, "]") })
	case Tuple:
		p.tuple(v)
	case *groupTuple:
		p.tuple(v.tuple())
	case *Dict:
		p.nested(v, "{...}", func() { p.dict(v) })
	case *Set:
		if v.Len() == 0 {
			p.b.WriteString("set()")
			return
		}
		p.list("{", v.Items(), "}")
	case *dictView:
		items := make([]Value, v.d.Len())
		for i := range items {
			items[i] = v.at(i)
		}
		p.nested(v.d, "...", func() { p.list(v.name()+"([", items, "])") })
	case *rangeValue:
		p.b.WriteString("range(" + strconv.FormatInt(v.start, 10) + ", " + strconv.FormatInt(v.stop, 10))
		if v.step != 1 {
			p.b.WriteString(", " + strconv.FormatInt(v.step, 10))
		}
		p.b.WriteByte(')')
	case Secret, SecretText:
		p.err = errSecret
	default:
		p.object(v)
	}
}

// An address as Python would print it; the same for all, so that renders repeat.
const address = "0x7f0000000000"

func (p *printer) object(v Value) {
	switch v := v.(type) {
	case *BoundMacro:
		p.b.WriteString(v.repr())
	case *module:
		p.b.WriteString("<TemplateModule " + Repr(v.f.site.tmpl.file) + ">")
	case *loopValue:
		p.b.WriteString(v.String())
	case *Iterator:
		name := v.kind
		if v.kind == "" || v.kind == "generator" {
			name = "generator object " + v.name
			if v.name == "" {
				name = "generator object"
			}
		} else {
			name += " object"
		}
		p.b.WriteString("<" + name + " at " + address + ">")
	case Func:
		p.b.WriteString("<function " + v.Name + " at " + address + ">")
	case *methodValue:
		p.b.WriteString("<built-in method " + v.name + " of " + typeName(v.obj) + " object at " + address + ">")
	case Reprer:
		p.b.WriteString(v.Repr())
	case Object:
		if !p.builtin(v) {
			p.b.WriteString(v.String())
		}
	default:
		p.b.WriteString("<" + typeName(v) + " object at " + address + ">")
	}
}

// nested prints a container, or mark if it is inside of itself.
func (p *printer) nested(v any, mark string, write func()) {
	if p.open[v] {
		p.b.WriteString(mark)
		return
	}
	if p.open == nil {
		p.open = make(map[any]bool)
	}
	p.open[v] = true
	p.deeper(write)
	delete(p.open, v)
}

func (p *printer) deeper(write func()) {
	if p.depth++; p.depth > maxNesting {
		p.err = raise(limitError, "the values are nested too deep to be printed")
		return
	}
	write()
	p.depth--
}

func (p *printer) list(open string, items []Value, end string) {
	p.b.WriteString(open)
	for i, v := range items {
		if i > 0 {
			p.b.WriteString(", ")
		}
		if p.repr(v); p.err != nil {
			return
		}
	}
	p.b.WriteString(end)
}

func (p *printer) tuple(t Tuple) {
	end := ")"
	if len(t) == 1 {
		end = ",)"
	}
	p.deeper(func() { p.list("(", t, end) })
}

func (p *printer) dict(d *Dict) {
	p.b.WriteByte('{')
	for i, it := range d.items {
		if i > 0 {
			p.b.WriteString(", ")
		}
		p.repr(it.Key)
		p.b.WriteString(": ")
		if p.repr(it.Value); p.err != nil {
			return
		}
	}
	p.b.WriteByte('}')
}

// quote writes a text as Python's repr does.
func (p *printer) quote(s string) {
	q := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		q = '"'
	}
	p.b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			p.b.WriteByte('\\')
			p.b.WriteRune(r)
		case r == '\n':
			p.b.WriteString(`\n`)
		case r == '\r':
			p.b.WriteString(`\r`)
		case r == '\t':
			p.b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			hex := strconv.FormatInt(int64(r), 16)
			p.b.WriteString(`\x` + strings.Repeat("0", 2-len(hex)) + hex)
		case r < 0x7f || unicode.IsPrint(r):
			p.b.WriteRune(r)
		default:
			p.b.WriteString(`\` + backslashed(r))
		}
	}
	p.b.WriteByte(q)
}

func bigText(n *big.Int) (string, error) {
	if n.BitLen() > 14300 { // about 4300 digits
		return "", raise(valueError, "exceeds the limit (%d digits) for integer string conversion", maxIntDigits)
	}
	return n.String(), nil
}

// floatRepr is Python's repr of a float: the shortest digits that read back,
// with an exponent below 1e-4 and from 1e16 on.
func floatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if strings.IndexByte(s, '.') < 0 {
		s += ".0"
	}
	return s
}

package jinja

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"math/big"
	"sort"
	"strings"
	"unicode/utf8"
)

// jsonWriter writes JSON as Python's json.dumps does: ASCII, with spaces behind
// commas and colons.
type jsonWriter struct {
	rt     *render
	b      strings.Builder
	sort   bool
	indent string // one level; "" writes all in one line
	pretty bool
	depth  int
}

// dumps returns the JSON of v. indent is nil, an int or a text.
func (rt *render) dumps(v Value, indent Value, sortKeys bool) (string, error) {
	w := jsonWriter{rt: rt, sort: sortKeys}
	if given(indent) && indent != nil {
		w.pretty = true
		if s, ok := textOf(indent); ok {
			w.indent = s
		} else {
			n, err := indexArg(indent, 0)
			if err != nil {
				return "", err
			}
			w.indent = strings.Repeat(" ", min(max(n, 0), 1000))
		}
	}
	if err := w.value(v); err != nil {
		return "", err
	}
	return w.b.String(), rt.spend(w.b.Len())
}

func (w *jsonWriter) value(v Value) error {
	if w.b.Len() > w.rt.limits.Output {
		return w.rt.spend(w.b.Len())
	}
	switch v := v.(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		if v {
			w.b.WriteString("true")
		} else {
			w.b.WriteString("false")
		}
	case string:
		w.text(v)
	case Markup:
		w.text(string(v))
	case int64, *big.Int:
		s, err := w.rt.str(v)
		w.b.WriteString(s)
		return err
	case float64:
		w.b.WriteString(jsonFloat(v))
	case *List:
		return w.list(v.Items)
	case Tuple:
		return w.list(v)
	case *groupTuple:
		return w.list(v.tuple())
	case *Dict:
		return w.dict(v)
	case Mapping:
		return w.dict(v.Dict())
	default:
		if isSecret(v) {
			return errSecret
		}
		return raise(typeError, "Object of type %s is not JSON serializable", typeName(v))
	}
	return nil
}

func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return floatRepr(f)
}

// enter writes an opening bracket; item what stands before an item; leave the
// closing bracket.
func (w *jsonWriter) enter(c byte) error {
	w.b.WriteByte(c)
	if w.depth++; w.depth > maxNesting {
		return raise(valueError, "circular reference detected")
	}
	return nil
}

func (w *jsonWriter) item(i int) {
	if i > 0 {
		w.b.WriteByte(',')
		if !w.pretty {
			w.b.WriteByte(' ')
		}
	}
	w.newline()
}

func (w *jsonWriter) newline() {
	if w.pretty {
		w.b.WriteByte('\n')
		w.b.WriteString(strings.Repeat(w.indent, w.depth))
	}
}

func (w *jsonWriter) leave(c byte) error {
	w.depth--
	w.newline()
	w.b.WriteByte(c)
	return nil
}

func (w *jsonWriter) list(items []Value) error {
	if len(items) == 0 {
		w.b.WriteString("[]")
		return nil
	}
	if err := w.enter('['); err != nil {
		return err
	}
	for i, v := range items {
		w.item(i)
		if err := w.value(v); err != nil {
			return err
		}
	}
	return w.leave(']')
}

func (w *jsonWriter) dict(d *Dict) error {
	items := d.Items()
	if len(items) == 0 {
		w.b.WriteString("{}")
		return nil
	}
	if w.sort {
		items = append([]Item(nil), items...)
		s := sorter{}
		sort.SliceStable(items, func(i, j int) bool { return s.less(items[i].Key, items[j].Key) })
		if s.err != nil {
			return s.err
		}
	}
	if err := w.enter('{'); err != nil {
		return err
	}
	for i, it := range items {
		w.item(i)
		if err := w.key(it.Key); err != nil {
			return err
		}
		w.b.WriteString(": ")
		if err := w.value(it.Value); err != nil {
			return err
		}
	}
	return w.leave('}')
}

func (w *jsonWriter) key(k Value) error {
	switch k := k.(type) {
	case string:
		w.text(k)
		return nil
	case Markup:
		w.text(string(k))
		return nil
	case nil, bool, int64, *big.Int, float64:
		w.b.WriteByte('"')
		err := w.value(k)
		w.b.WriteByte('"')
		return err
	}
	return raise(typeError, "keys must be str, int, float, bool or None, not %s", typeName(k))
}

func (w *jsonWriter) text(s string) {
	const hex = "0123456789abcdef"
	unit := func(r rune) {
		w.b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			w.b.WriteByte(hex[r>>shift&15])
		}
	}
	w.b.WriteByte('"')
	for _, r := range s {
		if i := strings.IndexRune("\"\\\n\r\t\f\b", r); i >= 0 && r < utf8.RuneSelf {
			w.b.WriteString([]string{`\"`, `\\`, `\n`, `\r`, `\t`, `\f`, `\b`}[i])
		} else if r >= ' ' && r < 0x7f {
			w.b.WriteRune(r)
		} else if r == 0x7f {
			w.b.WriteByte(0x7f)
		} else if r < 0x10000 {
			unit(r)
		} else {
			r -= 0x10000
			unit(0xd800 + r>>10)
			unit(0xdc00 + r&0x3ff)
		}
	}
	w.b.WriteByte('"')
}

func filterToJSON(c *Call, a []Value) (Value, error) {
	s, err := c.f.rt.dumps(a[0], a[1], true)
	if err != nil {
		return nil, err
	}
	return Markup(jsonInHTML.Replace(s)), nil
}

var jsonInHTML = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)

// DumpJSON returns v as Python's json.dumps writes it; it is the body of dbt's
// function tojson.
func DumpJSON(v Value, sortKeys bool) (string, error) {
	rt := newRender(context.Background(), Options{})
	return rt.dumps(v, nil, sortKeys)
}

// ParseJSON reads JSON as Python's json.loads does: objects keep their order,
// numbers without fraction are ints of any size.
func ParseJSON(text string) (Value, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := readJSON(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, raise(valueError, "extra data behind the JSON value")
	}
	return v, nil
}

func readJSON(d *json.Decoder, depth int) (Value, error) {
	if depth > maxNesting {
		return nil, raise(valueError, "the JSON is nested too deep")
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return readObject(d, depth)
		}
		l := &List{}
		for d.More() {
			v, err := readJSON(d, depth+1)
			if err != nil {
				return nil, err
			}
			l.Items = append(l.Items, v)
		}
		_, err := d.Token()
		return l, err
	case json.Number:
		if strings.ContainsAny(string(t), ".eE") {
			f, err := parseFloat(string(t))
			return f, err
		}
		return parseInt(string(t), 10)
	}
	return t, nil
}

func readObject(d *json.Decoder, depth int) (Value, error) {
	out := NewDict()
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := readJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		name, _ := k.(string)
		out.setText(name, v)
	}
	_, err := d.Token()
	return out, err
}

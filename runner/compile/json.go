package compile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"warehouse/runner/jinja"
)

// toJSON writes v as Python's json.dumps does.
func toJSON(v jinja.Value, sorted bool) (string, error) {
	var b strings.Builder
	err := writeJSON(&b, v, sorted)
	return b.String(), err
}

func writeJSON(b *strings.Builder, v jinja.Value, sorted bool) error {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64, *big.Int:
		fmt.Fprint(b, v)
	case float64:
		b.WriteString(jinja.Str(v))
	case string:
		writeJSONText(b, v)
	case jinja.Markup:
		writeJSONText(b, string(v))
	case *jinja.List:
		return writeJSONList(b, v.Items, sorted)
	case jinja.Tuple:
		return writeJSONList(b, v, sorted)
	case jinja.Mapping:
		return writeJSONDict(b, v.Dict(), sorted)
	case *jinja.Dict:
		return writeJSONDict(b, v, sorted)
	default:
		return fmt.Errorf("%s has no form in JSON", jinja.Repr(v))
	}
	return nil
}

func writeJSONList(b *strings.Builder, items []jinja.Value, sorted bool) error {
	b.WriteByte('[')
	for i, it := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := writeJSON(b, it, sorted); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

func writeJSONDict(b *strings.Builder, d *jinja.Dict, sorted bool) error {
	items := slices.Clone(d.Items())
	if sorted {
		slices.SortStableFunc(items, func(x, y jinja.Item) int { return strings.Compare(jinja.Str(x.Key), jinja.Str(y.Key)) })
	}
	b.WriteByte('{')
	for i, it := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		key := jinja.Str(it.Key)
		switch k := it.Key.(type) {
		case nil:
			key = "null"
		case bool:
			key = strconv.FormatBool(k)
		}
		writeJSONText(b, key)
		b.WriteString(": ")
		if err := writeJSON(b, it.Value, sorted); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// writeJSONText escapes all that is not ASCII, as Python does.
func writeJSONText(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r >= 0x20 && r < utf8.RuneSelf-1:
			b.WriteRune(r)
		case r == 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}

// fromJSON reads one JSON value; objects keep their order.
func fromJSON(text string) (jinja.Value, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	v, err := readJSON(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("text after the JSON value")
	}
	return v, nil
}

func readJSON(d *json.Decoder) (jinja.Value, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Number:
		return number(t.String()), nil
	case json.Delim:
		if t == '[' {
			l := &jinja.List{}
			for d.More() {
				v, err := readJSON(d)
				if err != nil {
					return nil, err
				}
				l.Items = append(l.Items, v)
			}
			_, err = d.Token()
			return l, err
		}
		m := jinja.NewDict()
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := readJSON(d)
			if err != nil {
				return nil, err
			}
			if err := m.Set(k, v); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return m, err
	}
	return tok, nil
}

// number reads a JSON number: an integer of any size, or a float.
func number(s string) jinja.Value {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if n, ok := new(big.Int).SetString(s, 10); ok {
		return n
	}
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

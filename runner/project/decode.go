package project

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// decoder reads settings into typed fields and collects what is wrong.
type decoder struct{ errs []*diag.Error }

func (d *decoder) add(e ...*diag.Error) { d.errs = append(d.errs, e...) }

func (d *decoder) errorf(s Setting, format string, args ...any) *diag.Error {
	e := &diag.Error{Pos: s.Pos, Span: s.Span, Source: s.Source, Msg: fmt.Sprintf(format, args...)}
	d.add(e)
	return e
}

// expected notes a value of a wrong type.
func (d *decoder) expected(s Setting, key, what string) {
	if _, told := s.Value.(broken); told {
		return
	}
	if u, ok := s.Value.(*jinja.Undefined); ok {
		d.errorf(s, "%s is undefined (%s)", key, u.Name)
		return
	}
	d.errorf(s, "%s must be %s, not %s", key, what, show(s.Value))
}

// show is a short text of a value for a message.
func show(v jinja.Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		return strconv.Quote(clip(v))
	case *jinja.List, jinja.Tuple, *jinja.Set:
		return "a list"
	case *jinja.Dict:
		return "a mapping"
	}
	return clip(jinja.Str(v))
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// text reads a text; numbers are taken as they print, null as none.
func (d *decoder) text(s Setting, key string) string {
	switch v := s.Value.(type) {
	case nil:
		return ""
	case string:
		return v
	case jinja.Markup:
		return string(v)
	case int64, *big.Int:
		return jinja.Str(v)
	}
	d.expected(s, key, "a text")
	return ""
}

// name is a text that may stand as a name in SQL.
func (d *decoder) name(s Setting, key string) string {
	v := d.text(s, key)
	if v != "" && badName(v) {
		d.errorf(s, "%s must be a name without control characters, not %s", key, show(v))
		return ""
	}
	return v
}

// word is one of the given words, or error.
func (d *decoder) word(s Setting, key string, words map[string]string) string {
	v, ok := s.Value.(string)
	if w, known := words[strings.ToLower(v)]; ok && known {
		return w
	}
	if _, told := s.Value.(broken); told {
		return ""
	}
	names := slices.Collect(maps.Keys(words))
	e := d.errorf(s, "unknown %s %s", key, show(s.Value))
	if near := diag.Nearest(v, names); near != "" {
		e.Msg += fmt.Sprintf("; did you mean %q?", near)
	}
	e.Advice = "known: " + strings.Join(sorted(names), ", ")
	return ""
}

func (d *decoder) bool(s Setting, key string) bool {
	switch v := s.Value.(type) {
	case bool:
		return v
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true
		case "false":
			return false
		}
	}
	d.expected(s, key, "true or false")
	return false
}

// texts reads a text or a list of texts.
func (d *decoder) texts(s Setting, key string) []string {
	var out []string
	for _, v := range listItems(s.Value) {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case jinja.Markup:
			out = append(out, string(v))
		case int64:
			out = append(out, jinja.Str(v))
		default:
			d.expected(s.with(v), key, "a text or a list of texts")
			return out
		}
	}
	return out
}

// columns reads column names, each once.
func (d *decoder) columns(s Setting, key string) []string {
	cols := d.texts(s, key)
	seen := map[string]bool{}
	for _, c := range cols {
		switch low := strings.ToLower(c); {
		case badName(c):
			d.errorf(s, "%s: %q is no column name", key, c)
		case seen[low]:
			d.errorf(s, "%s names the column %q twice", key, c)
		default:
			seen[low] = true
		}
	}
	return cols
}

func (d *decoder) dict(s Setting, key string) *jinja.Dict {
	switch v := s.Value.(type) {
	case nil:
		return nil
	case *jinja.Dict:
		return v
	}
	d.expected(s, key, "a mapping")
	return nil
}

// plainDict is a dict as Go values, with keys as text.
func (d *decoder) plainDict(s Setting, key string) map[string]any {
	dict := d.dict(s, key)
	if dict == nil {
		return nil
	}
	m := map[string]any{}
	for _, it := range dict.Items() {
		m[jinja.Str(it.Key)] = jinja.ToGo(it.Value)
	}
	return m
}

func (d *decoder) textDict(s Setting, key string) map[string]string {
	m := map[string]string{}
	for _, it := range d.dict(s, key).Items() {
		m[jinja.Str(it.Key)] = d.text(s.with(it.Value), key)
	}
	return m
}

func (d *decoder) count(s Setting, key string) int {
	switch v := s.Value.(type) {
	case nil:
		return 0
	case int64:
		if v >= 0 && v <= math.MaxInt32 {
			return int(v)
		}
	}
	d.expected(s, key, "a whole number from 0")
	return 0
}

// bound reads a number of rows (10) or a share (10%).
func (d *decoder) bound(s Setting, key string, v jinja.Value) Bound {
	switch v := v.(type) {
	case int64:
		if v >= 0 {
			return Bound{Value: float64(v)}
		}
	case float64:
		if v >= 0 && !math.IsInf(v, 0) {
			return Bound{Value: v}
		}
	case string:
		num, percent := strings.CutSuffix(strings.TrimSpace(v), "%")
		if f, err := strconv.ParseFloat(strings.TrimSpace(num), 64); err == nil && f >= 0 && !math.IsInf(f, 0) {
			return Bound{Value: f, Percent: percent}
		}
	}
	d.expected(s.with(v), key, "a number or a share such as 10%")
	return Bound{}
}

// hooks reads SQL texts, or dicts with the keys sql and transaction.
func (d *decoder) hooks(s Setting, key string) []Setting {
	var out []Setting
	for _, v := range listItems(s.Value) {
		switch v := v.(type) {
		case string:
		case *jinja.Dict:
			d.hook(s, key, v)
		default:
			d.expected(s.with(v), key, "SQL, or a list of SQL texts")
			continue
		}
		out = append(out, s.with(v))
	}
	return out
}

// hook checks a hook that is a dict.
func (d *decoder) hook(s Setting, key string, v *jinja.Dict) {
	for _, it := range v.Items() {
		switch name := jinja.Str(it.Key); name {
		case "sql":
			d.text(s.with(it.Value), "sql of "+key)
		case "transaction":
			d.bool(s.with(it.Value), "transaction of "+key)
		case "index": // dbt's own
		default:
			d.add(unknownKey(s, name, key, []string{"sql", "transaction"}))
		}
	}
	if sql, _ := v.Get("sql"); sql == nil {
		d.expected(s.with(v), key, "sql")
	}
}

// sortedKeys makes the order of errors the same each time.
func sortedKeys(c Config) []string { return slices.Sorted(maps.Keys(c)) }

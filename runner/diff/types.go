package diff

import (
	"fmt"
	"strconv"
	"strings"

	"warehouse/runner/engine"
)

// typ is a type of the engine, taken apart.
type typ struct {
	in   lang
	text string // as the engine writes it
	base string // INTEGER, DECIMAL, LIST, STRUCT, …; of an ENUM without its values

	precision, scale int     // DECIMAL
	elem             []typ   // LIST, ARRAY: one; MAP: key and value
	fields           []field // STRUCT
}

type field struct {
	name string
	typ  typ
}

// parseType reads the text of a type. What it does not know is a type of its
// own, which only equals itself.
func parseType(text string) typ {
	text = strings.TrimSpace(text)
	t := typ{text: text, base: text}
	if strings.HasSuffix(text, "]") {
		open := strings.LastIndexByte(text, '[')
		if open < 0 {
			return t
		}
		t.base = "LIST"
		if open+2 < len(text) {
			t.base = "ARRAY"
		}
		t.elem = []typ{parseType(text[:open])}
		return t
	}
	open := strings.IndexByte(text, '(')
	if open < 0 || !strings.HasSuffix(text, ")") {
		return t
	}
	t.base = text[:open]
	parts := splitTop(text[open+1 : len(text)-1])
	switch t.base {
	case "DECIMAL":
		if len(parts) == 2 {
			t.precision, _ = strconv.Atoi(parts[0])
			t.scale, _ = strconv.Atoi(parts[1])
		}
	case "MAP":
		for _, p := range parts {
			t.elem = append(t.elem, parseType(p))
		}
	case "STRUCT":
		for _, p := range parts {
			name, rest := cutName(p)
			t.fields = append(t.fields, field{name, parseType(rest)})
		}
	}
	return t
}

// splitTop cuts at the commas that are in no brackets and no quotes.
func splitTop(s string) []string {
	var out []string
	depth, from := 0, 0
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0 // a doubled quote opens again at once
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}

// cutName takes the name off a field; "" if the field has none.
func cutName(s string) (name, rest string) {
	if strings.HasPrefix(s, `"`) {
		for i := 1; i < len(s); i++ {
			if s[i] != '"' {
				continue
			}
			if i+1 < len(s) && s[i+1] == '"' {
				i++
				continue
			}
			return strings.ReplaceAll(s[1:i], `""`, `"`), s[i+1:]
		}
		return "", s
	}
	end := strings.IndexAny(s, " (")
	if end < 0 || s[end] == '(' {
		return "", s
	}
	switch strings.ToUpper(s[:end]) {
	case "TIMESTAMP", "TIME": // … WITH TIME ZONE, without a name
		if strings.HasPrefix(strings.ToUpper(s[end:]), " WITH TIME ZONE") {
			return "", s
		}
	}
	return s[:end], s[end:]
}

// bits of the integer types; negative ones are unsigned. A BOOLEAN counts as
// the smallest of them: false is 0 and true is 1.
var integers = map[string]int{"BOOLEAN": -1, "UTINYINT": -8, "USMALLINT": -16, "UINTEGER": -32, "UBIGINT": -64, "UHUGEINT": -128,
	"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128, "BIGNUM": 1 << 20}

// digits that an integer of so many bits can have.
var digits = map[int]int{1: 1, 8: 3, 16: 5, 32: 10, 64: 20, 128: 39}

func (t typ) integer() bool  { return integers[t.base] != 0 }
func (t typ) float() bool    { return t.base == "FLOAT" || t.base == "DOUBLE" }
func (t typ) decimal() bool  { return t.base == "DECIMAL" && t.precision > 0 }
func (t typ) number() bool   { return t.integer() || t.float() || t.decimal() }
func (t typ) nameless() bool { return len(t.fields) == 0 || t.fields[0].name == "" }

// times without a zone that fit into microseconds.
var instants = map[string]bool{"DATE": true, "TIMESTAMP": true, "TIMESTAMP_S": true, "TIMESTAMP_MS": true}

const (
	zoned = "TIMESTAMP WITH TIME ZONE"
	nano  = "TIMESTAMP_NS"
)

// form turns an expression into the common form of two types.
type form func(expr string) string

func same(expr string) string { return expr }

func cast(to string) form {
	return func(x string) string { return fmt.Sprintf("CAST(%s AS %s)", x, to) }
}

// common is the common form of two types, in which equal values are equal and
// different ones different.
type common struct {
	a, b form
	as   string // the type in which values are compared
}

func castBoth(to string) common { return common{cast(to), cast(to), to} }

// unify finds it: the type itself; the smallest type that holds all values of
// both; the value's digits, of numbers that no type can hold together; text.
func unify(a, b typ) common {
	switch {
	case a.text == b.text:
		return common{same, same, a.text}
	case a.number() && b.number():
		return unifyNumbers(a, b)
	case instants[a.base] && instants[b.base]:
		return castBoth(a.in.instant())
	case a.base == zoned && instants[b.base]:
		return common{same, a.in.naive, a.text}
	case b.base == zoned && instants[a.base]:
		return common{a.in.naive, same, b.text}
	}
	if c, ok := unifyNested(a, b, 1); ok {
		return c
	}
	if a.textless() || b.textless() {
		mark := func(side string) form {
			return func(x string) string { return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN '%s' END", x, side) }
		}
		return common{mark("a"), mark("b"), "VARCHAR"}
	}
	return common{textOf(a, b), textOf(b, a), "VARCHAR"}
}

func unifyNumbers(a, b typ) common {
	wa, wb := integers[a.base], integers[b.base]
	switch {
	case wa != 0 && wb != 0:
		return unifyIntegers(a, b)
	case a.decimal() && b.decimal():
		if to, ok := decimalFor(max(a.precision-a.scale, b.precision-b.scale), max(a.scale, b.scale)); ok {
			return castBoth(to)
		}
	case a.decimal() && wb != 0 || b.decimal() && wa != 0:
		d, w := a, wb
		if wa != 0 {
			d, w = b, wa
		}
		n, known := digits[abs(w)]
		if to, ok := decimalFor(max(d.precision-d.scale, n), d.scale); ok && known {
			return castBoth(to)
		}
	case a.float() && b.float():
		return castBoth("DOUBLE")
	case a.float() && wb != 0 && abs(wb) <= 32 || b.float() && wa != 0 && abs(wa) <= 32:
		return castBoth("DOUBLE")
	}
	return common{digitsOf(a, b), digitsOf(b, a), "digits"}
}

func unifyIntegers(a, b typ) common {
	wa, wb := integers[a.base], integers[b.base]
	if wa < 0 && wb < 0 { // both unsigned: the wider one
		if wa < wb {
			return castBoth(a.base)
		}
		return castBoth(b.base)
	}
	need := func(w int) int {
		if w < 0 {
			return -w + 1
		}
		return w
	}
	bits := max(need(wa), need(wb))
	for _, name := range []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"} {
		if integers[name] >= bits {
			return castBoth(name)
		}
	}
	return castBoth("VARCHAR") // an integer has one text
}

func decimalFor(whole, scale int) (string, bool) {
	return fmt.Sprintf("DECIMAL(%d,%d)", whole+scale, scale), whole+scale <= 38
}

func abs(n int) int { return max(n, -n) }

// digitsOf returns a form that is the value of a number of type t as digits,
// one text for one value: no trailing zeros, no exponent of a whole number. A
// float is the shortest text that reads back as it; a decimal beside a float
// is written as that float, if the float's text reads back as the decimal.
func digitsOf(t, other typ) form {
	switch {
	case t.integer():
		return func(x string) string {
			if t.base == "BOOLEAN" {
				x = cast("TINYINT")(x)
			}
			return cast("VARCHAR")(x)
		}
	case t.float():
		return func(x string) string {
			return fmt.Sprintf("CASE WHEN %[2]s(%[1]s) AND %[1]s = %[3]s(%[1]s) AND abs(%[1]s) < 1e38 THEN CAST(CAST(%[1]s AS %[4]s) AS VARCHAR) ELSE %[5]s END",
				x, t.in.finite(), t.in.trunc(), t.in.wide(), show(t)(x))
		}
	}
	plain := func(x string) string {
		if t.scale == 0 {
			return cast("VARCHAR")(x)
		}
		return fmt.Sprintf(`regexp_replace(regexp_replace(CAST(%s AS VARCHAR), '\.?0+$', ''), '^(-?)(\.|$)', '%s')`, x, t.in.groups())
	}
	if !other.float() {
		return plain
	}
	return func(x string) string {
		float := show(other)(fmt.Sprintf("CAST(CAST(%s AS VARCHAR) AS %s)", x, other.text))
		return fmt.Sprintf("CASE WHEN %[1]s <> %[5]s(%[1]s) AND TRY_CAST(%[2]s AS %[3]s) = %[1]s THEN %[2]s ELSE %[4]s END", x, float, t.text, plain(x), t.in.trunc())
	}
}

// unifyNested goes into lists, structs and maps; depth names the variables.
func unifyNested(a, b typ, depth int) (common, bool) {
	if !a.in.nests() {
		return common{}, false
	}
	list := func(t typ) bool { return t.base == "LIST" || t.base == "ARRAY" }
	switch {
	case list(a) && list(b):
		c := unifyAt(a.elem[0], b.elem[0], depth+1)
		return common{eachOf(a, c.a, depth), eachOf(b, c.b, depth), c.as + "[]"}, true
	case a.base == "MAP" && b.base == "MAP" && len(a.elem) == 2 && len(b.elem) == 2:
		k, v := unifyAt(a.elem[0], b.elem[0], depth+1), unifyAt(a.elem[1], b.elem[1], depth+1)
		return common{entriesOf(k.a, v.a, depth), entriesOf(k.b, v.b, depth), fmt.Sprintf("MAP(%s, %s)", k.as, v.as)}, true
	case a.base == "STRUCT" && b.base == "STRUCT" && !a.nameless() && !b.nameless() && len(a.fields) == len(b.fields):
		return unifyStructs(a, b, depth)
	}
	return common{}, false
}

func unifyAt(a, b typ, depth int) common {
	if c, ok := unifyNested(a, b, depth); ok && a.text != b.text {
		return c
	}
	return unify(a, b)
}

// unifyStructs matches fields by name; the order of fields is no value.
func unifyStructs(a, b typ, depth int) (common, bool) {
	type part struct {
		name, field string
		form        form
	}
	var pa, pb []part
	var as []string
	for _, fb := range b.fields {
		found := false
		for _, fa := range a.fields {
			if strings.EqualFold(fa.name, fb.name) {
				found = true
				c := unifyAt(fa.typ, fb.typ, depth)
				pa, pb = append(pa, part{fb.name, fa.name, c.a}), append(pb, part{fb.name, fb.name, c.b})
				as = append(as, engine.Ident(fb.name)+" "+c.as)
			}
		}
		if !found {
			return common{}, false
		}
	}
	pack := func(parts []part) form {
		return func(x string) string {
			var fields []string
			for _, p := range parts {
				fields = append(fields, fmt.Sprintf("%s := %s", engine.Ident(p.name), p.form(fmt.Sprintf("struct_extract(%s, %s)", x, engine.Literal(p.field)))))
			}
			return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN struct_pack(%s) END", x, strings.Join(fields, ", "))
		}
	}
	return common{pack(pa), pack(pb), "STRUCT(" + strings.Join(as, ", ") + ")"}, true
}

func eachOf(t typ, f form, depth int) form {
	return func(x string) string {
		if t.base == "ARRAY" {
			x = cast(t.elem[0].text + "[]")(x)
		}
		e := fmt.Sprintf("e%d", depth)
		return fmt.Sprintf("list_transform(%s, lambda %s: %s)", x, e, f(e))
	}
}

func entriesOf(k, v form, depth int) form {
	return func(x string) string {
		e := fmt.Sprintf("e%d", depth)
		return fmt.Sprintf("list_transform(map_entries(%s), lambda %s: struct_pack(k := %s, v := %s))", x, e, k(e+".key"), v(e+".value"))
	}
}

// textOf is the form of last resort. A date beside nanoseconds is a timestamp
// first, so that both have a time of day.
func textOf(t, other typ) form {
	if t.base == "DATE" && other.base == nano {
		return func(x string) string { return cast("VARCHAR")(cast("TIMESTAMP")(x)) }
	}
	if t.base == nano && other.base == zoned {
		return func(x string) string { return cast("VARCHAR")(x) + " || '+00'" }
	}
	return show(t)
}

// show is a value as people read it. An instant is shown in UTC, whatever the
// session's zone.
func show(t typ) form {
	if f := t.in.shows(t); f != nil {
		return f
	}
	switch t.base {
	case "VARCHAR":
		return same
	case zoned:
		return func(x string) string {
			return fmt.Sprintf("CAST(%s AT TIME ZONE 'UTC' AS VARCHAR) || '+00'", x)
		}
	}
	return cast("VARCHAR")
}

// delta is an expression for the difference of two numbers, or "". Without
// floats it is exact; where no type holds it, it is NULL.
func delta(a, b typ, old, new string) string {
	if !a.number() || !b.number() || a.base == "BOOLEAN" || b.base == "BOOLEAN" {
		return ""
	}
	to := "DOUBLE"
	holds := func(t typ) bool {
		return t.decimal() || t.integer() && integers[t.base] <= 128 && integers[t.base] != -128
	}
	switch {
	case !holds(a) || !holds(b):
	case a.integer() && b.integer():
		to = a.in.wide()
	default:
		to = fmt.Sprintf("DECIMAL(38,%d)", max(a.scale, b.scale))
	}
	return fmt.Sprintf("TRY(CAST(%s AS %s) - CAST(%s AS %s))", new, to, old, to)
}

package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// filters are the filters of Jinja, and dbt's as_*, which do nothing outside
// of YAML. Those that call others are added by filtersAll, see there.
var filters = allFilters()

func def(params string, fn func(c *Call, a []Value) (Value, error)) *filter {
	return &filter{sig: sig(params), fn: fn}
}

func identity(_ *Call, a []Value) (Value, error) { return a[0], nil }

func allFilters() map[string]*filter {
	m := map[string]*filter{
		"abs":            def("number", filterAbs),
		"attr":           def("obj name", filterAttr),
		"batch":          def("value linecount fill_with?", filterBatch),
		"capitalize":     textFilter("s", func(s string) string { return capitalize(s) }),
		"center":         def("value width?", filterCenter),
		"default":        {sig("value default_value? boolean?"), filterDefault, true},
		"dictsort":       def("value case_sensitive? by? reverse?", filterDictsort),
		"escape":         def("s", filterEscape),
		"filesizeformat": def("value binary?", filterFileSize),
		"first":          def("seq", filterFirst),
		"float":          def("value default?", filterFloat),
		"forceescape":    def("value", func(c *Call, a []Value) (Value, error) { s, err := c.f.rt.str(a[0]); return Markup(escapeHTML(s)), err }),
		"format":         def("value * **", filterFormat),
		"groupby":        def("value attribute default? case_sensitive?", filterGroupBy),
		"indent":         def("s width? first? blank?", filterIndent),
		"int":            def("value default? base?", filterInt),
		"items":          def("value", filterItems),
		"join":           {sig("value d? attribute?"), filterJoin, true},
		"last":           def("seq", filterLast),
		"length":         def("obj", func(_ *Call, a []Value) (Value, error) { n, err := length64(a[0]); return n, err }),
		"list": def("value", func(c *Call, a []Value) (Value, error) {
			items, err := newSlice(c.f.rt, a[0])
			return &List{items}, err
		}),
		"lower":      textFilter("s", lower),
		"max":        def("value case_sensitive? attribute?", func(c *Call, a []Value) (Value, error) { return c.extreme(a, tGt) }),
		"min":        def("value case_sensitive? attribute?", func(c *Call, a []Value) (Value, error) { return c.extreme(a, tLt) }),
		"map":        def("value * **", filterMap),
		"pprint":     def("value", filterPprint),
		"random":     def("seq", filterRandom),
		"replace":    def("s old new count?", filterReplace),
		"reverse":    def("value", filterReverse),
		"round":      def("value precision? method?", filterRound),
		"safe":       def("value", func(c *Call, a []Value) (Value, error) { s, err := c.f.rt.str(a[0]); return Markup(s), err }),
		"select":     def("value * **", func(c *Call, a []Value) (Value, error) { return c.choose(a, true, false) }),
		"reject":     def("value * **", func(c *Call, a []Value) (Value, error) { return c.choose(a, false, false) }),
		"selectattr": def("value * **", func(c *Call, a []Value) (Value, error) { return c.choose(a, true, true) }),
		"rejectattr": def("value * **", func(c *Call, a []Value) (Value, error) { return c.choose(a, false, true) }),
		"slice":      def("value slices fill_with?", filterSlice),
		"sort":       def("value reverse? case_sensitive? attribute?", filterSort),
		"string":     def("object", filterString),
		"striptags":  def("value", filterStripTags),
		"sum":        def("iterable attribute? start?", filterSum),
		"title":      textFilter("s", filterTitle),
		"tojson":     def("value indent?", filterToJSON),
		"trim":       def("value chars?", filterTrim),
		"truncate":   def("s length? killwords? end? leeway?", filterTruncate),
		"unique":     def("value case_sensitive? attribute?", filterUnique),
		"upper":      textFilter("s", upper),
		"urlencode":  def("value", filterURLEncode),
		"urlize":     def("value trim_url_limit? nofollow? target? rel? extra_schemes?", filterURLize),
		"wordcount":  def("s", filterWordCount),
		"wordwrap":   def("s width? break_long_words? wrapstring? break_on_hyphens?", filterWordWrap),
		"xmlattr":    def("d autospace?", filterXMLAttr),
		"as_text":    def("value", identity),
		"as_bool":    def("value", identity),
		"as_native":  def("value", identity),
		"as_number":  def("value", identity),
	}
	m["count"], m["d"], m["e"] = m["length"], m["default"], m["escape"]
	return m
}

// textFilter makes a filter of the text of a value. Markup stays Markup.
func textFilter(params string, f func(string) string) *filter {
	return def(params, func(c *Call, a []Value) (Value, error) {
		s, err := c.f.rt.str(a[0])
		if _, ok := a[0].(Markup); ok {
			return Markup(f(s)), err
		}
		return f(s), err
	})
}

func filterString(c *Call, a []Value) (Value, error) {
	switch a[0].(type) {
	case string, Markup:
		return a[0], nil
	}
	s, err := c.f.rt.str(a[0])
	return s, err
}

func filterAbs(_ *Call, a []Value) (Value, error) {
	switch v := a[0].(type) {
	case int64:
		if v >= 0 {
			return v, nil
		}
	case float64:
		return math.Abs(v), nil
	}
	if isNumber(a[0]) {
		return normInt(new(big.Int).Abs(toBig(a[0]))), nil
	}
	if o, ok := a[0].(interface{ Abs() Value }); ok {
		return o.Abs(), nil
	}
	if err := usable(a[0]); err != nil {
		return nil, err
	}
	return nil, raise(typeError, "bad operand type for abs(): '%s'", typeName(a[0]))
}

func filterAttr(c *Call, a []Value) (Value, error) {
	name, err := strArg(a[1], "attribute name")
	if err != nil {
		return nil, err
	}
	v, ok, err := c.f.rt.safeAttribute(a[0], name)
	if err != nil || ok {
		return v, err
	}
	return &Undefined{Name: name, owner: ownerName(a[0])}, nil
}

func filterCenter(c *Call, a []Value) (Value, error) {
	s, err := c.f.rt.str(a[0])
	if err != nil {
		return nil, err
	}
	width, err := indexArg(a[1], 80)
	if err != nil {
		return nil, err
	}
	return pad(s, width, ' ', '^')
}

func filterDefault(_ *Call, a []Value) (Value, error) {
	if isSecret(a[0]) {
		return nil, errSecret
	}
	preset := a[1]
	if !given(preset) {
		preset = ""
	}
	if _, ok := a[0].(*Undefined); ok || given(a[2]) && Truth(a[2]) && !Truth(a[0]) {
		return preset, nil
	}
	return a[0], nil
}

func filterEscape(c *Call, a []Value) (Value, error) {
	if m, ok := a[0].(Markup); ok {
		return m, nil
	}
	s, err := c.f.rt.str(a[0])
	return Markup(escapeHTML(s)), err
}

func filterFirst(c *Call, a []Value) (Value, error) {
	it, err := iterate(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	v, ok, err := it.Next()
	if !ok && err == nil {
		return &Undefined{hint: "No first item, sequence was empty."}, nil
	}
	return v, err
}

func filterLast(c *Call, a []Value) (Value, error) {
	if err := reversible(a[0]); err != nil {
		return nil, err
	}
	items, err := toSlice(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return &Undefined{hint: "No last item, sequence was empty."}, nil
	}
	return items[len(items)-1], nil
}

// reversible fails for what Python's reversed does not take.
func reversible(v Value) error {
	switch v.(type) {
	case *Iterator, *Set:
		return raise(typeError, "'%s' object is not reversible", typeName(v))
	}
	return nil
}

func filterRandom(c *Call, a []Value) (Value, error) {
	return nil, raise(runtimeError, "the filter random is not supported: a model must render the same each time")
}

func filterReverse(c *Call, a []Value) (Value, error) {
	if s, ok := textOf(a[0]); ok {
		runes := []rune(s)
		for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
			runes[i], runes[j] = runes[j], runes[i]
		}
		if _, ok := a[0].(Markup); ok {
			return Markup(runes), nil
		}
		return string(runes), nil
	}
	items, err := newSlice(c.f.rt, a[0])
	if err != nil {
		return nil, raise(typeError, "argument must be iterable")
	}
	reverse(items)
	switch a[0].(type) {
	case *Iterator, *Set:
		return &List{items}, nil
	case *List:
		return sliceKind("list_reverseiterator", items), nil
	case *Dict:
		return sliceKind("dict_reversekeyiterator", items), nil
	case *rangeValue:
		return sliceKind("range_iterator", items), nil
	}
	return sliceKind("reversed", items), nil
}

func sliceKind(kind string, items []Value) *Iterator {
	it := sliceIterator(items)
	it.kind = kind
	return it
}

func filterReplace(c *Call, a []Value) (Value, error) {
	var s [3]string
	var err error
	for i := range s {
		if s[i], err = c.f.rt.str(a[i]); err != nil {
			return nil, err
		}
	}
	n := -1
	if given(a[3]) && a[3] != nil {
		if n, err = indexArg(a[3], -1); err != nil {
			return nil, err
		}
	}
	return c.f.rt.replace(s[0], s[1], s[2], n)
}

func filterTrim(c *Call, a []Value) (Value, error) {
	s, err := c.f.rt.str(a[0])
	if err != nil {
		return nil, err
	}
	v, err := strip(s, a[1], true, true)
	if _, ok := a[0].(Markup); ok && err == nil {
		return Markup(v.(string)), nil
	}
	return v, err
}

// filterTitle splits at hyphens, brackets and white space; unlike str.title it
// leaves a letter behind an apostrophe small.
func filterTitle(s string) string {
	var b strings.Builder
	start := true
	for _, r := range s {
		if r == '-' || r == '(' || r == '{' || r == '[' || r == '<' || isSpace(r) {
			b.WriteRune(r)
			start = true
			continue
		}
		if start {
			b.WriteString(upper(string(r)))
		} else {
			b.WriteString(lower(string(r)))
		}
		start = false
	}
	return b.String()
}

func filterFormat(c *Call, a []Value) (Value, error) {
	s, err := c.f.rt.str(a[0])
	if err != nil {
		return nil, err
	}
	args, kwargs := a[1].(Tuple), a[2].(*Dict)
	if len(args) > 0 && kwargs.Len() > 0 {
		return nil, raise(typeError, "can't handle positional and keyword arguments at the same time")
	}
	_, isMarkup := a[0].(Markup)
	var v Value = args
	if kwargs.Len() > 0 {
		v = kwargs
	}
	text, err := c.f.rt.percent(s, v, isMarkup)
	if isMarkup && err == nil {
		return Markup(text.(string)), nil
	}
	return text, err
}

func filterInt(c *Call, a []Value) (Value, error) {
	preset := a[1]
	if !given(preset) {
		preset = int64(0)
	}
	base, err := indexArg(a[2], 10)
	if err != nil {
		return nil, err
	}
	var v Value
	switch x := a[0].(type) {
	case int64, *big.Int:
		return x, nil
	case bool:
		return normInt(toBig(x)), nil
	case float64:
		n, err := floatToInt(x)
		if err != nil {
			// Jinja catches an OverflowError only on its second try.
			if isError(err, overflowError) {
				return nil, err
			}
			return preset, nil
		}
		return normInt(n), nil
	case string, Markup:
		text, _ := textOf(x)
		if v, err = parseInt(text, base); err == nil {
			return v, nil
		}
		f, err := parseFloat(text)
		if err != nil {
			return preset, nil
		}
		n, err := floatToInt(f)
		if err != nil {
			return preset, nil
		}
		return normInt(n), nil
	case *Undefined:
		return nil, usable(x)
	case interface{ Int() (Value, error) }:
		return x.Int()
	}
	return preset, nil
}

func filterFloat(c *Call, a []Value) (Value, error) {
	preset := a[1]
	if !given(preset) {
		preset = 0.0
	}
	switch x := a[0].(type) {
	case float64:
		return x, nil
	case int64, bool, *big.Int:
		f, err := toFloat(x)
		return f, err
	case string, Markup:
		text, _ := textOf(x)
		f, err := parseFloat(text)
		if err != nil {
			return preset, nil
		}
		return f, nil
	case *Undefined:
		return nil, usable(x)
	case interface{ Float() (float64, error) }:
		f, err := x.Float()
		return f, err
	}
	return preset, nil
}

// filterRound rounds half to even, on the exact value, as Python's round does.
func filterRound(_ *Call, a []Value) (Value, error) {
	precision, err := indexArg(a[1], 0)
	if err != nil {
		return nil, err
	}
	method := "common"
	if given(a[2]) {
		method, _ = textOf(a[2])
	}
	if method != "common" && method != "ceil" && method != "floor" {
		return nil, raise(typeError, "method must be common, ceil or floor")
	}
	if !isNumber(a[0]) {
		if err := usable(a[0]); err != nil {
			return nil, err
		}
		if o, ok := a[0].(interface{ Round(int) (Value, error) }); ok {
			return o.Round(precision)
		}
		return nil, raise(typeError, "type %s doesn't define __round__ method", typeName(a[0]))
	}
	if precision > 400 || precision < -400 {
		precision = max(min(precision, 400), -400)
	}
	if method == "common" {
		if f, ok := a[0].(float64); ok {
			return roundFloat(f, precision)
		}
		return roundInt(toBig(a[0]), precision), nil
	}
	return roundTo(a[0], precision, method)
}

func roundFloat(f float64, precision int) (Value, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) || f == 0 {
		return f, nil
	}
	if precision >= 0 {
		r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		return r, err
	}
	exact := new(big.Rat).SetFloat64(f)
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-precision)), nil)
	q := exact.Quo(exact, new(big.Rat).SetInt(unit))
	n := halfEven(q)
	r, _ := new(big.Rat).SetInt(n.Mul(n, unit)).Float64()
	return math.Copysign(r, f), nil
}

// halfEven rounds a fraction to an integer, halves to the even one.
func halfEven(q *big.Rat) *big.Int {
	n, m := new(big.Int).DivMod(q.Num(), q.Denom(), new(big.Int))
	twice := m.Lsh(m, 1).Cmp(q.Denom())
	if twice > 0 || twice == 0 && n.Bit(0) == 1 {
		n.Add(n, big.NewInt(1))
	}
	return n
}

func roundInt(n *big.Int, precision int) Value {
	if precision >= 0 {
		return normInt(n)
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-precision)), nil)
	q := halfEven(new(big.Rat).SetFrac(n, unit))
	return normInt(q.Mul(q, unit))
}

// roundTo is ceil or floor of value * 10 ** precision, divided by that again.
func roundTo(v Value, precision int, method string) (Value, error) {
	rt := &render{limits: Limits{}.orDefaults()}
	scale, err := rt.binary(tPow, int64(10), int64(precision))
	if err != nil {
		return nil, err
	}
	scaled, err := rt.binary(tMul, v, scale)
	if err != nil {
		return nil, err
	}
	if f, ok := scaled.(float64); ok {
		if method == "ceil" {
			f = math.Ceil(f)
		} else {
			f = math.Floor(f)
		}
		n, err := floatToInt(f)
		if err != nil {
			return nil, err
		}
		scaled = normInt(n)
	}
	return rt.binary(tDiv, scaled, scale)
}

func filterTruncate(c *Call, a []Value) (Value, error) {
	size, err := length64(a[0])
	if err != nil {
		return nil, err
	}
	length, err := indexArg(a[1], 255)
	if err != nil {
		return nil, err
	}
	end := "..."
	if given(a[3]) {
		if end, err = strArg(a[3], "end"); err != nil {
			return nil, err
		}
	}
	leeway := 5
	if given(a[4]) && a[4] != nil {
		if leeway, err = indexArg(a[4], 5); err != nil {
			return nil, err
		}
	}
	endLen := utf8.RuneCountInString(end)
	if length < endLen {
		return nil, raise(runtimeError, "expected length >= %d, got %d", endLen, length)
	}
	if leeway < 0 {
		return nil, raise(runtimeError, "expected leeway >= 0, got %d", leeway)
	}
	if size <= int64(length)+int64(leeway) {
		return a[0], nil
	}
	s, ok := textOf(a[0])
	if !ok {
		return nil, raise(typeError, "can only truncate text, not %s", typeName(a[0]))
	}
	s, _ = sliceText(s, [3]Value{nil, int64(length - endLen)})
	if given(a[2]) && Truth(a[2]) {
		return s + end, nil
	}
	if i := strings.LastIndexByte(s, ' '); i >= 0 {
		s = s[:i]
	}
	return s + end, nil
}

func filterIndent(c *Call, a []Value) (Value, error) {
	s, isText := textOf(a[0])
	if !isText {
		if err := usable(a[0]); err != nil {
			return nil, err
		}
		return nil, raise(typeError, "unsupported operand type(s) for +=: '%s' and 'str'", typeName(a[0]))
	}
	width, isWidth := textOf(a[1])
	if !isWidth {
		n, err := indexArg(a[1], 4)
		if err != nil {
			return nil, err
		}
		if n > maxWidth {
			return nil, raise(limitError, "the width %d is too large", n)
		}
		width = strings.Repeat(" ", max(n, 0))
	}
	lines := splitLines(s+"\n", false)
	if len(width) > 0 && len(lines) > c.f.rt.limits.Output/len(width) {
		return nil, c.f.rt.spend(c.f.rt.limits.Output + 1)
	}
	blank := given(a[3]) && Truth(a[3])
	var b strings.Builder
	if given(a[2]) && Truth(a[2]) {
		b.WriteString(width)
	}
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
			if blank || line != "" {
				b.WriteString(width)
			}
		}
		b.WriteString(line)
	}
	if _, ok := a[0].(Markup); ok {
		return Markup(b.String()), nil
	}
	return b.String(), nil
}

func filterWordCount(c *Call, a []Value) (Value, error) {
	s, err := c.f.rt.str(a[0])
	n, inWord := int64(0), false
	for _, r := range s {
		isWord := r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
		if isWord && !inWord {
			n++
		}
		inWord = isWord
	}
	return n, err
}

func filterFileSize(_ *Call, a []Value) (Value, error) {
	v, err := filterFloat(nil, []Value{a[0], missing})
	if err != nil {
		return nil, err
	}
	size, ok := v.(float64)
	if !ok {
		return nil, raise(valueError, "could not convert string to float: %s", Repr(a[0]))
	}
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if given(a[1]) && Truth(a[1]) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case size == 1:
		return "1 Byte", nil
	case size < base:
		n, err := floatToInt(size)
		if err != nil {
			return nil, err
		}
		return n.String() + " Bytes", nil
	}
	unit := base
	for i, name := range units {
		unit *= base
		if size < unit || i == len(units)-1 {
			return strconv.FormatFloat(base*size/unit, 'f', 1, 64) + " " + name, nil
		}
	}
	return "", nil
}

package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textMethod makes a method of str. A Markup escapes texts that are put into
// it and yields Markup again.
func textMethod(params string, f func(c *Call, s string, a []Value) (Value, error)) *method {
	return &method{sig(params), func(c *Call, obj Value, a []Value) (Value, error) {
		for _, v := range a {
			if isSecret(v) {
				return nil, errSecret
			}
		}
		s, isText := obj.(string)
		if isText {
			return f(c, s, a)
		}
		s = string(obj.(Markup))
		switch c.name {
		case "replace", "ljust", "rjust", "center":
			a = escapeArgs(a)
		case "join":
			items, err := newSlice(c.f.rt, a[0])
			if err != nil {
				return nil, err
			}
			a = []Value{&List{escapeArgs(items)}}
		}
		v, err := f(c, s, a)
		if err != nil {
			return nil, err
		}
		return asMarkup(c.name, v), nil
	}}
}

// asMarkup makes Markup of what a method of Markup returned.
func asMarkup(name string, v Value) Value {
	switch x := v.(type) {
	case string:
		return Markup(x)
	case *List:
		for i := range x.Items {
			x.Items[i] = asMarkup(name, x.Items[i])
		}
	case Tuple:
		for i := range x {
			x[i] = asMarkup(name, x[i])
		}
	}
	return v
}

func escapeArgs(a []Value) []Value {
	out := make([]Value, len(a))
	for i, v := range a {
		if s, ok := v.(string); ok {
			v = escapeHTML(s)
		}
		out[i] = v
	}
	return out
}

// strArg is an argument that must be a str.
func strArg(v Value, what string) (string, error) {
	if s, ok := textOf(v); ok {
		return s, nil
	}
	if err := usable(v); err != nil {
		return "", err
	}
	return "", raise(typeError, "%s must be str, not %s", what, typeName(v))
}

// plain makes a method without arguments.
func plain(f func(string) string) *method {
	return textMethod("", func(_ *Call, s string, _ []Value) (Value, error) { return f(s), nil })
}

func predicate(f func(string) bool) *method {
	return textMethod("", func(_ *Call, s string, _ []Value) (Value, error) { return f(s), nil })
}

// allRunes reports whether s is not empty and every character passes.
func allRunes(ok func(rune) bool) func(string) bool {
	return func(s string) bool {
		for _, r := range s {
			if !ok(r) {
				return false
			}
		}
		return s != ""
	}
}

func isNumeric(r rune) bool { return unicode.IsNumber(r) }
func isDecimal(r rune) bool { return unicode.IsDigit(r) }
func isDigitRune(r rune) bool {
	// The superscripts and the circled digits are digits, too.
	return unicode.IsDigit(r) || r == '²' || r == '³' || r == '¹' || r >= 0x2070 && r <= 0x2079 || r >= 0x2080 && r <= 0x2089 ||
		r >= 0x2460 && r <= 0x2468
}

var textMethods map[string]*method = map[string]*method{
	"upper":      plain(upper),
	"lower":      plain(lower),
	"casefold":   plain(fold),
	"capitalize": plain(capitalize),
	"title":      plain(titleCase),
	"swapcase":   plain(swapCase),

	"isalpha":      predicate(allRunes(unicode.IsLetter)),
	"isdigit":      predicate(allRunes(isDigitRune)),
	"isdecimal":    predicate(allRunes(isDecimal)),
	"isnumeric":    predicate(allRunes(isNumeric)),
	"isalnum":      predicate(allRunes(func(r rune) bool { return unicode.IsLetter(r) || isNumeric(r) })),
	"isspace":      predicate(allRunes(isSpace)),
	"isascii":      predicate(isASCII),
	"isprintable":  predicate(func(s string) bool { return s == "" || allRunes(unicode.IsPrint)(s) }),
	"isidentifier": predicate(isIdentifier),
	"islower":      predicate(func(s string) bool { return cased(s, unicode.IsUpper, unicode.IsLower) }),
	"isupper":      predicate(func(s string) bool { return cased(s, unicode.IsLower, unicode.IsUpper) }),
	"istitle":      predicate(isTitle),

	"strip":  textMethod("chars?", func(_ *Call, s string, a []Value) (Value, error) { return strip(s, a[0], true, true) }),
	"lstrip": textMethod("chars?", func(_ *Call, s string, a []Value) (Value, error) { return strip(s, a[0], true, false) }),
	"rstrip": textMethod("chars?", func(_ *Call, s string, a []Value) (Value, error) { return strip(s, a[0], false, true) }),
	"removeprefix": textMethod("prefix", func(_ *Call, s string, a []Value) (Value, error) {
		p, err := strArg(a[0], "removeprefix() argument")
		return strings.TrimPrefix(s, p), err
	}),
	"removesuffix": textMethod("suffix", func(_ *Call, s string, a []Value) (Value, error) {
		p, err := strArg(a[0], "removesuffix() argument")
		return strings.TrimSuffix(s, p), err
	}),

	"split":  textMethod("sep? maxsplit?", func(c *Call, s string, a []Value) (Value, error) { return splitText(s, a, false) }),
	"rsplit": textMethod("sep? maxsplit?", func(c *Call, s string, a []Value) (Value, error) { return splitText(s, a, true) }),
	"splitlines": textMethod("keepends?", func(_ *Call, s string, a []Value) (Value, error) {
		return textList(splitLines(s, given(a[0]) && Truth(a[0]))), nil
	}),
	"partition":  textMethod("sep", func(_ *Call, s string, a []Value) (Value, error) { return partition(s, a[0], false) }),
	"rpartition": textMethod("sep", func(_ *Call, s string, a []Value) (Value, error) { return partition(s, a[0], true) }),
	"join":       textMethod("iterable", joinText),
	"replace":    textMethod("old new count?", replaceText),

	"startswith": textMethod("prefix start? end?", func(_ *Call, s string, a []Value) (Value, error) {
		return hasAffix(s, a, "startswith", strings.HasPrefix)
	}),
	"endswith": textMethod("suffix start? end?", func(_ *Call, s string, a []Value) (Value, error) {
		return hasAffix(s, a, "endswith", strings.HasSuffix)
	}),
	"find":   textMethod("sub start? end?", func(_ *Call, s string, a []Value) (Value, error) { return findText(s, a, strings.Index, false) }),
	"rfind":  textMethod("sub start? end?", func(_ *Call, s string, a []Value) (Value, error) { return findText(s, a, strings.LastIndex, false) }),
	"index":  textMethod("sub start? end?", func(_ *Call, s string, a []Value) (Value, error) { return findText(s, a, strings.Index, true) }),
	"rindex": textMethod("sub start? end?", func(_ *Call, s string, a []Value) (Value, error) { return findText(s, a, strings.LastIndex, true) }),
	"count":  textMethod("sub start? end?", countText),

	"ljust":      textMethod("width fillchar?", func(c *Call, s string, a []Value) (Value, error) { return justify(s, a, '<') }),
	"rjust":      textMethod("width fillchar?", func(c *Call, s string, a []Value) (Value, error) { return justify(s, a, '>') }),
	"center":     textMethod("width fillchar?", func(c *Call, s string, a []Value) (Value, error) { return justify(s, a, '^') }),
	"zfill":      textMethod("width", zfill),
	"expandtabs": textMethod("tabsize?", expandTabs),

	"format":     {sig("* **"), formatMethod},
	"format_map": {sig("mapping"), formatMapMethod},
	"encode": textMethod("encoding? errors?", func(*Call, string, []Value) (Value, error) {
		return nil, raise(typeError, "bytes are not supported")
	}),
	"translate": textMethod("table", translateText),
}

func formatMethod(c *Call, obj Value, a []Value) (Value, error) {
	s, _ := textOf(obj)
	_, isMarkup := obj.(Markup)
	text, err := c.f.rt.strFormat(s, a[0].(Tuple), a[1].(*Dict), isMarkup)
	if isMarkup {
		return Markup(text), err
	}
	return text, err
}

func formatMapMethod(c *Call, obj Value, a []Value) (Value, error) {
	d, ok := asDict(a[0])
	if !ok {
		return nil, raise(typeError, "format_map() wants a mapping")
	}
	return formatMethod(c, obj, []Value{Tuple(nil), d})
}

func isIdentifier(s string) bool {
	for i, r := range s {
		if !isNameRune(r) || i == 0 && unicode.IsNumber(r) {
			return false
		}
	}
	return s != ""
}

// cased reports whether s has a cased character and none of the other case.
func cased(s string, not, yes func(rune) bool) bool {
	found := false
	for _, r := range s {
		if not(r) || unicode.IsTitle(r) {
			return false
		}
		found = found || yes(r)
	}
	return found
}

func isTitle(s string) bool {
	found, inWord := false, false
	for _, r := range s {
		switch {
		case unicode.IsUpper(r) || unicode.IsTitle(r):
			if inWord {
				return false
			}
			inWord, found = true, true
		case unicode.IsLower(r):
			if !inWord {
				return false
			}
			found = true
		default:
			inWord = false
		}
	}
	return found
}

func textList(parts []string) *List {
	items := make([]Value, len(parts))
	for i, p := range parts {
		items[i] = p
	}
	return &List{items}
}

func strip(s string, chars Value, left, right bool) (Value, error) {
	cut := isSpace
	if given(chars) && chars != nil {
		set, err := strArg(chars, "strip arg")
		if err != nil {
			return nil, raise(typeError, "strip arg must be None or str")
		}
		cut = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	if left {
		s = strings.TrimLeftFunc(s, cut)
	}
	if right {
		s = strings.TrimRightFunc(s, cut)
	}
	return s, nil
}

func partition(s string, sep Value, last bool) (Value, error) {
	p, err := strArg(sep, "separator")
	if err != nil {
		return nil, err
	}
	if p == "" {
		return nil, raise(valueError, "empty separator")
	}
	i := strings.Index(s, p)
	if last {
		i = strings.LastIndex(s, p)
	}
	switch {
	case i >= 0:
		return Tuple{s[:i], p, s[i+len(p):]}, nil
	case last:
		return Tuple{"", "", s}, nil
	}
	return Tuple{s, "", ""}, nil
}

// joinText is sep.join(parts).
func joinText(c *Call, sep string, a []Value) (Value, error) {
	items, err := toSlice(c.f.rt, a[0])
	if err != nil {
		if isError(err, typeError) {
			return nil, raise(typeError, "can only join an iterable")
		}
		return nil, err
	}
	var b strings.Builder
	secret := false
	for i, v := range items {
		if i > 0 {
			b.WriteString(sep)
		}
		switch v := v.(type) {
		case string:
			b.WriteString(v)
		case Markup:
			b.WriteString(string(v))
		case Secret, SecretText:
			secret = true
			b.WriteString(c.f.rt.secretText(v))
		default:
			return nil, raise(typeError, "sequence item %d: expected str instance, %s found", i, typeName(v))
		}
		if b.Len() > c.f.rt.limits.Output {
			return nil, c.f.rt.spend(b.Len())
		}
	}
	if secret {
		return SecretText(b.String()), nil
	}
	return b.String(), nil
}

func replaceText(c *Call, s string, a []Value) (Value, error) {
	old, err := strArg(a[0], "replace() argument 1")
	if err != nil {
		return nil, err
	}
	with, err := strArg(a[1], "replace() argument 2")
	if err != nil {
		return nil, err
	}
	n, err := indexArg(a[2], -1)
	if err != nil {
		return nil, err
	}
	return c.f.rt.replace(s, old, with, n)
}

func (rt *render) replace(s, old, with string, n int) (string, error) {
	if len(with) > len(old) {
		hits := strings.Count(s, old)
		if old == "" {
			hits = utf8.RuneCountInString(s) + 1
		}
		if n >= 0 {
			hits = min(hits, n)
		}
		if hits > 0 && len(with) > rt.limits.Output/hits {
			return "", rt.spend(rt.limits.Output + 1)
		}
	}
	return strings.Replace(s, old, with, n), nil
}

func translateText(_ *Call, s string, a []Value) (Value, error) {
	d, ok := asDict(a[0])
	if !ok {
		return nil, raise(typeError, "translate() wants a mapping")
	}
	var b strings.Builder
	for _, r := range s {
		v, ok := d.Get(int64(r))
		switch v := v.(type) {
		case nil:
			if !ok {
				b.WriteRune(r)
			}
		case int64:
			b.WriteRune(rune(v))
		default:
			b.WriteString(Str(v))
		}
	}
	return b.String(), nil
}

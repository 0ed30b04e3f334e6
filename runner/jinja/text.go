package jinja

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// upper is str.upper; some letters become two.
func upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return respell(s, upperSpecial, unicode.ToUpper)
}

// fold is str.casefold.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return respell(strings.ReplaceAll(s, "İ", "i\u0307"), foldSpecial, unicode.ToLower)
}

func lower(s string) string {
	if strings.Contains(s, "İ") {
		s = strings.ReplaceAll(s, "İ", "i\u0307")
	}
	s = strings.ToLower(s)
	if strings.Contains(s, "σ") {
		return finalSigma(s)
	}
	return s
}

// finalSigma writes a sigma at the end of a word as ς. s is lower case.
func finalSigma(s string) string {
	runes := []rune(s)
	for i, r := range runes {
		if r == 'σ' && i > 0 && unicode.IsLetter(runes[i-1]) && (i+1 == len(runes) || !unicode.IsLetter(runes[i+1])) {
			runes[i] = 'ς'
		}
	}
	return string(runes)
}

// titleRune is the title case of one character.
func titleRune(r rune) string {
	if to, ok := titleSpecial[r]; ok {
		return to
	}
	return string(unicode.ToTitle(r))
}

func capitalize(s string) string {
	if s == "" {
		return ""
	}
	r, n := utf8.DecodeRuneInString(s)
	return titleRune(r) + lower(s[n:])
}

// titleCase is str.title: a letter is upper case unless a letter precedes it.
func titleCase(s string) string {
	var b strings.Builder
	inWord := false
	for _, r := range s {
		isCased := unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r)
		switch {
		case inWord:
			b.WriteString(lower(string(r)))
		default:
			b.WriteString(titleRune(r))
		}
		inWord = isCased
	}
	return b.String()
}

func swapCase(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteString(lower(string(r)))
		} else {
			b.WriteString(upper(string(r)))
		}
	}
	return b.String()
}

// splitText is str.split and str.rsplit.
func splitText(s string, a []Value, right bool) (Value, error) {
	n, err := indexArg(a[1], -1)
	if err != nil {
		return nil, err
	}
	if !given(a[0]) || a[0] == nil {
		if right && n >= 0 {
			return textList(rsplitSpace(s, n)), nil
		}
		return textList(splitSpace(s, n)), nil
	}
	sep, err := strArg(a[0], "separator")
	if err != nil {
		return nil, err
	}
	if sep == "" {
		return nil, raise(valueError, "empty separator")
	}
	if n < 0 {
		return textList(strings.Split(s, sep)), nil
	}
	if !right {
		return textList(strings.SplitN(s, sep, n+1)), nil
	}
	var parts []string
	for ; n > 0; n-- {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		parts = append(parts, s[i+len(sep):])
		s = s[:i]
	}
	parts = append(parts, s)
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return textList(parts), nil
}

func splitSpace(s string, n int) []string {
	if n < 0 {
		return strings.FieldsFunc(s, isSpace)
	}
	var parts []string
	for {
		s = strings.TrimLeftFunc(s, isSpace)
		if s == "" {
			return parts
		}
		i := strings.IndexFunc(s, isSpace)
		if n == 0 || i < 0 {
			return append(parts, s)
		}
		parts = append(parts, s[:i])
		s = s[i:]
		n--
	}
}

func rsplitSpace(s string, n int) []string {
	var parts []string
	for {
		s = trimRightSpace(s)
		if s == "" {
			break
		}
		i := strings.LastIndexFunc(s, isSpace)
		if n == 0 || i < 0 {
			parts = append(parts, s)
			break
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		parts = append(parts, s[i+size:])
		s = s[:i]
		n--
	}
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return parts
}

// splitLines is str.splitlines, which knows more line breaks than Jinja.
func splitLines(s string, keep bool) []string {
	var lines []string
	for s != "" {
		i := strings.IndexFunc(s, isLineBreak)
		if i < 0 {
			return append(lines, s)
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		if keep {
			lines = append(lines, s[:i+n])
		} else {
			lines = append(lines, s[:i])
		}
		s = s[i+n:]
	}
	return lines
}

func isLineBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// window is s[start:end] for the methods that search, with the number of
// characters before it; ok is false if start lies behind the end of s.
func window(s string, start, end Value) (part string, before int64, ok bool, err error) {
	length := int64(utf8.RuneCountInString(s))
	bound := func(v Value, preset int64) (int64, error) {
		if !given(v) || v == nil {
			return preset, nil
		}
		n, err := indexArg(v, 0)
		i := int64(n)
		if i < 0 {
			i = max(i+length, 0)
		}
		return i, err
	}
	from, err := bound(start, 0)
	if err != nil {
		return "", 0, false, err
	}
	to, err := bound(end, length)
	if err != nil {
		return "", 0, false, err
	}
	to = min(to, length)
	if from > to {
		return "", from, false, nil
	}
	part, err = sliceText(s, [3]Value{from, to})
	return part, from, true, err
}

func hasAffix(s string, a []Value, name string, has func(s, affix string) bool) (Value, error) {
	part, _, ok, err := window(s, a[1], a[2])
	if err != nil {
		return nil, err
	}
	options := []Value{a[0]}
	if t, isTuple := asTuple(a[0]); isTuple {
		options = t
	}
	for _, o := range options {
		affix, isText := textOf(o)
		if !isText {
			if err := usable(o); err != nil {
				return nil, err
			}
			return nil, raise(typeError, "%s first arg must be str or a tuple of str, not %s", name, typeName(o))
		}
		if ok && has(part, affix) {
			return true, nil
		}
	}
	return false, nil
}

func findText(s string, a []Value, find func(s, sub string) int, must bool) (Value, error) {
	sub, err := strArg(a[0], "argument 1")
	if err != nil {
		return nil, err
	}
	part, before, ok, err := window(s, a[1], a[2])
	if err != nil {
		return nil, err
	}
	i := -1
	if ok {
		i = find(part, sub)
	}
	if i >= 0 {
		return before + int64(utf8.RuneCountInString(part[:i])), nil
	}
	if must {
		return nil, raise(valueError, "substring not found")
	}
	return int64(-1), nil
}

func countText(_ *Call, s string, a []Value) (Value, error) {
	sub, err := strArg(a[0], "argument 1")
	if err != nil {
		return nil, err
	}
	part, _, ok, err := window(s, a[1], a[2])
	if err != nil || !ok {
		return int64(0), err
	}
	return int64(strings.Count(part, sub)), nil
}

// justify is str.ljust, rjust and center.
func justify(s string, a []Value, align byte) (Value, error) {
	width, err := indexArg(a[0], 0)
	if err != nil {
		return nil, err
	}
	fill := ' '
	if given(a[1]) {
		text, err := strArg(a[1], "the fill character")
		if err != nil || utf8.RuneCountInString(text) != 1 {
			return nil, raise(typeError, "The fill character must be exactly one character long")
		}
		fill, _ = utf8.DecodeRuneInString(text)
	}
	return pad(s, width, fill, align)
}

func pad(s string, width int, fill rune, align byte) (string, error) {
	n := width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s, nil
	}
	if n > maxWidth*16 {
		return "", raise(limitError, "the width %d is too large", width)
	}
	repeat := func(n int) string { return strings.Repeat(string(fill), n) }
	switch align {
	case '<':
		return s + repeat(n), nil
	case '>':
		return repeat(n) + s, nil
	}
	left := n / 2
	if n&1 == 1 && width&1 == 1 { // CPython puts the odd one to the left then
		left++
	}
	return repeat(left) + s + repeat(n-left), nil
}

func zfill(_ *Call, s string, a []Value) (Value, error) {
	width, err := indexArg(a[0], 0)
	if err != nil {
		return nil, err
	}
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	text, err := pad(s, width-len(sign), '0', '>')
	return sign + text, err
}

func expandTabs(_ *Call, s string, a []Value) (Value, error) {
	size, err := indexArg(a[0], 8)
	if err != nil {
		return nil, err
	}
	if size > maxWidth || size > 0 && strings.Count(s, "\t") > (64<<20)/size {
		return nil, raise(limitError, "the tabs are too wide")
	}
	var b strings.Builder
	col := 0
	for _, r := range s {
		switch {
		case r == '\t':
			if size > 0 {
				n := size - col%size
				b.WriteString(strings.Repeat(" ", n))
				col += n
			}
		default:
			b.WriteRune(r)
			col++
			if r == '\n' || r == '\r' {
				col = 0
			}
		}
	}
	return b.String(), nil
}

// parseInt is Python's int(text, base).
func parseInt(text string, base int) (Value, error) {
	fail := func() (Value, error) {
		return nil, raise(valueError, "invalid literal for int() with base %d: %s", base, Repr(text))
	}
	if base != 0 && (base < 2 || base > 36) {
		return nil, raise(valueError, "int() base must be >= 2 and <= 36, or 0")
	}
	s := strings.TrimFunc(text, isSpace)
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative, s = s[0] == '-', s[1:]
	}
	prefixed := false
	if len(s) > 1 && s[0] == '0' {
		b := map[byte]int{'x': 16, 'X': 16, 'o': 8, 'O': 8, 'b': 2, 'B': 2}[s[1]]
		switch {
		case b != 0 && (base == 0 || base == b):
			base, s, prefixed = b, s[2:], true
		case base == 0 && strings.Trim(s, "0_") != "":
			return fail()
		}
	}
	real := base
	if base == 0 {
		real = 10
	}
	if prefixed {
		s = strings.TrimPrefix(s, "_")
	}
	if s == "" || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") || s[0] == '+' || s[0] == '-' {
		return fail()
	}
	digits := asciiDigits(strings.ReplaceAll(s, "_", ""))
	if n, err := strconv.ParseInt(digits, real, 64); err == nil {
		if negative {
			n = -n
		}
		return n, nil
	}
	if len(digits) > maxIntDigits {
		return nil, raise(valueError, "exceeds the limit (%d digits) for integer string conversion", maxIntDigits)
	}
	n, ok := new(big.Int).SetString(digits, real)
	if !ok {
		return fail()
	}
	if negative {
		n.Neg(n)
	}
	return normInt(n), nil
}

// asciiDigits writes decimal digits of other scripts as ASCII ones.
func asciiDigits(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf || !unicode.IsDigit(r) {
			return r
		}
		zero := r
		for zero > 0 && unicode.IsDigit(zero-1) && r-zero < 9 {
			zero--
		}
		return '0' + (r - zero)
	}, s)
}

// parseFloat is Python's float(text).
func parseFloat(text string) (float64, error) {
	s := asciiDigits(strings.TrimFunc(text, isSpace))
	bad := raise(valueError, "could not convert string to float: %s", Repr(text))
	if s == "" || strings.ContainsAny(s, "xXpP") || s[0] == '_' || s[len(s)-1] == '_' {
		return 0, bad
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && (!isDigit(s[i-1]) || !isDigit(s[i+1])) {
			return 0, bad
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		err = nil
	}
	if err != nil {
		return 0, bad
	}
	return f, nil
}

// escapeHTML is markupsafe.escape.
func escapeHTML(s string) string {
	if !strings.ContainsAny(s, `&<>'"`) {
		return s
	}
	return htmlEscaper.Replace(s)
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

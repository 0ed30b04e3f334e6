package jinja

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// urlQuote is Python's quote: letters, digits and _.-~ and safe stay.
func urlQuote(s, safe string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; isNameByte(c) || strings.IndexByte("-.~", c) >= 0 || strings.IndexByte(safe, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func filterURLEncode(c *Call, a []Value) (Value, error) {
	if s, ok := textOf(a[0]); ok {
		return urlQuote(s, "/"), nil
	}
	items, err := toSlice(c.f.rt, a[0])
	if d, ok := asDict(a[0]); ok {
		items, err = toSlice(c.f.rt, &dictView{d, 'i'})
	} else if err != nil {
		s, err := c.f.rt.str(a[0])
		return urlQuote(s, "/"), err
	}
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(items))
	for i, item := range items {
		pair, err := unpack(c.f.rt, item, 2)
		if err != nil {
			return nil, err
		}
		var s [2]string
		for j, v := range pair {
			text, err := c.f.rt.str(v)
			if err != nil {
				return nil, err
			}
			s[j] = strings.ReplaceAll(urlQuote(text, ""), "%20", "+")
		}
		parts[i] = s[0] + "=" + s[1]
	}
	return strings.Join(parts, "&"), nil
}

var (
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	htmlTag     = regexp.MustCompile(`(?s)<.*?>`)
)

func filterStripTags(c *Call, a []Value) (Value, error) {
	s, err := c.f.rt.str(a[0])
	if err != nil {
		return nil, err
	}
	s = htmlTag.ReplaceAllString(htmlComment.ReplaceAllString(s, ""), "")
	s = strings.Join(strings.FieldsFunc(s, isSpace), " ")
	return html.UnescapeString(s), nil
}

func filterXMLAttr(c *Call, a []Value) (Value, error) {
	d, ok := asDict(a[0])
	if !ok {
		return nil, raise(attributeError, "'%s' object has no attribute 'items'", typeName(a[0]))
	}
	var parts []string
	for _, it := range d.Items() {
		if _, undefined := it.Value.(*Undefined); undefined || it.Value == nil {
			continue
		}
		key, err := strArg(it.Key, "attribute name")
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(key, " \t\n\r\f\v/>=") {
			return nil, raise(valueError, "Invalid character in attribute name: %s", Repr(key))
		}
		v, err := filterEscape(c, []Value{it.Value})
		if err != nil {
			return nil, err
		}
		parts = append(parts, escapeHTML(key)+`="`+Str(v)+`"`)
	}
	s := strings.Join(parts, " ")
	if s != "" && (!given(a[1]) || Truth(a[1])) {
		s = " " + s
	}
	return s, nil
}

var (
	urlWord   = regexp.MustCompile(`(?i)^(((https?://|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})|([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)|(https?://)((([\d]{1,3})(\.[\d]{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\])))(:[\d]{1,5})?([/?#]\S*)?)$`)
	emailWord = regexp.MustCompile(`^\S+@\w[\w.-]*\.\w+$`)
	schemeRe  = regexp.MustCompile(`^([\w.+-]{2,}:(/){0,2})$`)
)

func filterURLize(c *Call, a []Value) (Value, error) {
	s, err := c.f.rt.str(a[0])
	if err != nil {
		return nil, err
	}
	u := urlizer{limit: -1}
	if given(a[1]) && a[1] != nil {
		if u.limit, err = indexArg(a[1], 0); err != nil {
			return nil, err
		}
	}
	rel := []string{"noopener"}
	if given(a[4]) && a[4] != nil {
		rel = append(rel, strings.Fields(Str(a[4]))...)
	}
	if given(a[2]) && Truth(a[2]) {
		rel = append(rel, "nofollow")
	}
	slices.Sort(rel)
	u.attrs = ` rel="` + escapeHTML(strings.Join(slices.Compact(rel), " ")) + `"`
	if given(a[3]) && a[3] != nil {
		u.attrs += ` target="` + escapeHTML(Str(a[3])) + `"`
	}
	if given(a[5]) && a[5] != nil {
		schemes, err := toSlice(c.f.rt, a[5])
		if err != nil {
			return nil, err
		}
		for _, v := range schemes {
			if !schemeRe.MatchString(Str(v)) {
				return nil, raise(typeError, "%s is not a valid URI scheme prefix", Repr(v))
			}
			u.schemes = append(u.schemes, Str(v))
		}
	}
	if _, ok := a[0].(Markup); !ok {
		s = escapeHTML(s)
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexFunc(s, isSpace)
		if i < 0 {
			i = len(s)
		}
		if i > 0 {
			b.WriteString(u.word(s[:i]))
		}
		end := spaceEnd(s, i)
		b.WriteString(s[i:end])
		s = s[end:]
	}
	return b.String(), nil
}

type urlizer struct {
	limit   int
	attrs   string
	schemes []string
}

func (u *urlizer) shown(s string) string {
	if u.limit >= 0 && utf8.RuneCountInString(s) > u.limit {
		s, _ = sliceText(s, [3]Value{nil, int64(u.limit)})
		return s + "..."
	}
	return s
}

func (u *urlizer) link(href, text string) string {
	return `<a href="` + href + `"` + u.attrs + `>` + text + `</a>`
}

func (u *urlizer) word(w string) string {
	head, middle, tail := cutPunctuation(w)
	lowered := strings.ToLower(middle)
	switch {
	case urlWord.MatchString(middle):
		if strings.HasPrefix(lowered, "https://") || strings.HasPrefix(lowered, "http://") {
			middle = u.link(middle, u.shown(middle))
		} else {
			middle = u.link("https://"+middle, u.shown(middle))
		}
	case strings.HasPrefix(middle, "mailto:") && emailWord.MatchString(middle[7:]):
		middle = `<a href="` + middle + `">` + middle[7:] + `</a>`
	case strings.Contains(middle, "@") && !strings.HasPrefix(middle, "www.") && !strings.HasPrefix(middle, "@") &&
		!strings.Contains(middle, ":") && emailWord.MatchString(middle):
		middle = `<a href="mailto:` + middle + `">` + middle + `</a>`
	default:
		for _, scheme := range u.schemes {
			if middle != scheme && strings.HasPrefix(middle, scheme) {
				middle = u.link(middle, middle)
				break
			}
		}
	}
	return head + middle + tail
}

// cutPunctuation cuts off brackets before and punctuation behind a word, as
// far as brackets balance.
func cutPunctuation(w string) (head, middle, tail string) {
	middle = w
	for cut := true; cut; {
		cut = false
		for _, p := range []string{"(", "<", "&lt;"} {
			if strings.HasPrefix(middle, p) {
				head, middle, cut = head+p, middle[len(p):], true
			}
		}
	}
	for cut := true; cut; {
		cut = false
		for _, p := range []string{")", ">", ".", ",", "\n", "&gt;"} {
			if strings.HasSuffix(middle, p) {
				tail, middle, cut = p+tail, strings.TrimSuffix(middle, p), true
			}
		}
	}
	for _, pair := range [][2]string{{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}} {
		opens := strings.Count(middle, pair[0])
		if opens <= strings.Count(middle, pair[1]) {
			continue
		}
		for range min(opens, strings.Count(tail, pair[1])) {
			end := strings.Index(tail, pair[1]) + len(pair[1])
			middle, tail = middle+tail[:end], tail[end:]
		}
	}
	return head, middle, tail
}

// filterPprint writes what fits in a line as repr does, with the keys of a dict
// sorted, and breaks longer values as Python's pprint does.
func filterPprint(c *Call, a []Value) (Value, error) {
	if _, err := c.f.rt.repr(a[0]); err != nil { // bounds the work below
		return nil, err
	}
	p := pretty{rt: c.f.rt}
	if err := p.write(a[0], 0, 0); err != nil {
		return nil, err
	}
	return p.b.String(), nil
}

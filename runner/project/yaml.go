package project

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
)

// yamlFile is a YAML file that is being read. Its methods read nodes, note
// what is wrong and go on with zero values, so that one reading finds all
// errors. It belongs to one goroutine.
type yamlFile struct {
	name   string
	src    string // without byte order mark
	starts []int  // where each line begins; made when first needed
	errs   diag.List
	render *renderer // nil: Jinja is left as it is
	budget int       // nodes that values may still be made of: aliases can make a small file huge
}

// parseYAML reads a file that holds one YAML document. The node is nil if the
// document is empty or does not parse.
func parseYAML(name string, data []byte) (*yamlFile, *yaml.Node) {
	f := &yamlFile{name: name, budget: 100_000 + 3*len(data)}
	text, bad := decodeText(name, data)
	f.src = text
	if bad != nil {
		f.errs.Add(bad)
		return f, nil
	}
	if off := controlChar(text); off >= 0 {
		line, col := diag.Locate(text, off)
		r, _ := utf8.DecodeRuneInString(text[off:])
		f.errs.Add(f.at(line, col, 1, "control character U+%04X in a YAML file", r))
		return f, nil
	}
	var doc, next yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(text))
	err := decodeNode(dec, &doc)
	if errors.Is(err, io.EOF) {
		return f, nil
	}
	if err == nil {
		switch err = decodeNode(dec, &next); {
		case errors.Is(err, io.EOF):
			err = nil
		case err == nil:
			e := f.at(max(next.Line, 1), 1, 3, "a second YAML document in one file")
			e.Advice = "give each document a file of its own"
			f.errs.Add(e)
		}
	}
	if err != nil {
		f.errs.Add(f.syntaxError(err))
		return f, nil
	}
	if len(doc.Content) == 0 {
		return f, nil
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Style == 0 && isNull(root.Value) {
		return f, nil
	}
	return f, root
}

// decodeNode reads the next document. The YAML package panics on a few
// malformed inputs; that must not end the program.
func decodeNode(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return dec.Decode(n)
}

// decodeText drops a byte order mark and refuses what is not UTF-8.
func decodeText(name string, data []byte) (string, *diag.Error) {
	text := string(bytes.TrimPrefix(data, []byte("\ufeff")))
	if utf8.ValidString(text) {
		return text, nil
	}
	off := 0
	for off < len(text) {
		r, n := utf8.DecodeRuneInString(text[off:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		off += n
	}
	line, col := diag.Locate(text, off)
	return "", &diag.Error{
		Pos: diag.Pos{File: name, Line: line, Col: col}, Source: strings.ToValidUTF8(diag.LineAt(text, line), "\ufffd"),
		Msg: fmt.Sprintf("not UTF-8: byte 0x%02X", text[off]), Advice: "save the file as UTF-8",
	}
}

// controlChar returns the offset of the first character that YAML forbids, or -1.
func controlChar(text string) int {
	return strings.IndexFunc(text, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85
	})
}

var (
	yamlLine  = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	tabIndent = regexp.MustCompile(`(?m)^ *\t[ \t]*[^\s#]`)
)

// plainWords says what usually is behind a message of the YAML scanner.
var plainWords = []struct{ msg, means string }{
	{"mapping values are not allowed", "a value with a colon in it needs quotes, or the line is indented too far"},
	{"did not find expected key", "the line does not fit the indentation of those above it, or a quote before it is not closed"},
	{"did not find expected '-' indicator", "the line does not fit the list above it: check its indentation"},
	{"did not find expected ',' or", "a bracket or brace is not closed, or a comma is missing"},
	{"could not find expected ':'", "a key without a colon behind it"},
	{"found unexpected end of stream", "a quote or bracket is not closed"},
	{"unknown anchor", "an alias (*name) needs an anchor (&name) above it"},
	{"cannot start any token", "a value that begins with this character needs quotes"},
	{"did not find expected alphabetic", "a value that begins with * or & needs quotes"},
	{"found unknown escape character", "in double quotes a backslash begins an escape: use single quotes"},
}

func (f *yamlFile) syntaxError(err error) *diag.Error {
	m := yamlLine.FindStringSubmatch(err.Error())
	msg, line := err.Error(), 1
	if m != nil {
		msg = msg[len(m[0]):]
		line, _ = strconv.Atoi(m[1])
	}
	if at := tabIndent.FindStringIndex(f.src); at != nil {
		tab := at[0] + strings.IndexByte(f.src[at[0]:], '\t')
		line, col := diag.Locate(f.src, tab)
		e := f.at(line, col, 1, "a tab is used as indentation; YAML allows only spaces")
		e.Advice = "replace the tab by spaces"
		return e
	}
	if line < 1 || strings.HasPrefix(msg, "did not find expected") {
		// The message has the line where the surrounding block began.
		line = f.failingLine()
	}
	e := f.at(line, 0, 0, "YAML: %s", msg)
	for _, p := range plainWords {
		if strings.Contains(msg, p.msg) {
			e.Advice = p.means
			break
		}
	}
	return e
}

// failingLine parses the text again, fed line by line: the parser fails when
// it has seen the line that is wrong and none behind it.
func (f *yamlFile) failingLine() int {
	r := &lineReader{rest: f.src}
	dec := yaml.NewDecoder(r)
	for {
		var n yaml.Node
		if err := decodeNode(dec, &n); err != nil {
			break
		}
	}
	return max(1, min(r.lines, 1+strings.Count(strings.TrimRight(f.src, "\r\n"), "\n")))
}

type lineReader struct {
	rest  string
	lines int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	n := strings.IndexByte(r.rest, '\n') + 1
	if n == 0 {
		n = len(r.rest)
	}
	n = copy(p, r.rest[:n])
	if r.rest[n-1] == '\n' || n == len(r.rest) {
		r.lines++
	}
	r.rest = r.rest[n:]
	return n, nil
}

// line returns line n (1-based) without its line break.
func (f *yamlFile) line(n int) string {
	if f.starts == nil {
		f.starts = append(f.starts, 0)
		for i := 0; i < len(f.src); i++ {
			if f.src[i] == '\n' {
				f.starts = append(f.starts, i+1)
			}
		}
	}
	if n < 1 || n > len(f.starts) {
		return ""
	}
	line, _, _ := strings.Cut(f.src[f.starts[n-1]:], "\n")
	return strings.TrimSuffix(line, "\r")
}

func (f *yamlFile) at(line, col, span int, format string, args ...any) *diag.Error {
	return &diag.Error{Pos: diag.Pos{File: f.name, Line: line, Col: col}, Span: span, Source: f.line(line), Msg: fmt.Sprintf(format, args...)}
}

func (f *yamlFile) pos(n *yaml.Node) diag.Pos {
	return diag.Pos{File: f.name, Line: n.Line, Col: n.Column}
}

// span is the width of a node's text, if it is a scalar on one line.
func span(n *yaml.Node) int {
	if n.Kind != yaml.ScalarNode || strings.Contains(n.Value, "\n") {
		return 1
	}
	w := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		w += 2
	}
	return max(1, w)
}

// errorf notes an error at a node and returns it, for its advice.
func (f *yamlFile) errorf(n *yaml.Node, format string, args ...any) *diag.Error {
	e := f.at(n.Line, n.Column, span(n), format, args...)
	f.errs.Add(e)
	return e
}

// pair is an entry of a mapping.
type pair struct {
	key   string
	k, v  *yaml.Node
	merge bool // came in by <<
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pairs returns the entries of a mapping in order, with merge keys resolved
// and null as no entries; what says what should be there.
func (f *yamlFile) pairs(n *yaml.Node, what string) []pair {
	n = resolve(n)
	switch {
	case isNullNode(n):
		return nil
	case n.Kind != yaml.MappingNode:
		f.errorf(n, "%s must be a mapping of keys and values, not %s", what, kindOf(n))
		return nil
	}
	return f.mappingPairs(n, 0)
}

func (f *yamlFile) mappingPairs(n *yaml.Node, depth int) []pair {
	var merged []pair
	own := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := resolve(n.Content[i]), n.Content[i+1]
		if k.Kind == yaml.ScalarNode && k.Tag == "!!merge" && k.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 {
			merged = append(merged, f.merged(v, depth)...)
			continue
		}
		if k.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 {
			f.errorf(n, unquotedJinja).Advice = "write \"{{ … }}\""
			continue
		}
		if k.Kind != yaml.ScalarNode {
			f.errorf(k, "a key must be a name, not %s", kindOf(k))
			continue
		}
		if at := slices.IndexFunc(own, func(p pair) bool { return p.key == k.Value }); at >= 0 {
			e := f.errorf(k, "duplicate key %q: it already stands in line %d", k.Value, own[at].k.Line)
			e.Advice = "join the two, or remove one: the later would hide the earlier"
			continue
		}
		own = append(own, pair{key: k.Value, k: k, v: v})
	}
	if merged == nil {
		return own
	}
	out := make([]pair, 0, len(merged)+len(own))
	for _, p := range merged {
		if !hasKey(own, p.key) && !hasKey(out, p.key) {
			out = append(out, p)
		}
	}
	return append(out, own...)
}

func hasKey(ps []pair, key string) bool {
	return slices.ContainsFunc(ps, func(p pair) bool { return p.key == key })
}

func find(ps []pair, key string) *yaml.Node {
	for i := range ps {
		if ps[i].key == key {
			return ps[i].v
		}
	}
	return nil
}

// merged returns what a merge key brings in. Of a list the earlier mapping
// wins, as in YAML 1.1.
func (f *yamlFile) merged(v *yaml.Node, depth int) []pair {
	n := resolve(v)
	if depth > 50 {
		f.errorf(v, "merge keys (<<) nested too deeply")
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		ps := f.mappingPairs(n, depth+1)
		for i := range ps {
			ps[i].merge = true
		}
		return ps
	case yaml.SequenceNode:
		var all []pair
		for _, c := range n.Content {
			if resolve(c).Kind != yaml.MappingNode {
				f.errorf(c, "<< takes mappings, not %s", kindOf(resolve(c)))
				continue
			}
			all = append(all, f.merged(c, depth+1)...)
		}
		return all
	}
	f.errorf(v, "<< takes a mapping or a list of mappings, not %s", kindOf(n))
	return nil
}

// known notes each key that is not among those given, with the nearest one,
// and returns the rest.
func (f *yamlFile) known(ps []pair, what string, keys []string) []pair {
	out := ps[:0:0]
	for _, p := range ps {
		if slices.Contains(keys, p.key) {
			out = append(out, p)
			continue
		}
		f.unknownKey(p.k, p.key, what, keys)
	}
	return out
}

func (f *yamlFile) unknownKey(n *yaml.Node, key, what string, keys []string) {
	f.errs.Add(unknownKey(f.setting(n, nil), key, what, keys))
}

// unknownKey is the error of a key that is not known.
func unknownKey(s Setting, key, what string, keys []string) *diag.Error {
	e := &diag.Error{Pos: s.Pos, Span: s.Span, Source: s.Source}
	e.Msg = fmt.Sprintf("unknown key %q in %s", key, what)
	if near := diag.Nearest(key, keys); near != "" {
		e.Msg += fmt.Sprintf("; did you mean %q?", near)
	} else {
		e.Advice = "known keys: " + strings.Join(sorted(keys), ", ")
	}
	return e
}

func sorted(keys []string) []string {
	out := slices.Clone(keys)
	slices.Sort(out)
	return slices.Compact(out)
}

// list returns the elements of a list; null is none, a scalar or mapping is
// an error.
func (f *yamlFile) list(n *yaml.Node, what string) []*yaml.Node {
	n = resolve(n)
	switch {
	case isNullNode(n):
		return nil
	case n.Kind != yaml.SequenceNode:
		e := f.errorf(n, "%s must be a list, not %s", what, kindOf(n))
		if n.Kind == yaml.MappingNode {
			e.Advice = "begin each element with \"- \""
		}
		return nil
	}
	return n.Content
}

// setting is a value with the place of n.
func (f *yamlFile) setting(n *yaml.Node, v any) Setting {
	return Setting{Value: v, Pos: f.pos(n), Span: span(n), Source: f.line(n.Line)}
}

// unquotedJinja: to YAML, {{ … }} without quotes is a mapping with a mapping
// for its key.
const unquotedJinja = "a value that begins with {{ needs quotes around it"

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		if n.Style&yaml.FlowStyle != 0 && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode {
			return "a mapping: " + unquotedJinja
		}
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if isNullNode(n) {
			return "nothing"
		}
		return "the value " + strconv.Quote(n.Value)
	}
	return "an alias"
}

func isNullNode(n *yaml.Node) bool {
	return n == nil || n.Kind == yaml.ScalarNode && (n.Style&^yaml.TaggedStyle == 0 && isNull(n.Value) && (n.Style == 0 || n.Tag == "!!null"))
}

package project

import (
	"fmt"
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
	name    string
	src     string // without byte order mark
	starts  []int  // where each line begins; made when first needed
	errs    diag.List
	render  *renderer // nil: Jinja is left as it is
	dbt     bool      // of a project with dbt_project.yml: keys of one's own are allowed
	lenient bool      // of a package: keys that are not known are nobody's business
	budget  int       // nodes that values may still be made of: aliases can make a small file huge
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
	if f.budget -= 1 + len(n.Content); depth > 50 || f.budget < 0 {
		f.tooLarge(v)
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

// tooLarge notes, once, that aliases make more of a file than it should hold.
func (f *yamlFile) tooLarge(n *yaml.Node) {
	const told = -1 << 40
	if f.budget > told/2 {
		f.errorf(n, "this is nested too deeply or, through aliases, too large")
	}
	f.budget = told
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

// own says whether a key that is not known may be one of the user's own, as dbt allows
// them; what is spelled nearly like a known one is a mistake.
func (f *yamlFile) own(key string, keys []string) bool {
	return f.lenient || f.dbt && diag.Nearest(key, keys) == ""
}

// wrong leaves out of what is wrong in a config that its keys are the user's own: it is
// told of where the config is used.
func (f *yamlFile) wrong(errs []*diag.Error) []*diag.Error {
	return slices.DeleteFunc(errs, func(e *diag.Error) bool {
		return strings.HasPrefix(e.Msg, "unknown key") && (f.lenient || f.dbt && !strings.Contains(e.Msg, "did you mean"))
	})
}

func (f *yamlFile) unknownKey(n *yaml.Node, key, what string, keys []string) {
	if f.lenient {
		return
	}
	e := unknownKey(f.setting(n, nil), key, what, keys)
	if e.Warn = f.own(key, keys); e.Warn {
		e.Advice = "it is ignored"
	}
	f.errs.Add(e)
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

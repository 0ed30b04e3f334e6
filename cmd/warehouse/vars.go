package main

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
)

// varsFlag is --vars: a dictionary in YAML or JSON.
type varsFlag struct {
	flag   string // "": --vars
	text   string
	values map[string]any
}

func (v *varsFlag) String() string { return v.text }
func (v *varsFlag) Type() string   { return "YAML" }
func (v *varsFlag) Set(s string) error {
	values, err := parseVars(s)
	var placed *diag.Error
	if v.flag != "" && errors.As(err, &placed) {
		placed.Pos.File, placed.Advice = v.flag, strings.ReplaceAll(placed.Advice, "--vars", v.flag)
	}
	if err != nil {
		return err
	}
	v.text, v.values = s, values
	return nil
}

// parseVars reads a dictionary. Scalars are YAML 1.2's, but that yes, no, on
// and off are booleans as they are in the project's files; dates are text. An
// error is a *diag.Error with a caret.
func parseVars(text string) (map[string]any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, yamlError(text, err)
	}
	if len(doc.Content) == 0 {
		return nil, nil // nothing but blanks and comments
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, varsError(text, root, "a dictionary is needed")
	}
	v, err := plain(text, root, 0)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

// deepest is how deep lists and dictionaries may lie in one another; aliases
// cannot blow up a text beyond it.
const deepest = 50

func plain(text string, n *yaml.Node, depth int) (any, error) {
	if depth > deepest {
		return nil, varsError(text, n, "too deep")
	}
	switch n.Kind {
	case yaml.AliasNode:
		return nil, varsError(text, n, "aliases are not read here")
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, err := plain(text, item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		dict := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Kind != yaml.ScalarNode {
				return nil, varsError(text, key, "a name is needed here")
			}
			if _, twice := dict[key.Value]; twice {
				return nil, varsError(text, key, fmt.Sprintf("%q stands here twice", key.Value))
			}
			if name, after, ok := strings.Cut(key.Value, ":"); ok && n.Style&yaml.FlowStyle != 0 && key.Style == 0 && value.Tag == "!!null" && value.Value == "" {
				e := varsError(text, key, "a space is missing behind the colon")
				e.Advice = fmt.Sprintf("write {%s: %s}", name, after)
				return nil, e
			}
			v, err := plain(text, value, depth+1)
			if err != nil {
				return nil, err
			}
			dict[key.Value] = v
		}
		return dict, nil
	}
	v, err := scalar(n)
	if err != nil {
		return nil, varsError(text, n, err.Error())
	}
	return v, nil
}

var words = map[string]bool{"yes": true, "no": false, "on": true, "off": false}

// scalar is a plain or quoted value: nil, bool, int64, *big.Int, float64 or
// string.
func scalar(n *yaml.Node) (any, error) {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Value, nil
	}
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		return strconv.ParseBool(strings.ToLower(n.Value))
	case "!!int":
		i, ok := new(big.Int).SetString(n.Value, 0)
		if !ok {
			return n.Value, nil
		}
		if i.IsInt64() {
			return i.Int64(), nil
		}
		return i, nil
	case "!!float":
		var f float64
		err := n.Decode(&f)
		return f, err
	}
	if b, ok := words[strings.ToLower(n.Value)]; ok && n.Tag == "!!str" {
		return b, nil
	}
	return n.Value, nil
}

func varsError(text string, n *yaml.Node, msg string) *diag.Error {
	return &diag.Error{
		Pos: diag.Pos{File: "--vars", Line: n.Line, Col: n.Column}, Source: diag.LineAt(text, n.Line), Span: len([]rune(n.Value)),
		Msg: msg, Advice: "write --vars '{name: value, other: [1, 2]}'",
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// yamlError gives a syntax error its place. The parser knows the line alone;
// the column is that of the bracket or quote that is wrong, if there is one.
func yamlError(text string, err error) error {
	msg, line := err.Error(), 1
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		msg = m[2]
		if n, nerr := strconv.Atoi(m[1]); nerr == nil {
			line = n
		}
	}
	e := &diag.Error{Pos: diag.Pos{File: "--vars", Line: line}, Msg: msg, Err: errors.Unwrap(err), Advice: "write --vars '{name: value, other: [1, 2]}'"}
	if off, what := unbalanced(text); off >= 0 {
		e.Pos.Line, e.Pos.Col = diag.Locate(text, off)
		e.Msg = what
	}
	e.Source = diag.LineAt(text, e.Pos.Line)
	return e
}

// unbalanced finds the first bracket or quote without its partner; -1 if there
// is none.
func unbalanced(text string) (off int, what string) {
	type open struct {
		off   int
		close byte
	}
	var stack []open
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{':
			stack = append(stack, open{i, '}'})
		case '[':
			stack = append(stack, open{i, ']'})
		case '}', ']':
			if len(stack) == 0 || stack[len(stack)-1].close != c {
				return i, fmt.Sprintf("this %c closes nothing", c)
			}
			stack = stack[:len(stack)-1]
		case '\'', '"':
			if i > 0 && !strings.ContainsRune(" {[,:\n\t", rune(text[i-1])) {
				continue // inside a word
			}
			end := strings.IndexByte(text[i+1:], c)
			if end < 0 {
				return i, "this quote is never closed"
			}
			i += 1 + end
		}
	}
	if len(stack) > 0 {
		last := stack[len(stack)-1]
		return last.off, fmt.Sprintf("this %c is never closed", text[last.off])
	}
	return -1, ""
}

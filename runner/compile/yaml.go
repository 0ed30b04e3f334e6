package compile

import (
	"bytes"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// fromYAML reads one YAML document.
func fromYAML(text string) (jinja.Value, error) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		return nil, err
	}
	return yamlValue(&n, 0)
}

func yamlValue(n *yaml.Node, depth int) (jinja.Value, error) {
	if depth > 100 {
		return nil, fmt.Errorf("the YAML is nested too deep")
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return nil, nil
		}
		return yamlValue(n.Content[0], depth+1)
	case yaml.AliasNode:
		return yamlValue(n.Alias, depth+1)
	case yaml.SequenceNode:
		l := &jinja.List{}
		for _, c := range n.Content {
			v, err := yamlValue(c, depth+1)
			if err != nil {
				return nil, err
			}
			l.Items = append(l.Items, v)
		}
		return l, nil
	case yaml.MappingNode:
		d := jinja.NewDict()
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, err := yamlValue(n.Content[i], depth+1)
			if err != nil {
				return nil, err
			}
			v, err := yamlValue(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			if err := d.Set(k, v); err != nil {
				return nil, err
			}
		}
		return d, nil
	case 0:
		return nil, nil
	}
	return yamlScalar(n)
}

// yamlScalar reads a scalar as PyYAML does: yes is true, 017 is octal, a day a
// date.
func yamlScalar(n *yaml.Node) (jinja.Value, error) {
	if n.Style != 0 || n.ShortTag() == "!!timestamp" || n.ShortTag() == "!!merge" {
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, err
		}
		t, ok := v.(time.Time)
		switch {
		case !ok:
			return jinja.FromGo(v), nil
		case len(n.Value) <= len(time.DateOnly):
			return jinja.Date(t), nil
		case !yamlZone.MatchString(n.Value):
			return jinja.NaiveDatetime(t), nil
		}
		return jinja.FromGo(t), nil
	}
	return project.PlainScalar(n.Value)
}

var yamlZone = regexp.MustCompile(`(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?)$`)

// toYAML writes v as Python's yaml.safe_dump does: block style, two blanks,
// lists not indented under their key.
func toYAML(v jinja.Value, sorted bool) (string, error) {
	n, err := yamlNode(v, sorted)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	e.CompactSeqIndent()
	if err := e.Encode(n); err != nil {
		return "", err
	}
	return b.String(), nil
}

// scalarNode quotes as PyYAML does: with single quotes wherever they do.
func scalarNode(v any) (*yaml.Node, error) {
	n := &yaml.Node{}
	err := n.Encode(v)
	if n.Style&(yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		n.Style = yaml.SingleQuotedStyle
	}
	return n, err
}

func yamlNode(v jinja.Value, sorted bool) (*yaml.Node, error) {
	seq := func(items []jinja.Value) (*yaml.Node, error) {
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, it := range items {
			c, err := yamlNode(it, sorted)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, c)
		}
		return n, nil
	}
	switch v := v.(type) {
	case *jinja.List:
		return seq(v.Items)
	case jinja.Tuple:
		return seq(v)
	case *jinja.Dict:
		items := slices.Clone(v.Items())
		if sorted {
			slices.SortStableFunc(items, func(x, y jinja.Item) int { return strings.Compare(jinja.Str(x.Key), jinja.Str(y.Key)) })
		}
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, it := range items {
			for _, part := range []jinja.Value{it.Key, it.Value} {
				c, err := yamlNode(part, sorted)
				if err != nil {
					return nil, err
				}
				n.Content = append(n.Content, c)
			}
		}
		return n, nil
	case nil, bool, int64, float64, *big.Int, string:
		return scalarNode(jinja.ToGo(v))
	case jinja.Markup:
		return scalarNode(string(v))
	}
	return nil, fmt.Errorf("%s has no form in YAML", jinja.Repr(v))
}

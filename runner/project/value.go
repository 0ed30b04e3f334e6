package project

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/jinja"
)

// value is a node's value with Jinja rendered where there is a renderer, and
// secrets refused.
func (f *yamlFile) value(n *yaml.Node) jinja.Value { return f.valueOf(n, true, 0) }

// raw is a node's value with Jinja left as it is.
func (f *yamlFile) raw(n *yaml.Node) jinja.Value { return f.valueOf(n, false, 0) }

const maxDepth = 200

func (f *yamlFile) valueOf(n *yaml.Node, render bool, depth int) jinja.Value {
	n = resolve(n)
	if n == nil {
		return nil
	}
	if f.budget--; f.budget < 0 || depth > maxDepth {
		f.tooLarge(n)
		return broken{}
	}
	switch n.Kind {
	case yaml.MappingNode:
		d := jinja.NewDict()
		for _, p := range f.mappingPairs(n, 0) {
			if f.budget < 0 {
				break
			}
			_ = d.Set(f.key(p.k), f.valueOf(p.v, render, depth+1))
		}
		return d
	case yaml.SequenceNode:
		items := make([]jinja.Value, 0, len(n.Content))
		for _, c := range n.Content {
			if f.budget < 0 {
				break
			}
			items = append(items, f.valueOf(c, render, depth+1))
		}
		return &jinja.List{Items: items}
	}
	v := f.plainScalar(n)
	text, ok := v.(string)
	if !ok || !render || f.render == nil || !hasJinja(text) {
		return v
	}
	v, ok = f.renderText(n, text)
	if ok && holdsSecret(v) {
		f.errorf(n, "a secret may stand only in dsn and settings of a target")
		return broken{}
	}
	return v
}

// key is the value of a mapping's key: true, 1 and dates are keys, too.
func (f *yamlFile) key(n *yaml.Node) jinja.Value { return f.plainScalar(resolve(n)) }

func (f *yamlFile) plainScalar(n *yaml.Node) jinja.Value {
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		return f.tagged(n)
	case n.Style != 0 || n.Kind != yaml.ScalarNode:
		return n.Value
	}
	v, err := scalar(n.Value)
	if err != nil {
		f.errorf(n, "%v", err).Advice = "put it in quotes if it is meant as text"
	}
	return v
}

func holdsSecret(v jinja.Value) bool {
	switch v := v.(type) {
	case jinja.Secret, jinja.SecretText:
		return true
	case string:
		parts, err := jinja.SplitSecrets(v)
		return err != nil || slices.ContainsFunc(parts, func(p jinja.SecretPart) bool { return p.Ref != "" })
	case *jinja.List:
		return slices.ContainsFunc(v.Items, holdsSecret)
	case *jinja.Dict:
		return slices.ContainsFunc(v.Items(), func(it jinja.Item) bool { return holdsSecret(it.Value) })
	}
	return false
}

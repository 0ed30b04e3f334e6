package compile

import (
	"cmp"
	"context"
	"slices"

	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// Settings is the config of a node from all layers, as it was written: by key,
// with plain Go values, secrets as references. Keys that are not set anywhere
// are not in it.
func (n *Node) Settings() map[string]any {
	out := make(map[string]any, len(n.config))
	for key, s := range n.config {
		out[key] = Plain(s.Value)
	}
	return out
}

// Kwargs are the arguments of a generic data test, as they were written.
func (t *DataTest) Kwargs() map[string]any {
	if t.Args == nil {
		return map[string]any{}
	}
	return Plain(t.Args).(map[string]any)
}

// Disabled are the models that are switched off, by id.
func (g *Graph) Disabled() []*Node {
	var out []*Node
	for _, n := range g.env.names.disabled {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *Node) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Compact(out) // the latest of a model's versions has two names
}

// DocText is the text of a docs block, "" if it does not render.
func (g *Graph) DocText(ctx context.Context, b *project.DocBlock) string {
	if b.Template == nil {
		return ""
	}
	r := &render{env: g.env, ctx: ctx, pkg: b.Package}
	text, err := r.nested(ctx, b.Template)
	if err != nil {
		return ""
	}
	return withReferences(text)
}

// Plain is a template's value as Go has it in JSON: dicts are map[string]any,
// lists []any, secrets references.
func Plain(v jinja.Value) any {
	switch v := v.(type) {
	case nil, bool, int64, float64:
		return v
	case string:
		return withReferences(v)
	case jinja.Secret:
		return secretReference(v.Ref)
	case jinja.SecretText:
		return withReferences(string(v))
	case *jinja.Dict:
		out := make(map[string]any, v.Len())
		for _, it := range v.Items() {
			out[jinja.Str(it.Key)] = Plain(it.Value)
		}
		return out
	case *jinja.List:
		return plainList(v.Items)
	case jinja.Tuple:
		return plainList(v)
	case []any:
		return plainList(v)
	}
	return withReferences(jinja.Str(v))
}

func plainList[T any](items []T) []any {
	out := make([]any, len(items))
	for i, v := range items {
		out[i] = Plain(v)
	}
	return out
}

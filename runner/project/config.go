package project

import (
	"maps"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// Setting is a config value and where it stands.
type Setting struct {
	Value  jinja.Value // of dicts and lists: shared, never change them
	Pos    diag.Pos
	Span   int    // width of the marked text in runes
	Source string // the line at Pos
}

// with is another value at the same place.
func (s Setting) with(v jinja.Value) Setting {
	s.Value = v
	return s
}

// Config is config values by key, as ConfigKey spells it.
type Config map[string]Setting

// ConfigKey is a key as Config has it: without the + of folder configs, and
// with underscores for hyphens.
func ConfigKey(key string) string {
	return strings.ReplaceAll(strings.TrimLeft(key, "+ "), "-", "_")
}

// Merge joins layers, lowest priority first: the last value of a key wins,
// except that tags, packages and hooks add up (tags without doubles), meta
// merges deeply, and vars, docs, contract, quoting, grants and column_types
// merge by key. A null takes away what lower layers gave.
func Merge(layers ...Config) Config {
	switch len(layers) {
	case 0:
		return Config{}
	case 1:
		return maps.Clone(layers[0])
	}
	out := Config{}
	for _, l := range layers {
		for k, s := range l {
			if below, ok := out[k]; ok {
				s.Value = mergeValue(k, below.Value, s.Value)
			}
			out[k] = s
		}
	}
	return out
}

func mergeValue(key string, low, high jinja.Value) jinja.Value {
	switch key {
	case "tags":
		return &jinja.List{Items: unique(slices.Concat(listItems(low), listItems(high)))}
	case "packages", "pre_hook", "post_hook":
		return &jinja.List{Items: slices.Concat(listItems(low), listItems(high))}
	case "meta", "freshness":
		return mergeDicts(low, high, true)
	case "vars", "docs", "contract", "quoting", "grants", "column_types":
		return mergeDicts(low, high, false)
	}
	return high
}

func mergeDicts(low, high jinja.Value, deep bool) jinja.Value {
	l, ok := low.(*jinja.Dict)
	h, ok2 := high.(*jinja.Dict)
	if !ok || !ok2 {
		return high
	}
	out := jinja.NewDict()
	for _, it := range l.Items() {
		_ = out.Set(it.Key, it.Value)
	}
	for _, it := range h.Items() {
		v := it.Value
		if below, ok := l.Get(it.Key); ok && deep {
			v = mergeDicts(below, v, true)
		}
		_ = out.Set(it.Key, v)
	}
	return out
}

// listItems are the elements of a list; of a single value, itself; of null, none.
func listItems(v jinja.Value) []jinja.Value {
	switch v := v.(type) {
	case nil:
		return nil
	case *jinja.List:
		return v.Items
	case jinja.Tuple:
		return v
	case *jinja.Set:
		return v.Items()
	}
	return []jinja.Value{v}
}

// unique keeps the first of equal texts.
func unique(items []jinja.Value) []jinja.Value {
	seen := map[string]bool{}
	return slices.DeleteFunc(items, func(v jinja.Value) bool {
		s, ok := v.(string)
		double := ok && seen[s]
		seen[s] = seen[s] || ok
		return double
	})
}

package compile

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"

	"warehouse/runner/jinja"
)

func localMD5(_ *render, c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "local_md5", "value")
	if err != nil {
		return nil, err
	}
	if err := noSecret("local_md5", v[0]); err != nil {
		return nil, err
	}
	switch v[0].(type) {
	case string, jinja.Markup:
	default:
		return nil, fmt.Errorf("local_md5 takes a text, not %s: local_md5(x | string)", jinja.Repr(v[0]))
	}
	sum := md5.Sum([]byte(jinja.Str(v[0])))
	return hex.EncodeToString(sum[:]), nil
}

// parser makes fromjson and fromyaml: the default stands for text that is no
// such thing.
func parser(name string, parse func(string) (jinja.Value, error)) func(*render, *jinja.Call) (jinja.Value, error) {
	return func(_ *render, c *jinja.Call) (jinja.Value, error) {
		v, err := args(c, name, "string", "default?")
		if err != nil {
			return nil, err
		}
		if err := noSecret(name, v[0]); err != nil {
			return nil, err
		}
		out, err := parse(jinja.Str(v[0]))
		if err != nil {
			return v[1], nil
		}
		return out, nil
	}
}

func writer(name string, write func(jinja.Value, bool) (string, error)) func(*render, *jinja.Call) (jinja.Value, error) {
	return func(_ *render, c *jinja.Call) (jinja.Value, error) {
		v, err := args(c, name, "value", "default?", "sort_keys?")
		if err != nil {
			return nil, err
		}
		if err := noSecret(name, v[0]); err != nil {
			return nil, err
		}
		out, err := write(v[0], jinja.Truth(v[2]))
		if err != nil && name == "tojson" {
			return nil, fmt.Errorf("tojson: %w", err) // as json.dumps fails; the default is for what YAML cannot hold
		}
		if err != nil {
			return v[1], nil
		}
		return out, nil
	}
}

// items returns what a loop over v would run over.
func items(c *jinja.Call, v jinja.Value) ([]jinja.Value, error) {
	switch v := v.(type) {
	case *jinja.List:
		return v.Items, nil
	case jinja.Tuple:
		return v, nil
	case *jinja.Dict:
		return v.Keys(), nil
	case *jinja.Set:
		return v.Items(), nil
	case string:
		var out []jinja.Value
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	case jinja.Iterable:
		it, err := v.Iterate()
		if err != nil {
			return nil, err
		}
		return drain(it)
	case *jinja.Iterator:
		return drain(v)
	}
	if plain, ok := jinja.ToGo(v).([]any); ok {
		return plain, nil
	}
	return nil, fmt.Errorf("%s cannot be looped over", jinja.Repr(v))
}

func drain(it *jinja.Iterator) ([]jinja.Value, error) {
	var out []jinja.Value
	for {
		v, ok, err := it.Next()
		if err != nil || !ok {
			return out, err
		}
		out = append(out, v)
	}
}

// makeSet is set(value, default): where value has no elements that can be in a
// set, the strict one fails and the other returns the default.
func makeSet(name string, strict bool) func(*render, *jinja.Call) (jinja.Value, error) {
	return func(_ *render, c *jinja.Call) (jinja.Value, error) {
		v, err := args(c, name, "value", "default?")
		if err != nil {
			return nil, err
		}
		elements, err := items(c, v[0])
		if err == nil {
			var s *jinja.Set
			if s, err = jinja.NewSet(elements...); err == nil {
				return s, nil
			}
		}
		if strict {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return v[1], nil
	}
}

// zip is Python's, as a list of tuples; the strict one refuses what is no
// sequence, the other returns its default then.
func zip(name string, strict bool) func(*render, *jinja.Call) (jinja.Value, error) {
	return func(_ *render, c *jinja.Call) (jinja.Value, error) {
		var fallback jinja.Value
		if c.Kwargs != nil {
			fallback, _ = c.Kwargs.Get("default")
		}
		var columns [][]jinja.Value
		shortest := -1
		for _, a := range c.Args {
			column, err := items(c, a)
			if err != nil && strict {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if err != nil {
				return fallback, nil
			}
			columns = append(columns, column)
			if shortest < 0 || len(column) < shortest {
				shortest = len(column)
			}
		}
		out := &jinja.List{}
		for i := range max(shortest, 0) {
			row := make(jinja.Tuple, len(columns))
			for j := range columns {
				row[j] = columns[j][i]
			}
			out.Items = append(out.Items, row)
		}
		return out, nil
	}
}

package compile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// configObject is config: config(key=value, …), config.get, config.require.
type configObject struct{ r *render }

func (o *configObject) TypeName() string { return "Config" }
func (o *configObject) String() string   { return "<config>" }

// Invoke is config(…). It prints nothing. What it sets is collected while the
// project is compiled; later on it is known already.
func (o *configObject) Invoke(c *jinja.Call) (jinja.Value, error) {
	var given *jinja.Dict
	switch {
	case len(c.Args) == 1:
		d, ok := c.Args[0].(*jinja.Dict)
		if !ok || c.Kwargs != nil && c.Kwargs.Len() > 0 {
			return nil, fmt.Errorf("config takes named arguments, or one dict")
		}
		given = d
	case len(c.Args) > 1:
		return nil, fmt.Errorf("config takes named arguments, or one dict")
	default:
		given = c.Kwargs
	}
	if o.r.b != nil || given == nil {
		return "", nil
	}
	layer := project.Config{}
	at := c.Pos()
	for _, it := range given.Items() {
		key := jinja.Str(it.Key)
		if err := noSecret("config", it.Value); err != nil {
			return nil, err
		}
		layer[key] = project.Setting{Value: it.Value, Pos: at, Span: len("config")}
	}
	o.r.configs = append(o.r.configs, layer)
	return "", nil
}

// Attr returns get, require and the like.
func (o *configObject) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "get", "meta_get":
		return fn("config."+name, func(c *jinja.Call) (jinja.Value, error) {
			v, err := args(c, "config."+name, "name", "default?", "validator?")
			if err != nil {
				return nil, err
			}
			if found, ok := o.value(jinja.Str(v[0]), name == "meta_get"); ok {
				return found, nil
			}
			return v[1], nil
		}), true
	case "require", "meta_require":
		return fn("config."+name, func(c *jinja.Call) (jinja.Value, error) {
			v, err := args(c, "config."+name, "name", "validator?")
			if err != nil {
				return nil, err
			}
			key := jinja.Str(v[0])
			if found, ok := o.value(key, name == "meta_require"); ok && found != nil {
				return found, nil
			}
			if o.r.b == nil {
				return "", nil // not all of the config is known yet
			}
			return nil, fmt.Errorf("the config '%s' is required, and not set", key)
		}), true
	case "set":
		return fn("config.set", func(c *jinja.Call) (jinja.Value, error) {
			v, err := args(c, "config.set", "name", "value")
			if err != nil {
				return nil, err
			}
			if o.r.b == nil {
				o.r.configs = append(o.r.configs, project.Config{jinja.Str(v[0]): {Value: v[1], Pos: c.Pos()}})
			}
			return "", nil
		}), true
	case "persist_relation_docs", "persist_column_docs":
		return fn("config."+name, func(*jinja.Call) (jinja.Value, error) { return false, nil }), true
	}
	return nil, false
}

// value is a config value, or one of its meta.
func (o *configObject) value(key string, meta bool) (jinja.Value, bool) {
	cfg := o.r.known
	if cfg == nil || o.r.b == nil && len(o.r.configs) > 0 {
		cfg = o.r.merged()
	}
	if meta {
		d, _ := cfg["meta"].Value.(*jinja.Dict)
		return clonedGet(d, key)
	}
	s, ok := cfg[key]
	if !ok && key == "materialized" && o.r.node != nil {
		return o.r.node.Kind, o.r.node.Kind != ""
	}
	return clone(s.Value), ok
}

func clonedGet(d *jinja.Dict, key string) (jinja.Value, bool) {
	if d == nil {
		return nil, false
	}
	v, ok := d.Get(key)
	return clone(v), ok
}

// placeConfig gives the settings of config() calls the places of their values,
// which only the text of the file has. A call that ran from a macro keeps its
// own place. It costs a walk through the template, so it is done for errors.
func (r *render) placeConfig() {
	sites := map[diag.Pos]jinja.CallSite{}
	if t := r.node.template; t != nil {
		for _, s := range t.Calls("config") {
			sites[s.Pos] = s
		}
	}
	for _, layer := range r.configs {
		for key, set := range layer {
			if site, ok := sites[set.Pos]; ok {
				set.Span = site.Span
				if kw, ok := site.Kwargs[key]; ok {
					set.Pos, set.Span = kw.Pos, kw.Span
				}
			}
			set.Source = r.line(set.Pos)
			layer[key] = set
		}
	}
}

// atKeys moves errors about an unknown key from the value, where settings of
// config(key=value) stand, to the key.
func atKeys(errs []*diag.Error, c project.Config) []*diag.Error {
	for _, e := range errs {
		if !strings.HasPrefix(e.Msg, "unknown key") {
			continue
		}
		for key, set := range c {
			before := []rune(set.Source)
			if set.Pos != e.Pos || !strings.Contains(e.Msg, strconv.Quote(key)) || set.Pos.Col > len(before) {
				continue
			}
			text := strings.TrimRight(string(before[:set.Pos.Col-1]), " \t")
			text, isKey := strings.CutSuffix(text, "=")
			text = strings.TrimRight(text, " \t")
			if isKey && strings.HasSuffix(text, key) {
				e.Pos.Col, e.Span = 1+utf8.RuneCountInString(text)-utf8.RuneCountInString(key), utf8.RuneCountInString(key)
			}
		}
	}
	return errs
}

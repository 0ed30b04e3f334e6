package project

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
)

// tree is the config of folders, as project.yml nests it under models:,
// data_tests: and the like.
type tree struct {
	key      string
	at       Setting // the folder's key
	config   Config
	children []*tree
	used     bool
}

// treeReader reads one such section.
type treeReader struct {
	f       *yamlFile
	what    string          // "models"
	keys    []string        // known config keys
	folders map[string]bool // "staging", "staging/web": folders and files that there are
	pkg     string          // the project's name, which may stand in front
}

// read reads a mapping of config keys and folders. prefix is the folder that
// it is for.
func (r *treeReader) read(n *yaml.Node, prefix string) *tree {
	t := &tree{config: Config{}}
	if r.f.budget--; r.f.budget < 0 || strings.Count(prefix, "/") > maxDepth {
		r.f.tooLarge(resolve(n))
		return t
	}
	what := r.what
	if prefix != "" {
		what += " of " + prefix
	}
	for _, p := range r.f.pairs(n, what+" in "+r.f.name) {
		key := ConfigKey(p.key)
		known := slices.Contains(r.keys, key)
		mapping := resolve(p.v).Kind == yaml.MappingNode
		sub := strings.TrimPrefix(prefix+"/"+p.key, "/")
		isFolder := r.folders[sub] || prefix == "" && p.key == r.pkg
		switch {
		case strings.HasPrefix(p.key, "+") && !known && !r.f.own(key, r.keys):
			r.f.unknownKey(p.k, p.key, "the config of "+what, plus(r.keys))
		case strings.HasPrefix(p.key, "+") || known && !(mapping && isFolder):
			if _, double := t.config[key]; double {
				r.f.errorf(p.k, "%q says again what stands above it", p.key)
				continue
			}
			t.config[key] = r.f.configSetting(p, slices.Contains(rawConfigKeys, key))
		case mapping || isNullNode(resolve(p.v)):
			if prefix == "" && p.key == r.pkg {
				sub = ""
			}
			child := r.read(p.v, sub)
			child.key, child.at = p.key, r.f.setting(p.k, nil)
			t.children = append(t.children, child)
		default:
			r.f.unknownKey(p.k, p.key, "the config of "+what, r.keys)
		}
	}
	return t
}

func plus(keys []string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = "+" + k
	}
	return out
}

// layers returns the config of path's folders, from shallow to deep. A folder
// may stand with or without the project's name in front.
func (t *tree) layers(pkg string, path []string) []Config {
	if t == nil {
		return nil
	}
	level := []*tree{t}
	if c := t.child(pkg); c != nil {
		level = append(level, c)
	}
	var out []Config
	for depth := 0; ; depth++ {
		var next []*tree
		for _, n := range level {
			n.used = true
			if len(n.config) > 0 {
				out = append(out, n.config)
			}
			if depth < len(path) && !(n == t && depth == 0 && path[0] == pkg) {
				if c := n.child(path[depth]); c != nil {
					next = append(next, c)
				}
			}
		}
		if len(next) == 0 {
			return out
		}
		level = next
	}
}

// of returns what a project says of a package's thing at path: the config of
// all, and of the folders below the package's name.
func (t *tree) of(pkg string, path []string) []Config {
	if t == nil {
		return nil
	}
	var out []Config
	for n := t; n != nil; {
		n.used = true
		if len(n.config) > 0 {
			out = append(out, n.config)
		}
		switch {
		case n == t:
			n = n.child(pkg)
		case len(path) > 0:
			n, path = n.child(path[0]), path[1:]
		default:
			n = nil
		}
	}
	return out
}

func (t *tree) child(key string) *tree {
	for _, c := range t.children {
		if c.key == key {
			return c
		}
	}
	return nil
}

// check decodes each folder's config once, so that what is wrong in it is
// told even if no model is under it.
func (t *tree) check(decode func(Config) []*diag.Error, errs *diag.List) {
	errs.Add(decode(t.config)...)
	for _, c := range t.children {
		c.check(decode, errs)
	}
}

// unused warns of folders that hold nothing.
func (t *tree) unused(what, prefix, pkg string, folders []string, errs *diag.List) {
	for _, c := range t.children {
		name := strings.TrimPrefix(prefix+"/"+c.key, "/")
		if c.used || prefix == "" && c.key == pkg {
			if prefix == "" && c.key == pkg {
				name = ""
			}
			c.unused(what, name, pkg, folders, errs)
			continue
		}
		e := &diag.Error{Pos: c.at.Pos, Span: c.at.Span, Source: c.at.Source, Warn: true, Msg: fmt.Sprintf("%s: nothing is in the folder %q", what, name)}
		if near := diag.Nearest(name, folders); near != "" {
			e.Msg += fmt.Sprintf("; did you mean %q?", near)
		}
		errs.Add(e)
	}
}

package compile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"warehouse/runner/diag"
)

// names finds nodes by what templates call them.
type names struct {
	project  string
	models   map[string][]*Node  // seeds and snapshots, by name: enabled ones first
	versions map[string][]*Node  // by the name of the model of which they are versions
	disabled map[string]*Node    // what is not enabled, by name
	sources  map[[2]string]*Node // by source and table: the project's before those of packages
	foreign  map[[3]string]*Node // of packages: by package, source and table
	off      map[[2]string]*Node // disabled sources
	python   []string            // files of Python models
}

// lookup returns the node that a call names, or an error that says which one
// was probably meant.
func (t *names) lookup(k call, from string) (*Node, error) {
	if k.source {
		return t.lookupSource(k, from)
	}
	if found := t.choose(t.candidates(k), k, from); found != nil {
		return found, nil
	}
	if n := t.disabled[k.stored()]; n != nil && (k.pkg == "" || n.Package == k.pkg) {
		return nil, &lookupError{msg: fmt.Sprintf("%s '%s' is disabled", n.Resource, n.Name), advice: "it is disabled in " + n.File + " or in a config that covers it", disabled: true}
	}
	if err := t.noVersion(k, from); err != nil {
		return nil, err
	}
	var all []string
	for name, ns := range t.models {
		if len(ns) > 0 {
			all = append(all, name)
		}
	}
	what := k.name
	if k.pkg != "" {
		what = k.pkg + "." + k.name
	}
	for _, file := range t.python {
		if path.Base(file) == k.name+".py" {
			return nil, missingFeature(fmt.Sprintf("there is no model '%s': %s is a Python model, and these are not supported", what, file), "write it in SQL")
		}
	}
	return nil, missing(fmt.Sprintf("there is no model '%s'", what), k.name, all)
}

// candidates are the models that a ref may mean: without a version those of the
// name and the latest of a model's versions, with one that version, or else a
// model that is called as dbt would store it.
func (t *names) candidates(k call) []*Node {
	if k.version == "" {
		return t.models[k.name]
	}
	var out []*Node
	for _, n := range t.versions[k.name] {
		if n.Version.Name() == k.version {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return t.models[k.stored()]
	}
	return out
}

// choose prefers the project's own, then the asking package's, then any other.
func (t *names) choose(from []*Node, k call, asking string) *Node {
	var found *Node
	for _, n := range from {
		if k.pkg != "" && n.Package != k.pkg {
			continue
		}
		if found == nil || n.Package == t.project || n.Package == asking && found.Package != t.project {
			found = n
		}
	}
	return found
}

// noVersion says which versions a model has, if it is not the one that was
// asked for; nil if there is no such model.
func (t *names) noVersion(k call, from string) error {
	var known []string
	for _, n := range slices.SortedFunc(slices.Values(t.versions[k.name]), func(a, b *Node) int {
		if a.Version.Before(b.Version) {
			return -1
		}
		return 1
	}) {
		if k.pkg == "" || n.Package == k.pkg {
			known = append(known, n.Version.Name())
			if n.Version.IsLatest() {
				known[len(known)-1] += " (latest)"
			}
		}
	}
	switch {
	case len(known) > 0:
		return &lookupError{msg: fmt.Sprintf("model '%s' has no version %s; there is %s", k.name, k.version, strings.Join(known, ", "))}
	case k.version != "" && t.choose(t.models[k.name], k, from) != nil:
		return &lookupError{msg: fmt.Sprintf("model '%s' has no versions, so no version %s", k.name, k.version),
			advice: "write " + call{pkg: k.pkg, name: k.name}.key() + ", or give it versions in its YAML entry"}
	}
	return nil
}

func (t *names) lookupSource(k call, from string) (*Node, error) {
	key := [2]string{k.pkg, k.name}
	if n := t.foreign[[3]string{from, k.pkg, k.name}]; n != nil && (t.sources[key] == nil || t.sources[key].Package != t.project) {
		return n, nil
	}
	if n := t.sources[key]; n != nil {
		return n, nil
	}
	if n := t.off[key]; n != nil {
		return nil, &lookupError{msg: fmt.Sprintf("source '%s.%s' is disabled", k.pkg, k.name), advice: "it is disabled in " + n.Pos.String(), disabled: true}
	}
	var tables, sources []string
	for name, n := range t.sources {
		if n.Package != t.project && n.Package != from {
			continue
		}
		if name[0] == k.pkg {
			tables = append(tables, name[1])
		}
		sources = append(sources, name[0])
	}
	if len(tables) > 0 {
		return nil, missing(fmt.Sprintf("source '%s' has no table '%s'", k.pkg, k.name), k.name, tables)
	}
	return nil, missing(fmt.Sprintf("there is no source '%s' (for its table '%s')", k.pkg, k.name), k.pkg, sources)
}

// lookupError says that a name leads nowhere.
type lookupError struct {
	msg, advice string
	disabled    bool
}

func (e *lookupError) Error() string { return e.msg }
func (e *lookupError) Hint() string  { return e.advice }

func missing(msg, name string, candidates []string) error {
	if near := diag.Nearest(name, candidates); near != "" {
		msg += fmt.Sprintf("; did you mean '%s'?", near)
	}
	return &lookupError{msg: msg}
}

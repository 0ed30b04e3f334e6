package compile

import (
	"fmt"

	"warehouse/runner/diag"
)

// names finds nodes by what templates call them.
type names struct {
	project  string
	models   map[string][]*Node  // and seeds, by name: enabled ones first
	disabled map[string]*Node    // models and seeds that are not enabled, by name
	sources  map[[2]string]*Node // by source and table: the project's before those of packages
	foreign  map[[3]string]*Node // of packages: by package, source and table
	off      map[[2]string]*Node // disabled sources
	others   map[string]string   // what else there is by that name, in words
}

// lookup returns the node that a call names, or an error that says which one
// was probably meant.
func (t *names) lookup(k call, from string) (*Node, error) {
	if k.source {
		return t.lookupSource(k, from)
	}
	var found *Node
	for _, n := range t.models[k.name] {
		if k.pkg != "" && n.Package != k.pkg {
			continue
		}
		// The project's own, the asking package's, any other.
		if found == nil || n.Package == t.project || n.Package == from && found.Package != t.project {
			found = n
		}
	}
	if found != nil {
		return found, nil
	}
	if n := t.disabled[k.name]; n != nil && (k.pkg == "" || n.Package == k.pkg) {
		return nil, &lookupError{msg: fmt.Sprintf("%s '%s' is disabled", n.Resource, k.name), advice: "it is disabled in " + n.File + " or in a config that covers it", disabled: true}
	}
	if file, ok := t.others[k.name]; ok {
		return nil, &lookupError{msg: fmt.Sprintf("'%s' is %s", k.name, file)}
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
	return nil, missing(fmt.Sprintf("there is no model '%s'", what), k.name, all)
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

package project

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// SelectorsFile is where a project keeps named selections, beside project.yml.
const SelectorsFile = "selectors.yml"

// Selector is a named selection of selectors.yml.
type Selector struct {
	Name, Description string
	Default           bool        // taken where nothing is selected
	Definition        jinja.Value // a text, or dicts of union, intersection, method, …
	Pos               Pos
}

// selectors reads selectors.yml, if there is one.
func (l *loader) selectors() {
	if _, err := l.dir.root.Stat(SelectorsFile); errors.Is(err, fs.ErrNotExist) {
		return
	}
	data, bad := l.dir.read(SelectorsFile, nil)
	if bad != nil {
		l.errs.Add(bad)
		return
	}
	sum := sha256.Sum256([]byte(l.p.SHA256 + SelectorsFile + string(data)))
	l.p.SHA256 = hex.EncodeToString(sum[:])
	f, root := parseYAML(l.name(SelectorsFile), data)
	defer l.errs.Merge(&f.errs)
	if root == nil {
		return
	}
	f.render = l.render
	top := f.known(f.pairs(root, SelectorsFile), SelectorsFile, []string{"selectors", "version"})
	seen, standard := map[string]Pos{}, ""
	for _, n := range f.list(find(top, "selectors"), "selectors") {
		ps := f.known(f.pairs(n, "a selector"), "a selector", []string{"name", "description", "definition", "default"})
		s := &Selector{Default: f.boolean(find(ps, "default"), "default", false), Description: f.rawText(find(ps, "description"), "description")}
		s.Name, s.Pos = f.entryName(n, ps, "a selector")
		if s.Name == "" {
			continue
		}
		def := find(ps, "definition")
		if isNullNode(resolve(def)) {
			f.errorf(n, "selector %s has no definition", s.Name).Advice = "definition: 'tag:nightly', or a union, an intersection, or a method and a value"
			continue
		}
		s.Definition = f.value(def)
		switch first, twice := seen[s.Name]; {
		case twice:
			l.errs.Add(&diag.Error{Pos: s.Pos, Msg: fmt.Sprintf("selector %s is defined twice, first at %s", s.Name, first)})
			continue
		case s.Default && standard != "":
			l.errs.Add(&diag.Error{Pos: s.Pos, Msg: fmt.Sprintf("two selectors are the default: %s and %s", standard, s.Name)})
		case s.Default:
			standard = s.Name
		}
		seen[s.Name] = s.Pos
		l.p.Selectors = append(l.p.Selectors, s)
	}
}

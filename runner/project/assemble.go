package project

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"warehouse/runner/diag"
)

// assemble makes the project's values of the files that were read, gives each
// its YAML entry and its config, and tells what fits nowhere.
func (l *loader) assemble(files []*file) {
	byKind := map[fileKind][]*file{}
	for _, f := range files {
		byKind[f.kind] = append(byKind[f.kind], f)
	}
	l.addFiles(files)
	entries := l.addEntries(byKind[schemaYAML])
	own := l.trees(byKind)
	models, seeds, snapshots := own.models, own.seeds, own.snapshots
	decodeModel := func(c Config) []*diag.Error { _, errs := DecodeModel(c); return l.f.wrong(errs) }
	l.nameVersions(entries)
	for _, m := range l.p.Models {
		m.YAML = entries.take("model", m.Name)
		m.Layers = withEntry(models.layers(l.p.Name, m.configPath()), m.YAML)
		if l.dbt() {
			m.Layers = append([]Config{dbtDefaults}, m.Layers...)
		}
		m.Over = l.over.models.of(l.p.Name, m.Path)
	}
	for _, s := range l.p.Seeds {
		s.YAML = entries.take("seed", s.Name)
		s.Layers = withEntry(seeds.layers(l.p.Name, s.FQN[1:]), s.YAML)
		s.Over = l.over.seeds.of(l.p.Name, s.FQN[1:])
	}
	l.addRelations(byKind[schemaYAML], entries)
	for _, s := range l.p.Snapshots {
		if s.YAML == nil {
			s.YAML = entries.take("snapshot", s.Name)
		}
		s.Layers = withEntry(snapshots.layers(l.p.Name, s.FQN[1:]), s.YAML)
		s.Over = l.over.snapshots.of(l.p.Name, s.FQN[1:])
	}
	l.testLayers(byKind, entries, own)
	l.sourceLayers(byKind[schemaYAML], own)
	entries.leftovers(l, byKind)
	for _, pl := range l.packages {
		pl.over = own
		pl.assemble(pl.files)
		l.take(pl)
	}
	for _, t := range []struct {
		what string
		tree *tree
		kind fileKind
	}{{"models", models, modelFile}, {"seeds", seeds, seedFile}, {"snapshots", snapshots, snapshotFile}} {
		if t.tree != nil {
			t.tree.check(decodeModel, &l.errs)
			t.tree.unused(t.what, "", l.p.Name, slices.Sorted(maps.Keys(folders(byKind[t.kind]))), &l.errs)
		}
	}
}

// trees are the sections of project.yml that give things their config.
type trees struct{ models, seeds, snapshots, tests, sources *tree }

// trees reads them. Below a package's name stand the folders of the package.
func (l *loader) trees(byKind map[fileKind][]*file) *trees {
	t := &trees{
		models:    l.tree("models", modelKeys, l.folders(byKind, modelFile)),
		seeds:     l.tree("seeds", modelKeys, l.folders(byKind, seedFile)),
		snapshots: l.tree("snapshots", modelKeys, l.folders(byKind, snapshotFile)),
		sources:   l.tree("sources", sourceConfigKeys, l.sourceFolders(byKind[schemaYAML])),
	}
	section := "data_tests"
	if old := slices.IndexFunc(l.top, func(p pair) bool { return p.key == "tests" }); old >= 0 {
		if find(l.top, section) != nil {
			l.f.errorf(l.top[old].k, "both tests and data_tests").Advice = "move all under data_tests: they mean the same"
		} else {
			section = "tests"
		}
	}
	t.tests = l.tree(section, testKeysToo, l.folders(byKind, testFile, schemaYAML))
	if t.tests != nil {
		t.tests.check(func(c Config) []*diag.Error { _, errs := DecodeTest(c); return l.f.wrong(errs) }, &l.errs)
	}
	return t
}

// dbtDefaults are what dbt has where project.yml has something else.
var dbtDefaults = Config{"materialized": {Value: "view", Pos: Pos{File: DBTFile}}}

func withEntry(layers []Config, e *Entry) []Config {
	if e == nil {
		return layers
	}
	return append(slices.Clip(layers), e.Config)
}

// addFiles makes models, macros, … of the files.
func (l *loader) addFiles(files []*file) {
	p := l.p
	for _, f := range files {
		parts := below(f.dir, f.name)
		name, fqn := parts[len(parts)-1], append([]string{p.Name}, parts...)
		switch f.kind {
		case modelFile:
			p.Models = append(p.Models, &Model{Name: name, Package: p.Name, File: f.name, Path: parts, FQN: fqn, Source: f.text, Template: f.template})
		case testFile:
			p.Tests = append(p.Tests, &SingularTest{Name: name, Package: p.Name, File: f.name, FQN: fqn, Source: f.text, Template: f.template,
				Pos: Pos{File: f.name, Line: 1, Col: 1}})
		case seedFile:
			p.Seeds = append(p.Seeds, &Seed{Name: name, Package: p.Name, File: f.name, FQN: fqn})
		case macroFile:
			if f.template != nil {
				p.Macros = append(p.Macros, &MacroFile{Package: p.Name, File: f.name, Template: f.template})
			}
		case snapshotFile:
			l.addBlocks(f, fqn)
		case docFile:
			l.addDocs(f)
		case fixtureFile:
			l.addFixture(f)
		}
	}
}

func (l *loader) addDocs(f *file) {
	if f.template == nil {
		return
	}
	for _, b := range f.template.Blocks() {
		if b.Kind == "docs" {
			l.p.Docs = append(l.p.Docs, &DocBlock{Name: b.Name, Package: l.p.Name, File: f.name, Template: b.Body, Pos: b.Pos})
		}
	}
}

// tree reads the config of folders from a section of project.yml; nil if it
// is not there.
func (l *loader) tree(section string, keys []string, folders map[string]bool) *tree {
	n := find(l.top, section)
	if isNullNode(resolve(n)) {
		return nil
	}
	r := &treeReader{f: l.f, what: section, keys: keys, pkg: l.p.Name, folders: folders}
	return r.read(n, "")
}

// folders are those of the project's files of some kinds, and those of its
// packages below the package's name.
func (l *loader) folders(byKind map[fileKind][]*file, kinds ...fileKind) map[string]bool {
	out := map[string]bool{}
	for _, k := range kinds {
		maps.Copy(out, folders(byKind[k]))
	}
	for _, pl := range l.packages {
		out[pl.p.Name] = true
		for _, f := range pl.files {
			if slices.Contains(kinds, f.kind) {
				for at := strings.Join(below(f.dir, f.name), "/"); at != "."; at = path.Dir(at) {
					out[pl.p.Name+"/"+at] = true
				}
			}
		}
	}
	return out
}

// sourceFolders are the same with the sources themselves as the last folders.
func (l *loader) sourceFolders(files []*file) map[string]bool {
	all := map[string]bool{}
	add := func(prefix []string, files []*file) {
		for _, f := range files {
			for _, s := range f.schema.sources {
				parts := below(f.dir, f.name)
				parts[len(parts)-1] = s.SourceName
				parts = append(slices.Clip(prefix), parts...)
				for i := range parts {
					all[strings.Join(parts[:i+1], "/")] = true
				}
			}
		}
	}
	add(nil, files)
	for _, pl := range l.packages {
		add([]string{pl.p.Name}, pl.files)
	}
	return all
}

// folders are the paths of all files and of the folders above them, without
// extension.
func folders(files []*file) map[string]bool {
	out := map[string]bool{}
	for _, f := range files {
		at := strings.Join(below(f.dir, f.name), "/")
		for ; at != "." && !out[at]; at = path.Dir(at) {
			out[at] = true
		}
	}
	return out
}

// testLayers gives data tests the config of project.yml's data_tests.
func (l *loader) testLayers(byKind map[fileKind][]*file, entries *entryIndex, own *trees) {
	t := own.tests
	for _, s := range l.p.Tests {
		s.Layers, s.Over = t.layers(l.p.Name, s.FQN[1:]), l.over.tests.of(l.p.Name, s.FQN[1:])
		if e := entries.take("data_test", s.Name); e != nil {
			s.Description, s.Layers = e.Description, withEntry(s.Layers, e)
			_, errs := DecodeTest(e.Config)
			l.errs.Add(l.f.wrong(errs)...)
		}
	}
	for _, f := range byKind[schemaYAML] {
		parts := below(f.dir, f.name)
		parts = parts[:len(parts)-1]
		give := func(tests []*DataTest) {
			for _, dt := range tests {
				at := parts
				if dt.Name != "" {
					at = append(slices.Clip(parts), dt.Name)
				}
				dt.Layers, dt.Over = append(slices.Clip(t.layers(l.p.Name, at)), dt.Config), l.over.tests.of(l.p.Name, at)
			}
		}
		for _, e := range f.schema.entries {
			give(e.Tests)
			for _, c := range e.Columns {
				give(c.Tests)
			}
		}
		for _, s := range f.schema.sources {
			give(s.Tests)
			for _, c := range s.Columns {
				give(c.Tests)
			}
		}
	}
}

// sourceLayers collects the sources and gives them the config of project.yml.
func (l *loader) sourceLayers(files []*file, own *trees) {
	first := map[[2]string]*Source{}
	for _, f := range files {
		parts := below(f.dir, f.name)
		for _, s := range f.schema.sources {
			at := append(slices.Clip(parts[:len(parts)-1]), s.SourceName, s.Name)
			s.FQN = append([]string{l.p.Name}, at...)
			below, over := own.sources.layers(l.p.Name, at), l.over.sources.of(l.p.Name, at)
			if len(below)+len(over) > 0 {
				s.Config = Merge(slices.Concat(below, []Config{s.Config}, over)...)
				s.fromConfig(l.f)
			}
			id := [2]string{s.SourceName, s.Name}
			if other := first[id]; other != nil {
				l.errs.Add(&diag.Error{Pos: s.Pos, Span: len(s.Name), Source: f.schema.f.line(s.Pos.Line),
					Msg: fmt.Sprintf("source %s.%s is described twice, first at %s", s.SourceName, s.Name, other.Pos)})
				continue
			}
			first[id] = s
			l.p.Sources = append(l.p.Sources, s)
		}
	}
}

// entryIndex finds entries by kind and name.
type entryIndex struct {
	all   []*Entry
	files map[*Entry]*yamlFile
	byID  map[[2]string]*Entry
	taken map[*Entry]bool
	bases map[string]Pos // of models: where all their versions are described
}

// addEntries collects the entries of all files; two of one name are an error.
func (l *loader) addEntries(files []*file) *entryIndex {
	x := &entryIndex{files: map[*Entry]*yamlFile{}, byID: map[[2]string]*Entry{}, taken: map[*Entry]bool{}, bases: map[string]Pos{}}
	for _, f := range files {
		for _, e := range f.schema.entries {
			x.files[e], e.Package = f.schema.f, l.p.Name
			if first := x.byID[[2]string{e.Kind, e.Name}]; first != nil && e.Kind != "unit_test" {
				l.errs.Add(x.errorf(e, "%s %q is described twice, first at %s", kindWord(e.Kind), e.Name, first.Pos))
				continue
			}
			if !l.oneEntry(x, e) {
				continue
			}
			x.all = append(x.all, e)
			x.byID[[2]string{e.Kind, e.Name}] = e
			if e.Kind == "model" || e.Kind == "seed" || e.Kind == "snapshot" {
				_, errs := DecodeModel(e.Config)
				l.errs.Add(l.f.wrong(errs)...)
			}
			l.p.Entries[e.Kind] = append(l.p.Entries[e.Kind], e)
		}
	}
	return x
}

// oneEntry says whether an entry is the only one of all versions of a model;
// another one is an error.
func (l *loader) oneEntry(x *entryIndex, e *Entry) bool {
	of, all := e.Name, e.Pos
	if e.Version != nil {
		of, all = e.Version.Of, e.Version.all
	}
	if e.Kind != "model" {
		return true
	}
	first, known := x.bases[of]
	if known && first != all {
		l.errs.Add(x.errorf(e, "model %q is described twice, first at %s", of, first))
		return false
	}
	x.bases[of] = all
	return true
}

func kindWord(kind string) string { return strings.ReplaceAll(kind, "_", " ") }

func (x *entryIndex) errorf(e *Entry, format string, args ...any) *diag.Error {
	name := e.Name
	if e.Version != nil {
		name = e.Version.Name()
	}
	return &diag.Error{Pos: e.Pos, Span: len([]rune(name)), Source: x.files[e].line(e.Pos.Line), Msg: fmt.Sprintf(format, args...)}
}

func (x *entryIndex) take(kind, name string) *Entry {
	e := x.byID[[2]string{kind, name}]
	if e != nil {
		x.taken[e] = true
	}
	return e
}

// leftovers tells of entries for things that are not there.
func (x *entryIndex) leftovers(l *loader, byKind map[fileKind][]*file) {
	there := map[string][]string{}
	for _, m := range l.p.Models {
		there["model"] = append(there["model"], m.Name)
	}
	for _, s := range l.p.Seeds {
		there["seed"] = append(there["seed"], s.Name)
	}
	for _, s := range l.p.Tests {
		there["data_test"] = append(there["data_test"], s.Name)
	}
	for _, s := range l.p.Snapshots {
		there["snapshot"] = append(there["snapshot"], s.Name)
	}
	for _, m := range l.p.Macros {
		for _, d := range m.Template.Macros() {
			there["macro"] = append(there["macro"], d.Name)
		}
	}
	for _, f := range byKind[analysisFile] {
		parts := below(f.dir, f.name)
		there["analysis"] = append(there["analysis"], parts[len(parts)-1])
	}
	for _, e := range x.all {
		names, checked := there[e.Kind], slices.Contains([]string{"model", "seed", "snapshot", "macro", "analysis", "data_test"}, e.Kind)
		if !checked || x.taken[e] || slices.Contains(names, e.Name) {
			continue
		}
		stray := x.stray(e, names, there)
		stray.Warn = l.dbt() || l.isPackage() // dbt only warns, and such projects are to build as they are
		l.errs.Add(stray)
	}
}

// stray is the error of an entry whose thing is not there.
func (x *entryIndex) stray(e *Entry, names []string, there map[string][]string) *diag.Error {
	err := x.errorf(e, "there is no %s %q", kindWord(e.Kind), e.Name)
	err.Advice = "what stands here would have no effect: correct the name, or remove the entry"
	if e.Version != nil {
		err.Msg = fmt.Sprintf("there is no file of version %s of %s", e.Version.Name(), e.Version.Of)
		err.Advice = fmt.Sprintf("name it %s.sql, or say what it is called: defined_in", e.Version.files()[0])
	}
	for _, kind := range []string{"model", "seed", "snapshot", "data_test", "macro"} {
		if kind != e.Kind && slices.Contains(there[kind], e.Name) {
			err.Msg += fmt.Sprintf("; it is a %s", kindWord(kind))
			err.Advice = fmt.Sprintf("move the entry under %ss:", kind)
			return err
		}
	}
	if near := diag.Nearest(e.Name, names); near != "" {
		err.Msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return err
}

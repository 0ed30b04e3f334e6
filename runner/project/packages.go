package project

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// Package is another project whose macros, models, seeds and data tests this
// one uses.
type Package struct {
	Name, Version string
	Dir           string // relative to the project: dbt_packages/dbt_utils, ../shared
	// Vars are what var() finds in the package's own files: its own variables,
	// those of the project over them, then the project's under the package's
	// name, then those of the command line.
	Vars   map[string]jinja.Value
	VarPos map[string]Pos
	// RequireDBT is its require-dbt-version, as written.
	RequireDBT []string
}

// Package returns the package of that name, or nil.
func (p *Project) Package(name string) *Package {
	for _, k := range p.Packages {
		if k.Name == name {
			return k
		}
	}
	return nil
}

func (l *loader) isPackage() bool { return l.prefix != "" }

// cli are the variables of the command line.
func (l *loader) cli() map[string]jinja.Value {
	cli := map[string]jinja.Value{}
	for k, v := range l.o.Vars {
		cli[k] = jinja.FromGo(v)
	}
	return cli
}

// openPackage reads the project file of the package in root.
func openPackage(ctx context.Context, o Options, root *os.Root, shown string) (*loader, error) {
	l := &loader{ctx: ctx, o: o, dir: &folder{root: root}, prefix: shown, p: &Project{Dir: root.Name(), File: "project.yml", Entries: map[string][]*Entry{}}}
	if err := l.openFile(); err != nil {
		if errors.Is(err, ErrNoProject) {
			err = diag.Errors{{Msg: "no dbt_project.yml in " + shown + ": it is no package", Err: err}}
		}
		return nil, err
	}
	l.f.lenient = true
	return l, nil
}

// packageSet collects the packages of a project.
type packageSet struct {
	root   *loader
	byName map[string]*loader
	order  []*loader
	locked []Locked
	lock   bool // there is a lock file
	loose  int  // installed packages that no lock names
}

// findPackages opens the project's packages: local ones where they are, the
// others in the folder of installed packages, where `warehouse deps` or `dbt
// deps` has put them. What is asked for and not there is an error.
func (l *loader) findPackages() []*loader {
	s := &packageSet{root: l, byName: map[string]*loader{}}
	var err error
	if s.locked, s.lock, err = ReadLock(l.dir.root); err != nil {
		l.errs.AddErr(Pos{File: LockFile}, err)
		return nil
	}
	asked := l.dependencies()
	s.locals(l, asked)
	s.installed()
	s.missing(l, asked)
	for _, pl := range s.order {
		s.missing(pl, pl.dependencies())
	}
	slices.SortFunc(s.order, func(a, b *loader) int { return cmpText(a.p.Name, b.p.Name) })
	return s.order
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// locals opens the local packages that owner asks for, and theirs.
func (s *packageSet) locals(owner *loader, asked []Dependency) {
	for _, d := range asked {
		if d.Kind != DepLocal {
			continue
		}
		root, shown, err := s.localRoot(owner, d)
		if err != nil {
			e := d.Errorf("the package in %s can not be read: %s", d.Shown, fileError("", err).Msg)
			s.root.errs.Add(e)
			continue
		}
		if pl := s.add(root, shown, d.At); pl != nil {
			s.locals(pl, pl.dependencies())
		}
	}
}

// localRoot opens the folder of a local package. That of a package which was
// fetched must lie in it; others may be anywhere.
func (s *packageSet) localRoot(owner *loader, d Dependency) (*os.Root, string, error) {
	if owner.fetched {
		root, err := owner.dir.root.OpenRoot(filepath.FromSlash(d.From))
		return root, path.Join(owner.prefix, filepath.ToSlash(d.From)), err
	}
	dir := filepath.FromSlash(d.From)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(owner.p.Dir, dir)
	}
	shown := filepath.ToSlash(dir)
	if rel, err := filepath.Rel(s.root.p.Dir, dir); err == nil {
		shown = filepath.ToSlash(rel)
	}
	root, err := os.OpenRoot(dir)
	return root, shown, err
}

// add opens a package; nil if it is there already or broken.
func (s *packageSet) add(root *os.Root, shown string, at Setting) *loader {
	l := s.root
	pl, err := openPackage(l.ctx, l.o, root, shown)
	if err != nil {
		root.Close()
		l.errs.AddErr(at.Pos, err)
		return nil
	}
	pl.packageIdentity(l)
	name := pl.p.Name
	first := s.byName[name]
	switch {
	case name == "":
	case name == l.p.Name:
		l.errs.Add(&diag.Error{Pos: at.Pos, Span: at.Span, Source: at.Source, Msg: fmt.Sprintf("the package in %s has the project's own name, %s", shown, name)})
	case first == nil:
		s.byName[name], s.order = pl, append(s.order, pl)
		return pl
	case at.Pos.File != "" && first.p.Dir != pl.p.Dir:
		l.errs.Add(&diag.Error{Pos: at.Pos, Span: at.Span, Source: at.Source, Msg: fmt.Sprintf("two packages are called %s: in %s and in %s", name, first.prefix, shown)})
	}
	root.Close()
	return nil
}

// installed opens all packages in the folder of installed ones, and compares
// those of the lock file with it.
func (s *packageSet) installed() {
	l, dir := s.root, s.root.installPath()
	entries, err := fs.ReadDir(l.dir.root.FS(), dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.errs.Add(fileError(dir, err))
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.Name()[0] == '.' || !e.IsDir() && e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		root, err := l.dir.root.OpenRoot(name)
		if err != nil {
			if s.byName[e.Name()] == nil { // what dbt makes of a local package is a link
				l.errs.Add(fileError(name, err))
			}
			continue
		}
		if !isProjectRoot(root) {
			root.Close()
			continue
		}
		i := slices.IndexFunc(s.locked, func(k Locked) bool { return k.Name == e.Name() })
		if i >= 0 {
			s.verify(root, name, s.locked[i])
		} else {
			s.loose++
		}
		if pl := s.add(root, name, Setting{}); pl != nil {
			pl.fetched = true
			s.locals(pl, pl.dependencies())
		}
	}
}

func isProjectRoot(root *os.Root) bool {
	for _, name := range []string{"project.yml", DBTFile} {
		if info, err := root.Stat(name); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// verify compares an installed package with the lock file.
func (s *packageSet) verify(root *os.Root, name string, k Locked) {
	tree, err := TreeHash(root.FS())
	if err == nil && tree == k.Tree {
		return
	}
	e := &diag.Error{Pos: Pos{File: name}, Msg: "is not what " + LockFile + " pins: its files were changed",
		Advice: "`warehouse deps` installs it anew; a macro of your own belongs into your own project, where it takes the place of the package's"}
	if err != nil {
		e = fileError(name, err)
	}
	s.root.errs.Add(e)
}

// missing tells of packages that are asked for and not installed.
func (s *packageSet) missing(owner *loader, asked []Dependency) {
	for _, d := range asked {
		var e *diag.Error
		switch i := slices.IndexFunc(s.locked, func(k Locked) bool { return k.Of(d) }); {
		case d.Kind == DepLocal:
		case d.Kind == DepHub:
			if s.byName[d.HubName()] == nil {
				e = d.Errorf("package %s is not installed, and packages of dbt's hub are not downloaded", d.Shown)
				e.Advice = d.HubAdvice()
			}
		case i < 0 && !s.lock && s.loose > 0:
			s.loose-- // dbt has installed it
		case i < 0:
			e = d.Errorf("package %s is not installed", d.Shown)
		case s.byName[s.locked[i].Name] == nil:
			e = d.Errorf("package %s (%s) is not installed", s.locked[i].Name, d.Shown)
		case owner == s.root && s.locked[i].Revision != d.Revision:
			e = d.Errorf("package %s is installed at revision %q, not %q", s.locked[i].Name, s.locked[i].Revision, d.Revision)
		}
		if e != nil {
			if e.Advice == "" {
				e.Advice = "run `warehouse deps`"
			}
			s.root.errs.Add(e)
		}
	}
}

// packageIdentity reads name, variables and paths of a package.
func (l *loader) packageIdentity(root *loader) {
	f, p := l.f, l.p
	f.render = newRenderer(l.ctx, l.o.LookupEnv, l.cli(), nil)
	p.Name = f.text(find(l.top, "name"), "name")
	if !projectName.MatchString(p.Name) {
		e := f.at(1, 0, 0, "the package's name, %q, is none", p.Name)
		root.errs.Add(e)
		p.Name = ""
		return
	}
	if v := resolve(find(l.top, "version")); v != nil && v.Kind == yaml.ScalarNode {
		p.Version = v.Value
	}
	l.vars(nil)
	maps.Copy(p.Vars, root.global)
	for k := range root.global {
		p.VarPos[k] = root.p.VarPos[k]
	}
	if own, ok := root.global[p.Name].(*jinja.Dict); ok {
		for _, it := range own.Items() {
			k := jinja.Str(it.Key)
			p.Vars[k], p.VarPos[k] = it.Value, root.p.VarPos[p.Name]
		}
	}
	for k, v := range l.cli() {
		p.Vars[k] = v
		delete(p.VarPos, k)
	}
	seen := root.p.Target
	if seen.Name == "" {
		seen = defaultTarget(root.p.Dir)
	}
	f.render = newRenderer(l.ctx, l.o.LookupEnv, p.Vars, &seen)
	l.render = f.render
	l.readPaths()
}

// take adds what was read of a package to the project.
func (l *loader) take(pl *loader) {
	p, k := l.p, pl.p
	p.Models = append(p.Models, k.Models...)
	p.Macros = append(p.Macros, k.Macros...)
	p.Tests = append(p.Tests, k.Tests...)
	p.Sources = append(p.Sources, k.Sources...)
	p.Seeds = append(p.Seeds, k.Seeds...)
	p.Snapshots = append(p.Snapshots, k.Snapshots...)
	p.Docs = append(p.Docs, k.Docs...)
	for kind, entries := range k.Entries {
		if kind != "unit_test" { // a package tests itself
			p.Entries[kind] = append(p.Entries[kind], entries...)
		}
	}
	for _, t := range pl.top {
		if key := strings.ReplaceAll(t.key, "-", "_"); key == "on_run_start" || key == "on_run_end" {
			pl.onRun(t, key == "on_run_start")
		}
	}
	p.OnRunStart, p.OnRunEnd = append(p.OnRunStart, k.OnRunStart...), append(p.OnRunEnd, k.OnRunEnd...)
	var required []string
	for _, key := range []string{"require-dbt-version", "require_dbt_version"} {
		if n := find(pl.top, key); n != nil {
			pl.requires(n)
		}
		required = append(required, pl.f.texts(find(pl.top, key), key)...)
	}
	p.Packages = append(p.Packages, &Package{Name: k.Name, Version: k.Version, Dir: pl.prefix, Vars: k.Vars, VarPos: k.VarPos, RequireDBT: required})
	sum := sha256.Sum256([]byte(p.SHA256 + "\x00" + k.Name + "\x00" + k.SHA256))
	p.SHA256 = hex.EncodeToString(sum[:])
	pl.errs.Merge(&pl.f.errs)
	l.errs.Add(pl.lenientErrors()...)
}

// lenientErrors are what is wrong in a package. Its user cannot mend it, so
// only what does not parse is an error, as in dbt.
func (l *loader) lenientErrors() []*diag.Error {
	out := l.errs.Warnings()
	for _, e := range allErrors(&l.errs) {
		e.Warn = !slices.Contains(l.fatal, e)
		out = append(out, e)
	}
	return out
}

// Package deps installs the packages that a project asks for, and pins them.
//
//  1. [Install] reads packages.yml (project.LoadDependencies), and of each
//     installed package in turn what it asks for itself.
//  2. git.go fetches a repository at one revision and writes its files;
//     tarball.go unpacks an archive. Both write through an os.Root, make no
//     links, run no code of the package and stop at the bounds of limits.
//  3. The folder is renamed into place, and packages.lock says what it is:
//     commit or archive, and the digest of all files, which project.Load
//     compares at each later run.
//
// Local packages are read where they are, and packages of dbt's hub are found
// where dbt has put them; both are only checked here.
package deps

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"warehouse/runner/diag"
	"warehouse/runner/project"
)

// Options of Install.
type Options struct {
	Project project.Options // where the project is, and the variables that packages.yml may name
	Upgrade bool            // find out anew what branches and tags are
	Environ []string        // of git
}

// Installed is a package that is there.
type Installed struct {
	project.Locked
	Dir   string // relative to the project
	Kind  string // as project.Dependency has it
	Shown string // what was asked for
	Kept  bool   // it was there already, as the lock file has it
}

// Result is what Install did.
type Result struct {
	Packages []Installed
	Removed  []string // packages that are not asked for any more
	Warnings []*diag.Error
}

// Install brings the project's packages, and theirs, into its folder of
// installed packages and writes the lock file. What the lock file pins is
// installed as pinned, unless packages.yml asks for another revision or
// Upgrade is set. The error is diag.Errors or the context's.
func Install(ctx context.Context, o Options) (*Result, error) {
	asked, err := project.LoadDependencies(ctx, o.Project)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(asked.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	in := &installer{ctx: ctx, o: o, dir: asked.Dir, root: root, install: asked.Install, owner: asked.Name, out: &Result{}}
	if in.locked, _, err = project.ReadLock(root); err != nil {
		return nil, diag.Errors{err.(*diag.Error)}
	}
	defer in.clean()
	in.warn(asked.Warnings...)
	if err := in.all(asked.List, nil); err != nil {
		return nil, err
	}
	if err := in.hubs(); err != nil {
		return nil, err
	}
	return in.out, in.finish()
}

// installer holds one installation.
type installer struct {
	ctx     context.Context
	o       Options
	dir     string // of the project
	root    *os.Root
	install string
	owner   string // the project's name
	locked  []project.Locked
	temp    []string // folders to remove at the end
	hub     []project.Dependency
	out     *Result
}

func (in *installer) warn(ws ...*diag.Error) { in.out.Warnings = append(in.out.Warnings, ws...) }

// where is the package that asks for others: nil is the project itself.
type where struct {
	root    *os.Root
	shown   string
	fetched bool
}

// all installs what is asked for, breadth first, so that the project's own
// choice of a revision stands before those of its packages.
func (in *installer) all(asked []project.Dependency, from *where) error {
	type next struct {
		list []project.Dependency
		from *where
	}
	for queue := []next{{asked, from}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, d := range at.list {
			if err := in.ctx.Err(); err != nil {
				return err
			}
			more, place, err := in.one(d, at.from)
			if err != nil {
				return err
			}
			if place != nil {
				defer place.root.Close()
				queue = append(queue, next{more, place})
			}
		}
	}
	return nil
}

// one installs one package and returns what it asks for.
func (in *installer) one(d project.Dependency, from *where) ([]project.Dependency, *where, error) {
	switch d.Kind {
	case project.DepHub:
		in.hub = append(in.hub, d)
		return nil, nil, nil
	case project.DepLocal:
		return in.local(d, from)
	}
	if i := slices.IndexFunc(in.out.Packages, func(k Installed) bool { return k.Of(d) }); i >= 0 {
		k := in.out.Packages[i]
		if k.Revision != d.Revision && from != nil {
			in.warn(warning(d, fmt.Sprintf("%s is asked for at revision %q too; %q, which stands nearer to the project, is used", k.Name, d.Revision, k.Revision)))
		} else if k.Revision != d.Revision {
			return nil, nil, diag.Errors{d.Errorf("%s is asked for at two revisions: %q and %q", k.Name, k.Revision, d.Revision)}
		}
		return nil, nil, nil
	}
	k, err := in.fetched(d)
	if err != nil {
		return nil, nil, err
	}
	place := &where{shown: k.Dir, fetched: true}
	if place.root, err = in.root.OpenRoot(k.Dir); err != nil {
		return nil, nil, err
	}
	return in.read(k, d, place)
}

// read notes a package and reads what it asks for.
func (in *installer) read(k Installed, d project.Dependency, place *where) ([]project.Dependency, *where, error) {
	asked, err := project.DependenciesOf(in.ctx, in.o.Project, place.root, place.shown)
	if err != nil {
		place.root.Close()
		return nil, nil, err
	}
	k.Name = asked.Name
	for _, other := range in.out.Packages {
		if other.Name == k.Name && other.Dir == k.Dir {
			place.root.Close()
			return nil, nil, nil
		}
		if other.Name == k.Name {
			place.root.Close()
			return nil, nil, diag.Errors{d.Errorf("two packages are called %s: %s and %s", k.Name, other.Shown, d.Shown)}
		}
	}
	if k.Name == in.owner {
		place.root.Close()
		return nil, nil, diag.Errors{d.Errorf("the package %s has the project's own name, %s", d.Shown, k.Name)}
	}
	in.out.Packages = append(in.out.Packages, k)
	in.warn(asked.Warnings...)
	return asked.List, place, nil
}

// local looks at a package that is read where it is. That of a fetched package
// must lie in it.
func (in *installer) local(d project.Dependency, from *where) ([]project.Dependency, *where, error) {
	place := &where{}
	var err error
	switch {
	case from != nil && from.fetched:
		place.fetched = true
		place.shown = path.Join(from.shown, filepath.ToSlash(d.From))
		place.root, err = from.root.OpenRoot(filepath.FromSlash(d.From))
	default:
		dir := filepath.FromSlash(d.From)
		if !filepath.IsAbs(dir) && from != nil {
			dir = filepath.Join(from.root.Name(), dir)
		} else if !filepath.IsAbs(dir) {
			dir = filepath.Join(in.dir, dir)
		}
		place.shown = filepath.ToSlash(dir)
		if rel, err := filepath.Rel(in.dir, dir); err == nil {
			place.shown = filepath.ToSlash(rel)
		}
		place.root, err = os.OpenRoot(dir)
	}
	if err != nil {
		e := d.Errorf("the package in %s can not be read: %v", d.Shown, plain(err))
		return nil, nil, diag.Errors{e}
	}
	return in.read(Installed{Dir: place.shown, Kind: d.Kind, Shown: d.Shown}, d, place)
}

// plain is what went wrong, without the path.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// fetched brings a package of a repository or archive into its folder, if it is
// not there as the lock file has it.
func (in *installer) fetched(d project.Dependency) (Installed, error) {
	pin := project.Locked{}
	if i := slices.IndexFunc(in.locked, func(k project.Locked) bool { return k.Of(d) }); i >= 0 && !in.o.Upgrade && in.locked[i].Revision == d.Revision {
		pin = in.locked[i]
		if tree, err := in.treeOf(path.Join(in.install, pin.Name)); err == nil && tree == pin.Tree {
			return Installed{Locked: pin, Dir: path.Join(in.install, pin.Name), Kind: d.Kind, Shown: d.Shown, Kept: true}, nil
		}
	}
	temp, name, err := in.tempFolder()
	if err != nil {
		return Installed{}, err
	}
	defer temp.Close()
	k := project.Locked{Revision: d.Revision, Subdirectory: d.Subdirectory}
	w := &writer{root: temp}
	if d.Kind == project.DepGit {
		k.Git = d.Shown
		k.Commit, err = in.git(d, pin.Commit, w)
	} else {
		k.Tarball = d.Shown
		k.SHA256, err = in.tarball(d, w)
	}
	if err != nil {
		return Installed{}, in.failed(d, err)
	}
	if len(w.skipped) > 0 {
		in.warn(warning(d, fmt.Sprintf("%s holds links, which are left out: %s", d.Shown, someOf(w.skipped))))
	}
	of, err := project.DependenciesOf(in.ctx, in.o.Project, temp, d.Shown)
	if err != nil {
		return Installed{}, err
	}
	k.Name = of.Name
	if k.Tree, err = project.TreeHash(temp.FS()); err != nil {
		return Installed{}, err
	}
	if pin.Tree != "" && pin.Tree != k.Tree {
		e := d.Errorf("%s is not what %s pins: its files are others now", d.Shown, project.LockFile)
		e.Advice = "`warehouse deps --upgrade` takes them, if that is what you want"
		return Installed{}, diag.Errors{e}
	}
	to := path.Join(in.install, k.Name)
	if err := in.place(name, to); err != nil {
		return Installed{}, err
	}
	return Installed{Locked: k, Dir: to, Kind: d.Kind, Shown: d.Shown}, nil
}

func (in *installer) treeOf(dir string) (string, error) {
	root, err := in.root.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	return project.TreeHash(root.FS())
}

// failed is an error of fetching, at the place of the entry.
func (in *installer) failed(d project.Dependency, err error) error {
	if in.ctx.Err() != nil {
		return in.ctx.Err()
	}
	var errs diag.Errors
	if errors.As(err, &errs) {
		return err
	}
	e := d.Errorf("package %s: %v", d.Shown, err)
	e.Err = err
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		e.Advice = h.Hint()
	}
	return diag.Errors{e}
}

func warning(d project.Dependency, msg string) *diag.Error {
	e := d.Errorf("%s", msg)
	e.Warn = true
	return e
}

// hubs checks that packages of dbt's hub are there under their names.
func (in *installer) hubs() error {
	var errs diag.List
	for _, d := range in.hub {
		name := d.HubName()
		if slices.ContainsFunc(in.out.Packages, func(k Installed) bool { return k.Name == name }) {
			continue
		}
		dir := path.Join(in.install, name)
		if root, err := in.root.OpenRoot(dir); err == nil {
			of, err := project.DependenciesOf(in.ctx, in.o.Project, root, dir)
			root.Close()
			if err == nil && of.Name == name {
				in.out.Packages = append(in.out.Packages, Installed{Locked: project.Locked{Name: name}, Dir: dir, Kind: d.Kind, Shown: d.Shown, Kept: true})
				continue
			}
		}
		e := d.Errorf("package %s is not installed, and packages of dbt's hub are not downloaded", d.Shown)
		e.Advice = d.HubAdvice()
		errs.Add(e)
	}
	return errs.Err()
}

// finish removes what is not asked for any more and writes the lock file.
func (in *installer) finish() error {
	var locked []project.Locked
	for _, k := range in.out.Packages {
		if k.Tree != "" {
			locked = append(locked, k.Locked)
		}
	}
	slices.SortFunc(locked, func(a, b project.Locked) int { return compareText(a.Name, b.Name) })
	for _, old := range in.locked {
		if slices.ContainsFunc(in.out.Packages, func(k Installed) bool { return k.Name == old.Name }) || !filepath.IsLocal(old.Name) {
			continue
		}
		if err := in.root.RemoveAll(path.Join(in.install, old.Name)); err != nil {
			return err
		}
		in.out.Removed = append(in.out.Removed, old.Name)
	}
	if len(locked) == 0 && len(in.locked) == 0 {
		return nil
	}
	if slices.Equal(locked, in.locked) {
		return nil
	}
	text, err := project.LockText(locked)
	if err != nil {
		return err
	}
	temp := project.LockFile + ".new"
	if err := in.root.WriteFile(temp, text, 0o644); err != nil {
		return err
	}
	return in.root.Rename(temp, project.LockFile)
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"warehouse/runner/diag"
)

// folder reads a project's files. Everything goes through an os.Root, so that
// nothing outside the folder can be read, whatever links or paths say.
type folder struct {
	root *os.Root
	skip []string // folders that are never entered: target, packages

	mu   sync.Mutex
	subs map[string]*os.Root // of folders that files were read from; nil: not opened
}

// mostSubs bounds the folders that are held open.
const mostSubs = 200

// sub is the Root of a folder: from it a file is opened in one step, where from
// the top each folder on the way costs one. nil if it is not to be had.
func (d *folder) sub(dir string) *os.Root {
	d.mu.Lock()
	defer d.mu.Unlock()
	root, known := d.subs[dir]
	if !known && dir != "." && len(d.subs) < mostSubs {
		if d.subs == nil {
			d.subs = map[string]*os.Root{}
		}
		root, _ = d.root.OpenRoot(dir) // without one the file itself says what is wrong
		d.subs[dir] = root
	}
	return root
}

// close lets go of the folder.
func (d *folder) close() {
	for _, root := range d.subs {
		if root != nil {
			root.Close()
		}
	}
	d.root.Close()
}

// read returns a file's bytes, in room if they fit.
func (d *folder) read(name string, room []byte) ([]byte, *diag.Error) {
	if sub := d.sub(path.Dir(name)); sub != nil {
		if data, err := readFrom(sub, path.Base(name), room); err == nil {
			return data, nil
		} // a link to another folder of the project leads out of this one
	}
	data, err := readFrom(d.root, name, room)
	if err != nil {
		return nil, fileError(name, err)
	}
	return data, nil
}

// readFrom is ReadFile without asking for the size first: a project's files are small.
func readFrom(root *os.Root, name string, room []byte) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := room[:0]
	for {
		data = slices.Grow(data, 512)
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func fileError(name string, err error) *diag.Error {
	e := &diag.Error{Pos: Pos{File: name}, Err: err}
	var pe *fs.PathError
	switch {
	case strings.Contains(err.Error(), "escapes"):
		e.Msg = "leads out of the project folder, by a link or by .."
		e.Advice = "copy the file into the project"
	case errors.As(err, &pe):
		e.Msg = "can not be read: " + pe.Err.Error()
	default:
		e.Msg = "can not be read: " + err.Error()
	}
	return e
}

// walk calls visit for each file below dir, in the order of names. Hidden
// files and folders are left out. above are the folders that dir is in.
func (d *folder) walk(dir string, above []fs.FileInfo, errs *diag.List, visit func(name string)) {
	list, err := fs.ReadDir(d.root.FS(), dir)
	if err != nil {
		if len(above) > 0 || !errors.Is(err, fs.ErrNotExist) {
			errs.Add(fileError(dir, err))
		}
		return
	}
	self, err := d.root.Stat(dir)
	if err != nil {
		errs.Add(fileError(dir, err))
		return
	}
	if slices.ContainsFunc(above, func(up fs.FileInfo) bool { return os.SameFile(up, self) }) {
		errs.Add(&diag.Error{Pos: Pos{File: dir}, Msg: "is a link to a folder that it is in", Advice: "remove the link"})
		return
	}
	above = append(slices.Clip(above), self)
	for _, entry := range list {
		name := path.Join(dir, entry.Name())
		if strings.HasPrefix(entry.Name(), ".") || slices.Contains(d.skip, name) {
			continue
		}
		if badName(entry.Name()) {
			errs.Add(&diag.Error{Pos: Pos{File: dir}, Msg: fmt.Sprintf("a file's name holds control characters: %q", entry.Name())})
			continue
		}
		switch mode := d.mode(entry, name, errs); {
		case mode.IsDir():
			d.walk(name, above, errs, visit)
		case mode.IsRegular():
			visit(name)
		}
	}
}

// mode is what an entry is, or what it links to.
func (d *folder) mode(entry fs.DirEntry, name string, errs *diag.List) fs.FileMode {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type()
	}
	info, err := d.root.Stat(name)
	if err != nil {
		if wanted(name) {
			errs.Add(fileError(name, err))
		}
		return fs.ModeIrregular
	}
	return info.Mode().Type()
}

// wanted reports whether a file is of a kind that a project is made of.
func wanted(name string) bool {
	switch path.Ext(name) {
	case ".sql", ".yml", ".yaml", ".csv", ".md", "":
		return true
	}
	return false
}

func isYAML(name string) bool { ext := path.Ext(name); return ext == ".yml" || ext == ".yaml" }

// paths are the folders of a project, relative to it.
type paths struct {
	models, seeds, tests, macros, snapshots, analyses, docs []string
}

// readPaths reads model-paths and its kin.
func (p *paths) read(f *yamlFile, top []pair) {
	for _, k := range []struct {
		key    string
		to     *[]string
		preset []string
	}{
		{"model-paths", &p.models, []string{"models"}}, {"seed-paths", &p.seeds, []string{"seeds"}},
		{"test-paths", &p.tests, []string{"tests"}}, {"macro-paths", &p.macros, []string{"macros"}},
		{"snapshot-paths", &p.snapshots, []string{"snapshots"}}, {"analysis-paths", &p.analyses, []string{"analyses"}},
		{"docs-paths", &p.docs, nil},
	} {
		*k.to = k.preset
		i := slices.IndexFunc(top, func(t pair) bool { return strings.ReplaceAll(t.key, "_", "-") == k.key })
		if i < 0 || isNullNode(resolve(top[i].v)) {
			continue
		}
		*k.to = nil
		for _, dir := range f.texts(top[i].v, top[i].key) {
			clean := path.Clean(strings.ReplaceAll(dir, "\\", "/"))
			if dir == "" || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
				f.errorf(top[i].k, "%s: %q leads out of the project folder", top[i].key, dir)
				continue
			}
			*k.to = append(*k.to, clean)
		}
	}
}

// below returns the parts of a file's path under the folder that it was found
// in, without the extension.
func below(dir, name string) []string {
	rest := strings.TrimSuffix(name, path.Ext(name))
	if dir != "." {
		rest = strings.TrimPrefix(rest, dir+"/")
	}
	return strings.Split(rest, "/")
}

// OwnFolders are the folders with the project's own files, relative to it:
// models, seeds, data tests, macros, snapshots, analyses and docs.
func (p *Project) OwnFolders() []string { return p.own }

func (p *paths) all() []string {
	return slices.Concat(p.models, p.seeds, p.tests, p.macros, p.snapshots, p.analyses, p.docs)
}

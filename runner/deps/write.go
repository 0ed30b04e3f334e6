package deps

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Bounds of a package: enough for any that people write, too little to fill a
// disk.
const (
	maxFiles = 20_000
	maxBytes = 256 << 20 // of all files
	maxFile  = 64 << 20
	maxPath  = 400 // bytes
)

// writer writes the files of one package into its folder.
type writer struct {
	root    *os.Root
	files   int
	bytes   int64
	skipped []string // links
}

// file writes one file. name is its path in the package, with slashes.
func (w *writer) file(name string, size int64, from io.Reader) error {
	if err := checkPath(name); err != nil {
		return err
	}
	w.files++
	w.bytes += max(size, 0)
	switch {
	case w.files > maxFiles:
		return fmt.Errorf("it holds more than %d files", maxFiles)
	case size > maxFile:
		return fmt.Errorf("%s is larger than %d MB", name, maxFile>>20)
	case w.bytes > maxBytes:
		return fmt.Errorf("it is larger than %d MB", maxBytes>>20)
	}
	local := filepath.FromSlash(name)
	if err := w.root.MkdirAll(filepath.Dir(local), 0o755); err != nil {
		return err
	}
	f, err := w.root.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("two files are called %s, or their names differ by case alone", name)
	}
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(from, size))
	if err == nil && n < size {
		err = fmt.Errorf("%s is cut off", name)
	}
	return errors.Join(err, f.Close())
}

// link leaves a link out.
func (w *writer) link(name string) { w.skipped = append(w.skipped, name) }

// checkPath refuses names that lead out of the package or that could mean
// something else than a file of it.
func checkPath(name string) error {
	switch {
	case len(name) > maxPath:
		return fmt.Errorf("a path is longer than %d bytes: %.60q…", maxPath, name)
	case strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\\' }):
		return fmt.Errorf("the path %q holds a backslash or control characters", name)
	case name != path.Clean(name) || !filepath.IsLocal(filepath.FromSlash(name)):
		return fmt.Errorf("the path %q leads out of the package", name)
	case strings.EqualFold(strings.Split(name, "/")[0], ".git"):
		return fmt.Errorf("the path %q is git's own", name)
	}
	return nil
}

func someOf(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + fmt.Sprintf(" and %d more", len(names)-3)
	}
	return strings.Join(names, ", ")
}

// tempFolder makes an empty folder beside the installed packages, hidden from
// project.Load.
func (in *installer) tempFolder() (*os.Root, string, error) {
	if err := in.root.MkdirAll(in.install, 0o755); err != nil {
		return nil, "", err
	}
	for i := 0; ; i++ {
		name := path.Join(in.install, ".new-"+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(i))
		err := in.root.Mkdir(name, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		in.temp = append(in.temp, name)
		root, err := in.root.OpenRoot(name)
		return root, name, err
	}
}

// place puts a finished folder where the package belongs; the old one goes only
// when the new one is there.
func (in *installer) place(from, to string) error {
	old := from + "-old"
	err := in.root.Rename(to, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	in.temp = append(in.temp, old)
	if err := in.root.Rename(from, to); err != nil {
		return errors.Join(err, ignoreMissing(in.root.Rename(old, to)))
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// clean removes what an installation left.
func (in *installer) clean() {
	for _, name := range in.temp {
		_ = in.root.RemoveAll(name) // at worst a hidden folder stays
	}
}

package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Cleaned is what Clean did in one folder.
type Cleaned struct {
	Folder string // relative to the project
	Files  int
	Kept   []string // databases, relative to the project
}

// Clean empties the folders of clean-targets, or targetPath (by default the
// project's) where there are none. Databases stay, with the files beside them
// that are theirs. All folders are looked at before anything is deleted: one
// outside the project, or with the project's own files, is a *UsageError. No
// link is followed.
func (r *Runner) Clean(targetPath string) ([]Cleaned, error) {
	p := r.project
	targets := p.CleanTargets
	if targets == nil {
		targets = []string{targetPath}
		if targetPath == "" {
			targets = []string{p.TargetPath}
		}
	}
	var folders []string
	for _, t := range targets {
		folder, err := r.cleanable(t)
		if err != nil {
			return nil, err
		}
		folders = append(folders, folder)
	}
	root, err := os.OpenRoot(p.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var out []Cleaned
	for _, folder := range folders {
		info, err := root.Lstat(folder)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return out, err
		case !info.IsDir():
			return out, &UsageError{Msg: fmt.Sprintf("clean-targets: %s is no folder", folder), Advice: "delete it by hand"}
		}
		did := Cleaned{Folder: folder}
		empty, err := sweep(root, folder, &did)
		if err == nil && empty {
			err = root.Remove(folder)
		}
		if did.Files > 0 || len(did.Kept) > 0 || empty {
			out = append(out, did)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// cleanable is a folder of clean-targets, relative to the project.
func (r *Runner) cleanable(target string) (string, error) {
	p := r.project
	rel := filepath.Clean(target)
	if filepath.IsAbs(rel) {
		var err error
		if rel, err = filepath.Rel(p.Dir, rel); err != nil {
			rel = ".."
		}
	}
	if !filepath.IsLocal(rel) || rel == "." {
		return "", &UsageError{Msg: fmt.Sprintf("clean-targets: %q is not a folder below the project's, and is not deleted", target), Advice: "take it out of clean-targets"}
	}
	folder := filepath.ToSlash(rel)
	for _, own := range p.OwnFolders() {
		if own == folder || strings.HasPrefix(own+"/", folder+"/") || strings.HasPrefix(folder+"/", own+"/") {
			return "", &UsageError{Msg: fmt.Sprintf("clean-targets: %q holds the project's own files (%s), and is not deleted", target, own), Advice: "take it out of clean-targets"}
		}
	}
	if folder == ".git" || strings.HasPrefix(folder, ".git/") {
		return "", &UsageError{Msg: fmt.Sprintf("clean-targets: %q is the repository's history, and is not deleted", target), Advice: "take it out of clean-targets"}
	}
	return folder, nil
}

// sweep deletes what is in a folder, and says whether nothing is left in it.
func sweep(root *os.Root, folder string, did *Cleaned) (empty bool, err error) {
	f, err := root.Open(folder)
	if err != nil {
		return false, err
	}
	entries, err := f.ReadDir(-1)
	_ = f.Close() // only read
	if err != nil {
		return false, err
	}
	databases := map[string]bool{}
	for _, e := range entries {
		if e.Type().IsRegular() && isDatabase(root, path.Join(folder, e.Name())) {
			databases[e.Name()] = true
		}
	}
	empty = true
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		switch {
		case databases[e.Name()]:
			did.Kept = append(did.Kept, name)
			empty = false
			continue
		case ofDatabase(e.Name(), databases):
			empty = false
			continue
		}
		if e.IsDir() {
			below, err := sweep(root, name, did)
			if err != nil {
				return false, err
			}
			if !below {
				empty = false
				continue
			}
		} else {
			did.Files++
		}
		if err := root.Remove(name); err != nil {
			return false, err
		}
	}
	return empty, nil
}

// isDatabase says whether a file is a database of an engine that keeps one in a
// file: DuckDB's has its mark behind the first eight bytes.
func isDatabase(root *os.Root, name string) bool {
	f, err := root.Open(name)
	if err != nil {
		return true // what cannot be read is not deleted
	}
	defer f.Close()
	head := make([]byte, 12)
	if _, err := io.ReadFull(f, head); err != nil {
		return false
	}
	return bytes.Equal(head[8:], []byte("DUCK"))
}

// ofDatabase says whether a file belongs to a database that lies beside it: its
// log, its lock, what it spills.
func ofDatabase(name string, databases map[string]bool) bool {
	if name == ".tmp" && len(databases) > 0 {
		return true
	}
	for db := range databases {
		if strings.HasPrefix(name, db+".") {
			return true
		}
	}
	return false
}

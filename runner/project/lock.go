package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"go.yaml.in/yaml/v3"
)

// LockFile pins the packages that `warehouse deps` installed. It belongs into
// version control, beside packages.yml.
const LockFile = "packages.lock"

// Locked is an installed package, as LockFile has it.
type Locked struct {
	Name         string `yaml:"name"` // of the package, and of its folder
	Git          string `yaml:"git,omitempty"`
	Tarball      string `yaml:"tarball,omitempty"`
	Revision     string `yaml:"revision,omitempty"` // as packages.yml has it
	Subdirectory string `yaml:"subdirectory,omitempty"`
	Commit       string `yaml:"commit,omitempty"` // what the revision was
	SHA256       string `yaml:"sha256,omitempty"` // of the archive
	Tree         string `yaml:"tree"`             // TreeHash of the files
}

// Of reports whether k is what d asks for, at whatever revision.
func (k Locked) Of(d Dependency) bool {
	return k.Subdirectory == d.Subdirectory && (d.Kind == DepGit && k.Git == d.Shown || d.Kind == DepTarball && k.Tarball == d.Shown)
}

const lockHead = "# Made by `warehouse deps`: what packages.yml asked for, and what that was. Keep it in version control.\n"

// ReadLock reads the lock file of a project; none is no error, and not there.
func ReadLock(root *os.Root) (locked []Locked, there bool, err error) {
	data, err := root.ReadFile(LockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fileError(LockFile, err)
	}
	var doc struct{ Packages []Locked }
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		e := fileError(LockFile, err)
		e.Msg, e.Advice = "is damaged: "+err.Error(), "remove it and run `warehouse deps`"
		return nil, true, e
	}
	return doc.Packages, true, nil
}

// LockText is the text of a lock file.
func LockText(locked []Locked) ([]byte, error) {
	body, err := yaml.Marshal(struct{ Packages []Locked }{locked})
	return append([]byte(lockHead), body...), err
}

// TreeHash is the digest of all files below the root of fsys: of their paths
// and contents, in the order of paths. A link counts as what it names.
func TreeHash(fsys fs.FS) (string, error) {
	all := sha256.New()
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if !e.Type().IsRegular() {
			_, err := fmt.Fprintf(all, "%s\x00%s\n", name, e.Type())
			return err
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		one := sha256.New()
		if _, err := io.Copy(one, f); err != nil {
			return err
		}
		_, err = fmt.Fprintf(all, "%s\x00%x\n", name, one.Sum(nil))
		return err
	})
	return "sha256:" + hex.EncodeToString(all.Sum(nil)), err
}

package duckdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"warehouse/runner/engine"
)

// files knows which database files this process has open. DuckDB's lock is per
// process: a second instance in one process would be let in, and would damage
// the file. Several readers are let in, each with an instance of its own, since
// views that one makes in memory are not for another. When one of them closes,
// DuckDB's lock against foreign programs ends for the others too (it is the
// process's); the lock file beside the database still holds.
var files registry

// ErrOpenHere: this process already has the file open, and not both openings
// only read.
var ErrOpenHere = errors.New("it is already open in this process")

type registry struct {
	mu   sync.Mutex
	open []*file
}

type file struct {
	path    string
	info    os.FileInfo // nil while the file is not there yet
	writer  bool
	readers int
}

// enter notes that t is being opened: any number of readers, or one writer.
// The function returned notes that it is closed.
func (r *registry) enter(t engine.Target) (release func() error, err error) {
	path := realPath(t.Path)
	info, _ := os.Stat(path)
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.find(path, info)
	if f != nil && (f.writer || !t.ReadOnly) {
		return nil, &engine.OpenError{Path: t.Path, Msg: ErrOpenHere.Error(), Err: ErrOpenHere,
			Advice: "use the database that is open, or close it first"}
	}
	if f == nil {
		f = &file{path: path, info: info}
		r.open = append(r.open, f)
	}
	if t.ReadOnly {
		f.readers++
	} else {
		f.writer = true
	}
	var once sync.Once
	return func() error {
		once.Do(func() { r.leave(f, t.ReadOnly) })
		return nil
	}, nil
}

func (r *registry) find(path string, info os.FileInfo) *file {
	for _, f := range r.open {
		if f.info == nil {
			f.info, _ = os.Stat(f.path)
		}
		if f.path == path || (info != nil && f.info != nil && os.SameFile(info, f.info)) {
			return f
		}
	}
	return nil
}

func (r *registry) leave(f *file, reader bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reader {
		f.readers--
	} else {
		f.writer = false
	}
	if f.writer || f.readers > 0 {
		return
	}
	for i, o := range r.open {
		if o == f {
			r.open = append(r.open[:i], r.open[i+1:]...)
			return
		}
	}
}

// realPath follows links, also where the file itself is not there yet.
func realPath(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// settingError is a setting of the target that DuckDB refused.
type settingError struct {
	name string
	err  error
}

func (e *settingError) Error() string { return fmt.Sprintf("setting %s: %v", e.name, e.err) }
func (e *settingError) Unwrap() error { return e.err }

package project

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// fileKind says what a file is, by its folder and extension.
type fileKind int

const (
	modelFile fileKind = iota
	macroFile
	testFile
	snapshotFile
	schemaYAML
	docFile
	seedFile     // read by the engine; only its name counts here
	analysisFile // only its name counts
	fixtureFile  // rows of unit tests
)

// file is a file of the project, and what was read of it.
type file struct {
	name string // as messages call it
	rel  string // its path in the folder that is read
	dir  string // the model path (test path, …) that it was found in
	kind fileKind

	text     string
	template *jinja.Template
	schema   schemaFile
	sum      [sha256.Size]byte
	errs     diag.List
	unread   []*diag.Error // those of errs that kept it from being read
}

// listFiles finds all files, sorted by name.
func (l *loader) listFiles() []*file {
	var files []*file
	seen := map[string]bool{}
	walk := func(dirs []string, kinds map[string]fileKind, adjust func(*file)) {
		for _, dir := range dirs {
			var errs diag.List
			l.dir.walk(dir, nil, &errs, func(name string) {
				ext := path.Ext(name)
				kind, ok := kinds[ext]
				if isYAML(name) {
					kind, ok = schemaYAML, true
				}
				if sql, models := kinds[".sql"]; ext == ".py" && models && sql == modelFile {
					l.p.Python = append(l.p.Python, l.name(name))
					l.errs.Add(&diag.Error{Pos: Pos{File: l.name(name)}, Warn: true, Msg: "Python models are not supported; the file is ignored"})
				}
				if !ok || seen[name] {
					return
				}
				seen[name] = true
				f := &file{name: l.name(name), rel: name, dir: l.name(dir), kind: kind}
				if adjust != nil && kind != schemaYAML {
					adjust(f)
				}
				files = append(files, f)
			})
			for _, e := range slices.Concat(errs.Warnings(), allErrors(&errs)) {
				e.Pos.File = l.name(e.Pos.File)
				l.errs.Add(e)
			}
		}
	}
	walk(l.paths.models, map[string]fileKind{".sql": modelFile, ".md": docFile}, nil)
	walk(l.paths.macros, map[string]fileKind{".sql": macroFile, ".md": docFile}, nil)
	walk(l.paths.tests, map[string]fileKind{".sql": testFile, ".csv": analysisFile}, func(f *file) {
		switch parts := below(f.dir, f.name); {
		case len(parts) > 1 && parts[0] == "generic":
			f.kind = macroFile
		case len(parts) > 1 && parts[0] == "fixtures":
			f.kind = fixtureFile
		}
	})
	walk(l.paths.snapshots, map[string]fileKind{".sql": snapshotFile, ".md": docFile}, nil)
	walk(l.paths.seeds, map[string]fileKind{".csv": seedFile, ".md": docFile}, nil)
	walk(l.paths.analyses, map[string]fileKind{".sql": analysisFile, ".md": docFile}, nil)
	walk(l.paths.docs, map[string]fileKind{".md": docFile}, nil)
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.name, b.name) })
	return files
}

// readFiles reads and parses all files, several at once, and adds up their
// digest. The error is that of the context.
func (l *loader) readFiles(files []*file) ([]*file, error) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(l.o.Threads, len(files)) {
		workers.Go(func() {
			room := make([]byte, 0, 64<<10)
			for l.ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				room = l.readFile(files[i], room)
			}
		})
	}
	workers.Wait()
	if err := l.ctx.Err(); err != nil {
		return nil, err
	}
	all := sha256.New()
	fmt.Fprintf(all, "%s\x00%x\n", l.p.File, sha256.Sum256(l.data))
	for _, f := range files {
		fmt.Fprintf(all, "%s\x00%x\n", f.name, f.sum)
		l.errs.Merge(&f.errs)
		l.fatal = append(l.fatal, f.unread...)
	}
	l.p.SHA256 = hex.EncodeToString(all.Sum(nil))
	return files, nil
}

// readFile reads a file by means of room, and returns the room for the next one.
func (l *loader) readFile(f *file, room []byte) []byte {
	if f.kind == seedFile || f.kind == analysisFile {
		return room
	}
	data, bad := l.dir.read(f.rel, room)
	if bad != nil {
		bad.Pos.File = f.name
		f.errs.Add(bad)
		return room
	}
	f.sum = sha256.Sum256(data)
	l.parse(f, data)
	return data
}

// parse reads the text of a file.
func (l *loader) parse(f *file, data []byte) {
	if f.kind == schemaYAML {
		y, root := parseYAML(f.name, data)
		y.render, y.lenient, y.dbt = l.render, l.isPackage(), l.dbt()
		f.fatal(&y.errs)
		f.schema = readSchema(y, root, l.p.Name)
		f.errs.Merge(&y.errs)
		return
	}
	text, bad := decodeText(f.name, data)
	if f.text = text; bad != nil {
		f.errs.Add(bad)
		return
	}
	if f.kind == fixtureFile {
		return
	}
	if f.kind == docFile && !strings.Contains(f.text, "docs") {
		return
	}
	t, err := jinja.Parse(f.name, f.text)
	if err != nil {
		f.errs.AddErr(Pos{File: f.name}, err)
		f.fatal(&f.errs)
		return
	}
	f.template = t
}

// fatal notes that what is wrong so far leaves the file unread.
func (f *file) fatal(errs *diag.List) { f.unread = allErrors(errs) }

func allErrors(l *diag.List) []*diag.Error {
	all, _ := l.Err().(diag.Errors)
	return all
}

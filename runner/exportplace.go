package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// exportPlace is where an export goes: a file, or a folder of files.
type exportPlace struct {
	asked string // as it was typed
	path  string // absolute, links followed
	keeps bool   // a folder whose earlier versions stay for a while; see exportversions.go
}

// exportPlace finds a place, and refuses those that hold the project or its
// database.
func (r *Runner) exportPlace(to string) (*exportPlace, error) {
	if to == "" {
		return nil, &UsageError{Msg: "export needs a place to write to", Advice: "add --to PATH"}
	}
	abs, err := filepath.Abs(to)
	if err != nil {
		return nil, err
	}
	place := followPlace(abs)
	p := &exportPlace{asked: to, path: place, keeps: versioned(place)}
	for _, own := range []struct{ path, what string }{
		{r.project.Dir, "the project"}, {r.project.Target.Path, "the database itself"},
		{r.project.Target.Path + ".lock", "a file of the database"}, {r.project.Target.Path + ".wal", "a file of the database"},
	} {
		if own.path == "" {
			continue
		}
		if rel, err := filepath.Rel(p.path, follow(own.path)); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			verb := "is"
			if rel != "." {
				verb = "holds"
			}
			return nil, &UsageError{Msg: fmt.Sprintf("%s %s %s: it is not replaced", to, verb, own.what), Advice: "choose another place"}
		}
	}
	return p, nil
}

// follow follows links, also where the last parts of a path are not there yet.
func follow(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		return p
	}
	dir := filepath.Dir(path)
	if dir == path {
		return path
	}
	return filepath.Join(follow(dir), filepath.Base(path))
}

// write lets f write beside the place, and puts the result there. After any
// failure nothing new is left.
func (p *exportPlace) write(f func(aside string) error) (err error) {
	dir, base := filepath.Dir(p.path), filepath.Base(p.path)
	made, err := makeFolders(dir)
	if err != nil {
		return err
	}
	p.sweep()
	aside := filepath.Join(dir, fmt.Sprintf(".%s.%d.export", base, os.Getpid()))
	defer func() {
		if err != nil {
			err = errors.Join(err, removeAside(aside))
			for i := len(made) - 1; i >= 0; i-- {
				_ = os.Remove(made[i])
			}
		}
	}()
	if err := removeAside(aside); err != nil {
		return err
	}
	if err := f(aside); err != nil {
		return err
	}
	if err := syncAll(aside); err != nil {
		return err
	}
	if err := replace(aside, p.path); err != nil {
		return err
	}
	return syncAll(dir)
}

// makeFolders makes a folder and those above it, and returns what it made.
func makeFolders(dir string) (made []string, err error) {
	if _, err := os.Stat(dir); err == nil {
		return nil, nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if made, err = makeFolders(parent); err != nil {
			return made, err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return made, err
	}
	return append(made, dir), nil
}

// removeAside removes what was written aside, and the engine's log of it.
func removeAside(path string) error {
	err := os.RemoveAll(path)
	if werr := os.Remove(path + ".wal"); werr != nil && !errors.Is(werr, fs.ErrNotExist) {
		err = errors.Join(err, werr)
	}
	return err
}

var asideName = regexp.MustCompile(`^\.(.+)\.([0-9]+)\.export$`)

// sweep removes what killed exports to the same place have left.
func (p *exportPlace) sweep() {
	if runtime.GOOS == "windows" {
		return // a process cannot be asked for its life there
	}
	dir := filepath.Dir(p.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		m := asideName.FindStringSubmatch(e.Name())
		if m == nil || m[1] != filepath.Base(p.path) {
			continue
		}
		if pid, err := strconv.Atoi(m[2]); err == nil && !alive(pid) {
			_ = removeAside(filepath.Join(dir, e.Name()))
		}
	}
}

func alive(pid int) bool {
	proc, err := os.FindProcess(pid)
	return err == nil && !errors.Is(proc.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// replace puts a file or folder in the place of another. Files, and folders
// where the system can, change places in one step; elsewhere a folder is gone
// for a moment.
func replace(from, to string) error {
	info, err := os.Stat(to)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return os.Rename(from, to)
	}
	if err != nil {
		return err
	}
	if err := exchange(from, to); err == nil {
		return os.RemoveAll(from)
	}
	old := from + ".old"
	if err := os.Rename(to, old); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Rename(old, to))
	}
	return os.RemoveAll(old)
}

// syncAll makes a file, or a folder and the files in it, last.
func syncAll(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() && asideName.MatchString(filepath.Base(path)) {
		var names []string
		names, err = f.Readdirnames(-1)
		for _, name := range names {
			err = errors.Join(err, syncAll(filepath.Join(path, name)))
		}
	}
	if serr := f.Sync(); serr != nil && !errors.Is(serr, errors.ErrUnsupported) && !errors.Is(serr, syscall.EINVAL) {
		err = errors.Join(err, serr)
	}
	return errors.Join(err, f.Close())
}

// exportList is a file in the folder of an export: what is in it, and the sign
// by which it is known.
const exportList = ".warehouse-export.json"

type exportListDoc struct {
	Version     int          `json:"warehouse_export"`
	RunID       string       `json:"run_id"`
	Publication int64        `json:"publication,omitempty"`
	Folder      string       `json:"folder,omitempty"` // of a copy for readers: where these very files stay
	Format      string       `json:"format"`
	Marts       []listedMart `json:"marts"`
}

func writeExportList(dir, stays string, e *Exported, publication int64) error {
	doc := exportListDoc{1, e.RunID, publication, stays, e.Format, nil}
	for _, m := range e.Marts {
		info, err := os.Stat(filepath.Join(dir, m.File))
		if err != nil {
			return err
		}
		doc.Marts = append(doc.Marts, listedMart{m, info.Size(), info.ModTime().UnixNano()})
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, exportList), append(b, '\n'), 0o666)
}

// readExportList reads the list of a folder; false if no export wrote it.
func readExportList(dir string) (doc exportListDoc, ok bool) {
	b, err := os.ReadFile(filepath.Join(dir, exportList))
	return doc, err == nil && json.Unmarshal(b, &doc) == nil && doc.Version > 0
}

// listed are the marts of a folder's list, by name.
func listed(dir string) map[string]listedMart {
	out := map[string]listedMart{}
	doc, _ := readExportList(dir)
	for _, m := range doc.Marts {
		out[m.Mart] = m
	}
	return out
}

// foreignFile returns a file of a folder that no export wrote, or "", and the
// number of all files.
func foreignFile(dir string) (foreign string, files int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", 0, err
	}
	known := map[string]bool{}
	if doc, ok := readExportList(dir); ok {
		known[exportList] = true
		for _, m := range doc.Marts {
			known[m.File] = true
		}
	}
	for _, e := range entries {
		if !known[e.Name()] || !e.Type().IsRegular() {
			return e.Name(), len(entries), nil
		}
	}
	return "", len(entries), nil
}

// devices are names that no file can have on Windows.
var devices = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// exportFile makes a mart's name a file's name that every system takes: what
// else it holds than letters, digits and _ - . blank is written as %XX.
func exportFile(mart string) string {
	var b strings.Builder
	for i, c := range mart {
		first, last := i == 0, i+len(string(c)) == len(mart)
		switch {
		case c == utf8Error,
			!unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("_-. ", c),
			(c == '.' || c == ' ') && (first || last),
			c == '-' && first:
			for _, raw := range []byte(string(c)) {
				fmt.Fprintf(&b, "%%%02X", raw)
			}
		default:
			b.WriteRune(c)
		}
	}
	name := b.String()
	if devices.MatchString(name) {
		name = fmt.Sprintf("%%%02X", name[0]) + name[1:]
	}
	const most = 200 // bytes; systems take 255, and the ending comes on top
	if len(name) > most {
		sum := sha256.Sum256([]byte(mart))
		name = strings.ToValidUTF8(name[:most-17], "") + "-" + hex.EncodeToString(sum[:8])
	}
	return name
}

const utf8Error = '\uFFFD'

package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// The folder of a copy for readers is a link, PATH, to a folder that never
// changes, PATH.versions/N. A publication writes the next one and points the
// link at it; who followed the link once reads on in the folder that he found,
// which stays for a while.

var versionLink = regexp.MustCompile(`^(.+)\.versions/[0-9]+$`)

// versioned says whether a path is the link of such a copy.
func versioned(path string) bool {
	target, err := os.Readlink(path)
	m := versionLink.FindStringSubmatch(filepath.ToSlash(target))
	return err == nil && m != nil && m[1] == filepath.Base(path)
}

// followPlace follows the links of a path, but not the last one if it is that
// of a copy.
func followPlace(path string) string {
	for range 40 { // as many as systems follow
		path = filepath.Join(follow(filepath.Dir(path)), filepath.Base(path))
		target, err := os.Readlink(path)
		if err != nil || versioned(path) {
			return path
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return path
}

// versions are the numbers of the folders of a copy, sorted.
func (p *exportPlace) versions() (numbers []int, err error) {
	entries, err := os.ReadDir(p.path + ".versions")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if n, nerr := strconv.Atoi(e.Name()); nerr == nil && e.IsDir() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, err
}

func (p *exportPlace) version(n int) string {
	return filepath.Join(p.path+".versions", strconv.Itoa(n))
}

// writeVersion lets f write the next folder of a copy, and points the link at
// it. Where the system makes no links the folder itself is replaced.
func (p *exportPlace) writeVersion(f func(aside, stays string) error, keep time.Duration) error {
	numbers, err := p.versions()
	if err != nil {
		return err
	}
	n := 2 // 1 is for a folder that stands where the link shall be
	if len(numbers) > 0 {
		n = numbers[len(numbers)-1] + 2
	}
	made, err := makeFolders(filepath.Dir(p.path))
	if err != nil {
		return err
	}
	p.sweep()
	link := filepath.Join(filepath.Dir(p.path), fmt.Sprintf(".%s.%d.export", filepath.Base(p.path), os.Getpid()))
	if err := removeAside(link); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(filepath.Base(p.path)+".versions", strconv.Itoa(n)), link); err != nil {
		return p.write(func(aside string) error { return f(aside, "") })
	}
	next := &exportPlace{asked: p.asked, path: p.version(n)}
	if err = next.write(func(aside string) error { return f(aside, next.path) }); err == nil {
		err = p.point(link, n)
	}
	if err != nil {
		err = errors.Join(err, removeAside(link))
		for i := len(made) - 1; i >= 0; i-- {
			_ = os.Remove(made[i])
		}
		return err
	}
	return p.forget(n, keep)
}

// point puts a link in the place of the one that is there, or of a folder, in
// one step. From that moment the folder before it is old.
func (p *exportPlace) point(link string, n int) error {
	now := time.Now()
	if err := os.Chtimes(p.version(n), now, now); err != nil {
		return err
	}
	info, err := os.Lstat(p.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && info.IsDir() { // of an export, as mayReplace saw
		old := p.version(n - 1)
		if exchange(link, p.path) == nil {
			return os.Rename(link, old)
		}
		if err := os.Rename(p.path, old); err != nil {
			return err
		}
	}
	if err := os.Rename(link, p.path); err != nil {
		return err
	}
	return syncAll(filepath.Dir(p.path))
}

// forget removes the folders before version n that were replaced longer ago
// than keep.
func (p *exportPlace) forget(n int, keep time.Duration) error {
	numbers, err := p.versions()
	if err != nil {
		return err
	}
	var errs []error
	for i, old := range numbers {
		if old >= n {
			break
		}
		replaced, err := os.Stat(p.version(numbers[i+1]))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if time.Since(replaced.ModTime()) < keep {
			break // all that follow are younger
		}
		if _, ok := readExportList(p.version(old)); ok {
			errs = append(errs, os.RemoveAll(p.version(old)))
		}
	}
	return errors.Join(errs...)
}

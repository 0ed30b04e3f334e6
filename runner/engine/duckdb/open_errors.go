package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"warehouse/runner/engine"
)

var quotedCatalog = engine.Ident(Catalog)

var (
	lockHolder = regexp.MustCompile(`held in (.*) \(PID (\d+)\)`)
	lockAnon   = regexp.MustCompile(`Could not set lock on file`)
)

func isNotDatabase(err error) bool {
	f, ok := parse(err)
	return ok && strings.Contains(f.Msg, "not a valid DuckDB database file")
}

// openError explains why t could not be opened.
func openError(t engine.Target, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("cannot open %s: %w", t.Path, err)
	}
	e := &engine.OpenError{Path: t.Path, Err: err}
	var oe *engine.OpenError
	if errors.As(err, &oe) {
		return oe
	}
	f, isDuck := parse(err)
	var se *settingError
	if errors.As(err, &se) {
		msg, _, _ := strings.Cut(f.Msg, "\n")
		e.Msg = fmt.Sprintf("setting %s: %s", se.name, msg)
		e.Advice = fmt.Sprintf("mend it under settings of target %s; DuckDB's documentation lists the settings", t.Name)
		return e
	}
	if !isDuck {
		return fileError(e, err)
	}
	if m := lockHolder.FindStringSubmatch(f.Msg); m != nil {
		pid, _ := strconv.Atoi(m[2])
		return &engine.LockedError{Path: t.Path, Program: m[1], PID: pid, Err: err}
	}
	if lockAnon.MatchString(f.Msg) {
		return &engine.LockedError{Path: t.Path, Err: err}
	}
	for _, w := range words {
		if strings.Contains(f.Msg, w.find) {
			e.Msg, e.Advice = w.msg, w.advice
			if strings.Contains(e.Advice, "%s") {
				e.Advice = fmt.Sprintf(e.Advice, filepath.Dir(t.Path))
			}
			return e
		}
	}
	e.Msg, _, _ = strings.Cut(f.Msg, "\n")
	e.Advice = "see that the path is right and that the file is a database of DuckDB's"
	return e
}

// words are DuckDB's messages on opening and ours for them; the first that is
// found counts.
var words = []struct{ find, msg, advice string }{
	{"not a valid DuckDB database file", "it is not a DuckDB database", "name another file, or move this one away: a build makes a new one"},
	{"Trying to read a database file with version number", "it was written by another version of DuckDB than this program has", "use a newer release of this program, or export the database with the DuckDB that wrote it"},
	{"is currently encrypted", "it is encrypted", "this program opens databases that are not encrypted"},
	{"Corrupt database file", "it is damaged", "restore it from a copy; the register of the copy says which runs it holds"},
	{"checksum", "it is damaged", "restore it from a copy; the register of the copy says which runs it holds"},
	{"replaying WAL file", "its write-ahead log (the file beside it that ends in .wal) cannot be applied", "keep a copy of both files, then move the .wal file away: what was written since the last checkpoint is then lost"},
	{"Could not read enough bytes", "it is cut off", "restore it from a copy"},
	{"Could not read all", "it is cut off", "restore it from a copy"},
	{"Is a directory", "it is a directory", "path must name a file"},
	{"Permission denied", "permission denied", "see who owns the file and the folder %s, and run as that user"},
	{"Read-only file system", "the file system is read-only", "put the database on one that can be written"},
	{"No space left on device", "the disk is full", "free some space in %s"},
	{"No such file or directory", "there is no such file", "see that %s exists"},
}

// fileError explains an error of the operating system.
func fileError(e *engine.OpenError, err error) error {
	dir := filepath.Dir(e.Path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Msg, e.Advice = "permission denied", fmt.Sprintf("see who owns the file and the folder %s, and run as that user", dir)
	case errors.Is(err, syscall.EROFS):
		e.Msg, e.Advice = "the file system is read-only", "put the database on one that can be written"
	case errors.Is(err, syscall.ENOTDIR):
		e.Msg, e.Advice = fmt.Sprintf("a part of %s is a file, not a folder", dir), "choose another path"
	case errors.Is(err, syscall.ENOSPC):
		e.Msg, e.Advice = "the disk is full", fmt.Sprintf("free some space in %s", dir)
	default:
		e.Msg, e.Advice = err.Error(), "see that the path is right"
	}
	return e
}

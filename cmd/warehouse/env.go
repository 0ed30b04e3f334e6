package main

import (
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"warehouse/runner/engine"
	"warehouse/runner/engine/duckdb"
	"warehouse/runner/engine/trino"
)

// Env is the world outside a command line.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string // NAME=value; of two of one name the last counts
	Now            func() time.Time
	Engines        func() []engine.Engine
	Signals        <-chan os.Signal   // interrupts; nil: none will come
	Exit           func(code int)     // ends the process at once, for a second interrupt
	Chdir          func(string) error // goes into the project's folder; nil: stays
}

// process is the Env of the real process.
func process() Env {
	interrupts := make(chan os.Signal, 4)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	// With a receiver a closed pipe is an error of the write, not the death of
	// the process: a build whose log is cut off by head must not die half-way.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environ: os.Environ(),
		Now:     time.Now,
		Engines: engines,
		Signals: interrupts,
		Exit:    os.Exit,
		Chdir:   os.Chdir,
	}
}

// engines are the databases that this program knows.
func engines() []engine.Engine { return []engine.Engine{duckdb.Engine(), trino.Engine()} }

// lookup finds an environment variable.
func (e Env) lookup(name string) (string, bool) {
	for i := len(e.Environ) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(e.Environ[i], "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// get is lookup for variables whose empty value means the same as none.
func (e Env) get(name string) string {
	v, _ := e.lookup(name)
	return v
}

// isTerminal says whether f is a terminal, for readers and writers alike.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// screenSize is the size of the terminal f in cells, or zeros where it is not
// known.
func screenSize(f any) (cols, rows int) {
	if file, ok := f.(*os.File); ok {
		if w, h, err := term.GetSize(int(file.Fd())); err == nil {
			return w, h
		}
	}
	return 0, 0
}

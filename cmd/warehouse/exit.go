package main

import (
	"context"
	"errors"
	"io"
	"syscall"

	"warehouse/runner/engine"
)

// Exit codes.
const (
	codeOK   = 0
	codeNo   = 1 // the work was done and its answer is no
	codeFail = 2 // not done: usage, project, connection, lock, unknown run
)

// errNo ends a command whose answer is no. All that is to be said was said.
var errNo = errors.New("the answer is no")

// errUsage ends a command line that asked for nothing: the help was printed.
var errUsage = errors.New("usage")

// errInterrupted is what --output json says of a command that was stopped.
var errInterrupted error = interrupted{}

type interrupted struct{}

func (interrupted) Error() string { return "interrupted" }
func (interrupted) Unwrap() error { return context.Canceled }

// end prints what is left to say and returns the exit code.
func (c *cli) end(ctx context.Context, err error) int {
	code := c.exitCode(ctx, err)
	stopped := code >= 128 && isCancelled(err)
	switch {
	case stopped:
		c.log.say("interrupted")
		c.failJSON(errInterrupted)
	case err != nil && !isSaid(err):
		c.log.fail(err)
		c.failJSON(err)
	}
	c.log.close(code)
	return code
}

// isSaid says whether an error needs no words of its own.
func isSaid(err error) bool {
	return errors.Is(err, errNo) || errors.Is(err, errUsage) || errors.Is(err, context.Canceled) || errors.Is(err, syscall.EPIPE)
}

// isCancelled says whether an error is the end of work that was told to stop. The
// engine may say so before the context does.
func isCancelled(err error) bool {
	if errors.Is(err, context.Canceled) {
		return true
	}
	qe, ok := errors.AsType[*engine.QueryError](err)
	return ok && qe.Kind == engine.KindCancelled
}

func (c *cli) exitCode(ctx context.Context, err error) int {
	var qe *engine.QueryError
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return codeOK
	case errors.Is(err, errNo):
		return codeNo
	case ctx.Err() != nil && c.signal() != nil:
		return signalCode(c.signal())
	case errors.As(err, &qe) && qe.Kind == engine.KindDiskFull:
		return codeNo
	}
	return codeFail
}

// results is standard output. It keeps the first error of a write, so that a
// full disk or a closed pipe is noticed once, at the end.
type results struct {
	w      io.Writer
	before func() // takes progress off the screen
	err    error

	written bool // anything
}

func (r *results) Write(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	r.before()
	r.written = true
	n, err := r.w.Write(p)
	if err != nil {
		r.err = err
	}
	return n, err
}

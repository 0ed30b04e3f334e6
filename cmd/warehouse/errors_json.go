package main

import (
	"errors"
	"strings"

	"warehouse/runner"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/project"
	"warehouse/runner/selector"
)

// errorsDoc is what --output json prints where there is no result.
type errorsDoc struct {
	Errors []errorDoc `json:"errors"`
}

type errorDoc struct {
	Kind    string  `json:"kind"`
	Message string  `json:"message"`
	File    *string `json:"file"`
	Line    *int    `json:"line"`
	Column  *int    `json:"column"`
	Advice  *string `json:"advice"`
}

// failJSON prints an error for a program that asked for JSON. After a part of a
// result, as of a query that failed on its way, nothing is printed: two halves
// are no document.
func (c *cli) failJSON(err error) {
	if !c.wantsJSON() || c.out.written || c.out.err != nil {
		return
	}
	doc := errorsDoc{}
	for _, p := range problems(err) {
		doc.Errors = append(doc.Errors, p.json())
	}
	_ = c.printJSON(doc) // a broken pipe: there is nobody to be told
}

// wantsJSON says whether --output json was given, to whatever command.
func (c *cli) wantsJSON() bool {
	if c.command != nil {
		f := c.command.Flags().Lookup("output")
		return f != nil && f.Value.String() == "json"
	}
	for i, arg := range c.args { // it was not read to its end
		if arg == "--output=json" || arg == "--output" && i+1 < len(c.args) && c.args[i+1] == "json" {
			return true
		}
	}
	return false
}

func (p problem) json() errorDoc {
	msg := p.msg
	if p.pos.File != "" {
		msg = strings.TrimPrefix(msg, p.pos.String()+": ")
	}
	return errorDoc{Kind: errorKind(p.err), Message: msg, File: orNull(p.pos.File), Line: orNull(p.pos.Line), Column: orNull(p.pos.Col), Advice: orNull(p.hint)}
}

// orNull is nil for a zero value: null.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// errorKind is a word for what kind of thing is wrong: docs/commands.md lists them.
func errorKind(err error) string {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case isCancelled(err):
		return "interrupted"
	case has[*runner.UsageError](err), has[*history.TagNameError](err):
		return "usage"
	case has[*selector.SyntaxError](err), has[*runner.SelectionError](err):
		return "selection"
	case has[*history.LockTimeoutError](err), has[*engine.LockedError](err):
		return "locked"
	case has[*history.SpecError](err), has[*history.PrunedError](err), is(history.ErrNoRun, history.ErrNoTag, history.ErrNoPublication, history.ErrNoRegister, engine.ErrNotExist, history.ErrNothingBefore):
		return "not found"
	case has[*history.RefusedError](err), has[*runner.RestatedError](err), is(runner.ErrMoved):
		return "refused"
	case has[*history.VersionError](err), history.IsOld(err):
		return "version"
	case has[*engine.OpenError](err):
		return "connection"
	}
	if qe, ok := errors.AsType[*engine.QueryError](err); ok && qe.Kind != "" && qe.Kind != engine.KindOther {
		return string(qe.Kind)
	}
	if has[*diag.Error](err) || is(project.ErrNoProject) {
		return "project"
	}
	return "other"
}

func has[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

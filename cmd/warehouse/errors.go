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

// problem is an error as it is printed.
type problem struct {
	err     error
	pos     diag.Pos
	msg     string
	excerpt string // lines, each indented by four spaces
	hint    string
}

// problems takes an error apart: all of a diag.Errors, all of a joined error,
// otherwise the one.
func problems(err error) []problem {
	var all diag.Errors
	if errors.As(err, &all) {
		out := make([]problem, len(all))
		for i, e := range all {
			out[i] = problemOf(e)
		}
		return out
	}
	if parts := joined(err); parts != nil {
		var out []problem
		for _, e := range parts {
			out = append(out, problems(e)...)
		}
		return out
	}
	return []problem{problemOf(err)}
}

// joined returns the parts of an error that errors.Join made; nil for others.
func joined(err error) []error {
	j, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	texts := []string{}
	for _, e := range j.Unwrap() {
		texts = append(texts, e.Error())
	}
	if err.Error() != strings.Join(texts, "\n") {
		return nil // it says more than its parts
	}
	return j.Unwrap()
}

func problemOf(err error) problem {
	p := problem{err: err, msg: err.Error(), hint: hintOf(err)}
	var placed *diag.Error
	var syntax *selector.SyntaxError
	switch {
	case errors.As(err, &placed):
		p.pos, p.excerpt = placed.Pos, placed.Excerpt()
	case errors.As(err, &syntax):
		e := diag.Error{Pos: diag.Pos{File: "--select", Line: 1}, Source: syntax.Query}
		_, e.Pos.Col = diag.Locate(syntax.Query, syntax.Off)
		p.excerpt = e.Excerpt()
		p.msg = strings.Replace(p.msg, syntax.Error(), "selection: "+syntax.Msg, 1) // the excerpt shows the place
	}
	return p
}

// hints for sentinels, which have none of their own.
var hints = []struct {
	err  error
	hint string
}{
	{project.ErrNoProject, "`warehouse init` makes a project; --project-dir names the folder of one"},
	{history.ErrNoRegister, "`warehouse build` makes the first run"},
	{history.ErrNoTag, "`warehouse tag` lists the tags"},
	{history.ErrNothingBefore, "`warehouse runs` lists all runs"},
	{engine.ErrNotExist, "`warehouse build` makes it"},
	{runner.ErrMoved, "type it again: the preview shows what is live now"},
}

// hintOf is the first hint in an error's chain that says something.
func hintOf(err error) string {
	for e := err; e != nil; {
		if h, ok := e.(interface{ Hint() string }); ok && h.Hint() != "" {
			return h.Hint()
		}
		if many, ok := e.(interface{ Unwrap() []error }); ok {
			for _, part := range many.Unwrap() {
				if h := hintOf(part); h != "" {
					return h
				}
			}
			break
		}
		e = errors.Unwrap(e)
	}
	var spec *history.SpecError
	if errors.As(err, &spec) && len(spec.Candidates) == 0 {
		return "`warehouse runs` lists the runs"
	}
	for _, h := range hints {
		if errors.Is(err, h.err) {
			return h.hint
		}
	}
	return ""
}

func errorText(err error, p paint) string {
	return problemText(err, p.red("error: "), p)
}

func warningText(err error, p paint) string {
	return problemText(err, p.yellow("warning: "), p)
}

func problemText(err error, label string, p paint) string {
	var b strings.Builder
	for _, pr := range problems(err) {
		b.WriteString(label + cleanLines(pr.msg) + "\n")
		if pr.excerpt != "" {
			b.WriteString(cleanLines(strings.TrimRight(pr.excerpt, "\n")) + "\n")
		}
		if pr.hint != "" {
			b.WriteString(p.dim("hint: ") + cleanLines(pr.hint) + "\n")
		}
	}
	return b.String()
}

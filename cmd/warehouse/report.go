package main

import (
	"errors"
	"fmt"
	"strings"

	"warehouse/runner"
	"warehouse/runner/diag"
	"warehouse/runner/history"
)

// printReport prints the outcome of a build or a test: failing rows, then the
// run in a line, then what it means for those who read `latest`.
func (c *cli) printReport(report *runner.Report, output string) error {
	if output == "json" {
		return c.printJSON(reportJSON(report))
	}
	if c.flags.quiet && report.OK() {
		return nil
	}
	return c.print(reportText(report))
}

func reportText(r *runner.Report) string {
	var b strings.Builder
	for _, n := range r.Nodes {
		if n.Status == runner.StatusFail || n.Status == runner.StatusWarn {
			b.WriteString(failingText(n, r.Run))
		}
	}
	if r.TestsOnly {
		s := statsOf(r.Nodes)
		if r.Run.ID == "" {
			fmt.Fprintf(&b, "%d of %s passed in %s\n", s.pass, count(s.total, "unit test"), seconds(r.Elapsed))
			return b.String()
		}
		warned := ""
		if s.warn > 0 {
			warned = fmt.Sprintf(", %d warned,", s.warn)
		}
		fmt.Fprintf(&b, "%s  %s  %d of %s passed%s in %s\n", seqName(r.Run.Seq), r.Run.ID, s.pass, count(s.total, "data test"), warned, seconds(r.Elapsed))
		return b.String()
	}
	if len(r.Nodes) == 0 && r.Publication == 0 && r.Run.Status == history.Success { // a retry of a success
		return fmt.Sprintf("%s  %s  %s: there is nothing to do\n", seqName(r.Run.Seq), r.Run.ID, r.Run.Status)
	}
	fmt.Fprintf(&b, "%s  %s  %s  %s, %s in %s\n", seqName(r.Run.Seq), r.Run.ID, r.Run.Status,
		count(r.Marts, "mart"), count(r.Run.RowCount, "row"), seconds(r.Elapsed))
	b.WriteString(publishedText(r) + aftermathText(r.After))
	if r.EndHooks != nil {
		fmt.Fprintf(&b, "%s, and on-run-end failed: what it did not do is to be done by hand\n", seqName(r.Run.Seq))
	}
	b.WriteString(staleText(r.Unbuilt))
	return b.String()
}

// staleText says which marts read an older run of what was built.
func staleText(stale []runner.Stale) string {
	var b strings.Builder
	for _, s := range stale {
		still, them := "still read", "them"
		if len(s.Models) == 1 {
			still, them = "still reads", "it"
		}
		fmt.Fprintf(&b, "%s %s %s of %s: %s; `--select %s+` rebuilds %s\n", count(len(s.Models), "mart"), still, seqName(s.Seq), clean(s.Model),
			clean(strings.Join(s.Models, ", ")), clean(s.Model), them)
	}
	return b.String()
}

func publishedText(r *runner.Report) string {
	seq := seqName(r.Run.Seq)
	switch {
	case r.Publication != 0 && r.Run.BasePublication == 0:
		return fmt.Sprintf("%s published, %s\n", seq, count(r.Marts, "mart"))
	case r.Publication != 0:
		return fmt.Sprintf("%s published, %s; undo: warehouse rollback\n", seq, count(r.Marts, "mart"))
	case len(r.Restated) > 0:
		e := &runner.RestatedError{Run: r.Run, Found: r.Restated}
		return fmt.Sprintf("%s not published: %s\n%s\n", seq, clean(r.NotBecause), clean(e.Hint()))
	case r.Run.Status == history.Success:
		return fmt.Sprintf("%s not published (%s); publish it: warehouse publish %s\n", seq, clean(r.NotBecause), seq)
	}
	return fmt.Sprintf("%s not published: %s\n", seq, cleanLines(r.NotBecause))
}

// nodeError is a node's error with the node's name, where its place does not
// tell it.
func nodeError(n runner.NodeResult) error {
	var placed *diag.Error
	if errors.As(n.Err, &placed) && placed.Pos.File != "" {
		if isTest(&n) || placed.Pos.File != n.File {
			return &namedError{nodeLabel(&n), n.Err}
		}
		return n.Err
	}
	if n.File == "" {
		return &namedError{nodeLabel(&n), n.Err}
	}
	return &namedError{nodeLabel(&n) + " (" + n.File + ")", n.Err}
}

type namedError struct {
	name string
	err  error
}

func (e *namedError) Error() string { return e.name + ": " + e.err.Error() }
func (e *namedError) Unwrap() error { return e.err }

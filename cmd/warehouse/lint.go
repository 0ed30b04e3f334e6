package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) lintCmd() *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:   "lint [FILE...] [flags]",
		Short: "Find reads that mix runs, and numbers that are not repeatable",
		Long: `Look at the SQL of all models and data tests, or of SQL files, for reads of a mart's table by its
own name without a filter on one run: they count all runs together. Each is an error, and the exit
code is 1. Sums and means over floating point numbers, and NULL columns without a type, are
warnings. Nothing is run, and nothing is written.`,
		Example: `  warehouse lint
  warehouse lint --select marts
  warehouse lint reports/weekly.sql`,
	}
	sel.register(cmd)
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for i := range args {
			args[i] = c.typedPath(args[i])
		}
		filter, err := sel.read(c, cmd)
		if err != nil {
			return err
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		report, err := r.Lint(cmd.Context(), runner.LintOptions{Select: sel.include, Exclude: sel.exclude, Filter: filter, Files: args})
		if err != nil {
			return err
		}
		if output.value == "json" {
			if err := c.printJSON(lintJSON(report)); err != nil {
				return err
			}
		} else if err := c.print(lintText(report)); err != nil {
			return err
		}
		if report.Errors > 0 {
			return errNo
		}
		return nil
	}
	return cmd
}

func lintText(r *runner.LintReport) string {
	text := ""
	for i := range r.Findings {
		if e := &r.Findings[i].Error; e.Warn {
			text += warningText(e, paint{})
		} else {
			text += errorText(e, paint{})
		}
	}
	if n := len(r.Untyped); n > 0 {
		text += fmt.Sprintf("not looked at for float sums, as what they read is not there: %s\n", clean(some3(r.Untyped)))
	}
	return text + fmt.Sprintf("%s, %s in %s\n", count(r.Errors, "error"), count(len(r.Findings)-r.Errors, "warning"), count(r.Nodes, "SQL text"))
}

type lintDoc struct {
	Errors   int          `json:"errors"`
	Warnings int          `json:"warnings"`
	Nodes    int          `json:"nodes"`
	Findings []findingDoc `json:"findings"`
	Untyped  []string     `json:"not_typed"`
}

type findingDoc struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Node     string `json:"node"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
}

func lintJSON(r *runner.LintReport) lintDoc {
	doc := lintDoc{Errors: r.Errors, Warnings: len(r.Findings) - r.Errors, Nodes: r.Nodes, Findings: []findingDoc{}, Untyped: some(r.Untyped)}
	for _, f := range r.Findings {
		severity := "error"
		if f.Warn {
			severity = "warn"
		}
		doc.Findings = append(doc.Findings, findingDoc{string(f.Rule), severity, f.Node, f.Pos.File, f.Pos.Line, f.Pos.Col, f.Msg, f.Advice})
	}
	return doc
}

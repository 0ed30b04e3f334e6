package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) verifyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify [RUN] [flags]",
		Short: "Prove that history was not changed",
		Long: `Count and sum up the rows of all runs anew, or of those that RUN reads, and compare them with
what was recorded when they were written; and hold the register against its own chain of
digests. If anything differs, the exit code is 1.`,
		Example: `  warehouse verify
  warehouse verify latest
  warehouse verify r41 --output json`,
		Args: atMost(1),
	}
	all := cmd.Flags().Bool("all", false, "all runs, as without RUN")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		spec := ""
		if len(args) > 0 {
			spec = args[0]
		}
		if *all && spec != "" {
			return &runner.UsageError{Msg: "both --all and " + spec, Advice: "leave one of them out"}
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		report, err := r.Verify(cmd.Context(), spec)
		if err != nil {
			return err
		}
		if output.value == "json" {
			err = c.printJSON(verifyJSON(report))
		} else {
			for _, what := range report.NotCompared {
				c.log.say("not compared, only counted: " + what)
			}
			err = c.print(verifyText(report))
		}
		if err == nil && len(report.Mismatches) > 0 {
			return errNo
		}
		return err
	}
	return cmd
}

func verifyText(r *runner.VerifyReport) string {
	var b strings.Builder
	for _, m := range r.Mismatches {
		switch {
		case m.What == "register" || m.Mart == "":
			fmt.Fprintf(&b, "register: %s\n", cleanLines(m.Got))
		case m.What == "table":
			fmt.Fprintf(&b, "%s of %s (%s): its rows cannot be read: %s\n", clean(m.Mart), seqName(m.Seq), m.RunID, cleanLines(m.Got))
		default:
			fmt.Fprintf(&b, "%s of %s (%s): %s %s, recorded as %s\n", clean(m.Mart), seqName(m.Seq), m.RunID, m.What, clean(m.Got), clean(m.Want))
		}
	}
	what := fmt.Sprintf("%s, %s, %s", count(r.Runs, "run"), count(r.MartRuns, "mart"), count(r.Rows, "row"))
	if n := len(r.Mismatches); n > 0 {
		fmt.Fprintf(&b, "%s found in %s\n", count(n, "difference"), what)
		return b.String()
	}
	fmt.Fprintf(&b, "%s: all as recorded\n", what)
	return b.String()
}

type verifyDoc struct {
	OK          bool          `json:"ok"`
	Runs        int           `json:"runs"`
	MartRuns    int           `json:"mart_runs"`
	Rows        int64         `json:"row_count"`
	Mismatches  []mismatchDoc `json:"mismatches"`
	NotCompared []string      `json:"not_compared"`
}

type mismatchDoc struct {
	Mart  string `json:"mart,omitempty"`
	RunID string `json:"run_id,omitempty"`
	Seq   int64  `json:"seq,omitempty"`
	What  string `json:"what"`
	Want  string `json:"recorded,omitempty"`
	Got   string `json:"found"`
}

func verifyJSON(r *runner.VerifyReport) verifyDoc {
	doc := verifyDoc{OK: len(r.Mismatches) == 0, Runs: r.Runs, MartRuns: r.MartRuns, Rows: r.Rows, Mismatches: []mismatchDoc{}, NotCompared: some(r.NotCompared)}
	for _, m := range r.Mismatches {
		doc.Mismatches = append(doc.Mismatches, mismatchDoc(m))
	}
	return doc
}

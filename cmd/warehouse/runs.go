package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

// mostRuns are listed where people read.
const mostRuns = 50

func (c *cli) runsCmd() *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "runs [flags]",
		Short: "List the runs, newest first; `runs show` prints one",
		Long:  `List the runs of the target, newest first: what was built when, how it ended, and what points to it.`,
		Example: `  warehouse runs
  warehouse runs --limit 5
  warehouse runs show latest
  warehouse runs --output json`,
		Args: atMost(0),
	}
	cmd.Flags().IntVar(&limit, "limit", mostRuns, "runs at most; 0: all (the default of --output json)")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit < 0 {
			return &runner.UsageError{Msg: fmt.Sprintf("--limit: %d is no number of runs", limit)}
		}
		asked := cmd.Flags().Changed("limit")
		if output.value == "json" && !asked {
			limit = 0
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		ask := limit
		if limit > 0 {
			ask++ // one more says whether there are more
		}
		runs, err := r.Runs(cmd.Context(), ask)
		if err != nil {
			return err
		}
		more := limit > 0 && len(runs) > limit
		if more {
			runs = runs[:limit]
		}
		if output.value == "json" {
			docs := []runDoc{}
			for _, run := range runs {
				docs = append(docs, runJSON(run))
			}
			return c.printJSON(docs)
		}
		if err := c.print(runsText(runs)); err != nil {
			return err
		}
		switch {
		case len(runs) == 0:
			c.log.say("no runs yet; `warehouse build` makes the first one")
		case more && !asked:
			c.log.say(fmt.Sprintf("the newest %d runs; --limit 0 lists all", limit))
		}
		return nil
	}
	cmd.AddCommand(c.runsShowCmd(), c.runsTrendCmd())
	return cmd
}

func runsText(runs []runner.RunLine) string {
	t := table{head: []string{"run", "id", "status", "started (UTC)", "took", "models", "rows", "failed tests", "marks", "command"},
		right: []bool{false, false, false, false, true, true, true, true}}
	for _, r := range runs {
		models := fmt.Sprint(r.ModelsOK)
		if r.ModelsFailed > 0 {
			models = fmt.Sprintf("%d of %d", r.ModelsOK, r.ModelsOK+r.ModelsFailed)
		}
		t.add(seqName(r.Seq), short(r.ID), string(r.Status), instant(r.StartedAt), runTook(r), models, thousands(r.RowCount),
			fmt.Sprint(r.TestsFailed), strings.Join(marks(r), ", "), cut(clean(strings.TrimPrefix(r.Command, "warehouse ")), 60))
	}
	return t.String()
}

func runTook(r runner.RunLine) string {
	if r.FinishedAt.IsZero() {
		return "-"
	}
	return seconds(r.Took().Round(time.Millisecond))
}

// marks say what points to a run.
func marks(r runner.RunLine) []string {
	var out []string
	if r.Live {
		out = append(out, "live")
	}
	if r.Previous {
		out = append(out, "previous")
	}
	return append(out, r.Tags...)
}

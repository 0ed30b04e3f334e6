package main

import (
	"context"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/history"
)

func (c *cli) buildCmd() *cobra.Command {
	var sel selection
	var o runner.BuildOptions
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "build [flags]",
		Short: "Make a new run: build, test, publish",
		Long: `Make a new run: build the selected models in their order, run their data tests, and publish
all of it at once. What is not selected is read from its published run. If a model or a
blocking data test fails, nothing is published and the exit code is 1.`,
		Example: `  warehouse build
  warehouse build --select mart_orders+ tag:nightly --exclude path:models/old
  warehouse build --vars '{min_votes: 5}' --no-publish
  warehouse build --select +mart_orders --dry-run`,
		Args: atMost(0),
	}
	sel.register(cmd)
	f := cmd.Flags()
	f.StringVar(&o.RunID, "run-id", "", "`UUID` of the run; one that was not published is built again from the start")
	f.BoolVarP(&o.FailFast, "fail-fast", "x", false, "stop at the first failure")
	f.BoolVarP(&o.FullRefresh, "full-refresh", "f", false, "build incremental models from nothing")
	eventTimes(f, &o)
	f.BoolVar(&o.NoPublish, "no-publish", false, "keep the run apart: only its id reads it, until it is published")
	f.BoolVar(&o.Reuse, "reuse", false, "do not compute what is unchanged since the published run; says why of each model")
	f.BoolVar(&o.Empty, "empty", false, "build every model without rows")
	storeFailures(f, &o.StoreFailures)
	f.BoolVar(&dryRun, "dry-run", false, "say what would be built, and do nothing")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.Select, o.Exclude = sel.include, sel.exclude
		filter, err := sel.read(c, cmd)
		if err != nil {
			return err
		}
		o.Filter = filter
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		if dryRun {
			plan, err := r.DryRun(cmd.Context(), o)
			if err != nil {
				return err
			}
			return c.printPlan(plan, output.value)
		}
		report, err := r.Build(cmd.Context(), o)
		return c.reported(cmd.Context(), r, report, err, output.value)
	}
	return cmd
}

// reported prints the outcome of a build or a test. With a report its answer
// is yes or no, also if something went wrong on the way.
func (c *cli) reported(ctx context.Context, r *runner.Runner, report *runner.Report, err error, output string) error {
	if report == nil {
		return err
	}
	for _, n := range report.Nodes {
		if n.Err != nil {
			c.log.fail(nodeError(n))
		}
	}
	if report.EndHooks != nil {
		c.log.fail(report.EndHooks)
	}
	if len(report.Nodes) > 0 {
		c.log.done(statsOf(report.Nodes), report.Elapsed)
	}
	c.writeArtifacts(ctx, r, runner.ArtifactOptions{Report: report})
	if perr := c.printReport(report, output); perr != nil {
		return perr
	}
	switch {
	case report.Run.Status == history.Cancelled && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		if !isSaid(err) {
			c.log.fail(err)
		}
		return errNo
	case !report.OK():
		return errNo
	}
	return nil
}

package main

import (
	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) planCmd() *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:   "plan [flags]",
		Short: "Say what a build would do, and why",
		Long: `Say what a build would do, and why: which models are new or render to other SQL than what is
live, what each would read and from which run, and how many rows and how much time it took last.
Nothing is written.`,
		Example: `  warehouse plan
  warehouse plan --select mart_orders+
  warehouse plan --output json`,
		Args: atMost(0),
	}
	sel.register(cmd)
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, err := sel.read(c, cmd)
		if err != nil {
			return err
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		plan, err := r.DryRun(cmd.Context(), runner.BuildOptions{Select: sel.include, Exclude: sel.exclude, Filter: filter})
		if err != nil {
			return err
		}
		return c.printPlan(plan, output.value)
	}
	return cmd
}

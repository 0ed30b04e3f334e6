package main

import (
	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) testCmd() *cobra.Command {
	var sel selection
	var o runner.TestOptions
	cmd := &cobra.Command{
		Use:   "test [flags]",
		Short: "Run data tests on a run that was built",
		Long: `Run data tests on the published run, or on any other. The results are recorded as a new
attempt of that run; no run's status changes and nothing is published. If a data test fails,
the exit code is 1. Unit tests need no run: they are run alone, without a database, by
--select test_type:unit, and with the data tests of what --select names.`,
		Example: `  warehouse test
  warehouse test --run r41
  warehouse test --select mart_orders tag:nightly
  warehouse test --select test_name:unique
  warehouse test --select test_type:unit`,
		Args: atMost(0),
	}
	sel.register(cmd)
	cmd.Flags().StringVar(&o.Run, "run", "", "`run` to test (default: latest)")
	storeFailures(cmd.Flags(), &o.StoreFailures)
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
		report, err := r.Test(cmd.Context(), o)
		return c.reported(cmd.Context(), r, report, err, output.value)
	}
	return cmd
}

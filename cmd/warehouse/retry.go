package main

import "github.com/spf13/cobra"

func (c *cli) retryCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry [RUN]",
		Short: "Go on with a run that failed, crashed or was cancelled",
		Long: `Go on with a run that did not end well, under the same run id, clock, variables and selection.
Finished models whose SQL and inputs did not change are kept, the rest is built; all data tests
run again. Without RUN it is the newest run; of a success there is nothing to do.`,
		Example: `  warehouse retry
  warehouse retry r42`,
		Args: atMost(1),
	}
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		spec := ""
		if len(args) > 0 {
			spec = args[0]
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		report, err := r.Retry(cmd.Context(), spec)
		return c.reported(cmd.Context(), r, report, err, output.value)
	}
	return cmd
}

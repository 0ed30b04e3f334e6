package main

import "github.com/spf13/cobra"

func (c *cli) replayCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay SPEC",
		Short: "Run a run's stored SQL on today's data",
		Long: `Run the SQL that a run recorded, for all its models, on today's data, as a new run that is not
published. The project's files are not looked at. It shows whether a number changed because the
data did; compare the two with diff.`,
		Example: `  warehouse replay previous
  warehouse replay r42`,
		Args: between(1, 1, "a run"),
	}
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		report, err := r.Replay(cmd.Context(), args[0])
		return c.reported(cmd.Context(), r, report, err, output.value)
	}
	return cmd
}

package main

import "github.com/spf13/cobra"

func (c *cli) rollbackCmd() *cobra.Command {
	var yes bool
	var reason string
	cmd := &cobra.Command{
		Use:   "rollback [RUN] [flags]",
		Short: "Go back to what was published before",
		Long: `Let latest read what was published before the live state, or what was published as RUN, all marts
at once. What changes is shown first. No row is touched: it takes as long for a terabyte as for a
kilobyte. Twice goes two steps back.`,
		Example: `  warehouse rollback
  warehouse rollback --yes
  warehouse rollback r40 --yes
  warehouse rollback @2026-11-01T09:00:00Z`,
		Args: atMost(1),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log of publications")
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
		if yes {
			m, p, err := r.Rollback(cmd.Context(), spec, reason)
			return c.movedNow(m, p, err, output.value)
		}
		m, err := r.PlanRollback(cmd.Context(), spec)
		if err != nil {
			return err
		}
		return c.move(cmd.Context(), r, m, reason, output.value)
	}
	return cmd
}

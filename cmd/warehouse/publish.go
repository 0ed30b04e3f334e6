package main

import (
	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) publishCmd() *cobra.Command {
	var o runner.PublishOptions
	var yes bool
	cmd := &cobra.Command{
		Use:   "publish RUN [flags]",
		Short: "Let `latest` read a run",
		Long: `Lay a run's marts over what is live, all at once. What changes is shown first. A run whose inputs
are no longer live is refused, unless --force; one that is not a success, always. Of a run that
was published before, the whole state of that day comes back.`,
		Example: `  warehouse publish r42
  warehouse publish r42 --yes
  warehouse publish r42 --force --reason 'the late vote is known' --yes`,
		Args: between(1, 1, "a run"),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	cmd.Flags().BoolVar(&o.Force, "force", false, "publish although what the run read is no longer live")
	cmd.Flags().StringSliceVar(&o.Accept, "accept", nil, "`MART` whose guards are lifted: the restatement is wanted")
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for the log of publications")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		if yes {
			m, p, err := r.Publish(cmd.Context(), args[0], o)
			return c.movedNow(m, p, err, output.value)
		}
		m, err := r.PlanPublish(cmd.Context(), args[0], o)
		if err != nil {
			return err
		}
		return c.move(cmd.Context(), r, m, o.Reason, output.value)
	}
	return cmd
}

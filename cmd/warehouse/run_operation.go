package main

import (
	"errors"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) runOperationCmd() *cobra.Command {
	var o runner.OperationOptions
	args := varsFlag{flag: "--args"}
	cmd := &cobra.Command{
		Use:   "run-operation MACRO [flags]",
		Short: "Call a macro, which may ask and change the target",
		Long: `Call a macro of the project, or of a package (package.macro), with execute and the target at hand: ref
reads what is published. It makes no run, and what its SQL writes is outside of history. What the macro
print()s goes to standard output, what it log()s to the log.`,
		Example: `  warehouse run-operation grant_select --args '{role: reporter}'
  warehouse run-operation codegen.generate_source --args '{schema_name: raw}'`,
		Args: between(1, 1, "a macro"),
	}
	cmd.Flags().Var(&args, "args", "named arguments of the macro, as YAML or JSON")
	cmd.RunE = func(cmd *cobra.Command, words []string) error {
		o.Macro, o.Args = words[0], args.values
		o.Print = func(msg string) { _, _ = c.out.Write([]byte(cleanLines(msg) + "\n")) } // c.out keeps its first error
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		err = r.RunOperation(cmd.Context(), o)
		var failed *runner.OperationError
		if errors.As(err, &failed) && cmd.Context().Err() == nil {
			c.log.fail(failed.Err)
			return errNo
		}
		return err
	}
	return cmd
}

package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) initCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init [DIR] [flags]",
		Short: "Make a new project that builds at once",
		Long:  `Write a small project into DIR, or into the working folder. Nothing is overwritten.`,
		Example: `  warehouse init shop
  cd shop && warehouse build`,
		Args: atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := c.flags.projectDir
			if len(args) > 0 {
				dir = filepath.Join(dir, args[0])
				if filepath.IsAbs(args[0]) {
					dir = args[0]
				}
			}
			files, err := runner.Init(dir)
			if err != nil {
				return err
			}
			var b strings.Builder
			for _, f := range files {
				b.WriteString(clean(filepath.Join(dir, filepath.FromSlash(f))) + "\n")
			}
			if err := c.print(b.String()); err != nil {
				return err
			}
			if dir == "" || dir == "." {
				c.log.say("next: warehouse build")
			} else {
				c.log.say(fmt.Sprintf("next: cd %s && warehouse build", quote(dir)))
			}
			return nil
		},
	}
	return cmd
}

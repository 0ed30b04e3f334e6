package main

import (
	"strings"

	"github.com/spf13/cobra"
)

func (c *cli) cleanCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "clean [flags]",
		Short: "Delete the files that commands write into the project",
		Long: `Empty the folders of clean-targets (default: target): artifacts, compiled SQL, packages. Databases in
them stay, and so do their runs: prune deletes rows. A folder outside the project, or one that
holds the project's own files, is refused, and then nothing is deleted.`,
		Example: `  warehouse clean`,
		Args:    atMost(0),
	}
	for _, name := range []string{"clean-project-files-only", "no-clean-project-files-only"} {
		cmd.Flags().Bool(name, false, "accepted: what is outside the project is never deleted")
		_ = cmd.Flags().MarkHidden(name)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		did, err := r.Clean(c.flags.artifacts.targetPath)
		var b strings.Builder
		for _, d := range did {
			b.WriteString(clean(d.Folder) + ": " + count(d.Files, "file") + " deleted\n")
			for _, kept := range d.Kept {
				b.WriteString(clean(kept) + ": kept, a database\n")
			}
		}
		if perr := c.print(b.String()); perr != nil {
			return perr
		}
		if err == nil && len(did) == 0 {
			c.log.say("nothing to delete")
		}
		return err
	}
	return cmd
}

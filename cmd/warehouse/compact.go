package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"warehouse/runner/engine"
)

func (c *cli) compactCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compact [flags]",
		Short: "Make the database file smaller",
		Long: `Write the database file anew, without the room that deleted rows left. The new file is written
beside the old one and compared with it, row counts and checksums of every table; only then it
takes its place. Stopped at any moment, one whole database is there. While it runs nobody else can
read the database, and the disk needs room for both files.`,
		Example: `  warehouse compact
  warehouse prune --yes --compact`,
		Args: atMost(0),
	}
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		did, err := r.Compact(cmd.Context())
		if err != nil {
			return err
		}
		if output.value == "json" {
			return c.printJSON(compactDoc{Before: did.Before, After: did.After, Tables: did.Tables, Rows: did.Rows})
		}
		return c.print(compactText(did))
	}
	return cmd
}

func compactText(did engine.Compacted) string {
	return fmt.Sprintf("%s, was %s; %s and %s are as before\n", bytesText(did.After), bytesText(did.Before),
		count(did.Tables, "table"), count(did.Rows, "row"))
}

type compactDoc struct {
	Before int64 `json:"bytes_before"`
	After  int64 `json:"bytes_after"`
	Tables int   `json:"tables"`
	Rows   int64 `json:"rows"`
}

package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) exportCmd() *cobra.Command {
	var o runner.ExportOptions
	format := choice{of: []string{"duckdb", "parquet", "csv"}}
	cmd := &cobra.Command{
		Use:   "export RUN --to PATH [flags]",
		Short: "Write one run's marts into files",
		Long: `Write every mart and view model that RUN shows into files for other programs: one DuckDB database
with a table for each, or a folder with a Parquet or CSV file for each. Marts have their run id
and created-at columns. In CSV, NULL is nothing between two commas and empty text is "".

It is written aside and renamed: a reader finds the earlier export or the new one, never a mix or a
half. An earlier export at PATH is replaced; anything else there is left alone, and nothing is
written.`,
		Example: `  warehouse export latest --to latest.duckdb
  warehouse export latest --format parquet --to parts
  warehouse export r42 --format csv --to out --select mart_orders 'mart_shop*'`,
		Args: between(1, 1, "a run: latest, r42, a tag"),
	}
	cmd.Flags().StringVar(&o.To, "to", "", "`PATH` of the database file, or of the folder")
	cmd.Flags().Var(&format, "format", "what to write (default: duckdb if PATH ends in .duckdb or .db)")
	cmd.Flags().StringArrayVarP(&o.Select, "select", "s", nil, "`marts` to write: names and globs (default: all)")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.Run, o.Format = args[0], format.value
		if o.To == "" {
			return &runner.UsageError{Msg: "export needs a place to write to", Advice: "add --to PATH"}
		}
		if o.Format == "" {
			switch ext := strings.ToLower(filepath.Ext(o.To)); ext {
			case ".duckdb", ".db":
				o.Format = "duckdb"
			default:
				return &runner.UsageError{Msg: "export needs a format", Advice: "add --format duckdb, parquet or csv"}
			}
		}
		o.To = c.typedPath(o.To)
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		did, err := r.Export(cmd.Context(), o)
		if err != nil {
			return err
		}
		if output.value == "json" {
			return c.printJSON(exportJSON(did))
		}
		return c.print(exportText(did))
	}
	return cmd
}

func exportText(e *runner.Exported) string {
	t := table{head: []string{"mart", "run", "rows", "file"}, right: []bool{2: true}}
	for _, m := range e.Marts {
		t.add(m.Mart, m.RunID, thousands(m.Rows), m.File)
	}
	verb := "written to"
	if e.Replaced {
		verb = "replaced in"
	}
	return t.String() + fmt.Sprintf("%s, %s %s %s\n", count(len(e.Marts), "mart"), count(e.Rows, "row"), verb, clean(e.To))
}

type exportDoc struct {
	RunID    string                `json:"run_id"`
	Format   string                `json:"format"`
	To       string                `json:"to"`
	Replaced bool                  `json:"replaced"`
	Rows     int64                 `json:"rows"`
	Marts    []runner.ExportedMart `json:"marts"`
}

func exportJSON(e *runner.Exported) exportDoc {
	return exportDoc{e.RunID, e.Format, e.To, e.Replaced, e.Rows, e.Marts}
}

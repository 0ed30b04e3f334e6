package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/engine"
)

func (c *cli) showCmd() *cobra.Command {
	var sel selection
	var o runner.PreviewOptions
	cmd := &cobra.Command{
		Use:   "show [flags]",
		Short: "Print the first rows of a model as its file is now",
		Long: `Run a model's SQL as its file is now, over the published rows of what it reads, and print the first
rows. Nothing is built or written. A seed shows its published rows, a data test what it finds, an
incremental model all its rows. ` + "`query`" + ` reads what was built.`,
		Example: `  warehouse show --select mart_orders
  warehouse show --inline "select count(*) from {{ ref('mart_orders') }}"
  warehouse show --select mart_orders --limit 20 --output json`,
		Args: atMost(0),
	}
	sel.register(cmd)
	cmd.Flags().StringVar(&o.Inline, "inline", "", "a `template` to run instead of files")
	cmd.Flags().IntVar(&o.Limit, "limit", 5, "rows at most; -1: all")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if o.Filter, err = sel.read(c, cmd); err != nil {
			return err
		}
		o.Select, o.Exclude = sel.include, sel.exclude
		switch {
		case o.Inline != "" && (len(o.Select)+len(o.Exclude) > 0 || o.Filter.Selector != ""):
			return &runner.UsageError{Msg: "--inline is a text of its own: it cannot be combined with --select or --exclude"}
		case cmd.Flags().Changed("inline") && strings.TrimSpace(o.Inline) == "":
			return &runner.UsageError{Msg: "--inline is empty", Advice: "usage: warehouse show --inline 'select …'"}
		case o.Limit < -1:
			return &runner.UsageError{Msg: fmt.Sprintf("--limit: %d is no number of rows", o.Limit)}
		case o.Limit == -1:
			o.Limit = 0
		case o.Limit == 0:
			return &runner.UsageError{Msg: "--limit: 0 rows would show nothing", Advice: "-1 shows all rows"}
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		out := bufio.NewWriterSize(c.out, 1<<16)
		err = r.Preview(cmd.Context(), o, shower(out, output.value))
		if ferr := out.Flush(); ferr != nil {
			return ferr
		}
		return err
	}
	return cmd
}

// shower prints nodes one after another. As JSON each is an object in the shape
// of dbt's: {"node": …, "show": [rows]}.
func shower(w *bufio.Writer, form string) runner.PreviewTo {
	var rows rowWriter
	n, node := 0, ""
	return runner.PreviewTo{
		Node: func(name string) error { node = name; return nil },
		Head: func(columns []engine.Column) error {
			rows = newRowWriter(form, w)
			n++
			switch {
			case form == "json" && node == "":
				_, _ = w.WriteString(`{"show": `)
			case form == "json":
				key, err := jsonText(node)
				if err != nil {
					return err
				}
				_, _ = w.WriteString(`{"node": ` + key + `, "show": `)
			case node != "":
				if n > 1 {
					_ = w.WriteByte('\n')
				}
				_, _ = w.WriteString(clean(node) + ":\n")
			}
			return rows.head(columns)
		},
		Row: func(cells []*string) error { return rows.row(cells) },
		End: func() error {
			err := rows.end()
			if form == "json" {
				_, err = w.WriteString("}\n") // a bufio.Writer keeps its first error
			}
			return err
		},
	}
}

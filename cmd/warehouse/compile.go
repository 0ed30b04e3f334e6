package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) compileCmd() *cobra.Command {
	var sel selection
	var o runner.CompileOptions
	cmd := &cobra.Command{
		Use:   "compile [flags]",
		Short: "Print the SQL that templates become",
		Long: `Print the SQL that models and data tests become, without touching the target. Secrets are printed as
references. A model whose SQL depends on the results of queries is printed as it is without them.
Each ref is printed as the view of what is published, so that the SQL runs in any program that has
the database open; those views show the run id and the time, which a build hides from it.`,
		Example: `  warehouse compile --select mart_orders
  warehouse compile --inline "select count(*) from {{ ref('mart_orders') }}"
  warehouse compile --output json`,
		Args: atMost(0),
	}
	sel.register(cmd)
	cmd.Flags().StringVar(&o.Inline, "inline", "", "a `template` to compile instead of files")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.Select, o.Exclude = sel.include, sel.exclude
		if o.Inline != "" && (len(o.Select) > 0 || len(o.Exclude) > 0) {
			return &runner.UsageError{Msg: "--inline is a text of its own: it cannot be combined with --select or --exclude"}
		}
		filter, err := sel.read(c, cmd)
		if err != nil {
			return err
		}
		o.Filter = filter
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		nodes, err := r.Compile(cmd.Context(), o)
		if err != nil {
			return err
		}
		if o.Inline == "" {
			c.writeArtifacts(cmd.Context(), r, runner.ArtifactOptions{Compiled: nodes})
		}
		if output.value == "json" {
			docs := []compiledDoc{}
			for _, n := range nodes {
				docs = append(docs, compiledDoc{n.ID, n.Name, n.Resource, n.File, n.SQL})
			}
			return c.printJSON(docs)
		}
		return c.print(compiledText(nodes))
	}
	return cmd
}

type compiledDoc struct {
	ID       string `json:"unique_id,omitempty"`
	Name     string `json:"name"`
	Resource string `json:"resource_type,omitempty"`
	File     string `json:"original_file_path,omitempty"`
	SQL      string `json:"compiled_code"`
}

func compiledText(nodes []runner.Compiled) string {
	var b strings.Builder
	for i, n := range nodes {
		if i > 0 {
			b.WriteString("\n")
		}
		if n.ID != "" {
			fmt.Fprintf(&b, "-- %s %s (%s)\n", clean(n.Resource), clean(n.Name), clean(n.File))
		}
		b.WriteString(cleanLines(strings.TrimSpace(n.SQL)) + "\n")
	}
	return b.String()
}

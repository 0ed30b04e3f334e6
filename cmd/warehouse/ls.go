package main

import (
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

func (c *cli) lsCmd() *cobra.Command {
	var sel selection
	var types []string
	cmd := &cobra.Command{
		Use:     "ls [flags]",
		Aliases: []string{"list"},
		Short:   "List models, data tests and sources",
		Long: `List what a selection names: models, data tests and sources, in the order of the graph. Each line can be
given to --select.`,
		Example: `  warehouse ls
  warehouse ls --select +mart_orders --resource-type model
  warehouse ls --select tag:nightly,path:models/marts --output json`,
		Args: atMost(0),
	}
	sel.register(cmd)
	cmd.Flags().StringArrayVar(&types, "resource-type", nil, "only these `types`: model, test, source, all")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, t := range types {
			if err := (&choice{of: []string{"model", "test", "source", "seed", "snapshot", "unit_test", "exposure", "all"}}).Set(t); err != nil {
				return flagValueError("--resource-type", err)
			}
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		nodes, err := r.List(cmd.Context(), runner.ListOptions{Select: sel.include, Exclude: sel.exclude, ResourceTypes: types})
		if err != nil {
			return err
		}
		if output.value == "json" {
			return c.printJSON(some(nodes))
		}
		return c.print(listText(nodes))
	}
	return cmd
}

// listText has a selector a line, as dbt lists nodes.
func listText(nodes []runner.Listed) string {
	var b strings.Builder
	for _, n := range nodes {
		name := strings.Join(n.FQN, ".")
		if n.Resource == "source" {
			name = "source:" + name
		}
		if len(n.FQN) == 0 {
			name = n.Name
		}
		b.WriteString(clean(name) + "\n")
	}
	return b.String()
}

package main

import (
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

// seedCmd is build, of seeds alone.
func (c *cli) seedCmd() *cobra.Command {
	var sel selection
	var o runner.BuildOptions
	var fullRefresh bool
	cmd := &cobra.Command{
		Use:   "seed [flags]",
		Short: "Make a new run of the seeds alone",
		Long: `Make a new run of the project's CSV files: load the selected seeds, run their data tests, and
publish them. It is build --select resource_type:seed. What reads them is not built.`,
		Example: `  warehouse seed
  warehouse seed --select countries
  warehouse build --select resource_type:seed+`,
		Args: atMost(0),
	}
	sel.register(cmd)
	f := cmd.Flags()
	f.StringVar(&o.RunID, "run-id", "", "`UUID` of the run; one that was not published is built again from the start")
	f.BoolVarP(&o.FailFast, "fail-fast", "x", false, "stop at the first failure")
	f.BoolVar(&o.NoPublish, "no-publish", false, "keep the run apart: only its id reads it, until it is published")
	f.BoolVarP(&fullRefresh, "full-refresh", "f", false, "accepted for habit's sake: a seed is always loaded anew")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, err := sel.read(c, cmd)
		if err != nil {
			return err
		}
		o.Select, o.Exclude, o.Filter = sel.onlyOf("seed", &filter), sel.exclude, filter
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		report, err := r.Build(cmd.Context(), o)
		return c.reported(cmd.Context(), r, report, err, output.value)
	}
	return cmd
}

// onlyOf narrows what is selected, by words or by a selector, to one kind.
func (s *selection) onlyOf(resource string, f *runner.Filter) []string {
	if f.Selector == "" || len(s.include) > 0 {
		return onlyOf(resource, s.include)
	}
	named := "selector:" + f.Selector
	f.Selector = ""
	return onlyOf(resource, []string{named})
}

// onlyOf narrows each part of a selection to one kind of resource.
func onlyOf(resource string, include []string) []string {
	kind := "resource_type:" + resource
	var out []string
	for _, text := range include {
		for _, part := range strings.Fields(text) {
			out = append(out, part+","+kind)
		}
	}
	if len(out) == 0 {
		return []string{kind}
	}
	return out
}

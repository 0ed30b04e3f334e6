package main

import (
	"github.com/spf13/cobra"

	"warehouse/runner"
)

// ofKind makes a command that is build, of one kind of resource alone.
func (c *cli) ofKind(name, resource, short, long string) *cobra.Command {
	var sel selection
	var o runner.BuildOptions
	cmd := &cobra.Command{Use: name + " [flags]", Short: short, Long: long, Args: atMost(0),
		Example: "  warehouse " + name + "\n  warehouse " + name + " --select tag:nightly"}
	sel.register(cmd)
	f := cmd.Flags()
	f.StringVar(&o.RunID, "run-id", "", "`UUID` of the run; one that was not published is built again from the start")
	f.BoolVarP(&o.FailFast, "fail-fast", "x", false, "stop at the first failure")
	f.BoolVarP(&o.FullRefresh, "full-refresh", "f", false, "build incremental models from nothing")
	eventTimes(f, &o)
	f.BoolVar(&o.NoPublish, "no-publish", false, "keep the run apart: only its id reads it, until it is published")
	f.BoolVar(&o.Empty, "empty", false, "build every model without rows")
	storeFailures(f, &o.StoreFailures)
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, err := sel.read(c, cmd)
		if err != nil {
			return err
		}
		o.Select, o.Exclude, o.Filter = sel.onlyOf(resource, &filter), sel.exclude, filter
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		if name == "run" {
			c.log.say("data tests of what is built run too: without them nothing is published")
		}
		report, err := r.Build(cmd.Context(), o)
		return c.reported(cmd.Context(), r, report, err, output.value)
	}
	return cmd
}

func (c *cli) runCmd() *cobra.Command {
	return c.ofKind("run", "model", "Make a new run of the models alone, without the seeds", `Make a new run of the models alone: it is build --select resource_type:model. Their data tests run
too, because a run is published only when its blocking data tests passed. Seeds are read from
their published run: build, or seed, loads them.`)
}

func (c *cli) snapshotCmd() *cobra.Command {
	return c.ofKind("snapshot", "snapshot", "Make a new run of the snapshots alone", `Make a new run of the snapshots alone: it is build --select resource_type:snapshot. Each takes the
published rows of itself, and what its SELECT returns now; --full-refresh does not make it forget.
Their data tests run too. What they read is not built.`)
}

// cloneCmd is a word of dbt's for which there is nothing to do.
func (c *cli) cloneCmd() *cobra.Command {
	return &cobra.Command{Use: "clone", Hidden: true, Short: "Not needed", Args: cobra.ArbitraryArgs,
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true}, // whatever dbt's has
		RunE: func(*cobra.Command, []string) error {
			return &runner.UsageError{Msg: "clone is not needed: what a build does not select is read from its published run",
				Advice: "`warehouse tag latest NAME` keeps a run under a name; `warehouse export latest --to PATH` copies it"}
		}}
}

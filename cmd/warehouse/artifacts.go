package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"warehouse/runner"
)

// artifactFlags say where the files go that dbt's users and tools read.
type artifactFlags struct {
	targetPath    string
	write, silent bool
}

func (a *artifactFlags) register(f *pflag.FlagSet) {
	f.StringVar(&a.targetPath, "target-path", "", "`folder` for manifest.json, run_results.json, catalog.json and compiled SQL (default: target)")
	f.BoolVar(&a.write, "write-json", true, "write those files")
	f.BoolVar(&a.silent, "no-write-json", false, "do not write those files")
	_ = f.MarkHidden("no-write-json")
}

// writeArtifacts writes the files of a command that has done its work. That
// they cannot be written is worth a warning: the work is done.
func (c *cli) writeArtifacts(ctx context.Context, r *runner.Runner, o runner.ArtifactOptions) {
	a := &c.flags.artifacts
	if !a.write || a.silent {
		return
	}
	o.Dir, o.Which, o.InvocationID = a.targetPath, c.command.Name(), c.runID
	if c.mask.r != nil {
		o.MaskJSON, o.MaskText = c.mask.json, c.mask.text
	}
	if err := r.WriteArtifacts(context.WithoutCancel(ctx), o); err != nil {
		c.log.warn(fmt.Errorf("the files in %s are not up to date: %w", a.shown(), err))
	}
}

func (a *artifactFlags) shown() string {
	if a.targetPath == "" {
		return "target"
	}
	return a.targetPath
}

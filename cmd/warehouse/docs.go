package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

// docsCmd holds what makes files for catalogues.
func (c *cli) docsCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "docs", Short: "`docs generate` writes manifest.json and catalog.json",
		Long: "Files for programs that show a project's models and columns.", Args: between(1, 0, "a command: generate"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(c.generateCmd(), &cobra.Command{Use: "serve", Hidden: true, Short: "Not here", Args: cobra.ArbitraryArgs,
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE: func(*cobra.Command, []string) error {
			return &runner.UsageError{Msg: "docs serve is not here",
				Advice: "`warehouse docs generate` writes target/manifest.json and target/catalog.json, which dbt's index.html and data catalogues read"}
		}})
	return cmd
}

func (c *cli) generateCmd() *cobra.Command {
	var sel selection
	var o runner.CatalogOptions
	var noCompile bool
	cmd := &cobra.Command{
		Use:   "generate [flags]",
		Short: "Write manifest.json and catalog.json",
		Long: `Write target/manifest.json, with the SQL of each model, and target/catalog.json: the columns of what
is published, from the register, and of the sources, which are described and not read. A build
writes both, too, but its catalog has no sources.`,
		Example: `  warehouse docs generate
  warehouse docs generate --select +mart_orders`,
		Args: atMost(0),
	}
	sel.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&noCompile, "no-compile", false, "leave the SQL of models out of manifest.json")
	f.BoolVar(&o.Empty, "empty-catalog", false, "look at nothing: a catalog.json without tables")
	f.Bool("compile", true, "the default")
	_ = f.MarkHidden("compile")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if o.Filter, err = sel.read(c, cmd); err != nil {
			return err
		}
		o.Select, o.Exclude = sel.include, sel.exclude
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		var compiled []runner.Compiled
		if compile, _ := cmd.Flags().GetBool("compile"); compile && !noCompile {
			if compiled, err = r.Compile(cmd.Context(), runner.CompileOptions{}); err != nil {
				return err
			}
		}
		rep, err := r.Catalog(cmd.Context(), o)
		if err != nil {
			return err
		}
		for _, err := range rep.Errors {
			c.log.fail(err)
		}
		c.writeArtifacts(cmd.Context(), r, runner.ArtifactOptions{Compiled: compiled, Catalog: rep})
		if err := c.print(fmt.Sprintf("%s/catalog.json: %s, %s\n", clean(c.targetPath(r)), count(rep.Models, "model"), count(rep.Sources, "source"))); err != nil {
			return err
		}
		if len(rep.Errors) > 0 {
			return errNo
		}
		return nil
	}
	return cmd
}

// targetPath is where artifacts go, as it was said.
func (c *cli) targetPath(r *runner.Runner) string {
	if p := c.flags.artifacts.targetPath; p != "" {
		return p
	}
	return r.Project().TargetPath
}

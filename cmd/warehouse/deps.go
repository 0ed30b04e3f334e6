package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/deps"
	"warehouse/runner/project"
)

func (c *cli) depsCmd() *cobra.Command {
	o := deps.Options{Environ: c.env.Environ}
	cmd := &cobra.Command{
		Use:   "deps [flags]",
		Short: "Install the packages that packages.yml asks for",
		Long: `Install the packages that packages.yml or dependencies.yml asks for, and those that they ask for, into
dbt_packages, and pin them in packages.lock. What the lock file pins is installed as pinned: a branch or tag that
has moved is taken by --upgrade alone. Local packages are read where they are; packages of dbt's hub are found where
dbt has put them, or written as git packages.`,
		Example: `  warehouse deps
  warehouse deps --upgrade`,
		Args: atMost(0),
	}
	cmd.Flags().BoolVar(&o.Upgrade, "upgrade", false, "find out anew what branches and tags are, and pin that")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.Project = project.Options{Dir: c.projectDir(), Vars: c.flags.vars.values, LookupEnv: c.env.lookup}
		res, err := deps.Install(cmd.Context(), o)
		if err != nil {
			return err
		}
		for _, w := range res.Warnings {
			c.log.event(runner.Event{Kind: runner.EventWarning, Err: w, Time: c.env.Now()})
		}
		if output.value == "json" {
			docs := []packageDoc{}
			for _, k := range res.Packages {
				docs = append(docs, packageDoc{k.Name, k.Kind, k.Shown, k.Dir, k.Revision, k.Commit, k.Tree, !k.Kept && k.Tree != ""})
			}
			return c.printJSON(docs)
		}
		return c.print(depsText(res))
	}
	return cmd
}

type packageDoc struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	From      string `json:"from"`
	Dir       string `json:"path"`
	Revision  string `json:"revision,omitempty"`
	Commit    string `json:"commit,omitempty"`
	Tree      string `json:"tree,omitempty"`
	Installed bool   `json:"installed"`
}

func depsText(res *deps.Result) string {
	if len(res.Packages)+len(res.Removed) == 0 {
		return "no packages: packages.yml asks for none\n"
	}
	t := table{head: []string{"package", "from", "revision", "commit", "status"}}
	for _, k := range res.Packages {
		status := "installed"
		switch {
		case k.Kind == project.DepLocal:
			status = "read where it is"
		case k.Kept:
			status = "there already"
		}
		t.add(k.Name, k.Shown, orDash(k.Revision), orDash(k.Commit[:min(len(k.Commit), 10)]), status)
	}
	var b strings.Builder
	b.WriteString(t.String())
	for _, name := range res.Removed {
		fmt.Fprintf(&b, "%s is removed: nothing asks for it\n", clean(name))
	}
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/diag"
	"warehouse/runner/history"
)

func (c *cli) untagCmd() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "untag NAME [flags]",
		Short: "Remove a tag",
		Long:  `Remove a tag and its schema of views. No run is removed, but one that nothing else points to may be pruned.`,
		Example: `  warehouse untag baseline
  warehouse untag baseline --yes`,
		Args: between(1, 1, "the name of a tag"),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		r, err := c.open(ctx)
		if err != nil {
			return err
		}
		tags, err := r.Tags(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(tags, func(t history.Tag) bool { return t.Name == args[0] })
		if i < 0 {
			return noSuchTag(args[0], tags)
		}
		if output.value == "text" {
			if err := c.print(fmt.Sprintf("untag %s  run %s\n", clean(args[0]), tags[i].RunID)); err != nil {
				return err
			}
		}
		if ok, err := c.confirm(ctx, "remove it?", yes); err != nil || !ok {
			return c.notDone(err)
		}
		if err := r.Untag(ctx, args[0]); err != nil {
			return err
		}
		if output.value == "json" {
			return c.printJSON(tagJSON(tags[i]))
		}
		return c.print(fmt.Sprintf("%s removed\n", clean(args[0])))
	}
	return cmd
}

func noSuchTag(name string, tags []history.Tag) error {
	var names []string
	for _, t := range tags {
		names = append(names, t.Name)
	}
	e := &runner.UsageError{Msg: fmt.Sprintf("there is no tag %q", name), Advice: "`warehouse tag` lists the tags"}
	if near := diag.Nearest(name, names); near != "" {
		e.Msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return e
}

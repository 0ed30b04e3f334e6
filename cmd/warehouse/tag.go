package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/history"
)

func (c *cli) tagCmd() *cobra.Command {
	var o runner.TagOptions
	var yes bool
	cmd := &cobra.Command{
		Use:   "tag [RUN NAME] [flags]",
		Short: "Name a run and keep it; without arguments, list the tags",
		Long: `Give a run a name. Its marts can be read as NAME.mart by any SQL client, and it is never pruned.
Without arguments, list the tags.`,
		Example: `  warehouse tag
  warehouse tag latest baseline --note 'before the new prior'
  warehouse tag r42 baseline --move --yes`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return between(2, 2, "a run and a name, or no arguments to list the tags")(cmd, args)
			}
			return atMost(2)(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&o.Move, "move", false, "move a tag that is there already")
	cmd.Flags().StringVar(&o.Note, "note", "", "what it is for")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		if len(args) == 0 {
			tags, err := r.Tags(ctx)
			if err != nil {
				return err
			}
			return c.printTags(tags, output.value)
		}
		spec, name := args[0], args[1]
		if !yes {
			page, err := r.Show(ctx, spec)
			if err != nil {
				return err
			}
			if err := r.MayTag(ctx, name, o); err != nil {
				return err
			}
			if output.value == "text" {
				if err := c.print(fmt.Sprintf("tag %s  %s  %s as %s\n", seqName(page.Seq), page.ID, page.Status, clean(name))); err != nil {
					return err
				}
			}
			if ok, err := c.confirm(ctx, "tag it?", false); err != nil || !ok {
				return c.notDone(err)
			}
		}
		t, err := r.Tag(ctx, spec, name, o)
		if err != nil {
			return err
		}
		if output.value == "json" {
			return c.printJSON(tagJSON(t))
		}
		return c.print(fmt.Sprintf("%s is run %s; read it as %s.MART\n", clean(t.Name), t.RunID, schemaName(t.Name)))
	}
	return cmd
}

func (c *cli) printTags(tags []history.Tag, output string) error {
	if output == "json" {
		docs := []tagDoc{}
		for _, t := range tags {
			docs = append(docs, tagJSON(t))
		}
		return c.printJSON(docs)
	}
	if len(tags) == 0 {
		c.log.say("no tags; `warehouse tag RUN NAME` makes one")
		return nil
	}
	tab := table{head: []string{"tag", "run", "made (UTC)", "by", "note"}}
	for _, t := range tags {
		tab.add(t.Name, t.RunID, instant(t.CreatedAt), t.CreatedBy, t.Note)
	}
	return c.print(tab.String())
}

type tagDoc struct {
	Tag         string  `json:"tag"`
	RunID       string  `json:"run_id"`
	Publication int64   `json:"publication,omitempty"`
	CreatedAt   *string `json:"created_at"`
	CreatedBy   string  `json:"created_by"`
	Note        string  `json:"note"`
}

func tagJSON(t history.Tag) tagDoc {
	return tagDoc{t.Name, t.RunID, t.Publication, jsonTime(t.CreatedAt), t.CreatedBy, t.Note}
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// schemaName is a tag's schema as SQL needs it: quoted where it must be.
func schemaName(tag string) string {
	if plainName.MatchString(tag) {
		return tag
	}
	return `"` + strings.ReplaceAll(clean(tag), `"`, `""`) + `"`
}

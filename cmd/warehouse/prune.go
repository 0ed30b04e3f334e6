package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/project"
)

func (c *cli) pruneCmd() *cobra.Command {
	var o runner.PruneOptions
	var yes, dry, compact bool
	cmd := &cobra.Command{
		Use:   "prune [flags]",
		Short: "Delete the rows of old runs, by the rules of retention",
		Long: `Delete the rows of runs that no rule of retention keeps. What would go is shown first. The rules
are those of project.yml, or of the flags; a mart with rules of its own keeps them. What is
published, what was before it, what has a tag, and what those were built from always stays. The
register keeps every run: one without rows is called pruned, and its id is never used again.

The file does not get smaller, but the room is used again; compact makes it smaller.`,
		Example: `  warehouse prune --dry-run
  warehouse prune --yes
  warehouse prune --keep-last 5 --keep-for 30d
  warehouse prune --yes --compact`,
		Args: atMost(0),
	}
	cmd.Flags().Var(&lastFlag{&o.KeepLast}, "keep-last", "keep the newest `N` runs of each mart")
	cmd.Flags().Var(&ageFlag{&o.KeepFor}, "keep-for", "keep what is younger than `AGE`: 12h, 30d, 6mo, 1y")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show what would go, and delete nothing")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	cmd.Flags().BoolVar(&compact, "compact", false, "make the file smaller afterwards")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		r, err := c.open(ctx)
		if err != nil {
			return err
		}
		plan, err := r.PlanPrune(ctx, o)
		if err != nil {
			return err
		}
		if plan.Unread != nil {
			c.log.say("the models cannot be read; marts' own rules are taken from their newest runs")
		}
		if !plan.Configured() {
			c.log.say("no retention is configured: everything is kept; add `retention: {keep_last: 20, daily: 30d}` to project.yml, or give --keep-last or --keep-for")
		}
		return c.prune(ctx, r, plan, pruneFlags{yes: yes, dry: dry, compact: compact, output: output.value})
	}
	return cmd
}

type pruneFlags struct {
	yes, dry, compact bool
	output            string
}

// prune shows a plan, and does it if that is wanted.
func (c *cli) prune(ctx context.Context, r *runner.Runner, plan *runner.PrunePlan, f pruneFlags) error {
	doc := pruneJSON(plan)
	if f.output == "text" {
		if err := c.print(pruneText(plan)); err != nil {
			return err
		}
	}
	if f.dry || plan.Nothing() && !f.compact {
		if f.output == "json" {
			return c.printJSON(doc)
		}
		return nil
	}
	if ok, err := c.confirm(ctx, "delete it?", f.yes || plan.Nothing()); err != nil || !ok {
		if f.output == "json" {
			if perr := c.printJSON(doc); perr != nil {
				return perr
			}
		}
		return c.notDone(err)
	}
	if !plan.Nothing() {
		did, err := r.Prune(ctx, plan)
		if err != nil {
			return err
		}
		doc.Done, doc.DeletedRows = true, did.Rows
		if f.output == "text" {
			if err := c.print(fmt.Sprintf("pruned %s of %s; %s deleted\n", count(did.Marts, "mart"), count(did.Runs, "run"), count(did.Rows, "row"))); err != nil {
				return err
			}
		}
	}
	if f.compact {
		did, err := r.Compact(ctx)
		if err != nil {
			return err
		}
		doc.Compacted = &compactDoc{Before: did.Before, After: did.After, Tables: did.Tables, Rows: did.Rows}
		if f.output == "text" {
			return c.print(compactText(did))
		}
	}
	if f.output == "json" {
		return c.printJSON(doc)
	}
	return nil
}

// mostMarts are named of a run.
const mostMarts = 5

func pruneText(p *runner.PrunePlan) string {
	var b strings.Builder
	if p.Configured() {
		fmt.Fprintf(&b, "rules: %s\n", clean(p.Text()))
	}
	if len(p.Runs) > 0 {
		t := table{head: []string{"goes", "id", "status", "started (UTC)", "rows", "marts"}, right: []bool{4: true}, indent: "  "}
		for _, run := range p.Runs {
			rows := int64(0)
			var names []string
			for _, m := range run.Marts {
				rows += max(m.Rows, 0)
				names = append(names, m.Mart)
			}
			marts := some3(names)
			if run.Whole {
				marts += " (all)"
			}
			t.add(seqName(run.Run.Seq), run.Run.ID, string(run.Run.Status), instant(run.Run.StartedAt), thousands(rows), marts)
		}
		b.WriteString(t.String())
	}
	if len(p.Leftover) > 0 {
		rows := int64(0)
		for _, m := range p.Leftover {
			rows += m.Rows
		}
		fmt.Fprintf(&b, "  left by a prune that was interrupted: %s\n", count(rows, "row"))
	}
	if len(p.Kept) > 0 {
		t := table{head: []string{"stays", "status", "started (UTC)", "marts", "because"}, right: []bool{3: true}, indent: "  "}
		for _, k := range p.Kept {
			t.add(seqName(k.Run.Seq), string(k.Run.Status), instant(k.Run.StartedAt), thousands(int64(k.Marts)), strings.Join(k.Why, ", "))
		}
		b.WriteString(t.String())
	}
	if p.Nothing() {
		b.WriteString("nothing goes\n")
		return b.String()
	}
	fmt.Fprintf(&b, "goes: %s of %s, %s", count(p.Marts, "mart"), count(len(p.Runs), "run"), count(p.Rows, "row"))
	if p.Bytes >= 0 {
		fmt.Fprintf(&b, ", about %s", bytesText(p.Bytes))
	}
	b.WriteString("\n")
	return b.String()
}

// some3 names the first few of a list.
func some3(names []string) string {
	if len(names) > mostMarts {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostMarts], ", "), len(names)-mostMarts)
	}
	return strings.Join(names, ", ")
}

// bytesText writes a size: 812 B, 4.2 MB, 1.3 GB.
func bytesText(n int64) string {
	const unit = 1000
	if n < unit {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, i := float64(n)/unit, 0
	for v >= unit && i < 3 {
		v, i = v/unit, i+1
	}
	return fmt.Sprintf("%.1f %s", v, []string{"kB", "MB", "GB", "TB"}[i])
}

type pruneDoc struct {
	Done        bool          `json:"done"`
	Rules       []ruleDoc     `json:"rules"`
	Prunes      []pruneRunDoc `json:"prunes"`
	Keeps       []keptDoc     `json:"keeps"`
	Leftover    int64         `json:"leftover_rows"`
	Marts       int           `json:"marts"`
	Rows        int64         `json:"rows"`
	Bytes       *int64        `json:"bytes"`
	DeletedRows int64         `json:"deleted_rows"`
	Compacted   *compactDoc   `json:"compacted,omitempty"`
}

type ruleDoc struct {
	Mart  string  `json:"mart,omitempty"`
	Rules *string `json:"rules"`
}

type pruneRunDoc struct {
	RunID  string         `json:"run_id"`
	Run    string         `json:"run"`
	Status string         `json:"status"`
	Whole  bool           `json:"whole"`
	Marts  []pruneMartDoc `json:"marts"`
}

type pruneMartDoc struct {
	Mart  string `json:"mart"`
	Rows  *int64 `json:"rows"`
	Bytes *int64 `json:"bytes"`
}

type keptDoc struct {
	RunID  string   `json:"run_id"`
	Run    string   `json:"run"`
	Status string   `json:"status"`
	Marts  int      `json:"marts"`
	Why    []string `json:"because"`
}

func pruneJSON(p *runner.PrunePlan) pruneDoc {
	doc := pruneDoc{Rules: []ruleDoc{}, Prunes: []pruneRunDoc{}, Keeps: []keptDoc{}, Marts: p.Marts, Rows: p.Rows, Bytes: known(p.Bytes)}
	for _, r := range p.Rules {
		d := ruleDoc{Mart: r.Mart}
		if r.Rules != nil {
			text := r.Rules.String()
			d.Rules = &text
		}
		doc.Rules = append(doc.Rules, d)
	}
	for _, run := range p.Runs {
		d := pruneRunDoc{RunID: run.Run.ID, Run: seqName(run.Run.Seq), Status: string(run.Run.Status), Whole: run.Whole, Marts: []pruneMartDoc{}}
		for _, m := range run.Marts {
			d.Marts = append(d.Marts, pruneMartDoc{m.Mart, known(m.Rows), known(m.Bytes)})
		}
		doc.Prunes = append(doc.Prunes, d)
	}
	for _, k := range p.Kept {
		doc.Keeps = append(doc.Keeps, keptDoc{k.Run.ID, seqName(k.Run.Seq), string(k.Run.Status), k.Marts, k.Why})
	}
	for _, m := range p.Leftover {
		doc.Leftover += m.Rows
	}
	return doc
}

// known is a number that is negative when nobody knows it.
func known(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

// lastFlag is a number of runs.
type lastFlag struct{ n **int }

func (f *lastFlag) Type() string { return "N" }
func (f *lastFlag) String() string {
	if f.n == nil || *f.n == nil {
		return ""
	}
	return strconv.Itoa(**f.n)
}
func (f *lastFlag) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number of runs", s)
	}
	*f.n = &n
	return nil
}

// ageFlag is an age as in project.yml.
type ageFlag struct{ age **time.Duration }

func (f *ageFlag) Type() string { return "AGE" }
func (f *ageFlag) String() string {
	if f.age == nil || *f.age == nil {
		return ""
	}
	return (**f.age).String()
}
func (f *ageFlag) Set(s string) error {
	d, err := project.ParseAge(s)
	if err != nil {
		return err
	}
	*f.age = &d
	return nil
}

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/history"
)

func (c *cli) runsShowCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show RUN [flags]",
		Short: "Print all that the register knows of one run",
		Long: `Print all that the register knows of one run: who built it, when, from what, each model's rows
and checksum, each data test, each publication. --output json has the compiled SQL as well.
--profile sums up each column: NULLs, different values (approximate of more than a million rows),
least, greatest, mean and standard deviation. A run's rows never change, so they are read once and
what was found is kept.

RUN is latest, previous, latest~3, r42, a run id, at least six digits of its beginning or end, a
tag, or @2026-11-01T09:00:00Z: what was published then.`,
		Example: `  warehouse runs show latest
  warehouse runs show r42
  warehouse runs show latest --profile
  warehouse runs show @2026-11-01 --output json`,
		Args: between(1, 1, "a run"),
	}
	output := outputFlag(cmd, "text", "json")
	profile := cmd.Flags().Bool("profile", false, "sum up each column of each mart")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		page, err := r.Show(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		var marts []runner.MartProfile
		if *profile {
			if marts, err = r.Profile(cmd.Context(), args[0]); err != nil {
				return err
			}
		}
		if output.value == "json" {
			doc := pageJSON(page)
			if *profile {
				doc.Profile = profilesJSON(marts)
			}
			return c.printJSON(doc)
		}
		text := pageText(page)
		if *profile {
			text += profilesText(marts)
		}
		return c.print(text)
	}
	return cmd
}

func pageText(p *runner.RunPage) string {
	var b strings.Builder
	runFacts(&b, p)
	modelTable(&b, p)
	testTable(&b, p)
	guardTable(&b, p)
	publicationTable(&b, p)
	for _, m := range p.Models {
		if m.Error != "" && m.Status == history.ModelError {
			fmt.Fprintf(&b, "\nerror of %s: %s\n", clean(m.Model), cleanLines(m.Error))
		}
	}
	for _, t := range p.Tests {
		if t.Error != "" {
			fmt.Fprintf(&b, "\nerror of %s: %s\n", clean(t.Test), cleanLines(t.Error))
		}
	}
	return b.String()
}

func runFacts(b *strings.Builder, p *runner.RunPage) {
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "%-10s  %s\n", name, clean(value))
		}
	}
	status := string(p.Status)
	if m := marks(p.RunLine); len(m) > 0 {
		status += " (" + strings.Join(m, ", ") + ")"
	}
	fact("run", seqName(p.Seq)+"  "+p.ID)
	fact("status", status)
	fact("command", p.Command)
	fact("selected", selectionText(p.Selection))
	if v := string(p.Vars); v != "" && v != "{}" && v != "null" {
		fact("vars", v)
	}
	fact("project", p.Project)
	fact("code", p.CodeVersion)
	fact("files", cut(p.ProjectSHA256, 17))
	fact("target", p.Target)
	fact("tool", p.ToolVersion)
	fact("by", p.User+"@"+p.Host)
	fact("started", instant(p.StartedAt)+" UTC")
	if !p.Resumed.IsZero() {
		fact("retried", instant(p.Resumed)+" UTC")
	}
	if !p.FinishedAt.IsZero() {
		fact("finished", instant(p.FinishedAt)+" UTC, after "+runTook(p.RunLine))
	}
	if p.BasePublication != 0 {
		fact("read from", fmt.Sprintf("publication %d, where it built nothing itself", p.BasePublication))
	}
	fact("parent", p.ParentRunID)
	fact("rows", thousands(p.RowCount))
	fact("error", p.Error)
}

func selectionText(s history.Selection) string {
	if len(s.Select) == 0 && len(s.Exclude) == 0 {
		return "everything"
	}
	var words []string
	if len(s.Select) > 0 {
		words = append(words, strings.Join(s.Select, " "))
	}
	if len(s.Exclude) > 0 {
		words = append(words, "without "+strings.Join(s.Exclude, " "))
	}
	return strings.Join(words, ", ")
}

func modelTable(b *strings.Builder, p *runner.RunPage) {
	if len(p.Models) == 0 {
		return
	}
	t := table{head: []string{"model", "kind", "status", "rows", "took", "checksum", "read"}, right: []bool{false, false, false, true, true}}
	for _, m := range p.Models {
		rows := "-"
		if m.RowCount >= 0 && m.Status == history.ModelSuccess {
			rows = thousands(m.RowCount)
		}
		var reads []string
		for _, id := range slices.Sorted(maps.Keys(m.Inputs)) {
			in := m.Inputs[id]
			if in.Via != "" {
				continue // what the view reads
			}
			if in.RunID != "" && in.RunID != p.ID {
				reads = append(reads, in.Name+" of …"+short(in.RunID))
			} else {
				reads = append(reads, in.Name)
			}
		}
		t.add(m.Model, m.Kind, string(m.Status), rows, seconds(m.FinishedAt.Sub(m.StartedAt)), cut(m.Checksum, 17), strings.Join(reads, ", "))
	}
	b.WriteString("\n" + t.String())
}

func testTable(b *strings.Builder, p *runner.RunPage) {
	if len(p.Tests) == 0 {
		return
	}
	t := table{head: []string{"data test", "of", "severity", "status", "failures", "attempt"}, right: []bool{false, false, false, false, true, true}}
	for _, x := range p.Tests {
		of := x.Model
		if x.Column != "" {
			of += "." + x.Column
		}
		t.add(x.Test, of, x.Severity, x.Status, thousands(x.Failures), fmt.Sprint(x.Attempt))
	}
	b.WriteString("\n" + t.String())
}

func guardTable(b *strings.Builder, p *runner.RunPage) {
	t := table{head: []string{"guard", "of", "bound"}}
	for _, m := range p.Models {
		for _, g := range runner.GuardsOf(m.Layout) {
			t.add(g.Name, m.Model, g.Bound)
		}
	}
	if len(t.rows) > 0 {
		b.WriteString("\n" + t.String())
	}
}

func publicationTable(b *strings.Builder, p *runner.RunPage) {
	if len(p.Publications) == 0 {
		return
	}
	t := table{head: []string{"publication", "action", "at (UTC)", "by", "reason"}, right: []bool{true}}
	for _, pub := range p.Publications {
		t.add(fmt.Sprint(pub.Seq), pub.Action, instant(pub.At), pub.By, pub.Reason)
	}
	b.WriteString("\n" + t.String())
}

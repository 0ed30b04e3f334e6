package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/blame"
)

func (c *cli) blameCmd() *cobra.Command {
	var o runner.BlameOptions
	cmd := &cobra.Command{
		Use:   "blame MART[.COLUMN] [A] [B] [flags]",
		Short: "Say what of a change is code and what is data, and where it came from",
		Long: `Split the change of a mart between two runs exactly into code (its own SQL), data (what it reads) and
both together: the new SQL is run on the old inputs and the old SQL on the new ones, aside, and
nothing is written to the target. Then go up along the inputs that differ, to the SQL or the source
that caused it. Without runs: previous and latest.`,
		Example: `  warehouse blame mart_orders
  warehouse blame mart_orders.price r41 r42 --where "country = 'DE'"
  warehouse blame mart_orders --aggregate 'avg(price)' --output json`,
		Args: between(1, 3, "a mart"),
	}
	f := cmd.Flags()
	f.StringVar(&o.Where, "where", "", "look only at the rows for which this `condition` is true")
	f.StringVar(&o.Aggregate, "aggregate", "", "split this `expression` in the place of the sums of all numbers: 'avg(price)'")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, name := range []string{"where", "aggregate"} {
			if f := cmd.Flags().Lookup(name); f.Changed && strings.TrimSpace(f.Value.String()) == "" {
				return &runner.UsageError{Msg: "--" + name + ": it is empty"}
			}
		}
		for i, arg := range args {
			*[]*string{&o.Mart, &o.A, &o.B}[i] = arg
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		report, err := r.Blame(cmd.Context(), o)
		if err != nil {
			return err
		}
		if output.value == "json" {
			return c.printJSON(blameJSON(report))
		}
		return c.print(blameText(report))
	}
	return cmd
}

// blameText is a blame for people: each step with its numbers, then the causes.
func blameText(r *runner.BlameReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "blame %s -> %s\n", runRef(r.A.Seq, r.A.ID), runRef(r.B.Seq, r.B.ID))
	for i := range r.Steps {
		s := &r.Steps[i]
		fmt.Fprintf(&b, "\n%s (%s -> %s)", clean(s.Model), seqName(s.A.Seq), seqName(s.B.Seq))
		if s.View {
			b.WriteString(": a view, which has no rows of its own")
		}
		b.WriteByte('\n')
		if len(s.Measures) > 0 {
			t := table{head: []string{"", "from", "to", "change", "code", "data", "both"}, right: []bool{false, true, true, true, true, true, true}, indent: "  "}
			for _, m := range s.Measures {
				t.add(clean(m.Name), number(m.Old, ""), number(m.New, ""), number(m.Total, "?"), number(m.Code, "?"), number(m.Data, "?"), number(m.Both, within(m.Within)))
			}
			b.WriteString(t.String())
		} else if !s.View && len(s.Notes) == 0 {
			b.WriteString("  equal\n")
		}
		for _, n := range s.Notes {
			fmt.Fprintf(&b, "  note: %s\n", clean(n))
		}
		if len(s.Reads) > 0 {
			fmt.Fprintf(&b, "  reads what differs: %s\n", clean(strings.Join(s.Reads, ", ")))
		}
	}
	if len(r.Causes) > 0 {
		b.WriteByte('\n')
	}
	for _, w := range r.Causes {
		fmt.Fprintf(&b, "cause: %s: %s\n", clean(w.Model), clean(whyText(w.Why)))
		if w.Diff != "" {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(cleanLines(strings.TrimRight(w.Diff, "\n")), "\n", "\n    "))
		}
	}
	return b.String()
}

func number(n *blame.Number, unknown string) string {
	if n == nil {
		return unknown
	}
	return n.String()
}

// within says which part contains what both did, where it is not told apart.
func within(part string) string {
	if part == "" {
		return "?"
	}
	return "in " + part
}

type blameDoc struct {
	A      string         `json:"a"`
	B      string         `json:"b"`
	Steps  []blameStepDoc `json:"steps"`
	Causes []causeDoc     `json:"causes"`
}

type blameStepDoc struct {
	Model    string       `json:"model"`
	View     bool         `json:"view"`
	RunA     string       `json:"run_a"`
	RunB     string       `json:"run_b"`
	Measures []measureDoc `json:"measures"`
	Notes    []string     `json:"notes"`
	Reads    []string     `json:"reads"`
}

// measureDoc: numbers are exact decimals, as text; null is not known.
type measureDoc struct {
	Name  string  `json:"name"`
	Old   *string `json:"old"`
	New   *string `json:"new"`
	Total *string `json:"total"`
	Code  *string `json:"code"`
	Data  *string `json:"data"`
	Both  *string `json:"both"`
	// BothIn is "code" or "data" if that contains what both did.
	BothIn string `json:"both_in,omitempty"`
}

type causeDoc struct {
	Model string `json:"model"`
	whyDoc
}

func blameJSON(r *runner.BlameReport) blameDoc {
	doc := blameDoc{A: r.A.ID, B: r.B.ID, Steps: []blameStepDoc{}, Causes: []causeDoc{}}
	text := func(n *blame.Number) *string {
		if n == nil {
			return nil
		}
		s := n.String()
		return &s
	}
	for _, s := range r.Steps {
		d := blameStepDoc{Model: s.Model, View: s.View, RunA: s.A.ID, RunB: s.B.ID, Measures: []measureDoc{}, Notes: some(s.Notes), Reads: some(s.Reads)}
		for _, m := range s.Measures {
			d.Measures = append(d.Measures, measureDoc{m.Name, text(m.Old), text(m.New), text(m.Total), text(m.Code), text(m.Data), text(m.Both), m.Within})
		}
		doc.Steps = append(doc.Steps, d)
	}
	for _, w := range r.Causes {
		doc.Causes = append(doc.Causes, causeDoc{w.Model, whyDoc{string(w.Kind), w.Name, w.Text, w.Diff, w.Certain}})
	}
	return doc
}

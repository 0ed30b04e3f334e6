package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/mart"
)

// trendRuns are shown where nothing else is said.
const trendRuns = 30

func (c *cli) runsTrendCmd() *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "trend MART COLUMN [flags]",
		Short: "Follow one column of a mart over the runs",
		Long: `Follow one column of a mart over its successful runs, oldest first: rows, NULLs, different values
(approximate of more than a million rows), least, greatest, mean and standard deviation, and a line
that draws them. Each run is read once, when first asked for, and what was found is kept: runs that
were pruned since are still there.`,
		Example: `  warehouse runs trend orders amount
  warehouse runs trend orders amount --limit 0 --output json`,
		Args: between(2, 2, "a mart and a column"),
	}
	cmd.Flags().IntVar(&limit, "limit", trendRuns, "the newest runs at most; 0: all")
	output := outputFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if limit < 0 {
			return &runner.UsageError{Msg: fmt.Sprintf("--limit: %d is no number of runs", limit)}
		}
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		points, err := r.Trend(cmd.Context(), args[0], args[1], limit)
		if err != nil {
			return err
		}
		if output.value == "json" {
			return c.printJSON(trendJSON(points))
		}
		return c.print(trendText(points))
	}
	return cmd
}

type trendDoc struct {
	RunID     string      `json:"run_id"`
	Run       string      `json:"run"`
	StartedAt *string     `json:"started_at"`
	Live      bool        `json:"live"`
	Profile   *profileDoc `json:"profile"` // null: the run has no such column
}

func trendJSON(points []runner.TrendPoint) []trendDoc {
	docs := []trendDoc{}
	for _, p := range points {
		d := trendDoc{RunID: p.Run.ID, Run: seqName(p.Run.Seq), StartedAt: jsonTime(p.Run.StartedAt), Live: p.Live}
		if p.Profile != nil {
			doc := profileJSON(*p.Profile)
			d.Profile = &doc
		}
		docs = append(docs, d)
	}
	return docs
}

func trendText(points []runner.TrendPoint) string {
	t := table{head: append([]string{"run", "started (UTC)"}, append(profileHead, "")...), right: []bool{false, false, true, true, true, false, false, true, true}}
	for _, p := range points {
		live := ""
		if p.Live {
			live = "live"
		}
		t.add(append(append([]string{seqName(p.Run.Seq), instant(p.Run.StartedAt)}, profileCells(p.Profile)...), live)...)
	}
	return t.String() + "\n" + trendLines(points)
}

// trendLines draws what a column has a number of.
func trendLines(points []runner.TrendPoint) string {
	var b strings.Builder
	for _, l := range []struct {
		name string
		of   func(mart.ColumnProfile) float64
	}{
		{"rows", func(c mart.ColumnProfile) float64 { return float64(c.Rows) }},
		{"nulls", func(c mart.ColumnProfile) float64 { return float64(c.Nulls) }},
		{"distinct", func(c mart.ColumnProfile) float64 {
			if c.Distinct < 0 {
				return math.NaN()
			}
			return float64(c.Distinct)
		}},
		{"mean", func(c mart.ColumnProfile) float64 { return orNaN(c.Mean) }},
		{"sd", func(c mart.ColumnProfile) float64 { return orNaN(c.SD) }},
	} {
		xs := make([]float64, len(points))
		first, last := math.NaN(), math.NaN()
		for i, p := range points {
			xs[i] = math.NaN()
			if p.Profile != nil {
				xs[i] = l.of(*p.Profile)
			}
			if math.IsNaN(xs[i]) {
				continue
			}
			if last = xs[i]; math.IsNaN(first) {
				first = xs[i]
			}
		}
		if math.IsNaN(first) {
			continue
		}
		fmt.Fprintf(&b, "%-8s  %s  %s → %s\n", l.name, sparkline(xs), realText(&first), realText(&last))
	}
	return b.String()
}

func orNaN(x *float64) float64 {
	if x == nil {
		return math.NaN()
	}
	return *x
}

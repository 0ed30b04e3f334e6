package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
	"warehouse/runner/diff"
)

func (c *cli) diffCmd() *cobra.Command {
	var o runner.DiffOptions
	var tolerance toleranceFlag
	failIfDifferent := false
	cmd := &cobra.Command{
		Use:   "diff [A] [B] [flags]",
		Short: "Compare two runs, row by row, and say why they differ",
		Long: `Compare what two runs show, mart by mart: rows added, removed and changed, the columns that changed
and how far, columns that came, went or have another type, and why. Without runs: previous and
latest. The comparison is exact; docs/diff.md has its rules. A mart without primary_key is compared
as a multiset: its rows are added or removed, never changed.`,
		Example: `  warehouse diff
  warehouse diff r41 r42 --select mart_orders
  warehouse diff baseline latest --where "country = 'DE'" --columns price,quantity
  warehouse diff --tolerance 0.01 --tolerance share=1e-6 --fail-if-different
  warehouse diff --output html >diff.html`,
		Args: atMost(2),
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.Select, "select", "s", nil, "`marts` to compare: names, globs, or what build --select takes")
	f.StringVar(&o.Where, "where", "", "`condition`: compare only the rows of both sides for which it is true")
	f.StringSliceVar(&o.Columns, "columns", nil, "the only `columns` to compare, beside the key")
	f.IntVar(&o.Limit, "limit", 5, "rows of each kind, and largest moves of each column, to show")
	f.Var(&tolerance, "tolerance", "difference of numbers that does not count: 0.01, 1%, or of one column: price=0.01")
	f.BoolVar(&failIfDifferent, "fail-if-different", false, "exit with 1 if anything differs")
	output := outputFlag(cmd, "text", "json", "html")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.Limit < 0 {
			return &runner.UsageError{Msg: fmt.Sprintf("--limit: %d is no number of rows", o.Limit)}
		}
		if cmd.Flags().Changed("where") && strings.TrimSpace(o.Where) == "" {
			return &runner.UsageError{Msg: "--where: the condition is empty"}
		}
		for i, arg := range args {
			*[]*string{&o.A, &o.B}[i] = arg
		}
		o.Tolerance, o.ByColumn = tolerance.all, tolerance.byColumn
		r, err := c.open(cmd.Context())
		if err != nil {
			return err
		}
		report, err := r.Diff(cmd.Context(), o)
		if err != nil {
			return err
		}
		switch output.value {
		case "json":
			err = c.printJSON(diffJSON(report))
		case "html":
			var page string
			if page, err = diffHTML(report); err == nil {
				err = c.print(page)
			}
		default:
			err = c.print(diffText(report))
		}
		if err == nil && failIfDifferent && report.Different() {
			return errNo
		}
		return err
	}
	return cmd
}

// toleranceFlag is --tolerance: for all numbers, or for those of a column.
type toleranceFlag struct {
	all      *diff.Tolerance
	byColumn map[string]diff.Tolerance
	text     []string
}

func (t *toleranceFlag) String() string { return strings.Join(t.text, ",") }
func (t *toleranceFlag) Type() string   { return "difference" }
func (t *toleranceFlag) Set(s string) error {
	for _, part := range strings.Split(s, ",") {
		column, value := "", part
		if i := strings.LastIndexByte(part, '='); i >= 0 {
			column, value = part[:i], part[i+1:]
		}
		number, relative := strings.CutSuffix(strings.TrimSpace(value), "%")
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || !(n >= 0) || n > 1e300 || column == "" && value != part {
			return fmt.Errorf("%q is no difference: write 0.01, 1%% or COLUMN=0.01", part)
		}
		set := func(d *diff.Tolerance) {
			if relative {
				d.Relative = n / 100
			} else {
				d.Absolute = n
			}
		}
		if column == "" {
			if t.all == nil {
				t.all = &diff.Tolerance{}
			}
			set(t.all)
		} else {
			if t.byColumn == nil {
				t.byColumn = map[string]diff.Tolerance{}
			}
			d := t.byColumn[strings.ToLower(column)]
			set(&d)
			t.byColumn[strings.ToLower(column)] = d
		}
		t.text = append(t.text, part)
	}
	return nil
}

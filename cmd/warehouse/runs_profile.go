package main

import (
	"math"
	"strconv"
	"strings"

	"warehouse/runner"
	"warehouse/runner/mart"
)

// profileDoc is a column's profile in JSON; null is what the column has not.
type profileDoc struct {
	Column   string   `json:"column"`
	Type     string   `json:"type"`
	Rows     int64    `json:"rows"`
	Nulls    int64    `json:"nulls"`
	Distinct *int64   `json:"distinct"` // approximate of more than a million rows
	Min      *string  `json:"min"`
	Max      *string  `json:"max"`
	Mean     *float64 `json:"mean"`
	SD       *float64 `json:"sd"`
}

type martProfileDoc struct {
	Mart    string       `json:"mart"`
	RunID   string       `json:"run_id"` // of the run that wrote the rows
	Columns []profileDoc `json:"columns"`
}

func profileJSON(c mart.ColumnProfile) profileDoc {
	d := profileDoc{Column: c.Name, Type: c.Type, Rows: c.Rows, Nulls: c.Nulls, Min: c.Min, Max: c.Max, Mean: c.Mean, SD: c.SD}
	if c.Distinct >= 0 {
		d.Distinct = &c.Distinct
	}
	return d
}

func profilesJSON(marts []runner.MartProfile) []martProfileDoc {
	docs := []martProfileDoc{}
	for _, m := range marts {
		d := martProfileDoc{Mart: m.Mart, RunID: m.RunID, Columns: []profileDoc{}}
		for _, c := range m.Columns {
			d.Columns = append(d.Columns, profileJSON(c))
		}
		docs = append(docs, d)
	}
	return docs
}

// profileHead are the columns of a profile's table, without those in front.
var profileHead = []string{"rows", "nulls", "distinct", "min", "max", "mean", "sd"}

// widestValue is how much of a value is shown in a profile.
const widestValue = 24

func profileCells(c *mart.ColumnProfile) []string {
	if c == nil {
		return []string{"-", "-", "-", "-", "-", "-", "-"}
	}
	distinct := "-"
	if c.Distinct >= 0 {
		distinct = thousands(c.Distinct)
	}
	return []string{thousands(c.Rows), thousands(c.Nulls), distinct, extremeText(c.Min), extremeText(c.Max), realText(c.Mean), realText(c.SD)}
}

func extremeText(s *string) string {
	if s == nil {
		return "-"
	}
	return cut(clean(*s), widestValue)
}

// realText has six digits, which is more than a mean means.
func realText(x *float64) string {
	if x == nil {
		return "-"
	}
	return strconv.FormatFloat(*x, 'g', 6, 64)
}

func profilesText(marts []runner.MartProfile) string {
	var b strings.Builder
	for _, m := range marts {
		b.WriteString("\n" + clean(m.Mart) + "\n")
		t := table{indent: "  ", head: append([]string{"column", "type"}, profileHead...), right: []bool{false, false, true, true, true, false, false, true, true}}
		for _, c := range m.Columns {
			t.add(append([]string{c.Name, c.Type}, profileCells(&c)...)...)
		}
		b.WriteString(t.String())
	}
	if len(marts) == 0 {
		b.WriteString("\nno rows to profile: the run has no marts, or they were pruned\n")
	}
	return b.String()
}

var bars = []rune("▁▂▃▄▅▆▇█")

// rounding is what sums of floats differ by from run to run: no movement.
const rounding = 1e-9

// sparkline draws numbers as bars between the least and the greatest of them;
// NaN is a gap.
func sparkline(xs []float64) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, x := range xs {
		if !math.IsNaN(x) {
			low, high = min(low, x), max(high, x)
		}
	}
	var b strings.Builder
	for _, x := range xs {
		switch {
		case math.IsNaN(x):
			b.WriteByte(' ')
		case high == low || high/2-low/2 <= rounding/2*max(math.Abs(high), math.Abs(low)):
			b.WriteRune(bars[len(bars)/2])
		default:
			// Halved first: the distance of two numbers may be no number.
			share := (x/2 - low/2) / (high/2 - low/2)
			b.WriteRune(bars[int(math.Round(share*float64(len(bars)-1)))])
		}
	}
	return b.String()
}

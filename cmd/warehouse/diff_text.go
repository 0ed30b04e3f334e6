package main

import (
	"fmt"
	"strings"

	"warehouse/runner"
	"warehouse/runner/diff"
)

// mostValue is how many cells of a terminal a value takes.
const mostValue = 40

// diffText is a diff for people: a line for each mart that differs, then a
// section for each of them.
func diffText(r *runner.DiffReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "diff %s -> %s\n", runRef(r.A.Seq, r.A.ID), runRef(r.B.Seq, r.B.ID))
	t := table{head: []string{"mart", "from", "to", "rows", "", "", "added", "removed", "changed", "unchanged", ""},
		right: []bool{false, false, false, true, false, true, true, true, true, true}, indent: "  "}
	equal := 0
	for i := range r.Marts {
		m := &r.Marts[i]
		if !m.Differs() {
			equal++
			continue
		}
		if m.Refused != nil {
			t.add(m.Mart, runName(m.A), runName(m.B), "", "", "", "", "", "", "", "not compared")
			continue
		}
		t.add(m.Mart, runName(m.A), runName(m.B), thousands(m.RowsA), "->", thousands(m.RowsB),
			thousands(m.Added), thousands(m.Removed), thousands(m.Changed), thousands(m.Unchanged), martRemark(m))
	}
	if len(t.rows) > 0 {
		b.WriteString(t.String())
	}
	if equal > 0 {
		fmt.Fprintf(&b, "  equal: %s\n", count(equal, "mart"))
	}
	for i := range r.Marts {
		if m := &r.Marts[i]; m.Differs() {
			martText(&b, m)
		}
	}
	viewsText(&b, r.Views)
	return b.String()
}

func runRef(seq int64, id string) string { return seqName(seq) + " (" + id + ")" }

// martRemark is what a line of numbers does not say.
func martRemark(m *runner.MartDiff) string {
	switch {
	case m.A == nil:
		return "new"
	case m.B == nil:
		return "gone"
	case m.RoundingOnly > 0:
		return fmt.Sprintf("%s by rounding only", thousands(m.RoundingOnly))
	case !m.RowsDiffer():
		return "columns only"
	}
	return ""
}

func martText(b *strings.Builder, m *runner.MartDiff) {
	if m.Refused == nil && (m.A == nil || m.B == nil) {
		return // its line says it all
	}
	fmt.Fprintf(b, "\n%s", clean(m.Mart))
	if len(m.Key) > 0 {
		fmt.Fprintf(b, " (key: %s)", clean(strings.Join(m.Key, ", ")))
	}
	b.WriteByte('\n')
	if m.Refused != nil {
		fmt.Fprintf(b, "  not compared: %s\n", strings.ReplaceAll(cleanLines(m.Refused.Error()), "\n", "\n  "))
		return
	}
	for _, note := range m.Notes {
		fmt.Fprintf(b, "  note: %s\n", clean(note))
	}
	if changes := columnChanges(m); changes != "" {
		fmt.Fprintf(b, "  columns: %s\n", clean(changes))
	}
	columnTable(b, m)
	for _, col := range m.Columns {
		moversText(b, m, col)
	}
	for i, s := range m.Samples {
		sampleText(b, m, s)
		if more := moreRows(m, i); more > 0 {
			fmt.Fprintf(b, "  %s and %s more\n", signs[s.Kind], thousands(more))
		}
	}
	for _, w := range m.Why {
		fmt.Fprintf(b, "  why: %s\n", clean(whyText(w)))
		if w.Diff != "" {
			fmt.Fprintf(b, "    %s\n", strings.ReplaceAll(cleanLines(strings.TrimRight(w.Diff, "\n")), "\n", "\n    "))
		}
	}
}

// whyText says of what the register cannot tell that it may be so.
func whyText(w runner.Why) string {
	if w.Certain || w.Kind == runner.WhyRandom {
		return w.Text
	}
	return "perhaps: " + w.Text
}

// columnChanges lists columns that came, went or have another type.
func columnChanges(m *runner.MartDiff) string {
	var out []string
	for _, c := range m.ColumnsAdded {
		out = append(out, "+"+c)
	}
	for _, c := range m.ColumnsRemoved {
		out = append(out, "-"+c)
	}
	for _, c := range m.ColumnsRetyped {
		out = append(out, fmt.Sprintf("~%s (%s -> %s)", c.Name, c.From, c.To))
	}
	return strings.Join(out, ", ")
}

func columnTable(b *strings.Builder, m *runner.MartDiff) {
	t := table{head: []string{"column", "changed", "NULL to value", "value to NULL"}, right: []bool{false, true, true, true}, indent: "  "}
	for _, c := range m.Columns {
		if c.Changed > 0 {
			t.add(c.Name, thousands(c.Changed), thousands(c.NullToValue), thousands(c.ValueToNull))
		}
	}
	if len(t.rows) > 0 {
		b.WriteString(t.String())
	}
}

func moversText(b *strings.Builder, m *runner.MartDiff, col diff.ColumnResult) {
	if len(col.Movers) == 0 {
		return
	}
	fmt.Fprintf(b, "  largest moves of %s:\n", clean(col.Name))
	t := table{head: append(append([]string{}, m.Key...), "from", "", "to", "delta"), indent: "    "}
	t.right = make([]bool, len(t.head))
	for i := len(m.Key); i < len(t.head); i++ {
		t.right[i] = true
	}
	for i, h := range t.head {
		t.head[i] = clean(h)
	}
	for _, mv := range col.Movers {
		var cells []string
		for _, k := range mv.Key {
			cells = append(cells, valueText(k))
		}
		t.add(append(cells, mv.Old, "->", mv.New, signed(mv.Delta))...)
	}
	b.WriteString(t.String())
}

func signed(delta string) string {
	if strings.HasPrefix(delta, "-") {
		return delta
	}
	return "+" + delta
}

var signs = map[string]string{diff.Removed: "-", diff.Added: "+", diff.Changed: "~"}

// moreRows is how many rows of a kind are not shown, asked at sample i: 0 but
// for the last one of a kind.
func moreRows(m *runner.MartDiff, i int) int64 {
	kind := m.Samples[i].Kind
	if i+1 < len(m.Samples) && m.Samples[i+1].Kind == kind {
		return 0
	}
	n := map[string]int64{diff.Removed: m.Removed, diff.Added: m.Added, diff.Changed: m.Changed}[kind]
	for _, s := range m.Samples {
		if s.Kind == kind {
			n -= s.Count
		}
	}
	return n
}

// sampleText is a row: - removed, + added, ~ changed.
func sampleText(b *strings.Builder, m *runner.MartDiff, s diff.Sample) {
	var parts []string
	for i, k := range s.Key {
		parts = append(parts, clean(m.Key[i])+"="+valueText(k))
	}
	for _, c := range s.Cells {
		switch s.Kind {
		case diff.Removed:
			parts = append(parts, clean(c.Column)+"="+valueText(c.Old))
		case diff.Added:
			parts = append(parts, clean(c.Column)+"="+valueText(c.New))
		default:
			parts = append(parts, fmt.Sprintf("%s: %s -> %s", clean(c.Column), valueText(c.Old), valueText(c.New)))
		}
	}
	times := ""
	if s.Count > 1 {
		times = fmt.Sprintf(" (%s times)", thousands(s.Count))
	}
	fmt.Fprintf(b, "  %s %s%s\n", signs[s.Kind], strings.Join(parts, ", "), times)
}

// valueText is a value for one line: a text that looks like none is quoted.
func valueText(v *string) string {
	switch {
	case v == nil:
		return "NULL"
	case *v == "NULL" || strings.TrimSpace(*v) != *v || *v == "":
		return "'" + cut(clean(*v), mostValue) + "'"
	}
	return cut(clean(*v), mostValue)
}

func viewsText(b *strings.Builder, views []runner.ViewDiff) {
	equal := 0
	for _, v := range views {
		switch v.Change {
		case "":
			equal++
		case "sql":
			fmt.Fprintf(b, "\nview %s: its SQL changed; a view has no rows of its own to compare\n    %s\n", clean(v.Name),
				strings.ReplaceAll(cleanLines(strings.TrimRight(v.SQLDiff, "\n")), "\n", "\n    "))
		default:
			fmt.Fprintf(b, "\nview %s: %s\n", clean(v.Name), v.Change)
		}
	}
	if equal > 0 {
		fmt.Fprintf(b, "\nviews with the same SQL: %d; views have no rows of their own\n", equal)
	}
}

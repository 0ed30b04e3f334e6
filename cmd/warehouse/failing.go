package main

import (
	"fmt"
	"regexp"
	"strings"

	"warehouse/runner"
	"warehouse/runner/binding"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/sqltext"
)

// Rows and characters of failing rows that are shown.
const (
	mostSampleRows    = 5
	mostDifferentRows = 20 // of a unit test
	mostSampleCell    = 40
)

// failingText shows the first rows that a data test found, and how to see all.
func failingText(n runner.NodeResult, run history.Run) string {
	var b strings.Builder
	word := "FAIL"
	if n.Status == runner.StatusWarn {
		word = "WARN"
	}
	most, found := mostSampleRows, count(n.Failures, "failure")
	if n.Resource == "unit_test" {
		most, found = mostDifferentRows, count(n.Failures, "row")+" not as expected"
	}
	fmt.Fprintf(&b, "%s %s: %s", word, clean(n.Name), found)
	if n.File != "" {
		fmt.Fprintf(&b, " (%s)", clean(n.File))
	}
	b.WriteString("\n")
	if len(n.Sample.Rows) > 0 {
		t := table{indent: "    "}
		for _, name := range n.Sample.Columns {
			t.head = append(t.head, cut(clean(name), mostSampleCell))
		}
		for _, row := range n.Sample.Rows[:min(len(n.Sample.Rows), most)] {
			cells := make([]string, len(row))
			for i, v := range row {
				cells[i] = "NULL"
				if v != nil {
					cells[i] = cut(clean(*v), mostSampleCell)
				}
			}
			t.rows = append(t.rows, cells)
		}
		b.WriteString(t.String())
		if more := len(n.Sample.Rows) - most; more > 0 && n.Resource == "unit_test" {
			fmt.Fprintf(&b, "    and %s more\n", count(more, "row"))
		}
	}
	if n.SampleSQL != "" {
		fmt.Fprintf(&b, "    all of them: warehouse query %s --run %s\n", quote(cleanLines(oneLine(plainNames(n.SampleSQL)))), seqName(run.Seq))
	}
	if n.KeptIn.Name != "" {
		all := fmt.Sprintf("select * from %s.%s where run_id = '%s'", engine.Ident(n.KeptIn.Schema), engine.Ident(n.KeptIn.Name), run.ID)
		fmt.Fprintf(&b, "    kept: warehouse query %s\n", quote(all))
	}
	return b.String()
}

// refSchema is where ref() points in memory.
var refSchema = regexp.MustCompile(`("[^"]+"\.)?"` + regexp.QuoteMeta(binding.RefSchema) + `"\.`)

// plainNames lets a query name marts as people do: query finds them without a
// schema. A query with common table expressions stays as it is, since those
// may have the names of marts.
func plainNames(sql string) string {
	if withRE.MatchString(sql) {
		return sql
	}
	return refSchema.ReplaceAllString(sql, "")
}

var withRE = regexp.MustCompile(`(?i)\bwith\b`)

// oneLine folds a query into one line, without its comments, where that cannot
// change it: not if it has a text or a name that goes over lines.
func oneLine(sql string) string {
	sql = strings.TrimSpace(sql)
	var b strings.Builder
	var last sqltext.Kind
	for _, t := range sqltext.Scan(sql) {
		text := sql[t.Start:t.End]
		if t.Kind == sqltext.Space || t.Kind == sqltext.Comment {
			if b.Len() > 0 && !strings.HasSuffix(b.String(), " ") {
				b.WriteByte(' ')
			}
			continue
		}
		if strings.Contains(text, "\n") || t.Kind == sqltext.String && last == sqltext.String {
			return sql
		}
		b.WriteString(text)
		last = t.Kind
	}
	return strings.TrimSpace(b.String())
}

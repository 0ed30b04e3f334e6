package main

import (
	_ "embed"
	"html/template"
	"strings"

	"warehouse/runner"
)

//go:embed diff.html
var diffPage string

// diffHTML is a diff as one page that needs nothing else.
func diffHTML(r *runner.DiffReport) (string, error) {
	page, err := template.New("diff").Funcs(template.FuncMap{
		"n": thousands, "run": runName, "seq": seqName, "signed": signed, "why": whyText, "time": instant,
		"lines": func(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") },
		"part": func(n, of int64) float64 {
			if of == 0 {
				return 0
			}
			return 100 * float64(n) / float64(of)
		},
		"all":  func(m runner.MartDiff) int64 { return m.Added + m.Removed + m.Changed + m.Unchanged },
		"kind": lineKind, "remark": func(m runner.MartDiff) string { return martRemark(&m) },
		"differs": func(m runner.MartDiff) bool { return m.Differs() },
		// Of a mart on one side, its line says it all.
		"section": func(m runner.MartDiff) bool { return m.Differs() && (m.Refused != nil || m.A != nil && m.B != nil) },
	}).Parse(diffPage)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = page.Execute(&b, r)
	return cleanLines(b.String()), err // the template escapes markup, not control characters
}

// lineKind is the class of a line of a unified diff.
func lineKind(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return "added"
	case strings.HasPrefix(line, "-"):
		return "removed"
	case strings.HasPrefix(line, "@@"):
		return "at"
	}
	return ""
}

package main

import (
	"fmt"

	"warehouse/runner"
)

// aftermathText says what followed a publication, a line each.
func aftermathText(a runner.Aftermath) string {
	text := ""
	if e := a.Copy; e != nil {
		text += fmt.Sprintf("copied to %s, %s, %s", clean(e.To), count(len(e.Marts), "mart"), count(e.Rows, "row"))
		if e.Unchanged > 0 {
			text += fmt.Sprintf("; %d unchanged", e.Unchanged)
		}
		text += "\n"
	}
	if p := a.Pruned; p != nil && (p.Marts > 0 || p.Rows > 0) {
		text += fmt.Sprintf("pruned %s of %s; %s deleted\n", count(p.Marts, "mart"), count(p.Runs, "run"), count(p.Rows, "row"))
	}
	if p := a.Prunable; p != nil {
		text += fmt.Sprintf("`warehouse prune` would free %s of %s, %s%s\n", count(p.Marts, "mart"), count(p.Runs, "run"), count(p.Rows, "row"), aboutBytes(p.Bytes))
	}
	return text
}

func aboutBytes(n int64) string {
	if n < 0 {
		return ""
	}
	return ", about " + bytesText(n)
}

type afterDoc struct {
	Copy     *copyDoc     `json:"copy,omitempty"`
	Pruned   *prunedDoc   `json:"pruned,omitempty"`
	Prunable *prunableDoc `json:"prunable,omitempty"`
}

type copyDoc struct {
	To        string `json:"to"`
	Format    string `json:"format"`
	RunID     string `json:"run_id"`
	Marts     int    `json:"marts"`
	Unchanged int    `json:"unchanged"`
	Rows      int64  `json:"rows"`
}

type prunedDoc struct {
	Runs  int   `json:"runs"`
	Marts int   `json:"marts"`
	Rows  int64 `json:"rows"`
}

type prunableDoc struct {
	Runs  int    `json:"runs"`
	Marts int    `json:"marts"`
	Rows  int64  `json:"rows"`
	Bytes *int64 `json:"bytes"` // about; null: not known
}

// aftermathJSON is nil where nothing was asked for.
func aftermathJSON(a runner.Aftermath) *afterDoc {
	if a == (runner.Aftermath{}) {
		return nil
	}
	doc := &afterDoc{}
	if e := a.Copy; e != nil {
		doc.Copy = &copyDoc{e.To, e.Format, e.RunID, len(e.Marts), e.Unchanged, e.Rows}
	}
	if p := a.Pruned; p != nil {
		doc.Pruned = &prunedDoc{p.Runs, p.Marts, p.Rows}
	}
	if p := a.Prunable; p != nil {
		doc.Prunable = &prunableDoc{Runs: p.Runs, Marts: p.Marts, Rows: p.Rows}
		if p.Bytes >= 0 {
			doc.Prunable.Bytes = &p.Bytes
		}
	}
	return doc
}

package main

import (
	"fmt"
	"strings"

	"warehouse/runner"
)

// printPlan prints what a build would do.
func (c *cli) printPlan(p *runner.Plan, output string) error {
	if output == "json" {
		return c.printJSON(planJSON(p))
	}
	return c.print(planText(p))
}

func planText(p *runner.Plan) string {
	t := table{head: []string{"model", "kind", "do", "why", "reads", "tests", "rows now", "took"}, right: []bool{false, false, false, false, false, true, true, true}}
	for _, s := range p.Steps {
		var reads []string
		for _, in := range s.Reads {
			if in.Run == "" || in.Run == "source" {
				reads = append(reads, in.Name)
			} else {
				reads = append(reads, in.Name+" of "+in.Run)
			}
		}
		rows := "-"
		if s.LastRows >= 0 {
			rows = thousands(s.LastRows)
		}
		took := "-"
		if s.LastRows >= 0 {
			took = fmt.Sprintf("%.2fs", s.LastTook.Seconds())
		}
		t.add(s.Name, s.Kind, s.Do, s.Because, strings.Join(reads, ", "), fmt.Sprint(s.Tests), rows, took)
	}
	return t.String() + fmt.Sprintf("%s and %s; nothing was done\n", count(len(p.Steps), "model"), count(p.Tests, "data test")) + staleText(p.Stale)
}

type stepDoc struct {
	Name  string     `json:"name"`
	Kind  string     `json:"materialized"`
	File  string     `json:"original_file_path"`
	Do    string     `json:"do"`
	Why   string     `json:"why"` // new, sql, storage, reads, later, none
	Words string     `json:"because"`
	Reads []inputDoc `json:"reads"`
	Tests int        `json:"tests"`
	Rows  *int64     `json:"row_count"`
	Took  *float64   `json:"seconds"`
	SQL   string     `json:"compiled_code"`
	Live  string     `json:"live_compiled_code,omitempty"`
}

type inputDoc struct {
	Name string `json:"name"`
	Run  string `json:"run,omitempty"`
}

func planJSON(p *runner.Plan) any {
	doc := struct {
		Publication int64     `json:"base_publication"`
		Tests       int       `json:"tests"`
		Steps       []stepDoc `json:"steps"`

		Stale []staleDoc `json:"stale"`
	}{p.Base.Publication, p.Tests, []stepDoc{}, staleJSON(p.Stale)}
	for _, s := range p.Steps {
		d := stepDoc{Name: s.Name, Kind: s.Kind, File: s.File, Do: s.Do, Why: string(s.Why), Words: s.Because, SQL: s.SQL, Live: s.LiveSQL, Tests: s.Tests, Reads: []inputDoc{}}
		for _, in := range s.Reads {
			d.Reads = append(d.Reads, inputDoc(in))
		}
		if s.LastRows >= 0 {
			took := s.LastTook.Seconds()
			d.Rows, d.Took = &s.LastRows, &took
		}
		doc.Steps = append(doc.Steps, d)
	}
	return doc
}

package main

import (
	"warehouse/runner"
)

type reportDoc struct {
	RunID       string     `json:"run_id"`
	Run         string     `json:"run"`
	Status      string     `json:"status"`
	OK          bool       `json:"ok"`
	Published   bool       `json:"published"`
	Publication int64      `json:"publication,omitempty"`
	NotBecause  string     `json:"not_published_because,omitempty"`
	EndHooks    string     `json:"on_run_end_error,omitempty"`
	Marts       int        `json:"marts"`
	Rows        int64      `json:"row_count"`
	Elapsed     float64    `json:"elapsed"`
	Counts      countsDoc  `json:"counts"`
	Nodes       []nodeDoc  `json:"nodes"`
	Stale       []staleDoc `json:"stale"`
	After       *afterDoc  `json:"after,omitempty"`
}

type countsDoc struct {
	Pass   int `json:"pass"`
	Warn   int `json:"warn"`
	Error  int `json:"error"`
	Skip   int `json:"skip"`
	NoOp   int `json:"no_op"`
	Reused int `json:"reused"`
	Total  int `json:"total"`
}

type nodeDoc struct {
	ID        string               `json:"unique_id"`
	Name      string               `json:"name"`
	Resource  string               `json:"resource_type"`
	Kind      string               `json:"materialized,omitempty"`
	File      string               `json:"original_file_path,omitempty"`
	Status    string               `json:"status"`
	Rows      *int64               `json:"row_count,omitempty"`
	Failures  *int64               `json:"failures,omitempty"`
	Blocking  bool                 `json:"blocking,omitempty"`
	Model     string               `json:"model,omitempty"`
	Column    string               `json:"column,omitempty"`
	Sample    []map[string]*string `json:"sample,omitempty"`
	SampleSQL string               `json:"sample_sql,omitempty"`
	Because   string               `json:"because,omitempty"`
	Error     string               `json:"error,omitempty"`
	KeptIn    string               `json:"failures_in,omitempty"`
	Started   *string              `json:"started_at"`
	Took      float64              `json:"execution_time"`
}

type staleDoc struct {
	Model  string   `json:"model"`
	Reads  string   `json:"reads_run_id"`
	Run    string   `json:"reads_run"`
	Models []string `json:"models"`
}

func reportJSON(r *runner.Report) reportDoc {
	s := statsOf(r.Nodes)
	doc := reportDoc{
		RunID: r.Run.ID, Run: seqName(r.Run.Seq), Status: string(r.Run.Status), OK: r.OK(), Published: r.Publication != 0, Publication: r.Publication,
		NotBecause: r.NotBecause, Marts: r.Marts, Rows: r.Run.RowCount, Elapsed: r.Elapsed.Seconds(),
		Counts: countsDoc{s.pass, s.warn, s.errors, s.skip, s.noOp, s.reused, s.total},
		Nodes:  []nodeDoc{}, After: aftermathJSON(r.After),
	}
	if r.EndHooks != nil {
		doc.EndHooks = r.EndHooks.Error()
	}
	for _, n := range r.Nodes {
		doc.Nodes = append(doc.Nodes, nodeJSON(n))
	}
	doc.Stale = staleJSON(r.Unbuilt)
	return doc
}

func staleJSON(stale []runner.Stale) []staleDoc {
	docs := []staleDoc{}
	for _, s := range stale {
		docs = append(docs, staleDoc{s.Model, s.Reads, seqName(s.Seq), some(s.Models)})
	}
	return docs
}

func nodeJSON(n runner.NodeResult) nodeDoc {
	doc := nodeDoc{ID: n.ID, Name: n.Name, Resource: n.Resource, Kind: n.Kind, File: n.File, Status: string(n.Status), Because: n.Because,
		Model: n.Model, Column: n.Column, SampleSQL: n.SampleSQL, Started: jsonTime(n.Started), Took: n.Duration.Seconds()}
	if isTest(&n) {
		doc.Failures, doc.Blocking = &n.Failures, n.Blocking
		if n.KeptIn.Name != "" {
			doc.KeptIn = n.KeptIn.String()
		}
	} else if n.Rows >= 0 {
		doc.Rows = &n.Rows
	}
	if n.Err != nil {
		doc.Error = n.Err.Error()
	}
	for _, row := range n.Sample.Rows {
		m := map[string]*string{}
		for i, v := range row {
			m[uniqueNames(n.Sample.Columns)[i]] = v
		}
		doc.Sample = append(doc.Sample, m)
	}
	return doc
}

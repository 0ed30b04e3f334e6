package main

import (
	"encoding/json"

	"warehouse/runner"
	"warehouse/runner/history"
)

// The names are those of the columns of the state tables.

type runDoc struct {
	RunID           string          `json:"run_id"`
	Run             string          `json:"run"`
	Seq             int64           `json:"seq"`
	Status          string          `json:"status"`
	Live            bool            `json:"live"`
	Previous        bool            `json:"previous"`
	Tags            []string        `json:"tags"`
	Command         string          `json:"command"`
	Target          string          `json:"target"`
	Select          []string        `json:"select"`
	Exclude         []string        `json:"exclude"`
	Publish         bool            `json:"publish"`
	Vars            json.RawMessage `json:"vars"`
	Project         string          `json:"project"`
	CodeVersion     string          `json:"code_version"`
	ProjectSHA256   string          `json:"project_sha256"`
	ToolVersion     string          `json:"tool_version"`
	Host            string          `json:"host"`
	User            string          `json:"user"`
	StartedAt       *string         `json:"started_at"`
	ResumedAt       *string         `json:"resumed_at,omitempty"`
	FinishedAt      *string         `json:"finished_at"`
	RowCount        int64           `json:"row_count"`
	ModelsOK        int             `json:"models_ok"`
	ModelsFailed    int             `json:"models_failed"`
	TestsFailed     int             `json:"tests_failed"`
	BasePublication int64           `json:"base_publication"`
	Error           string          `json:"error"`
	ParentRunID     string          `json:"parent_run_id"`
}

func runJSON(r runner.RunLine) runDoc {
	return runDoc{
		RunID: r.ID, Run: seqName(r.Seq), Seq: r.Seq, Status: string(r.Status), Live: r.Live, Previous: r.Previous, Tags: some(r.Tags),
		Command: r.Command, Target: r.Target, Select: some(r.Selection.Select), Exclude: some(r.Selection.Exclude), Publish: r.Selection.Publish,
		Vars: raw(r.Vars), Project: r.Project, CodeVersion: r.CodeVersion, ProjectSHA256: r.ProjectSHA256, ToolVersion: r.ToolVersion,
		Host: r.Host, User: r.User, StartedAt: jsonTime(r.StartedAt), ResumedAt: jsonTime(r.Resumed), FinishedAt: jsonTime(r.FinishedAt), RowCount: r.RowCount,
		ModelsOK: r.ModelsOK, ModelsFailed: r.ModelsFailed, TestsFailed: r.TestsFailed, BasePublication: r.BasePublication,
		Error: r.Error, ParentRunID: r.ParentRunID,
	}
}

// raw is JSON that was stored as text; null if it is not JSON.
func raw(b json.RawMessage) json.RawMessage {
	if !json.Valid(b) {
		return json.RawMessage("null")
	}
	return b
}

type pageDoc struct {
	runDoc
	Models       []modelDoc       `json:"models"`
	Tests        []testDoc        `json:"tests"`
	Publications []publicationDoc `json:"publications"`
	Profile      []martProfileDoc `json:"profile,omitempty"` // asked for by --profile
}

type modelDoc struct {
	Model          string                   `json:"model"`
	Attempt        int                      `json:"attempt"`
	DataRunID      string                   `json:"data_run_id"`
	Kind           string                   `json:"kind"`
	Status         string                   `json:"status"`
	RowCount       *int64                   `json:"row_count"`
	Checksum       string                   `json:"checksum"`
	ChecksumScheme string                   `json:"checksum_scheme"`
	Layout         history.Layout           `json:"layout"`
	CompiledSQL    string                   `json:"compiled_sql"`
	SQLSHA256      string                   `json:"sql_sha256"`
	CodeVersion    string                   `json:"code_version"`
	Inputs         map[string]history.Input `json:"inputs"`
	Error          string                   `json:"error"`
	StartedAt      *string                  `json:"started_at"`
	FinishedAt     *string                  `json:"finished_at"`
}

type testDoc struct {
	Test        string          `json:"test"`
	Attempt     int             `json:"attempt"`
	Model       string          `json:"model"`
	Column      string          `json:"column"`
	Severity    string          `json:"severity"`
	Status      string          `json:"status"`
	Failures    int64           `json:"failures"`
	Sample      json.RawMessage `json:"sample"`
	CompiledSQL string          `json:"compiled_sql"`
	Error       string          `json:"error"`
	StartedAt   *string         `json:"started_at"`
	FinishedAt  *string         `json:"finished_at"`
}

type publicationDoc struct {
	Seq    int64   `json:"seq"`
	Action string  `json:"action"`
	At     *string `json:"published_at"`
	By     string  `json:"published_by"`
	Reason string  `json:"reason"`
}

func pageJSON(p *runner.RunPage) pageDoc {
	doc := pageDoc{runDoc: runJSON(p.RunLine), Models: []modelDoc{}, Tests: []testDoc{}, Publications: []publicationDoc{}}
	for _, m := range p.Models {
		d := modelDoc{Model: m.Model, Attempt: m.Attempt, DataRunID: m.DataRunID, Kind: m.Kind, Status: string(m.Status), Checksum: m.Checksum,
			ChecksumScheme: m.ChecksumScheme, Layout: m.Layout, CompiledSQL: m.CompiledSQL, SQLSHA256: m.SQLSHA256, CodeVersion: m.CodeVersion,
			Inputs: m.Inputs, Error: m.Error, StartedAt: jsonTime(m.StartedAt), FinishedAt: jsonTime(m.FinishedAt)}
		if m.RowCount >= 0 {
			d.RowCount = &m.RowCount
		}
		doc.Models = append(doc.Models, d)
	}
	for _, t := range p.Tests {
		doc.Tests = append(doc.Tests, testDoc{Test: t.Test, Attempt: t.Attempt, Model: t.Model, Column: t.Column, Severity: t.Severity,
			Status: t.Status, Failures: t.Failures, Sample: raw(t.Sample), CompiledSQL: t.CompiledSQL, Error: t.Error,
			StartedAt: jsonTime(t.StartedAt), FinishedAt: jsonTime(t.FinishedAt)})
	}
	for _, pub := range p.Publications {
		doc.Publications = append(doc.Publications, publicationDoc{pub.Seq, pub.Action, jsonTime(pub.At), pub.By, pub.Reason})
	}
	return doc
}

package runner

import (
	"cmp"
	"fmt"
	"time"

	"warehouse/runner/artifact"
	"warehouse/runner/compile"
	"warehouse/runner/history"
)

// runResults is what became of each node, in the order in which they ended.
func (a *artifacts) runResults() *artifact.RunResults {
	rep := a.o.Report
	out := &artifact.RunResults{Metadata: a.metadata(artifact.RunResultsSchema), Results: []artifact.RunResult{}, ElapsedTime: rep.Elapsed.Seconds(),
		Args: map[string]any{
			"which": a.o.Which, "invocation_command": a.r.cfg.Command, "project_dir": a.g.Project.Dir, "target": a.g.Project.Target.Name,
			"vars": a.r.storedVars(), "select": texts(rep.Run.Selection.Select), "exclude": texts(rep.Run.Selection.Exclude),
			"full_refresh": rep.Run.Selection.FullRefresh, "empty": rep.Run.Selection.Empty,
		}}
	for i := range rep.Nodes {
		out.Results = append(out.Results, a.result(&rep.Nodes[i]))
	}
	return out
}

func (a *artifacts) result(n *NodeResult) artifact.RunResult {
	out := artifact.RunResult{Status: string(n.Status), Timing: []artifact.Timing{}, ThreadID: "Thread-1 (worker)", ExecutionTime: n.Duration.Seconds(),
		AdapterResponse: map[string]any{}, UniqueID: n.ID}
	if sql, ok := a.sql[n.ID]; ok {
		yes := true
		out.Compiled, out.CompiledCode = &yes, &sql
	}
	node := a.g.Nodes[n.ID]
	if node != nil && node.Test == nil && n.Kind != "ephemeral" {
		out.RelationName = artifact.Text(a.relation(node).String())
	}
	if n.KeptIn.Name != "" {
		out.RelationName = artifact.Text(n.KeptIn.String())
	}
	if n.Status != StatusSkipped && !n.Started.IsZero() {
		// Models are rendered before the first of them is built: what is left
		// of it at a node's own time is nothing.
		out.Timing = []artifact.Timing{timing("compile", n.Started, 0), timing("execute", n.Started, n.Duration)}
	}
	if len(n.Batches) > 0 {
		done := &artifact.BatchResults{Successful: [][]string{}, Failed: [][]string{}}
		for _, x := range n.Batches {
			const form = "2006-01-02T15:04:05+00:00"
			done.Successful = append(done.Successful, []string{x[0].UTC().Format(form), x[1].UTC().Format(form)})
		}
		out.BatchResults = done
	}
	switch n.Status {
	case StatusSuccess, StatusReused:
		out.AdapterResponse["_message"] = "OK"
		if n.Rows >= 0 {
			out.AdapterResponse["rows_affected"] = n.Rows
		}
		out.Message = artifact.Text("OK")
		if n.Because != "" {
			out.Message = artifact.Text(n.Because)
		}
	case StatusPass:
		out.Failures = &n.Failures
	case StatusWarn, StatusFail:
		out.Failures = &n.Failures
		out.Message = artifact.Text(gotResults(n, node))
	case StatusSkipped, StatusNoOp:
		out.Message = artifact.Text(n.Because)
	}
	if n.Err != nil {
		out.Message = artifact.Text(n.Err.Error())
	}
	return out
}

// gotResults is dbt's sentence on a data test that found something.
func gotResults(n *NodeResult, node *compile.Node) string {
	limit, verb, s := "!= 0", "fail", "s"
	if node != nil && node.Test != nil {
		limit = cmp.Or(node.Test.ErrorIf, limit)
	}
	if n.Status == StatusWarn {
		verb = "warn"
		if node != nil && node.Test != nil {
			limit = cmp.Or(node.Test.WarnIf, "!= 0")
		}
	}
	if n.Failures == 1 {
		s = ""
	}
	return fmt.Sprintf("Got %d result%s, configured to %s if %s", n.Failures, s, verb, limit)
}

func timing(name string, start time.Time, took time.Duration) artifact.Timing {
	return artifact.Timing{Name: name, StartedAt: artifact.Text(artifact.Time(start)), CompletedAt: artifact.Text(artifact.Time(start.Add(took)))}
}

// catalog is the columns of what is read in the latest schema, as the register
// has them, and those of the sources that a Catalog looked at.
func (a *artifacts) catalog(records map[string]history.ModelRecord, looked *CatalogReport) *artifact.Catalog {
	out := &artifact.Catalog{Metadata: a.metadata(artifact.CatalogSchema), Nodes: map[string]*artifact.CatalogTable{}, Sources: map[string]*artifact.CatalogTable{}}
	for name, rec := range records {
		if n := a.g.Nodes[a.ids[name]]; n != nil {
			out.Nodes[n.ID] = a.table(n, rec)
		}
	}
	if looked != nil {
		for id, columns := range looked.sources {
			out.Sources[id] = a.sourceTable(a.g.Nodes[id], columns)
		}
		for _, err := range looked.Errors {
			out.Errors = append(out.Errors, err.Error())
		}
	}
	return out
}

func (a *artifacts) table(n *compile.Node, rec history.ModelRecord) *artifact.CatalogTable {
	database := a.database()
	// What people read is always a view; a mart's rows are in a table behind it.
	t := &artifact.CatalogTable{UniqueID: &n.ID, Columns: map[string]*artifact.CatalogColumn{}, Stats: map[string]*artifact.CatalogStat{},
		Metadata: artifact.TableMetadata{Type: "BASE TABLE", Schema: a.relation(n).Schema, Name: n.Table.Name, Database: &database,
			Comment: artifact.Text(n.Description)}}
	if n.Kind == "view" {
		t.Metadata.Type = "VIEW"
	}
	comments := map[string]string{}
	for _, c := range n.Columns {
		comments[c.Name] = c.Description
	}
	add := func(name, typ, comment string) {
		t.Columns[name] = &artifact.CatalogColumn{Type: typ, Index: len(t.Columns) + 1, Name: name, Comment: artifact.Text(comment)}
	}
	types := a.r.dialect().Types()
	if rec.Layout.RunColumn != "" {
		add(rec.Layout.RunColumn, types.RunID, "the run that the row is of")
	}
	for _, c := range rec.Layout.Columns {
		add(c.Name, c.Type, comments[c.Name])
	}
	if rec.Layout.CreatedColumn != "" {
		add(rec.Layout.CreatedColumn, types.Timestamp, "when the row was written")
	}
	stat := func(id, label string, value any, include bool, description string) {
		t.Stats[id] = &artifact.CatalogStat{ID: id, Label: label, Value: value, Include: include, Description: &description}
	}
	if rec.RowCount >= 0 {
		stat("num_rows", "# Rows", rec.RowCount, true, "Number of rows of the run")
	}
	stat("has_stats", "Has Stats?", rec.RowCount >= 0, false, "Indicates whether there are statistics for this table")
	return t
}

package trino

import (
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

var (
	_ engine.Appender = backend{}
	_ engine.Overseer = backend{}
)

// JSONRows: a row per value in VALUES would take the planner a millisecond.
func (backend) JSONRows() string {
	return "UNNEST(CAST(json_parse(?) AS array(array(varchar)))) AS j(r)"
}

// MaxStatement is query.max-length, as it is unless the server says otherwise.
func (backend) MaxStatement() int { return 1_000_000 }

// MaxBranches leaves a branch 15 of query.max-stage-count's 150.
func (backend) MaxBranches() int { return 10 }

func (backend) JSONTexts() string { return "UNNEST(CAST(json_parse(?) AS array(varchar))) AS j(v)" }

func (b backend) ParseTime(expr string) string {
	return fmt.Sprintf("CAST(%s AS %s)", expr, b.Types().Timestamp)
}

// InsertNew is a compare-and-swap: an INSERT never conflicts with another, a
// MERGE does with what adds rows that it would have matched.
func (backend) InsertNew(table engine.Relation, key, into []string, query string) string {
	var on, values []string
	for _, k := range key {
		on = append(on, fmt.Sprintf("t.%[1]s = n.%[1]s", engine.Ident(k)))
	}
	for _, c := range into {
		values = append(values, "n."+engine.Ident(c))
	}
	return fmt.Sprintf("MERGE INTO %s AS t USING (\n%s\n) AS n(%s) ON %s\nWHEN NOT MATCHED THEN INSERT (%s) VALUES (%s)",
		table, query, engine.Idents(into), strings.Join(on, " AND "), engine.Idents(into), strings.Join(values, ", "))
}

func (backend) SnapshotType() string { return "map(varchar, varchar)" }

func (b backend) ParseSnapshot(expr string) string {
	return fmt.Sprintf("CAST(json_parse(%s) AS %s)", expr, b.SnapshotType())
}

func (backend) UnnestSnapshots(log engine.Relation) string {
	return fmt.Sprintf("SELECT p.seq, u.mart, u.run_id FROM %s AS p CROSS JOIN UNNEST(p.marts) AS u(mart, run_id)", log)
}

// LiveRun reads two columns of the log and no other row than the newest, or the
// two newest.
func (backend) LiveRun(log engine.Relation, mart string, back int) string {
	newest := "max_by(p.marts, p.seq)"
	if back > 0 {
		newest = fmt.Sprintf("element_at(max_by(p.marts, p.seq, %[1]d), %[1]d)", back+1)
	}
	return fmt.Sprintf("(SELECT element_at(%s, %s) FROM %s AS p)", newest, engine.Literal(mart), log)
}

// ended are the states of statements that do nothing more.
const ended = "('FINISHED', 'FAILED')"

func (backend) StatementsOf(source string) string {
	return fmt.Sprintf("SELECT query_id FROM system.runtime.queries WHERE source = %s AND state NOT IN %s", engine.Literal(source), ended)
}

func (backend) LastOf(source string) string {
	return fmt.Sprintf("SELECT date_diff('second', max(coalesce(\"end\", current_timestamp)), current_timestamp) FROM system.runtime.queries WHERE source = %s", engine.Literal(source))
}

func (backend) Kill(id string) string {
	return fmt.Sprintf("CALL system.runtime.kill_query(query_id => %s, message => 'its run is taken over')", engine.Literal(id))
}

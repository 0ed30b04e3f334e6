package runner

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"warehouse/runner/artifact"
	"warehouse/runner/compile"
	"warehouse/runner/dag"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/project"
)

// FreshnessOptions of Freshness.
type FreshnessOptions struct {
	Select, Exclude []string
	Filter          Filter
}

// FreshnessReport is how old sources were found to be.
type FreshnessReport struct {
	Sources []SourceAge // in order of the graph
	Elapsed time.Duration
}

// SourceAge is how old one source was found to be.
type SourceAge struct {
	ID, Source, Name, File string
	Status                 string    // artifact.Pass, Warn, Error or RuntimeError
	LoadedAt               time.Time // the newest row's; zero if there is none
	AskedAt                time.Time
	Rules                  project.Freshness
	Err                    error // of a RuntimeError
	Started                time.Time
	Duration               time.Duration
}

// Seconds is how long before AskedAt the newest row was loaded; a row that is
// of the future is less than nothing old. Of a source without a row it is as
// long as times go back.
func (a *SourceAge) Seconds() float64 {
	whole := a.AskedAt.Unix() - a.LoadedAt.Unix() // a Duration ends at 292 years
	return float64(whole) + float64(a.AskedAt.Nanosecond()-a.LoadedAt.Nanosecond())/1e9
}

// Freshness finds out how old the selected sources are, of those that say how
// old they may be. Nothing is written to the target. A source that could not be
// asked is a result with an error, as in dbt.
func (r *Runner) Freshness(ctx context.Context, o FreshnessOptions) (*FreshnessReport, error) {
	begun := time.Now()
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	p, failed, err := r.pick(ctx, g, wanted{include: o.Select, exclude: o.Exclude, Filter: o.Filter})
	if err != nil {
		return nil, err
	}
	at, edges := map[string]int{}, map[string][]string{}
	rep := &FreshnessReport{}
	for _, id := range g.DAG.Order() {
		n := g.Nodes[id]
		if n == nil || n.Source == nil || !p.direct[id] || !n.Source.Freshness.Asked() {
			continue
		}
		at[id], edges[id] = len(rep.Sources), nil
		rep.Sources = append(rep.Sources, SourceAge{ID: id, Source: n.Source.SourceName, Name: n.Source.Name, File: n.File, Rules: *n.Source.Freshness})
	}
	if len(at) == 0 {
		if failed != nil {
			failed.Verb, failed.What = "ask", "source with a rule of freshness"
			return nil, failed
		}
		return rep, nil
	}
	graph, err := dag.New(edges)
	if err != nil {
		return nil, err
	}
	s, err := r.readOrMemory(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r.event(Event{Kind: EventPlan, Total: len(at), Message: "source freshness"})
	dag.Walk(ctx, graph, dag.Options{Workers: r.workers()}, func(ctx context.Context, id string) error {
		s.askAge(ctx, g, g.Nodes[id], &rep.Sources[at[id]], at[id]+1, len(at))
		return nil
	})
	rep.Elapsed = time.Since(begun)
	return rep, ctx.Err()
}

// askAge fills in a source's age and its status.
func (s *session) askAge(ctx context.Context, g *compile.Graph, n *compile.Node, a *SourceAge, index, total int) {
	begun := time.Now()
	a.Started = s.r.now()
	node := NodeResult{ID: a.ID, Name: a.Source + "." + a.Name, Resource: compile.Source, File: a.File, Rows: -1, Status: StatusStart, Started: a.Started}
	s.r.event(Event{Kind: EventStart, Index: index, Total: total, Node: &node})
	err := s.db.With(ctx, func(c *engine.Conn) error {
		var err error
		a.LoadedAt, err = s.loadedAt(ctx, c, g, n)
		return err
	})
	a.AskedAt, a.Duration = s.r.now(), time.Since(begun)
	if err != nil {
		err = s.r.hidden(ofSource(n, err))
	}
	a.Err = err
	a.Status = verdictOf(a)
	ended := node
	ended.Duration, ended.Err = a.Duration, a.Err
	ended.Status = map[string]NodeStatus{artifact.Pass: StatusPass, artifact.Warn: StatusWarn}[a.Status]
	if ended.Status == "" {
		ended.Status = StatusError
	}
	s.r.event(Event{Kind: EventResult, Index: index, Total: total, Node: &ended})
}

func verdictOf(a *SourceAge) string {
	switch {
	case a.Err != nil:
		return artifact.RuntimeError
	case a.Rules.ErrorAfter.Passed(a.Seconds()):
		return artifact.Error
	case a.Rules.WarnAfter.Passed(a.Seconds()):
		return artifact.Warn
	}
	return artifact.Pass
}

// ofSource says of which source an error is, and where it is described.
func ofSource(n *compile.Node, err error) error {
	e := &diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("the age of source %s.%s: %s", n.Source.SourceName, n.Source.Name, err), Err: err}
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		e.Advice = hint.Hint()
	}
	return e
}

// loadedAt is the time of a source's newest row; the zero time if it has none.
func (s *session) loadedAt(ctx context.Context, c *engine.Conn, g *compile.Graph, n *compile.Node) (time.Time, error) {
	q, err := s.r.loadedAtSQL(ctx, g, n)
	if err != nil {
		return time.Time{}, err
	}
	cols, err := c.Describe(ctx, q)
	if err != nil {
		return time.Time{}, err
	}
	typ := strings.ToUpper(cols[0].Type)
	switch {
	case len(cols) != 1:
		return time.Time{}, &UsageError{Msg: fmt.Sprintf("loaded_at_query gives %d columns, and one is needed", len(cols)), Advice: "write one that gives the time of the newest row: select max(…) from {{ this }}"}
	case !strings.HasPrefix(typ, "TIMESTAMP") && !strings.HasPrefix(typ, "DATE"):
		return time.Time{}, &UsageError{Msg: fmt.Sprintf("a timestamp is needed, and it is %s", cols[0].Type), Advice: "cast it in YAML: loaded_at_field: cast(loaded_at as timestamp)"}
	}
	rows, err := c.Query(ctx, q)
	if err != nil {
		return time.Time{}, err
	}
	defer rows.Close()
	var at sql.NullTime
	if rows.Next() {
		if err := rows.Scan(&at); err != nil {
			return time.Time{}, err
		}
	}
	if rows.Next() {
		return time.Time{}, &UsageError{Msg: "loaded_at_query gives many rows, and one is needed", Advice: "write one that gives the time of the newest row: select max(…) from {{ this }}"}
	}
	if err := rows.Err(); err != nil {
		return time.Time{}, c.Explain(err, q)
	}
	if !at.Valid {
		return time.Time{}, nil
	}
	t := at.Time
	if !strings.Contains(typ, "TIME ZONE") {
		// A time without a zone is UTC, whatever zone the driver gave it.
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	return t.UTC(), nil
}

// loadedAtSQL is the query for the time of a source's newest row.
func (r *Runner) loadedAtSQL(ctx context.Context, g *compile.Graph, n *compile.Node) (string, error) {
	s := n.Source
	switch {
	case s.LoadedAtField != "" && s.LoadedAtQuery != "":
		return "", &UsageError{Msg: "loaded_at_field and loaded_at_query are both given", Advice: "keep one of them"}
	case s.LoadedAtQuery != "":
		rendered, err := g.RenderLoadedAt(ctx, n, r.offlineBinding())
		if err != nil {
			return "", err
		}
		return rendered.SQL, nil
	case s.LoadedAtField == "":
		return "", &UsageError{Msg: "it has a rule of freshness, and neither loaded_at_field nor loaded_at_query", Advice: "name the column in which the time of loading stands: loaded_at_field: loaded_at"}
	}
	q := "SELECT max(" + s.LoadedAtField + ") AS loaded_at\nFROM " + g.FromOf(n, r.offlineBinding())
	if s.Freshness.Filter != "" {
		q += "\nWHERE " + s.Freshness.Filter
	}
	return q, nil
}

// sources is sources.json.
func (a *artifacts) sources() *artifact.SourceFreshness {
	rep := a.o.Freshness
	out := &artifact.SourceFreshness{Metadata: a.metadata(artifact.SourcesSchema), Results: []artifact.SourceResult{}, ElapsedTime: rep.Elapsed.Seconds()}
	for i := range rep.Sources {
		src := &rep.Sources[i]
		res := artifact.SourceResult{UniqueID: src.ID, Status: src.Status, MaxLoadedAt: loadedText(src.LoadedAt), SnapshottedAt: artifact.Time(src.AskedAt),
			MaxLoadedAtTimeAgo: src.Seconds(), Criteria: *freshness(&src.Rules), AdapterResponse: map[string]any{},
			Timing:   []artifact.Timing{timing("compile", src.Started, 0), timing("execute", src.Started, src.Duration)},
			ThreadID: "Thread-1 (worker)", ExecutionTime: src.Duration.Seconds()}
		if src.Err != nil {
			res.Error = src.Err.Error()
		}
		out.Results = append(out.Results, res)
	}
	return out
}

// loadedText is a time as sources.json has it: without a row, the first of all
// times, as dbt writes it.
func loadedText(t time.Time) string {
	if t.IsZero() {
		return "0001-01-01T00:00:00.000000Z"
	}
	return artifact.Time(t)
}

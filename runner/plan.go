package runner

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"warehouse/runner/compile"
	"warehouse/runner/history"
)

// Plan is what a build would do.
type Plan struct {
	Base  history.Snapshot // what unbuilt models are read from
	Steps []Step           // in order
	Tests int
	Stale []Stale // what would still read an older run of what is built
}

// Step is one model of a Plan.
type Step struct {
	Name, Kind, File string
	Do               string // "build"
	Why              Change
	Because          string // in words: "its SQL changed"
	Selected         string // what state: named it for, in words; "" if it did not
	Reads            []StepInput
	Tests            int           // data tests that read it
	SQL, LiveSQL     string        // as it would be stored, and as it is; LiveSQL is "" if it was never published
	LastRows         int64         // of the live run; -1 if there is none
	LastTook         time.Duration // to build it then
}

// Change says what differs from the live run of a model.
type Change string

const (
	ChangeNew     Change = "new"     // it was never published
	ChangeSQL     Change = "sql"     // it renders to other SQL
	ChangeStorage Change = "storage" // its key, table or columns of the runner changed
	ChangeReads   Change = "reads"   // something that it reads changes in this build
	ChangeLater   Change = "later"   // its SQL depends on query results: known when it runs
	ChangeNone    Change = "none"    // the same SQL over the same marts; sources may have changed
)

// StepInput is what a step reads: a model of this run (Run ""), a published
// run ("r41"), or a source.
type StepInput struct{ Name, Run string }

// DryRun says what Build would do. It takes the readers' lock and writes
// nothing.
func (r *Runner) DryRun(ctx context.Context, o BuildOptions) (*Plan, error) {
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	p, err := r.pickModels(ctx, g, wanted{include: o.Select, exclude: o.Exclude, Filter: o.Filter})
	if err != nil {
		return nil, err
	}
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var base history.Snapshot
	var records map[string]history.ModelRecord
	seqs := map[string]int64{}
	if s.reg != nil {
		if base, records, err = s.live(ctx); err != nil {
			return nil, err
		}
		if seqs, err = s.reg.Seqs(ctx, s.conn); err != nil {
			return nil, err
		}
	}
	w, err := planWork(g, p, base, records)
	if err != nil {
		return nil, err
	}
	return r.plan(ctx, w, o, seqs)
}

// plan compares what the work would do with what is live.
func (r *Runner) plan(ctx context.Context, w *work, o BuildOptions, seqs map[string]int64) (*Plan, error) {
	b := &build{session: &session{r: r}, work: w, o: o, run: history.Run{ID: nilRun, StartedAt: r.now()}}
	binder := b.binding()
	plan := &Plan{Base: w.base, Tests: len(w.tests), Stale: w.stale(seqs)}
	changed := map[string]bool{}
	for _, id := range w.graph.Order() {
		n, ok := w.models[id]
		if !ok {
			continue
		}
		s := Step{Name: n.Name, Kind: n.Kind, File: n.File, Do: "build", LastRows: -1, Reads: w.stepInputs(n, seqs)}
		for _, t := range w.tests {
			if slices.Contains(t.Refs, id) {
				s.Tests++
			}
		}
		if err := r.compareStep(ctx, w, o, n, binder, &s, changed); err != nil {
			return nil, err
		}
		changed[n.Name] = s.Why != ChangeNone
		s.Selected = w.picked.why[id]
		plan.Steps = append(plan.Steps, s)
	}
	return plan, nil
}

// compareStep finds out what differs from the live run of a model.
func (r *Runner) compareStep(ctx context.Context, w *work, o BuildOptions, n *compile.Node, binder compile.Binding, s *Step, changed map[string]bool) error {
	rendered, err := r.planned(ctx, w, o, n, binder)
	later := errors.Is(err, errDeferred)
	if err != nil && !later {
		return err
	}
	rec, live := w.records[n.Name]
	if live {
		s.LastRows, s.LastTook, s.LiveSQL = rec.RowCount, rec.FinishedAt.Sub(rec.StartedAt), rec.CompiledSQL
	}
	if rendered != nil {
		s.SQL = rendered.Stored
	}
	var moved []string
	for _, name := range stored(w.g, n) {
		if changed[name] {
			moved = append(moved, name)
		}
	}
	switch {
	case !live:
		s.Why, s.Because = ChangeNew, "it was never published"
	case later:
		s.Why, s.Because = ChangeLater, "its SQL depends on query results"
	case !r.sameSQL(ctx, w, o, n, binder, s):
		s.Why, s.Because = ChangeSQL, "its SQL changed"
		if prints := printed(w.g, rendered); prints != "" && runMarks.ReplaceAllString(s.SQL, "") == runMarks.ReplaceAllString(s.LiveSQL, "") {
			s.Because = fmt.Sprintf("it prints %s, and its SQL differs in nothing else", prints)
		}
	case !sameStorage(rec, n):
		s.Why, s.Because = ChangeStorage, "how it is stored changed"
	case len(moved) > 0:
		s.Why, s.Because = ChangeReads, "it reads "+strings.Join(moved, ", ")
	default:
		s.Why, s.Because = ChangeNone, "nothing of it changed"
	}
	return nil
}

// sameSQL says whether a step has the SQL that is live. An incremental model has
// one SQL when it is built from nothing and another one ever after, and a snapshot
// has the time of the run in it: that is no change.
func (r *Runner) sameSQL(ctx context.Context, w *work, o BuildOptions, n *compile.Node, binder compile.Binding, s *Step) bool {
	if s.SQL == s.LiveSQL || n.Increment == nil && n.Snapshot == nil {
		return s.SQL == s.LiveSQL
	}
	now, live := []string{s.SQL}, s.LiveSQL
	if n.Snapshot != nil {
		if rendered, err := w.g.Render(ctx, n, binder); err == nil {
			b := &build{session: &session{r: r}, work: w, o: o}
			f := b.newFold(n, nil)
			f.asPublished(w.records[n.Name].Layout.Columns)
			now = append(now, f.first(rendered).Stored)
		}
		for i := range now {
			now[i] = runTime.ReplaceAllString(now[i], "''")
		}
		live = runTime.ReplaceAllString(live, "''")
	} else {
		binder.Incremental = func(*compile.Node) bool { return false }
		if rendered, err := r.planned(ctx, w, o, n, binder); err == nil {
			now = append(now, rendered.Stored)
		}
	}
	return slices.Contains(now, live)
}

// runTime matches the time of a run in the SQL of a snapshot.
var runTime = regexp.MustCompile(`'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}[^']*'`)

// printed is what of a run a model's SQL prints; "" if it prints nothing.
func printed(g *compile.Graph, r *compile.Rendered) string {
	if r.Volatile != "" || len(r.RunOf) == 0 {
		return r.Volatile
	}
	name := r.RunOf[0]
	if n := g.Nodes[name]; n != nil {
		name = n.Name
	}
	return "the run of " + name
}

// runMarks are what a run prints of itself: run ids and times.
var runMarks = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?`)

func sameStorage(rec history.ModelRecord, n *compile.Node) bool {
	l := rec.Layout
	if rec.Kind != n.Kind || l.Schema != n.Table.Schema || l.Table != n.Table.Name || l.Shown != n.Shown {
		return false
	}
	created := l.CreatedColumn == n.Config.CreatedAtColumn || n.Config.CreatedAtYields && l.CreatedColumn == ""
	return n.Kind == "view" || l.RunColumn == n.Config.RunIDColumn && created && slices.Equal(l.Key, n.Config.PrimaryKey)
}

func (w *work) stepInputs(n *compile.Node, seqs map[string]int64) []StepInput {
	var out []StepInput
	for _, name := range stored(w.g, n) {
		in := StepInput{Name: name}
		if !w.names[name] {
			in.Run = fmt.Sprintf("r%d", seqs[w.base.Marts[name]])
		}
		out = append(out, in)
	}
	for _, pid := range n.Parents {
		if src := w.g.Nodes[pid]; src != nil && src.Resource == compile.Source {
			out = append(out, StepInput{Name: src.Source.SourceName + "." + src.Source.Name, Run: "source"})
		}
	}
	return out
}

// planned is the SQL of a step: of a seed that of its file, of an incremental
// model or a snapshot with what it carries over.
func (r *Runner) planned(ctx context.Context, w *work, o BuildOptions, n *compile.Node, binder compile.Binding) (*compile.Rendered, error) {
	if n.Resource == compile.Seed {
		rendered, _, err := r.renderSeed(n)
		return rendered, err
	}
	b := &build{session: &session{r: r}, work: w, o: o}
	var window compile.Batch
	var rendered *compile.Rendered
	var err error
	if n.Increment != nil && n.Increment.Batches != nil {
		window = b.window(n)
		if was, ok := windowOf(w.records[n.Name].CompiledSQL); ok && o.EventTimeStart.IsZero() {
			window = was // it goes on with the clock
		}
		var x batches
		if x, err = b.batched(ctx, n, binder, window); err == nil {
			rendered = x.all()
		}
	} else {
		rendered, err = w.g.Render(ctx, n, binder)
	}
	switch {
	case err != nil:
	case n.Snapshot != nil:
		rendered = b.plannedFold(n, rendered)
	case binder.Incremental(n):
		rendered = b.unchanged(n, rendered, window)
	}
	return rendered, err
}

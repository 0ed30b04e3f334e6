package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"warehouse/runner/compile"
	"warehouse/runner/dag"
	"warehouse/runner/datatest"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// build is one running build. Its steps are the methods that Build calls, in
// that order.
type build struct {
	*session
	*work
	o       BuildOptions
	run     history.Run
	layouts map[string][]engine.Column // stored columns, by tableKey
	binder  compile.Binding
	begun   time.Time                      // by the monotonic clock
	attempt int                            // of the records that are written; 1 but for a retry
	old     map[string]history.ModelRecord // of a retry: what earlier tries recorded, by model name

	mu       sync.Mutex
	tasks    map[string]*task // per model, by id
	render   func(context.Context, *compile.Node, compile.Binding) (*compile.Rendered, error)
	prints   map[string]string // fingerprints of sources, by node id
	reuse    reuse
	settings map[string]string // of the engine, that shape what SQL computes
	seeds    func(*compile.Node) (*compile.Rendered, *seedFile, error)
	parent   string          // of a replay: the run whose SQL it is
	replayed json.RawMessage // and that run's variables

	shapes  shapes                     // of what unit tests are given
	fused   map[string]datatest.Result // results of data tests that were counted with their model
	unbuilt map[string]string          // of a Test: data tests that say nothing of the run, and why
	started int
	results []NodeResult
	rows    []history.ModelRecord // of what did not succeed: written at the end
	pending []history.ModelRecord // of view models: written with the next mart
	tests   []history.TestRecord
	done    map[string]history.ModelRecord // what succeeded, by model name
	scans   int
	pace    pace
	seqs    map[string]int64 // numbers of runs, of a build that leaves models out
	relief  relief
}

// Build makes a new run. The error is for what could not be done at all
// (project errors, lock, refused run id, nothing selected: exit code 2);
// failed models and data tests are in the report (exit code 1).
func (r *Runner) Build(ctx context.Context, o BuildOptions) (report *Report, err error) {
	begun := time.Now()
	if o.RunID != "" {
		id, err := uuid.Parse(o.RunID)
		if err != nil || len(o.RunID) != 36 {
			return nil, &UsageError{Msg: fmt.Sprintf("--run-id %q is not a UUID", o.RunID),
				Advice: "leave it out to get a new one, or write 8-4-4-4-12 hexadecimal digits"}
		}
		o.RunID = id.String()
	} else {
		o.RunID = r.cfg.NewID()
	}
	switch from, to := o.EventTimeStart, o.EventTimeEnd; {
	case from.IsZero() != to.IsZero():
		return nil, &UsageError{Msg: "--event-time-start and --event-time-end go together", Advice: "give both, or neither: then batches are computed up to now"}
	case !from.IsZero() && !from.Before(to):
		return nil, &UsageError{Msg: fmt.Sprintf("--event-time-start %s is not before --event-time-end %s", from.Format(time.DateTime), to.Format(time.DateTime))}
	}
	asked, stop := context.WithCancel(ctx)
	origin := r.originLater(asked)
	defer func() {
		stop()
		origin() // nothing runs on
	}()
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	p, err := r.pickModels(ctx, g, wanted{include: o.Select, exclude: o.Exclude, Filter: o.Filter})
	if errors.Is(err, ErrNothingSelected) && p.unitsOnly(g) {
		return r.testUnits(ctx, g, p, begun) // they need no run
	}
	if err != nil {
		return nil, err
	}
	if !o.NoPublish {
		r.sayUntested(g, p)
	}
	s, err := r.openForBuild(ctx, o.RunID, g, p)
	if err != nil {
		return nil, err
	}
	defer func() { // also when a callback of the caller's panics
		if cerr := s.Close(); err == nil && cerr != nil {
			err = cerr
		}
	}()
	return newBuild(s, begun, o).all(ctx, g, p, origin)
}

func newBuild(s *session, begun time.Time, o BuildOptions) *build {
	return &build{session: s, o: o, begun: begun, attempt: 1, tasks: map[string]*task{}, fused: map[string]datatest.Result{}, done: map[string]history.ModelRecord{}}
}

// selection is what was asked for, as the register keeps it.
func (b *build) selection() history.Selection {
	s := b.picked.record
	s.Select, s.Exclude, s.Publish = b.o.Select, b.o.Exclude, !b.o.NoPublish
	s.FullRefresh, s.Empty, s.Reuse, s.StoreFailures = b.o.FullRefresh, b.o.Empty, b.o.Reuse, b.o.StoreFailures
	if !b.o.EventTimeStart.IsZero() {
		s.EventTimeStart, s.EventTimeEnd = &b.o.EventTimeStart, &b.o.EventTimeEnd
	}
	return s
}

// UsageError is a request that makes no sense as it was made.
type UsageError struct{ Msg, Advice string }

func (e *UsageError) Error() string { return e.Msg }
func (e *UsageError) Hint() string  { return e.Advice }

func (b *build) all(ctx context.Context, g *compile.Graph, p picked, origin func() origin) (*Report, error) {
	if b.render == nil {
		b.render = g.Render
		b.seeds = b.r.renderSeed
	}
	base, records, err := b.live(ctx)
	if err != nil {
		return nil, err
	}
	if b.work, err = planWork(g, p, base, records); err != nil {
		return nil, err
	}
	for id, n := range b.models {
		b.tasks[id] = &task{node: n} // the end of the run is told by them, however early it is
	}
	if err := b.fingerprints(ctx); err != nil {
		return nil, err
	}
	for _, q := range b.checkpoints(true) {
		if _, err := b.conn.Exec(ctx, q); err != nil {
			return nil, err
		}
	}
	if err := b.narrow(ctx); err != nil {
		return nil, err
	}
	defer b.pace.end()
	if b.old != nil {
		err = b.resume(ctx, origin())
	} else {
		err = b.begin(ctx, origin())
	}
	if err != nil {
		return nil, err
	}
	if !b.picked.all && b.base.Publication != 0 {
		if b.seqs, err = b.reg.Seqs(ctx, b.conn); err != nil {
			return nil, err
		}
	}
	b.r.event(Event{Kind: EventPlan, Run: b.run.ID, Total: len(b.models) + len(b.work.tests), Message: fmt.Sprintf("r%d", b.run.Seq)})
	if msg := b.unselected(b.seqs); msg != "" {
		b.r.event(Event{Kind: EventLog, Run: b.run.ID, Message: msg})
	}
	var walked map[string]dag.Outcome
	if err = b.startHooks(ctx); err == nil {
		if b.settings, err = diff.Settings(ctx, b.conn); err == nil {
			err = b.reuse.learn(ctx, b)
		}
		if err == nil {
			err = b.prepare(ctx)
		}
	}
	if err == nil && b.firstError() == nil {
		if err = b.r.warnedError(); err == nil {
			err = b.makeSchemas(ctx)
		}
		if err == nil {
			err = b.failuresSchemas(ctx)
		}
		if err == nil {
			err = b.evolveFirst(ctx)
		}
		if err == nil && !b.light() {
			err = b.widen(ctx)
		}
		if err == nil {
			walked = b.walk(ctx)
		}
	}
	if err != nil && ctx.Err() == nil {
		err = b.r.hidden(err)
		b.run.Error = err.Error()
	}
	report, err := b.finish(ctx, walked, err)
	if report != nil {
		report.EndHooks = b.endHooks(ctx)
	}
	if report != nil && report.Publication != 0 {
		var after error
		report.After, after = b.aftermath(ctx, report.Run)
		if after == nil && ctx.Err() == nil && !b.r.project.PruneAuto {
			var perr error
			if report.After.Prunable, perr = b.prunable(ctx); perr != nil {
				b.r.event(Event{Kind: EventWarning, Err: fmt.Errorf("what prune would free is not known: %w", perr)})
			}
		}
		err = errors.Join(err, after)
		report.Elapsed = time.Since(b.begun)
	}
	return report, err
}

// checkpoints are an engine's statements around a build.
func (b *build) checkpoints(before bool) []string {
	c, ok := b.dialect().(engine.Checkpointer)
	if !ok {
		return nil
	}
	if before {
		return c.BeforeBuild(b.db.Target())
	}
	return c.AfterBuild(b.db.Target())
}

// begin takes the run id: what an unfinished build of the same id left is
// removed, and the run stands in the register as running.
func (b *build) begin(ctx context.Context, o origin) error {
	r := b.r
	vars, err := json.Marshal(r.hideVars(r.storedVars()))
	if err != nil {
		return fmt.Errorf("variables cannot be recorded: %w", err)
	}
	b.run = history.Run{
		ID: b.o.RunID, Status: history.Running, Command: r.hide(r.cfg.Command), Target: r.project.Target.Name,
		Selection: b.selection(),
		Vars:      vars, Project: r.project.Name, CodeVersion: o.code, ProjectSHA256: o.sha256, ToolVersion: r.cfg.Version,
		Host: r.cfg.Host, User: r.cfg.User, StartedAt: r.now(), BasePublication: b.base.Publication,
		ParentRunID: b.parent,
	}
	if b.replayed != nil {
		b.run.Vars = b.replayed
	}
	err = b.conn.Atomic(ctx, func() error {
		old, err := b.reg.StartOver(ctx, b.conn, b.run.ID)
		if err != nil {
			return err
		}
		for _, l := range old {
			if err := deleteRows(ctx, b.conn, l, b.run.ID); err != nil {
				return err
			}
		}
		return b.reg.Begin(ctx, b.conn, &b.run)
	})
	if err != nil {
		return err
	}
	b.binder = b.binding()
	return nil
}

// deleteRows removes a run's rows from the table of a layout. There is no such
// table if the model that should have made it failed.
func deleteRows(ctx context.Context, c *engine.Conn, l history.Layout, runID string) error {
	if l.RunColumn == "" {
		return nil // a view model has none
	}
	tables, err := mart.Layouts(ctx, c, l.Schema)
	if err != nil || tables[strings.ToLower(l.Table)] == nil {
		return err
	}
	d := c.DB().Dialect()
	table := engine.Relation{Database: d.Catalog(), Schema: l.Schema, Name: l.Table}
	_, err = c.Exec(ctx, d.DeleteRun(table, l.RunColumn, runID))
	return err
}

// walk runs every model and data test when what it reads is there.
func (b *build) walk(ctx context.Context) map[string]dag.Outcome {
	return dag.Walk(ctx, b.graph, dag.Options{Workers: b.r.workers(), FailFast: b.o.FailFast}, func(ctx context.Context, id string) error {
		if n, ok := b.work.tests[id]; ok {
			return b.runTest(ctx, n)
		}
		if t := b.tasks[id]; t != nil {
			return b.runModel(ctx, t)
		}
		return nil // a published view, bound in prepare
	})
}

var errFailed = errors.New("failed") // a node failed; its result says how

// number is the next node's.
func (b *build) number() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.started++
	return b.started
}

// start reports that a node starts, and returns its number.
func (b *build) start(n NodeResult) int {
	i := b.number()
	n.Status = StatusStart
	b.r.event(Event{Kind: EventStart, Index: i, Total: len(b.models) + len(b.work.tests), Node: &n, Run: b.run.ID})
	return i
}

// end records and reports what became of a node.
func (b *build) end(i int, n NodeResult) {
	b.mu.Lock()
	b.results = append(b.results, n)
	b.mu.Unlock()
	b.r.event(Event{Kind: EventResult, Index: i, Total: len(b.models) + len(b.work.tests), Node: &n, Run: b.run.ID})
}

// firstError is the error of the first model that failed so far, or nil.
func (b *build) firstError() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.results {
		if n.Status == StatusError && compile.Built(n.Resource) {
			return n.Err
		}
	}
	return nil
}

// nodeResult is a model's or a data test's result before anything is known.
func (b *build) nodeResult(n *compile.Node) NodeResult {
	return newResult(b.g, n)
}

func newResult(g *compile.Graph, n *compile.Node) NodeResult {
	res := NodeResult{ID: n.ID, Name: n.Name, Resource: n.Resource, Kind: n.Kind, File: n.File, Rows: -1, Started: time.Now(), Meta: n.Config.Meta}
	if n.Built() && n.Kind != "ephemeral" {
		res.Relation = publicRelation(g, n)
	}
	if n.Test != nil {
		res.Attached = n.Test.Model
		res.Column, res.Blocking = n.Test.Column, !strings.EqualFold(n.Test.Severity, "warn")
		res.Model = testedModel(g, n)
	}
	return res
}

// testedModel is the name of the model that a data test is attached to; of a
// singular one the first that it reads.
func testedModel(g *compile.Graph, n *compile.Node) string {
	if m := g.Nodes[n.Test.Model]; m != nil {
		return m.Name
	}
	if names := stored(g, n); len(names) > 0 {
		return names[0]
	}
	return ""
}

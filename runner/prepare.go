package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/dag"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// task is one model of a build on its way from template to rows.
type task struct {
	node     *compile.Node
	rendered *compile.Rendered
	columns  []engine.Column // of its SELECT
	spec     mart.Spec
	plan     mart.Plan
	guards   *history.Guards
	read     bool                // a model, a view or a data test reads it
	fused    []*compile.Node     // data tests that are counted while its rows are written
	ifFew    []*compile.Node     // and those that are if they turn out to be few
	csv      *seedFile           // of a seed
	rules    []compile.Rule      // of its contract: verified where its rows are written
	this     bool                // its published rows are bound
	batches  []compile.Batch     // of a microbatch model: what is computed
	parts    []*compile.Rendered // of one with many batches: what is inserted, step by step; the first brings the published rows
	bare     *compile.Rendered   // the SELECT of its first batch
	missing  string              // what the others lack
	deferred bool                // its SQL depends on query results: rendered at its turn
	bound    bool                // its view in memory is the final one
	reused   bool                // the live run's rows are what this one would write
	written  bool                // its rows and their record are committed
	kept     bool                // of a retry: the rows of the first try are what this one would write
	err      error
}

// errDeferred stops the rendering of a template that asks the database before
// its parents are built.
var errDeferred = errors.New("the template asks the database")

// binding is what templates of this build see.
func (b *build) binding() compile.Binding {
	return compile.Binding{
		RunID: b.run.ID, StartedAt: b.run.StartedAt, Database: b.dialect().Catalog(), FullRefresh: b.o.FullRefresh, Selected: b.resources(),
		StoreFailures: b.o.StoreFailures,
		Ref:           func(n *compile.Node) engine.Relation { return binding.Ref(b.dialect(), n.Name) },
		This:          func(n *compile.Node) engine.Relation { return b.r.this(n.Name) },
		Incremental:   b.adds,
		RunOf: func(n *compile.Node) (string, error) {
			b.mu.Lock()
			id := b.runOf(n.Name, b.run.ID)
			b.mu.Unlock()
			if id != "" {
				return id, nil
			}
			return "", fmt.Errorf("run_of('%s'): %w", n.Name, ErrNotPublished)
		},
		Query: func(context.Context, string) ([]engine.Column, [][]any, error) { return nil, nil, errDeferred },
	}
}

// prepare renders and binds every model in memory, in order of the graph: each
// finds an empty view with the right columns where it reads a model that is
// not built yet. After it, no model can fail for a name or a type; nothing in
// the target was touched. Models that do not bind are in the results.
func (b *build) prepare(ctx context.Context) error {
	if err := b.readLayouts(ctx); err != nil {
		return err
	}
	if err := binding.CreateSchemas(ctx, b.conn); err != nil {
		return err
	}
	if err := b.bindSnapshot(ctx, b.baseSnapshot(), b.records); err != nil {
		return err
	}
	b.readers()
	models := map[string]bool{}
	for id := range b.models {
		models[id] = true
	}
	for name := range b.views {
		models[viewID(name)] = true
	}
	g := b.graph.Subgraph(models)
	out := dag.Walk(ctx, g, dag.Options{Workers: b.r.workers()}, func(ctx context.Context, id string) error {
		t := b.tasks[id]
		if t == nil {
			return b.bindPublishedView(ctx, strings.TrimPrefix(id, viewID("")))
		}
		t.err = b.bindTask(ctx, t)
		return t.err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return b.bindFailures(g, out)
}

// readLayouts reads the stored columns of all tables in the schemas that the
// models are stored in.
func (b *build) readLayouts(ctx context.Context) error {
	b.layouts = map[string][]engine.Column{}
	for _, schema := range b.schemas() {
		tables, err := mart.Layouts(ctx, b.conn, schema)
		if err != nil {
			return err
		}
		for name, columns := range tables {
			b.layouts[tableKey(engine.Relation{Schema: schema, Name: name})] = columns
		}
	}
	return nil
}

// schemas are those that the build's marts are stored in, sorted.
func (b *build) schemas() []string {
	var out []string
	for _, n := range b.models {
		if n.Kind != "view" {
			out = append(out, b.stagedIn(n.Table.Schema))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// tableKey is a table's name as engines compare names.
func tableKey(table engine.Relation) string {
	return strings.ToLower(table.Schema) + "\x00" + strings.ToLower(table.Name)
}

// makeSchemas makes the schemas that models are configured to be stored in.
func (b *build) makeSchemas(ctx context.Context) error {
	for _, schema := range b.schemas() {
		if schema == b.r.project.Target.StorageSchema {
			continue // made with the register
		}
		q := "CREATE SCHEMA IF NOT EXISTS " + engine.Relation{Database: b.dialect().Catalog(), Schema: schema}.String()
		if _, err := b.conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// readers finds out of each model whether anything reads it in this build, and
// which data tests can be counted in the scan that its write makes anyway.
func (b *build) readers() {
	byName := map[string]*task{}
	for _, t := range b.tasks {
		byName[t.node.Name] = t
		t.read = len(b.g.OnRunEnd) > 0 // the hooks may read each
	}
	mark := func(names []string) {
		for _, name := range names {
			if t := byName[name]; t != nil {
				t.read = true
			}
		}
	}
	for _, n := range b.models {
		mark(stored(b.g, n))
	}
	for name := range b.views {
		for _, in := range b.records[name].Inputs {
			mark([]string{in.Name})
		}
	}
	for _, id := range b.graph.Order() {
		n, ok := b.work.tests[id]
		if !ok {
			continue
		}
		if n.Unit != nil {
			continue // it reads no rows
		}
		t := b.tasks[n.Test.Model]
		if t != nil && t.node.Kind != "view" && testOf(n, "").Simple() {
			t.fused = append(t.fused, n)
			continue
		}
		if t != nil && t.node.Kind != "view" && b.repeats(n) != "" {
			t.ifFew = append(t.ifFew, n)
			continue
		}
		mark(stored(b.g, n))
	}
}

// bindPublishedView binds a view model that is not selected, as it was
// published, over what is being built: it will be published with it.
func (b *build) bindPublishedView(ctx context.Context, name string) error {
	return b.db.With(ctx, func(c *engine.Conn) error {
		view, _, err := binding.MemoryModel(b.dialect(), b.records[name])
		if err == nil {
			err = binding.Put(ctx, c, view)
		}
		if err != nil && ctx.Err() == nil {
			err = &diag.Error{Msg: fmt.Sprintf("the published view %s cannot read what is built now: %s", name, err), Err: err,
				Advice: fmt.Sprintf("build it as well: --select %s and what is selected now", name)}
		}
		return err
	})
}

// bindTask renders a model, finds out its columns, and puts a view in the
// place of its rows.
func (b *build) bindTask(ctx context.Context, t *task) error {
	for _, p := range b.graph.Parents(t.node.ID) {
		if up := b.tasks[p]; up != nil && up.deferred {
			t.deferred = true
			return nil
		}
	}
	err := b.renderTask(ctx, t, b.binder)
	if errors.Is(err, errDeferred) {
		t.deferred = true
		return nil
	}
	if err != nil {
		return err
	}
	b.r.warn(t.rendered.Warnings...)
	err = b.db.With(ctx, func(c *engine.Conn) error { return b.bind(ctx, c, t) })
	if err != nil && ctx.Err() == nil && len(t.node.PreHooks) > 0 {
		t.deferred = true // its hooks may make what it lacks: bound at its turn
		return nil
	}
	return err
}

// renderTask writes the SQL of a model, or of a seed's file.
func (b *build) renderTask(ctx context.Context, t *task, binder compile.Binding) (err error) {
	switch inc := t.node.Increment; {
	case t.node.Kind == compile.Seed:
		t.rendered, t.csv, err = b.seeds(t.node)
	case inc != nil && inc.Batches != nil:
		err = b.renderBatches(ctx, t, binder)
	default:
		t.rendered, err = b.render(ctx, t.node, binder)
		if err == nil && b.replayed != nil {
			t.parts, err = b.recordedBatches(t.rendered.Stored)
		}
	}
	return err
}

// bind is bindTask from the rendered SQL on.
func (b *build) bind(ctx context.Context, c *engine.Conn, t *task) error {
	err := b.describe(ctx, c, t)
	if err != nil {
		return err
	}
	if err := b.keepContract(ctx, c, t); err != nil {
		return err
	}
	if t.node.Kind == "view" {
		if len(t.rendered.Secrets) > 0 {
			return &diag.Error{Pos: diag.Pos{File: t.node.File}, Msg: fmt.Sprintf("view model %s prints the secret %s: the engine would store it as text", t.node.Name, t.rendered.Secrets[0]),
				Advice: "make it a mart, or leave the secret out"}
		}
		if err := mart.CheckColumns(t.columns); err != nil {
			return placed(err, t.node, t.rendered)
		}
		if !b.keep(t) && b.o.Reuse {
			if err := b.tryReuse(ctx, c, t); err != nil {
				return err
			}
		}
		return placed(b.bindRows(ctx, c, t), t.node, t.rendered)
	}
	if err := checkTolerances(t.node, t.columns); err != nil {
		return err
	}
	if t.guards, err = b.guardsOf(ctx, t.node); err != nil {
		return err
	}
	t.unfuse()
	spec := b.r.spec(b.dialect(), t.node)
	spec.Table.Schema = b.stagedIn(spec.Table.Schema)
	stored := b.layouts[tableKey(spec.Table)]
	t.spec = spec.Yield(stored, t.columns)
	if t.node.Kind == "incremental" && !b.adds(t.node) {
		t.spec.OnSchemaChange = "evolve" // built anew
	}
	if t.plan, err = mart.Fit(t.spec, stored, t.columns); err != nil {
		return placed(err, t.node, t.rendered)
	}
	if b.keep(t) {
		t.plan = mart.Plan{Columns: b.old[t.node.Name].Layout.Columns}
	} else if b.o.Reuse {
		if err := b.tryReuse(ctx, c, t); err != nil {
			return err
		}
	}
	if t.kept || t.reused {
		t.untold()
	}
	if t.reused {
		t.plan = mart.Plan{Columns: b.records[t.node.Name].Layout.Columns}
	}
	if !t.read {
		return nil
	}
	if t.plan.Create == nil && len(t.plan.Add) == 0 {
		return b.bindRows(ctx, c, t)
	}
	return binding.Put(ctx, c, binding.StandIn(b.dialect(), t.node.Name, t.columns))
}

// describe finds out the columns of a model; of an incremental one or a snapshot with what
// it carries over.
func (b *build) describe(ctx context.Context, c *engine.Conn, t *task) error {
	t.columns = nil
	adds := b.adds(t.node)
	if adds || t.rendered.This {
		if err := b.bindThis(ctx, c, t); err != nil {
			return err
		}
	}
	if t.node.Snapshot != nil {
		return b.foldSnapshot(ctx, c, t)
	}
	if adds {
		if err := b.carry(ctx, c, t); err != nil || t.columns != nil {
			return err
		}
	}
	var err error
	t.columns, err = c.Describe(ctx, t.first().SQL)
	switch {
	case err == nil:
		return nil
	case t.csv != nil:
		return t.csv.badType(t.node, err)
	}
	err = placed(b.noEventTime(ctx, c, t, err), t.node, t.rendered)
	var d *diag.Error
	if t.rendered.This && !t.this && errors.As(err, &d) && strings.Contains(d.Msg, t.node.Name) {
		told := *d
		told.Msg, told.Advice = t.node.Name+" reads its own published rows, and has none", "put what reads {{ this }} behind {% if is_incremental() %}"
		return &told
	}
	return err
}

// first is the statement whose columns are those of the model.
func (t *task) first() *compile.Rendered {
	if len(t.parts) > 0 {
		return t.parts[0]
	}
	return t.rendered
}

// unfuse leaves data tests on columns that are not there to their own turn:
// they cannot run, and must not take the model with them.
func (t *task) unfuse() {
	t.fused = slices.DeleteFunc(t.fused, func(n *compile.Node) bool { return !t.has(n.Test.Column) })
	t.ifFew = slices.DeleteFunc(t.ifFew, func(n *compile.Node) bool { return !t.has(n.Test.Column) })
}

// has says whether the model has a column; if not, something reads it in vain.
func (t *task) has(column string) bool {
	there := slices.ContainsFunc(t.columns, func(c engine.Column) bool { return strings.EqualFold(c.Name, column) })
	t.read = t.read || !there
	return there
}

// repeats is an aggregate that is 0 where the data test, a unique with the usual
// thresholds, passes; "" if there is none.
func (b *build) repeats(n *compile.Node) string {
	r, ok := b.dialect().(engine.Repeater)
	t := testOf(n, "")
	t.RowWise = n.Test.Distinct
	if !ok || !t.Simple() {
		return ""
	}
	return r.Repeats(n.Test.Distinct)
}

// untold leaves the data tests that were to be told by the rows being few to
// their own turn.
func (t *task) untold() {
	t.read = t.read || len(t.ifFew) > 0
	t.ifFew = nil
}

// bindRows makes the view in memory through which the model is read in this
// run. A mart's table must be there.
func (b *build) bindRows(ctx context.Context, c *engine.Conn, t *task) error {
	if t.bound {
		return nil
	}
	rec := b.record(t)
	if t.reused {
		rec = b.reusedRecord(t)
	}
	view, _, err := binding.MemoryModel(b.dialect(), rec)
	if err == nil {
		err = binding.Put(ctx, c, view)
	}
	t.bound = err == nil
	return err
}

// record is the model's row of the register, as far as it is known.
func (b *build) record(t *task) history.ModelRecord {
	rec := history.ModelRecord{RunID: b.run.ID, Model: t.node.Name, Attempt: b.attempt, DataRunID: b.run.ID, Kind: t.node.Kind,
		RowCount: -1, CodeVersion: b.run.CodeVersion,
		Layout: history.Layout{Schema: b.stagedIn(t.node.Table.Schema), Table: t.node.Table.Name, Shown: t.node.Shown}}
	if t.rendered != nil {
		rec.CompiledSQL = t.rendered.Stored
		sum := sha256.Sum256([]byte(t.rendered.Stored))
		rec.SQLSHA256 = hex.EncodeToString(sum[:])
		rec.Inputs = b.inputs(t.rendered.Reads)
		if t.csv != nil {
			rec.Inputs[t.csv.name] = t.csv.input()
		}
		if t.node.Kind != "view" {
			b.addBehind(rec.Inputs)
		}
		if t.this {
			rec.Inputs[t.node.ID] = history.Input{Name: t.node.Name, RunID: b.base.Marts[t.node.Name]}
		}
	}
	if t.node.Kind == "view" {
		rec.DataRunID = ""
		for _, col := range t.columns {
			rec.Layout.Columns = append(rec.Layout.Columns, mart.Column{Name: col.Name, Type: col.Type})
		}
		return rec
	}
	rec.Layout.RunColumn, rec.Layout.CreatedColumn = t.spec.RunColumn, t.spec.CreatedColumn
	rec.Layout.Key, rec.Layout.Unique, rec.Layout.Columns = t.spec.Key, t.spec.Unique, t.plan.Columns
	rec.Layout.Guards, rec.Layout.Tolerance, rec.Layout.FloatTolerance = t.guards, tolerancesOf(t.node), t.node.Config.FloatTolerance
	rec.Layout.Retention = (*history.Retention)(t.node.Config.Retention)
	rec.Layout.Settings = b.settings
	return rec
}

// inputs says of what a model read where it was read from.
func (b *build) inputs(reads []string) map[string]history.Input {
	out := map[string]history.Input{}
	var add func(ids []string)
	add = func(ids []string) {
		for _, id := range ids {
			n := b.g.Nodes[id]
			switch {
			case n == nil:
			case n.Resource == compile.Source:
				out[id] = history.Input{Name: n.Source.SourceName + "." + n.Source.Name, Fingerprint: b.prints[id]}
			case n.Kind == "ephemeral":
				add(n.Parents)
			default:
				b.mu.Lock()
				out[id] = history.Input{Name: n.Name, RunID: b.runOf(n.Name, b.run.ID)}
				b.mu.Unlock()
			}
		}
	}
	add(reads)
	return out
}

// spec is how a model is stored.
func (r *Runner) spec(d engine.Dialect, n *compile.Node) mart.Spec {
	return mart.Spec{
		Table:         engine.Relation{Database: d.Catalog(), Schema: n.Table.Schema, Name: n.Table.Name},
		Types:         d.Types(),
		RunColumn:     n.Config.RunIDColumn,
		CreatedColumn: n.Config.CreatedAtColumn,
		CreatedYields: n.Config.CreatedAtYields,
		Key:           n.Config.PrimaryKey,
		Unique:        toldApart(n),
		KeyEnforced:   n.Config.PrimaryKeyEnforced, OnSchemaChange: n.Config.OnSchemaChange,
	}
}

// bindFailures reports what did not bind, and that the rest is not started.
func (b *build) bindFailures(g *dag.Graph, out map[string]dag.Outcome) error {
	failed := slices.ContainsFunc(g.Order(), func(id string) bool { return out[id].Err != nil })
	if !failed {
		return nil
	}
	var foreign error
	for _, id := range g.Order() {
		t, o := b.tasks[id], out[id]
		if t == nil {
			foreign = errors.Join(foreign, o.Err)
			continue
		}
		res := b.nodeResult(t.node)
		if o.Err != nil {
			res.Status, res.Err = StatusError, b.r.hidden(o.Err)
			rec := b.record(t)
			rec.Status, rec.Error = history.ModelError, res.Err.Error()
			b.rows = append(b.rows, rec)
		} else {
			res.Status, res.Because = StatusSkipped, "other models did not bind"
			rec := b.record(t)
			rec.Status = history.ModelSkipped
			b.rows = append(b.rows, rec)
		}
		if o.Err != nil {
			b.end(b.start(b.nodeResult(t.node)), res)
		} else {
			b.end(b.number(), res)
		}
	}
	return foreign
}

// placed gives an error the place in the user's file that it is about.
func placed(err error, n *compile.Node, rendered *compile.Rendered) error {
	if err == nil {
		return nil
	}
	var already *diag.Error
	if errors.As(err, &already) {
		return err
	}
	out := &diag.Error{Pos: diag.Pos{File: n.File}, Msg: err.Error(), Err: err}
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		out.Advice = hint.Hint()
	}
	var qe *engine.QueryError
	if errors.As(err, &qe) && qe.Kind == engine.KindCancelled {
		return err
	}
	if qe != nil && qe.Offset >= 0 && rendered != nil {
		if pos, line, frames, ok := rendered.Place(qe.Offset); ok {
			out.Pos, out.Source, out.Trace = pos, line, frames
		}
	}
	return out
}

// placedIn gives an error of a typed text its line and caret in it.
func placedIn(err error, file, text string) error {
	var qe *engine.QueryError
	if !errors.As(err, &qe) || qe.Kind == engine.KindCancelled {
		return err
	}
	out := &diag.Error{Pos: diag.Pos{File: file}, Msg: qe.Error(), Advice: qe.Hint(), Err: err}
	if qe.Offset >= 0 && qe.Offset <= len(text) {
		out.Pos.Line, out.Pos.Col = diag.Locate(text, qe.Offset)
		out.Source = diag.LineAt(text, out.Pos.Line)
	}
	return out
}

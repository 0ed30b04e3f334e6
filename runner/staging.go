package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// A staged build (`staging: parquet` of a target) keeps the database readable by
// other processes until all is built and tested:
//
//  1. openStaged holds the lock as readers do, and a second one among staged
//     builds. A scratch database in a folder beside the file gets a copy of the
//     register, and views of all else in the file, which is attached read-only.
//  2. The build goes on in the scratch database as it would in the file. Each
//     mart's rows go into a Parquet file; a type that Parquet does not hold
//     exactly keeps them in the scratch database.
//  3. land opens the file alone. One transaction takes the run id, copies the
//     rows, compares them with what was tested, and ends the run as any build.
//
// Until then the file knows nothing of the run: a killed build leaves the folder
// alone, which the next one removes.
type staging struct {
	dir    string
	lock   *history.FileLock // among staged builds
	landed bool              // the session is of the file itself
	failed error             // why the rows could not be copied

	mu      sync.Mutex
	files   int
	created map[string]time.Time // when a model's rows were written
}

const (
	besideCatalog = "warehouse_published" // the file, while the scratch database is open
	stagedCatalog = "warehouse_staged"    // the scratch database, while the file is open
	stagedSuffix  = "__staged"            // of the schemas of this run's tables in it
)

// stagedIn is the schema in which a build's tables are, of those that are stored
// in a schema: another one in a scratch database.
func (s *session) stagedIn(schema string) string {
	if s.stage == nil || s.stage.landed {
		return schema
	}
	return schema + stagedSuffix
}

// openForBuild opens the target for a build of models: aside, if the target
// asks for it and there is anything to be read meanwhile.
func (r *Runner) openForBuild(ctx context.Context, runID string, g *compile.Graph, p picked) (*session, error) {
	t := r.project.Target
	if t.Staging != "" {
		e, err := r.engine()
		if err != nil {
			return nil, err
		}
		_, ok := e.Dialect.(engine.Stager)
		switch {
		case !ok || lockPath(e, r.target(false)) == "":
			r.warn(&diag.Error{Pos: t.Pos, Warn: true, Msg: "staging: " + t.Staging + " is for a database file: here readers are not kept away anyway"})
		case r.exists():
			if err := hookless(g, p, t.Pos); err != nil {
				return nil, err
			}
			if s, err := r.openStaged(ctx, runID, g, p); s != nil || err != nil {
				return s, err
			}
		}
	}
	return r.write(ctx, runID)
}

// hookless refuses hooks that would run in the scratch database: what they
// write would be lost.
func hookless(g *compile.Graph, p picked, target diag.Pos) error {
	what := ""
	if len(g.OnRunStart)+len(g.OnRunEnd) > 0 {
		what = "on-run-start and on-run-end"
	}
	for _, id := range g.DAG.Order() {
		if n := g.Nodes[id]; p.models[id] && len(n.PreHooks)+len(n.PostHooks) > 0 {
			what = "the hooks of " + n.Name
			break
		}
	}
	if what == "" {
		return nil
	}
	return &diag.Error{Pos: target, Msg: "staging: parquet cannot run " + what + ": what they change in the database would be lost",
		Advice: "take staging out of the target, or the hooks out of what is built"}
}

// openStaged returns a session of a scratch database; nil if the file has no
// register yet, or an old one.
func (r *Runner) openStaged(ctx context.Context, runID string, g *compile.Graph, p picked) (s *session, err error) {
	path := r.project.Target.Path
	lock, err := history.Lock(ctx, path+".staging.lock", history.LockOptions{Timeout: r.cfg.LockTimeout, OnWait: r.waiting, Holder: r.holder(runID)})
	if err != nil {
		return nil, err
	}
	defer func() {
		if s == nil || err != nil {
			err = errors.Join(err, s.Close(), lock.Unlock())
			s = nil
		}
	}()
	if s, err = r.read(ctx); err != nil {
		if history.IsOld(err) {
			err = nil
		}
		return s, err
	}
	if s.reg == nil {
		return nil, s.Close()
	}
	if err := s.closeDatabase(); err != nil { // its lock stays
		return s, err
	}
	st := &staging{dir: path + ".staging", created: map[string]time.Time{}}
	if err := os.RemoveAll(st.dir); err != nil { // what a killed build left
		return s, err
	}
	if err := os.Mkdir(st.dir, 0o777); err != nil {
		return s, err
	}
	s.stage = st
	if err := s.openScratch(ctx, runID); err != nil {
		return s, fmt.Errorf("staging: %w", err)
	}
	if err := s.mirror(ctx, g, p); err != nil {
		return s, fmt.Errorf("staging: %w", err)
	}
	st.lock = lock
	return s, nil
}

func (s *session) openScratch(ctx context.Context, runID string) error {
	e, err := s.r.engine()
	if err != nil {
		return err
	}
	t := s.r.target(false)
	file, err := filepath.Abs(t.Path)
	if err != nil {
		return err
	}
	t.Path, t.Source = filepath.Join(s.stage.dir, "scratch.duckdb"), sourceOf(runID)
	if s.db, err = e.Open(ctx, t); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.attach(ctx, file, besideCatalog); err != nil {
		return err
	}
	if s.reg, err = history.Open(ctx, s.conn, s.r.project.Target.StorageSchema); err != nil {
		return err
	}
	return s.conn.Atomic(ctx, func() error { return s.reg.CopyFrom(ctx, s.conn, besideCatalog) })
}

func (s *session) attach(ctx context.Context, path, as string) error {
	_, err := s.conn.Exec(ctx, s.dialect().(engine.Stager).AttachReader(path, as))
	return err
}

// mirror gives the scratch database all that is in the file: views of it under
// the same names, and empty tables of the marts that are to be built.
func (s *session) mirror(ctx context.Context, g *compile.Graph, p picked) error {
	built := map[string]bool{}
	for id := range p.models {
		if n := g.Nodes[id]; n.Kind != "view" && n.Kind != "ephemeral" {
			built[tableKey(engine.Relation{Schema: n.Table.Schema, Name: n.Table.Name})] = true
		}
	}
	there, err := s.relations(ctx, s.dialect().Catalog())
	if err != nil {
		return err
	}
	all, err := s.relations(ctx, besideCatalog)
	if err != nil {
		return err
	}
	own := map[string]bool{} // the state tables
	for _, r := range there {
		own[tableKey(r.Relation)] = true
	}
	for _, r := range all {
		if own[tableKey(r.Relation)] {
			continue
		}
		if err := s.mirrorOne(ctx, r.Relation, built[tableKey(r.Relation)]); err != nil && (!r.view || ctx.Err() != nil) {
			return err // a view that is broken stays away, and a model that reads it says so
		}
	}
	return nil
}

func (s *session) mirrorOne(ctx context.Context, r engine.Relation, built bool) error {
	if err := s.makeSchema(ctx, r.Schema); err != nil {
		return err
	}
	if !built {
		_, err := s.conn.Exec(ctx, "CREATE VIEW "+s.here(r.Schema, r.Name)+" AS SELECT * FROM "+beside(r))
		return err
	}
	if err := s.makeSchema(ctx, s.stagedIn(r.Schema)); err != nil {
		return err
	}
	if _, err := s.conn.Exec(ctx, "CREATE TABLE "+s.here(s.stagedIn(r.Schema), r.Name)+" AS SELECT * FROM "+beside(r)+" LIMIT 0"); err != nil {
		return err
	}
	return s.showStaged(ctx, s.conn, r, true)
}

// showStaged makes the view that stands for a mart's table: the rows of all
// runs, and of this one.
func (s *session) showStaged(ctx context.Context, c *engine.Conn, r engine.Relation, before bool) error {
	q := "CREATE OR REPLACE VIEW " + s.here(r.Schema, r.Name) + " AS SELECT * FROM "
	if before {
		q += beside(r) + " UNION ALL BY NAME SELECT * FROM "
	}
	_, err := c.Exec(ctx, q+s.here(s.stagedIn(r.Schema), r.Name))
	return err
}

func (s *session) here(schema, name string) string {
	return engine.Relation{Database: s.dialect().Catalog(), Schema: schema, Name: name}.String()
}

func beside(r engine.Relation) string {
	return engine.Relation{Database: besideCatalog, Schema: r.Schema, Name: r.Name}.String()
}

func (s *session) makeSchema(ctx context.Context, schema string) error {
	_, err := s.conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+engine.Relation{Database: s.dialect().Catalog(), Schema: schema}.String())
	return err
}

type relation struct {
	engine.Relation
	view bool
}

// relations lists the tables and views of a database.
func (s *session) relations(ctx context.Context, catalog string) ([]relation, error) {
	const q = "SELECT table_schema, table_name, table_type LIKE '%VIEW%' FROM information_schema.tables WHERE table_catalog = ? ORDER BY ALL"
	rows, err := s.conn.Query(ctx, q, catalog)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []relation
	for rows.Next() {
		var r relation
		if err := rows.Scan(&r.Schema, &r.Name, &r.view); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, s.conn.Explain(err, q)
	}
	return out, nil
}

// stagedJob adds to a mart's job the file for its rows.
func (b *build) stagedJob(t *task, job *mart.Job) {
	st := b.stage
	if st == nil || st.landed {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.files++
	job.File = filepath.Join(st.dir, fmt.Sprintf("%d.parquet", st.files))
	if abs, err := filepath.Abs(job.File); err == nil {
		job.File = abs
	}
	st.created[t.node.Name] = job.CreatedAt
}

// staged shows what was written to those who read a mart by its table's name.
func (b *build) staged(ctx context.Context, c *engine.Conn, t *task) error {
	if b.stage == nil || b.stage.landed {
		return nil
	}
	r := engine.Relation{Schema: t.node.Table.Schema, Name: t.node.Table.Name}
	if err := b.makeSchemaOnce(ctx, c, r.Schema); err != nil {
		return err
	}
	return b.showStaged(ctx, c, r, len(b.layouts[tableKey(t.spec.Table)]) > 0)
}

func (b *build) makeSchemaOnce(ctx context.Context, c *engine.Conn, schema string) error {
	if schema == b.r.project.Target.StorageSchema {
		return nil
	}
	_, err := c.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+engine.Relation{Database: b.dialect().Catalog(), Schema: schema}.String())
	return err
}

// ask is run_query for a template. In a scratch database it may only read: what
// it wrote would be lost.
func (b *build) ask(c *engine.Conn) func(context.Context, string) ([]engine.Column, [][]any, error) {
	return func(ctx context.Context, sql string) ([]engine.Column, [][]any, error) {
		if check, ok := b.dialect().(engine.StatementChecker); ok && b.stage != nil && !b.stage.landed {
			if err := check.CheckSelect(ctx, c, sql); err != nil {
				return nil, nil, fmt.Errorf("under staging, run_query may only read: %w", err)
			}
		}
		return queryRows(ctx, c, sql)
	}
}

// landing is how long the end of a staged build waits for readers, if
// --lock-timeout is not longer: all its work would be lost.
const landing = 10 * time.Minute

// landCancelled is how long a build that was cancelled waits to be recorded.
const landCancelled = time.Second

// land puts the file itself, open for changes, in the place of the scratch
// database. Until the file is open, wait may stop it.
func (b *build) land(ctx, wait context.Context) error {
	s := b.session
	st := s.stage
	if err := errors.Join(s.closeDatabase(), s.lock.Unlock()); err != nil {
		return err
	}
	s.lock = nil
	timeout := max(landing, b.r.cfg.LockTimeout)
	if wait.Err() != nil {
		wait, timeout = ctx, landCancelled
	}
	w, err := b.r.writeWithin(wait, b.run.ID, timeout)
	if err != nil {
		return fmt.Errorf("the run is built and tested, and was not written into %s: %w", b.r.project.Target.Path, err)
	}
	w.stage = st
	*s = *w
	st.landed = true
	scratch, err := filepath.Abs(filepath.Join(st.dir, "scratch.duckdb"))
	if err != nil {
		return err
	}
	if err := s.attach(ctx, scratch, stagedCatalog); err != nil {
		return err
	}
	unstage := func(rec history.ModelRecord) history.ModelRecord {
		if rec.Status != history.ModelReused {
			rec.Layout.Schema = strings.TrimSuffix(rec.Layout.Schema, stagedSuffix)
		}
		return rec
	}
	for name, rec := range b.done {
		b.done[name] = unstage(rec)
	}
	for i, rec := range b.rows {
		b.rows[i] = unstage(rec)
	}
	for _, q := range b.checkpoints(true) {
		if _, err := s.conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// recordStaged writes what a staged build has not written yet: the run, and the
// rows and records of its models. It is a part of the transaction that ends the
// run. Where the rows could not be copied once, the models are errors.
func (b *build) recordStaged(ctx context.Context) error {
	if b.stage == nil {
		return nil
	}
	if err := b.takeRunID(ctx); err != nil {
		return err
	}
	if b.stage.failed != nil {
		b.run.ModelsFailed, b.run.ModelsOK, b.run.RowCount = b.run.ModelsFailed+b.run.ModelsOK, 0, 0
	}
	var recs []history.ModelRecord
	for _, id := range b.graph.Order() {
		t := b.tasks[id]
		if t == nil || t.reused {
			continue
		}
		rec, ok := b.done[t.node.Name]
		if !ok {
			continue
		}
		if rec.Kind != binding.ViewKind {
			if b.stage.failed != nil {
				rec.Status, rec.RowCount, rec.Checksum, rec.Error = history.ModelError, -1, "", "its rows were not written: "+b.stage.failed.Error()
			} else if err := b.copyRows(ctx, t, rec); err != nil {
				b.stage.failed = b.r.hidden(err)
				return err
			}
		}
		recs = append(recs, rec)
	}
	return b.reg.RecordModels(ctx, b.conn, recs)
}

// takeRunID is begin in the file itself.
func (b *build) takeRunID(ctx context.Context) error {
	old, err := b.reg.StartOver(ctx, b.conn, b.run.ID)
	if err != nil {
		return err
	}
	for _, l := range old {
		if err := deleteRows(ctx, b.conn, l, b.run.ID); err != nil {
			return err
		}
	}
	run := b.run
	run.FinishedAt, run.Error = time.Time{}, ""
	run.RowCount, run.ModelsOK, run.ModelsFailed, run.TestsFailed = 0, 0, 0, 0
	if err := b.reg.Begin(ctx, b.conn, &run); err != nil {
		return err
	}
	b.run.Seq = run.Seq
	return nil
}

// copyRows writes a mart's rows, and compares them with what was tested.
func (b *build) copyRows(ctx context.Context, t *task, rec history.ModelRecord) error {
	spec := t.spec
	spec.Table.Schema = t.node.Table.Schema
	if err := b.makeSchemaOnce(ctx, b.conn, spec.Table.Schema); err != nil {
		return err
	}
	tables, err := mart.Layouts(ctx, b.conn, spec.Table.Schema)
	if err != nil {
		return err
	}
	plan, err := mart.Fit(spec, tables[strings.ToLower(spec.Table.Name)], t.columns)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(plan.Columns, rec.Layout.Columns) {
		return fmt.Errorf("the table of %s was changed since the build began: build again", rec.Model)
	}
	columns := make([]string, len(plan.Columns))
	for i, col := range plan.Columns {
		columns[i] = engine.Ident(col.Physical) + " AS " + engine.Ident(col.Name)
	}
	from := engine.Relation{Database: stagedCatalog, Schema: spec.Table.Schema + stagedSuffix, Name: spec.Table.Name}
	w, err := mart.Write(ctx, b.conn, mart.Job{Spec: spec, Plan: plan, RunID: b.run.ID, CreatedAt: b.stage.created[rec.Model],
		Select: "SELECT " + strings.Join(columns, ", ") + " FROM " + from.String()})
	if err != nil {
		return fmt.Errorf("writing %s: %w", rec.Model, err)
	}
	if w.Rows != rec.RowCount || w.Checksum != rec.Checksum {
		return fmt.Errorf("writing %s: %d rows with the checksum %s were tested, %d with %s came", rec.Model, rec.RowCount, rec.Checksum, w.Rows, w.Checksum)
	}
	return nil
}

// moved is the move of a staged run, if something was published since it began:
// onto what is live now, or a refusal.
func (b *build) moved(ctx context.Context, m pointerMove) (pointerMove, error) {
	if b.stage == nil {
		return m, nil
	}
	live, err := b.reg.Live(ctx, b.conn)
	if err != nil || live.Publication == b.published.Publication {
		return m, err
	}
	return b.laidOver(ctx)
}

// closeStage removes the scratch database.
func (s *session) closeStage() error {
	if s.stage == nil {
		return nil
	}
	err := os.RemoveAll(s.stage.dir)
	if s.stage.lock != nil {
		err = errors.Join(err, s.stage.lock.Unlock())
	}
	s.stage = nil
	return err
}

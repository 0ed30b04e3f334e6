package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/sqltext"
)

// reuse decides, in a build with Reuse, which models need not be computed:
// their rows would be those of the live run.
type reuse struct {
	unstable map[string]bool // functions that give another value each time
	unheld   map[string]bool // functions that read what no run holds
	empty    map[string]bool // runs: built with --empty
}

// learn asks the engine which functions stand against reuse, hooks before the
// build included: they may make macros.
func (r *reuse) learn(ctx context.Context, b *build) (err error) {
	if !b.o.Reuse {
		return nil
	}
	r.empty = map[string]bool{}
	for _, rec := range b.records {
		id := ranIn(rec)
		if _, known := r.empty[id]; !known {
			run, err := b.reg.Run(ctx, b.conn, id)
			if err != nil {
				return err
			}
			r.empty[id] = run.Selection.Empty
		}
	}
	if r.unstable, err = diff.Unstable(ctx, b.conn); err == nil {
		r.unheld, err = diff.Unheld(ctx, b.conn)
	}
	return err
}

// fingerprints digests every source that the selected models read, so that the
// register says which state of it a run saw. A source that cannot be read, or
// that is kept in files, has none.
func (b *build) fingerprints(ctx context.Context) error {
	b.prints = map[string]string{}
	seen := map[string]bool{}
	for _, n := range b.models {
		ids := sourcesOf(b.g, n)
		for _, name := range stored(b.g, n) {
			if b.isView(name) {
				ids = slices.AppendSeq(ids, maps.Keys(b.behindView(name).sources))
			}
		}
		for _, id := range ids {
			src := b.g.Nodes[id]
			if seen[id] || src == nil || src.Relation.Name == "" {
				continue
			}
			seen[id] = true
			print, err := b.fingerprint(ctx, src)
			if err != nil {
				return err
			}
			b.prints[id] = print
		}
	}
	return nil
}

// sourcesOf lists the sources that a model's SQL reads, through ephemeral
// models.
func sourcesOf(g *compile.Graph, n *compile.Node) []string {
	var out []string
	for _, id := range n.Parents {
		p := g.Nodes[id]
		switch {
		case p == nil:
		case p.Resource == compile.Source:
			out = append(out, id)
		case p.Kind == "ephemeral":
			out = append(out, sourcesOf(g, p)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fingerprint is the number of rows of a source and their checksum.
func (b *build) fingerprint(ctx context.Context, src *compile.Node) (string, error) {
	if src.External() {
		return "", nil
	}
	rel := src.Relation
	if rel.Database == "" {
		rel.Database = b.dialect().Catalog()
	}
	cols, err := b.conn.Describe(ctx, "SELECT * FROM "+rel.String())
	if err != nil {
		return "", ctx.Err() // the model that reads it says so, at its place
	}
	var types strings.Builder
	for _, c := range cols {
		fmt.Fprintf(&types, "%s %s,", engine.Ident(c.Name), c.Type)
	}
	var rows int64
	var sum string
	if err := b.conn.QueryRow(ctx, "SELECT count(*), "+b.dialect().Checksum(cols)+" FROM "+rel.String(), nil, &rows, &sum); err != nil {
		return "", ctx.Err()
	}
	return fmt.Sprintf("%s:%d:%s:%s", b.dialect().ChecksumScheme(), rows, sum, shortHash(types.String())), nil
}

// reusable says why a model has to be built: "" if the live run's rows are what
// it would compute.
func (b *build) reusable(ctx context.Context, c *engine.Conn, t *task) (string, error) {
	name := t.node.Name
	live, ok := b.records[name]
	if !ok {
		return "it was never published", nil
	}
	if b.o.Empty != b.reuse.empty[ranIn(live)] {
		return "--empty is for one of the two runs alone", nil
	}
	if live.Kind != t.node.Kind {
		return "its kind changed", nil
	}
	if t.node.Kind == "incremental" || t.node.Kind == "snapshot" {
		return fmt.Sprintf("%s models read their own past", t.node.Kind), nil
	}
	if live.Layout.Hook != "" || changesRows(t.node) {
		return "its post-hook may change its rows", nil
	}
	if t.rendered.Volatile != "" {
		return fmt.Sprintf("it prints %s", t.rendered.Volatile), nil
	}
	if t.rendered != nil && len(t.rendered.Secrets) > 0 {
		return fmt.Sprintf("it prints the secret %s, whose value no run holds", t.rendered.Secrets[0]), nil
	}
	if t.deferred {
		return "its SQL depends on query results", nil
	}
	now := b.record(t)
	if live.SQLSHA256 != now.SQLSHA256 {
		return "its SQL changed", nil
	}
	if other := diff.OtherSettings(live.Layout.Settings, now.Layout.Settings); other != "" {
		return "the engine's settings changed: " + other, nil
	}
	now.Layout.Schema = t.node.Table.Schema // also of a build aside
	now.Layout.Shown = live.Layout.Shown    // the record that is made says how it is shown now
	if !sameLayout(live.Layout, now.Layout) {
		return "its columns or how it is stored changed", nil
	}
	for _, id := range slices.Sorted(maps.Keys(now.Inputs)) {
		in := now.Inputs[id]
		if in.RunID != "" && b.isView(in.Name) {
			if why, err := b.otherView(ctx, c, live.Inputs[id], in); why != "" || err != nil {
				return why, err
			}
			continue
		}
		if in != live.Inputs[id] {
			return fmt.Sprintf("%s changed", in.Name), nil
		}
		if in.RunID == "" && in.Fingerprint == "" {
			return fmt.Sprintf("%s has no fingerprint", in.Name), nil
		}
	}
	if len(now.Inputs) != len(live.Inputs) {
		return "it reads other models", nil
	}
	if t.csv != nil {
		return "", nil // its file is an input, with its digest
	}
	return b.unsteady(ctx, c, t.rendered.SQL, b.steadyTables(t.node))
}

// otherView says why a view that is read may show other rows than it did to the
// live run, from what stands behind it, which is an input of its own: its SQL
// changed, or gives other rows each time. That it was made anew is no reason.
func (b *build) otherView(ctx context.Context, c *engine.Conn, was, is history.Input) (string, error) {
	sql := b.records[is.Name].CompiledSQL
	if n := b.selected[is.Name]; n != nil {
		t := b.tasks[n.ID]
		if t.rendered == nil || t.deferred {
			return fmt.Sprintf("what %s is depends on query results", is.Name), nil
		}
		sql = t.rendered.Stored
	}
	if was != is {
		if was.RunID == "" {
			return fmt.Sprintf("it reads %s, which it did not", is.Name), nil
		}
		recs, err := b.reg.Models(ctx, c, was.RunID)
		if err != nil {
			return "", err
		}
		same := func(rec history.ModelRecord) bool {
			return rec.Kind == "view" && strings.EqualFold(rec.Model, is.Name) && rec.CompiledSQL == sql
		}
		if !slices.ContainsFunc(recs, same) {
			return fmt.Sprintf("%s changed", is.Name), nil
		}
	}
	var tables map[string]bool
	if n := b.g.Nodes[b.ids[is.Name]]; n != nil {
		tables = b.steadyTables(n)
	}
	why, err := b.unsteady(ctx, c, sql, tables)
	if why != "" {
		why = fmt.Sprintf("%s is a view, and %s", is.Name, why)
	}
	return why, err
}

// unsteady says what in a model's SQL may give other rows from equal inputs:
// from the tables that may be named.
func (b *build) unsteady(ctx context.Context, c *engine.Conn, sql string, allowed map[string]bool) (string, error) {
	treer, ok := b.dialect().(engine.SyntaxTreer)
	if !ok {
		return "this engine does not show what its SQL reads", nil
	}
	tree, err := treer.SyntaxTree(ctx, c, sql)
	if errors.Is(err, errors.ErrUnsupported) {
		return "the engine does not show what its SQL reads", nil
	}
	if err != nil {
		return "", err
	}
	uses, err := sqltext.UsesOf(tree)
	if err != nil {
		return "", err
	}
	for _, f := range uses.Functions {
		switch {
		case b.reuse.unstable[f]:
			return fmt.Sprintf("it calls %s", f), nil
		case b.reuse.unheld[f]:
			return fmt.Sprintf("it reads what no run holds, by %s", f), nil
		}
	}
	// Keywords such as current_date are columns to the parser.
	if named := calls(sql, b.reuse.unstable); len(named) > 0 {
		return fmt.Sprintf("it calls %s", named[0]), nil
	}
	for _, table := range uses.Tables {
		if !allowed[table] {
			return fmt.Sprintf("it reads %s, which is no ref and no source", table), nil
		}
	}
	return "", nil
}

// steadyTables are the names of what a model may read to be reused: what ref
// prints, and its sources.
func (b *build) steadyTables(n *compile.Node) map[string]bool {
	out := map[string]bool{}
	add := func(r engine.Relation) {
		var parts []string
		for _, p := range []string{r.Database, r.Schema, r.Name} {
			if p != "" {
				parts = append(parts, strings.ToLower(p))
			}
		}
		out[strings.Join(parts, ".")] = true
	}
	for _, name := range stored(b.g, n) {
		add(binding.Ref(b.dialect(), name))
	}
	for _, id := range sourcesOf(b.g, n) {
		r := b.g.Nodes[id].Relation
		add(r)
		if r.Database == "" {
			r.Database = b.dialect().Catalog()
			add(r)
		}
	}
	return out
}

// tryReuse takes the live run's rows for a model, if it may, and says in a line
// what was decided.
func (b *build) tryReuse(ctx context.Context, c *engine.Conn, t *task) error {
	why, err := b.reusable(ctx, c, t)
	if err != nil {
		return err
	}
	if why != "" {
		b.r.event(Event{Kind: EventLog, Run: b.run.ID, Message: fmt.Sprintf("%s is built: %s", t.node.Name, why)})
		return nil
	}
	t.reused = true
	b.mu.Lock()
	b.work.reused[t.node.Name] = true
	b.mu.Unlock()
	b.r.event(Event{Kind: EventLog, Run: b.run.ID, Message: fmt.Sprintf("%s is reused: nothing of it changed since it was built", t.node.Name)})
	return nil
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// reusedRecord is the register's row of a model that was not computed: it
// points to the run that holds its rows.
func (b *build) reusedRecord(t *task) history.ModelRecord {
	rec := b.records[t.node.Name]
	rec.RunID, rec.Attempt, rec.Status = b.run.ID, b.attempt, history.ModelReused
	rec.DataRunID = b.base.Marts[t.node.Name]
	rec.Layout.Shown = t.node.Shown
	rec.StartedAt, rec.FinishedAt = b.r.now(), b.r.now()
	rec.Layout.Guards, rec.Layout.Tolerance, rec.Layout.FloatTolerance = t.guards, tolerancesOf(t.node), t.node.Config.FloatTolerance
	return rec
}

// runReused reports a model that is reused, and counts its fused data tests.
func (b *build) runReused(ctx context.Context, t *task) (history.ModelRecord, error) {
	rec := b.reusedRecord(t)
	err := b.db.With(ctx, func(c *engine.Conn) error {
		if !t.read && len(t.fused) == 0 {
			return nil
		}
		if err := b.bindRows(ctx, c, t); err != nil {
			return err
		}
		return b.countTests(ctx, c, t)
	})
	return rec, err
}

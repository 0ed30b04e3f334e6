package binding

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// Ref returns what ref() prints for a model.
func Ref(d engine.Dialect, model string) engine.Relation {
	r := engine.Relation{Schema: RefSchema, Name: model}
	if m, ok := d.(engine.MemoryBinder); ok {
		r.Database = m.MemoryCatalog()
	}
	return r
}

// This returns what `this` prints: the published rows of a model while a run is
// built.
func This(d engine.Dialect, model string) engine.Relation {
	r := Ref(d, model)
	r.Schema = ThisSchema
	return r
}

// Published returns the view of a mart's published rows, as This names it. The
// statement that reads it writes into the same table, so its filter must hold
// when the statement runs: one by a literal is left out by an optimizer that
// finds only one run in the table, and then the rows just written are read.
func Published(d engine.Dialect, rec history.ModelRecord, runID string) (View, error) {
	l := rec.Layout
	if l.Table == "" || l.RunColumn == "" {
		return View{}, &NoRecordError{Model: rec.Model, RunID: runID}
	}
	table := engine.Relation{Database: d.Catalog(), Schema: l.Schema, Name: l.Table}
	return newView(This(d, rec.Model), selectMart(table, l, "(SELECT "+d.RunLiteral(runID)+")", true)), nil
}

// Shown returns the view of a model in Schema: with run id and created-at.
func Shown(d engine.Dialect, model string) engine.Relation {
	r := Ref(d, model)
	r.Schema = Schema
	return r
}

// Memory returns the views of a snapshot's binding outside the database, in the
// order in which they can be made: RefSchema, then Schema. Tables are named in
// three parts, runs by literals.
func Memory(d engine.Dialect, snap history.Snapshot, records map[string]history.ModelRecord) ([]View, error) {
	refs, err := MemoryRef(d, snap, records)
	if err != nil {
		return nil, err
	}
	shown := make([]View, 0, len(refs))
	for _, name := range slices.Sorted(maps.Keys(snap.Marts)) {
		v, err := memoryShown(d, records[name], snap.Marts[name])
		if err != nil {
			return nil, err
		}
		shown = append(shown, v)
	}
	return append(refs, shown...), nil
}

// MemoryRef returns the part of Memory in RefSchema: all that ref() needs. A
// build gives it the part of the snapshot that its models read.
func MemoryRef(d engine.Dialect, snap history.Snapshot, records map[string]history.ModelRecord) ([]View, error) {
	var views []View
	done := map[string]bool{}
	folded := map[string]string{}
	names := slices.Sorted(maps.Keys(snap.Marts))
	for _, name := range names {
		folded[strings.ToLower(name)] = name
	}
	var add func(name string, path []string) error
	add = func(name string, path []string) error {
		if done[name] {
			return nil
		}
		if slices.Contains(path, name) {
			return fmt.Errorf("view models read each other: %s", strings.Join(append(path, name), " → "))
		}
		rec, ok := records[name]
		if !ok {
			return &NoRecordError{Model: name, RunID: snap.Marts[name]}
		}
		if rec.Status == history.ModelPruned {
			return &history.PrunedError{Model: name, RunID: snap.Marts[name]}
		}
		if rec.Kind == ViewKind {
			for _, model := range readsOf(d, rec.CompiledSQL) {
				read, ok := folded[strings.ToLower(model)]
				if !ok {
					return &UnboundError{Model: name, Reads: model}
				}
				if err := add(read, append(path, name)); err != nil {
					return err
				}
			}
		}
		v, err := memoryRef(d, rec, snap.Marts[name])
		if err != nil {
			return err
		}
		done[name] = true
		views = append(views, v)
		return nil
	}
	for _, name := range names {
		if err := add(name, nil); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// MemoryModel returns the two views of one model that a running build has just
// made or reused: in RefSchema and in Schema. What a view model reads has to be
// there.
func MemoryModel(d engine.Dialect, rec history.ModelRecord) (ref, shown View, err error) {
	id := rec.DataRunID
	if id == "" {
		id = rec.RunID
	}
	if ref, err = memoryRef(d, rec, id); err != nil {
		return View{}, View{}, err
	}
	shown, err = memoryShown(d, rec, id)
	return ref, shown, err
}

func memoryRef(d engine.Dialect, rec history.ModelRecord, id string) (View, error) {
	if rec.Kind == ViewKind {
		sql := rebind(d, rec.CompiledSQL, false, func(model string) engine.Relation { return Ref(d, model) })
		return newView(Ref(d, rec.Model), selectView(sql, rec.Layout)), nil
	}
	return memoryMart(d, rec, id, Ref(d, rec.Model), true)
}

func memoryShown(d engine.Dialect, rec history.ModelRecord, id string) (View, error) {
	if rec.Kind == ViewKind {
		return newView(Shown(d, shownName(rec)), "SELECT * FROM "+Ref(d, rec.Model).String()), nil
	}
	return memoryMart(d, rec, id, Shown(d, shownName(rec)), false)
}

func memoryMart(d engine.Dialect, rec history.ModelRecord, id string, name engine.Relation, hidden bool) (View, error) {
	l := rec.Layout
	if l.Table == "" || l.RunColumn == "" {
		return View{}, &NoRecordError{Model: rec.Model, RunID: id}
	}
	table := engine.Relation{Database: d.Catalog(), Schema: l.Schema, Name: l.Table}
	return newView(name, selectMart(table, l, d.RunLiteral(id), hidden)), nil
}

// StandIn returns an empty view in RefSchema with the given columns, for
// binding what reads a model that is not built yet.
func StandIn(d engine.Dialect, model string, columns []engine.Column) View {
	cols := make([]string, len(columns))
	for i, c := range columns {
		cols[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, engine.Ident(c.Name))
	}
	return newView(Ref(d, model), "SELECT "+strings.Join(cols, ", ")+" WHERE false")
}

// Create makes views, and their schemas, whatever is there. For memory
// bindings: before a transaction is begun, which could write one database only.
func Create(ctx context.Context, c *engine.Conn, views []View) error {
	made := map[engine.Relation]bool{}
	for _, v := range views {
		if inline(c, v) {
			continue
		}
		schema := engine.Relation{Database: v.Database, Schema: v.Schema}
		if !made[schema] {
			if _, err := c.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema.String()); err != nil {
				return err
			}
			made[schema] = true
		}
		if _, err := c.Exec(ctx, v.SQL); err != nil {
			return fmt.Errorf("making view %s.%s: %w", v.Schema, v.Name, err)
		}
	}
	return nil
}

// CreateSchemas makes the schemas of the memory binding, for callers that Put
// views one by one.
func CreateSchemas(ctx context.Context, c *engine.Conn) error {
	if c.DB().Memory() != nil {
		return nil
	}
	d := c.DB().Dialect()
	for _, r := range []engine.Relation{Ref(d, ""), Shown(d, ""), This(d, "")} {
		if _, err := c.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+r.String()); err != nil {
			return err
		}
	}
	return nil
}

// Put makes one view whose schema is there.
func Put(ctx context.Context, c *engine.Conn, v View) error {
	if inline(c, v) {
		return nil
	}
	_, err := c.Exec(ctx, v.SQL)
	return err
}

package binding

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/history"
)

//go:embed relations.sql
var relationsSQL string

// Synced is what Sync did.
type Synced struct{ Created, Replaced, Dropped, Kept int }

// TakenError: where a view is to be made there is a table or view of somebody
// else.
type TakenError struct {
	Relation engine.Relation
	Kind     string // "table", "view"
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("%s %s was not made by this program and is in the way", e.Kind,
		engine.Relation{Schema: e.Relation.Schema, Name: e.Relation.Name})
}
func (e *TakenError) Hint() string { return "drop or rename it, or give the model another name" }

// Sync makes a stored binding what want says (Stored returns it), in one step,
// and leaves alone what is so already: then it costs two small queries. It
// touches only views that it has made, in the binding's two schemas and in
// places (Places returns them). A table or view of somebody else is
// never replaced: *TakenError.
func Sync(ctx context.Context, c *engine.Conn, r *history.Register, schema string, want []View, places ...string) (Synced, error) {
	var did Synced
	have, err := look(ctx, c, r, schema, places...)
	if err != nil {
		return did, err
	}
	var made []View
	var forgotten []history.BoundView // entries of views that are gone, or now spelled otherwise
	wanted := map[string]bool{}
	for _, v := range want {
		key := fold(v.Schema, v.Name)
		wanted[key] = true
		kind, exists := have.kinds[key]
		old, ours := have.ours[key]
		switch {
		case exists && !ours || exists && kind != "view":
			return did, &TakenError{Relation: v.Relation(), Kind: kind}
		case exists && old.SHA256 == v.Digest && old.Name == v.Name:
			did.Kept++
			continue
		case exists:
			did.Replaced++
		default:
			did.Created++
		}
		made = append(made, v)
		if ours {
			forgotten = append(forgotten, old)
		}
	}
	var dropped []history.BoundView
	for key, old := range have.ours {
		if !wanted[key] {
			dropped = append(dropped, old)
		}
	}
	did.Dropped = len(dropped)
	if len(made)+len(dropped) == 0 {
		return did, nil
	}
	return did, c.Atomic(ctx, func() error {
		if err := have.drop(ctx, c, dropped); err != nil {
			return err
		}
		if err := Create(ctx, c, made); err != nil {
			return err
		}
		entries := make([]history.BoundView, len(made))
		for i, v := range made {
			entries[i] = history.BoundView{Schema: v.Schema, Name: v.Name, SHA256: v.Digest}
		}
		return r.SetBoundViews(ctx, c, entries, append(forgotten, dropped...))
	})
}

// Keep makes the views that are not there as they are wanted, and leaves all
// others of their schema alone. A table or view of somebody else is never
// replaced: *TakenError.
func Keep(ctx context.Context, c *engine.Conn, r *history.Register, schema string, want []View) error {
	have, err := look(ctx, c, r, schema)
	if err != nil {
		return err
	}
	var entries, old []history.BoundView
	for _, v := range want {
		key := fold(v.Schema, v.Name)
		if was, ours := have.ours[key]; ours {
			old = append(old, was)
		} else if kind, exists := have.kinds[key]; exists {
			return &TakenError{Relation: v.Relation(), Kind: kind}
		}
		entries = append(entries, history.BoundView{Schema: v.Schema, Name: v.Name, SHA256: v.Digest})
	}
	return c.Atomic(ctx, func() error {
		if err := Create(ctx, c, want); err != nil {
			return err
		}
		return r.SetBoundViews(ctx, c, entries, old)
	})
}

// Remove drops a stored binding: the views that Sync has made, and the schemas
// if nothing else is in them.
func Remove(ctx context.Context, c *engine.Conn, r *history.Register, schema string) error {
	have, err := look(ctx, c, r, schema)
	if err != nil {
		return err
	}
	var dropped []history.BoundView
	others := map[string]bool{}
	for key := range have.kinds {
		if _, ours := have.ours[key]; !ours {
			s, _, _ := strings.Cut(key, "\x00")
			others[s] = true
		}
	}
	for _, v := range have.ours {
		dropped = append(dropped, v)
	}
	return c.Atomic(ctx, func() error {
		if err := have.drop(ctx, c, dropped); err != nil {
			return err
		}
		for _, s := range []string{schema, schema + RefSuffix} {
			if others[strings.ToLower(s)] {
				continue
			}
			name := engine.Relation{Database: have.catalog, Schema: s}
			if _, err := c.Exec(ctx, "DROP SCHEMA IF EXISTS "+name.String()); err != nil {
				return err
			}
		}
		return r.SetBoundViews(ctx, c, nil, dropped)
	})
}

// found is what is in the two schemas of a binding. Engines compare names
// without case, and so do the keys.
type found struct {
	catalog string
	kinds   map[string]string            // "table" or "view"
	ours    map[string]history.BoundView // made by Sync
}

func fold(schema, name string) string {
	return strings.ToLower(schema) + "\x00" + strings.ToLower(name)
}

func look(ctx context.Context, c *engine.Conn, r *history.Register, schema string, places ...string) (found, error) {
	f := found{catalog: c.DB().Dialect().Catalog(), kinds: map[string]string{}, ours: map[string]history.BoundView{}}
	schemas := append([]string{schema, schema + RefSuffix}, places...)
	for pair := range slices.Chunk(schemas, 2) {
		if err := f.relations(ctx, c, pair[0], pair[len(pair)-1]); err != nil {
			return f, err
		}
	}
	ours, err := r.BoundViews(ctx, c, schemas...)
	for _, v := range ours {
		f.ours[fold(v.Schema, v.Name)] = v
	}
	return f, err
}

// relations notes the tables and views of two schemas.
func (f found) relations(ctx context.Context, c *engine.Conn, a, b string) error {
	rows, err := c.Query(ctx, relationsSQL, f.catalog, a, b)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var s, name, kind string
		if err := rows.Scan(&s, &name, &kind); err != nil {
			return err
		}
		f.kinds[fold(s, name)] = kind
	}
	if err := rows.Err(); err != nil {
		return c.Explain(err, relationsSQL)
	}
	return nil
}

// drop drops those of the views that are there.
func (f found) drop(ctx context.Context, c *engine.Conn, views []history.BoundView) error {
	for _, v := range views {
		if f.kinds[fold(v.Schema, v.Name)] != "view" {
			continue
		}
		name := engine.Relation{Database: f.catalog, Schema: v.Schema, Name: v.Name}
		if _, err := c.Exec(ctx, "DROP VIEW IF EXISTS "+name.String()); err != nil {
			return err
		}
	}
	return nil
}

// Schemas returns the names of all schemas of the target, by their lower-cased
// names.
func Schemas(ctx context.Context, c *engine.Conn) (map[string]string, error) {
	const query = "SELECT schema_name FROM information_schema.schemata WHERE catalog_name = ?"
	rows, err := c.Query(ctx, query, c.DB().Dialect().Catalog())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out[strings.ToLower(name)] = name
	}
	if err := rows.Err(); err != nil {
		return nil, c.Explain(err, query)
	}
	return out, nil
}

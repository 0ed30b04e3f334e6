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

//go:embed views.sql
var viewsSQL string

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
// places (Places returns them; the schemas of a second binding are others). A
// table or view of somebody else is never replaced: *TakenError.
func Sync(ctx context.Context, c *engine.Conn, r *history.Register, schema string, want []View, places ...string) (Synced, error) {
	schemas := append([]string{schema, schema + RefSuffix}, places...)
	// To look for tables too takes some time, and matters only for what is to be made.
	if _, server := c.DB().Dialect().(engine.Appender); !server {
		have, err := look(ctx, c, r, viewsSQL, schemas...)
		if err != nil {
			return Synced{}, err
		}
		if s, err := have.compare(want); err == nil && s.nothing() {
			return s.Synced, nil
		}
	}
	have, err := look(ctx, c, r, relationsSQL, schemas...)
	if err != nil {
		return Synced{}, err
	}
	s, err := have.compare(want)
	if err != nil || s.nothing() {
		return s.Synced, err
	}
	return s.Synced, c.Atomic(ctx, func() error {
		if err := have.drop(ctx, c, s.dropped); err != nil {
			return err
		}
		if err := Create(ctx, c, s.made); err != nil {
			return err
		}
		entries := make([]history.BoundView, len(s.made))
		for i, v := range s.made {
			entries[i] = history.BoundView{Schema: v.Schema, Name: v.Name, SHA256: v.Digest}
		}
		return r.SetBoundViews(ctx, c, entries, append(s.forgotten, s.dropped...))
	})
}

// step is what Sync is to do.
type step struct {
	Synced
	made      []View
	forgotten []history.BoundView // entries of views that are gone, or now spelled otherwise
	dropped   []history.BoundView
}

func (s step) nothing() bool { return len(s.made)+len(s.dropped) == 0 }

// compare says what is to be made and dropped for what is wanted.
func (f found) compare(want []View) (step, error) {
	var s step
	wanted := map[string]bool{}
	for _, v := range want {
		key := fold(v.Schema, v.Name)
		wanted[key] = true
		kind, exists := f.kinds[key]
		old, ours := f.ours[key]
		switch {
		case exists && !ours || exists && kind != "view":
			return step{}, &TakenError{Relation: v.Relation(), Kind: kind}
		case exists && old.SHA256 == v.Digest && old.Name == v.Name:
			s.Kept++
			continue
		case exists:
			s.Replaced++
		default:
			s.Created++
		}
		s.made = append(s.made, v)
		if ours {
			s.forgotten = append(s.forgotten, old)
		}
	}
	for key, old := range f.ours {
		if !wanted[key] {
			s.dropped = append(s.dropped, old)
		}
	}
	s.Dropped = len(s.dropped)
	return s, nil
}

// Keep makes the views that are not there as they are wanted, and leaves all
// others of their schema alone. A table or view of somebody else is never
// replaced: *TakenError.
func Keep(ctx context.Context, c *engine.Conn, r *history.Register, schema string, want []View) error {
	have, err := look(ctx, c, r, relationsSQL, schema, schema+RefSuffix)
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
	have, err := look(ctx, c, r, relationsSQL, schema, schema+RefSuffix)
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

// look runs a query for the relations of schemas, and reads which are ours.
func look(ctx context.Context, c *engine.Conn, r *history.Register, query string, schemas ...string) (found, error) {
	f := found{catalog: c.DB().Dialect().Catalog(), kinds: map[string]string{}, ours: map[string]history.BoundView{}}
	if err := f.relations(ctx, c, query, schemas); err != nil {
		return f, err
	}
	ours, err := r.BoundViews(ctx, c, schemas...)
	for _, v := range ours {
		f.ours[fold(v.Schema, v.Name)] = v
	}
	return f, err
}

// relations notes the tables and views of schemas.
func (f found) relations(ctx context.Context, c *engine.Conn, query string, schemas []string) error {
	args := []any{f.catalog}
	for _, s := range schemas {
		args = append(args, strings.ToLower(s))
	}
	query = strings.Replace(query, "{schemas}", strings.Join(slices.Repeat([]string{"?"}, len(schemas)), ", "), 1)
	return c.Each(ctx, query, args, func(scan func(...any) error) error {
		var s, name, kind string
		err := scan(&s, &name, &kind)
		f.kinds[fold(s, name)] = kind
		return err
	})
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
	out := map[string]string{}
	err := c.Each(ctx, query, []any{c.DB().Dialect().Catalog()}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		out[strings.ToLower(name)] = name
		return err
	})
	return out, err
}

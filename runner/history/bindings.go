package history

import (
	"context"
	"strings"

	"warehouse/runner/engine"
)

// BoundView is a view that package binding has made: run_binding tells the
// product's views from people's own, and which definition each has.
type BoundView struct {
	Schema, Name string
	SHA256       string // of the definition, and of all views that it reads
}

var bindingTable = table[BoundView]{name: "run_binding", identity: []string{"binding", "view"}, fields: []field[BoundView]{
	{"binding", text, func(b *BoundView) any { return &b.Schema }},
	{"view", text, func(b *BoundView) any { return &b.Name }},
	{"sha256", text, func(b *BoundView) any { return &b.SHA256 }},
}}

// BoundViews returns the views that were made in some schemas.
func (r *Register) BoundViews(ctx context.Context, c *engine.Conn, schemas ...string) ([]BoundView, error) {
	if len(schemas) == 0 {
		return nil, nil
	}
	var args []any
	for _, s := range schemas {
		args = append(args, s)
	}
	q := "SELECT " + bindingTable.selectList("") + " FROM " + r.rel(bindingTable.name) +
		" WHERE binding IN (" + strings.Join(repeat("?", len(schemas)), ", ") + ")"
	return bindingTable.query(ctx, c, q, args...)
}

// SetBoundViews replaces the entries of views that were made, and removes those
// of views that were dropped.
func (r *Register) SetBoundViews(ctx context.Context, c *engine.Conn, made, dropped []BoundView) error {
	names := map[string][]string{}
	for _, list := range [][]BoundView{made, dropped} {
		for _, v := range list {
			names[v.Schema] = append(names[v.Schema], v.Name)
		}
	}
	return c.Atomic(ctx, func() error {
		for schema, views := range names {
			list, err := marshal(views)
			if err != nil {
				return err
			}
			if _, err := bindingTable.remove(ctx, c, r.relation(bindingTable.name), "binding = ? AND "+listed(c, engine.Ident("view")), schema, list); err != nil {
				return err
			}
		}
		return bindingTable.insert(ctx, c, r.relation(bindingTable.name), made)
	})
}

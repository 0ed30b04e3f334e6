package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// macrosName stands for the macros among the views that were made.
const macrosName = "history()"

// keepRows mends what the table macros history and changes read: a view for
// each mart over the rows of its published runs, made anew when a run is stored
// otherwise than the one before. It is a part of the publication.
func (s *session) keepRows(ctx context.Context, m pointerMove) error {
	storage := s.r.project.Target.StorageSchema
	macros := diff.Macros(s.dialect(), storage)
	if macros == nil {
		return nil
	}
	bound, err := s.reg.BoundViews(ctx, s.conn, diff.RowsSchema)
	if err != nil {
		return err
	}
	have := map[string]string{}
	for _, v := range bound {
		have[v.Name] = v.SHA256
	}
	if err := s.keepMacros(ctx, macros, have[macrosName]); err != nil {
		return err
	}
	digests, err := s.otherwiseStored(m, have)
	if err != nil || len(digests) == 0 {
		return err
	}
	names := slices.Sorted(maps.Keys(digests))
	layouts, err := s.reg.PublishedLayouts(ctx, s.conn, names)
	if err != nil {
		return err
	}
	views := make([]binding.View, 0, len(names))
	for _, name := range names {
		live := m.records[name].Layout
		all := append([]history.Layout{live}, slices.DeleteFunc(layouts[name], func(l history.Layout) bool { return reflect.DeepEqual(l, live) || !sameTable(l, live) })...)
		view := engine.Relation{Database: s.dialect().Catalog(), Schema: diff.RowsSchema, Name: name}
		views = append(views, binding.View{Database: view.Database, Schema: view.Schema, Name: view.Name, Digest: digests[name],
			SQL: "CREATE OR REPLACE VIEW " + view.String() + " AS\n" + diff.RunRows(s.dialect(), storage, name, all)})
	}
	return binding.Keep(ctx, s.conn, s.reg, diff.RowsSchema, views)
}

// sameTable: rows that were stored elsewhere, or under another run id column,
// are not among those of today's table.
func sameTable(a, b history.Layout) bool {
	return strings.EqualFold(a.Schema, b.Schema) && strings.EqualFold(a.Table, b.Table) && strings.EqualFold(a.RunColumn, b.RunColumn)
}

// keepMacros makes the macros, if this program's are not those that are there.
func (s *session) keepMacros(ctx context.Context, macros []string, have string) error {
	digest := digestOf(macros...)
	if digest == have {
		return nil
	}
	for _, q := range macros {
		if _, err := s.conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("making the macros history and changes: %w", err)
		}
	}
	entry := []history.BoundView{{Schema: diff.RowsSchema, Name: macrosName, SHA256: digest}}
	return s.reg.SetBoundViews(ctx, s.conn, entry, nil)
}

// otherwiseStored are the marts whose layout is not the one that their view was
// made for, with the digest of the new one.
func (s *session) otherwiseStored(m pointerMove, have map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for name := range m.to.Marts {
		rec, ok := m.records[name]
		if !ok || rec.Layout.RunColumn == "" {
			continue
		}
		l := rec.Layout
		l.Guards, l.Retention, l.Tolerance, l.FloatTolerance, l.Settings = nil, nil, nil, nil, nil
		text, err := json.Marshal(l)
		if err != nil {
			return nil, err
		}
		if d := digestOf(string(text)); d != have[name] {
			out[name] = d
		}
	}
	return out, nil
}

func digestOf(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d\n%s", len(t), t)
	}
	return hex.EncodeToString(h.Sum(nil))
}

package project

import (
	"slices"
	"strings"

	"warehouse/runner/jinja"
)

// addBlocks makes snapshots of the blocks of a file.
func (l *loader) addBlocks(f *file, fqn []string) {
	if f.template == nil {
		return
	}
	for _, b := range f.template.Blocks() {
		if b.Kind != "snapshot" {
			continue
		}
		l.p.Snapshots = append(l.p.Snapshots, &Snapshot{Name: b.Name, Package: l.p.Name, File: f.name, FQN: append(slices.Clip(fqn), b.Name),
			Source: b.Text(), Template: b.Body, Pos: b.Pos})
	}
}

// addRelations makes snapshots of YAML entries that name what they take the
// rows of: `relation: ref('orders')`.
func (l *loader) addRelations(files []*file, x *entryIndex) {
	for _, f := range files {
		for _, e := range f.schema.entries {
			if e.Kind != "snapshot" || x.byID[[2]string{e.Kind, e.Name}] != e {
				continue
			}
			v, _ := e.Raw.Get("relation")
			relation, ok := v.(string)
			if v == nil {
				continue
			}
			if !ok || strings.TrimSpace(relation) == "" {
				l.errs.Add(x.errorf(e, "relation of the snapshot %s must be ref('model') or source('name', 'table')", e.Name))
				continue
			}
			parts := below(f.dir, f.name)
			fqn := append(append([]string{l.p.Name}, parts[:len(parts)-1]...), e.Name)
			s := &Snapshot{Name: e.Name, Package: l.p.Name, File: f.name, FQN: fqn, Source: selectOf(relation), Pos: e.Places["relation"], YAML: x.take("snapshot", e.Name)}
			// On its own line, so that errors name it.
			t, err := jinja.Parse(f.name, strings.Repeat("\n", max(0, s.Pos.Line-1))+s.Source)
			if err != nil {
				l.errs.AddErr(s.Pos, err)
				continue
			}
			s.Template = t
			l.p.Snapshots = append(l.p.Snapshots, s)
		}
	}
}

// selectOf is the SELECT of a relation, which may stand in braces.
func selectOf(relation string) string {
	relation = strings.TrimSpace(relation)
	if !strings.HasPrefix(relation, "{{") {
		relation = "{{ " + relation + " }}"
	}
	return "select * from " + relation
}

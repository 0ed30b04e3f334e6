package binding

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// Kind of a stored binding.
type Kind int

const (
	Latest   Kind = iota // the newest publication
	Previous             // the publication before it
	Literal              // the snapshot's own runs: tags
)

// Stored returns the views of a stored binding in the order in which they can
// be made: marts by name, what view models read of them, view models after
// those that they read. What they read is named in two parts, never by the
// catalog: the file may be renamed, or attached under any name.
func Stored(d engine.Dialect, storage, schema string, kind Kind, snap history.Snapshot, records map[string]history.ModelRecord) ([]View, error) {
	b := &stored{
		d: d, storage: storage, schema: schema, kind: kind, snap: snap, records: records,
		folded: map[string]string{}, made: map[string]View{},
	}
	names, shown := slices.Sorted(maps.Keys(snap.Marts)), map[string]string{}
	for _, name := range names {
		rec, ok := records[name]
		if !ok || rec.Kind != ViewKind && (rec.Layout.Table == "" || rec.Layout.RunColumn == "") {
			return nil, &NoRecordError{Model: name, RunID: snap.Marts[name]}
		}
		if rec.Status == history.ModelPruned {
			return nil, &history.PrunedError{Model: name, RunID: snap.Marts[name]}
		}
		b.folded[strings.ToLower(name)] = name
		as := strings.ToLower(shownName(rec))
		if other, taken := shown[as]; taken {
			return nil, &TwiceError{Name: shownName(rec), Models: [2]string{other, name}}
		}
		shown[as] = name
	}
	for _, name := range names {
		if records[name].Kind != ViewKind {
			b.mart(name, schema, false)
		}
	}
	for _, name := range names {
		if err := b.refs(name); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if records[name].Kind == ViewKind {
			if err := b.view(name, nil); err != nil {
				return nil, err
			}
		}
	}
	if kind == Latest {
		b.addPlaced()
	}
	return b.views, nil
}

// addPlaced adds the views in schemas of their own: of what is stored in
// `<schema>__runs`, the published run is read in `<schema>` too.
func (b *stored) addPlaced() {
	shown := map[string]View{}
	for _, v := range b.views {
		if strings.EqualFold(v.Schema, b.schema) {
			shown[strings.ToLower(v.Name)] = v
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.snap.Marts)) {
		rec := b.records[name]
		if schema := placedIn(rec, b.storage); schema != "" {
			v := shown[strings.ToLower(shownName(rec))]
			b.views = append(b.views, newView(engine.Relation{Database: v.Database, Schema: schema, Name: cmp.Or(rec.Layout.Table, v.Name)}, v.Body, v.Digest))
		}
	}
}

// RunsSuffix ends the name of a schema of tables that has a sister for people.
const RunsSuffix = "__runs"

// placedIn is the schema in which the published run of a model is read besides
// the latest binding, or "".
func placedIn(rec history.ModelRecord, storage string) string {
	schema, ok := strings.CutSuffix(rec.Layout.Schema, RunsSuffix)
	if !ok || strings.EqualFold(rec.Layout.Schema, storage) {
		return ""
	}
	return schema
}

// Places are the schemas besides the latest binding's that Stored makes views
// in, for any of these records: what Sync has to look through.
func Places(storage string, records ...map[string]history.ModelRecord) []string {
	found := map[string]bool{}
	for _, recs := range records {
		for _, rec := range recs {
			if schema := placedIn(rec, storage); schema != "" {
				found[schema] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// shownName is the name of a model's view for people: its alias, where it has
// one to itself.
func shownName(rec history.ModelRecord) string {
	if rec.Layout.Shown != "" {
		return rec.Layout.Shown
	}
	if rec.Layout.Table != "" {
		return rec.Layout.Table
	}
	return rec.Model
}

// TwiceError: two models of a snapshot have one alias, in different schemas of
// the storage, and are recorded with one name for people: one of them was built
// when the other was not there.
type TwiceError struct {
	Name   string
	Models [2]string
}

func (e *TwiceError) Error() string {
	return fmt.Sprintf("the models %s and %s would both be read as %s", e.Models[0], e.Models[1], e.Name)
}
func (e *TwiceError) Hint() string { return "build both, or give one of them another alias" }

// stored is a stored binding in the making.
type stored struct {
	d               engine.Dialect
	storage, schema string
	kind            Kind
	snap            history.Snapshot
	records         map[string]history.ModelRecord
	folded          map[string]string // a name without case → the model's name
	made            map[string]View   // what ref() to a model reads, by name
	views           []View
}

// place returns where ref() to a model reads: a view model shows the same
// columns in both schemas, so it is in the plain one alone.
func (b *stored) place(model string) engine.Relation {
	name, ok := b.folded[strings.ToLower(model)]
	if !ok {
		name = model
	}
	if b.records[name].Kind == ViewKind {
		return engine.Relation{Schema: b.schema, Name: shownName(b.records[name])}
	}
	return engine.Relation{Schema: b.schema + RefSuffix, Name: name}
}

func (b *stored) mart(name, schema string, hidden bool) View {
	l := b.records[name].Layout
	table := engine.Relation{Schema: l.Schema, Name: l.Table}
	as := name
	if !hidden {
		as = shownName(b.records[name])
	}
	v := newView(engine.Relation{Database: b.d.Catalog(), Schema: schema, Name: as},
		selectMart(table, l, b.filter(name), hidden), columnsText(l))
	b.views = append(b.views, v)
	return v
}

// filter is the run id that a mart is read from.
func (b *stored) filter(name string) string {
	if b.kind == Literal {
		return b.d.RunLiteral(b.snap.Marts[name])
	}
	log := engine.Relation{Schema: b.storage, Name: "run_publication"}
	if a, ok := b.d.(engine.Appender); ok {
		back, fail := 0, fmt.Sprintf("mart %s is not published", name)
		if b.kind == Previous {
			back, fail = 1, fmt.Sprintf("mart %s was not in the publication before the newest", name)
		}
		// The second condition is for servers that refuse to read a table
		// without one on its partition: they do not see it in the first.
		return fmt.Sprintf("coalesce(%s, CAST(%s AS %s)) AND t.%s IS NOT NULL", a.LiveRun(log, name, back), b.d.Fail(fail), b.d.Types().RunID,
			engine.Ident(b.records[name].Layout.RunColumn))
	}
	marts := engine.Relation{Schema: b.storage, Name: "run_publication_mart"}
	seq := fmt.Sprintf("SELECT max(s.seq) FROM %s AS s", log)
	fail := fmt.Sprintf("mart %s is not published", name)
	if b.kind == Previous {
		seq += fmt.Sprintf(" WHERE s.seq < (SELECT max(n.seq) FROM %s AS n)", log)
		fail = fmt.Sprintf("mart %s was not in the publication before the newest", name)
	}
	return fmt.Sprintf("coalesce((\n  SELECT p.run_id FROM %s AS p\n  WHERE p.mart = %s AND p.seq = (%s)\n), %s)",
		marts, engine.Literal(name), seq, b.d.Fail(fail))
}

// refs makes the sister views of the marts that a view model reads.
func (b *stored) refs(name string) error {
	rec := b.records[name]
	if rec.Kind != ViewKind {
		return nil
	}
	for _, model := range readsOf(b.d, rec.CompiledSQL) {
		read, ok := b.folded[strings.ToLower(model)]
		if !ok {
			return &UnboundError{Model: name, Reads: model}
		}
		if _, done := b.made[read]; !done && b.records[read].Kind != ViewKind {
			b.made[read] = b.mart(read, b.schema+RefSuffix, true)
		}
	}
	return nil
}

// view makes a view model, after the view models that it reads. path are those
// that wait for it.
func (b *stored) view(name string, path []string) error {
	if _, done := b.made[name]; done {
		return nil
	}
	if slices.Contains(path, name) {
		return fmt.Errorf("view models read each other: %s", strings.Join(append(path, name), " → "))
	}
	rec := b.records[name]
	more := []string{columnsText(rec.Layout)}
	for _, model := range readsOf(b.d, rec.CompiledSQL) {
		read := b.folded[strings.ToLower(model)]
		if b.records[read].Kind == ViewKind {
			if err := b.view(read, append(path, name)); err != nil {
				return err
			}
		}
		more = append(more, b.made[read].Digest)
	}
	sql := rebind(b.d, rec.CompiledSQL, true, b.place)
	v := newView(engine.Relation{Database: b.d.Catalog(), Schema: b.schema, Name: shownName(rec)}, selectView(sql, rec.Layout), more...)
	b.views = append(b.views, v)
	b.made[name] = v
	return nil
}

package runner

import (
	"context"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/history"
)

// reading is what a model's SQL read: the snapshot of the run that wrote it.
type reading struct {
	rec  history.ModelRecord // as the run wrote it, not as another took it over
	snap history.Snapshot
	recs map[string]history.ModelRecord

	unheld map[string]bool // functions that read what no run holds
}

// ranIn is the run that computed a record's rows.
func ranIn(rec history.ModelRecord) string {
	if rec.DataRunID != "" {
		return rec.DataRunID
	}
	return rec.RunID
}

// reading finds what a record's rows were made of.
func (b *blamer) reading(ctx context.Context, rec history.ModelRecord) (*reading, error) {
	if own, ok, err := b.model(ctx, ranIn(rec), rec.Model); err != nil {
		return nil, err
	} else if ok {
		rec = own
	}
	r := &reading{rec: rec, unheld: b.unheld}
	var err error
	if r.snap, err = b.reg.RunSnapshot(ctx, b.conn, ranIn(rec)); err != nil {
		return nil, err
	}
	if r.recs, err = b.reg.Records(ctx, b.conn, r.snap); err != nil {
		return nil, err
	}
	// A snapshot leaves out what was pruned of its run, and names what the run
	// was based on in its place: not what it read.
	for name, own := range b.models[r.snap.Run] {
		if own.Status == history.ModelPruned {
			r.recs[name], r.snap.Marts[name] = own, own.RunID
		}
	}
	return r, nil
}

// of is what another model of the same snapshot reads.
func (r *reading) of(rec history.ModelRecord) *reading {
	return &reading{rec: rec, snap: r.snap, recs: r.recs, unheld: r.unheld}
}

func (r *reading) find(name string) (history.ModelRecord, bool) {
	if rec, ok := r.recs[name]; ok {
		return rec, true
	}
	for n, rec := range r.recs {
		if strings.EqualFold(n, name) {
			return rec, true
		}
	}
	return history.ModelRecord{}, false
}

// models are the other models that are read, sorted.
func (r *reading) models() []string {
	var out []string
	for _, in := range r.rec.Inputs {
		if in.RunID != "" && in.Via == "" && !strings.EqualFold(in.Name, r.rec.Model) {
			out = append(out, in.Name)
		}
	}
	slices.Sort(out)
	return out
}

// self is the run whose rows an incremental model added to, "" for none.
func (r *reading) self() string {
	for _, in := range r.rec.Inputs {
		if in.RunID != "" && strings.EqualFold(in.Name, r.rec.Model) {
			return in.RunID
		}
	}
	return ""
}

// differing are the models that two readings name and that are not known to be
// equal.
func differing(ra, rb *reading) []string {
	names := append(ra.models(), rb.models()...)
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return sameInput(name, ra, rb, map[string]bool{}) })
}

func sameInput(name string, ra, rb *reading, seen map[string]bool) bool {
	x, inA := ra.find(name)
	y, inB := rb.find(name)
	if !inA || !inB || (x.Kind == "view") != (y.Kind == "view") {
		return false
	}
	if y.Kind != "view" {
		return equalRows(x, y)
	}
	if x.CompiledSQL != y.CompiledSQL || len(outsideReads(ra.of(x), rb.of(y))) > 0 {
		return false
	}
	if seen[name] {
		return true
	}
	seen[name] = true
	return !slices.ContainsFunc(rb.of(y).models(), func(n string) bool { return !sameInput(n, ra, rb, seen) })
}

// outsideReads are the sources and files that are read, through views too: of
// them there is only what they hold today.
func outsideReads(rs ...*reading) []string {
	found := map[string]bool{}
	for _, r := range rs {
		r.outside(found, nil, map[string]bool{})
	}
	return slices.Sorted(maps.Keys(found))
}

// movedReads are those of outsideReads that are not known to have been the same
// for both: a source's fingerprint was taken when it was read, but for what a
// view reads.
func movedReads(ra, rb *reading) []string {
	same, found := map[string]bool{}, map[string]bool{}
	for id, in := range rb.rec.Inputs {
		same[in.Name] = rb.rec.Kind != "view" && in.Fingerprint != "" && in == ra.rec.Inputs[id]
	}
	ra.outside(found, same, map[string]bool{})
	rb.outside(found, same, map[string]bool{})
	return slices.Sorted(maps.Keys(found))
}

func (r *reading) outside(found, same, seen map[string]bool) {
	for _, in := range r.rec.Inputs {
		if in.RunID == "" && in.Via == "" && !same[in.Name] {
			found["source "+in.Name] = true
		}
	}
	for name := range outsideOf(r.rec.CompiledSQL, r.unheld) {
		found[name] = true
	}
	for _, view := range r.views(seen) {
		view.outside(found, nil, seen)
	}
}

// views are those that are read and not seen yet.
func (r *reading) views(seen map[string]bool) []*reading {
	var out []*reading
	for _, name := range r.models() {
		if rec, ok := r.find(name); ok && rec.Kind == "view" && !seen[rec.Model] {
			seen[rec.Model] = true
			out = append(out, r.of(rec))
		}
	}
	return out
}

// texts are the SQL that is run when a reading is: its own, and that of views.
func (r *reading) texts(seen map[string]bool) []string {
	out := []string{r.rec.CompiledSQL}
	for _, view := range r.views(seen) {
		out = append(out, view.texts(seen)...)
	}
	return out
}

package runner

import (
	"cmp"
	"maps"
	"slices"

	"warehouse/runner/compile"
	"warehouse/runner/history"
)

// A view has no rows: who reads one reads what stands behind it, as that is then.
// A run's record of a mart says so: its inputs are what its SQL names, and the
// models and sources behind the views among them, each with the view.

// behind is what a view reads, through other views: models by name and sources
// by node id, both with the view that is named by the reader.
type behind struct {
	models  map[string]bool
	sources map[string]string // node id → source.table
}

// behindView finds what a view reads: as it is built now, or as it was published.
func (w *work) behindView(name string) behind {
	if out, ok := w.behind[name]; ok {
		return out
	}
	out := behind{map[string]bool{}, map[string]string{}}
	w.behind[name] = out // also of one that is met again in a circle
	add := func(model string) {
		out.models[model] = true
		if w.isView(model) {
			more := w.behindView(model)
			maps.Copy(out.models, more.models)
			maps.Copy(out.sources, more.sources)
		}
	}
	if n := w.selected[name]; n != nil {
		for _, id := range sourcesOf(w.g, n) {
			out.sources[id] = sourceTable(w.g.Nodes[id])
		}
		for _, model := range stored(w.g, n) {
			add(model)
		}
		return out
	}
	for id, in := range w.records[name].Inputs {
		if in.RunID == "" {
			out.sources[id] = in.Name
		} else if model, ok := w.known(in.Name); ok {
			add(model)
		}
	}
	return out
}

// isView says whether a model, as it is read now, is a view.
func (w *work) isView(name string) bool {
	if n := w.selected[name]; n != nil {
		return n.Kind == "view"
	}
	return w.records[name].Kind == "view"
}

func sourceTable(n *compile.Node) string { return n.Source.SourceName + "." + n.Source.Name }

// addBehind adds to a mart's inputs what stands behind the views among them.
func (b *build) addBehind(inputs map[string]history.Input) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var views []string
	for _, in := range inputs {
		if in.RunID != "" && b.isView(in.Name) {
			views = append(views, in.Name)
		}
	}
	slices.Sort(views)
	for _, view := range views {
		what := b.behindView(view)
		for id, name := range what.sources {
			if _, ok := inputs[id]; !ok {
				inputs[id] = history.Input{Name: name, Fingerprint: b.prints[id], Via: view}
			}
		}
		for name := range what.models {
			id := cmp.Or(b.ids[name], "model."+b.r.project.Name+"."+name)
			if _, ok := inputs[id]; !ok {
				inputs[id] = history.Input{Name: name, RunID: b.runOf(name, b.run.ID), Via: view}
			}
		}
	}
}

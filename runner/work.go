package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/dag"
	"warehouse/runner/diag"
	"warehouse/runner/history"
)

// work is a Plan with all that executing it needs: which models of which
// graph, what they read from elsewhere, and in which order.
type work struct {
	g       *compile.Graph
	picked  picked
	base    history.Snapshot
	records map[string]history.ModelRecord // of base, by model name
	// published is base as it stands in the log: models whose names differ by case alone
	// from the project's are spelled in base as in the project.
	published        history.Snapshot
	publishedRecords map[string]history.ModelRecord

	models map[string]*compile.Node // selected stored models and view models, by id
	tests  map[string]*compile.Node // data tests to run, by id
	names  map[string]bool          // names of models
	// bound are the names of unselected models that must be readable, from
	// base: what is read, and view models that read what is built.
	bound map[string]bool
	// views are those of bound that are view models over what is built: they
	// can be bound only when that is there.
	views    map[string]bool
	selected map[string]*compile.Node // models, by name
	ids      map[string]string        // ids of all stored models of g, by name
	behind   map[string]behind        // what views read, as far as it was asked
	reused   map[string]bool          // models whose live rows are taken, decided while they are prepared
	graph    *dag.Graph               // over models, views (as viewID) and tests
}

// resources are the ids of the selected models and data tests, sorted.
func (w *work) resources() []string {
	ids := slices.AppendSeq(slices.Collect(maps.Keys(w.models)), maps.Keys(w.tests))
	slices.Sort(ids)
	return ids
}

func viewID(name string) string { return "published view " + name }

// planWork decides what a build of p does over base.
func planWork(g *compile.Graph, p picked, base history.Snapshot, records map[string]history.ModelRecord) (*work, error) {
	w := &work{g: g, picked: p, published: base, publishedRecords: records, models: map[string]*compile.Node{}, tests: map[string]*compile.Node{},
		names: map[string]bool{}, bound: map[string]bool{}, views: map[string]bool{}, reused: map[string]bool{},
		selected: map[string]*compile.Node{}, ids: map[string]string{}, behind: map[string]behind{}}
	for id, n := range g.Nodes {
		if n.Built() && n.Kind != "ephemeral" {
			w.ids[n.Name] = id
		}
	}
	w.base, w.records = respelled(g, base, records)
	for id := range p.models {
		if n := g.Nodes[id]; n.Kind != "ephemeral" {
			w.models[id], w.names[n.Name], w.selected[n.Name] = n, true, n
		}
	}
	for id := range p.tests {
		w.tests[id] = g.Nodes[id]
	}
	if err := w.bindUnselected(); err != nil {
		return nil, err
	}
	edges := w.edges()
	models, err := dag.New(edges)
	var cycle *dag.CycleError
	if errors.As(err, &cycle) {
		return nil, w.mixedCycle(cycle)
	}
	if err != nil {
		return nil, err
	}
	w.testEdges(models, edges)
	w.graph, err = dag.New(edges)
	return w, err
}

// respelled returns a snapshot and its records with models named as the
// project names them now: one name, to the engine, is one mart, whatever its
// case.
func respelled(g *compile.Graph, snap history.Snapshot, records map[string]history.ModelRecord) (history.Snapshot, map[string]history.ModelRecord) {
	folded := map[string]string{}
	for _, n := range g.Nodes {
		if n.Built() {
			folded[strings.ToLower(n.Name)] = n.Name
		}
	}
	spell := func(name string) string {
		if n, ok := folded[strings.ToLower(name)]; ok {
			return n
		}
		return name
	}
	same := true
	for name := range snap.Marts {
		same = same && spell(name) == name
		for _, in := range records[name].Inputs {
			same = same && (in.RunID == "" || spell(in.Name) == in.Name)
		}
	}
	if same {
		return snap, records
	}
	out, marts := map[string]history.ModelRecord{}, map[string]string{}
	for name, id := range snap.Marts {
		marts[spell(name)] = id
	}
	snap.Marts = marts
	for name, rec := range records {
		rec.Model = spell(rec.Model)
		rec.Inputs = maps.Clone(rec.Inputs)
		for id, in := range rec.Inputs {
			if in.RunID != "" { // no source
				in.Name = spell(in.Name)
				rec.Inputs[id] = in
			}
		}
		out[spell(name)] = rec
	}
	return snap, out
}

// stored returns the names of the stored models and view models that a node's
// SQL reads, through ephemeral ones.
func stored(g *compile.Graph, n *compile.Node) []string {
	var out []string
	seen := map[string]bool{}
	var walk func(n *compile.Node)
	walk = func(n *compile.Node) {
		for _, id := range n.Refs {
			p := g.Nodes[id]
			if p == nil || seen[id] {
				continue
			}
			seen[id] = true
			if p.Kind == "ephemeral" {
				walk(p)
			} else {
				out = append(out, p.Name)
			}
		}
	}
	walk(n)
	slices.Sort(out)
	return out
}

// bindUnselected finds what must be readable from the base publication, and
// refuses models that read what was never published.
func (w *work) bindUnselected() error {
	var errs diag.List
	for _, n := range w.models {
		for _, name := range stored(w.g, n) {
			if w.names[name] {
				continue
			}
			if _, ok := w.records[name]; !ok {
				errs.Add(&diag.Error{Pos: diag.Pos{File: n.File}, Err: ErrNotPublished,
					Msg:    fmt.Sprintf("%s reads %s, which is not selected and was never published", n.Name, name),
					Advice: fmt.Sprintf("build it as well: --select +%s", n.Name)})
				continue
			}
			w.bound[name] = true
		}
	}
	for _, t := range w.tests {
		for _, name := range stored(w.g, t) {
			if _, ok := w.records[name]; ok && !w.names[name] {
				w.bound[name] = true
			}
		}
	}
	if err := errs.Err(); err != nil {
		return err
	}
	// Published view models over what is built must still bind: they are
	// published with it.
	for name := range w.records {
		if !w.names[name] && !w.picked.all && w.readsBuilt(name, map[string]bool{}) {
			w.bound[name], w.views[name] = true, true
		}
	}
	for name := range maps.Clone(w.bound) {
		w.closure(name)
	}
	return nil
}

// readsBuilt says whether a published view model reads, directly or through
// other view models, something that is built now.
func (w *work) readsBuilt(name string, seen map[string]bool) bool {
	rec, ok := w.records[name]
	if !ok || rec.Kind != "view" || seen[name] {
		return false
	}
	seen[name] = true
	for _, in := range rec.Inputs {
		if w.names[in.Name] || w.readsBuilt(in.Name, seen) {
			return true
		}
	}
	return false
}

// closure adds what a published view model reads itself.
func (w *work) closure(name string) {
	rec := w.records[name]
	if rec.Kind != "view" {
		return
	}
	for _, in := range rec.Inputs {
		if read, ok := w.known(in.Name); ok && !w.names[read] && !w.bound[read] {
			w.bound[read] = true
			w.closure(read)
		}
	}
}

// known finds the published model of a name, which may be spelled in another
// case than when it was read.
func (w *work) known(name string) (string, bool) {
	if _, ok := w.records[name]; ok {
		return name, true
	}
	for n := range w.records {
		if strings.EqualFold(n, name) {
			return n, true
		}
	}
	return "", false
}

// edges are the parents of each model, view and test of the work.
func (w *work) edges() map[string][]string {
	ids := map[string]string{} // name → id in this graph
	for id, n := range w.models {
		ids[n.Name] = id
	}
	for name := range w.views {
		ids[name] = viewID(name)
	}
	out := map[string][]string{}
	parents := func(names []string) []string {
		var ps []string
		for _, name := range names {
			if id, ok := ids[name]; ok {
				ps = append(ps, id)
			}
		}
		slices.Sort(ps)
		return slices.Compact(ps)
	}
	for id, n := range w.models {
		out[id] = parents(stored(w.g, n))
	}
	for name := range w.views {
		var names []string
		for _, in := range w.records[name].Inputs {
			names = append(names, in.Name)
		}
		out[viewID(name)] = parents(names)
	}
	return out
}

// testEdges puts each data test into the graph: below what it reads, and above
// what is built on all of that, so that a blocking failure skips it.
func (w *work) testEdges(models *dag.Graph, edges map[string][]string) {
	ids := map[string]string{}
	for id, n := range w.models {
		ids[n.Name] = id
	}
	for name := range w.views {
		ids[name] = viewID(name)
	}
	for tid, t := range w.tests {
		if t.Unit != nil {
			w.unitEdges(tid, t, edges)
			continue
		}
		var reads []string
		for _, name := range stored(w.g, t) {
			if id, ok := ids[name]; ok {
				reads = append(reads, id)
			}
		}
		edges[tid] = reads
		if len(reads) == 0 {
			w.sourceEdges(tid, t, edges)
			continue
		}
		if len(reads) == 1 {
			for _, child := range models.Children(reads[0]) {
				edges[child] = append(edges[child], tid)
			}
			continue
		}
		common := map[string]int{}
		for _, id := range reads {
			for _, d := range models.Descendants(id, -1) {
				common[d]++
			}
		}
		for d, n := range common {
			if n == len(reads) && !slices.Contains(reads, d) {
				edges[d] = append(edges[d], tid)
			}
		}
	}
}

// unitEdges puts a unit test in front of its model; in front of what reads it,
// if it is ephemeral.
func (w *work) unitEdges(id string, t *compile.Node, edges map[string][]string) {
	edges[id] = nil
	if m := t.Unit.Model; w.models[m.ID] != nil {
		edges[m.ID] = append(edges[m.ID], id)
		return
	}
	for _, d := range w.g.DAG.Descendants(t.Unit.Model.ID, -1) {
		if w.models[d] != nil {
			edges[d] = append(edges[d], id)
		}
	}
}

// sourceEdges puts a data test of sources above the models that read them.
func (w *work) sourceEdges(tid string, t *compile.Node, edges map[string][]string) {
	for id, n := range w.models {
		if slices.ContainsFunc(sourcesOf(w.g, n), func(src string) bool { return slices.Contains(t.Parents, src) }) {
			edges[id] = append(edges[id], tid)
		}
	}
}

// mixedCycle explains a circle that goes through a view model as it was
// published, which read something else than it does today.
func (w *work) mixedCycle(c *dag.CycleError) error {
	var names []string
	for _, id := range c.Path {
		if n := w.g.Nodes[id]; n != nil {
			id = n.Name
		}
		names = append(names, id)
	}
	return &diag.Error{Msg: "cycle between what is selected and what is published: " + strings.Join(names, " → "),
		Advice: "select the views of the circle too, so that their present SQL is used"}
}

// baseSnapshot is the part of base that must be bound before anything runs.
func (w *work) baseSnapshot() history.Snapshot {
	s := history.Snapshot{Publication: w.base.Publication, Run: w.base.Run, Marts: map[string]string{}}
	for name := range w.bound {
		if !w.views[name] {
			s.Marts[name] = w.base.Marts[name]
		}
	}
	if w.g != nil && len(w.g.OnRunEnd) > 0 { // they may read all that is published
		for name, run := range w.base.Marts {
			if _, ok := w.records[name]; ok && !w.names[name] && !w.readsBuilt(name, map[string]bool{}) {
				s.Marts[name] = run
			}
		}
	}
	return s
}

// runOf is the run that holds a model's rows in the build runID.
func (w *work) runOf(name, runID string) string {
	if w.names[name] && !w.reused[name] {
		return runID
	}
	return w.base.Marts[name]
}

// after is the snapshot that publishing run makes live.
func (w *work) after(runID string) history.Snapshot {
	s := history.Snapshot{Run: runID, Marts: map[string]string{}}
	if !w.picked.all {
		maps.Copy(s.Marts, w.published.Marts)
	}
	built := map[string]bool{}
	for name := range w.names {
		built[strings.ToLower(name)] = true
	}
	maps.DeleteFunc(s.Marts, func(name, _ string) bool { return built[strings.ToLower(name)] }) // under another spelling
	for _, n := range w.models {
		s.Marts[n.Name] = w.runOf(n.Name, runID)
	}
	return s
}

// stale finds unbuilt descendants of what was built that still read an older
// run of it, by the model that was built and by that run.
func (w *work) stale(seqs map[string]int64) []Stale {
	var out []Stale
	if w.picked.all {
		return nil
	}
	for _, id := range w.graph.Order() {
		n := w.models[id]
		if n == nil || w.base.Marts[n.Name] == "" {
			continue
		}
		of := map[string][]string{}
		for _, d := range w.g.DAG.Descendants(id, -1) {
			m := w.g.Nodes[d]
			if m != nil && m.Built() && m.Kind != "view" && m.Kind != "ephemeral" && !w.names[m.Name] && w.base.Marts[m.Name] != "" {
				run := w.lastRead(m.Name, n)
				of[run] = append(of[run], m.Name)
			}
		}
		for _, run := range slices.Sorted(maps.Keys(of)) {
			slices.Sort(of[run])
			out = append(out, Stale{Model: n.Name, Reads: run, Seq: seqs[run], Models: of[run]})
		}
	}
	return out
}

// lastRead is the run of a model that a live mart read, itself or through a
// view; of one that reads it through other marts the live run.
func (w *work) lastRead(mart string, of *compile.Node) string {
	if in, ok := w.records[mart].Inputs[of.ID]; ok && in.RunID != "" {
		return in.RunID
	}
	return w.base.Marts[of.Name]
}

// unselected says from which runs the build reads what it does not build; "" if
// it builds all that it reads.
func (w *work) unselected(seqs map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(w.bound)) {
		if !w.names[name] && !w.views[name] {
			parts = append(parts, fmt.Sprintf("%s of r%d", name, seqs[w.base.Marts[name]]))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	const most = 8
	if more := len(parts) - most; more > 1 {
		parts = append(parts[:most], fmt.Sprintf("%d more", more))
	}
	return "not selected, so read as published: " + strings.Join(parts, ", ")
}

// live returns the live snapshot and its records; zero ones before the first
// publication.
func (s *session) live(ctx context.Context) (history.Snapshot, map[string]history.ModelRecord, error) {
	snap, err := s.reg.Live(ctx, s.conn)
	if err != nil || snap.Publication == 0 {
		return snap, nil, err
	}
	records, err := s.reg.Records(ctx, s.conn, snap)
	return snap, records, err
}

// bindSnapshot makes a snapshot readable in memory, as ref prints it.
func (s *session) bindSnapshot(ctx context.Context, snap history.Snapshot, records map[string]history.ModelRecord) error {
	views, err := binding.MemoryRef(s.dialect(), snap, records)
	if err != nil {
		return err
	}
	return binding.Create(ctx, s.conn, views)
}

// pickModels is pick for a verb that needs models to work on.
func (r *Runner) pickModels(ctx context.Context, g *compile.Graph, w wanted) (picked, error) {
	p, failed, err := r.pick(ctx, g, w)
	if err != nil {
		return p, err
	}
	for id := range p.models {
		if g.Nodes[id].Kind != "ephemeral" {
			return p, nil
		}
	}
	if failed == nil {
		failed = &SelectionError{}
	}
	failed.Verb, failed.What = "build", "model"
	if len(p.tests) > 0 {
		failed.Advice = "`warehouse test` runs tests alone, of the published run or another"
	}
	return p, failed
}

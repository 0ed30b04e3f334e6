package runner

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"warehouse/runner/artifact"
	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/history"
	"warehouse/runner/selector"
)

// past answers what a selection asks of earlier runs: state, result and
// source_status. It is read when the first of them is asked.
type past struct {
	ctx context.Context
	r   *Runner
	g   *compile.Graph
	w   wanted

	asked   bool
	old     map[string]bool     // ids that there were
	changes map[string][]change // by id
	results map[string]string   // status by id
	fresher map[string]bool     // ids of sources
	named   map[string]string   // by id: what state: named it for
}

// change is one thing by which a node differs from what it was.
type change struct{ kind, text string }

// Kinds of changes are dbt's. The register keeps neither macros nor
// descriptions nor contracts: it has what came of them, the SQL.
var stateValues = []string{"new", "old", "modified", "unmodified", "modified.body", "modified.configs", "modified.persisted_descriptions",
	"modified.relation", "modified.macros", "modified.contract"}

var resultValues = []string{artifact.Success, artifact.Error, artifact.Fail, artifact.Warn, artifact.Skipped, artifact.Pass, artifact.Reused,
	artifact.NoOp, artifact.PartialSuccess, artifact.RuntimeError}

// Match implements selector.Matcher.
func (p *past) Match(method, arg, value string, n *selector.Node) (bool, error) {
	if arg != "" {
		return false, fmt.Errorf("%s takes no .%s", method, arg)
	}
	p.asked = true
	switch method {
	case "state":
		return p.state(value, n)
	case "result":
		return p.result(value, n)
	}
	if err := knownValue(method, value, []string{"fresher"}); err != nil {
		return false, err
	}
	if p.fresher == nil {
		if err := p.readSources(); err != nil {
			return false, err
		}
	}
	return p.fresher[n.ID], nil
}

func knownValue(method, value string, values []string) error {
	if slices.Contains(values, value) {
		return nil
	}
	near := ""
	if n := diag.Nearest(value, values); n != "" {
		near = fmt.Sprintf("; did you mean %q?", n)
	}
	return fmt.Errorf("%s: has no value %q%s; it knows %s", method, value, near, strings.Join(values, ", "))
}

func (p *past) state(value string, n *selector.Node) (bool, error) {
	if err := knownValue("state", value, stateValues); err != nil {
		return false, err
	}
	if p.old == nil {
		if err := p.readState(); err != nil {
			return false, err
		}
	}
	kind, one := strings.CutPrefix(value, "modified.")
	if one && p.folder() == "" && slices.Contains([]string{"macros", "persisted_descriptions", "contract"}, kind) {
		return false, fmt.Errorf("state:%s: the register keeps the SQL that came of a model, not its %s; give a folder with a manifest.json: --state DIR", value, strings.ReplaceAll(kind, "_", " "))
	}
	if p.folder() == "" && !recorded(n) {
		return false, nil
	}
	was, changed := p.old[n.ID], p.changes[n.ID]
	var is bool
	switch {
	case value == "new":
		is = !was
	case value == "old":
		is = was
	case value == "unmodified":
		is = was && len(changed) == 0
	case !one:
		is = !was || len(changed) > 0
	default:
		changed = slices.DeleteFunc(slices.Clone(changed), func(c change) bool { return c.kind != kind })
		is = !was || len(changed) > 0
	}
	if is && value != "old" && value != "unmodified" {
		p.named[n.ID] = because(was, changed)
	}
	return is, nil
}

// recorded says whether the register knows a node of this kind. Data tests
// come along with what they test.
func recorded(n *selector.Node) bool {
	return n.ResourceType == "model" && n.Config()["materialized"] != "ephemeral" || n.ResourceType == "seed" || n.ResourceType == "snapshot"
}

func because(was bool, changed []change) string {
	if !was {
		return "it is new"
	}
	var texts []string
	for _, c := range changed {
		texts = append(texts, c.text)
	}
	return strings.Join(texts, ", ")
}

// why is what state: named the selected nodes for.
func (p *past) why(selected map[string]bool) map[string]string {
	out := map[string]string{}
	for id, text := range p.named {
		if selected[id] {
			out[id] = text
		}
	}
	return out
}

// folder is the folder of --state; "" if it is a run spec.
func (p *past) folder() string {
	if p.w.State == "" {
		return ""
	}
	dir := p.w.State
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(p.r.project.Dir, dir)
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir
	}
	return ""
}

func (p *past) readState() error {
	p.old, p.changes, p.named = map[string]bool{}, map[string][]change{}, map[string]string{}
	if dir := p.folder(); dir != "" {
		m, err := artifact.ReadManifest(filepath.Join(dir, "manifest.json"))
		if err != nil {
			return p.unread(err)
		}
		p.compareManifest(m)
		return nil
	}
	return p.compareRun()
}

// unread says what a folder of --state lacks.
func (p *past) unread(err error) error { return fmt.Errorf("--state %s: %w", p.w.State, err) }

// compareRun compares the project with the published run, or the run of
// --state.
func (p *past) compareRun() error {
	s, err := p.r.read(p.ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	var snap history.Snapshot
	var records map[string]history.ModelRecord
	switch {
	case p.w.State != "":
		if snap, err = s.resolve(p.ctx, p.w.State); err == nil {
			records, err = s.reg.Records(p.ctx, s.conn, snap)
		}
	case s.reg != nil:
		snap, records, err = s.live(p.ctx)
	}
	if err != nil {
		return err
	}
	all := picked{models: map[string]bool{}, tests: map[string]bool{}, all: true}
	for id, n := range p.g.Nodes {
		if n.Built() {
			all.models[id] = true
		}
	}
	w, err := planWork(p.g, all, snap, records)
	if err != nil {
		return err
	}
	plan, err := p.r.plan(p.ctx, w, BuildOptions{}, map[string]int64{})
	if err != nil {
		return err
	}
	ids := map[string]string{}
	for id, n := range w.models {
		ids[n.Name] = id
	}
	for _, step := range plan.Steps {
		id := ids[step.Name]
		if step.Why == ChangeNew {
			continue
		}
		p.old[id] = true
		p.changes[id] = stepChanges(w.records[step.Name], w.models[id], &step)
	}
	return nil
}

// stepChanges are the changes of a model itself: what it reads is another's.
func stepChanges(rec history.ModelRecord, n *compile.Node, s *Step) []change {
	var out []change
	switch {
	case s.Why == ChangeLater:
		out = append(out, change{"body", "its SQL depends on query results: it may have changed"})
	case s.Why == ChangeSQL:
		out = append(out, change{"body", "its SQL changed"})
	}
	if rec.Layout.Schema != n.Table.Schema || rec.Layout.Table != n.Table.Name || rec.Layout.Shown != n.Shown {
		out = append(out, change{"relation", "its table changed"})
	}
	if rec.Kind != n.Kind {
		out = append(out, change{"configs", fmt.Sprintf("its config changed: materialized %s -> %s", rec.Kind, n.Kind)})
	} else if !sameStorage(rec, n) && (len(out) == 0 || out[len(out)-1].kind != "relation") {
		out = append(out, change{"configs", "its config changed: how it is stored"})
	}
	return out
}

func (p *past) result(value string, n *selector.Node) (bool, error) {
	if err := knownValue("result", value, resultValues); err != nil {
		return false, err
	}
	if p.results == nil {
		p.results = map[string]string{}
		read := p.readRun
		if p.folder() != "" {
			read = p.readResults
		}
		if err := read(); err != nil {
			return false, err
		}
	}
	return p.results[n.ID] == value, nil
}

func (p *past) readResults() error {
	res, err := artifact.ReadRunResults(filepath.Join(p.folder(), "run_results.json"))
	if err != nil {
		return p.unread(err)
	}
	for _, x := range res.Results {
		p.results[x.UniqueID] = x.Status
	}
	return nil
}

// readRun takes the results of the newest run, or of the run of --state.
func (p *past) readRun() error {
	s, err := p.r.read(p.ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	id, err := p.runOfResults(s)
	if err != nil {
		return err
	}
	models, err := s.reg.Models(p.ctx, s.conn, id)
	if err != nil {
		return err
	}
	tests, err := s.reg.Tests(p.ctx, s.conn, id)
	if err != nil {
		return err
	}
	byModel, byTest := map[string]string{}, map[string]string{}
	for _, m := range models {
		byModel[m.Model] = string(m.Status)
	}
	attempt := map[string]int{}
	for _, t := range tests {
		if t.Attempt >= attempt[t.Test] {
			attempt[t.Test], byTest[t.Test] = t.Attempt, t.Status
		}
	}
	for nid, n := range p.g.Nodes {
		switch {
		case n.Built() && byModel[n.Name] != "":
			p.results[nid] = byModel[n.Name]
		case n.Test != nil && byTest[n.Name] != "":
			p.results[nid] = byTest[n.Name]
		}
	}
	return nil
}

func (p *past) runOfResults(s *session) (string, error) {
	if p.w.State != "" {
		snap, err := s.resolve(p.ctx, p.w.State)
		return snap.Run, err
	}
	if s.reg != nil {
		runs, err := s.reg.Runs(p.ctx, s.conn, 1)
		if err != nil {
			return "", err
		}
		if len(runs) > 0 {
			return runs[0].ID, nil
		}
	}
	return "", fmt.Errorf("result: %w", history.ErrNoRegister)
}

// readSources compares two results of `source freshness`.
func (p *past) readSources() error {
	if p.folder() == "" {
		return fmt.Errorf("source_status: compares two results of `source freshness`: give the folder with the older sources.json as --state DIR")
	}
	before, err := artifact.ReadSourceFreshness(filepath.Join(p.folder(), "sources.json"))
	if err != nil {
		return p.unread(err)
	}
	target := cmp.Or(p.w.Target, p.r.project.TargetPath, "target")
	if !filepath.IsAbs(target) {
		target = filepath.Join(p.r.project.Dir, target)
	}
	now, err := artifact.ReadSourceFreshness(filepath.Join(target, "sources.json"))
	if err != nil {
		return fmt.Errorf("source_status: the newer sources.json, which `source freshness` writes: %w", err)
	}
	p.fresher = map[string]bool{}
	loaded := map[string]string{}
	for _, x := range before.Results {
		loaded[x.UniqueID] = x.MaxLoadedAt
	}
	for _, x := range now.Results {
		was, known := loaded[x.UniqueID]
		if x.Status != artifact.RuntimeError && (!known || was != "" && x.MaxLoadedAt > was) {
			p.fresher[x.UniqueID] = true
		}
	}
	return nil
}

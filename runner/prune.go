package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"warehouse/runner/compile"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// PruneOptions are rules in the place of project.yml's. Marts that have rules
// of their own keep them.
type PruneOptions struct {
	KeepLast *int
	KeepFor  *time.Duration
}

// PrunePlan is what a prune would delete, as a value: printed as a preview,
// then given to Runner.Prune.
type PrunePlan struct {
	Options PruneOptions
	Rules   []PruneRules // that apply, the project's first
	Runs    []PruneRun   // what goes, oldest run first
	Kept    []PruneKept  // what stays, oldest run first
	// Leftover are rows that an interrupted prune has given up already.
	Leftover []PruneMart
	Marts    int   // mart-runs that go
	Rows     int64 // that go, of leftovers too
	Bytes    int64 // about; -1 if the engine does not say
	// Unread says why the models could not be read: then marts' own rules are
	// those that their newest records hold.
	Unread error

	pruned []history.ModelRecord // what earlier prunes have given up
}

// PruneRules are the rules of one mart, or of all that have none of their own.
type PruneRules struct {
	Mart  string // "" for all others
	Rules *history.Retention
}

// PruneRun is what goes of one run.
type PruneRun struct {
	Run   history.Run
	Whole bool // nothing is left of it
	Marts []PruneMart
}

// PruneMart is one mart of a run that goes.
type PruneMart struct {
	Mart, RunID string
	Rows        int64 // -1 for a view model
	Bytes       int64 // about; -1: not known
	layout      history.Layout
}

// PruneKept is one run of which something stays.
type PruneKept struct {
	Run   history.Run
	Marts int
	Why   []string // "published", "tag baseline", "keep_last", …
}

// Pruned is what a Prune did.
type Pruned struct {
	Runs, WholeRuns, Marts int
	Rows                   int64
}

// Nothing says whether a plan has nothing to do.
func (p *PrunePlan) Nothing() bool { return len(p.Runs) == 0 && len(p.Leftover) == 0 }

// Configured says whether there is any rule at all. Without one everything is
// kept.
func (p *PrunePlan) Configured() bool {
	return slices.ContainsFunc(p.Rules, func(r PruneRules) bool { return r.Rules != nil })
}

// PlanPrune says what the rules of retention let go. It needs project.yml
// alone; the models are read if they can be.
func (r *Runner) PlanPrune(ctx context.Context, o PruneOptions) (*PrunePlan, error) {
	rules, unread, err := r.pruneRules(ctx, o)
	if err != nil {
		return nil, err
	}
	s, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	plan, err := s.planPrune(ctx, rules)
	if err == nil {
		plan.Options, plan.Unread = o, unread
		err = s.sizes(ctx, plan)
	}
	return plan, err
}

// ruleBook is which rules a mart has.
type ruleBook struct {
	all  *history.Retention
	own  map[string]*history.Retention // by model, of the project
	read bool                          // own is known; if not, records say
}

// pruneRules are the rules of the command line, of project.yml and of models.
func (r *Runner) pruneRules(ctx context.Context, o PruneOptions) (book ruleBook, unread, err error) {
	g, unread := r.load(ctx)
	if ctx.Err() != nil {
		return book, nil, ctx.Err()
	}
	book = ruleBook{all: (*history.Retention)(r.project.Retention), own: map[string]*history.Retention{}, read: unread == nil}
	if o.KeepLast != nil || o.KeepFor != nil {
		book.all = &history.Retention{}
		if o.KeepLast != nil {
			book.all.KeepLast = *o.KeepLast
		}
		if o.KeepFor != nil {
			book.all.KeepFor = *o.KeepFor
		}
	}
	if g != nil {
		for _, n := range g.Nodes {
			if n.Resource != compile.Source && n.Test == nil {
				book.own[n.Name] = (*history.Retention)(n.Config.Retention)
			}
		}
	}
	return book, unread, nil
}

// of returns the rules of a mart, and whether they are its own. newest is its
// newest record: what counts for a mart that is no longer in the project, or
// while that cannot be read.
func (b ruleBook) of(newest history.ModelRecord) (rules *history.Retention, own bool) {
	rules, known := b.own[newest.Model]
	if !known {
		rules = newest.Layout.Retention
	}
	if rules != nil {
		return rules, true
	}
	return b.all, false
}

// planPrune sorts all mart-runs into those that stay and those that go, and
// finds what an interrupted prune has left.
func (s *session) planPrune(ctx context.Context, book ruleBook) (*PrunePlan, error) {
	plan, err := s.plannedRuns(ctx, book)
	if err != nil {
		return nil, err
	}
	return plan, s.leftovers(ctx, plan.pruned, plan)
}

// plannedRuns is planPrune by the register alone: no mart is read.
func (s *session) plannedRuns(ctx context.Context, book ruleBook) (*PrunePlan, error) {
	plan := &PrunePlan{Rules: []PruneRules{{Rules: book.all}}}
	if s.reg == nil {
		return plan, nil
	}
	runs, err := s.reg.Runs(ctx, s.conn, 0) // newest first
	if err != nil {
		return nil, err
	}
	models, err := s.reg.AllModels(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	kept, err := s.reg.InUse(ctx, s.conn, models)
	if err != nil {
		return nil, err
	}
	units, pruned := unitsOf(models)
	for _, name := range slices.Sorted(maps.Keys(units)) {
		s.keepByRules(plan, book, runs, units[name], kept)
	}
	// A reused mart's rows are those of another run.
	for _, of := range units {
		for _, rec := range of {
			if u := (history.MartRun{Model: rec.Model, RunID: rec.RunID}); kept[u] != "" && rec.DataRunID != "" && rec.DataRunID != rec.RunID {
				data := history.MartRun{Model: rec.Model, RunID: rec.DataRunID}
				if kept[data] == "" {
					kept[data] = "holds the rows of a later run"
				}
			}
		}
	}
	for _, run := range slices.Backward(runs) {
		plan.sort(run, units, kept)
	}
	plan.pruned = pruned
	return plan, nil
}

// unitsOf splits records into mart-runs that are there, by mart and run, and
// those that were pruned.
func unitsOf(models []history.ModelRecord) (units map[string]map[string]history.ModelRecord, pruned []history.ModelRecord) {
	units = map[string]map[string]history.ModelRecord{}
	for _, m := range models {
		switch m.Status {
		case history.ModelSuccess, history.ModelReused:
			if units[m.Model] == nil {
				units[m.Model] = map[string]history.ModelRecord{}
			}
			units[m.Model][m.RunID] = m
		case history.ModelPruned:
			pruned = append(pruned, m)
		}
	}
	return units, pruned
}

// keepByRules applies a mart's rules to its runs.
func (s *session) keepByRules(plan *PrunePlan, book ruleBook, runs []history.Run, of map[string]history.ModelRecord, kept map[history.MartRun]string) {
	var its []history.Run
	for _, run := range runs {
		if _, ok := of[run.ID]; ok {
			its = append(its, run)
		}
	}
	if len(its) == 0 {
		return
	}
	newest := of[its[0].ID]
	rules, own := book.of(newest)
	if own {
		plan.Rules = append(plan.Rules, PruneRules{Mart: newest.Model, Rules: rules})
	}
	var why []string
	if rules != nil {
		why = rules.Keep(its, s.r.now())
	}
	for i, run := range its {
		u := history.MartRun{Model: newest.Model, RunID: run.ID}
		switch {
		case kept[u] != "":
		case rules == nil:
			kept[u] = "no rules"
		case run.Status == history.Running:
			kept[u] = "running"
		case why[i] != "":
			kept[u] = why[i]
		}
	}
}

// sort puts a run's marts among what goes or what stays.
func (p *PrunePlan) sort(run history.Run, units map[string]map[string]history.ModelRecord, kept map[history.MartRun]string) {
	goes, stays := PruneRun{Run: run}, PruneKept{Run: run}
	for _, name := range slices.Sorted(maps.Keys(units)) {
		rec, ok := units[name][run.ID]
		if !ok {
			continue
		}
		if why := kept[history.MartRun{Model: name, RunID: run.ID}]; why != "" {
			stays.Marts++
			if !slices.Contains(stays.Why, why) {
				stays.Why = append(stays.Why, why)
			}
			continue
		}
		m := PruneMart{Mart: name, RunID: run.ID, Rows: -1, Bytes: -1, layout: rec.Layout}
		if rec.Layout.RunColumn != "" {
			m.Rows = 0
			if rec.Status == history.ModelSuccess { // a reused one has no rows of its own
				m.Rows = max(rec.RowCount, 0)
			}
			p.Rows += m.Rows
		}
		goes.Marts = append(goes.Marts, m)
	}
	p.Marts += len(goes.Marts)
	if len(goes.Marts) > 0 {
		goes.Whole = stays.Marts == 0
		p.Runs = append(p.Runs, goes)
	}
	if stays.Marts > 0 {
		p.Kept = append(p.Kept, stays)
	}
}

// leftovers finds rows that belong to pruned records: a prune was interrupted
// between the register and the rows.
func (s *session) leftovers(ctx context.Context, pruned []history.ModelRecord, plan *PrunePlan) error {
	tables := map[engine.Relation]map[string]int64{}
	for _, rec := range pruned {
		if rec.Layout.RunColumn == "" {
			continue
		}
		table := s.tableOf(rec.Layout)
		stored, known := tables[table]
		if !known {
			var err error
			stored, err = mart.Runs(ctx, s.conn, table, rec.Layout.RunColumn)
			var qe *engine.QueryError
			if err != nil && !asBinder(err, &qe) { // a table that is gone has no rows
				return err
			}
			tables[table] = stored
		}
		if n := stored[rec.RunID]; n > 0 {
			plan.Leftover = append(plan.Leftover, PruneMart{Mart: rec.Model, RunID: rec.RunID, Rows: n, Bytes: -1, layout: rec.Layout})
			plan.Rows += n
		}
	}
	return nil
}

func (s *session) tableOf(l history.Layout) engine.Relation {
	return engine.Relation{Database: s.dialect().Catalog(), Schema: l.Schema, Name: l.Table}
}

// sizes estimates the bytes of what goes: of each table the share that its
// rows have.
func (s *session) sizes(ctx context.Context, plan *PrunePlan) error {
	plan.Bytes = -1
	if s.db == nil || plan.Nothing() {
		return nil
	}
	sizer, ok := s.dialect().(engine.Sizer)
	if !ok {
		return nil
	}
	perRow := map[engine.Relation]float64{}
	share := func(m *PruneMart) error {
		if m.Rows <= 0 {
			m.Bytes = 0
			return nil
		}
		table := s.tableOf(m.layout)
		each, known := perRow[table]
		if !known {
			var bytes, rows int64
			err := s.conn.QueryRow(ctx, sizer.TableBytes(table), nil, &bytes)
			if err == nil {
				err = s.conn.QueryRow(ctx, "SELECT count(*) FROM "+table.String(), nil, &rows)
			}
			var qe *engine.QueryError
			if err != nil && !asBinder(err, &qe) {
				return err
			}
			each = float64(bytes) / float64(max(rows, 1))
			perRow[table] = each
		}
		m.Bytes = int64(each * float64(m.Rows))
		return nil
	}
	plan.Bytes = 0
	for i := range plan.Runs {
		for j := range plan.Runs[i].Marts {
			m := &plan.Runs[i].Marts[j]
			if err := share(m); err != nil {
				return err
			}
			plan.Bytes += m.Bytes
		}
	}
	for i := range plan.Leftover {
		if err := share(&plan.Leftover[i]); err != nil {
			return err
		}
		plan.Bytes += plan.Leftover[i].Bytes
	}
	return nil
}

// mostDeleted is how many rows a transaction of Prune deletes.
const mostDeleted = 5_000_000

// Prune deletes what was planned and may still go. The register is told first,
// run by run, then the rows go in bounded transactions: killed in between, the
// next Prune finds them and goes on.
func (r *Runner) Prune(ctx context.Context, plan *PrunePlan) (Pruned, error) {
	var did Pruned
	book, _, err := r.pruneRules(ctx, plan.Options)
	if err != nil {
		return did, err
	}
	s, err := r.write(ctx, "")
	if err != nil {
		return did, err
	}
	defer s.Close()
	now, err := s.planPrune(ctx, book)
	if err != nil {
		return did, err
	}
	did, err = s.prune(ctx, now.within(plan))
	if err == nil {
		err = s.pruneFailures(ctx)
	}
	if err == nil {
		err = s.tidy(ctx)
	}
	return did, err
}

// tidy writes what was changed into the engine's file, where that is a step of
// its own.
func (s *session) tidy(ctx context.Context) error {
	if m, ok := s.dialect().(engine.Maintainer); ok {
		return s.expire(ctx, m)
	}
	c, ok := s.dialect().(engine.Checkpointer)
	if !ok {
		return nil
	}
	for _, q := range c.AfterBuild(s.db.Target()) {
		if _, err := s.conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// within leaves of a plan what another one, which somebody has seen, names too.
func (p *PrunePlan) within(seen *PrunePlan) *PrunePlan {
	named := map[history.MartRun]bool{}
	for _, run := range seen.Runs {
		for _, m := range run.Marts {
			named[history.MartRun{Model: m.Mart, RunID: m.RunID}] = true
		}
	}
	out := *p
	out.Runs = nil
	for _, run := range p.Runs {
		run.Marts = slices.DeleteFunc(slices.Clone(run.Marts), func(m PruneMart) bool { return !named[history.MartRun{Model: m.Mart, RunID: m.RunID}] })
		if len(run.Marts) > 0 {
			out.Runs = append(out.Runs, run)
		}
	}
	return &out
}

func (s *session) prune(ctx context.Context, plan *PrunePlan) (Pruned, error) {
	var did Pruned
	rows := slices.Clone(plan.Leftover)
	for _, run := range plan.Runs {
		var names []string
		for _, m := range run.Marts {
			names = append(names, m.Mart)
			if m.layout.RunColumn != "" {
				rows = append(rows, m)
			}
		}
		whole, err := s.reg.Prune(ctx, s.conn, run.Run.ID, names)
		if err != nil {
			return did, err
		}
		did.Runs++
		did.Marts += len(names)
		if whole {
			did.WholeRuns++
		}
	}
	for i, m := range rows {
		s.r.event(Event{Kind: EventProgress, Index: i + 1, Total: len(rows), Run: m.RunID, Message: fmt.Sprintf("deleting %s of %s", m.Mart, m.RunID)})
		n, err := mart.Delete(ctx, s.conn, s.tableOf(m.layout), m.layout.RunColumn, m.RunID, mostDeleted)
		did.Rows += n
		var qe *engine.QueryError
		if err != nil && !asBinder(err, &qe) { // a table that is gone has no rows
			return did, err
		}
	}
	return did, nil
}

// Text writes the rules as one line.
func (p *PrunePlan) Text() string {
	var out []string
	for _, r := range p.Rules {
		switch {
		case r.Rules == nil:
			out = append(out, "keep everything")
		case r.Mart == "":
			out = append(out, r.Rules.String())
		default:
			out = append(out, r.Mart+": "+r.Rules.String())
		}
	}
	return strings.Join(out, "; ")
}

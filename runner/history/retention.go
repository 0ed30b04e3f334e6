package history

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"warehouse/runner/engine"
)

// Retention says which runs of a mart to keep. A run that any rule keeps is
// kept; a rule of zero keeps none.
type Retention struct {
	KeepLast int           `json:"keep_last,omitempty"`   // the newest N
	KeepFor  time.Duration `json:"keep_for_ns,omitempty"` // all that are younger
	Hourly   time.Duration `json:"hourly_ns,omitempty"`   // the last run of each hour, for so long
	Daily    time.Duration `json:"daily_ns,omitempty"`
	Weekly   time.Duration `json:"weekly_ns,omitempty"` // weeks begin on Monday
	Monthly  time.Duration `json:"monthly_ns,omitempty"`
	Yearly   time.Duration `json:"yearly_ns,omitempty"`
}

// String writes the rules as project.yml does: "keep_last: 20, daily: 30d".
func (p Retention) String() string {
	out := []string{}
	if p.KeepLast > 0 {
		out = append(out, fmt.Sprintf("keep_last: %d", p.KeepLast))
	}
	for _, r := range []struct {
		name string
		age  time.Duration
	}{{"keep_for", p.KeepFor}, {"hourly", p.Hourly}, {"daily", p.Daily}, {"weekly", p.Weekly}, {"monthly", p.Monthly}, {"yearly", p.Yearly}} {
		if r.age > 0 {
			out = append(out, r.name+": "+ageText(r.age))
		}
	}
	if len(out) == 0 {
		return "keep none"
	}
	return strings.Join(out, ", ")
}

func ageText(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		unit string
		of   time.Duration
	}{{"y", 365 * day}, {"d", day}, {"h", time.Hour}, {"m", time.Minute}} {
		if d%u.of == 0 {
			return fmt.Sprintf("%d%s", d/u.of, u.unit)
		}
	}
	return d.String()
}

// periods are the rules that keep the last run of each period, in UTC.
var periods = []struct {
	name   string
	age    func(Retention) time.Duration
	period func(time.Time) string
}{
	{"hourly", func(p Retention) time.Duration { return p.Hourly }, func(t time.Time) string { return t.Format("2006-01-02 15") }},
	{"daily", func(p Retention) time.Duration { return p.Daily }, func(t time.Time) string { return t.Format("2006-01-02") }},
	{"weekly", func(p Retention) time.Duration { return p.Weekly }, func(t time.Time) string {
		year, week := t.ISOWeek()
		return fmt.Sprint(year, "-", week)
	}},
	{"monthly", func(p Retention) time.Duration { return p.Monthly }, func(t time.Time) string { return t.Format("2006-01") }},
	{"yearly", func(p Retention) time.Duration { return p.Yearly }, func(t time.Time) string { return t.Format("2006") }},
}

// Keep applies the rules to the runs that hold one mart, newest first, and
// returns for each the rule that keeps it, or "". Runs follow each other by
// seq; a run is as old as its started_at.
//
// Runs that are not a success never take the place of one that is. keep_last: N
// keeps the newest N successes, and of the others the newest N that are not
// older than those; the last run of a period is the last success; keep_for
// keeps all alike.
func (p Retention) Keep(runs []Run, now time.Time) []string {
	kept := make([]string, len(runs))
	good, others := 0, 0
	taken := map[string]bool{}
	for i, run := range runs {
		age := now.Sub(run.StartedAt)
		ok := run.Status == Success
		within := good < p.KeepLast
		if ok {
			good++
		} else {
			within = within && others < p.KeepLast
			others++
		}
		switch {
		case within:
			kept[i] = "keep_last"
		case age < p.KeepFor:
			kept[i] = "keep_for"
		}
		for _, rule := range periods {
			if !ok || rule.age(p) == 0 {
				continue
			}
			key := rule.name + rule.period(run.StartedAt.UTC())
			if !taken[key] && age < rule.age(p) && kept[i] == "" {
				kept[i] = rule.name
			}
			taken[key] = true // by the last of its period, also if another rule keeps that
		}
	}
	return kept
}

// MartRun is one mart (or view model) of one run: the unit of retention.
type MartRun struct{ Model, RunID string }

// InUse returns the mart-runs that stay whatever rules say, each with the
// reason: what the live, the previous and each tagged snapshot shows, what
// those models read when they were built, and the run that wrote the rows of a
// reused one. models are all records, as AllModels returns them.
func (r *Register) InUse(ctx context.Context, c *engine.Conn, models []ModelRecord) (map[MartRun]string, error) {
	snaps, err := r.pinned(ctx, c)
	if err != nil {
		return nil, err
	}
	byUnit := map[MartRun]*ModelRecord{}
	byRun := map[string][]*ModelRecord{}
	for i := range models {
		m := &models[i]
		byUnit[MartRun{m.Model, m.RunID}] = m
		byRun[m.RunID] = append(byRun[m.RunID], m)
	}
	use := map[MartRun]string{}
	add := func(u MartRun, why string) {
		if rec := byUnit[u]; use[u] == "" && rec != nil && rec.Status != ModelPruned {
			use[u] = why
		}
	}
	for _, s := range snaps {
		shown := map[MartRun]bool{}
		for _, name := range slices.Sorted(maps.Keys(s.Marts)) {
			shown[MartRun{name, s.Marts[name]}] = true
		}
		// All of the run itself: its records are what the snapshot is explained by.
		for _, m := range byRun[s.Run] {
			shown[MartRun{m.Model, m.RunID}] = true
		}
		for u := range shown {
			add(u, s.why)
		}
		for u := range shown {
			rec := byUnit[u]
			if rec == nil || rec.Kind == "view" { // a view reads what the snapshot shows
				continue
			}
			for _, in := range rec.Inputs {
				if in.RunID != "" {
					add(MartRun{in.Name, in.RunID}, "read by "+s.why)
				}
			}
		}
	}
	for u, why := range maps.Clone(use) {
		if rec := byUnit[u]; rec.DataRunID != "" && rec.DataRunID != rec.RunID {
			add(MartRun{u.Model, rec.DataRunID}, "holds the rows of "+why)
		}
	}
	return use, nil
}

// pinnedSnapshot is a snapshot that people read from, and what it is.
type pinnedSnapshot struct {
	Snapshot
	why string
}

func (r *Register) pinned(ctx context.Context, c *engine.Conn) ([]pinnedSnapshot, error) {
	live, err := r.Live(ctx, c)
	if err != nil {
		return nil, err
	}
	previous, err := r.Previous(ctx, c)
	if err != nil {
		return nil, err
	}
	out := []pinnedSnapshot{{live, "published"}, {previous, "previous"}}
	tags, err := r.Tags(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, t := range tags {
		s, err := r.tagSnapshot(ctx, c, t)
		if err != nil {
			return nil, err
		}
		out = append(out, pinnedSnapshot{s, "tag " + t.Name})
		if s.Run != t.RunID { // a tag by a publication names a run, too
			out = append(out, pinnedSnapshot{Snapshot{Run: t.RunID}, "tag " + t.Name})
		}
	}
	return out, nil
}

// AllModels returns the records of all runs, of each model of a run the one of
// its highest attempt, without their SQL.
func (r *Register) AllModels(ctx context.Context, c *engine.Conn) ([]ModelRecord, error) {
	list := strings.Replace(manifestModel.selectList(""), `"compiled_sql"`, "CAST(NULL AS VARCHAR)", 1)
	all, err := manifestModel.query(ctx, c, "SELECT "+list+" FROM "+r.rel(manifestModel.name))
	if err != nil {
		return nil, err
	}
	return newest(all, func(m ModelRecord) (string, int) { return m.RunID + " " + m.Model, m.Attempt }), nil
}

// Prune records that the rows of some models of a run are to be gone, and adds
// a ledger entry. When nothing is left of the run its status becomes Pruned:
// then its id is never used again. Rows are the caller's to delete, after this:
// what is left of them by a stop in between belongs to a record that says so.
func (r *Register) Prune(ctx context.Context, c *engine.Conn, id string, models []string) (whole bool, err error) {
	names, err := marshal(models)
	if err != nil {
		return false, err
	}
	err = c.Atomic(ctx, func() error {
		// Every attempt that wrote rows; what failed or was skipped stays as it was.
		where := "run_id = " + r.id() + " AND " + listed(c, "model") + " AND status IN ('success', 'reused')"
		if _, err := manifestModel.update(ctx, c, r.relation(manifestModel.name), []setting{{"status", string(ModelPruned)}}, where, id, names); err != nil {
			return err
		}
		var left int64
		q := "SELECT count(*) FROM " + r.rel(manifestModel.name) + " WHERE run_id = " + r.id() + " AND status IN ('success', 'reused')"
		if err := c.QueryRow(ctx, q, []any{id}, &left); err != nil {
			return err
		}
		if whole = left == 0; whole {
			if _, err := manifest.update(ctx, c, r.relation(manifest.name), []setting{{"status", string(Pruned)}}, "run_id = "+r.id(), id); err != nil {
				return err
			}
		}
		return r.Seal(ctx, c, id, "prune")
	})
	return whole, err
}

// PrunedError: the rows of a mart in a run were deleted by retention.
type PrunedError struct{ Model, RunID string }

func (e *PrunedError) Error() string {
	return fmt.Sprintf("the rows of %s in run %s are gone: they were pruned", e.Model, e.RunID)
}
func (e *PrunedError) Hint() string {
	return "`warehouse runs` lists the runs that are left; a tag keeps one for good"
}

package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"warehouse/runner/engine"
)

// Resolve finds what a run spec names: the one way from a name to a run, for
// commands, templates, pages and programs. *SpecError if it is malformed,
// names nothing, or more than one thing.
func (r *Register) Resolve(ctx context.Context, c *engine.Conn, spec string) (Snapshot, error) {
	s, err := ParseSpec(spec)
	if err != nil {
		return Snapshot{}, err
	}
	switch s.Kind {
	case SpecLatest:
		return r.resolveBack(ctx, c, s)
	case SpecTime:
		return r.resolveTime(ctx, c, s)
	case SpecSeq:
		return r.resolveSeq(ctx, c, s)
	case SpecTag:
		t, err := r.Tag(ctx, c, s.Name)
		if errors.Is(err, ErrNoTag) {
			return Snapshot{}, r.notFound(ctx, c, s, "no tag of that name")
		}
		if err != nil {
			return Snapshot{}, err
		}
		return r.tagSnapshot(ctx, c, t)
	}
	return r.resolveName(ctx, c, s)
}

func (r *Register) resolveBack(ctx context.Context, c *engine.Conn, s Spec) (Snapshot, error) {
	p, err := r.back(ctx, c, s.Back)
	if errors.Is(err, ErrNoPublication) {
		var n int64
		if err := c.QueryRow(ctx, "SELECT count(*) FROM "+r.rel(publication.name), nil, &n); err != nil {
			return Snapshot{}, err
		}
		msg := fmt.Sprintf("there are only %d publications", n)
		switch n {
		case 0:
			msg = "nothing is published yet"
		case 1:
			msg = "there is only one publication"
		}
		return Snapshot{}, &SpecError{Spec: s.Text, Off: -1, Msg: msg}
	}
	if err != nil {
		return Snapshot{}, err
	}
	return r.snapshotOf(ctx, c, p)
}

// resolveTime takes the last entry of the log, in its own order, that is not
// younger than the time.
func (r *Register) resolveTime(ctx context.Context, c *engine.Conn, s Spec) (Snapshot, error) {
	p, err := r.onePublication(ctx, c, "WHERE published_at <= ? ORDER BY seq DESC LIMIT 1", s.At.Truncate(time.Microsecond))
	if errors.Is(err, ErrNoPublication) {
		msg := "nothing was published yet at " + s.At.Format(time.RFC3339)
		first, err := r.onePublication(ctx, c, "ORDER BY seq LIMIT 1")
		if err == nil {
			msg += "; the first publication was at " + first.At.Format(time.RFC3339)
		} else if !errors.Is(err, ErrNoPublication) {
			return Snapshot{}, err
		}
		return Snapshot{}, &SpecError{Spec: s.Text, Off: -1, Msg: msg}
	}
	if err != nil {
		return Snapshot{}, err
	}
	return r.snapshotOf(ctx, c, p)
}

func (r *Register) resolveSeq(ctx context.Context, c *engine.Conn, s Spec) (Snapshot, error) {
	runs, err := r.runsWhere(ctx, c, "seq = ?", s.Seq)
	if err != nil {
		return Snapshot{}, err
	}
	if len(runs) == 0 {
		return Snapshot{}, r.notFound(ctx, c, s, "no run has that number")
	}
	return r.runSnapshot(ctx, c, runs[0])
}

// resolveName looks for a tag of that name and for runs whose id begins or
// ends with it.
func (r *Register) resolveName(ctx context.Context, c *engine.Conn, s Spec) (Snapshot, error) {
	t, err := r.Tag(ctx, c, s.Name)
	if err != nil && !errors.Is(err, ErrNoTag) {
		return Snapshot{}, err
	}
	isTag := err == nil
	runs, err := r.runsLike(ctx, c, s)
	if err != nil {
		return Snapshot{}, err
	}
	switch {
	case isTag && len(runs) == 0:
		return r.tagSnapshot(ctx, c, t)
	case !isTag && len(runs) == 1:
		return r.runSnapshot(ctx, c, runs[0])
	case !isTag && len(runs) == 0:
		msg := "no tag and no run of that name"
		if s.hex() == "" && s.digits() > 0 && s.digits() < minPart {
			msg = fmt.Sprintf("no tag of that name; of a run's id at least %d digits are needed", minPart)
		}
		return Snapshot{}, r.notFound(ctx, c, s, msg)
	}
	e := &SpecError{Spec: s.Text, Off: -1, Msg: "more than one run is meant", Advice: "type more of the id, r and the run's number, or tag:NAME"}
	if isTag {
		e.Candidates = append(e.Candidates, "tag:"+t.Name+"  run "+t.RunID)
	}
	for i, run := range runs {
		if i == maxCandidates {
			e.Candidates = append(e.Candidates, fmt.Sprintf("and %d more", len(runs)-i))
			break
		}
		e.Candidates = append(e.Candidates, run.candidate())
	}
	return Snapshot{}, e
}

// digits counts the characters of a name that is made of hexadecimal digits
// and dashes alone; else 0.
func (s Spec) digits() int {
	if strings.Trim(strings.ToLower(s.Name), "0123456789abcdef-") != "" {
		return 0
	}
	return len(strings.ReplaceAll(s.Name, "-", ""))
}

const maxCandidates = 5

func (run Run) candidate() string {
	return fmt.Sprintf("%s  r%d  %s  %s", run.ID, run.Seq, run.Status, run.StartedAt.Format(time.DateTime))
}

// notFound lists what there is: names that are alike, then the newest runs.
func (r *Register) notFound(ctx context.Context, c *engine.Conn, s Spec, msg string) error {
	e := &SpecError{Spec: s.Text, Off: -1, Msg: msg}
	tags, err := r.Tags(ctx, c)
	if err != nil {
		return err
	}
	for _, t := range tags {
		if len(e.Candidates) < maxCandidates && (s.Kind == SpecTag || alike(t.Name, s.Name)) {
			e.Candidates = append(e.Candidates, "tag:"+t.Name+"  run "+t.RunID)
		}
	}
	for _, word := range []string{"latest", "previous"} {
		if s.Kind == SpecName && alike(word, s.Name) {
			e.Candidates = append(e.Candidates, word)
		}
	}
	if s.Kind != SpecTag {
		runs, err := r.Runs(ctx, c, maxCandidates)
		if err != nil {
			return err
		}
		for _, run := range runs {
			e.Candidates = append(e.Candidates, run.candidate())
		}
	}
	return e
}

// alike: two names differ by a third of their letters at most.
func alike(a, b string) bool {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, rx := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, ry := range y {
			cost := diagonal
			if rx != ry {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]*3 <= max(len(x), len(y))
}

func (r *Register) runsWhere(ctx context.Context, c *engine.Conn, where string, args ...any) ([]Run, error) {
	return manifest.query(ctx, c, "SELECT "+manifest.selectList("")+" FROM "+r.rel(manifest.name)+" WHERE "+where+" ORDER BY seq DESC", args...)
}

// runsLike returns the runs whose id begins or ends with the name, newest
// first; none if it cannot be a part of an id.
func (r *Register) runsLike(ctx context.Context, c *engine.Conn, s Spec) ([]Run, error) {
	part := s.hex()
	if id := s.id(); id != "" {
		return r.runsWhere(ctx, c, "run_id = "+r.id(), id)
	}
	if part == "" {
		return nil, nil
	}
	col := "CAST(run_id AS VARCHAR)"
	if !strings.Contains(part, "-") {
		col = "replace(" + col + ", '-', '')"
	}
	return r.runsWhere(ctx, c, col+" LIKE ? OR "+col+" LIKE ?", part+"%", "%"+part) // no wildcards among its characters
}

func (r *Register) tagSnapshot(ctx context.Context, c *engine.Conn, t Tag) (Snapshot, error) {
	if t.Publication != 0 {
		return r.Snapshot(ctx, c, t.Publication)
	}
	return r.RunSnapshot(ctx, c, t.RunID)
}

// TagSnapshot returns the snapshot that a tag was put on.
func (r *Register) TagSnapshot(ctx context.Context, c *engine.Conn, t Tag) (Snapshot, error) {
	return r.tagSnapshot(ctx, c, t)
}

// RunSnapshot returns the snapshot of a run: its base publication's marts,
// overlaid with what it built; of failed and running ones too. ErrNoRun.
func (r *Register) RunSnapshot(ctx context.Context, c *engine.Conn, id string) (Snapshot, error) {
	run, err := r.Run(ctx, c, id)
	if err != nil {
		return Snapshot{}, err
	}
	return r.runSnapshot(ctx, c, run)
}

func (r *Register) runSnapshot(ctx context.Context, c *engine.Conn, run Run) (Snapshot, error) {
	marts := map[string]string{}
	if run.BasePublication != 0 {
		var err error
		if marts, err = r.PublicationMarts(ctx, c, run.BasePublication); err != nil {
			return Snapshot{}, err
		}
	}
	built, err := r.builtMarts(ctx, c, run.ID)
	if err != nil {
		return Snapshot{}, err
	}
	for m, id := range built {
		marts[m] = id
	}
	return Snapshot{Run: run.ID, Marts: marts}, nil
}

// builtMarts returns what a run contributes: mart or view model → the run
// whose rows and record it is.
func (r *Register) builtMarts(ctx context.Context, c *engine.Conn, id string) (map[string]string, error) {
	q := "SELECT model, kind, status, CAST(coalesce(data_run_id, run_id) AS VARCHAR) FROM " + r.rel(manifestModel.name) +
		" WHERE run_id = " + r.id() + " ORDER BY attempt"
	out := map[string]string{}
	err := c.Each(ctx, q, []any{id}, func(scan func(...any) error) error {
		var model, run string
		var kind, status sql.NullString
		if err := scan(&model, &kind, &status, &run); err != nil {
			return err
		}
		delete(out, model) // a later attempt counts alone
		// What was pruned is still the run's own: who reads it hears that it is
		// gone, and does not get the rows of the run below.
		ok := slices.Contains([]ModelStatus{ModelSuccess, ModelReused, ModelPruned}, ModelStatus(status.String))
		if ok && kind.String != "ephemeral" {
			out[model] = run
		}
		return nil
	})
	return out, err
}

// PublishedLayouts returns how the published runs of some marts are stored, of
// each mart every layout once, in an order that is always the same. What was
// pruned is left out.
func (r *Register) PublishedLayouts(ctx context.Context, c *engine.Conn, marts []string) (map[string][]Layout, error) {
	out := map[string][]Layout{}
	if len(marts) == 0 {
		return out, nil
	}
	args := make([]any, len(marts))
	for i, m := range marts {
		args[i] = m
	}
	q := "SELECT DISTINCT m.model, CAST(m.columns AS VARCHAR) AS layout FROM " + r.rel(manifestModel.name) + " AS m JOIN " + r.rel(publicationMart.name) +
		" AS p ON p.mart = m.model AND p.run_id = m.run_id WHERE m.status = 'success' AND m.columns IS NOT NULL AND m.model IN (" +
		strings.Join(repeat("?", len(marts)), ", ") + ") ORDER BY 1, 2"
	err := c.Each(ctx, q, args, func(scan func(...any) error) error {
		var name, text string
		if err := scan(&name, &text); err != nil {
			return err
		}
		var l Layout
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return fmt.Errorf("the layout of %s: %w", name, err)
		}
		out[name] = append(out[name], l)
		return nil
	})
	return out, err
}

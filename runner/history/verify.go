package history

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"warehouse/runner/engine"
)

// Mismatch is a place where the register is not what its ledger says.
type Mismatch struct {
	What  string // "run", "publication", "tag", "ledger"
	Name  string // run id, publication's seq, tag, ledger entry's seq
	Seq   int64  // of the run: what people type as r42; 0 if it is gone
	Entry int64  // of the ledger: the newest about it; 0 if there is none
	Msg   string // "was changed after it was recorded"
}

func (m Mismatch) String() string {
	name := m.Name
	if m.Seq > 0 {
		name += fmt.Sprintf(" (r%d)", m.Seq)
	}
	return m.What + " " + name + " " + m.Msg
}

// subject is what a ledger entry is about.
type subject struct{ what, name string }

func (e entry) subject() subject {
	switch event, name, _ := strings.Cut(e.Event, " "); event {
	case Publish, Rollback:
		return subject{"publication", name}
	case "tag", "untag":
		return subject{"tag", name}
	}
	return subject{"run", e.RunID}
}

// Messages of a Mismatch.
const (
	msgChanged    = "was changed after it was recorded"
	msgDeleted    = "was deleted"
	msgUnrecorded = "is not in the ledger: it was added by another program"
	msgChain      = "does not follow from the entry before it: the ledger was edited"
)

// VerifyLedger checks that the chain of entries holds, and that each run,
// publication and tag is what its newest entry says. It returns what does not
// agree: first the ledger's own breaks, then runs, publications and tags. It
// reads a few runs at a time, so that memory does not grow with history.
//
// Cutting off the end of the ledger, together with all that it was about,
// leaves a shorter history that is whole: only a copy of the newest entry, kept
// elsewhere, would show that.
func (r *Register) VerifyLedger(ctx context.Context, c *engine.Conn) ([]Mismatch, error) {
	newest, bad, err := r.verifyChain(ctx, c)
	if err != nil {
		return nil, err
	}
	v := &verification{newest: newest, empty: digest(nil), bad: bad}
	for _, f := range []func(context.Context, *engine.Conn, *verification) error{
		r.verifyRuns, r.verifyPublications, r.verifyTags,
	} {
		if err := f(ctx, c, v); err != nil {
			return nil, err
		}
	}
	v.deleted()
	return v.bad, nil
}

// verification collects what was found.
type verification struct {
	newest map[subject]entry // a subject is taken out once it is found
	empty  string
	bad    []Mismatch
}

// found compares the rows of one subject with its newest entry.
func (v *verification) found(s subject, seq int64, rows []string) {
	e, ok := v.newest[s]
	delete(v.newest, s)
	switch {
	case !ok:
		v.bad = append(v.bad, Mismatch{What: s.what, Name: s.name, Seq: seq, Msg: msgUnrecorded})
	case e.Content != digest(rows):
		v.bad = append(v.bad, Mismatch{What: s.what, Name: s.name, Seq: seq, Entry: e.Seq, Msg: msgChanged})
	}
}

// deleted reports the subjects that have entries and no rows, unless the newest
// entry says so.
func (v *verification) deleted() {
	var gone []Mismatch
	for s, e := range v.newest {
		if e.Content != v.empty {
			gone = append(gone, Mismatch{What: s.what, Name: s.name, Entry: e.Seq, Msg: msgDeleted})
		}
	}
	slices.SortFunc(gone, func(a, b Mismatch) int { return int(a.Entry - b.Entry) })
	v.bad = append(v.bad, gone...)
}

// verifyChain walks the ledger and returns the newest entry of each subject.
func (r *Register) verifyChain(ctx context.Context, c *engine.Conn) (map[subject]entry, []Mismatch, error) {
	const page = 10_000
	newest := map[subject]entry{}
	var bad []Mismatch
	prev, last := genesis, int64(0)
	for {
		q := "SELECT " + ledger.selectList("") + " FROM " + r.rel(ledger.name) + " WHERE seq > ? ORDER BY seq LIMIT " + strconv.Itoa(page)
		entries, err := ledger.query(ctx, c, q, last)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			if e.Prev != prev || e.Seq != last+1 {
				bad = append(bad, Mismatch{What: "ledger", Name: strconv.FormatInt(e.Seq, 10), Entry: e.Seq, Msg: msgChain})
			}
			if prev, err = e.sha256(); err != nil {
				return nil, nil, err
			}
			last = e.Seq
			newest[e.subject()] = e
		}
		if len(entries) < page {
			return newest, bad, nil
		}
	}
}

func (r *Register) verifyRuns(ctx context.Context, c *engine.Conn, v *verification) error {
	const page = 25
	last := int64(0)
	for {
		q := "SELECT " + manifest.selectList("") + " FROM " + r.rel(manifest.name) + " WHERE seq > ? ORDER BY seq" + limited(page)
		runs, err := manifest.query(ctx, c, q, last)
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			break
		}
		ids := make([]any, len(runs))
		for i, run := range runs {
			ids[i] = run.ID
		}
		of, err := r.runLines(ctx, c, "run_id IN ("+strings.Join(repeat(r.id(), len(ids)), ", ")+")", ids...)
		if err != nil {
			return err
		}
		for _, run := range runs {
			v.found(subject{"run", run.ID}, run.Seq, of[run.ID])
			last = run.Seq
		}
	}
	// Rows that belong to no run.
	orphans, err := texts(ctx, c, r.file("orphan_records"))
	if err != nil {
		return err
	}
	for _, id := range orphans {
		v.bad = append(v.bad, Mismatch{What: "run", Name: id, Msg: "has model or test records, but no row in run_manifest"})
	}
	return nil
}

func (r *Register) verifyPublications(ctx context.Context, c *engine.Conn, v *verification) error {
	const page = 100
	for last := int64(0); ; last += page {
		of, err := r.publicationLines(ctx, c, "seq > ? AND seq <= ?", last, last+page)
		if err != nil {
			return err
		}
		for _, seq := range slices.SortedFunc(maps.Keys(of), byNumber) {
			v.found(subject{"publication", seq}, 0, of[seq])
		}
		var more int64
		if err := c.QueryRow(ctx, "SELECT count(*) FROM "+r.rel(publication.name)+" WHERE seq > ?", []any{last + page}, &more); err != nil || more == 0 {
			return err
		}
	}
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return x - y
}

func (r *Register) publicationLines(ctx context.Context, c *engine.Conn, where string, args ...any) (map[string][]string, error) {
	out, err := lines(ctx, c, r, publication, "seq", where, args...)
	if err != nil {
		return nil, err
	}
	marts, err := lines(ctx, c, r, publicationMart, "seq", where, args...)
	for seq, l := range marts {
		out[seq] = append(out[seq], l...)
	}
	return out, err
}

func (r *Register) verifyTags(ctx context.Context, c *engine.Conn, v *verification) error {
	of, err := lines(ctx, c, r, tag, "tag", "true")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		v.found(subject{"tag", name}, 0, of[name])
	}
	return nil
}

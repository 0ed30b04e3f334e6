package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/engine"
)

// Publish appends one publication: from now on each mart is read from the run
// that marts names. p.Seq is ignored; the next one is returned. A reused mart
// is named with the run that wrote its rows. Of a rollback p.Restores is the
// entry gone back to; where that one restored another, the first is kept.
func (r *Register) Publish(ctx context.Context, c *engine.Conn, p Publication, marts map[string]string) (int64, error) {
	return r.publish(ctx, c, p, marts, anyBase)
}

// PublishAfter is Publish for one who knows what is live: ErrMoved if the newest
// entry is not that one, 0 being that there is none. Of two at once that go by
// the same entry, one succeeds.
func (r *Register) PublishAfter(ctx context.Context, c *engine.Conn, p Publication, marts map[string]string, newest int64) (int64, error) {
	return r.publish(ctx, c, p, marts, newest)
}

const anyBase = -1

func (r *Register) publish(ctx context.Context, c *engine.Conn, p Publication, marts map[string]string, base int64) (int64, error) {
	if p.Action == Rollback && p.Restores == 0 {
		return 0, errors.New("a rollback restores an earlier publication: Restores is missing")
	}
	err := c.Atomic(ctx, func() error {
		q := "SELECT coalesce(max(seq), 0) + 1 FROM " + r.rel(publication.name)
		if err := c.QueryRow(ctx, q, nil, &p.Seq); err != nil {
			return err
		}
		if base != anyBase && p.Seq != base+1 {
			return ErrMoved
		}
		if p.At.IsZero() {
			p.At = r.now()
		}
		if p.Restores != 0 {
			of, err := r.Publication(ctx, c, p.Restores)
			if err != nil {
				return err
			}
			p.Restores = of.own()
		}
		rows := make([]published, 0, len(marts))
		for _, m := range slices.Sorted(maps.Keys(marts)) {
			rows = append(rows, published{Seq: p.Seq, Mart: m, RunID: strings.ToLower(marts[m])})
		}
		if a := appender(c); a != nil {
			return r.publishRow(ctx, c, a, &p, rows, base)
		}
		if err := publicationMart.insert(ctx, c, r.relation(publicationMart.name), rows); err != nil {
			return err
		}
		if err := publication.insert(ctx, c, r.relation(publication.name), []Publication{p}); err != nil {
			return err
		}
		return r.appendPublication(ctx, c, p, rows)
	})
	return p.Seq, err
}

// appendPublication adds the ledger's entry about a publication.
func (r *Register) appendPublication(ctx context.Context, c *engine.Conn, p Publication, rows []published) error {
	all := make([]string, 0, len(rows)+1)
	l, err := lineOf(publication, p)
	if err != nil {
		return err
	}
	all = append(all, l)
	for _, row := range rows {
		if l, err = lineOf(publicationMart, row); err != nil {
			return err
		}
		all = append(all, l)
	}
	return r.append(ctx, c, fmt.Sprintf("%s %d", p.Action, p.Seq), p.RunID, digest(all))
}

// publishRow is publish where a publication is one row: it is there whole or
// not at all, and of two with one seq only one.
func (r *Register) publishRow(ctx context.Context, c *engine.Conn, a engine.Appender, p *Publication, rows []published, base int64) error {
	marts := map[string]string{}
	for _, row := range rows {
		marts[row.Mart] = row.RunID
	}
	text, err := marshal(marts)
	if err != nil {
		return err
	}
	q := a.InsertNew(r.relation(publication.name), []string{"seq"}, append(publication.columns(), martsColumn),
		publication.values(a, c.DB().Dialect().Types(), a.ParseSnapshot(fmt.Sprintf("r[%d]", len(publication.fields)+1))))
	err = repeated(ctx, func() (bool, error) {
		cells, err := publication.encode([]Publication{*p})
		if err != nil {
			return false, err
		}
		n, err := c.Exec(ctx, q, chunks([][]any{append(cells[0], text)})[0])
		var qe *engine.QueryError
		if lost := errors.As(err, &qe) && qe.Kind == engine.KindConflict || err == nil && n == 0; !lost {
			return err == nil, err
		}
		if err := c.QueryRow(ctx, "SELECT coalesce(max(seq), 0) + 1 FROM "+r.rel(publication.name), nil, &p.Seq); err != nil {
			return false, err
		}
		if base != anyBase && p.Seq != base+1 {
			return false, ErrMoved
		}
		return false, nil // it was not about this entry: the log's files were put together
	})
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Seq = p.Seq
	}
	return r.appendPublication(ctx, c, *p, rows)
}

// own is the seq of the entry that first showed this one's state.
func (p Publication) own() int64 {
	if p.Restores != 0 {
		return p.Restores
	}
	return p.Seq
}

func (r *Register) publications(ctx context.Context, c *engine.Conn, rest string, args ...any) ([]Publication, error) {
	return publication.query(ctx, c, "SELECT "+publication.selectList("")+" FROM "+r.rel(publication.name)+" "+rest, args...)
}

// Publications returns the newest entries of the log, newest first; limit 0 is
// all.
func (r *Register) Publications(ctx context.Context, c *engine.Conn, limit int) ([]Publication, error) {
	return r.publications(ctx, c, "ORDER BY seq DESC"+limited(limit))
}

func (r *Register) onePublication(ctx context.Context, c *engine.Conn, rest string, args ...any) (Publication, error) {
	all, err := r.publications(ctx, c, rest, args...)
	if err != nil {
		return Publication{}, err
	}
	if len(all) == 0 {
		return Publication{}, ErrNoPublication
	}
	return all[0], nil
}

// Publication returns one entry of the log; ErrNoPublication.
func (r *Register) Publication(ctx context.Context, c *engine.Conn, seq int64) (Publication, error) {
	return r.onePublication(ctx, c, "WHERE seq = ?", seq)
}

// PublicationOf returns the newest entry of action Publish that published a
// run; ErrNoPublication if it never was.
func (r *Register) PublicationOf(ctx context.Context, c *engine.Conn, runID string) (Publication, error) {
	return r.onePublication(ctx, c, "WHERE action = ? AND run_id = "+r.id()+" ORDER BY seq DESC LIMIT 1", Publish, runID)
}

// back returns the entry n steps before the newest.
func (r *Register) back(ctx context.Context, c *engine.Conn, n int) (Publication, error) {
	all, err := r.Publications(ctx, c, n+1)
	if err != nil {
		return Publication{}, err
	}
	if len(all) <= n {
		return Publication{}, ErrNoPublication
	}
	return all[n], nil
}

// PublicationMarts returns mart → run of one entry.
func (r *Register) PublicationMarts(ctx context.Context, c *engine.Conn, seq int64) (map[string]string, error) {
	q := "SELECT " + publicationMart.selectList("") + " FROM " + r.rel(publicationMart.name) + " WHERE seq = ?"
	rows, err := publicationMart.query(ctx, c, q, seq)
	if err != nil {
		return nil, err
	}
	marts := make(map[string]string, len(rows))
	for _, row := range rows {
		marts[row.Mart] = row.RunID
	}
	return marts, nil
}

// Snapshot returns what a publication shows; ErrNoPublication.
func (r *Register) Snapshot(ctx context.Context, c *engine.Conn, seq int64) (Snapshot, error) {
	p, err := r.Publication(ctx, c, seq)
	if err != nil {
		return Snapshot{}, err
	}
	return r.snapshotOf(ctx, c, p)
}

func (r *Register) snapshotOf(ctx context.Context, c *engine.Conn, p Publication) (Snapshot, error) {
	marts, err := r.PublicationMarts(ctx, c, p.Seq)
	if err != nil {
		return Snapshot{}, err
	}
	return Snapshot{Publication: p.Seq, Run: p.RunID, Marts: marts}, nil
}

// Live returns the snapshot of the newest publication, the zero Snapshot if
// there is none.
func (r *Register) Live(ctx context.Context, c *engine.Conn) (Snapshot, error) {
	return r.liveBack(ctx, c, 0)
}

// Previous returns the snapshot of the publication before the newest, the zero
// Snapshot if there is none.
func (r *Register) Previous(ctx context.Context, c *engine.Conn) (Snapshot, error) {
	return r.liveBack(ctx, c, 1)
}

func (r *Register) liveBack(ctx context.Context, c *engine.Conn, n int) (Snapshot, error) {
	all, err := r.Publications(ctx, c, n+1)
	if err != nil || len(all) <= n {
		return Snapshot{}, err
	}
	return r.snapshotOf(ctx, c, all[n])
}

// NextRollback returns the publication that a rollback without a target goes
// back to: the one before the entry that first showed what is live now. So a
// second rollback goes a second step and never forth again.
// ErrNothingBefore.
func (r *Register) NextRollback(ctx context.Context, c *engine.Conn) (Publication, error) {
	live, err := r.back(ctx, c, 0)
	if err == nil {
		live, err = r.onePublication(ctx, c, "WHERE seq < ? ORDER BY seq DESC LIMIT 1", live.own())
	}
	if errors.Is(err, ErrNoPublication) {
		return Publication{}, ErrNothingBefore
	}
	return live, err
}

// MendLedger adds the ledger's entries about recent publications that have
// none: where a publication is one row, its client may have ended right behind
// it. One that is about to add its own entry adds an equal one.
func (r *Register) MendLedger(ctx context.Context, c *engine.Conn) error {
	const recent = 20
	if appender(c) == nil {
		return nil
	}
	missing, err := r.publications(ctx, c, fmt.Sprintf("WHERE seq > (SELECT coalesce(max(seq), 0) - %d FROM %s) AND action || ' ' || CAST(seq AS VARCHAR) NOT IN (SELECT event FROM %s) ORDER BY seq",
		recent, r.rel(publication.name), r.rel(ledger.name)))
	if err != nil {
		return err
	}
	for _, p := range missing {
		marts, err := r.PublicationMarts(ctx, c, p.Seq)
		if err != nil {
			return err
		}
		var rows []published
		for _, m := range slices.Sorted(maps.Keys(marts)) {
			rows = append(rows, published{Seq: p.Seq, Mart: m, RunID: marts[m]})
		}
		if err := r.appendPublication(ctx, c, p, rows); err != nil {
			return err
		}
	}
	return nil
}

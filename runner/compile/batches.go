package compile

import (
	"fmt"
	"strings"
	"time"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// Batches is how a microbatch model is cut in time. The rules are those of dbt's
// MicrobatchBuilder.
type Batches struct {
	Column   string // event_time, as it stands in SQL
	Size     string // "hour", "day", "month" or "year"
	Begin    time.Time
	Lookback int // batches before the last one that a build computes anew
}

// Batch is one of them: from Start on, up to End, which is not in it; in UTC.
type Batch struct{ Start, End time.Time }

// MostBatches is how many a build computes: each is a SELECT of its own.
const MostBatches = 10_000

var batchSizes = []string{"hour", "day", "month", "year"}

// floor is the start of the batch that t is in.
func (b *Batches) floor(t time.Time) time.Time {
	t = t.UTC()
	y, m, d := t.Date()
	switch b.Size {
	case "hour":
		return t.Truncate(time.Hour)
	case "day":
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	case "month":
		return time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
}

// plus is the start of the batch n after that of t.
func (b *Batches) plus(t time.Time, n int) time.Time {
	t = b.floor(t)
	switch b.Size {
	case "hour":
		return t.Add(time.Duration(n) * time.Hour)
	case "day":
		return t.AddDate(0, 0, n)
	case "month":
		return t.AddDate(0, n, 0)
	}
	return t.AddDate(n, 0, 0)
}

// ceil is the end of the batch that ends at t or holds it.
func (b *Batches) ceil(t time.Time) time.Time {
	if low := b.floor(t); !low.Equal(t) {
		return b.plus(low, 1)
	}
	return t.UTC()
}

// Window is the time that a build computes. A zero from or to means the rule:
// up to the end of the batch of now, from Begin on, or, where there are
// published rows to add to, as far back as Lookback says.
func (b *Batches) Window(adds bool, from, to, now time.Time) Batch {
	if to.IsZero() {
		to = now
	}
	w := Batch{End: b.ceil(to)}
	switch {
	case !from.IsZero():
		w.Start = b.floor(from)
	case !adds:
		w.Start = b.floor(b.Begin)
	default:
		w.Start = b.plus(w.End, -b.Lookback-1)
	}
	return w
}

// Cut is the batches of a window, in order; one at least.
func (b *Batches) Cut(w Batch) ([]Batch, error) {
	out := []Batch{{w.Start, b.plus(w.Start, 1)}}
	for last := out[0]; last.End.Before(w.End); {
		last = Batch{last.End, b.plus(last.End, 1)}
		if out = append(out, last); len(out) > MostBatches {
			return nil, fmt.Errorf("from %s to %s there are more than %d batches of one %s", stamp(w.Start), stamp(w.End), MostBatches, b.Size)
		}
	}
	out[len(out)-1].End = w.End
	return out, nil
}

// stamp is a time as dbt prints it.
func stamp(t time.Time) string { return jinja.Str(jinja.FromGo(t.UTC())) }

// Within is the condition that a time is in the batch.
func (b Batch) Within(column, dialect string) string {
	start, end := engine.Literal(stamp(b.Start)), engine.Literal(stamp(b.End))
	if dialect == "trino" { // it compares no text with a time
		const form = "2006-01-02 15:04:05.000000 UTC"
		start, end = "TIMESTAMP "+engine.Literal(b.Start.UTC().Format(form)), "TIMESTAMP "+engine.Literal(b.End.UTC().Format(form))
	}
	return column + " >= " + start + " and " + column + " < " + end
}

// Label names a batch of a size, as dbt's log does: 2024-09-17.
func (b *Batches) Label(x Batch) string {
	return x.Start.UTC().Format(map[string]string{"hour": "2006-01-02T15", "day": "2006-01-02", "month": "2006-01", "year": "2006"}[b.Size])
}

// about is model.batch in a template.
func (b *Batches) about(x Batch) jinja.Value {
	return dict("id", strings.ReplaceAll(b.Label(x), "-", ""), "event_time_start", jinja.FromGo(x.Start), "event_time_end", jinja.FromGo(x.End))
}

// batch is the batch that the template of a model is rendered for; false while
// there is none, and in what it inlines.
func (r *render) batch() (Batch, bool) {
	if r.b == nil || r.b.Batch == nil || r.into != nil || r.node == nil || r.node.Increment == nil || r.node.Increment.Batches == nil {
		return Batch{}, false
	}
	return *r.b.Batch, true
}

// ofBatch leaves of a parent what is in the batch, if the parent says which of its
// columns is its time.
func (r *render) ofBatch(rel *relation, n *Node) *relation {
	batch, ok := r.batch()
	column := eventTime(n)
	if !ok || column == "" {
		return rel
	}
	rel.filter = batch.Within(column, r.opts.Dialect)
	return rel
}

// eventTime is the event_time of a model or source, as SQL; "" if it has none.
func eventTime(n *Node) string {
	name := n.Config.EventTime
	if n.Source != nil {
		name, _ = n.Source.Config["event_time"].Value.(string)
	}
	for _, c := range n.Columns {
		if c.Name == name && c.Quote && name != "" {
			return engine.Ident(name)
		}
	}
	return name
}

// batches reads the config of a microbatch model.
func (u *unit) batches() (*Batches, []*diag.Error) {
	n := u.node
	var errs []*diag.Error
	strategy := n.config["incremental_strategy"]
	fail := func(key, advice, format string, args ...any) {
		at, ok := n.config[key]
		if !ok || at.Value == nil {
			at = strategy
		}
		errs = append(errs, configError(at, fmt.Sprintf(format, args...), advice))
	}
	b := &Batches{Column: eventTime(n), Lookback: 1}
	if b.Column == "" {
		fail("event_time", "set event_time to the column that says when a row happened", "microbatch needs event_time")
	}
	switch size, ok := n.config["batch_size"].Value.(string); {
	case n.config["batch_size"].Value == nil:
		fail("batch_size", "set batch_size to hour, day, month or year", "microbatch needs batch_size")
	case !ok || !oneOf(batchSizes...)[strings.ToLower(size)]:
		msg := fmt.Sprintf("batch_size is %s", jinja.Repr(n.config["batch_size"].Value))
		if near := diag.Nearest(size, batchSizes); near != "" {
			msg += fmt.Sprintf("; did you mean %q?", near)
		}
		fail("batch_size", "sizes: "+strings.Join(batchSizes, ", "), "%s", msg)
	default:
		b.Size = strings.ToLower(size)
	}
	switch begin := n.config["begin"].Value; {
	case begin == nil:
		fail("begin", "set begin to the day from which the model is built: begin: '2024-01-01'", "microbatch needs begin")
	default:
		t, err := ParseEventTime(jinja.Str(begin))
		if err != nil {
			fail("begin", "write it as '2024-01-31' or '2024-01-31T10:00:00'", "begin is %s, which is no time", jinja.Repr(begin))
		}
		b.Begin = t
	}
	switch back := n.config["lookback"].Value.(type) {
	case nil:
	case int64:
		b.Lookback = int(back)
	default:
		fail("lookback", "", "lookback must be a whole number of batches, not %s", jinja.Repr(back))
	}
	if c := n.config["concurrent_batches"].Value; c != nil {
		if _, ok := c.(bool); !ok {
			fail("concurrent_batches", "", "concurrent_batches must be true or false, not %s", jinja.Repr(c))
		}
	}
	if len(n.Config.UniqueKey) > 0 {
		fail("unique_key", "take it out, or choose another strategy: merge", "microbatch replaces whole batches by event_time: it has no unique_key")
	}
	return b, errs
}

// ParseEventTime reads a time as dbt's flags and configs have it: a day, or a day and
// a time, in UTC if it has no zone.
func ParseEventTime(text string) (time.Time, error) {
	for _, form := range []string{"2006-01-02", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
		time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05.999999", "2006-01-02 15:04:05.999999"} {
		if t, err := time.Parse(form, strings.TrimSpace(text)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2024-01-31 or 2024-01-31T10:00:00", text)
}

// Union joins the SELECTs of the batches of one model: of each the rows that are in
// it.
func (b *Batches) Union(parts []*Rendered, cut []Batch, dialect string, byName bool) *Rendered {
	join := "\nUNION ALL\n"
	if byName {
		join = "\nUNION ALL BY NAME\n"
	}
	var out *Rendered
	for i, p := range parts {
		one := p.Around(fmt.Sprintf("-- batch %s\nSELECT * FROM (\n", b.Label(cut[i])), "\n) AS batch\nWHERE "+cut[i].Within(b.Column, dialect))
		if out == nil {
			out = one
		} else {
			out = out.then(join, one)
		}
	}
	return out
}

// then puts more SQL behind r, of which the places are known, too.
func (r *Rendered) then(between string, more *Rendered) *Rendered {
	out := *r
	out.SQL, out.Stored = r.SQL+between+more.SQL, r.Stored+between+more.Stored
	start := len(r.SQL) + len(between)
	out.place = func(off int) (diag.Pos, string, []diag.Frame, bool) {
		if off < start {
			return r.Place(off)
		}
		return more.Place(off - start)
	}
	for _, id := range more.Reads {
		if !oneOf(out.Reads...)[id] {
			out.Reads = append(out.Reads[:len(out.Reads):len(out.Reads)], id)
		}
	}
	out.This = r.This || more.This
	out.ReadsRunQuery = r.ReadsRunQuery || more.ReadsRunQuery
	return &out
}

package runner

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
)

// A microbatch model's SELECT is rendered for each batch of the window, with
// what it reads cut to the batch, and a run is the rows of the window and the
// published rows outside of it:
//
//	WITH this_run AS (
//	SELECT * FROM (… the model's SELECT for the first batch …) AS batch WHERE … in the batch …
//	UNION ALL BY NAME
//	…),
//	carried AS (SELECT * FROM run__this.m AS t WHERE … not in the window …)
//	SELECT * FROM this_run UNION ALL BY NAME SELECT * FROM carried
//
// That is what the register keeps and a replay runs. Engines plan a statement of
// many parts slowly, so that a build inserts the batches in several steps of one
// transaction: the published rows come with the first.

// batchesAtOnce is how many batches one INSERT takes where the engine sets no limit.
const batchesAtOnce = 50

// atOnce is how many batches one statement of this engine takes.
func (b *build) atOnce() int {
	if a, ok := b.dialect().(engine.Appender); ok {
		return a.MaxBranches()
	}
	return batchesAtOnce
}

// window is the time that the build computes of a microbatch model.
func (b *build) window(n *compile.Node) compile.Batch {
	now := b.run.StartedAt
	if now.IsZero() {
		now = b.r.now()
	}
	return n.Increment.Batches.Window(b.adds(n), b.o.EventTimeStart, b.o.EventTimeEnd, now)
}

// batched renders a microbatch model for each batch of a window.
func (b *build) batched(ctx context.Context, n *compile.Node, binder compile.Binding, w compile.Batch) (batches, error) {
	out := batches{of: n.Increment.Batches, dialect: b.r.project.Target.Type}
	_, out.byName = b.dialect().(engine.NameJoiner)
	cut, err := out.of.Cut(w)
	if err != nil {
		return out, &diag.Error{Pos: diag.Pos{File: n.File}, Msg: err.Error(), Advice: "choose a larger batch_size, a later begin, or a part of the time: --event-time-start and --event-time-end"}
	}
	render := b.render
	if render == nil {
		render = b.g.Render
	}
	for i := range cut {
		binder.Batch = &cut[i]
		rendered, err := render(ctx, n, binder)
		if err != nil {
			return out, err
		}
		out.parts = append(out.parts, rendered)
	}
	out.cut, out.spans = cut, cut
	if out.oneText() {
		out.parts, out.spans = out.parts[:1], []compile.Batch{w}
	}
	return out, nil
}

// batches are the SELECTs of a model, one for each batch.
type batches struct {
	of      *compile.Batches
	dialect string
	byName  bool
	cut     []compile.Batch
	spans   []compile.Batch // of parts
	parts   []*compile.Rendered
}

// oneText says whether the batches have one and the same SELECT: nothing that it reads
// has an event_time.
func (x batches) oneText() bool {
	for _, p := range x.parts {
		if p.Stored != x.parts[0].Stored {
			return false
		}
	}
	return true
}

// window is what they make up.
func (x batches) window() compile.Batch {
	return compile.Batch{Start: x.cut[0].Start, End: x.cut[len(x.cut)-1].End}
}

// union is the SELECT of some of the batches.
func (x batches) union(from, to int) *compile.Rendered {
	return x.of.Union(x.parts[from:to], x.spans[from:to], x.dialect, x.byName)
}

// all is the SELECT of all batches.
func (x batches) all() *compile.Rendered { return headed(x.union(0, len(x.parts)), x.window()) }

// statements are the SELECTs of as many batches as one statement takes.
func (x batches) statements(atOnce int) []*compile.Rendered {
	var out []*compile.Rendered
	for i := 0; i < len(x.parts); i += atOnce {
		out = append(out, x.union(i, min(i+atOnce, len(x.parts))))
	}
	return out
}

const headForm = "2006-01-02 15:04:05Z"

// headed says in the SQL which time it computes: plan reads it there.
func headed(r *compile.Rendered, w compile.Batch) *compile.Rendered {
	return r.Around(fmt.Sprintf("-- computed: from %s to %s\n", w.Start.Format(headForm), w.End.Format(headForm)), "")
}

var computed = regexp.MustCompile(`(?m)^-- computed: from (\S+ \S+Z) to (\S+ \S+Z)$`)

// windowOf is the time that stored SQL computed; false if it does not say.
func windowOf(sql string) (compile.Batch, bool) {
	m := computed.FindStringSubmatch(sql)
	if m == nil {
		return compile.Batch{}, false
	}
	start, err := time.Parse(headForm, m[1])
	end, err2 := time.Parse(headForm, m[2])
	return compile.Batch{Start: start, End: end}, err == nil && err2 == nil
}

// renderBatches writes the SQL of a microbatch model, and leaves in the task how it
// is inserted.
func (b *build) renderBatches(ctx context.Context, t *task, binder compile.Binding) error {
	x, err := b.batched(ctx, t.node, binder, b.window(t.node))
	if err != nil {
		return err
	}
	t.rendered, t.batches, t.bare, t.parts = x.all(), x.cut, x.parts[0], nil
	if parts := x.statements(b.atOnce()); len(parts) > 1 {
		t.parts = parts
	}
	return b.storable(t)
}

// storable says whether the SQL of all batches fits into the statement that records
// it, before anything is written.
func (b *build) storable(t *task) error {
	a, ok := b.dialect().(engine.Appender)
	if !ok {
		return nil
	}
	const around = 50_000 // what else the record holds
	text := strconv.Quote(t.rendered.Stored)
	if n := len(text) + strings.Count(text, "'") + around; n > a.MaxStatement() {
		t.rendered, t.parts = t.bare, nil // what is recorded of the failure
		return &diag.Error{Pos: diag.Pos{File: t.node.File}, Msg: fmt.Sprintf("the SQL of %d batches is too long for this engine: it has %d characters, and a statement may have %d", len(t.batches), n, a.MaxStatement()),
			Advice: "choose a larger batch_size, a later begin, or a part of the time: --event-time-start and --event-time-end"}
	}
	return nil
}

// seam is where one batch ends in stored SQL, and the next begins.
var seam = regexp.MustCompile(`\n\) AS batch\nWHERE [^\n]*(\nUNION ALL\n)-- batch `)

// recordedBatches cuts the stored SQL of many batches into as many statements as a build
// would have sent, if the engine takes so few at once.
func (b *build) recordedBatches(stored string) (parts []*compile.Rendered, err error) {
	if _, ok := b.dialect().(engine.Appender); !ok || !computed.MatchString(stored) {
		return nil, nil
	}
	seams, atOnce := seam.FindAllStringSubmatchIndex(stored, -1), b.atOnce()
	if len(seams) < atOnce {
		return nil, nil
	}
	begin, end := strings.Index(stored, "\n-- batch ")+1, len(stored)
	// The end of a statement that has published rows: they come with the first.
	var tail, only string
	if i := strings.LastIndex(stored, "\n), carried AS (\n"); i >= 0 {
		end, tail = i, stored[i:]
		only = tail[:strings.LastIndex(tail, "\nUNION ALL\nSELECT ")]
	}
	from, last := begin, tail
	for i := atOnce - 1; ; i += atOnce {
		to := end
		if i < len(seams) {
			to = seams[i][2]
		}
		part, err := compile.FromStored(stored[:begin]+stored[from:to]+last, b.r.cfg.LookupEnv)
		if err != nil {
			return nil, err
		}
		if parts = append(parts, part); to == end {
			return parts, nil
		}
		from, last = seams[i][3], only
	}
}

// outside is the condition of published rows that are not computed anew.
func (u union) outside() string {
	in := u.window.Within(u.inc.Batches.Column, u.engine)
	if ofDest, _ := u.predicates(); len(ofDest) > 0 {
		in += ` AND t."may be replaced"`
	}
	return "\n    WHERE NOT coalesce(" + in + ", false)"
}

// checkBatches looks for event_time on both sides.
func (u union) checkBatches() error {
	b := u.inc.Batches
	if b == nil || !plainName.MatchString(b.Column) {
		return nil
	}
	if _, ok := u.find(b.Column); !ok {
		return u.noEventTime(b.Column)
	}
	if _, ok := u.before(b.Column); !ok {
		return u.fail("--full-refresh builds all rows anew", "the published run has no column %s of event_time: it cannot be said which of its rows are replaced", b.Column)
	}
	return nil
}

// noEventTime says that a SELECT lacks its event_time, if that is why it did not bind.
func (b *build) noEventTime(ctx context.Context, c *engine.Conn, t *task, err error) error {
	if t.bare == nil || !plainName.MatchString(t.node.Increment.Batches.Column) {
		return err
	}
	u := union{node: t.node, inc: *t.node.Increment}
	var berr error
	if u.now, berr = c.Describe(ctx, t.bare.SQL); berr != nil {
		return err
	}
	if _, ok := u.find(u.inc.Batches.Column); ok {
		return err
	}
	return u.noEventTime(u.inc.Batches.Column)
}

func (u union) noEventTime(column string) error {
	e := u.fail("add it to the SELECT, or change event_time", "the column %s of event_time is not in the SELECT", column)
	var names []string
	for _, c := range u.now {
		names = append(names, c.Name)
	}
	if near := diag.Nearest(column, names); near != "" {
		e.Advice = fmt.Sprintf("did you mean %s?", near)
	}
	return e
}

// more are the SELECTs that are inserted after the first one, with all columns of
// the plan.
func (t *task) more() []string {
	if len(t.parts) == 0 {
		return nil
	}
	var out []string
	for _, p := range t.parts[1:] {
		out = append(out, "SELECT *"+t.missing+" FROM (\n"+p.SQL+"\n) AS batches")
	}
	return out
}

// kept are the columns that only the published rows have, as NULLs.
func (u union) kept() string {
	var out strings.Builder
	for _, c := range u.carried() {
		if _, ok := u.find(c.name); !ok {
			fmt.Fprintf(&out, ", CAST(NULL AS %s) AS %s", c.typ, engine.Ident(c.name))
		}
	}
	return out.String()
}

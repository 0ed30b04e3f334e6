package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/mart"
)

// An incremental model's run is whole, like that of any mart: the rows of the
// published run that are not replaced, and those of its SELECT. Both stand in
// one statement, which is what the register keeps and a replay runs:
//
//	WITH this_run AS MATERIALIZED (… the model's SELECT …),
//	carried AS (SELECT * FROM run__this.m AS t WHERE NOT EXISTS (… same unique_key in this_run …))
//	SELECT * FROM this_run UNION ALL BY NAME SELECT * FROM carried
//
// Where an engine cannot join rows by the names of their columns, both lists are
// written out, and what is replaced is found by a LEFT JOIN.

// adds says whether a model adds to the rows of its published run: what
// is_incremental() is.
func (b *build) adds(n *compile.Node) bool {
	if n.Increment == nil {
		return false
	}
	full := b.o.FullRefresh
	if n.Config.FullRefresh != nil {
		full = *n.Config.FullRefresh
	}
	return !full && b.hasThis(n)
}

// hasThis says whether the model has published rows.
func (b *build) hasThis(n *compile.Node) bool {
	if b.work == nil {
		return false
	}
	rec, ok := b.records[n.Name]
	return ok && rec.Kind != binding.ViewKind
}

// bindThis makes `this` readable: the model's published rows.
func (b *build) bindThis(ctx context.Context, c *engine.Conn, t *task) error {
	if t.this || !b.hasThis(t.node) {
		return nil
	}
	rec := b.records[t.node.Name]
	rec.Model = t.node.Name
	view, err := binding.Published(b.dialect(), rec, b.base.Marts[t.node.Name])
	if err == nil {
		err = binding.Put(ctx, c, view)
	}
	t.this = err == nil
	return err
}

// carry puts the published rows that are not replaced into the SQL of a model.
// Where the statement names all columns, it leaves them in the task: each has the
// type that it says.
func (b *build) carry(ctx context.Context, c *engine.Conn, t *task) error {
	columns, err := c.Describe(ctx, t.first().SQL)
	if err == nil {
		err = mart.CheckColumns(columns)
	}
	if err != nil {
		return placed(b.noEventTime(ctx, c, t, err), t.node, t.rendered)
	}
	u := union{node: t.node, inc: *t.node.Increment, this: b.r.this(t.node.Name), dialect: b.dialect(),
		was: b.records[t.node.Name].Layout.Columns, now: columns}
	if u.inc.Batches != nil {
		u.window, u.engine = b.window(t.node), b.r.project.Target.Type
	}
	if err := u.checkKey(); err != nil {
		return err
	}
	if err := u.checkMerged(); err != nil {
		return err
	}
	if err := u.checkBatches(); err != nil {
		return err
	}
	if err := u.checkTypes(ctx, c); err != nil {
		return err
	}
	t.rendered = u.around(t.rendered)
	if len(t.parts) > 0 {
		t.parts[0], t.missing = u.around(t.parts[0]), u.kept()
	}
	if _, ok := u.dialect.(engine.NameJoiner); !ok {
		t.columns = columns
		for _, old := range u.carried() {
			if _, ok := u.find(old.name); !ok {
				t.columns = append(t.columns, engine.Column{Name: old.name, Type: old.typ})
			}
		}
	}
	return nil
}

// union joins the columns of a SELECT and those of the published run.
type union struct {
	node    *compile.Node
	inc     compile.Increment
	this    engine.Relation
	dialect engine.Dialect
	was     []mart.Column
	now     []engine.Column
	window  compile.Batch // of a microbatch model: what is computed
	engine  string        // its dialect
}

func (u union) find(name string) (engine.Column, bool) {
	i := slices.IndexFunc(u.now, func(c engine.Column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return engine.Column{}, false
	}
	return u.now[i], true
}

func (u union) before(name string) (mart.Column, bool) {
	i := slices.IndexFunc(u.was, func(c mart.Column) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return mart.Column{}, false
	}
	return u.was[i], true
}

// checkKey looks for the columns of the key on both sides.
func (u union) checkKey() error {
	for _, k := range u.inc.Key {
		if _, ok := u.find(k); !ok {
			e := u.fail("add it to the SELECT, or change unique_key", "the column %s of unique_key is not in the SELECT", k)
			var names []string
			for _, c := range u.now {
				names = append(names, c.Name)
			}
			if near := diag.Nearest(k, names); near != "" {
				e.Advice = fmt.Sprintf("did you mean %s?", near)
			}
			return e
		}
		if _, ok := u.before(k); !ok {
			return u.fail("--full-refresh builds all rows anew", "the published run has no column %s of unique_key: it cannot be said which of its rows are replaced", k)
		}
	}
	return nil
}

func (u union) fail(advice, format string, args ...any) *diag.Error {
	return &diag.Error{Pos: diag.Pos{File: u.node.File}, Msg: fmt.Sprintf(format, args...), Advice: advice}
}

// checkTypes finds columns whose published values would become other values in
// the type that they have now.
func (u union) checkTypes(ctx context.Context, c *engine.Conn) error {
	for _, was := range u.was {
		now, ok := u.find(was.Name)
		if !ok || now.Type == was.Type {
			continue
		}
		var lost int64
		var example *string
		q := fmt.Sprintf("SELECT count(*), min(CAST(t.%s AS %s)) FROM %s AS t WHERE %s",
			engine.Ident(was.Name), u.dialect.Types().Text, u.this, lossy(was, now))
		const advice = "cast the column in the SELECT to what it was, or build all rows anew: --full-refresh"
		if err := c.QueryRow(ctx, q, nil, &lost, &example); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return u.fail(advice, "the column %s is now %s, which its published values, of type %s, cannot become: %s", now.Name, now.Type, was.Type, err)
		}
		if lost > 0 && example != nil {
			return u.fail(advice, "the column %s is now %s, was %s: %d published values would not stay what they are, such as %s", now.Name, now.Type, was.Type, lost, *example)
		}
	}
	return nil
}

// lossy is true of published values that do not survive the way into the new
// type and back.
func lossy(was mart.Column, now engine.Column) string {
	name := "t." + engine.Ident(was.Name)
	return fmt.Sprintf("%s IS NOT NULL AND TRY_CAST(TRY_CAST(%s AS %s) AS %s) IS DISTINCT FROM %s", name, name, now.Type, was.Type, name)
}

// value is a published value in the type of the SELECT. A replay meets other
// values than those that were checked, so the check is in it.
func (u union) value(was mart.Column) string {
	name := "t." + engine.Ident(was.Name)
	now, ok := u.find(was.Name)
	if !ok || now.Type == was.Type {
		return name
	}
	msg := fmt.Sprintf("a published value of %s is no %s: build with --full-refresh", was.Name, now.Type)
	return fmt.Sprintf("CASE WHEN %s THEN %s ELSE TRY_CAST(%s AS %s) END", lossy(was, now), u.dialect.Fail(msg), name, now.Type)
}

// same says whether both sides have the same columns, in any order.
func (u union) same() bool {
	if len(u.was) != len(u.now) {
		return false
	}
	for _, was := range u.was {
		if now, ok := u.find(was.Name); !ok || now.Name != was.Name || now.Type != was.Type {
			return false
		}
	}
	return true
}

// carriedColumn is a column of the published rows, in the new statement.
type carriedColumn struct{ name, expr, typ string }

// carried are the columns that go on, those of the SELECT first.
func (u union) carried() []carriedColumn {
	var out []carriedColumn
	for _, was := range u.was {
		now, ok := u.find(was.Name)
		switch {
		case ok:
			out = append(out, carriedColumn{now.Name, u.value(was), now.Type})
		case u.inc.KeepColumns:
			out = append(out, carriedColumn{was.Name, "t." + engine.Ident(was.Name), was.Type})
		}
	}
	return out
}

// unchanged is the statement of a model whose columns did not change: what a
// plan can say without asking the engine.
func (b *build) unchanged(n *compile.Node, r *compile.Rendered, w compile.Batch) *compile.Rendered {
	u := union{node: n, inc: *n.Increment, this: b.r.this(n.Name), dialect: b.dialect(), was: b.records[n.Name].Layout.Columns}
	if u.inc.Batches != nil {
		u.window, u.engine = w, b.r.project.Target.Type
	}
	for _, c := range u.was {
		u.now = append(u.now, engine.Column{Name: c.Name, Type: c.Type})
	}
	for _, k := range u.inc.Key {
		if _, ok := u.find(k); !ok {
			return r // an error, once it is bound
		}
	}
	return u.around(r)
}

// toldApart names the columns that must tell the rows of a run apart.
func toldApart(n *compile.Node) []string {
	switch {
	case n.Increment == nil && n.Kind == "incremental": // of a replay
		return n.Config.UniqueKey
	case n.Increment == nil:
		return nil
	case !n.Increment.Unique || slices.Equal(n.Increment.Key, n.Config.PrimaryKey): // which is verified anyway
		return nil
	}
	return n.Increment.Key
}

// this is what `this` prints.
func (r *Runner) this(name string) engine.Relation { return binding.This(r.dialect(), name) }

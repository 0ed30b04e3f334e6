package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/jinja"
	"warehouse/runner/sqltext"
)

// Hooks are the user's own statements around a model or a build. What they
// write is outside of history: no run keeps it, and no rollback takes it back.
// docs/kinds.md says when each runs, and what `this` is there.

// hooked is a binding whose templates may ask the database over c.
func hooked(b compile.Binding, c *engine.Conn, rows *binding.Hooked) compile.Binding {
	b.Query = func(ctx context.Context, sql string) ([]engine.Column, [][]any, error) {
		sql, err := rows.Rewrite(sql)
		if err != nil {
			return nil, nil, err
		}
		return queryRows(ctx, c, sql)
	}
	return b
}

// runHooks runs hooks in their order, each rendered when the one before is
// done. They may change rows, if there are such.
func (b *build) runHooks(ctx context.Context, c *engine.Conn, n *compile.Node, hooks []*compile.Hook, bind compile.Binding, rows *binding.Hooked, more map[string]jinja.Value) error {
	for _, h := range hooks {
		rendered, err := b.g.RenderHook(ctx, h, n, hooked(bind, c, rows), more)
		if err == nil {
			b.r.warn(rendered.Warnings...)
			err = sendHook(ctx, c, rows, rendered.SQL)
		}
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			return b.r.hidden(hookError(h, rendered, err))
		}
	}
	return nil
}

// sendHook runs the statements of a hook.
func sendHook(ctx context.Context, c *engine.Conn, rows *binding.Hooked, sql string) error {
	sent, err := rows.Rewrite(sql)
	if err != nil {
		return err
	}
	err = execEach(ctx, c, sent)
	var qe *engine.QueryError
	if sent != sql && errors.As(err, &qe) { // its place is in what was sent
		at := *qe
		at.SQL, at.Offset = sql, -1
		return &at
	}
	return err
}

// execEach runs the statements of a text one by one: a server takes no two at
// once, and no semicolon.
func execEach(ctx context.Context, c *engine.Conn, text string) error {
	for _, s := range sqltext.Statements(text) {
		if _, err := c.Exec(ctx, text[s.Start:s.End]); err != nil {
			return err
		}
	}
	return nil
}

// hookError is an error at the hook. That rows of a run cannot be changed is the
// likely reason where a statement would.
func hookError(h *compile.Hook, rendered *compile.Rendered, err error) error {
	var amend *binding.AmendError
	changing := errors.As(err, &amend)
	err = h.Failed(err)
	d, ok := err.(*diag.Error)
	if ok && changing {
		d.Advice = amend.Hint()
		return d
	}
	if !ok || rendered == nil || !rendered.This {
		return err
	}
	first, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(rendered.SQL)), " ")
	if slices.Contains([]string{"delete", "update", "insert", "alter", "create", "truncate", "merge", "drop", "grant", "comment", "analyze", "vacuum"}, first) {
		d.Advice = "`this` is the rows of one run, of a table that holds all runs: let the model's SELECT return them as they shall be"
	}
	return err
}

// preHooks run before a model is written, each statement by itself: `this` is
// its published rows.
func (b *build) preHooks(ctx context.Context, c *engine.Conn, t *task) error {
	if len(t.node.PreHooks) == 0 {
		return nil
	}
	if err := b.bindThis(ctx, c, t); err != nil {
		return err
	}
	return b.runHooks(ctx, c, t.node, t.node.PreHooks, b.binder, nil, nil)
}

// postHooks run those of a model that stand in its transaction, or those
// outside: `this` is the rows that the run has just written.
func (b *build) postHooks(ctx context.Context, c *engine.Conn, t *task, rec history.ModelRecord, outside bool) error {
	hooks := postHooks(t.node, outside)
	if len(hooks) == 0 {
		return nil
	}
	bind := b.binder
	if t.node.Kind == "view" {
		bind.This = bind.Ref
	} else {
		view, _, err := binding.MemoryModel(b.dialect(), rec)
		if err != nil {
			return err
		}
		bind.ThisSQL = "(" + view.Body + ")"
	}
	return b.runHooks(ctx, c, t.node, hooks, bind, nil, nil)
}

func postHooks(n *compile.Node, outside bool) []*compile.Hook {
	var hooks []*compile.Hook
	for _, h := range n.PostHooks {
		if h.Outside == outside {
			hooks = append(hooks, h)
		}
	}
	return hooks
}

// changingHooks run the post-hooks in a model's transaction, which may change
// the rows that it has just written: the record says that they did.
func (b *build) changingHooks(ctx context.Context, c *engine.Conn, t *task, rec *history.ModelRecord, createdAt time.Time) error {
	hooks := postHooks(t.node, false)
	if len(hooks) == 0 {
		return nil
	}
	rows, err := binding.NewHooked(b.dialect(), *rec, createdAt)
	if err != nil {
		return err
	}
	bind := b.binder
	bind.ThisSQL = rows.This()
	if err := b.runHooks(ctx, c, t.node, hooks, bind, rows, nil); err != nil {
		return err
	}
	if len(rows.Changed) > 0 {
		sum := sha256.Sum256([]byte(strings.Join(rows.Changed, ";\n")))
		rec.Layout.Hook = hex.EncodeToString(sum[:])
	}
	return nil
}

// changesRows says whether a model's post-hooks may change its rows: then its
// SQL and its inputs do not tell what they are.
func changesRows(n *compile.Node) bool {
	return n.Kind != "view" && slices.ContainsFunc(postHooks(n, false), (*compile.Hook).NamesThis)
}

// afterCommit says whether a model has hooks that run when its rows are there.
func afterCommit(n *compile.Node) bool {
	return slices.ContainsFunc(n.PostHooks, func(h *compile.Hook) bool { return h.Outside })
}

// startHooks run before anything is bound: they may make what models read.
func (b *build) startHooks(ctx context.Context) error {
	if len(b.g.OnRunStart) == 0 || b.replayed != nil {
		return nil
	}
	if err := binding.CreateSchemas(ctx, b.conn); err != nil {
		return err
	}
	if err := b.bindSnapshot(ctx, b.base, b.records); err != nil {
		return err
	}
	if err := b.runHooks(ctx, b.conn, nil, b.g.OnRunStart, b.binder, nil, b.runNames(false)); err != nil {
		return err
	}
	return b.fingerprints(ctx) // of what they may have written
}

// endHooks run when all is decided, whatever the answer is. A published run
// stays published.
func (b *build) endHooks(ctx context.Context) error {
	if len(b.g.OnRunEnd) == 0 || b.replayed != nil || ctx.Err() != nil {
		return nil
	}
	return b.runHooks(ctx, b.conn, nil, b.g.OnRunEnd, b.binder, nil, b.runNames(true))
}

// runNames are the names that only the hooks of a build know.
func (b *build) runNames(ended bool) map[string]jinja.Value {
	schemas := map[string]bool{}
	for _, n := range b.models {
		if n.Kind != "ephemeral" {
			schemas[publicRelation(b.g, n).Schema] = true
		}
	}
	names, pairs, results := &jinja.List{}, &jinja.List{}, &jinja.List{}
	for _, schema := range slices.Sorted(maps.Keys(schemas)) {
		names.Items = append(names.Items, schema)
		pairs.Items = append(pairs.Items, jinja.Tuple{b.dialect().Catalog(), schema})
	}
	if ended {
		for i := range b.results {
			results.Items = append(results.Items, b.hookResult(&b.results[i]))
		}
	}
	return map[string]jinja.Value{"schemas": names, "database_schemas": pairs, "results": results}
}

// hookResult is what became of a node, in the words of dbt's RunResult.
func (b *build) hookResult(n *NodeResult) jinja.Value {
	out := (&artifacts{r: b.r, g: b.g}).result(n)
	d := jinja.NewDict()
	set := func(key string, v any) { _ = d.Set(key, jinja.FromGo(v)) } // a text can always be a key
	set("status", out.Status)
	set("unique_id", out.UniqueID)
	set("thread_id", out.ThreadID)
	set("execution_time", out.ExecutionTime)
	set("adapter_response", out.AdapterResponse)
	set("message", nil)
	set("failures", nil)
	if out.Message != nil {
		set("message", *out.Message)
	}
	if out.Failures != nil {
		set("failures", *out.Failures)
	}
	timing := &jinja.List{}
	for _, t := range out.Timing {
		timing.Items = append(timing.Items, jinja.FromGo(map[string]any{"name": t.Name, "started_at": orNil(t.StartedAt), "completed_at": orNil(t.CompletedAt)}))
	}
	_ = d.Set("timing", timing)
	_ = d.Set("node", b.g.About(b.g.Nodes[n.ID]))
	return d
}

func orNil(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// OperationOptions of RunOperation.
type OperationOptions struct {
	Macro string // "name" or "package.name"
	Args  map[string]any
	Print func(msg string) // gets what the macro print()s; nil: the log does
}

// OperationError: the macro was called, and failed.
type OperationError struct{ Err error }

func (e *OperationError) Error() string { return e.Err.Error() }
func (e *OperationError) Unwrap() error { return e.Err }

// RunOperation calls a macro, which may ask and change the target: ref reads
// what is published. It makes no run; what it writes is outside of history. The
// error is an *OperationError if the macro was called.
func (r *Runner) RunOperation(ctx context.Context, o OperationOptions) error {
	g, err := r.load(ctx)
	if err != nil {
		return err
	}
	var s *session
	if r.exists() {
		s, err = r.write(ctx, "")
	} else {
		s, err = r.openSession(ctx, false, "") // without a register: nothing was built yet
	}
	if err != nil {
		return err
	}
	defer s.Close()
	bind, _, err := s.previewBinding(ctx)
	if err != nil {
		return err
	}
	bind.StartedAt = r.now().Truncate(time.Microsecond)
	if o.Print != nil {
		bind.Print = func(msg string) { o.Print(r.hide(msg)) }
	}
	args, _ := jinja.FromGo(o.Args).(*jinja.Dict)
	if args == nil {
		args = jinja.NewDict()
	}
	rendered, err := g.RunMacro(ctx, o.Macro, args, bind)
	if err == nil {
		r.warn(rendered.Warnings...)
		return nil
	}
	if _, unknown := err.(*compile.MacroError); unknown || ctx.Err() != nil {
		return err
	}
	return &OperationError{r.hidden(err)}
}

package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"warehouse/runner/binding"
	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/sqltext"
)

// LintOptions of Lint.
type LintOptions struct {
	Select, Exclude []string
	Filter          Filter
	Files           []string // SQL files besides models and data tests; they may be templates
}

// LintFinding is one thing that is wrong, or may be.
type LintFinding struct {
	diag.Error // Warn says which
	Rule       sqltext.Rule
	Node       string // the model's or data test's name; "" of a file
}

// LintReport is what Lint found.
type LintReport struct {
	Findings []LintFinding // by file and place
	Errors   int
	Nodes    int // models, data tests and files looked at
	// Untyped are models whose float aggregates could not be looked for, as
	// what they read is not there.
	Untyped []string
}

// Lint looks for reads of several runs at once: of a mart's table by its own
// name, without a filter on one run. It warns of aggregates over floats, which
// differ from build to build, and of NULL columns without a type. It reads the
// target if there is one, and changes nothing.
func (r *Runner) Lint(ctx context.Context, o LintOptions) (*LintReport, error) {
	g, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	p, failed, err := r.pick(ctx, g, wanted{include: o.Select, exclude: o.Exclude, Filter: o.Filter})
	if err != nil {
		return nil, err
	}
	if failed != nil && len(p.direct) == 0 {
		failed.Verb, failed.What = "lint", "node"
		return nil, failed
	}
	s, err := r.lintSession(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	l := &lint{session: s, g: g, report: &LintReport{}, seen: map[string]bool{}}
	if err := l.prepare(ctx); err != nil {
		return nil, err
	}
	named := !p.all
	for _, id := range g.DAG.Order() {
		n := g.Nodes[id]
		if n == nil || n.Resource == compile.Source || n.Resource == compile.Seed {
			continue
		}
		wanted := p.direct[id] || p.tests[id]
		if len(o.Files) > 0 && !named {
			wanted = false // the files alone
		}
		if err := l.node(ctx, n, wanted); err != nil {
			return nil, err
		}
	}
	for _, file := range o.Files {
		if err := l.file(ctx, file); err != nil {
			return nil, err
		}
	}
	if err := l.errs.Err(); err != nil {
		return nil, err
	}
	l.report.sort()
	return l.report, nil
}

// lintSession opens the target for reading; where there is none, or it cannot
// be read now, an empty database takes its place: syntax needs no tables.
func (r *Runner) lintSession(ctx context.Context) (*session, error) {
	s, err := r.read(ctx)
	if ctx.Err() != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	if err == nil && s.db != nil {
		return s, nil
	}
	if _, ok := r.dialect().(engine.SyntaxTreer); !ok {
		return s, err
	}
	e, err := r.engine()
	if err != nil {
		return nil, err
	}
	t := r.target(false)
	t.Path, t.TempDir = ":memory:", ""
	s = &session{r: r}
	if s.db, err = e.Open(ctx, t); err != nil {
		return nil, err
	}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

type lint struct {
	*session
	g      *compile.Graph
	binder compile.Binding
	opts   sqltext.LintOptions
	trees  engine.SyntaxTreer // nil: names only
	report *LintReport
	seen   map[string]bool // findings by place: an inlined model is met again
	errs   diag.List
}

// prepare lists the partitioned tables: of the project's models, and of models
// that the register knows.
func (l *lint) prepare(ctx context.Context) error {
	t := l.r.project.Target
	l.binder = l.r.offlineBinding()
	l.opts = sqltext.LintOptions{Catalog: l.r.dialect().Catalog(), Schema: t.StorageSchema}
	known := map[string]bool{}
	add := func(p sqltext.Partitioned) {
		key := strings.ToLower(p.Schema + "." + p.Table)
		if p.Table != "" && p.RunColumn != "" && !known[key] {
			known[key] = true
			l.opts.Tables = append(l.opts.Tables, p)
		}
	}
	for _, id := range l.g.DAG.Order() {
		n := l.g.Nodes[id]
		if n == nil || n.Resource == compile.Source || n.Test != nil || n.Kind == "view" || n.Kind == "ephemeral" {
			continue
		}
		add(sqltext.Partitioned{Model: n.Name, Schema: n.Table.Schema, Table: n.Table.Name, RunColumn: n.Config.RunIDColumn})
	}
	l.trees, _ = l.r.dialect().(engine.SyntaxTreer)
	if l.conn == nil {
		return nil
	}
	if l.reg != nil {
		_, records, err := l.live(ctx)
		if err != nil {
			return err
		}
		for _, rec := range records {
			if rec.Kind != binding.ViewKind {
				add(sqltext.Partitioned{Model: rec.Model, Schema: rec.Layout.Schema, Table: rec.Layout.Table, RunColumn: rec.Layout.RunColumn})
			}
		}
	}
	return binding.CreateSchemas(ctx, l.conn)
}

// node looks at one model or data test. What is not wanted is bound all the
// same: others read its columns.
func (l *lint) node(ctx context.Context, n *compile.Node, wanted bool) error {
	if n.Unit != nil || !wanted && n.Resource == compile.Test {
		return nil
	}
	rendered, err := l.g.Render(ctx, n, l.binder)
	if err != nil {
		if wanted {
			l.errs.Add(asDiag(err, n.File))
		}
		return ctx.Err()
	}
	var tree []byte
	if wanted {
		l.report.Nodes++
		if tree, err = l.text(ctx, rendered.SQL, n, rendered.Place); err != nil {
			return err
		}
	}
	if n.Resource != compile.Model || l.conn == nil {
		return nil
	}
	return l.types(ctx, n, rendered, tree)
}

// asDiag gives an error of a node a place, if it has none.
func asDiag(err error, file string) *diag.Error {
	var e *diag.Error
	if errors.As(err, &e) {
		return e
	}
	return &diag.Error{Pos: diag.Pos{File: file}, Msg: err.Error(), Err: err}
}

// placer leads from a byte of SQL to the user's file.
type placer func(off int) (diag.Pos, string, []diag.Frame, bool)

// text looks at one SQL text, and returns its syntax tree, or nil.
func (l *lint) text(ctx context.Context, sql string, n *compile.Node, place placer) ([]byte, error) {
	if l.r.project.Target.Type == "trino" {
		l.add(sqltext.LintEngines(sql), sql, n, place)
	}
	tree, err := l.tree(ctx, sql)
	if err != nil {
		return nil, err
	}
	if tree == nil {
		l.add(sqltext.LintText(sql, l.opts), sql, n, place)
		return nil, nil
	}
	found, err := sqltext.Lint(sql, tree, l.opts)
	if err != nil {
		return nil, err
	}
	l.add(found, sql, n, place)
	return tree, nil
}

func (l *lint) tree(ctx context.Context, sql string) ([]byte, error) {
	if l.trees == nil || l.conn == nil {
		return nil, nil
	}
	tree, err := l.trees.SyntaxTree(ctx, l.conn, sql)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	return tree, err
}

// types binds a model, looks for aggregates over floats, and puts an empty view
// in its place for its readers.
func (l *lint) types(ctx context.Context, n *compile.Node, rendered *compile.Rendered, tree []byte) error {
	columns, err := l.conn.Describe(ctx, rendered.SQL)
	if err != nil {
		if tree != nil {
			l.report.Untyped = append(l.report.Untyped, n.Name)
		}
		return ctx.Err()
	}
	if tree != nil {
		bound, err := l.trees.BoundTree(ctx, l.conn, rendered.SQL)
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		if err == nil {
			found, err := sqltext.LintFloats(rendered.SQL, tree, bound)
			if err != nil {
				return err
			}
			l.add(found, rendered.SQL, n, rendered.Place)
		} else {
			l.report.Untyped = append(l.report.Untyped, n.Name)
		}
	}
	if n.Kind == "ephemeral" {
		return nil
	}
	if err := binding.Put(ctx, l.conn, binding.StandIn(l.dialect(), n.Name, columns)); err != nil && ctx.Err() != nil {
		return err
	}
	return nil
}

// file looks at a SQL file that is no model.
func (l *lint) file(ctx context.Context, name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return &UsageError{Msg: err.Error()}
	}
	text := strings.TrimPrefix(string(b), "\ufeff")
	shown := filepath.ToSlash(name)
	l.report.Nodes++
	for _, s := range sqltext.Statements(text) {
		if err := l.statement(ctx, shown, text, s); err != nil {
			return err
		}
	}
	return nil
}

// statement looks at one statement of a file.
func (l *lint) statement(ctx context.Context, file, text string, s sqltext.Span) error {
	line, col := diag.Locate(text, s.Start)
	move := func(pos diag.Pos) diag.Pos {
		if pos.File != "inline" {
			return pos
		}
		if pos.Line == 1 {
			pos.Col += col - 1
		}
		pos.File, pos.Line = file, pos.Line+line-1
		return pos
	}
	rendered, err := l.g.RenderText(ctx, text[s.Start:s.End], l.binder)
	if err != nil {
		e := *asDiag(err, "inline")
		e.Pos = move(e.Pos)
		l.errs.Add(&e)
		return ctx.Err()
	}
	place := func(off int) (diag.Pos, string, []diag.Frame, bool) {
		pos, line, frames, ok := rendered.Place(off)
		if pos.File == "inline" {
			pos = move(pos)
			line = diag.LineAt(text, pos.Line)
		}
		return pos, line, frames, ok
	}
	_, err = l.text(ctx, rendered.SQL, &compile.Node{Config: compile.NoConfig, File: file, Resource: "file"}, place)
	return err
}

// add turns findings into errors and warnings at their places.
func (l *lint) add(found []sqltext.Finding, sql string, n *compile.Node, place placer) {
	for _, f := range found {
		if f.Rule != sqltext.UnfilteredRead && n.Resource != compile.Model {
			continue // a data test's result is counted, not stored
		}
		e := describeFinding(f)
		e.Pos = diag.Pos{File: n.File}
		if f.Start >= 0 {
			if pos, line, frames, ok := place(f.Start); ok {
				e.Pos, e.Source, e.Trace = pos, line, frames
				e.Span = max(1, utf8.RuneCountInString(sql[f.Start:f.End]))
				if written := sql[f.Start:f.End]; !strings.Contains(line, written) {
					e.Span = 1 // a template printed it
				}
			}
		}
		key := fmt.Sprint(e.Pos, f.Rule, e.Msg)
		if l.seen[key] {
			continue
		}
		l.seen[key] = true
		if !e.Warn {
			l.report.Errors++
		}
		l.report.Findings = append(l.report.Findings, LintFinding{Error: e, Rule: f.Rule, Node: n.Name})
	}
}

func describeFinding(f sqltext.Finding) diag.Error {
	switch f.Rule {
	case sqltext.UnfilteredRead:
		return diag.Error{Msg: fmt.Sprintf("this reads the rows of all runs of %s, counted together", f.Table.Model),
			Advice: fmt.Sprintf("write {{ ref('%s') }}, which is one run; or filter the table to one: where %s = '…'", f.Table.Model, f.Table.RunColumn)}
	case sqltext.UntypedNull:
		return diag.Error{Warn: true, Msg: fmt.Sprintf("the column %s is NULL without a type: the engine chooses one", f.Name),
			Advice: "say which: cast(null as varchar)"}
	case sqltext.Division:
		return diag.Error{Warn: true, Msg: "a division of integers is an integer on Trino and a fraction on DuckDB, and one of decimals has their scale on Trino: 1 / 2 is 0, 1.0 / 3 is 0.3",
			Advice: "cast one side: cast(a as double) / b; or write numbers as 1e0"}
	case sqltext.NullArgument:
		return diag.Error{Warn: true, Msg: fmt.Sprintf("%s of a NULL and something else is NULL on Trino; DuckDB leaves the NULL out", f.Name),
			Advice: "say what a NULL counts as: coalesce(a, …)"}
	case sqltext.Weekday:
		return diag.Error{Warn: true, Msg: fmt.Sprintf("%s of a Sunday is 7 on Trino and 0 on DuckDB", f.Name),
			Advice: "write it as a remainder of 7, which is 0 for Sunday on both"}
	case sqltext.DateDiff:
		return diag.Error{Warn: true, Msg: "date_diff counts whole units on Trino, and crossed boundaries on DuckDB",
			Advice: "write {{ dbt.datediff(a, b, 'month') }}, which counts boundaries on both"}
	case sqltext.RegexpReplace:
		return diag.Error{Warn: true, Msg: "regexp_replace replaces all matches on Trino, and the first on DuckDB",
			Advice: "anchor the pattern, so that it matches once, or let each engine have its own macro (adapter.dispatch)"}
	}
	return diag.Error{Warn: true, Msg: fmt.Sprintf("%s over floating point numbers is not the same bits in every build", f.Name),
		Advice: "cast to DECIMAL where the last digits are to be compared"}
}

func (r *LintReport) sort() {
	slices.SortStableFunc(r.Findings, func(a, b LintFinding) int {
		if c := strings.Compare(a.Pos.File, b.Pos.File); c != 0 {
			return c
		}
		if a.Pos.Line != b.Pos.Line {
			return a.Pos.Line - b.Pos.Line
		}
		return a.Pos.Col - b.Pos.Col
	})
}

package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"warehouse/runner/binding"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/sqltext"
)

// QueryOptions of Query.
type QueryOptions struct {
	SQL   string
	Run   string // run spec that unqualified names are read from; "" is latest
	Limit int    // rows at most; 0: no limit
}

// Query runs one SELECT, read-only. head gets the columns, then row each row
// as text (nil is NULL), as the engine casts it. An error of theirs ends it.
//
// An unqualified mart is one run of it: the search path is the binding of Run,
// then the storage schema.
func (r *Runner) Query(ctx context.Context, o QueryOptions, head func([]engine.Column) error, row func([]*string) error) error {
	s, err := r.read(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if s.db == nil {
		return r.noTarget()
	}
	sql := sqltext.TrimTerminator(o.SQL)
	if err := s.bindQuery(ctx, o.Run, sql); err != nil {
		return err
	}
	if c, ok := s.dialect().(engine.StatementChecker); ok {
		if err := c.CheckSelect(ctx, s.conn, sql); err != nil {
			return inQuery(err, sql)
		}
	}
	if err := s.warnUnfiltered(ctx, o.Run, sql); err != nil {
		return err
	}
	return inQuery(s.stream(ctx, asSelect(sql), o.Limit, head, row), sql)
}

// asSelect makes a SELECT of the words that list tables or columns, which an
// engine takes for one by themselves but not in parentheses.
func asSelect(sql string) string {
	switch strings.ToUpper(sqltext.FirstKeyword(sql)) {
	case "DESCRIBE", "DESC", "SHOW", "SUMMARIZE":
		return "SELECT * FROM (\n" + sql + "\n)"
	}
	return sql
}

// refuseAmbiguous refuses a query that names a table by an alias alone which
// several marts have, in different schemas, and none in the target's own.
func (s *session) refuseAmbiguous(ctx context.Context, sql string, records map[string]history.ModelRecord) error {
	byAlias, shown := map[string][]string{}, map[string]bool{}
	for name, rec := range records {
		if l := rec.Layout; l.Shown == "" {
			shown[strings.ToLower(cmp.Or(l.Table, name))] = true
		} else {
			shown[strings.ToLower(l.Shown)] = true
			alias := strings.ToLower(l.Table)
			byAlias[alias] = append(byAlias[alias], l.Shown)
		}
	}
	for _, name := range sqltext.Names(sql) {
		alias := strings.ToLower(name.Parts[0])
		if len(name.Parts) > 1 || len(byAlias[alias]) == 0 || shown[alias] || !s.readsTable(ctx, sql, alias) {
			continue
		}
		slices.Sort(byAlias[alias])
		return &UsageError{Msg: fmt.Sprintf("%s is ambiguous: it is the alias of %s", name.Parts[0], strings.Join(byAlias[alias], ", ")),
			Advice: "name the model: from " + byAlias[alias][0]}
	}
	return nil
}

// readsTable says whether a query reads a table by this one name, in lower
// case; true where the engine does not tell.
func (s *session) readsTable(ctx context.Context, sql, name string) bool {
	trees, ok := s.dialect().(engine.SyntaxTreer)
	if !ok {
		return true
	}
	tree, err := trees.SyntaxTree(ctx, s.conn, sql)
	if err != nil {
		return true
	}
	uses, err := sqltext.UsesOf(tree)
	return err != nil || slices.Contains(uses.Tables, name)
}

// bindQuery binds the marts of a run that the query's text could name, and
// puts them in front of the search path.
func (s *session) bindQuery(ctx context.Context, spec, sql string) error {
	if s.reg == nil {
		if spec != "" {
			_, err := s.resolve(ctx, spec)
			return err
		}
		return nil
	}
	snap, err := s.resolve(ctx, spec)
	if err != nil {
		if spec == "" {
			return nil // nothing is published: only plain tables can be read
		}
		return err
	}
	records, err := s.reg.Records(ctx, s.conn, snap)
	if err != nil {
		return err
	}
	w := &work{base: snap, records: records, names: map[string]bool{}, bound: map[string]bool{}}
	named := map[string]bool{}
	for _, chain := range sqltext.Names(sql) {
		for _, part := range chain.Parts {
			named[strings.ToLower(part)] = true
		}
	}
	for name, rec := range records {
		if named[strings.ToLower(name)] || named[strings.ToLower(rec.Layout.Table)] {
			w.bound[name] = true
			w.closure(name)
		}
	}
	if err := s.refuseAmbiguous(ctx, sql, records); err != nil {
		return err
	}
	if err := s.sayBorrowed(ctx, w); err != nil {
		return err
	}
	views, err := binding.Memory(s.dialect(), w.baseSnapshot(), records)
	if err != nil {
		return err
	}
	if err := binding.CreateSchemas(ctx, s.conn); err != nil {
		return err
	}
	if err := binding.Create(ctx, s.conn, views); err != nil {
		return err
	}
	// A two-part name finds its schema only where that is in the path itself.
	schemas, err := binding.Schemas(ctx, s.conn)
	if err != nil {
		return err
	}
	d, storage := s.dialect(), s.r.project.Target.StorageSchema
	path := []engine.Relation{binding.Shown(d, ""), {Database: d.Catalog(), Schema: storage}}
	for _, name := range slices.Sorted(maps.Values(schemas)) {
		if !strings.EqualFold(name, storage) {
			path = append(path, engine.Relation{Database: d.Catalog(), Schema: name})
		}
	}
	err = s.conn.SearchPath(ctx, path...)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// warnUnfiltered warns where a query reads the rows of all runs of a mart at
// once, as lint does of models.
func (s *session) warnUnfiltered(ctx context.Context, spec, sql string) error {
	if s.reg == nil {
		return nil
	}
	runs, err := s.reg.Runs(ctx, s.conn, 1)
	if err != nil || len(runs) == 0 {
		return err
	}
	records, err := s.reg.Models(ctx, s.conn, runs[0].ID)
	if err != nil {
		return err
	}
	shown := map[string]bool{} // by a name without a schema: one run
	for _, spec := range []string{"", spec} {
		snap, err := s.resolve(ctx, spec)
		if err != nil {
			continue // nothing is published; an unknown run was refused before
		}
		recs, err := s.reg.Records(ctx, s.conn, snap)
		if err != nil {
			return err
		}
		clear(shown)
		for name, rec := range recs {
			shown[strings.ToLower(name)] = true
			records = append(records, rec)
		}
	}
	o := sqltext.LintOptions{Catalog: s.dialect().Catalog(), Grouped: true}
	for _, rec := range records {
		l := rec.Layout
		if rec.Kind == binding.ViewKind || l.Table == "" || l.RunColumn == "" {
			continue
		}
		p := sqltext.Partitioned{Model: rec.Model, Schema: l.Schema, Table: l.Table, RunColumn: l.RunColumn}
		o.Tables = append(o.Tables, p)
		if !shown[strings.ToLower(l.Table)] {
			p.Schema = ""
			o.Tables = append(o.Tables, p)
		}
	}
	found, err := s.lintQuery(ctx, sql, o)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Rule != sqltext.UnfilteredRead {
			continue
		}
		e := describeFinding(f)
		e.Warn = true
		e.Advice = fmt.Sprintf("%s without a schema is one run, latest.%[1]s the published one; or filter the table: where %s = '…'", f.Table.Model, f.Table.RunColumn)
		if f.Start >= 0 {
			line, col := diag.Locate(sql, f.Start)
			e.Pos, e.Source = diag.Pos{File: "query", Line: line, Col: col}, diag.LineAt(sql, line)
			e.Span = max(1, utf8.RuneCountInString(sql[f.Start:f.End]))
		}
		s.r.warn(&e)
	}
	return nil
}

// lintQuery is sqltext.Lint of a text that the engine can show the tree of, and
// LintText of any other.
func (s *session) lintQuery(ctx context.Context, sql string, o sqltext.LintOptions) ([]sqltext.Finding, error) {
	trees, ok := s.dialect().(engine.SyntaxTreer)
	if !ok {
		return sqltext.LintText(sql, o), nil
	}
	tree, err := trees.SyntaxTree(ctx, s.conn, sql)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil: // DESCRIBE, SHOW: what is wrong with it is said when it runs
		return sqltext.LintText(sql, o), nil
	}
	return sqltext.Lint(sql, tree, o)
}

// sayBorrowed warns that a run did not build what is read as its own: those
// marts come from what it was built upon.
func (s *session) sayBorrowed(ctx context.Context, w *work) error {
	if w.base.Publication != 0 {
		return nil // a publication shows many runs on purpose
	}
	run, err := s.reg.Run(ctx, s.conn, w.base.Run)
	if err != nil || run.Status == history.Success {
		return err
	}
	var names []string
	for name := range w.bound {
		if w.base.Marts[name] != run.ID {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		s.r.warn(&diag.Error{Warn: true, Msg: fmt.Sprintf("r%d is %s and did not build %s: the rows are those of the run that it was built upon", run.Seq, run.Status, strings.Join(names, ", "))})
	}
	return nil
}

// stream reads a SELECT's rows as text.
func (s *session) stream(ctx context.Context, sql string, limit int, head func([]engine.Column) error, row func([]*string) error) error {
	cols, err := s.conn.Describe(ctx, sql)
	if err != nil {
		return err
	}
	if err := head(cols); err != nil {
		return err
	}
	aliases, casts := make([]string, len(cols)), make([]string, len(cols))
	for i := range cols {
		aliases[i] = engine.Ident(fmt.Sprintf("c%d", i))
		casts[i] = fmt.Sprintf("CAST(%s AS %s)", aliases[i], s.dialect().Types().Text)
	}
	q := fmt.Sprintf("SELECT %s FROM (\n%s\n) AS q(%s)", strings.Join(casts, ", "), sql, strings.Join(aliases, ", "))
	if limit > 0 {
		q += fmt.Sprintf(" LIMIT %d", limit)
	}
	rows, err := s.conn.Query(ctx, q)
	if err != nil {
		return err
	}
	defer rows.Close()
	vals, dest := make([]*string, len(cols)), make([]any, len(cols))
	for i := range vals {
		dest[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := row(vals); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.conn.Explain(err, q)
	}
	return nil
}

// inQuery gives an error its place in the text that was typed.
func inQuery(err error, sql string) error {
	if err == nil {
		return nil
	}
	return placedIn(err, "query", sql)
}

package history

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"warehouse/runner/engine"
)

// Writes of state tables. Where the engine has transactions, a row is inserted,
// updated and deleted as usual. Where state is only added to (engine.Appender),
// a table whose rows change is a log, "run_tag_log", with a version and a mark
// for rows that are gone, and a view under the table's own name shows the newest
// version of each row: so every SELECT is one text for all engines, and a change
// is an INSERT of what the view shows, changed.

const (
	logSuffix     = "_log"
	versionColumn = "version"
	deletedColumn = "deleted"
	martsColumn   = "marts" // of run_publication, where it is one row with its whole snapshot
)

// tries is how often an addition is repeated when another client added the same
// number at the same time. Each time one of them succeeds.
const tries = 30

// appender returns what the engine's state is written with, nil if it has
// transactions.
func appender(c *engine.Conn) engine.Appender {
	a, _ := c.DB().Dialect().(engine.Appender)
	return a
}

// changes says whether rows of the table change after they were added.
func (t table[T]) changes() bool { return len(t.identity) > 0 }

// logOf is where the versions of a table's rows are.
func logOf(rel engine.Relation) engine.Relation {
	rel.Name += logSuffix
	return rel
}

// createLog returns the statements that make a table on an engine whose state
// is only added to: the table, or its log and its view.
func (t table[T]) createLog(d engine.Dialect, rel engine.Relation) []string {
	def := engine.Table{Relation: rel}
	for _, f := range t.fields {
		def.Columns = append(def.Columns, engine.Column{Name: f.name, Type: f.kind.typeOf(d.Types())})
	}
	if !t.changes() {
		return []string{d.CreateTable(def)}
	}
	def.Relation = logOf(rel)
	def.Columns = append(def.Columns, engine.Column{Name: versionColumn, Type: d.Types().Int}, engine.Column{Name: deletedColumn, Type: d.Types().Bool})
	view := fmt.Sprintf("CREATE OR REPLACE VIEW %s AS\nSELECT %s FROM (\n  SELECT %s, %s, row_number() OVER (PARTITION BY %s ORDER BY %s DESC) AS newest\n  FROM %s\n) AS v\nWHERE newest = 1 AND NOT %s",
		rel, t.names(), t.names(), deletedColumn, engine.Idents(t.identity), versionColumn, def.Relation, deletedColumn)
	return []string{d.CreateTable(def), view}
}

// nextVersion is greater than all versions of a log.
func nextVersion(log engine.Relation) string {
	return fmt.Sprintf("(SELECT coalesce(max(%s), 0) + 1 FROM %s)", versionColumn, log)
}

// values is a SELECT of rows that come as one JSON parameter.
func (t table[T]) values(a engine.Appender, types engine.Types, more ...string) string {
	list := make([]string, len(t.fields))
	for i, f := range t.fields {
		text := fmt.Sprintf("r[%d]", i+1)
		if f.kind == at {
			list[i] = a.ParseTime(text)
		} else {
			list[i] = fmt.Sprintf("CAST(%s AS %s)", text, f.kind.typeOf(types))
		}
	}
	return "SELECT " + strings.Join(append(list, more...), ", ") + " FROM " + a.JSONRows()
}

// statementText is how many bytes of rows go into one statement: servers bound a
// statement's text, parameters included.
const statementText = 500_000

// chunks are rows as JSON texts, each of a size that one statement can hold.
func chunks(rows [][]any) []string {
	var out []string
	var b strings.Builder
	for _, row := range rows {
		text := jsonRow(row)
		if b.Len() > 0 && b.Len()+len(text) > statementText {
			out = append(out, b.String()+"]")
			b.Reset()
		}
		if b.Len() == 0 {
			b.WriteByte('[')
		} else {
			b.WriteByte(',')
		}
		b.WriteString(text)
	}
	return append(out, b.String()+"]")
}

func jsonRow(row []any) string {
	var b strings.Builder
	sep := byte('[')
	for _, v := range row {
		b.WriteByte(sep)
		sep = ','
		switch v := v.(type) {
		case nil:
			b.WriteString("null")
		case time.Time:
			b.WriteString(quoteJSON(v.UTC().Format("2006-01-02 15:04:05.000000 UTC")))
		default:
			b.WriteString(quoteJSON(fmt.Sprint(v)))
		}
	}
	b.WriteByte(']')
	return b.String()
}

// appendRows adds rows, or versions of rows.
func (t table[T]) appendRows(ctx context.Context, c *engine.Conn, a engine.Appender, rel engine.Relation, rows [][]any) error {
	into, more := t.names(), []string(nil)
	if t.changes() {
		rel = logOf(rel)
		into += ", " + versionColumn + ", " + deletedColumn
		more = []string{nextVersion(rel), "false"}
	}
	for _, text := range chunks(rows) {
		q := "INSERT INTO " + rel.String() + " (" + into + ") " + t.values(a, c.DB().Dialect().Types(), more...)
		if _, err := c.Exec(ctx, q, text); err != nil {
			return err
		}
	}
	return nil
}

// insertNew adds one row whose number seq nobody has yet, where it competes with
// other clients: make is asked for the row, again each time another was faster.
func (t table[T]) insertNew(ctx context.Context, c *engine.Conn, a engine.Appender, rel engine.Relation, make func() (T, error)) error {
	into, more := t.columns(), []string(nil)
	if t.changes() {
		rel = logOf(rel)
		into = append(into, versionColumn, deletedColumn)
		more = []string{nextVersion(rel), "false"}
	}
	q := a.InsertNew(rel, []string{"seq"}, into, t.values(a, c.DB().Dialect().Types(), more...))
	return repeated(ctx, func() (bool, error) {
		row, err := make()
		if err != nil {
			return false, err
		}
		cells, err := t.encode([]T{row})
		if err != nil {
			return false, err
		}
		n, err := c.Exec(ctx, q, chunks(cells)[0])
		return n > 0, err
	})
}

// repeated calls f until it has done its work, another client not having been
// faster.
func repeated(ctx context.Context, f func() (done bool, err error)) error {
	for i := range tries {
		done, err := f()
		var qe *engine.QueryError
		conflict := errors.As(err, &qe) && qe.Kind == engine.KindConflict
		if err != nil && !conflict || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(i+1) * 20 * time.Millisecond):
		}
	}
	return fmt.Errorf("other clients write the register all the time: gave up after %d tries", tries)
}

func (t table[T]) columns() []string {
	n := make([]string, len(t.fields))
	for i, f := range t.fields {
		n[i] = f.name
	}
	return n
}

// setting is a column and its new value.
type setting struct {
	column string
	value  any // as encode returns it
}

// update changes columns of the rows for which where is true, and returns how
// many those are.
func (t table[T]) update(ctx context.Context, c *engine.Conn, rel engine.Relation, set []setting, where string, args ...any) (int64, error) {
	values := make([]any, 0, len(set)+len(args))
	for _, s := range set {
		values = append(values, s.value)
	}
	if appender(c) == nil {
		list := make([]string, len(set))
		for i, s := range set {
			list[i] = engine.Ident(s.column) + " = ?"
		}
		return c.Exec(ctx, "UPDATE "+rel.String()+" SET "+strings.Join(list, ", ")+" WHERE "+where, append(values, args...)...)
	}
	types := c.DB().Dialect().Types()
	list := make([]string, len(t.fields))
	for i, f := range t.fields {
		list[i] = engine.Ident(f.name)
	}
	// Parameters go by their place in the text: those of set must come in the
	// order of the columns.
	values = values[:0]
	for i, f := range t.fields {
		for _, s := range set {
			if s.column == f.name {
				list[i] = "CAST(? AS " + f.kind.typeOf(types) + ")"
				values = append(values, s.value)
			}
		}
	}
	return t.newVersion(ctx, c, rel, list, "false", where, append(values, args...))
}

// remove removes the rows for which where is true, and returns how many.
func (t table[T]) remove(ctx context.Context, c *engine.Conn, rel engine.Relation, where string, args ...any) (int64, error) {
	if appender(c) == nil {
		return c.Exec(ctx, "DELETE FROM "+rel.String()+" WHERE "+where, args...)
	}
	list := make([]string, len(t.fields))
	for i, f := range t.fields {
		list[i] = engine.Ident(f.name)
	}
	return t.newVersion(ctx, c, rel, list, "true", where, args)
}

func (t table[T]) newVersion(ctx context.Context, c *engine.Conn, rel engine.Relation, list []string, deleted, where string, args []any) (int64, error) {
	log := logOf(rel)
	return c.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s, %s, %s) SELECT %s, %s, %s FROM %s WHERE %s",
		log, t.names(), versionColumn, deletedColumn, strings.Join(list, ", "), nextVersion(log), deleted, rel, where), args...)
}

// listed is a condition: a column is among the texts of a JSON parameter.
func listed(c *engine.Conn, column string) string {
	if a := appender(c); a != nil {
		return column + " IN (SELECT v FROM " + a.JSONTexts() + ")"
	}
	return column + ` IN (SELECT unnest(from_json(CAST(? AS VARCHAR), '["VARCHAR"]')))`
}

// StateTables are the tables that the register is kept in; where state is only
// added to, the logs.
func (r *Register) StateTables(c *engine.Conn) []engine.Relation {
	out := []engine.Relation{r.relation(publication.name)}
	for _, t := range []struct {
		name    string
		changes bool
	}{{manifest.name, manifest.changes()}, {manifestModel.name, manifestModel.changes()}, {manifestTest.name, manifestTest.changes()},
		{tag.name, tag.changes()}, {ledger.name, ledger.changes()}, {bindingTable.name, bindingTable.changes()}, {stateTable.name, stateTable.changes()}} {
		rel := r.relation(t.name)
		if appender(c) != nil && t.changes {
			rel = logOf(rel)
		}
		out = append(out, rel)
	}
	return out
}

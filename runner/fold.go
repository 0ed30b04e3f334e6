package runner

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/mart"
)

// A snapshot's run is whole, as that of an incremental model: the published
// rows, the ends of those that changed, and the new ones, in one statement,
// which is what the register keeps and a replay runs. The time of the run is
// written into it. The rules are those of dbt's macros
// (dbt-adapters, macros/materializations/snapshots).

// Names of columns that stand in the statement alone.
const (
	foldKey  = "dbt_unique_key_%d"
	foldAt   = "dbt_source_updated_at"
	foldID   = "dbt_source_scd_id"
	foldLive = "dbt_is_live"
	foldHere = "dbt_is_here"
)

// fold writes the statement of a snapshot around its SELECT.
type fold struct {
	union // now: the columns of the SELECT, and those that are added
	h     *compile.History
	own   []engine.Column // of the SELECT
	at    string          // the time of the run: text of a literal
	tz    string          // the same with its zone
}

func (b *build) newFold(n *compile.Node, own []engine.Column) fold {
	at := b.r.now()
	if !b.run.StartedAt.IsZero() {
		at = b.run.StartedAt
	}
	d := b.dialect()
	return fold{h: n.Snapshot, own: own, at: "TIMESTAMP " + engine.Literal(at.UTC().Format("2006-01-02 15:04:05.000000")), tz: d.TimeLiteral(at),
		union: union{node: n, inc: compile.Increment{KeepColumns: true}, this: b.r.this(n.Name), dialect: d}}
}

// foldSnapshot puts the published rows into the SQL of a snapshot, and leaves
// its columns in the task.
func (b *build) foldSnapshot(ctx context.Context, c *engine.Conn, t *task) error {
	own, err := c.Describe(ctx, t.rendered.SQL)
	if err == nil {
		err = mart.CheckColumns(own)
	}
	if err != nil {
		return placed(err, t.node, t.rendered)
	}
	f := b.newFold(t.node, own)
	if err := f.check(); err != nil {
		return err
	}
	first := f.first(t.rendered)
	all, err := c.Describe(ctx, first.SQL)
	if err != nil {
		return placed(err, t.node, first)
	}
	t.columns = all
	if !b.hasThis(t.node) {
		t.rendered = first
		return nil
	}
	if err := b.bindThis(ctx, c, t); err != nil {
		return err
	}
	f.now, f.was = all, b.records[t.node.Name].Layout.Columns
	if err := f.checkPublished(); err != nil {
		return err
	}
	if err := f.checkTypes(ctx, c); err != nil {
		return err
	}
	t.rendered = f.around(t.rendered)
	t.columns = f.columns()
	return nil
}

// columns are those of the statement.
func (f fold) columns() []engine.Column {
	out := f.now
	for _, old := range f.carried() {
		if _, ok := f.find(old.name); !ok {
			out = append(out[:len(out):len(out)], engine.Column{Name: old.name, Type: old.typ})
		}
	}
	return out
}

// plainName matches what can only be the name of a column.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (f fold) has(name string) bool { return f.nameIn(f.own, name) != "" }

// nameIn is a column's name as it is spelled there, "" if there is none.
func (f fold) nameIn(columns []engine.Column, name string) string {
	for _, c := range columns {
		if strings.EqualFold(c.Name, name) {
			return c.Name
		}
	}
	return ""
}

// check looks for what the config names in the SELECT.
func (f fold) check() error {
	named := map[string][]string{"unique_key": f.h.Key, "check_cols": f.h.Check}
	if f.h.UpdatedAt != "" {
		named["updated_at"] = []string{f.h.UpdatedAt}
	}
	for _, key := range []string{"unique_key", "updated_at", "check_cols"} {
		for _, name := range named[key] {
			if f.has(name) || key != "check_cols" && !plainName.MatchString(name) {
				continue
			}
			var all []string
			for _, c := range f.own {
				all = append(all, c.Name)
			}
			advice := "add it to the SELECT, or change " + key
			if near := diag.Nearest(name, all); near != "" {
				advice = fmt.Sprintf("did you mean %s?", near)
			}
			return f.fail(advice, "the column %s of %s is not in the SELECT", name, key)
		}
	}
	for _, name := range f.h.Columns() {
		if f.has(name) {
			return f.fail("rename it in the SELECT, or the added one: snapshot_meta_column_names", "the SELECT returns a column %s, which a snapshot adds itself", name)
		}
	}
	return nil
}

// checkPublished looks for the added columns in the published run, which may
// have been built under other names.
func (f fold) checkPublished() error {
	for _, name := range []string{f.h.ScdID, f.h.Updated, f.h.From, f.h.To} {
		if _, ok := f.before(name); !ok {
			return f.fail("set snapshot_meta_column_names to what the columns were called", "the published run has no column %s", name)
		}
	}
	for _, k := range f.h.Key {
		if _, ok := f.before(k); !ok && f.has(k) {
			return f.fail("its rows cannot be told apart by it: build the snapshot under another name", "the published run has no column %s of unique_key", k)
		}
	}
	return nil
}

// sql is a text of the config: a column of the SELECT, or an expression.
func (f fold) sql(alias, text string) string {
	if name := f.nameIn(f.own, text); name != "" {
		return alias + "." + engine.Ident(name)
	}
	return "(" + text + ")"
}

func (f fold) keys(alias string) []string {
	var out []string
	for _, k := range f.h.Key {
		out = append(out, f.sql(alias, k))
	}
	return out
}

// time is the time of the run in a type.
func (f fold) time(typ string) string {
	if strings.Contains(strings.ToUpper(typ), "ZONE") || strings.EqualFold(typ, "TIMESTAMPTZ") {
		return "CAST(" + f.tz + " AS " + typ + ")"
	}
	return "CAST(" + f.at + " AS " + typ + ")"
}

// updated is when a row of the SELECT began to hold.
func (f fold) updated(alias string) string {
	if f.h.UpdatedAt == "" {
		return f.at
	}
	return f.sql(alias, f.h.UpdatedAt)
}

// digest is dbt's snapshot_hash_arguments.
func (f fold) digest(args ...string) string {
	text := f.dialect.Types().Text
	var parts []string
	for _, a := range args {
		parts = append(parts, fmt.Sprintf("coalesce(CAST(%s AS %s), '')", a, text))
	}
	joined := strings.Join(parts, " || '|' || ")
	if d, ok := f.dialect.(engine.Digester); ok {
		return d.MD5(joined)
	}
	return joined
}

// scdID is the id of a row of the SELECT.
func (f fold) scdID(alias string) string {
	return f.digest(append(f.keys(alias), f.updated(alias))...)
}

// once is an expression over the rows of the SELECT that fails where two have
// one key.
func (f fold) once(alias, expr string) string {
	msg := fmt.Sprintf("snapshot %s: two rows of its SELECT have the same unique_key (%s)", f.node.Name, strings.Join(f.h.Key, ", "))
	return fmt.Sprintf("CASE WHEN count(*) OVER (PARTITION BY %s) > 1 THEN %s ELSE %s END", strings.Join(f.keys(alias), ", "), f.dialect.Fail(msg), expr)
}

// current is what dbt_valid_to is of a row that holds, in the type of at.
func (f fold) current(at string) string {
	to := "NULL"
	if f.h.Current != "" {
		to = "(" + f.h.Current + ")"
	}
	return fmt.Sprintf("coalesce(nullif(%s, %[1]s), %s)", at, to)
}

// first is the statement of a snapshot that has no published rows.
func (f fold) first(r *compile.Rendered) *compile.Rendered {
	at := f.updated("s")
	cols := []string{"s.*", f.once("s", f.scdID("s")) + " AS " + engine.Ident(f.h.ScdID), at + " AS " + engine.Ident(f.h.Updated), at + " AS " + engine.Ident(f.h.From),
		f.current(at) + " AS " + engine.Ident(f.h.To)}
	if f.h.Mark {
		cols = append(cols, "'False' AS "+engine.Ident(f.h.Deleted))
	}
	return r.Around("-- the first rows of this snapshot\nWITH this_run AS (\n", "\n)\nSELECT "+strings.Join(cols, ",\n    ")+"\nFROM this_run AS s")
}

// around is the statement of a snapshot that has published rows.
func (f fold) around(r *compile.Rendered) *compile.Rendered {
	head := "WITH this_run AS (\n"
	if m, ok := f.dialect.(engine.NameJoiner); ok {
		head = "WITH this_run AS " + m.Materialized() + "(\n"
	}
	var tail strings.Builder
	fmt.Fprintf(&tail, "\n), incoming AS (\n    SELECT s.*, %s,\n        %s AS %s, %s AS %s, %s AS %s\n    FROM this_run AS s\n)", f.keyed("s"),
		f.updated("s"), foldAt, f.scdID("s"), foldID, f.once("s", "true"), foldHere)
	fmt.Fprintf(&tail, ", published AS (\n    SELECT %s,\n        %s, %s AS %s, true AS %s\n    FROM %s AS t\n)", strings.Join(f.stored(), ", "),
		f.keyed("t"), f.live(), foldLive, foldHere, f.this)
	tail.WriteString("\n" + strings.Join(f.parts(), "\nUNION ALL\n"))
	return r.Around("-- the published rows of this snapshot, and what changed since\n"+head, tail.String())
}

// keyed are the keys of a row under names of their own.
func (f fold) keyed(alias string) string {
	var out []string
	for i, k := range f.h.Key {
		expr := f.sql(alias, k)
		if was, ok := f.before(k); ok && alias == "t" {
			expr = f.value(was)
		}
		out = append(out, expr+" AS "+fmt.Sprintf(foldKey, i+1))
	}
	return strings.Join(out, ", ")
}

// stored are the published columns, in the types that they have now.
func (f fold) stored() []string {
	var out []string
	for _, c := range f.carried() {
		out = append(out, c.expr+" AS "+engine.Ident(c.name))
	}
	if _, ok := f.before(f.h.Deleted); f.h.Mark && !ok {
		out = append(out, "'False' AS "+engine.Ident(f.h.Deleted))
	}
	return out
}

// live is true of published rows that hold.
func (f fold) live() string {
	to := "t." + engine.Ident(f.h.To)
	if f.h.Current == "" {
		return to + " IS NULL"
	}
	return fmt.Sprintf("coalesce(%s = (%s), true)", to, f.h.Current)
}

func (f fold) sameKey() string {
	var out []string
	for i := range f.h.Key {
		k := fmt.Sprintf(foldKey, i+1)
		out = append(out, fmt.Sprintf("p.%s IS NOT DISTINCT FROM i.%s", k, k))
	}
	return strings.Join(out, " AND ")
}

// changed is true of a published row that holds and its row of the SELECT.
func (f fold) changed() string {
	var any []string
	for _, c := range f.own {
		checked := f.h.CheckAll || containsFold(f.h.Check, c.Name)
		switch _, was := f.before(c.Name); {
		case f.h.Timestamp || !checked:
		case !was: // as in dbt, a new column changes all rows
			any = append(any, "true")
		default:
			any = append(any, fmt.Sprintf("p.%s IS DISTINCT FROM i.%[1]s", engine.Ident(c.Name)))
		}
	}
	if f.h.Timestamp {
		any = append(any, fmt.Sprintf("p.%s < i.%s", engine.Ident(f.h.From), foldAt))
	}
	if f.h.Mark {
		any = append(any, fmt.Sprintf("p.%s = 'True'", engine.Ident(f.h.Deleted)))
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

func containsFold(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// parts are the rows of the run: the published ones, of which some end; new ones;
// and those that say that a row is gone.
func (f fold) parts() []string {
	gone := "p." + foldLive + " AND i." + foldHere + " IS NULL"
	if f.h.Mark {
		gone += fmt.Sprintf(" AND p.%s IS DISTINCT FROM 'True'", engine.Ident(f.h.Deleted))
	}
	to, _ := f.find(f.h.To)
	ends := fmt.Sprintf("CASE WHEN p.%s AND i.%s AND %s THEN CAST(i.%s AS %s)", foldLive, foldHere, f.changed(), foldAt, to.Type)
	if f.h.Close {
		ends += fmt.Sprintf(" WHEN %s THEN %s", gone, f.time(to.Type))
	}
	ends += fmt.Sprintf(" ELSE p.%s END", engine.Ident(f.h.To))
	join := fmt.Sprintf("\nFROM published AS p LEFT JOIN incoming AS i ON p.%s AND %s", foldLive, f.sameKey())
	parts := []string{
		f.row(func(c engine.Column) string {
			if strings.EqualFold(c.Name, f.h.To) {
				return ends
			}
			if _, ok := f.before(c.Name); ok || strings.EqualFold(c.Name, f.h.Deleted) && f.h.Mark {
				return "p." + engine.Ident(c.Name)
			}
			return ""
		}) + join,
		f.row(f.inserted) + fmt.Sprintf("\nFROM incoming AS i LEFT JOIN published AS p ON p.%s AND %s\nWHERE p.%s IS NULL OR %s", foldLive, f.sameKey(), foldHere, f.changed()),
	}
	if f.h.Mark {
		parts = append(parts, f.row(f.marked)+join+"\nWHERE "+gone)
	}
	return parts
}

// row is a SELECT of all columns; a column without an expression is NULL.
func (f fold) row(expr func(engine.Column) string) string {
	var out []string
	for _, c := range f.columns() {
		e := expr(c)
		if e == "" {
			e = "NULL"
		}
		out = append(out, fmt.Sprintf("CAST(%s AS %s) AS %s", e, c.Type, engine.Ident(c.Name)))
	}
	return "SELECT " + strings.Join(out, ",\n    ")
}

// added is one of the columns that a snapshot adds, out of its value for each.
func (f fold) added(c engine.Column, id, at, to, deleted string) string {
	for i, name := range f.h.Columns() {
		if strings.EqualFold(c.Name, name) {
			return []string{id, at, at, to, deleted}[i]
		}
	}
	return ""
}

// inserted is a column of a row that begins.
func (f fold) inserted(c engine.Column) string {
	if f.has(c.Name) {
		return "i." + engine.Ident(c.Name)
	}
	return f.added(c, "i."+foldID, "i."+foldAt, f.current("i."+foldAt), "'False'")
}

// marked is a column of a row that says that a row is gone.
func (f fold) marked(c engine.Column) string {
	if f.has(c.Name) {
		if _, ok := f.before(c.Name); ok {
			return "p." + engine.Ident(c.Name)
		}
		return ""
	}
	return f.added(c, f.digest("p."+engine.Ident(f.h.ScdID), f.at), f.time(c.Type), "p."+engine.Ident(f.h.To), "'True'")
}

// plannedFold is the statement of a snapshot whose columns did not change: what
// a plan can say without asking the engine.
func (b *build) plannedFold(n *compile.Node, r *compile.Rendered) *compile.Rendered {
	f := b.newFold(n, nil)
	if !b.hasThis(n) {
		return f.first(r)
	}
	f.was = b.records[n.Name].Layout.Columns
	f.asPublished(f.was)
	if f.check() != nil || f.checkPublished() != nil {
		return r // an error, once it is bound
	}
	return f.around(r)
}

// asPublished takes the columns of the published run for those of the SELECT.
func (f *fold) asPublished(was []mart.Column) {
	for _, c := range was {
		f.now = append(f.now, engine.Column{Name: c.Name, Type: c.Type})
		if !containsFold(f.h.Columns(), c.Name) {
			f.own = append(f.own, engine.Column{Name: c.Name, Type: c.Type})
		}
	}
}

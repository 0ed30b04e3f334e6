package history

import (
	"context"
	"fmt"
	"strings"
	"time"

	"warehouse/runner/engine"
)

// kind of a column of a state table: its type, and which Go value stands for
// NULL.
type kind int

const (
	text   kind = iota // "" is NULL
	runID              // "" is NULL
	number             // never NULL
	some               // 0 is NULL
	count              // -1 is NULL
	at                 // zero time is NULL; microseconds, UTC
	object             // JSON; an empty value is NULL
	real               // a *float64; nil is NULL
)

// field is one column, and how it is held in a T.
type field[T any] struct {
	name string
	kind kind
	of   func(*T) any // pointer into the struct
}

// table is one state table. Everything that is written into it or read from it
// goes through this description.
type table[T any] struct {
	name string
	key  []string // enforced
	// identity are the columns that name a row, of a table whose rows change
	// after they were added; nil for one that is only added to.
	identity []string
	fields   []field[T]
}

var manifest = table[Run]{name: "run_manifest", key: []string{"run_id"}, identity: []string{"run_id"}, fields: []field[Run]{
	{"run_id", runID, func(r *Run) any { return &r.ID }},
	{"seq", number, func(r *Run) any { return &r.Seq }},
	{"status", text, func(r *Run) any { return &r.Status }},
	{"command", text, func(r *Run) any { return &r.Command }},
	{"target", text, func(r *Run) any { return &r.Target }},
	{"selection", object, func(r *Run) any { return &r.Selection }},
	{"vars", object, func(r *Run) any { return &r.Vars }},
	{"project", text, func(r *Run) any { return &r.Project }},
	{"code_version", text, func(r *Run) any { return &r.CodeVersion }},
	{"project_sha256", text, func(r *Run) any { return &r.ProjectSHA256 }},
	{"tool_version", text, func(r *Run) any { return &r.ToolVersion }},
	{"host", text, func(r *Run) any { return &r.Host }},
	{"user", text, func(r *Run) any { return &r.User }},
	{"started_at", at, func(r *Run) any { return &r.StartedAt }},
	{"finished_at", at, func(r *Run) any { return &r.FinishedAt }},
	{"row_count", number, func(r *Run) any { return &r.RowCount }},
	{"models_ok", number, func(r *Run) any { return &r.ModelsOK }},
	{"models_failed", number, func(r *Run) any { return &r.ModelsFailed }},
	{"tests_failed", number, func(r *Run) any { return &r.TestsFailed }},
	{"base_publication", some, func(r *Run) any { return &r.BasePublication }},
	{"error", text, func(r *Run) any { return &r.Error }},
	{"parent_run_id", runID, func(r *Run) any { return &r.ParentRunID }},
}}

var manifestModel = table[ModelRecord]{name: "run_manifest_model", identity: []string{"run_id", "model", "attempt"}, fields: []field[ModelRecord]{
	{"run_id", runID, func(m *ModelRecord) any { return &m.RunID }},
	{"model", text, func(m *ModelRecord) any { return &m.Model }},
	{"attempt", number, func(m *ModelRecord) any { return &m.Attempt }},
	{"data_run_id", runID, func(m *ModelRecord) any { return &m.DataRunID }},
	{"kind", text, func(m *ModelRecord) any { return &m.Kind }},
	{"status", text, func(m *ModelRecord) any { return &m.Status }},
	{"row_count", count, func(m *ModelRecord) any { return &m.RowCount }},
	{"checksum", text, func(m *ModelRecord) any { return &m.Checksum }},
	{"checksum_scheme", text, func(m *ModelRecord) any { return &m.ChecksumScheme }},
	{"columns", object, func(m *ModelRecord) any { return &m.Layout }},
	{"compiled_sql", text, func(m *ModelRecord) any { return &m.CompiledSQL }},
	{"sql_sha256", text, func(m *ModelRecord) any { return &m.SQLSHA256 }},
	{"code_version", text, func(m *ModelRecord) any { return &m.CodeVersion }},
	{"inputs", object, func(m *ModelRecord) any { return &m.Inputs }},
	{"started_at", at, func(m *ModelRecord) any { return &m.StartedAt }},
	{"finished_at", at, func(m *ModelRecord) any { return &m.FinishedAt }},
	{"error", text, func(m *ModelRecord) any { return &m.Error }},
}}

var manifestTest = table[TestRecord]{name: "run_manifest_test", identity: []string{"run_id", "attempt", "test"}, fields: []field[TestRecord]{
	{"run_id", runID, func(t *TestRecord) any { return &t.RunID }},
	{"attempt", number, func(t *TestRecord) any { return &t.Attempt }},
	{"test", text, func(t *TestRecord) any { return &t.Test }},
	{"model", text, func(t *TestRecord) any { return &t.Model }},
	{"column", text, func(t *TestRecord) any { return &t.Column }},
	{"severity", text, func(t *TestRecord) any { return &t.Severity }},
	{"status", text, func(t *TestRecord) any { return &t.Status }},
	{"failures", count, func(t *TestRecord) any { return &t.Failures }},
	{"sample", object, func(t *TestRecord) any { return &t.Sample }},
	{"compiled_sql", text, func(t *TestRecord) any { return &t.CompiledSQL }},
	{"started_at", at, func(t *TestRecord) any { return &t.StartedAt }},
	{"finished_at", at, func(t *TestRecord) any { return &t.FinishedAt }},
	{"error", text, func(t *TestRecord) any { return &t.Error }},
}}

var publication = table[Publication]{name: "run_publication", fields: []field[Publication]{
	{"seq", number, func(p *Publication) any { return &p.Seq }},
	{"action", text, func(p *Publication) any { return &p.Action }},
	{"run_id", runID, func(p *Publication) any { return &p.RunID }},
	{"published_at", at, func(p *Publication) any { return &p.At }},
	{"published_by", text, func(p *Publication) any { return &p.By }},
	{"reason", text, func(p *Publication) any { return &p.Reason }},
	{"restores", some, func(p *Publication) any { return &p.Restores }},
}}

// published is one row of run_publication_mart.
type published struct {
	Seq   int64
	Mart  string
	RunID string
}

var publicationMart = table[published]{name: "run_publication_mart", fields: []field[published]{
	{"seq", number, func(p *published) any { return &p.Seq }},
	{"mart", text, func(p *published) any { return &p.Mart }},
	{"run_id", runID, func(p *published) any { return &p.RunID }},
}}

var tag = table[Tag]{name: "run_tag", identity: []string{"tag"}, fields: []field[Tag]{
	{"tag", text, func(t *Tag) any { return &t.Name }},
	{"run_id", runID, func(t *Tag) any { return &t.RunID }},
	{"publication", some, func(t *Tag) any { return &t.Publication }},
	{"created_at", at, func(t *Tag) any { return &t.CreatedAt }},
	{"created_by", text, func(t *Tag) any { return &t.CreatedBy }},
	{"note", text, func(t *Tag) any { return &t.Note }},
}}

// entry is one row of run_ledger.
type entry struct {
	Seq     int64
	At      time.Time
	Event   string
	RunID   string
	Content string
	Prev    string
}

var ledger = table[entry]{name: "run_ledger", fields: []field[entry]{
	{"seq", number, func(e *entry) any { return &e.Seq }},
	{"at", at, func(e *entry) any { return &e.At }},
	{"event", text, func(e *entry) any { return &e.Event }},
	{"run_id", runID, func(e *entry) any { return &e.RunID }},
	{"content_sha256", text, func(e *entry) any { return &e.Content }},
	{"prev_sha256", text, func(e *entry) any { return &e.Prev }},
}}

// state is one row of run_state: the newest version counts.
type state struct {
	Version int64
	At      time.Time
}

var stateTable = table[state]{name: "run_state", fields: []field[state]{
	{"version", number, func(s *state) any { return &s.Version }},
	{"at", at, func(s *state) any { return &s.At }},
}}

// create returns the statement that makes the table.
func (t table[T]) create(d engine.Dialect, rel engine.Relation) string {
	def := engine.Table{Relation: rel, Key: t.key}
	for _, f := range t.fields {
		def.Columns = append(def.Columns, engine.Column{Name: f.name, Type: f.kind.typeOf(d.Types())})
	}
	return d.CreateTable(def)
}

func (k kind) typeOf(t engine.Types) string {
	switch k {
	case runID:
		return t.RunID
	case number, some, count:
		return t.Int
	case at:
		return t.Timestamp
	case real:
		return t.Real
	case object:
		return t.JSON
	}
	return t.Text
}

// names returns all columns, quoted.
func (t table[T]) names() string {
	n := make([]string, len(t.fields))
	for i, f := range t.fields {
		n[i] = f.name
	}
	return engine.Idents(n)
}

// selectList returns all columns as scanRow reads them: ids and JSON as text.
// prefix is an alias with its dot, or "".
func (t table[T]) selectList(prefix string) string {
	n := make([]string, len(t.fields))
	for i, f := range t.fields {
		n[i] = prefix + engine.Ident(f.name)
		if f.kind == runID || f.kind == object {
			n[i] = "CAST(" + n[i] + " AS VARCHAR)"
		}
	}
	return strings.Join(n, ", ")
}

// few is how many rows go as parameters: one row so takes half the time that
// it takes as JSON, five hundred ten times of it.
const few = 3

// insert adds rows, in one statement.
func (t table[T]) insert(ctx context.Context, c *engine.Conn, rel engine.Relation, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	values, err := t.encode(rows)
	if err != nil {
		return err
	}
	if a := appender(c); a != nil {
		return t.appendRows(ctx, c, a, rel, values)
	}
	into := "INSERT INTO " + rel.String() + " (" + t.names() + ")"
	if len(rows) <= few {
		one := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(t.fields)), ", ") + ")"
		var args []any
		for _, v := range values {
			args = append(args, v...)
		}
		_, err := c.Exec(ctx, into+" VALUES "+strings.Join(repeat(one, len(rows)), ", "), args...)
		return err
	}
	return t.insertMany(ctx, c, into, values)
}

// encode turns rows into values for the driver.
func (t table[T]) encode(rows []T) ([][]any, error) {
	values := make([][]any, len(rows))
	for i := range rows {
		values[i] = make([]any, len(t.fields))
		for j, f := range t.fields {
			v, err := f.kind.encode(f.of(&rows[i]))
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", t.name, f.name, err)
			}
			values[i][j] = v
		}
	}
	return values, nil
}

// insertMany sends the rows as one JSON text: a parameter per value would be
// planned one by one.
func (t table[T]) insertMany(ctx context.Context, c *engine.Conn, into string, rows [][]any) error {
	types := c.DB().Dialect().Types()
	list := make([]string, len(t.fields))
	for j, f := range t.fields {
		list[j] = fmt.Sprintf("CAST(r[%d] AS %s)", j+1, f.kind.typeOf(types))
	}
	var b strings.Builder
	sep := byte('[')
	for _, row := range rows {
		b.WriteByte(sep) // [ of the list, or a comma
		sep = '['
		for _, v := range row {
			b.WriteByte(sep) // [ of the row, or a comma
			sep = ','
			switch v := v.(type) {
			case nil:
				b.WriteString("null")
			case time.Time:
				b.WriteString(quoteJSON(instant(v)))
			default:
				b.WriteString(quoteJSON(fmt.Sprint(v)))
			}
		}
		b.WriteByte(']')
		sep = ','
	}
	b.WriteByte(']')
	_, err := c.Exec(ctx, into+" SELECT "+strings.Join(list, ", ")+
		` FROM (SELECT unnest(from_json(CAST(? AS VARCHAR), '[["VARCHAR"]]')) AS r)`, b.String())
	return err
}

func repeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

// query reads rows whose columns are selectList.
func (t table[T]) query(ctx context.Context, c *engine.Conn, query string, args ...any) ([]T, error) {
	cells := make([]any, len(t.fields))
	var out []T
	err := c.Each(ctx, query, args, func(scan func(...any) error) error {
		for i, f := range t.fields {
			cells[i] = f.kind.cell()
		}
		if err := scan(cells...); err != nil {
			return err
		}
		var row T
		for i, f := range t.fields {
			if err := f.kind.decode(cells[i], f.of(&row)); err != nil {
				return fmt.Errorf("%s.%s: %w", t.name, f.name, err)
			}
		}
		out = append(out, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

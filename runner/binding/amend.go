package binding

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/sqltext"
)

// HookSchema is the schema of what `this` prints in a post-hook: the rows that
// the run has just written. It stands in no database; Hooked puts them there.
const HookSchema = "run__hook"

// Hooked lets the statements of a post-hook read and change one run's rows of a
// mart as if they were a table: the run id stays out of sight, and rows of other
// runs out of reach.
type Hooked struct {
	d         engine.Dialect
	rec       history.ModelRecord
	createdAt time.Time
	rows      *Inline
	Changed   []string // the statements that changed rows, as they were written
}

// NewHooked returns it for the run of a record, whose layout is complete.
func NewHooked(d engine.Dialect, rec history.ModelRecord, createdAt time.Time) (*Hooked, error) {
	view, err := Published(d, rec, rec.RunID) // its filter holds while the statement writes
	if err != nil {
		return nil, err
	}
	h := &Hooked{d: d, rec: rec, createdAt: createdAt}
	h.rows = &Inline{of: map[string]string{fold(HookSchema, rec.Model): view.Body}}
	return h, nil
}

// This is what `this` prints.
func (h *Hooked) This() string {
	return engine.Relation{Schema: HookSchema, Name: h.rec.Model}.String()
}

// AmendError: a statement that would change rows of a run in a way that cannot
// be limited to that run.
type AmendError struct{ Msg string }

func (e *AmendError) Error() string { return e.Msg }

// Hint says what can be.
func (e *AmendError) Hint() string {
	return "a post-hook may change the run's rows by INSERT INTO … VALUES or SELECT, DELETE FROM … WHERE, UPDATE … SET … WHERE and TRUNCATE; or let the model's SELECT return them as they shall be"
}

// Rewrite returns the statements of a text as they can be sent: what changes
// the rows of `this` writes into the table under the run id, what reads them
// has a subquery. An *AmendError if that cannot be. Of nil it is the text.
func (h *Hooked) Rewrite(text string) (string, error) {
	if h == nil || !strings.Contains(text, HookSchema) {
		return text, nil
	}
	var out []string
	for _, span := range sqltext.Statements(text) {
		statement := text[span.Start:span.End]
		sent, err := h.statement(statement)
		if err != nil {
			return "", err
		}
		out = append(out, sent)
	}
	return strings.Join(out, ";\n"), nil
}

func (h *Hooked) statement(sql string) (string, error) {
	a := amendment{Hooked: h, sql: sql, tokens: slices.DeleteFunc(sqltext.Scan(sql), func(t sqltext.Token) bool {
		return t.Kind == sqltext.Space || t.Kind == sqltext.Comment
	})}
	sent, err := a.rewrite()
	if err != nil {
		return "", err
	}
	if sent != "" {
		h.Changed = append(h.Changed, sql)
		return sent, nil
	}
	return h.read(sql), nil
}

// read puts the rows in the place of the name.
func (h *Hooked) read(sql string) string {
	out, _ := h.rows.Rewrite(sql)
	return out
}

// amendment is a statement that may change the rows of `this`.
type amendment struct {
	*Hooked
	sql    string
	tokens []sqltext.Token
	at     int // the next token
}

// rewrite is "" for a statement that changes something else, or nothing.
func (a *amendment) rewrite() (string, error) {
	var f func() (string, error)
	switch {
	case a.words("INSERT", "INTO"):
		f = a.insert
	case a.words("INSERT", "OR"):
		f, a.at = a.neither, a.at+2 // REPLACE INTO
	case a.words("MERGE", "INTO"):
		f = a.neither
	case a.words("DELETE", "FROM"):
		f = a.delete
	case a.words("UPDATE"):
		f = a.update
	case a.words("TRUNCATE", "TABLE"), a.words("TRUNCATE"):
		f = func() (string, error) {
			return a.where("DELETE FROM "+a.table().String(), engine.Ident(a.rec.Layout.Table)), nil
		}
	default:
		return "", nil
	}
	if !a.target() {
		return "", nil
	}
	return f()
}

// neither is for statements that match rows of other runs too.
func (a *amendment) neither() (string, error) {
	return "", a.refuse("such a statement cannot be limited to the rows of one run")
}

func (a *amendment) refuse(format string, args ...any) error {
	return &AmendError{fmt.Sprintf(format, args...)}
}

func (a *amendment) table() engine.Relation {
	return engine.Relation{Database: a.d.Catalog(), Schema: a.rec.Layout.Schema, Name: a.rec.Layout.Table}
}

// is says whether a token is a word without quotes, in any case.
func (a *amendment) is(i int, word string) bool {
	return i < len(a.tokens) && strings.EqualFold(a.sql[a.tokens[i].Start:a.tokens[i].End], word)
}

// words takes the next words if they are these.
func (a *amendment) words(words ...string) bool {
	for i, w := range words {
		if !a.is(a.at+i, w) {
			return false
		}
	}
	a.at += len(words)
	return true
}

// target takes the name of the table, if it is that of `this`.
func (a *amendment) target() bool {
	if a.at >= len(a.tokens) {
		return false
	}
	for _, n := range sqltext.Names(a.sql) {
		if n.Start != a.tokens[a.at].Start {
			continue
		}
		if len(n.Parts) != 2 || n.Parts[0] != HookSchema || !strings.EqualFold(n.Parts[1], a.rec.Model) {
			return false
		}
		for a.at < len(a.tokens) && a.tokens[a.at].End <= n.End {
			a.at++
		}
		return true
	}
	return false
}

// find is the first token from the next on that is a word outside of brackets; -1.
func (a *amendment) find(word string) int {
	depth := 0
	for i := a.at; i < len(a.tokens); i++ {
		switch {
		case a.is(i, "("), a.is(i, "["), a.is(i, "{"):
			depth++
		case a.is(i, ")"), a.is(i, "]"), a.is(i, "}"):
			depth--
		case depth == 0 && a.is(i, word):
			return i
		}
	}
	return -1
}

// text is the text from one token to before another.
func (a *amendment) text(from, to int) string {
	if from >= to || from >= len(a.tokens) {
		return ""
	}
	return a.sql[a.tokens[from].Start:a.tokens[to-1].End]
}

// insert writes the rows of a query, or of VALUES, with the run id.
func (a *amendment) insert() (string, error) {
	for _, word := range []string{"RETURNING", "CONFLICT"} {
		if a.find(word) >= 0 {
			return "", a.refuse("INSERT with %s cannot be limited to the rows of one run", word)
		}
	}
	if a.is(a.at, "AS") || a.is(a.at, "BY") || a.is(a.at, "DEFAULT") {
		return "", a.refuse("INSERT INTO … %s cannot be limited to the rows of one run", strings.ToUpper(a.text(a.at, a.at+1)))
	}
	columns, err := a.columns()
	if err != nil {
		return "", err
	}
	l := a.rec.Layout
	into, values := []string{engine.Ident(l.RunColumn)}, []string{a.d.RunLiteral(a.rec.RunID)}
	if l.CreatedColumn != "" {
		into, values = append(into, engine.Ident(l.CreatedColumn)), append(values, a.d.TimeLiteral(a.createdAt))
	}
	head := fmt.Sprintf("INSERT INTO %s (%s) ", a.table(), strings.Join(append(into, columns...), ", "))
	if !a.is(a.at, "VALUES") {
		return head + fmt.Sprintf("SELECT %s, q.* FROM (\n%s\n) AS q", strings.Join(values, ", "), a.read(a.text(a.at, len(a.tokens)))), nil
	}
	// Each tuple gets them in front, so that the engine casts its values to the
	// columns' types as it does in every INSERT.
	var b strings.Builder
	depth, from := 0, a.at
	for i := a.at; i < len(a.tokens); i++ {
		switch {
		case a.is(i, "("):
			if depth++; depth == 1 {
				b.WriteString(a.text(from, i+1) + strings.Join(values, ", ") + ", ")
				from = i + 1
			}
		case a.is(i, ")"):
			depth--
		}
	}
	return head + a.read(b.String()+a.text(from, len(a.tokens))), nil
}

// columns takes the list of columns behind the table, and returns how they are
// stored; without one all of them.
func (a *amendment) columns() ([]string, error) {
	stored := map[string]string{}
	var all []string
	for _, c := range a.rec.Layout.Columns {
		stored[strings.ToLower(c.Name)] = engine.Ident(c.Physical)
		all = append(all, engine.Ident(c.Physical))
	}
	query := slices.ContainsFunc([]string{"SELECT", "WITH", "VALUES", "FROM", "("}, func(w string) bool { return a.is(a.at+1, w) })
	if !a.is(a.at, "(") || query {
		return all, nil
	}
	var list []string
	for a.at++; a.at < len(a.tokens) && !a.is(a.at, ")"); a.at++ {
		if a.is(a.at, ",") {
			continue
		}
		name := a.text(a.at, a.at+1)
		if a.tokens[a.at].Kind == sqltext.Quoted {
			name = strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
		}
		column := stored[strings.ToLower(name)]
		if column == "" {
			return nil, a.refuse("%s has no column %s", a.rec.Model, name)
		}
		list = append(list, column)
	}
	a.at++
	return list, nil
}

// plain is an error where a column is stored under another name than its own.
func (a *amendment) plain(what string) error {
	for _, c := range a.rec.Layout.Columns {
		if !strings.EqualFold(c.Name, c.Physical) {
			return a.refuse("%s of rows whose column %s was retyped between runs is not possible", what, c.Name)
		}
	}
	if a.find("RETURNING") >= 0 {
		return a.refuse("%s with RETURNING has nobody who reads it", what)
	}
	return nil
}

func (a *amendment) delete() (string, error) {
	if err := a.plain("DELETE"); err != nil {
		return "", err
	}
	alias := a.alias("USING", "WHERE")
	return a.where("DELETE FROM "+a.table().String()+" AS "+alias, alias), nil
}

func (a *amendment) update() (string, error) {
	if err := a.plain("UPDATE"); err != nil {
		return "", err
	}
	alias := a.alias("SET")
	end := a.find("WHERE")
	if end < 0 {
		end = len(a.tokens)
	}
	for i := a.at; i < end; i++ {
		name := strings.Trim(a.text(i, i+1), `"`)
		if strings.EqualFold(name, a.rec.Layout.RunColumn) || strings.EqualFold(name, a.rec.Layout.CreatedColumn) {
			return "", a.refuse("%s is the runner's own column", name)
		}
	}
	return a.where("UPDATE "+a.table().String()+" AS "+alias, alias), nil
}

// alias takes the alias of the table, up to one of some words: without one, the
// model's name.
func (a *amendment) alias(until ...string) string {
	name := engine.Ident(a.rec.Model)
	a.words("AS")
	if a.at < len(a.tokens) && !slices.ContainsFunc(until, func(w string) bool { return a.is(a.at, w) }) {
		name = a.text(a.at, a.at+1)
		a.at++
	}
	return name
}

// where takes the rest of a statement, and limits it to the run.
func (a *amendment) where(head, alias string) string {
	end := a.find("WHERE")
	rest, cond := a.text(a.at, len(a.tokens)), ""
	if end >= 0 {
		rest, cond = a.text(a.at, end), a.text(end+1, len(a.tokens))
	}
	of := alias + "." + engine.Ident(a.rec.Layout.RunColumn) + " = " + a.d.RunLiteral(a.rec.RunID)
	if cond != "" {
		of += " AND (\n" + a.read(cond) + "\n)"
	}
	if rest != "" {
		rest = " " + a.read(rest)
	}
	return head + rest + " WHERE " + of
}

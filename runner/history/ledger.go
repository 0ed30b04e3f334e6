package history

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"warehouse/runner/engine"
)

// The ledger has one entry per change of the register. An entry is about one
// subject: a run, a publication or a tag, which its event names:
//
//	begin, resume, success, failed, cancelled, crashed, test, start over    run_id
//	publish 7, rollback 8                                                   publication 7, 8
//	tag NAME, untag NAME                                                    the tag
//
// content_sha256 is over the subject's rows as they are after the change;
// prev_sha256 is over the entry before. Both are SHA-256 of lines of JSON, see
// line. docs/state.md shows how to recompute them with other tools.

// genesis is the prev_sha256 of the first entry.
var genesis = strings.Repeat("0", 64)

// line writes one row as JSON: the table's name, then the columns that are not
// NULL, in the order of the table. So a column that is added later does not
// change the digest of older rows. A compiled_sql stands there as its own
// SHA-256, and times in microseconds, UTC.
func line[T any](t table[T], cells []any) string {
	var b strings.Builder
	b.WriteString(`{"table":` + quoteJSON(t.name))
	put := func(name, value string) { b.WriteString("," + quoteJSON(name) + ":" + value) }
	for i, f := range t.fields {
		switch v := cells[i].(type) {
		case *sql.NullInt64:
			if v.Valid {
				put(f.name, strconv.FormatInt(v.Int64, 10))
			}
		case *sql.NullTime:
			if v.Valid {
				put(f.name, quoteJSON(instant(v.Time)))
			}
		case *sql.NullString:
			if v.Valid {
				put(f.name, quoteJSON(v.String))
			}
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// quoteJSON writes a text as encoding/json does, without its HTML escapes.
func quoteJSON(s string) string {
	if plain(s) {
		return `"` + s + `"`
	}
	q, err := marshal(s)
	if err != nil {
		panic(err) // a string always can
	}
	return q
}

// plain: nothing in s is escaped in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// lineOf is line for a row that is in memory.
func lineOf[T any](t table[T], row T) (string, error) {
	cells := make([]any, len(t.fields))
	for i, f := range t.fields {
		v, err := f.kind.encode(f.of(&row))
		if err != nil {
			return "", err
		}
		if s, ok := v.(string); ok && f.name == "compiled_sql" {
			v = hash(s)
		}
		cells[i] = f.kind.cell()
		if err := cells[i].(sql.Scanner).Scan(v); err != nil {
			return "", err
		}
	}
	return line(t, cells), nil
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// digest is the SHA-256 of lines, whatever their order.
func digest(lines []string) string {
	slices.Sort(lines)
	return hash(strings.Join(lines, ""))
}

// hashes are the expressions that hash a text as hash does.
var hashes = map[string]string{
	"duckdb": "sha256(%s)",
	"trino":  "lower(to_hex(sha256(to_utf8(%s))))",
}

// lines reads rows of a table as lines, by the column that names their
// subject. A compiled_sql is hashed by the engine and so never leaves it.
func lines[T any](ctx context.Context, c *engine.Conn, r *Register, t table[T], subject, where string, args ...any) (map[string][]string, error) {
	list := make([]string, len(t.fields))
	subjectAt := -1
	for i, f := range t.fields {
		list[i] = engine.Ident(f.name)
		if f.kind == runID || f.kind == object {
			list[i] = "CAST(" + list[i] + " AS VARCHAR)"
		}
		if f.name == "compiled_sql" {
			list[i] = fmt.Sprintf(hashes[c.DB().Dialect().Name()], list[i])
		}
		if f.name == subject {
			subjectAt = i
		}
	}
	q := "SELECT " + strings.Join(list, ", ") + " FROM " + r.rel(t.name) + " WHERE " + where
	cells := make([]any, len(t.fields))
	for i, f := range t.fields {
		cells[i] = f.kind.cell()
	}
	out := map[string][]string{}
	err := c.Each(ctx, q, args, func(scan func(...any) error) error {
		if err := scan(cells...); err != nil {
			return err
		}
		s := ""
		switch v := cells[subjectAt].(type) {
		case *sql.NullString:
			s = v.String
		case *sql.NullInt64:
			s = strconv.FormatInt(v.Int64, 10)
		}
		out[s] = append(out[s], line(t, cells))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Seal adds a ledger entry over a run's rows as they now are. Finish does so
// itself; it is for what changes a finished run, as data tests that run again
// ("test"). event is one word.
func (r *Register) Seal(ctx context.Context, c *engine.Conn, id, event string) error {
	of, err := r.runLines(ctx, c, "run_id = "+r.id(), id)
	if err != nil {
		return err
	}
	return r.append(ctx, c, event, id, digest(of[id]))
}

// runLines reads all rows of runs, by run. While a run is running its model
// and test rows are still coming, so only its own row counts.
func (r *Register) runLines(ctx context.Context, c *engine.Conn, where string, args ...any) (map[string][]string, error) {
	out, err := lines(ctx, c, r, manifest, "run_id", where, args...)
	if err != nil {
		return nil, err
	}
	models, err := lines(ctx, c, r, manifestModel, "run_id", where, args...)
	if err != nil {
		return nil, err
	}
	tests, err := lines(ctx, c, r, manifestTest, "run_id", where, args...)
	if err != nil {
		return nil, err
	}
	for _, more := range []map[string][]string{models, tests} {
		for id, l := range more {
			if run := out[id]; len(run) > 0 && isRunning(run[0]) {
				continue
			}
			out[id] = append(out[id], l...)
		}
	}
	return out, nil
}

// isRunning reads the status out of a run's own line.
func isRunning(l string) bool {
	var row struct {
		Table  string
		Status Status
	}
	return json.Unmarshal([]byte(l), &row) == nil && row.Table == manifest.name && row.Status == Running
}

// append adds an entry to the ledger.
func (r *Register) append(ctx context.Context, c *engine.Conn, event, id, content string) error {
	next := func() (entry, error) {
		q := "SELECT " + ledger.selectList("") + " FROM " + r.rel(ledger.name) + " ORDER BY seq DESC LIMIT 1"
		last, err := ledger.query(ctx, c, q)
		if err != nil {
			return entry{}, err
		}
		e := entry{Seq: 1, At: r.now(), Event: event, RunID: id, Content: content, Prev: genesis}
		if len(last) > 0 {
			e.Seq = last[0].Seq + 1
			if e.Prev, err = last[0].sha256(); err != nil {
				return e, err
			}
		}
		return e, nil
	}
	if a := appender(c); a != nil {
		return ledger.insertNew(ctx, c, a, r.relation(ledger.name), next)
	}
	e, err := next()
	if err != nil {
		return err
	}
	return ledger.insert(ctx, c, r.relation(ledger.name), []entry{e})
}

func (e entry) sha256() (string, error) {
	l, err := lineOf(ledger, e)
	return hash(l), err
}

// digestOf is the digest of rows in memory. They were encoded for their insert
// a moment ago, so encoding cannot fail.
func digestOf[T any](t table[T], rows []T) string {
	all := make([]string, len(rows))
	for i, row := range rows {
		l, err := lineOf(t, row)
		if err != nil {
			panic(err)
		}
		all[i] = l
	}
	return digest(all)
}

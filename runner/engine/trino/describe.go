package trino

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"warehouse/runner/engine"
)

// before and after make a statement of a SELECT that reads nothing. A second
// statement, or one that is no query, is a syntax error in parentheses.
const before, after = "SELECT * FROM (\n", "\n) WHERE false"

// Describe asks twice: for the names, which come as they are written, and for
// the types. PREPARE and DESCRIBE OUTPUT would say both, but with wrong places
// in errors.
func (b backend) Describe(ctx context.Context, c *engine.Conn, query string) ([]engine.Column, error) {
	rows, err := c.Query(ctx, before+query+after)
	if err != nil {
		return nil, b.place(ctx, c, err, query)
	}
	names, err := rows.Columns()
	if err = errors.Join(err, rows.Close()); err != nil {
		return nil, c.Explain(err, query)
	}
	types, err := b.types(ctx, c, query, len(names))
	if err != nil {
		return nil, err
	}
	cols := make([]engine.Column, len(names))
	for i := range names {
		cols[i] = engine.Column{Name: names[i], Type: stored(types[i])}
	}
	return cols, nil
}

// types asks for the types of a query's n columns: of no row, so nothing is
// read.
func (backend) types(ctx context.Context, c *engine.Conn, query string, n int) ([]string, error) {
	ask, alias := make([]string, n), make([]string, n)
	types, into := make([]string, n), make([]any, n)
	for i := range n {
		alias[i] = fmt.Sprintf("c%d", i)
		ask[i] = "typeof(" + alias[i] + ")"
		into[i] = &types[i]
	}
	head := fmt.Sprintf("SELECT %s FROM (VALUES 1) LEFT JOIN (\n", strings.Join(ask, ", "))
	tail := fmt.Sprintf("\n) AS q (%s) ON false", strings.Join(alias, ", "))
	if err := c.QueryRow(ctx, head+query+tail, nil, into...); err != nil {
		return nil, shift(err, len(head), query)
	}
	return types, nil
}

// place gives an error its place in query. Of a syntax error the server is
// asked again for the query alone: around it stands what a user did not write.
func (b backend) place(ctx context.Context, c *engine.Conn, err error, query string) error {
	qe, ok := errors.AsType[*engine.QueryError](err)
	if !ok || qe.Kind != engine.KindSyntax {
		return shift(err, len(before), query)
	}
	if blank(query) {
		return &engine.QueryError{Kind: engine.KindSyntax, Msg: "there is no statement", Offset: -1, SQL: query, Err: qe.Err}
	}
	const validate = "EXPLAIN (TYPE VALIDATE)\n"
	if _, alone := c.Exec(ctx, validate+query); alone != nil {
		return shift(alone, len(validate), query)
	}
	return &engine.QueryError{Kind: engine.KindSyntax, Msg: "it is not a SELECT", Offset: 0, SQL: query,
		Advice: "only one SELECT is run here: nothing that writes, sets or shows", Err: qe.Err}
}

// CheckSelect binds sql, which runs nothing. One semicolon at its end is no
// second statement.
func (b backend) CheckSelect(ctx context.Context, c *engine.Conn, sql string) error {
	text := sql
	if at := lastSemicolon(sql); at >= 0 {
		text = sql[:at] + " " + sql[at+1:]
	}
	rows, err := c.Query(ctx, before+text+after)
	if err != nil {
		err = b.place(ctx, c, err, text)
		if qe, ok := errors.AsType[*engine.QueryError](err); ok {
			same := *qe
			same.SQL = sql
			return &same
		}
		return err
	}
	return rows.Close()
}

// shift makes the offset of a *engine.QueryError one into query, which stood n
// bytes into the text sent.
func shift(err error, n int, query string) error {
	qe, ok := errors.AsType[*engine.QueryError](err)
	if !ok {
		return err
	}
	moved := *qe
	moved.SQL = query
	if moved.Offset >= 0 {
		moved.Offset = min(max(moved.Offset-n, 0), len(query))
	}
	return &moved
}

var storedAs = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`\b(?:varchar|char)\(\d+\)`), "varchar"},
	{regexp.MustCompile(`\b(?:tinyint|smallint)\b`), "integer"},
	{regexp.MustCompile(`\btimestamp\(\d+\)`), "timestamp(6)"},
	{regexp.MustCompile(`\btime\(\d+\)`), "time(6)"},
}

// stored is the type that a column of a table gets: Iceberg has texts without
// a length, no integers of fewer than 32 bits, and microseconds. Names of row
// fields stand in quotes and stay.
func stored(typ string) string {
	parts := strings.Split(typ, `"`)
	for i := 0; i < len(parts); i += 2 {
		for _, s := range storedAs {
			parts[i] = s.re.ReplaceAllString(parts[i], s.to)
		}
	}
	return strings.Join(parts, `"`)
}

// tokens calls f with the place of each byte of sql that is outside of
// comments, texts and quoted names; of those in quotes with their first byte.
func tokens(sql string, f func(at int)) {
	for i := 0; i < len(sql); i++ {
		switch rest := sql[i:]; {
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				return
			}
			i += n
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return
			}
			i += n + 3
		case rest[0] == '\'' || rest[0] == '"':
			f(i)
			n := strings.IndexByte(rest[1:], rest[0])
			if n < 0 {
				return
			}
			i += n + 1 // a doubled quote begins the next one
		case rest[0] > ' ':
			f(i)
		}
	}
}

// blank tells whether there is nothing but comments.
func blank(sql string) bool {
	found := false
	tokens(sql, func(int) { found = true })
	return !found
}

// lastSemicolon is where a statement ends, if nothing but comments follows; or
// -1.
func lastSemicolon(sql string) int {
	last := -1
	tokens(sql, func(at int) { last = at })
	if last >= 0 && sql[last] == ';' {
		return last
	}
	return -1
}

package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"warehouse/runner/engine"
)

const describe = "DESCRIBE "

// Describe binds query and returns its columns. DESCRIBE of the bare text, not
// of a subquery around it: there a second column of one name is renamed.
func (d backend) Describe(ctx context.Context, c *engine.Conn, query string) ([]engine.Column, error) {
	cols, err := d.describeOne(ctx, c, query)
	if err == nil || contextError(err) != nil {
		return cols, err
	}
	// Without DESCRIBE before it, "selec 1" is a syntax error and not an
	// unknown table, and an offset needs no shift.
	plain := d.prepare(ctx, c, query, nil)
	if plain == nil {
		return nil, err
	}
	if isMany(plain) && strings.Contains(strings.ToLower(query), "pivot") {
		// A PIVOT without IN is several statements to the driver. In
		// parentheses a semicolon is a syntax error.
		return d.describeAll(ctx, c, describe+"FROM (\n", query, "\n)")
	}
	return nil, d.Explain(plain, query)
}

// describeOne runs one DESCRIBE; more than one statement is refused before any
// runs.
func (d backend) describeOne(ctx context.Context, c *engine.Conn, query string) (cols []engine.Column, err error) {
	rerr := c.Raw(func(raw any) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		stmt, err := raw.(*duckdb.Conn).Prepare(describe + query)
		if err != nil {
			return err
		}
		defer stmt.Close()
		rows, err := stmt.(*duckdb.Stmt).QueryContext(ctx, nil)
		if err != nil {
			return err
		}
		cols, err = readColumns(rows)
		return errors.Join(err, rows.Close())
	})
	if rerr != nil {
		return nil, shift(d.Explain(rerr, describe+query), len(describe), query)
	}
	return cols, nil
}

func (d backend) describeAll(ctx context.Context, c *engine.Conn, before, query, after string) ([]engine.Column, error) {
	rows, err := c.Query(ctx, before+query+after)
	if err != nil {
		return nil, shift(err, len(before), query)
	}
	defer rows.Close()
	var cols []engine.Column
	for rows.Next() {
		var col engine.Column
		var rest any
		if err := rows.Scan(&col.Name, &col.Type, &rest, &rest, &rest, &rest); err != nil {
			return nil, err
		}
		cols = append(cols, col)
	}
	if err := rows.Err(); err != nil {
		return nil, shift(d.Explain(err, query), 0, query)
	}
	return cols, nil
}

// readColumns reads DESCRIBE's answer. DESCRIBE of nothing but comments, or of
// a word it knows, lists tables instead.
func readColumns(rows driver.Rows) ([]engine.Column, error) {
	names := rows.Columns()
	if names[0] != "column_name" {
		return nil, errors.New("empty query")
	}
	var cols []engine.Column
	row := make([]driver.Value, len(names))
	for {
		switch err := rows.Next(row); {
		case err == io.EOF:
			return cols, nil
		case err != nil:
			return nil, err
		}
		name, _ := row[0].(string)
		typ, _ := row[1].(string)
		cols = append(cols, engine.Column{Name: name, Type: typ})
	}
}

// shift makes the offset of a *engine.QueryError one into query, which stood n
// bytes into the text sent.
func shift(err error, n int, query string) error {
	var qe *engine.QueryError
	if !errors.As(err, &qe) {
		return err
	}
	moved := *qe
	moved.SQL = query
	if moved.Offset >= 0 {
		moved.Offset = min(max(moved.Offset-n, 0), len(query))
	}
	return &moved
}

package duckdb

import (
	"context"
	"strings"

	duckdb "github.com/duckdb/duckdb-go/v2"

	"warehouse/runner/engine"
)

// CheckSelect prepares sql, which binds it and runs nothing, and looks at its
// type.
func (d backend) CheckSelect(ctx context.Context, c *engine.Conn, sql string) error {
	var typ duckdb.StmtType
	err := d.prepare(ctx, c, sql, func(s *duckdb.Stmt) (err error) {
		typ, err = s.StatementType()
		return err
	})
	if err != nil {
		err = d.Explain(err, sql)
		if qe, ok := err.(*engine.QueryError); ok && isMany(qe.Err) {
			qe.Advice = "run one SELECT at a time"
			if strings.Contains(strings.ToLower(sql), "pivot") {
				qe.Advice = "list the values of the PIVOT with IN (…): without it DuckDB runs several statements"
			}
		}
		return err
	}
	if typ != duckdb.STATEMENT_TYPE_SELECT {
		return &engine.QueryError{Kind: engine.KindSyntax, Msg: "it is not a SELECT", Offset: 0, SQL: sql,
			Advice: "only one SELECT is run here: nothing that writes, sets or attaches"}
	}
	return nil
}

// prepare prepares one statement, shows it to f if that is not nil, and closes
// it. The error is the driver's.
func (backend) prepare(ctx context.Context, c *engine.Conn, sql string, f func(*duckdb.Stmt) error) error {
	return c.Raw(func(raw any) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		stmt, err := raw.(*duckdb.Conn).Prepare(sql)
		if err != nil {
			return err
		}
		defer stmt.Close()
		if f == nil {
			return nil
		}
		return f(stmt.(*duckdb.Stmt))
	})
}

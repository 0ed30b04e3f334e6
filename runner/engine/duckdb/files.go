package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"warehouse/runner/engine"
)

var (
	_ engine.BoundedDeleter = backend{}
	_ engine.Sizer          = backend{}
	_ engine.Compacter      = backend{}
	_ engine.Exporter       = backend{}
	_ engine.SyntaxTreer    = backend{}
)

// DeleteSome takes the run's first rows, in the order in which they are stored.
func (d backend) DeleteSome(table engine.Relation, runColumn, runID string, most int64) string {
	of := fmt.Sprintf("%s = %s", engine.Ident(runColumn), d.RunLiteral(runID))
	return fmt.Sprintf("DELETE FROM %s WHERE %s AND rowid < (SELECT min(rowid) + %d FROM %s WHERE %s)", table, of, most, table, of)
}

// TableBytes counts the blocks that hold segments of the table; small tables
// share blocks, so the sum over many is more than the file.
func (backend) TableBytes(table engine.Relation) string {
	return "SELECT count(DISTINCT b) * (SELECT max(block_size) FROM pragma_database_size() WHERE database_name = " + engine.Literal(Catalog) + ") FROM (\n" +
		"SELECT unnest(list_append(additional_block_ids, block_id)) AS b\nFROM pragma_storage_info(" + engine.Literal(table.String()) + ") WHERE persistent)"
}

func (backend) AttachFile(path, name string, readOnly bool) string {
	q := "ATTACH " + engine.Literal(path) + " AS " + engine.Ident(name)
	if readOnly {
		q += " (READ_ONLY)"
	}
	return q
}

func (backend) DetachFile(name string) []string {
	return []string{"CHECKPOINT " + engine.Ident(name), "DETACH " + engine.Ident(name)}
}

func (backend) Remark(table engine.Relation, text string) string {
	return "COMMENT ON TABLE " + table.String() + " IS " + engine.Literal(text)
}

func (backend) Remarks(name string) string {
	of := engine.Literal(name)
	return "SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE database_name = " + of +
		"\nUNION ALL SELECT schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal AND database_name = " + of
}

// Parquet has no integer of 128 bits, and DuckDB writes DOUBLE for one, which
// holds 15 digits. A field's name is followed by its type.
var wideInteger = regexp.MustCompile(`"(?:[^"]|"")*"|'(?:[^']|'')*'|\bU?HUGEINT(?:[,)[]|$)`)

func (backend) CopyQuery(query string, columns []engine.Column, path, format string) string {
	how := "FORMAT parquet"
	if format == "csv" {
		how = "FORMAT csv, HEADER true, NULLSTR ''" // an empty text equals NULLSTR, so it is quoted
	}
	var exact []string
	for _, c := range columns {
		to := wideInteger.ReplaceAllStringFunc(c.Type, func(word string) string {
			if _, after, ok := strings.Cut(word, "HUGEINT"); ok && word[0] != '"' && word[0] != '\'' {
				return "DECIMAL(38,0)" + after
			}
			return word
		})
		if format == "parquet" && to != c.Type {
			exact = append(exact, fmt.Sprintf("CAST(%[1]s AS %[2]s) AS %[1]s", engine.Ident(c.Name), to))
		}
	}
	if len(exact) > 0 {
		query = "SELECT * REPLACE (" + strings.Join(exact, ", ") + ") FROM (\n" + query + "\n)"
	}
	return "COPY (\n" + query + "\n) TO " + engine.Literal(path) + " (" + how + ")"
}

func (d backend) SyntaxTree(ctx context.Context, c *engine.Conn, sql string) ([]byte, error) {
	return d.tree(ctx, c, "json_serialize_sql", sql)
}

func (d backend) BoundTree(ctx context.Context, c *engine.Conn, sql string) ([]byte, error) {
	return d.tree(ctx, c, "json_serialize_plan", sql)
}

func (d backend) tree(ctx context.Context, c *engine.Conn, function, sql string) ([]byte, error) {
	var text string
	err := c.QueryRow(ctx, "SELECT "+function+"(CAST(? AS VARCHAR))::VARCHAR", []any{sql}, &text)
	if err != nil {
		if qe, ok := errors.AsType[*engine.QueryError](err); ok && qe.Kind != engine.KindCancelled {
			return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		}
		return nil, err
	}
	var head struct {
		Error   bool   `json:"error"`
		Message string `json:"error_message"`
	}
	if err := json.Unmarshal([]byte(text), &head); err != nil {
		return nil, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if head.Error {
		return nil, fmt.Errorf("%w: %s", errors.ErrUnsupported, strings.TrimSpace(head.Message))
	}
	return []byte(text), nil
}

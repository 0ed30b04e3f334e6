package mart

import (
	"context"
	"strings"

	"warehouse/runner/engine"
)

// Layouts returns the stored columns of every table in a schema ("" is the
// default one), by lower-cased table name, in the order in which they are
// stored.
func Layouts(ctx context.Context, c *engine.Conn, schema string) (map[string][]engine.Column, error) {
	query := c.DB().Dialect().Layouts(schema)
	rows, err := c.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string][]engine.Column{}
	for rows.Next() {
		var table string
		var col engine.Column
		if err := rows.Scan(&table, &col.Name, &col.Type); err != nil {
			return nil, err
		}
		table = strings.ToLower(table)
		all[table] = append(all[table], col)
	}
	if err := rows.Err(); err != nil {
		return nil, c.Explain(err, query)
	}
	return all, nil
}

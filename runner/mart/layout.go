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
	all := map[string][]engine.Column{}
	err := c.Each(ctx, c.DB().Dialect().Layouts(schema), nil, func(scan func(...any) error) error {
		var table string
		var col engine.Column
		err := scan(&table, &col.Name, &col.Type)
		table = strings.ToLower(table)
		all[table] = append(all[table], col)
		return err
	})
	return all, err
}

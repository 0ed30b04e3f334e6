package mart

import (
	"context"
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

// examples is how many broken keys an error shows.
const examples = 5

// CheckKey verifies that no key of a run is NULL in part or there twice: a
// *KeyError if one is. Without a key it does nothing. It is a query of its
// own: counting different keys is most of the cost of a write's verification,
// and does not get cheaper in another scan.
func CheckKey(ctx context.Context, c *engine.Conn, spec Spec, plan Plan, runID string) error {
	if len(plan.Key) == 0 {
		return nil
	}
	of := from(c.DB().Dialect(), spec.Table, plan.RunColumn, runID)
	null := isNull(plan.Key)
	e := &KeyError{Table: spec.Table, Key: spec.Key}
	var whole, distinct int64
	q := fmt.Sprintf("SELECT count(*) FILTER (WHERE %s), count(*) FILTER (WHERE NOT (%s)) %s", null, null, of)
	if err := c.QueryRow(ctx, q, nil, &e.Nulls, &whole); err != nil {
		return err
	}
	q = fmt.Sprintf("SELECT count(*) FROM (SELECT DISTINCT %s %s) AS k WHERE NOT (%s)", engine.Idents(plan.Key), of, null)
	if err := c.QueryRow(ctx, q, nil, &distinct); err != nil {
		return err
	}
	e.Duplicates = whole - distinct
	if e.Nulls == 0 && e.Duplicates == 0 {
		return nil
	}
	var err error
	if e.Examples, err = brokenKeys(ctx, c, spec.Key, plan.Key, of); err != nil {
		return err
	}
	return e
}

func isNull(columns []string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = engine.Ident(c) + " IS NULL"
	}
	return strings.Join(parts, " OR ")
}

// brokenKeys returns the most frequent keys that are repeated or NULL in part.
func brokenKeys(ctx context.Context, c *engine.Conn, names, physical []string, of string) ([]string, error) {
	var texts, order []string
	for i, p := range physical {
		texts = append(texts, fmt.Sprintf("CAST(%s AS %s)", engine.Ident(p), c.DB().Dialect().Types().Text))
		order = append(order, fmt.Sprint(i+1))
	}
	n := len(physical) + 1
	q := fmt.Sprintf("SELECT %s, count(*) %s GROUP BY %s HAVING count(*) > 1 OR %s ORDER BY %d DESC, %s LIMIT %d",
		strings.Join(texts, ", "), of, engine.Idents(physical), isNull(physical), n, strings.Join(order, ", "), examples)
	found, err := c.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var out []string
	for found.Next() {
		values := make([]*string, len(physical))
		var count int64
		dest := []any{}
		for i := range values {
			dest = append(dest, &values[i])
		}
		if err := found.Scan(append(dest, &count)...); err != nil {
			return nil, err
		}
		out = append(out, example(names, values, count))
	}
	if err := found.Err(); err != nil {
		return nil, c.Explain(err, q)
	}
	return out, nil
}

func example(names []string, values []*string, count int64) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		text := "NULL"
		if v != nil {
			text = *v
			if r := []rune(text); len(r) > 60 {
				text = string(r[:60]) + "…"
			}
		}
		fmt.Fprintf(&b, "%s = %s", names[i], text)
	}
	fmt.Fprintf(&b, ": %s", rows(count))
	return b.String()
}

package mart

import (
	"context"
	"fmt"
	"strings"

	"warehouse/runner/engine"
)

// examples is how many broken keys an error shows.
const examples = 5

// keyCheck verifies that no key of a run is NULL in part or there twice. It
// begins in the scan that counts the rows anyway (scanned), and ends with a
// query of its own (finish): counting different keys is most of the cost, and
// does not get cheaper in another scan.
type keyCheck struct {
	c         *engine.Conn
	spec      Spec
	plan      Plan
	of        string // FROM … WHERE of the run's rows
	typ       string // of a key of one column that may be counted by bits
	nulls     int64
	low, high *int64
}

// newKeyCheck returns nil if the mart has no key.
func newKeyCheck(c *engine.Conn, spec Spec, plan Plan, runID string) *keyCheck {
	if len(plan.Key) == 0 {
		return nil
	}
	k := &keyCheck{c: c, spec: spec, plan: plan, of: from(c.DB().Dialect(), spec.Table, plan.RunColumn, runID)}
	ic, ok := c.DB().Dialect().(engine.IntegerCounter)
	if ok && len(plan.Key) == 1 {
		for _, col := range plan.Columns {
			if col.Physical != plan.Key[0] {
				continue
			}
			if _, suits := ic.DistinctIntegers(col.Physical, col.Type, 0, 0, 1); suits {
				k.typ = col.Type
			}
		}
	}
	return k
}

// scanned returns aggregate expressions over the run's rows, and where their
// values go.
func (k *keyCheck) scanned() (exprs []string, dest []any) {
	exprs = []string{fmt.Sprintf("count(*) FILTER (WHERE %s)", isNull(k.plan.Key))}
	dest = []any{&k.nulls}
	if k.typ != "" {
		col := engine.Ident(k.plan.Key[0])
		exprs = append(exprs, fmt.Sprintf("min(%s)", col), fmt.Sprintf("max(%s)", col))
		dest = append(dest, &k.low, &k.high)
	}
	return exprs, dest
}

// finish counts the different keys of so many rows: a *KeyError if there are
// fewer than rows.
func (k *keyCheck) finish(ctx context.Context, total int64) error {
	e := &KeyError{Table: k.spec.Table, Key: k.spec.Key, Nulls: k.nulls}
	whole := total - k.nulls
	if whole > 0 {
		var distinct int64
		if err := k.c.QueryRow(ctx, k.distinct(whole), nil, &distinct); err != nil {
			return err
		}
		e.Duplicates = whole - distinct
	}
	if e.Nulls == 0 && e.Duplicates == 0 {
		return nil
	}
	var err error
	if e.Examples, err = brokenKeys(ctx, k.c, k.spec.Key, k.plan.Key, k.of, isNull(k.plan.Key)); err != nil {
		return err
	}
	return e
}

// distinct is the query for the number of different whole keys.
func (k *keyCheck) distinct(whole int64) string {
	if k.typ != "" && k.low != nil && k.high != nil {
		ic := k.c.DB().Dialect().(engine.IntegerCounter)
		if expr, ok := ic.DistinctIntegers(k.plan.Key[0], k.typ, *k.low, *k.high, whole); ok {
			return fmt.Sprintf("SELECT %s %s", expr, k.of)
		}
	}
	return fmt.Sprintf("SELECT count(*) FROM (SELECT DISTINCT %s %s) AS k WHERE NOT (%s)", engine.Idents(k.plan.Key), k.of, isNull(k.plan.Key))
}

// CheckKey verifies the key of a run that is written: a *KeyError if it does
// not hold. Without a key it does nothing.
func CheckKey(ctx context.Context, c *engine.Conn, spec Spec, plan Plan, runID string) error {
	k := newKeyCheck(c, spec, plan, runID)
	if k == nil {
		return nil
	}
	var total int64
	exprs, dest := k.scanned()
	q := fmt.Sprintf("SELECT %s %s", strings.Join(append(exprs, "count(*)"), ", "), k.of)
	if err := c.QueryRow(ctx, q, nil, append(dest, &total)...); err != nil {
		return err
	}
	return k.finish(ctx, total)
}

func isNull(columns []string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = engine.Ident(c) + " IS NULL"
	}
	return strings.Join(parts, " OR ")
}

// checkUnique verifies that no two rows of a run are equal in all columns of
// Spec.Unique: a *KeyError if two are.
func checkUnique(ctx context.Context, c *engine.Conn, spec Spec, plan Plan, runID string) error {
	if len(plan.Unique) == 0 {
		return nil
	}
	of := from(c.DB().Dialect(), spec.Table, plan.RunColumn, runID)
	e := &KeyError{Table: spec.Table, Key: spec.Unique, Unique: true}
	q := fmt.Sprintf("SELECT CAST(coalesce(sum(n - 1), 0) AS %s) FROM (SELECT count(*) AS n %s GROUP BY %s) AS k",
		c.DB().Dialect().Types().Int, of, engine.Idents(plan.Unique))
	if err := c.QueryRow(ctx, q, nil, &e.Duplicates); err != nil || e.Duplicates == 0 {
		return err
	}
	var err error
	if e.Examples, err = brokenKeys(ctx, c, spec.Unique, plan.Unique, of, "false"); err != nil {
		return err
	}
	return e
}

// brokenKeys returns the most frequent keys that are repeated, or for which or
// is true.
func brokenKeys(ctx context.Context, c *engine.Conn, names, physical []string, of, or string) ([]string, error) {
	var texts, order []string
	for i, p := range physical {
		texts = append(texts, fmt.Sprintf("CAST(%s AS %s)", engine.Ident(p), c.DB().Dialect().Types().Text))
		order = append(order, fmt.Sprint(i+1))
	}
	n := len(physical) + 1
	q := fmt.Sprintf("SELECT %s, count(*) %s GROUP BY %s HAVING count(*) > 1 OR %s ORDER BY %d DESC, %s LIMIT %d",
		strings.Join(texts, ", "), of, engine.Idents(physical), or, n, strings.Join(order, ", "), examples)
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

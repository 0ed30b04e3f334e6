// Package blame splits a change of a number between two runs into what new SQL
// did, what new data did, and what both did together.
//
//  1. Make runs SQL over whatever inputs are bound and keeps its rows in a
//     temporary table, beside the database: nothing of the target is written.
//  2. Value reads one number of such rows, or of a stored run.
//  3. Split takes the number of the four combinations of old and new SQL with
//     old and new inputs apart. It is exact: its parts add up to the total.
package blame

import (
	"context"
	"fmt"
	"math/big"
	"strings"

	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

// Parts of a change. A part that is nil is not known.
type Parts struct {
	Total, Code, Data, Both *Number
	// Within, if Both alone is nil, is the part that contains it: "code" or
	// "data".
	Within string
}

// Split takes a change apart. old is the number of the old SQL on old inputs,
// newCode of the new SQL on old inputs, newData of the old SQL on new inputs,
// new of the new SQL on new inputs:
//
//	code = newCode - old    data = newData - old    both = new - newCode - newData + old
//
// Without newCode, code is what is left after the data (new - newData), and the
// other way round; without either, only the total is known. What is known adds
// up to the total.
func Split(old, newCode, newData, new *Number) Parts {
	if old == nil || new == nil {
		return Parts{}
	}
	p := Parts{Total: new.less(old)}
	switch {
	case newCode != nil && newData != nil:
		p.Code, p.Data = newCode.less(old), newData.less(old)
		p.Both = p.Total.less(p.Code).less(p.Data)
	case newData != nil:
		p.Data, p.Code, p.Within = newData.less(old), new.less(newData), "code"
	case newCode != nil:
		p.Code, p.Data, p.Within = newCode.less(old), new.less(newCode), "data"
	}
	return p
}

// Number is an exact decimal number.
type Number struct {
	rat      big.Rat
	decimals int
}

// Int returns a whole number.
func Int(n int64) *Number {
	out := &Number{}
	out.rat.SetInt64(n)
	return out
}

// Parse reads a number as an engine writes it; false if it is not finite.
func Parse(text string) (*Number, bool) {
	if len(text) > 400 || strings.ContainsAny(text, "/_xXpPbBoO") {
		return nil, false
	}
	n := &Number{}
	if _, ok := n.rat.SetString(text); !ok {
		return nil, false
	}
	// The denominator of a decimal has as many twos and fives as it has digits.
	for ten, rest := big.NewInt(10), new(big.Int).Set(n.rat.Denom()); rest.Cmp(big.NewInt(1)) > 0; n.decimals++ {
		rest.Div(rest, new(big.Int).GCD(nil, nil, rest, ten))
	}
	return n, true
}

// Zero reports whether a number is known to be 0.
func (n *Number) Zero() bool { return n != nil && n.rat.Sign() == 0 }

// String returns all digits.
func (n *Number) String() string { return n.rat.FloatString(n.decimals) }

func (n *Number) less(m *Number) *Number {
	out := &Number{decimals: max(n.decimals, m.decimals)}
	out.rat.Sub(&n.rat, &m.rat)
	return out
}

// Make runs a SELECT over what is bound and keeps its rows in a temporary table
// of the session, which Drop removes.
func Make(ctx context.Context, c *engine.Conn, model, name, sql string) (*diff.Side, error) {
	columns, err := c.Describe(ctx, sql)
	if err != nil {
		return nil, err
	}
	if err := mart.CheckColumns(columns); err != nil {
		return nil, err
	}
	side := &diff.Side{Name: name, Rows: engine.Relation{Schema: "temp", Name: "blame " + name},
		Record: history.ModelRecord{Model: model, RowCount: -1, Status: history.ModelSuccess}}
	for _, col := range columns {
		side.Record.Layout.Columns = append(side.Record.Layout.Columns, mart.Column{Name: col.Name, Type: col.Type, Physical: col.Name})
	}
	_, err = c.Exec(ctx, "CREATE OR REPLACE TEMP TABLE "+side.Rows.String()+" AS\n"+sql)
	return side, err
}

// Drop removes the rows that Make kept.
func Drop(ctx context.Context, c *engine.Conn, s *diff.Side) error {
	_, err := c.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+s.Rows.String())
	return err
}

// Value computes an expression over the rows for which a condition is true. It
// is nil where the result is NULL or no finite number.
func Value(ctx context.Context, c *engine.Conn, rows engine.Relation, expr, where string) (*Number, error) {
	q := fmt.Sprintf("SELECT CAST((\n%s\n) AS %s) FROM %s", expr, c.DB().Dialect().Types().Text, rows)
	if where != "" {
		q += " WHERE (\n" + where + "\n)"
	}
	var text *string
	if err := c.QueryRow(ctx, q, nil, &text); err != nil || text == nil {
		return nil, err
	}
	n, _ := Parse(*text)
	return n, nil
}

package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
)

// keepContract compares the columns of a model's SELECT with those of its
// contract: by name without case, and by exact type. Nothing is cast. Columns
// may stand in any order; they are stored in the contract's.
func (b *build) keepContract(ctx context.Context, c *engine.Conn, t *task) error {
	n := t.node
	if n.Contract == nil || b.parent != "" { // a replay repeats what was, also what no contract would allow now
		return nil
	}
	declared, err := declaredTypes(ctx, c, t)
	if err != nil {
		return err
	}
	ordered := make([]engine.Column, 0, len(t.columns))
	var broken []string
	pos := diag.Pos{}
	tell := func(at diag.Pos, format string, args ...any) {
		if pos.Line == 0 {
			pos = at
		}
		broken = append(broken, fmt.Sprintf(format, args...))
	}
	used := make([]bool, len(t.columns))
	for i, col := range n.Columns {
		at := slices.IndexFunc(t.columns, func(o engine.Column) bool { return strings.EqualFold(o.Name, col.Name) })
		if at < 0 {
			tell(col.Pos, "%s (%s) is missing", col.Name, declared[i])
			continue
		}
		used[at] = true
		ordered = append(ordered, t.columns[at])
		if is := t.columns[at].Type; is != declared[i] {
			tell(col.Pos, "%s is %s, not %s as declared", col.Name, is, declared[i])
		}
	}
	for i, col := range t.columns {
		if !used[i] {
			tell(n.Contract.Pos, "%s (%s) is not declared", col.Name, col.Type)
		}
	}
	if len(broken) > 0 {
		return &diag.Error{Pos: pos, Msg: fmt.Sprintf("%s (%s) breaks its contract: %s", n.Name, n.File, strings.Join(broken, "; ")),
			Advice: "cast in the SELECT, or correct the contract: types are compared as they are"}
	}
	t.columns, t.rules = ordered, n.Contract.Rules
	return t.bindRules(ctx, c)
}

// bindRules finds constraints that cannot be asked, before anything is written.
func (t *task) bindRules(ctx context.Context, c *engine.Conn) error {
	if len(t.rules) == 0 {
		return nil
	}
	list := make([]string, len(t.columns))
	for i, col := range t.columns {
		list[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", col.Type, engine.Ident(col.Name))
	}
	from := " FROM (SELECT " + strings.Join(list, ", ") + ") AS r"
	for _, rule := range t.rules {
		if _, err := c.Describe(ctx, "SELECT "+rule.SQL+from); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return &diag.Error{Pos: rule.Pos, Msg: fmt.Sprintf("the contract of %s: %s: %s", t.node.Name, rule.What, err), Err: err}
		}
	}
	return nil
}

// declaredTypes are the types of a contract's columns as the engine spells
// them.
func declaredTypes(ctx context.Context, c *engine.Conn, t *task) ([]string, error) {
	casts := make([]string, len(t.node.Columns))
	for i, col := range t.node.Columns {
		casts[i] = fmt.Sprintf("CAST(NULL AS %s) AS c%d", col.DataType, i)
	}
	found, err := c.Describe(ctx, "SELECT "+strings.Join(casts, ", "))
	if err == nil && len(found) == len(casts) {
		out := make([]string, len(found))
		for i, col := range found {
			out[i] = col.Type
		}
		return out, nil
	}
	for i, col := range t.node.Columns {
		one, oneErr := c.Describe(ctx, "SELECT "+casts[i])
		if oneErr == nil && len(one) == 1 {
			continue
		}
		if oneErr == nil {
			oneErr = errors.New("it is no type")
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &diag.Error{Pos: col.Pos, Msg: fmt.Sprintf("the contract of %s: data_type %q of column %s: %s", t.node.Name, col.DataType, col.Name, oneErr), Err: oneErr,
			Advice: "write a type of the engine, such as integer, varchar or decimal(10,2)"}
	}
	return nil, err
}

// judgeContract says which constraints the written rows break; the counts are
// those of the contract's rules.
func (t *task) judgeContract(counts []int64) error {
	var broken []string
	pos := diag.Pos{}
	for i, rule := range t.rules {
		if counts[i] == 0 {
			continue
		}
		if len(broken) == 0 {
			pos = rule.Pos
		}
		rows := "rows break"
		if counts[i] == 1 {
			rows = "row breaks"
		}
		broken = append(broken, fmt.Sprintf("%d %s %s", counts[i], rows, rule.What))
	}
	if len(broken) == 0 {
		return nil
	}
	return &diag.Error{Pos: pos, Msg: fmt.Sprintf("%s (%s) breaks its contract: %s", t.node.Name, t.node.File, strings.Join(broken, "; ")),
		Advice: "correct the model, or what it reads; nothing of it was stored"}
}

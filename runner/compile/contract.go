package compile

import (
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/project"
)

// Contract is what a model with an enforced contract promises: its columns,
// with the types of Node.Columns, and what holds for its rows.
type Contract struct {
	Pos   diag.Pos // of the config
	Rules []Rule
}

// Rule is a constraint that is verified for the rows of each run.
type Rule struct {
	What string // "not_null of id", for errors
	SQL  string // an aggregate over the model's rows: how many break it
	Pos  diag.Pos
}

// contract reads the contract of a node, if it is enforced.
func (u *unit) contract(constraints []project.Constraint) {
	n := u.node
	if !n.Config.ContractEnforced {
		return
	}
	set := n.config["contract"]
	if n.Kind == "ephemeral" {
		u.config = append(u.config, configError(set, "a contract cannot be enforced on an ephemeral model: it has no rows of its own",
			"make it a view or a mart, or take the contract out"))
		return
	}
	if len(n.Columns) == 0 {
		u.config = append(u.config, configError(set, fmt.Sprintf("the contract of %s names no columns", n.Name),
			"describe its columns with data_type in YAML"))
		return
	}
	n.Contract = &Contract{Pos: set.Pos}
	c := &contractReader{u: u, n: n}
	for _, col := range n.Columns {
		if strings.TrimSpace(col.DataType) == "" {
			c.fail(col.Pos, fmt.Sprintf("the contract of %s: column %s has no data_type", n.Name, col.Name), "a contract says the type of every column")
		}
		for _, k := range col.Constraints {
			if k.Columns == nil {
				k.Columns = []string{col.Name}
			}
			c.constraint(k)
		}
	}
	for _, k := range constraints {
		c.constraint(k)
	}
}

type contractReader struct {
	u *unit
	n *Node
}

func (c *contractReader) fail(pos diag.Pos, msg, advice string) *diag.Error {
	e := &diag.Error{Pos: pos, Msg: msg, Advice: advice}
	c.u.config = append(c.u.config, e)
	return e
}

func (c *contractReader) warn(k project.Constraint, why, advice string) {
	if k.QuietUnenforced {
		return
	}
	c.fail(k.Pos, fmt.Sprintf("the constraint %s of %s is not enforced%s", k.Type, c.n.Name, why), advice).Warn = true
}

// constraint makes the rules of one constraint, or says that there are none.
func (c *contractReader) constraint(k project.Constraint) {
	switch k.Type {
	case "foreign_key":
		c.warn(k, "", "the data test relationships says the same, and is run")
		return
	case "custom":
		c.warn(k, "", "write it as a check or a data test")
		return
	}
	if c.n.Kind == "view" {
		c.warn(k, ": a view has no rows of its own", "write it as a data test, or make the model a mart")
		return
	}
	if k.Type == "check" {
		if strings.TrimSpace(k.Expression) == "" {
			c.fail(k.Pos, fmt.Sprintf("a check of %s has no expression", c.n.Name), "write expression: and a condition, in quotes")
			return
		}
		c.rule(k, fmt.Sprintf("check (%s)", k.Expression), "count(*) FILTER (WHERE NOT (\n"+k.Expression+"\n))")
		return
	}
	columns, ok := c.columns(k)
	if !ok {
		return
	}
	if k.Type == "primary_key" && len(c.n.Config.PrimaryKey) == 0 {
		c.n.Config.PrimaryKey = columns // which is verified in any case
	}
	if k.Type == "primary_key" && slices.EqualFunc(c.n.Config.PrimaryKey, columns, strings.EqualFold) {
		return
	}
	if k.Type != "unique" {
		for _, col := range columns {
			c.rule(k, fmt.Sprintf("%s of %s", k.Type, col), "count(*) FILTER (WHERE "+engine.Ident(col)+" IS NULL)")
		}
	}
	if k.Type != "not_null" {
		filled := make([]string, len(columns))
		for i, col := range columns {
			filled[i] = engine.Ident(col) + " IS NOT NULL"
		}
		filter := " FILTER (WHERE " + strings.Join(filled, " AND ") + ")"
		c.rule(k, fmt.Sprintf("%s of %s", k.Type, strings.Join(columns, ", ")), "count(*)"+filter+" - count(DISTINCT ("+engine.Idents(columns)+"))"+filter)
	}
}

func (c *contractReader) rule(k project.Constraint, what, sql string) {
	c.n.Contract.Rules = append(c.n.Contract.Rules, Rule{What: what, SQL: sql, Pos: k.Pos})
}

// columns are those that a constraint names, as the contract spells them.
func (c *contractReader) columns(k project.Constraint) ([]string, bool) {
	var out, known []string
	for _, col := range c.n.Columns {
		known = append(known, col.Name)
	}
	if len(k.Columns) == 0 {
		c.fail(k.Pos, fmt.Sprintf("the constraint %s of %s names no columns", k.Type, c.n.Name), "write columns: [a, b]")
		return nil, false
	}
	for _, name := range k.Columns {
		at := slices.IndexFunc(known, func(o string) bool { return strings.EqualFold(o, name) })
		if at < 0 {
			e := c.fail(k.Pos, fmt.Sprintf("the constraint %s names %s, which is no column of the contract of %s", k.Type, name, c.n.Name), "its columns are "+strings.Join(known, ", "))
			if near := diag.Nearest(name, known); near != "" {
				e.Msg += fmt.Sprintf("; did you mean %s?", near)
			}
			return nil, false
		}
		out = append(out, known[at])
	}
	return out, true
}

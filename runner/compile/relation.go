package compile

import (
	"errors"
	"fmt"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// relation is what ref, source and this evaluate to: dbt's Relation, as far as
// templates look at one. Printing it writes its quoted dotted name.
type relation struct {
	engine.Relation
	kind    string // "table", "view", "cte", "external"; "" if not known
	hide    parts  // left out when it is printed
	bare    parts  // printed without quotes
	literal string // printed as it stands, without parts: a file of an external source
	filter  string // printed as a subquery of the rows for which it is true
}

// parts says something of each part of a name.
type parts struct{ database, schema, identifier bool }

// set returns p with the named arguments of c applied; by position the order is
// database, schema, identifier.
func (p parts) set(c *jinja.Call) (parts, error) {
	v, err := args(c, "a relation's method", "database?", "schema?", "identifier?")
	if err != nil {
		return p, err
	}
	for i, to := range []*bool{&p.database, &p.schema, &p.identifier} {
		if b, ok := v[i].(bool); ok {
			*to = b
		}
	}
	return p, nil
}

// policy returns p as a mapping says it: {'database': false} takes a part out.
func (p parts) policy(given jinja.Value) parts {
	d, ok := given.(*jinja.Dict)
	if !ok {
		return p
	}
	for part, to := range map[string]*bool{"database": &p.database, "schema": &p.schema, "identifier": &p.identifier} {
		if v, ok := d.Get(part); ok {
			*to = !jinja.Truth(v)
		}
	}
	return p
}

// policy is a relation's include_policy or quote_policy.
type policy parts

func (p policy) TypeName() string { return "Policy" }

func (p policy) String() string {
	return fmt.Sprintf("Policy(database=%s, schema=%s, identifier=%s)", jinja.Str(p.database), jinja.Str(p.schema), jinja.Str(p.identifier))
}

// Attr says whether a part is printed, or quoted.
func (p policy) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "database":
		return p.database, true
	case "schema":
		return p.schema, true
	case "identifier":
		return p.identifier, true
	}
	return nil, false
}

func (p parts) not() parts { return parts{!p.database, !p.schema, !p.identifier} }

func (r *relation) TypeName() string { return "Relation" }

// String is the name as SQL, or a subquery of the rows that count.
func (r *relation) String() string {
	if r.filter != "" {
		return "(select * from " + r.whole() + " where " + r.filter + ")"
	}
	return r.whole()
}

// whole is the name as SQL.
func (r *relation) whole() string {
	if r.literal != "" {
		return r.literal
	}
	var b strings.Builder
	for _, p := range []struct {
		name       string
		hide, bare bool
	}{
		{r.Database, r.hide.database, r.bare.database},
		{r.Schema, r.hide.schema, r.bare.schema},
		{r.Name, r.hide.identifier, r.bare.identifier},
	} {
		if p.name == "" || p.hide {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		if p.bare {
			b.WriteString(p.name)
		} else {
			b.WriteString(engine.Ident(p.name))
		}
	}
	return b.String()
}

// Repr is how dbt-duckdb shows one inside of a list: not SQL, so that a list that is
// printed by a slip does not pass as one.
func (r *relation) Repr() string { return "<DuckDBRelation " + r.String() + ">" }

// Dict is the relation as the mapping that it is in dbt: packages ask for its
// metadata to tell a relation from other values.
func (r *relation) Dict() *jinja.Dict {
	return dict("metadata", dict("type", "Relation"), "path", r.path(), "type", orNone(r.kind), "quote_character", `"`)
}

func (r *relation) path() *jinja.Dict {
	return dict("database", orNone(r.Database), "schema", orNone(r.Schema), "identifier", r.Name)
}

// orNone is a part as a template sees it: None where there is none.
func orNone(s string) jinja.Value {
	if s == "" {
		return nil
	}
	return s
}

// Attr returns an attribute or method of dbt's Relation.
func (r *relation) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "database":
		return orNone(r.Database), true
	case "schema":
		return orNone(r.Schema), true
	case "identifier", "name", "table":
		return orNone(r.Name), true
	case "type":
		return orNone(r.kind), true
	case "is_table", "is_view", "is_cte":
		return r.kind == name[len("is_"):], true
	case "is_dynamic_table", "is_materialized_view", "is_hive_metastore":
		return false, true
	case "include_policy":
		return policy(r.hide.not()), true
	case "quote_policy":
		return policy(r.bare.not()), true
	case "quoted":
		return fn(name, func(c *jinja.Call) (jinja.Value, error) {
			v, err := args(c, name, "identifier")
			if err != nil {
				return nil, err
			}
			return engine.Ident(jinja.Str(v[0])), nil
		}), true
	case "path":
		return r.path(), true
	case "metadata", "quote_character":
		return r.Dict().Get(name)
	case "get":
		return fn(name, func(c *jinja.Call) (jinja.Value, error) {
			v, err := args(c, "get", "key", "default?")
			if err != nil {
				return nil, err
			}
			if found, ok := r.Attr(jinja.Str(v[0])); ok {
				return found, nil
			}
			return v[1], nil
		}), true
	case "include":
		return fn(name, func(c *jinja.Call) (jinja.Value, error) {
			p, err := r.hide.not().set(c)
			cp := *r
			cp.hide = p.not()
			return &cp, err
		}), true
	case "quote":
		return fn(name, func(c *jinja.Call) (jinja.Value, error) {
			p, err := r.bare.not().set(c)
			cp := *r
			cp.bare = p.not()
			return &cp, err
		}), true
	case "without_identifier":
		return fn(name, func(*jinja.Call) (jinja.Value, error) {
			cp := *r
			cp.hide.identifier, cp.Name = true, ""
			return &cp, nil
		}), true
	case "incorporate", "replace":
		return fn(name, r.incorporate), true
	case "replace_path":
		return fn(name, r.replacePath), true
	case "render":
		return fn(name, func(*jinja.Call) (jinja.Value, error) { return r.whole(), nil }), true
	case "matches":
		return fn(name, r.matches), true
	case "information_schema", "information_schema_only":
		return fn(name, r.informationSchema), true
	}
	return nil, false
}

// informationSchema is a view of the database's information schema, or that
// schema itself.
func (r *relation) informationSchema(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "information_schema", "view_name?")
	if err != nil {
		return nil, err
	}
	view, _ := v[0].(string)
	return &relation{Relation: engine.Relation{Database: r.Database, Schema: "INFORMATION_SCHEMA", Name: view}, bare: parts{schema: true, identifier: true}}, nil
}

// incorporate returns a copy with some things replaced: path={…}, type='view'.
func (r *relation) incorporate(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "incorporate", "path?", "type?", "quote_policy?", "include_policy?")
	if err != nil {
		return nil, err
	}
	cp := *r
	if path, ok := v[0].(*jinja.Dict); ok {
		cp.setPath(path)
	}
	if s, ok := v[1].(string); ok {
		cp.kind = s
	}
	cp.bare, cp.hide = cp.bare.policy(v[2]), cp.hide.policy(v[3])
	return &cp, nil
}

// replacePath returns a copy with other parts of its name.
func (r *relation) replacePath(c *jinja.Call) (jinja.Value, error) {
	if len(c.Args) > 0 {
		return nil, errors.New("replace_path takes its parts by name: replace_path(identifier='x')")
	}
	cp := *r
	if c.Kwargs != nil {
		cp.setPath(c.Kwargs)
	}
	return &cp, nil
}

// setPath replaces the parts that are given; None leaves a part out.
func (r *relation) setPath(path *jinja.Dict) {
	r.literal = ""
	for part, to := range map[string]*string{"database": &r.Database, "schema": &r.Schema, "identifier": &r.Name} {
		if v, ok := path.Get(part); ok {
			*to, _ = v.(string)
		}
	}
}

// matches compares the parts that are given, without case.
func (r *relation) matches(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "matches", "database?", "schema?", "identifier?")
	if err != nil {
		return nil, err
	}
	for i, part := range []string{r.Database, r.Schema, r.Name} {
		if s, ok := v[i].(string); ok && !strings.EqualFold(s, part) {
			return false, nil
		}
	}
	return true, nil
}

// createRelation is api.Relation.create.
func createRelation(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "api.Relation.create", "database?", "schema?", "identifier?", "type?", "quote_policy?", "include_policy?")
	if err != nil {
		return nil, err
	}
	r := &relation{}
	for i, to := range []*string{&r.Database, &r.Schema, &r.Name, &r.kind} {
		if s, ok := v[i].(string); ok {
			*to = s
		}
	}
	r.bare, r.hide = r.bare.policy(v[4]), r.hide.policy(v[5])
	return r, nil
}

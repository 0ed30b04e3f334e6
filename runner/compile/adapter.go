package compile

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// adapter is dbt's adapter, as far as a model that only reads needs it.
// Anything that would change the database is an error: models are stored by
// the run, never by their templates. It is made once for a render: every macro
// that dispatches asks for it.
func (r *render) adapter() jinja.Value {
	if r.adapterObject == nil {
		r.adapterObject = r.makeAdapter()
	}
	return r.adapterObject
}

func (r *render) makeAdapter() jinja.Value {
	methods := map[string]func(*jinja.Call) (jinja.Value, error){
		"dispatch":                       r.dispatch,
		"quote":                          r.quote,
		"quote_as_configured":            r.quote,
		"quote_seed_column":              r.quoteSeedColumn,
		"type":                           func(*jinja.Call) (jinja.Value, error) { return r.opts.Dialect, nil },
		"get_relation":                   r.getRelation,
		"get_columns_in_relation":        r.columnsInRelation,
		"get_missing_columns":            r.missingColumns,
		"get_column_schema_from_query":   r.columnsOfQuery,
		"check_schema_exists":            r.schemaExists,
		"list_relations_without_caching": r.listRelations,
		"list_relations":                 r.listRelations,
		"expand_target_column_types":     nothing,
		"cache_added":                    nothing,
		"cache_dropped":                  nothing,
		"already_exists":                 r.alreadyExists,
		"escape_sql_string":              r.escapeText,
		"commit":                         nothing,
		"is_replaceable":                 func(*jinja.Call) (jinja.Value, error) { return true, nil },
		"convert_datetimes_to_strs":      func(c *jinja.Call) (jinja.Value, error) { return c.Args[0], nil },
		"is_motherduck":                  func(*jinja.Call) (jinja.Value, error) { return false, nil },
		"disable_transactions":           func(*jinja.Call) (jinja.Value, error) { return false, nil },
		"external_root":                  func(*jinja.Call) (jinja.Value, error) { return ".", nil },
	}
	return &namespace{"adapter", func(name string) (jinja.Value, bool) {
		switch name {
		case "Relation":
			return relationClass(), true
		case "Column":
			return columnClass(r.opts.Dialect), true
		case "behavior":
			return r.behavior(), true
		case "config":
			return fixed("config", map[string]jinja.Value{"credentials": r.target(), "project_name": r.project.Name}), true
		}
		if m := methods[name]; m != nil {
			return fn("adapter."+name, m), true
		}
		if changesDatabase[name] {
			return fn("adapter."+name, func(*jinja.Call) (jinja.Value, error) {
				if r.hooks {
					return "", nil // it is told of when the hook's turn comes, if it comes
				}
				return nil, fmt.Errorf("adapter.%s changes the database: here the run stores models, templates only read", name)
			}), true
		}
		if notOfAdapter[name] {
			return fn("adapter."+name, func(*jinja.Call) (jinja.Value, error) {
				return nil, &lookupError{msg: "dbt's adapter." + name + " is not here", advice: storesModels}
			}), true
		}
		return nil, false
	}, namesOf(methods)}
}

// behavior is the project's behavior flags: each is true or false itself, and
// its no_warn too.
func (r *render) behavior() jinja.Value {
	return &namespace{"behavior", func(name string) (jinja.Value, bool) {
		on := slices.Contains(r.project.Behavior, name)
		return behaviorFlag{fixed(name, map[string]jinja.Value{"no_warn": on}), on}, true
	}, nil}
}

// behaviorFlag is one of them.
type behaviorFlag struct {
	*namespace
	on bool
}

func (f behaviorFlag) Truth() bool { return f.on }

var changesDatabase = oneOf("create_schema", "drop_schema", "drop_relation", "rename_relation", "truncate_relation",
	"execute", "add_query", "alter_column_type", "expand_column_types", "add_columns", "rename_column")

func nothing(*jinja.Call) (jinja.Value, error) { return "", nil }

// api is dbt's api: classes to make relations and columns with.
func (r *render) api() jinja.Value {
	return fixed("api", map[string]jinja.Value{"Relation": relationClass(), "Column": columnClass(r.opts.Dialect)})
}

func relationClass() jinja.Value {
	kinds := map[string]jinja.Value{"Table": "table", "View": "view", "CTE": "cte", "MaterializedView": "materialized_view", "External": "external"}
	names := map[string]jinja.Value{"create": fn("api.Relation.create", createRelation), "get_relation_type": fixed("RelationType", kinds)}
	maps.Copy(names, kinds)
	return &class{namespace: fixed("Relation", names), call: createRelation}
}

func (r *render) quote(c *jinja.Call) (jinja.Value, error) {
	if len(c.Args) == 0 {
		return nil, errors.New("adapter.quote needs a name")
	}
	if err := noSecret("adapter.quote", c.Args[0]); err != nil {
		return nil, err
	}
	return engine.Ident(jinja.Str(c.Args[0])), nil
}

// quoteSeedColumn quotes a name unless its second argument says false.
func (r *render) quoteSeedColumn(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "adapter.quote_seed_column", "column", "quote_config?")
	if err != nil {
		return nil, err
	}
	if v[1] == false {
		return v[0], nil
	}
	return r.quote(&jinja.Call{Args: v[:1]})
}

// getRelation finds a table or view, or returns None.
func (r *render) getRelation(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "adapter.get_relation", "database?", "schema?", "identifier?", "*")
	if err != nil {
		return nil, err
	}
	if !r.execute() {
		return nil, nil
	}
	rel := &relation{}
	for i, to := range []*string{&rel.Database, &rel.Schema, &rel.Name} {
		if s, ok := v[i].(string); ok {
			*to = s
		}
	}
	found, err := r.findRelations(rel.Database, rel.Schema, rel.Name)
	if err != nil || len(found.Items) == 0 {
		return nil, err
	}
	return found.Items[0], nil
}

func (r *render) listRelations(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "adapter.list_relations", "database?", "schema?", "*")
	if err != nil {
		return nil, err
	}
	if rel, ok := v[0].(*relation); ok {
		return r.findRelations(rel.Database, rel.Schema, "")
	}
	db, _ := v[0].(string)
	schema, _ := v[1].(string)
	return r.findRelations(db, schema, "")
}

// realDatabase is what the engine calls a database: dbt-duckdb calls the one of
// the target after its file, and templates may have that name in them.
func (r *render) realDatabase(name string) string {
	path, _ := r.project.Target.Value().Get("path")
	file, _ := path.(string)
	stem, _, _ := strings.Cut(filepath.Base(file), ".")
	if real, ok := r.database().(string); ok && file != "" && strings.EqualFold(name, stem) {
		return real
	}
	return name
}

// findRelations asks the information schema; "" matches anything.
func (r *render) findRelations(database, schema, name string) (*jinja.List, error) {
	out := &jinja.List{}
	var where []string
	database = r.realDatabase(database)
	for _, c := range []struct{ column, value string }{{"table_catalog", database}, {"table_schema", schema}, {"table_name", name}} {
		if c.value != "" {
			where = append(where, "lower("+c.column+") = lower("+engine.Literal(c.value)+")")
		}
	}
	if len(where) == 0 || !r.execute() {
		return out, nil
	}
	t, err := r.query("select table_catalog, table_schema, table_name, table_type from information_schema.tables where " +
		strings.Join(where, " and ") + " order by 1, 2, 3")
	if err != nil {
		return nil, err
	}
	for _, row := range t.rows {
		kind := "table"
		if strings.Contains(strings.ToLower(jinja.Str(row[3])), "view") {
			kind = "view"
		}
		out.Items = append(out.Items, &relation{Relation: engine.Relation{Database: jinja.Str(row[0]), Schema: jinja.Str(row[1]), Name: jinja.Str(row[2])}, kind: kind})
	}
	return out, nil
}

// columnsInRelation asks the engine for the columns of a relation: the model's
// own ones, as ref reads them.
func (r *render) columnsInRelation(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "adapter.get_columns_in_relation", "relation")
	if err != nil {
		return nil, err
	}
	out := &jinja.List{}
	if !r.execute() || v[0] == nil {
		return out, nil
	}
	if rel, ok := v[0].(*relation); ok && rel.kind == "cte" {
		return nil, fmt.Errorf("%s is an ephemeral model: its columns cannot be asked for", rel.Name)
	}
	t, err := r.query("select * from " + jinja.Str(v[0]) + " limit 0")
	if err != nil {
		return nil, err
	}
	for _, col := range t.columns {
		out.Items = append(out.Items, typesOf(r.opts.Dialect).read(col))
	}
	return out, nil
}

// columnsOfQuery describes what a query returns.
func (r *render) columnsOfQuery(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "adapter.get_column_schema_from_query", "sql")
	if err != nil {
		return nil, err
	}
	return r.columnsInRelation(&jinja.Call{Args: []jinja.Value{"(\n" + jinja.Str(v[0]) + "\n) as described"}})
}

// missingColumns are those of the first relation that the second has not.
func (r *render) missingColumns(c *jinja.Call) (jinja.Value, error) {
	if len(c.Args) != 2 {
		return nil, errors.New("adapter.get_missing_columns needs two relations")
	}
	has := map[string]bool{}
	out := &jinja.List{}
	for i := 1; i >= 0; i-- {
		cols, err := r.columnsInRelation(&jinja.Call{Args: c.Args[i : i+1]})
		if err != nil {
			return nil, err
		}
		for _, v := range cols.(*jinja.List).Items {
			name := strings.ToLower(v.(*column).name)
			switch {
			case i == 1:
				has[name] = true
			case !has[name]:
				out.Items = append(out.Items, v)
			}
		}
	}
	return out, nil
}

// alreadyExists is adapter.already_exists(schema, name).
func (r *render) alreadyExists(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "adapter.already_exists", "schema", "name")
	if err != nil {
		return nil, err
	}
	found, err := r.findRelations("", jinja.Str(v[0]), jinja.Str(v[1]))
	return err == nil && len(found.Items) > 0, err
}

func (r *render) escapeText(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "adapter.escape_sql_string", "value")
	if err != nil {
		return nil, err
	}
	if err := noSecret("adapter.escape_sql_string", v[0]); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(jinja.Str(v[0]), "'", "''"), nil
}

func (r *render) schemaExists(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "adapter.check_schema_exists", "database?", "schema")
	if err != nil || !r.execute() {
		return false, err
	}
	t, err := r.query("select 1 from information_schema.schemata where lower(schema_name) = lower(" + engine.Literal(jinja.Str(v[1])) + ")")
	if err != nil {
		return nil, err
	}
	return len(t.rows) > 0, nil
}

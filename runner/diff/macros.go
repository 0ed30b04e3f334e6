package diff

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/mart"
)

//go:embed sql/*.sql
var macroFiles embed.FS

// RowsSchema holds a view for each mart: the rows of all runs that were
// published, each row and its key as one value. The table macros read it.
const RowsSchema = "warehouse_history"

// Macros are the statements that make history(mart) and changes(mart, a, b) in
// the storage schema, for any SQL client; nil where the engine has no such
// macros.
func Macros(d engine.Dialect, storage string) []string {
	m, ok := d.(engine.Macros)
	if !ok {
		return nil
	}
	at := func(name string) engine.Relation {
		return engine.Relation{Database: d.Catalog(), Schema: storage, Name: name}
	}
	return []string{
		m.ScalarMacro(at("run_of"), []string{"mart_name", "spec"}, macroText("run_of", storage)),
		m.TableMacro(at("history"), []string{"mart_name"}, macroText("history", storage)),
		m.TableMacro(at("changes"), []string{"mart_name", "a", "b"}, macroText("changes", storage)),
	}
}

// macroText fills in the names, in two parts: a macro is stored in the database,
// which may be attached under any name. {rows} stands inside of a text value.
func macroText(name, storage string) string {
	b, err := macroFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // the files are compiled in
	}
	return strings.NewReplacer("{storage}", engine.Ident(storage), "{rows}", RowsSchema).Replace(string(b))
}

// RunRows is a SELECT of (run_id, key, row) over all published runs of a mart,
// layouts being those of its runs, the live one first: key and row are each one
// value, equal where the rows are. A column has the type that holds the values
// of all runs without loss, and is NULL in runs that do not have it. Without a
// key the row is its own.
func RunRows(d engine.Dialect, storage, name string, layouts []history.Layout) string {
	live := layouts[0]
	table := engine.Relation{Schema: live.Schema, Name: live.Table}
	var fields, key []string
	for _, c := range unionColumns(layouts) {
		field := engine.Literal(c.name) + ": " + c.value
		fields = append(fields, field)
		if inKey(c.name, keyOf(live)) {
			key = append(key, field)
		}
	}
	row := "{" + strings.Join(fields, ", ") + "}"
	keyValue := row
	if len(key) > 0 {
		keyValue = "{" + strings.Join(key, ", ") + "}"
	}
	run := "t." + engine.Ident(live.RunColumn)
	return fmt.Sprintf("SELECT %s AS run_id, %s AS \"key\", %s AS \"row\"\nFROM %s AS t\nWHERE %s IN (SELECT p.run_id FROM %s AS p WHERE p.mart = %s)",
		run, keyValue, row, table, run, engine.Relation{Schema: storage, Name: "run_publication_mart"}, engine.Literal(name))
}

// unionColumn is a column of any run of a mart.
type unionColumn struct{ name, value string }

// unionColumns are the columns of all layouts. Of the stored columns that hold
// one at most one is not NULL in a row: a run writes those of its own layout.
func unionColumns(layouts []history.Layout) []unionColumn {
	var order []string
	stored, created := map[string][]mart.Column{}, map[string]bool{}
	for _, l := range layouts {
		created[fold(l.CreatedColumn)] = true
		for _, c := range l.Columns {
			name := fold(c.Name)
			if stored[name] == nil {
				order = append(order, c.Name)
			}
			if !slices.ContainsFunc(stored[name], func(o mart.Column) bool { return strings.EqualFold(o.Physical, c.Physical) }) {
				stored[name] = append(stored[name], c)
			}
		}
	}
	var out []unionColumn
	for _, name := range order {
		columns := stored[fold(name)]
		if slices.ContainsFunc(columns, func(c mart.Column) bool { return created[fold(c.Physical)] }) {
			continue // in other runs it holds when the row was written
		}
		as := columns[0].Type
		for _, c := range columns[1:] {
			if as = unify(parseType(as), parseType(c.Type)).as; !parseType(as).real() {
				as = "VARCHAR"
			}
		}
		values := make([]string, len(columns))
		for i, c := range columns {
			values[i] = "t." + engine.Ident(c.Physical)
			if c.Type == as {
				continue
			}
			if as == zoned && instants[parseType(c.Type).base] {
				values[i] = lang{}.naive(values[i])
			}
			values[i] = cast(as)(values[i])
		}
		value := values[0]
		if len(values) > 1 {
			value = "coalesce(" + strings.Join(values, ", ") + ")"
		}
		out = append(out, unionColumn{name, value})
	}
	return out
}

// real is false of a form in which values are only compared.
func (t typ) real() bool {
	if t.base == "digits" {
		return false
	}
	for _, f := range t.fields {
		if !f.typ.real() {
			return false
		}
	}
	return !slices.ContainsFunc(t.elem, func(e typ) bool { return !e.real() })
}

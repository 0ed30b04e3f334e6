package compile

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// tableMethods are the methods of agate's tables that templates use. Those that
// are not here are clear errors.
var tableMethods = map[string]func(*table, *jinja.Call) (jinja.Value, error){
	"select": (*table).selectColumns, "exclude": (*table).exclude, "rename": (*table).rename,
	"where": (*table).where, "find": (*table).find, "order_by": (*table).orderBy, "limit": (*table).limit, "distinct": (*table).distinct,
	"print_table": (*table).printTable, "print_structure": (*table).printStructure,
}

// notOfTables are agate's other methods: each is a clear error.
var notOfTables = oneOf("aggregate", "bar_chart", "bins", "column_chart", "compute", "denormalize", "from_csv", "from_fixed", "from_json",
	"from_object", "group_by", "homogenize", "join", "line_chart", "merge", "normalize", "pivot", "print_bars", "print_csv", "print_html",
	"print_json", "scatterplot", "to_csv", "to_json")

// method is a method of the table, or nil.
func (t *table) method(name string) jinja.Value {
	m := tableMethods[name]
	if m == nil && !notOfTables[name] {
		return nil
	}
	return fn(name, func(c *jinja.Call) (jinja.Value, error) {
		if m == nil {
			return nil, fmt.Errorf("%s of a query's result is not there: let the query do it, or use its rows", name)
		}
		return m(t, c)
	})
}

// fork is a table of other rows.
func (t *table) fork(rows [][]jinja.Value) *table {
	return &table{columns: t.columns, rows: rows, print: t.print}
}

// index is the place of a column of that very name.
func (t *table) index(name jinja.Value) (int, error) {
	for i, c := range t.columns {
		if jinja.Equal(c.Name, name) {
			return i, nil
		}
	}
	return 0, missing(fmt.Sprintf("the result has no column %s", jinja.Repr(name)), jinja.Str(name), t.names())
}

// keys are one name, or a list of them.
func keys(v jinja.Value) []jinja.Value {
	switch v := v.(type) {
	case *jinja.List:
		return v.Items
	case jinja.Tuple:
		return v
	case jinja.Object:
		if s, ok := v.(jinja.Slicer); ok {
			return s.Slice()
		}
	}
	return []jinja.Value{v}
}

func (t *table) selectColumns(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "select", "key")
	if err != nil {
		return nil, err
	}
	return t.only(keys(v[0]))
}

func (t *table) only(names []jinja.Value) (jinja.Value, error) {
	out := t.fork(make([][]jinja.Value, len(t.rows)))
	out.columns = nil
	var at []int
	for _, name := range names {
		i, err := t.index(name)
		if err != nil {
			return nil, err
		}
		at, out.columns = append(at, i), append(out.columns, t.columns[i])
	}
	for r, row := range t.rows {
		for _, i := range at {
			out.rows[r] = append(out.rows[r], row[i])
		}
	}
	return out, nil
}

func (t *table) exclude(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "exclude", "key")
	if err != nil {
		return nil, err
	}
	var kept []jinja.Value
	for _, name := range t.names() {
		if !slices.ContainsFunc(keys(v[0]), func(k jinja.Value) bool { return jinja.Equal(k, name) }) {
			kept = append(kept, name)
		}
	}
	return t.only(kept)
}

func (t *table) rename(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "rename", "column_names?", "row_names?", "slug_columns?", "slug_rows?")
	if err != nil {
		return nil, err
	}
	if v[1] != nil || jinja.Truth(v[2]) || jinja.Truth(v[3]) {
		return nil, errors.New("rename takes column_names here: a list, or a mapping of old names to new ones")
	}
	names := texts(t.names())
	switch given := v[0].(type) {
	case nil:
	case *jinja.Dict:
		for i, old := range names {
			if name, ok := given.Get(old); ok {
				names[i] = name
			}
		}
	default:
		if names = keys(given); len(names) != len(t.columns) {
			return nil, fmt.Errorf("rename has %s for %s", counted(len(names), "name"), counted(len(t.columns), "column"))
		}
	}
	out := t.fork(t.rows)
	out.columns = nil
	for i, name := range names {
		text, ok := name.(string)
		if !ok {
			return nil, fmt.Errorf("a name of a column must be a text, not %s", jinja.Repr(name))
		}
		out.columns = append(out.columns, engine.Column{Name: text, Type: t.columns[i].Type})
	}
	return out, nil
}

func (t *table) where(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "where", "test")
	if err != nil {
		return nil, err
	}
	out := t.fork(nil)
	for i, row := range t.rows {
		ok, err := c.CallValue(v[0], []jinja.Value{t.row(i)}, nil)
		if err != nil {
			return nil, err
		}
		if jinja.Truth(ok) {
			out.rows = append(out.rows, row)
		}
	}
	return out, nil
}

func (t *table) find(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "find", "test")
	if err != nil {
		return nil, err
	}
	for i := range t.rows {
		ok, err := c.CallValue(v[0], []jinja.Value{t.row(i)}, nil)
		if err != nil || jinja.Truth(ok) {
			return t.row(i), err
		}
	}
	return nil, nil
}

// keyOf is what a row is sorted by, or told apart by: a column's value, a
// tuple of them, or what a macro returns.
func (t *table) keyOf(c *jinja.Call, key jinja.Value, row int) (jinja.Value, error) {
	switch k := key.(type) {
	case string:
		i, err := t.index(k)
		if err != nil {
			return nil, err
		}
		return t.rows[row][i], nil
	case *jinja.List, jinja.Tuple:
		var out jinja.Tuple
		for _, name := range keys(k) {
			i, err := t.index(name)
			if err != nil {
				return nil, err
			}
			out = append(out, t.rows[row][i])
		}
		return out, nil
	}
	return c.CallValue(key, []jinja.Value{t.row(row)}, nil)
}

// orderBy sorts the rows; NULL stands behind all else.
func (t *table) orderBy(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "order_by", "key", "reverse?")
	if err != nil {
		return nil, err
	}
	order := make([]jinja.Value, len(t.rows))
	for i := range order {
		order[i] = int64(i)
	}
	err = sortBy(order, func(i jinja.Value) (jinja.Value, error) { return t.keyOf(c, v[0], int(i.(int64))) }, jinja.Truth(v[1]))
	if err != nil {
		return nil, err
	}
	out := t.fork(nil)
	for _, i := range order {
		out.rows = append(out.rows, t.rows[i.(int64)])
	}
	return out, nil
}

// sortBy sorts values by a key each, stable, none behind all else.
func sortBy(values []jinja.Value, key func(jinja.Value) (jinja.Value, error), reverse bool) error {
	type keyed struct{ key, value jinja.Value }
	all := make([]keyed, len(values))
	for i, v := range values {
		k, err := key(v)
		if err != nil {
			return err
		}
		all[i] = keyed{k, v}
	}
	var failed error
	sort.SliceStable(all, func(i, j int) bool {
		if reverse {
			i, j = j, i
		}
		less, err := before(all[i].key, all[j].key)
		if err != nil {
			failed = err
		}
		return less
	})
	for i, k := range all {
		values[i] = k.value
	}
	return failed
}

// before is <, with none behind all else, in tuples too.
func before(a, b jinja.Value) (bool, error) {
	if a == nil || b == nil {
		return a != nil, nil
	}
	x, ok := a.(jinja.Tuple)
	y, ok2 := b.(jinja.Tuple)
	if !ok || !ok2 {
		return jinja.Less(a, b)
	}
	for i := range min(len(x), len(y)) {
		if !jinja.Equal(x[i], y[i]) {
			return before(x[i], y[i])
		}
	}
	return len(x) < len(y), nil
}

// limit is limit(stop), or limit(start, stop, step).
func (t *table) limit(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "limit", "start_or_stop?", "stop?", "step?")
	if err != nil {
		return nil, err
	}
	bounds := [3]jinja.Value{nil, v[0], nil}
	if jinja.Truth(v[1]) || jinja.Truth(v[2]) {
		bounds = [3]jinja.Value(v)
	}
	order := make(jinja.Tuple, len(t.rows))
	for i := range order {
		order[i] = int64(i)
	}
	picked, err := jinja.Slice(order, bounds)
	if err != nil {
		return nil, err
	}
	out := t.fork(nil)
	for _, i := range picked.(jinja.Tuple) {
		out.rows = append(out.rows, t.rows[i.(int64)])
	}
	return out, nil
}

func (t *table) distinct(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "distinct", "key?")
	if err != nil {
		return nil, err
	}
	switch v[0].(type) {
	case *jinja.List, jinja.Tuple: // agate compares generators then, and keeps every row
		return nil, errors.New("distinct takes one column: select those that count first, result.select([…]).distinct()")
	}
	out := t.fork(nil)
	var seen []jinja.Value
	for i, row := range t.rows {
		key := jinja.Value(jinja.Tuple(row))
		if v[0] != nil {
			if key, err = t.keyOf(c, v[0], i); err != nil {
				return nil, err
			}
		}
		if !slices.ContainsFunc(seen, func(s jinja.Value) bool { return jinja.Equal(s, key) }) {
			seen, out.rows = append(seen, key), append(out.rows, row)
		}
	}
	return out, nil
}

// typeNames are the types that dbt gives an agate table: by the values of each
// column.
func (t *table) typeNames() []string {
	out := make([]string, len(t.columns))
	for j := range t.columns {
		out[j] = "Integer"
		for _, row := range t.rows {
			if row[j] == nil {
				continue
			}
			switch v := row[j].(type) {
			case string:
				out[j] = "Text"
			case bool:
				out[j] = "Boolean"
			case float64, *jinja.Decimal:
				out[j] = "Number"
			case jinja.Object:
				out[j] = map[string]string{"date": "Date", "datetime": "DateTime"}[v.TypeName()]
			}
			break
		}
	}
	return out
}

// structure is what print_structure prints: columns and types.
func (t *table) structure() string {
	s := &table{columns: []engine.Column{{Name: "column", Type: "varchar"}, {Name: "data_type", Type: "varchar"}}}
	for i, typ := range t.typeNames() {
		s.rows = append(s.rows, []jinja.Value{t.columns[i].Name, typ})
	}
	return s.text(layout{rows: len(s.rows), columns: 2, width: -1, places: 3})
}

func (t *table) printStructure(c *jinja.Call) (jinja.Value, error) {
	if _, err := args(c, "print_structure"); err != nil {
		return nil, err
	}
	t.print(strings.TrimSuffix(t.structure(), "\n"))
	return nil, nil
}

// printTable is print_table(max_rows=20, max_columns=6, output,
// max_column_width=20, locale, max_precision=3), to where print() goes.
func (t *table) printTable(c *jinja.Call) (jinja.Value, error) {
	params := []string{"max_rows", "max_columns", "output", "max_column_width", "locale", "max_precision"}
	optional := make([]string, len(params))
	for i, p := range params {
		optional[i] = p + "?"
	}
	v, err := args(c, "print_table", optional...)
	if err != nil {
		return nil, err
	}
	if v[2] != nil || v[4] != nil {
		return nil, errors.New("print_table prints to the log, with English numbers: it takes no output and no locale")
	}
	number := func(i int, standard, none int) int {
		switch n := v[i].(type) {
		case int64:
			return max(0, int(n))
		case nil:
			if i >= len(c.Args) && !hasKey(c.Kwargs, params[i]) {
				return standard
			}
			return none
		}
		if err == nil {
			err = fmt.Errorf("%s must be a number or none, not %s", params[i], jinja.Repr(v[i]))
		}
		return standard
	}
	l := layout{rows: number(0, 20, len(t.rows)), columns: number(1, 6, len(t.columns)), width: number(3, 20, -1), places: number(5, 3, 1000)}
	if err != nil {
		return nil, err
	}
	t.print(strings.TrimSuffix(t.text(l), "\n"))
	return nil, nil
}

func hasKey(d *jinja.Dict, key string) bool {
	if d == nil {
		return false
	}
	_, ok := d.Get(key)
	return ok
}

// layout is how much of a table is printed; a width of -1 has no bound.
type layout struct{ rows, columns, width, places int }

func (l layout) cut(s string) string {
	if r := []rune(s); l.width >= 0 && len(r) > l.width {
		return string(r[:max(0, l.width-3)]) + "..."
	}
	return s
}

// text is the table as agate prints it, a Markdown table.
func (t *table) text(l layout) string {
	types := t.typeNames()
	shown := min(l.columns, len(t.columns))
	cells := [][]string{nil}
	for _, c := range t.columns[:shown] {
		cells[0] = append(cells[0], l.cut(c.Name))
	}
	if shown < len(t.columns) {
		cells[0] = append(cells[0], "...")
	}
	numbers := make([]func(jinja.Value) string, shown)
	for j := range numbers {
		if types[j] == "Number" {
			numbers[j] = t.numbers(j, l)
		}
	}
	for _, row := range t.rows[:min(l.rows, len(t.rows))] {
		var line []string
		for j, v := range row[:shown] {
			text := jinja.Str(v)
			switch {
			case v == nil:
				text = ""
			case numbers[j] != nil:
				text = numbers[j](v)
			}
			line = append(line, l.cut(text))
		}
		if shown < len(t.columns) {
			line = append(line, "...")
		}
		cells = append(cells, line)
	}
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for j, cell := range line {
			widths[j] = max(widths[j], len([]rune(cell)))
		}
	}
	rule := make([]string, len(widths))
	for j, w := range widths {
		rule[j] = strings.Repeat("-", w)
	}
	var b strings.Builder
	write := func(line []string) {
		for j, cell := range line {
			if pad := strings.Repeat(" ", max(0, widths[j]-len([]rune(cell)))); types[j] == "Text" {
				cell += pad
			} else {
				cell = pad + cell
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
	}
	write(cells[0])
	b.WriteString("| " + strings.Join(rule, " | ") + " |\n")
	for _, line := range cells[1:] {
		write(line)
	}
	if l.rows < len(t.rows) {
		write(slices.Repeat([]string{"..."}, len(widths)))
	}
	return b.String()
}

// numbers writes the numbers of a column, all with as many places as the one
// that has most.
func (t *table) numbers(col int, l layout) func(jinja.Value) string {
	places, more := 0, ""
	for _, row := range t.rows[:min(l.rows, len(t.rows))] {
		if d, ok := row[col].(*jinja.Decimal); ok {
			text, _ := d.Format("f")
			_, fraction, _ := strings.Cut(text, ".")
			places = max(places, len(strings.TrimRight(fraction, "0")))
		}
	}
	if places > l.places {
		places, more = l.places, "…"
	}
	return func(v jinja.Value) string {
		d, ok := v.(*jinja.Decimal)
		if !ok {
			return jinja.Str(v)
		}
		text, err := d.Format(fmt.Sprintf(",.%df", places))
		if err != nil {
			return jinja.Str(v)
		}
		return text + more
	}
}

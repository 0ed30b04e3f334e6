package compile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// table is a query's result as dbt gives it to templates, an agate.Table:
// columns and rows, each found by number and by name.
type table struct {
	columns []engine.Column
	rows    [][]jinja.Value
}

func newTable(columns []engine.Column, rows [][]any) *table {
	t := &table{columns: columns, rows: make([][]jinja.Value, len(rows))}
	for i, r := range rows {
		t.rows[i] = make([]jinja.Value, len(r))
		for j, v := range r {
			t.rows[i][j] = agateValue(columns[j].Type, v)
		}
	}
	return t
}

// agateValue is a value of a result as agate has it: whole numbers as int, all
// others as Decimal, days as date, points in time as datetime; what agate has
// no type for is text.
func agateValue(typ string, v any) jinja.Value {
	typ = strings.ToLower(typ)
	switch v := v.(type) {
	case float64:
		return decimal(jinja.Repr(v), v)
	case float32:
		return decimal(strconv.FormatFloat(float64(v), 'g', -1, 32), float64(v))
	case time.Time:
		switch {
		case typ == "date":
			return jinja.Date(v)
		case !strings.Contains(typ, "zone") && typ != "timestamptz":
			return jinja.NaiveDatetime(v)
		}
	case string:
		switch {
		case strings.HasPrefix(typ, "decimal"), strings.HasPrefix(typ, "numeric"):
			return decimal(v, v)
		case typ == "date":
			if day, err := time.Parse(time.DateOnly, v); err == nil {
				return jinja.Date(day)
			}
		}
	}
	return jinja.FromGo(v)
}

// decimal is a number as Decimal; infinity and what is none stay as they are.
func decimal(text string, orElse jinja.Value) jinja.Value {
	d, err := jinja.ParseDecimal(text)
	if err != nil {
		return orElse
	}
	return d
}

func (t *table) names() []string {
	out := make([]string, len(t.columns))
	for i, c := range t.columns {
		out[i] = c.Name
	}
	return out
}

func (t *table) TypeName() string { return "Table" }
func (t *table) String() string   { return fmt.Sprintf("<Table %s>", strings.Join(t.names(), ", ")) }
func (t *table) Len() int         { return len(t.rows) }

// Truth is that of an agate table: it is one, even without rows.
func (t *table) Truth() bool { return true }

// Attr returns an attribute or method.
func (t *table) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "columns":
		return t.series("columns", len(t.columns), t.names(), func(i int) jinja.Value { return &tableColumn{t, i} }), true
	case "rows":
		return t.series("rows", len(t.rows), nil, func(i int) jinja.Value { return t.row(i) }), true
	case "column_names":
		var names jinja.Tuple
		for _, n := range t.names() {
			names = append(names, n)
		}
		return names, true
	case "column_types":
		var types jinja.Tuple
		for _, c := range t.columns {
			types = append(types, c.Type)
		}
		return types, true
	case "print_table", "print_csv", "print_json":
		return fn(name, func(*jinja.Call) (jinja.Value, error) { return nil, nil }), true
	}
	return nil, false
}

// Iterate runs over the rows.
func (t *table) Iterate() (*jinja.Iterator, error) {
	return t.series("rows", len(t.rows), nil, func(i int) jinja.Value { return t.row(i) }).Iterate()
}

func (t *table) row(i int) jinja.Value {
	return t.series("row", len(t.columns), t.names(), func(j int) jinja.Value { return t.rows[i][j] })
}

func (t *table) series(what string, n int, names []string, at func(int) jinja.Value) *series {
	return &series{what: what, n: n, names: names, at: at}
}

// series is agate's MappedSequence: values in order, which may have names.
type series struct {
	what  string
	n     int
	names []string
	at    func(int) jinja.Value
}

func (s *series) TypeName() string { return "MappedSequence" }
func (s *series) Len() int         { return s.n }

func (s *series) String() string {
	texts := make([]string, s.n)
	for i := range texts {
		texts[i] = jinja.Repr(s.at(i))
	}
	return "<agate." + s.what + ": (" + strings.Join(texts, ", ") + ")>"
}

func (s *series) all() jinja.Tuple {
	t := make(jinja.Tuple, s.n)
	for i := range t {
		t[i] = s.at(i)
	}
	return t
}

// named is the value of that name: exactly, or else without case.
func (s *series) named(name string) (jinja.Value, bool) {
	for i, n := range s.names {
		if n == name {
			return s.at(i), true
		}
	}
	for i, n := range s.names {
		if strings.EqualFold(n, name) {
			return s.at(i), true
		}
	}
	return nil, false
}

// Attr returns a method, or the value of that name.
func (s *series) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "values":
		return fn(name, func(*jinja.Call) (jinja.Value, error) { return s.all(), nil }), true
	case "keys":
		return fn(name, func(*jinja.Call) (jinja.Value, error) { return list(s.names), nil }), true
	case "items":
		return fn(name, func(*jinja.Call) (jinja.Value, error) {
			l := &jinja.List{}
			for i, n := range s.names {
				l.Items = append(l.Items, jinja.Tuple{n, s.at(i)})
			}
			return l, nil
		}), true
	case "get":
		return fn(name, func(c *jinja.Call) (jinja.Value, error) {
			v, err := args(c, "get", "key", "default?")
			if err != nil {
				return nil, err
			}
			if found, ok := s.named(jinja.Str(v[0])); ok {
				return found, nil
			}
			return v[1], nil
		}), true
	case "dict":
		return fn(name, func(*jinja.Call) (jinja.Value, error) {
			d := jinja.NewDict()
			for i, n := range s.names {
				_ = d.Set(n, s.at(i))
			}
			return d, nil
		}), true
	}
	return s.named(name)
}

// Index is s[key]: a number, from the end if negative, or a name.
func (s *series) Index(key jinja.Value) (jinja.Value, bool, error) {
	switch k := key.(type) {
	case int64:
		if k < 0 {
			k += int64(s.n)
		}
		if k < 0 || k >= int64(s.n) {
			return nil, false, nil
		}
		return s.at(int(k)), true, nil
	case string:
		v, ok := s.named(k)
		return v, ok, nil
	}
	return nil, false, nil
}

// Iterate runs over the values.
func (s *series) Iterate() (*jinja.Iterator, error) {
	i := 0
	return jinja.NewIterator("iterator", func() (jinja.Value, bool, error) {
		if i >= s.n {
			return nil, false, nil
		}
		i++
		return s.at(i - 1), true, nil
	}), nil
}

// tableColumn is one column of a table.
type tableColumn struct {
	t *table
	i int
}

func (c *tableColumn) TypeName() string { return "Column" }
func (c *tableColumn) String() string   { return "<agate.Column: " + c.t.columns[c.i].Name + ">" }
func (c *tableColumn) Len() int         { return len(c.t.rows) }

func (c *tableColumn) series() *series {
	return c.t.series("column", len(c.t.rows), nil, func(r int) jinja.Value { return c.t.rows[r][c.i] })
}

// Attr returns an attribute or method.
func (c *tableColumn) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "name":
		return c.t.columns[c.i].Name, true
	case "data_type":
		return c.t.columns[c.i].Type, true
	case "index":
		return int64(c.i), true
	case "values_distinct", "values_without_nulls":
		return fn(name, func(*jinja.Call) (jinja.Value, error) {
			var out jinja.Tuple
			seen := jinja.NewDict()
			for _, v := range c.series().all() {
				_, again := seen.Get(v)
				if name == "values_distinct" && again || name == "values_without_nulls" && v == nil {
					continue
				}
				if err := seen.Set(v, true); err != nil && name == "values_distinct" {
					return nil, err
				}
				out = append(out, v)
			}
			return out, nil
		}), true
	}
	return c.series().Attr(name)
}

// Index is c[n].
func (c *tableColumn) Index(key jinja.Value) (jinja.Value, bool, error) { return c.series().Index(key) }

// Iterate runs over the values.
func (c *tableColumn) Iterate() (*jinja.Iterator, error) { return c.series().Iterate() }

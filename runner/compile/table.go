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
	print   func(text string) // for print_table and its like
}

func newTable(columns []engine.Column, rows [][]any, print func(string)) *table {
	t := &table{columns: columns, rows: make([][]jinja.Value, len(rows)), print: print}
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
func (t *table) String() string   { return t.structure() }
func (t *table) Len() int         { return len(t.rows) }

// Truth is that of an agate table: it is one, even without rows.
func (t *table) Truth() bool { return true }

// Attr returns an attribute or method.
func (t *table) Attr(name string) (jinja.Value, bool) {
	switch name {
	case "columns":
		return t.series("MappedSequence", len(t.columns), t.names(), func(i int) jinja.Value { return &tableColumn{t, i} }), true
	case "rows":
		return t.all(), true
	case "row_names":
		return nil, true
	case "column_names":
		return texts(t.names()), true
	case "column_types":
		var types jinja.Tuple
		for _, c := range t.columns {
			types = append(types, c.Type)
		}
		return types, true
	}
	m := t.method(name)
	return m, m != nil
}

// all are the rows.
func (t *table) all() *series {
	return t.series("MappedSequence", len(t.rows), nil, func(i int) jinja.Value { return t.row(i) })
}

// Index is t[n], a row.
func (t *table) Index(key jinja.Value) (jinja.Value, bool, error) { return t.all().Index(key) }

// Slice are the rows.
func (t *table) Slice() []jinja.Value { return t.all().Slice() }

func texts(list []string) jinja.Tuple {
	out := make(jinja.Tuple, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// Iterate runs over the rows.
func (t *table) Iterate() (*jinja.Iterator, error) {
	return t.all().Iterate()
}

func (t *table) row(i int) jinja.Value {
	return t.series("Row", len(t.columns), t.names(), func(j int) jinja.Value { return t.rows[i][j] })
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

func (s *series) TypeName() string { return s.what }
func (s *series) Len() int         { return s.n }

func (s *series) String() string {
	texts := make([]string, min(s.n, 5))
	for i := range texts {
		texts[i] = jinja.Repr(s.at(i))
	}
	if s.n > 5 {
		texts = append(texts, "...")
	}
	return "<agate." + s.what + ": (" + strings.Join(texts, ", ") + ")>"
}

func (s *series) all() jinja.Tuple { return s.Slice() }

// Slice are the values.
func (s *series) Slice() []jinja.Value {
	t := make(jinja.Tuple, s.n)
	for i := range t {
		t[i] = s.at(i)
	}
	return t
}

// Equal compares the values, with those of any sequence.
func (s *series) Equal(other jinja.Value) bool {
	switch o := other.(type) {
	case *series:
		return jinja.Equal(s.all(), o.all())
	case *tableColumn:
		return jinja.Equal(s.all(), o.series().all())
	case *jinja.List:
		return jinja.Equal(s.all(), jinja.Tuple(o.Items))
	case jinja.Tuple:
		return jinja.Equal(s.all(), o)
	}
	return false
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
		return fn(name, func(*jinja.Call) (jinja.Value, error) {
			if s.names == nil {
				return nil, nil
			}
			return texts(s.names), nil
		}), true
	case "items":
		return fn(name, func(*jinja.Call) (jinja.Value, error) {
			if s.names == nil {
				return nil, fmt.Errorf("the rows of a table have no names: items() is of one row, and of columns")
			}
			t := make(jinja.Tuple, s.n)
			for i, n := range s.names {
				t[i] = jinja.Tuple{n, s.at(i)}
			}
			return t, nil
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
			if s.names == nil {
				return nil, fmt.Errorf("the rows of a table have no names: dict() is of one row, and of columns")
			}
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
func (c *tableColumn) String() string   { return c.series().String() }
func (c *tableColumn) Len() int         { return len(c.t.rows) }

func (c *tableColumn) series() *series {
	return c.t.series("Column", len(c.t.rows), nil, func(r int) jinja.Value { return c.t.rows[r][c.i] })
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
	case "values_sorted", "values_without_nulls_sorted":
		return fn(name, func(*jinja.Call) (jinja.Value, error) {
			var out []jinja.Value
			for _, v := range c.series().all() {
				if v != nil || name == "values_sorted" {
					out = append(out, v)
				}
			}
			err := sortBy(out, func(v jinja.Value) (jinja.Value, error) { return v, nil }, false)
			return &jinja.List{Items: out}, err
		}), true
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

// Slice are the values.
func (c *tableColumn) Slice() []jinja.Value { return c.series().Slice() }

// Equal compares the values.
func (c *tableColumn) Equal(other jinja.Value) bool { return c.series().Equal(other) }

// Iterate runs over the values.
func (c *tableColumn) Iterate() (*jinja.Iterator, error) { return c.series().Iterate() }

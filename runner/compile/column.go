package compile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// column is dbt's Column: api.Column(…), and what
// adapter.get_columns_in_relation returns. It says what dbt's column of the
// same engine says, to the byte: on DuckDB a VARCHAR's data_type is `character
// varying(256)`, and a type that has its sizes inside of dtype, DECIMAL(10,2),
// is neither numeric nor a number.
type column struct {
	types       *columnTypes
	name, dtype string
	size        jinja.Value // char_size; none where it was not given
	precision   jinja.Value
	scale       jinja.Value
}

// columnTypes is what an engine's columns know of types.
type columnTypes struct {
	class                         string
	text, integer, float, numeric map[string]bool
	stringType                    string            // with a length
	labels                        map[string]string // dbt's common names that the engine has another one for
	openText                      bool              // a text without a length stays one
	sizesInside                   bool              // get_columns_in_relation leaves sizes in dtype
}

var (
	duckdbColumns = &columnTypes{
		class: "DuckDBColumn", stringType: "character varying", sizesInside: true,
		text: oneOf("text", "character varying", "character", "varchar"),
		integer: oneOf("tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
			"int1", "int2", "int4", "int8", "short", "int", "signed", "long"),
		float:   oneOf("real", "float", "float4", "float8", "double"),
		numeric: oneOf("numeric", "decimal"),
		labels:  map[string]string{"STRING": "TEXT"},
	}
	trinoColumns = &columnTypes{
		class: "TrinoColumn", stringType: "varchar", openText: true,
		text:    oneOf("varchar", "char", "varbinary", "json"),
		integer: oneOf("tinyint", "smallint", "integer", "int", "bigint"),
		float:   oneOf("real", "double", "double precision"),
		numeric: oneOf("decimal"),
		labels:  map[string]string{"STRING": "VARCHAR", "FLOAT": "DOUBLE"},
	}
)

func typesOf(dialect string) *columnTypes {
	if dialect == "trino" {
		return trinoColumns
	}
	return duckdbColumns
}

func oneOf(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

func (c *column) TypeName() string { return "Column" }

// String is Python's text of a dataclass.
func (c *column) String() string {
	s := fmt.Sprintf("%s(column=%s, dtype=%s, char_size=%s, numeric_precision=%s, numeric_scale=%s", c.types.class,
		jinja.Repr(c.name), jinja.Repr(c.dtype), jinja.Repr(c.size), jinja.Repr(c.precision), jinja.Repr(c.scale))
	if c.types == duckdbColumns {
		s += ", fields=" + jinja.Repr(c.fields())
	}
	return s + ")"
}

// Equal compares all that was given.
func (c *column) Equal(other jinja.Value) bool {
	o, ok := other.(*column)
	return ok && c.types == o.types && c.name == o.name && c.dtype == o.dtype &&
		jinja.Equal(c.size, o.size) && jinja.Equal(c.precision, o.precision) && jinja.Equal(c.scale, o.scale)
}

func (c *column) is(family map[string]bool) bool { return family[strings.ToLower(c.dtype)] }

func (c *column) isNumber() bool {
	return c.is(c.types.integer) || c.is(c.types.float) || c.is(c.types.numeric)
}

// stringSize is the length of a text; 256 where the type has none.
func (c *column) stringSize() int64 {
	if n, ok := c.size.(int64); ok && c.dtype != "text" {
		return n
	}
	return 256
}

// dataType is the type as SQL, with its sizes.
func (c *column) dataType() string {
	switch {
	case c.is(c.types.text) && c.types.openText && c.size == nil:
		return c.dtype
	case c.is(c.types.text):
		return fmt.Sprintf("%s(%d)", c.types.stringType, c.stringSize())
	case c.is(c.types.numeric):
		return sized(c.dtype, c.precision, c.scale)
	}
	return c.dtype
}

func sized(dtype string, precision, scale jinja.Value) string {
	if precision == nil || scale == nil {
		return dtype
	}
	return dtype + "(" + jinja.Str(precision) + "," + jinja.Str(scale) + ")"
}

// Attr returns an attribute or method.
func (c *column) Attr(name string) (jinja.Value, bool) {
	method := func(f func() jinja.Value) (jinja.Value, bool) {
		return fn(name, func(*jinja.Call) (jinja.Value, error) { return f(), nil }), true
	}
	switch name {
	case "name", "column":
		return c.name, true
	case "quoted":
		return engine.Ident(c.name), true
	case "dtype":
		return c.dtype, true
	case "data_type", "expanded_data_type":
		return c.dataType(), true
	case "char_size":
		return c.size, true
	case "numeric_precision":
		return c.precision, true
	case "numeric_scale":
		return c.scale, true
	case "fields":
		return c.fields(), true
	case "string_size":
		return fn(name, func(*jinja.Call) (jinja.Value, error) {
			if !c.is(c.types.text) {
				return nil, fmt.Errorf("string_size: column %s is no text but %s", c.name, c.dtype)
			}
			return c.stringSize(), nil
		}), true
	case "literal":
		return fn(name, func(call *jinja.Call) (jinja.Value, error) {
			v, err := args(call, "literal", "value")
			if err != nil {
				return nil, err
			}
			return jinja.Str(v[0]) + "::" + c.dataType(), nil
		}), true
	case "can_expand_to":
		return fn(name, func(call *jinja.Call) (jinja.Value, error) {
			v, err := args(call, "can_expand_to", "other_column")
			if err != nil {
				return nil, err
			}
			o, ok := v[0].(*column)
			return ok && c.is(c.types.text) && o.is(o.types.text) && o.stringSize() > c.stringSize(), nil
		}), true
	case "is_string":
		return method(func() jinja.Value { return c.is(c.types.text) })
	case "is_integer":
		return method(func() jinja.Value { return c.is(c.types.integer) })
	case "is_float":
		return method(func() jinja.Value { return c.is(c.types.float) })
	case "is_numeric":
		return method(func() jinja.Value { return c.is(c.types.numeric) })
	case "is_number":
		return method(func() jinja.Value { return c.isNumber() })
	case "is_struct":
		return method(func() jinja.Value { return c.isStruct() })
	case "flatten":
		return method(func() jinja.Value { return c.flatten() })
	}
	return nil, false
}

func (c *column) isStruct() bool { return strings.HasPrefix(strings.ToLower(c.dtype), "struct") }

var structType = regexp.MustCompile(`(?is)^struct\((.*)\)`)

// fields are the fields of a struct, as columns.
func (c *column) fields() *jinja.List {
	out := &jinja.List{}
	m := structType.FindStringSubmatch(c.dtype)
	if m == nil {
		return out
	}
	depth, start := 0, 0
	for i, r := range m[1] + "," {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			field := strings.TrimSpace(m[1][start:i])
			name, typ, _ := strings.Cut(field, " ")
			out.Items = append(out.Items, &column{types: c.types, name: name, dtype: typ})
			start = i + 1
		}
	}
	return out
}

// flatten is the column itself, or the innermost fields of a struct under
// dotted names.
func (c *column) flatten() *jinja.List {
	if !c.isStruct() {
		return &jinja.List{Items: []jinja.Value{c}}
	}
	out := &jinja.List{}
	for _, f := range c.fields().Items {
		for _, inner := range f.(*column).flatten().Items {
			leaf := *inner.(*column)
			leaf.name = c.name + "." + leaf.name
			out.Items = append(out.Items, &leaf)
		}
	}
	return out
}

// columnClass is api.Column: a constructor with static methods.
func columnClass(dialect string) jinja.Value {
	t := typesOf(dialect)
	static := func(name string, f func(v []jinja.Value) (jinja.Value, error), params ...string) jinja.Value {
		name = "api.Column." + name
		return fn(name, func(c *jinja.Call) (jinja.Value, error) {
			v, err := args(c, name, params...)
			if err != nil {
				return nil, err
			}
			return f(v)
		})
	}
	return &class{
		namespace: fixed("Column", map[string]jinja.Value{
			"create": static("create", func(v []jinja.Value) (jinja.Value, error) {
				return &column{types: t, name: jinja.Str(v[0]), dtype: t.translate(jinja.Str(v[1]))}, nil
			}, "name", "label_or_dtype"),
			"from_description": static("from_description", func(v []jinja.Value) (jinja.Value, error) {
				return t.describe(jinja.Str(v[0]), jinja.Str(v[1]))
			}, "name", "raw_data_type"),
			"translate_type": static("translate_type", func(v []jinja.Value) (jinja.Value, error) {
				return t.translate(jinja.Str(v[0])), nil
			}, "dtype"),
			"string_type": static("string_type", func(v []jinja.Value) (jinja.Value, error) {
				return t.stringType + "(" + jinja.Str(v[0]) + ")", nil
			}, "size"),
			"numeric_type": static("numeric_type", func(v []jinja.Value) (jinja.Value, error) {
				return sized(jinja.Str(v[0]), v[1], v[2]), nil
			}, "dtype", "precision?", "scale?"),
		}),
		call: t.construct,
	}
}

// class is a namespace that can be called too.
type class struct {
	*namespace
	call func(c *jinja.Call) (jinja.Value, error)
}

// Invoke makes an instance.
func (k *class) Invoke(c *jinja.Call) (jinja.Value, error) { return k.call(c) }

func (t *columnTypes) construct(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "api.Column", "column", "dtype", "char_size?", "numeric_precision?", "numeric_scale?")
	if err != nil {
		return nil, err
	}
	return &column{types: t, name: jinja.Str(v[0]), dtype: jinja.Str(v[1]), size: v[2], precision: v[3], scale: v[4]}, nil
}

// translate writes dbt's common type names as the engine's; any other type is
// returned as it is.
func (t *columnTypes) translate(dtype string) string {
	if label, ok := t.labels[strings.ToUpper(dtype)]; ok {
		return label
	}
	return dtype
}

var describedType = regexp.MustCompile(`^([^(]+)(?:\(([^)]+)\))?`)

// describe takes a type's text apart: varchar(20), decimal(10,2).
func (t *columnTypes) describe(name, text string) (*column, error) {
	m := describedType.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("api.Column.from_description cannot read the type %s", jinja.Repr(text))
	}
	c := &column{types: t, name: name, dtype: m[1]}
	if m[2] == "" {
		return c, nil
	}
	var sizes []jinja.Value
	for _, part := range strings.Split(m[2], ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("api.Column.from_description cannot read the type %s: %s is no whole number", jinja.Repr(text), jinja.Repr(part))
		}
		sizes = append(sizes, n)
	}
	switch len(sizes) {
	case 1:
		c.size = sizes[0]
	case 2:
		c.precision, c.scale = sizes[0], sizes[1]
	}
	return c, nil
}

// read makes the column of a result.
func (t *columnTypes) read(col engine.Column) *column {
	if !t.sizesInside {
		if c, err := t.describe(col.Name, col.Type); err == nil && (c.is(t.text) || c.is(t.numeric)) {
			return c
		}
	}
	return &column{types: t, name: col.Name, dtype: col.Type}
}

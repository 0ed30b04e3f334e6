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
// adapter.get_columns_in_relation returns.
type column struct {
	name, typ string
}

var sizedType = regexp.MustCompile(`(?i)^\s*([a-z ]+?)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)\s*$`)

func (c *column) TypeName() string { return "Column" }
func (c *column) String() string   { return fmt.Sprintf("<Column %s (%s)>", c.name, c.typ) }

// base is the type without its size, with the sizes; -1 where there is none.
func (c *column) base() (name string, first, second int) {
	m := sizedType.FindStringSubmatch(c.typ)
	if m == nil {
		return c.typ, -1, -1
	}
	first, _ = strconv.Atoi(m[2])
	second = -1
	if m[3] != "" {
		second, _ = strconv.Atoi(m[3])
	}
	return m[1], first, second
}

func orNoneInt(n int) jinja.Value {
	if n < 0 {
		return nil
	}
	return int64(n)
}

// Families of types, as dbt's Column tells them apart.
var (
	textTypes    = oneOf("text", "character varying", "character", "varchar", "char", "string", "bpchar")
	floatTypes   = oneOf("real", "float4", "float", "float8", "double precision", "double")
	integerTypes = oneOf("tinyint", "smallint", "integer", "bigint", "int", "hugeint", "int1", "int2", "int4", "int8",
		"utinyint", "usmallint", "uinteger", "ubigint", "uhugeint", "smallserial", "serial", "bigserial")
	numericTypes = oneOf("numeric", "decimal")
)

func oneOf(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// Attr returns an attribute or method.
func (c *column) Attr(name string) (jinja.Value, bool) {
	base, first, second := c.base()
	base = strings.ToLower(base)
	yes := func(b bool) (jinja.Value, bool) {
		return fn(name, func(*jinja.Call) (jinja.Value, error) { return b, nil }), true
	}
	numeric := numericTypes[base]
	switch name {
	case "name", "column":
		return c.name, true
	case "quoted":
		return engine.Ident(c.name), true
	case "dtype":
		b, _, _ := c.base()
		return b, true
	case "data_type":
		return c.typ, true
	case "char_size":
		if !textTypes[base] {
			return nil, true
		}
		return orNoneInt(first), true
	case "numeric_precision":
		if !numeric {
			return nil, true
		}
		return orNoneInt(first), true
	case "numeric_scale":
		if !numeric {
			return nil, true
		}
		return orNoneInt(second), true
	case "string_size":
		return fn(name, func(*jinja.Call) (jinja.Value, error) {
			if !textTypes[base] {
				return nil, fmt.Errorf("string_size: column %s is no text but %s", c.name, c.typ)
			}
			if first < 0 {
				return int64(256), nil // as dbt has it where a type has no length
			}
			return int64(first), nil
		}), true
	case "literal":
		return fn(name, func(call *jinja.Call) (jinja.Value, error) {
			v, err := args(call, "literal", "value")
			if err != nil {
				return nil, err
			}
			return jinja.Str(v[0]) + "::" + c.typ, nil
		}), true
	case "is_string":
		return yes(textTypes[base])
	case "is_integer":
		return yes(integerTypes[base])
	case "is_float":
		return yes(floatTypes[base])
	case "is_numeric":
		return yes(numeric)
	case "is_number":
		return yes(integerTypes[base] || floatTypes[base] || numeric)
	}
	return nil, false
}

// columnClass is api.Column: a constructor with static methods.
func columnClass(dialect string) jinja.Value {
	return &class{
		namespace: fixed("Column", map[string]jinja.Value{
			"create":         fn("api.Column.create", newColumn),
			"translate_type": fn("api.Column.translate_type", func(c *jinja.Call) (jinja.Value, error) { return translateType(dialect, c) }),
			"string_type": fn("api.Column.string_type", func(c *jinja.Call) (jinja.Value, error) {
				v, err := args(c, "api.Column.string_type", "size")
				if err != nil {
					return nil, err
				}
				return "character varying(" + jinja.Str(v[0]) + ")", nil
			}),
			"numeric_type": fn("api.Column.numeric_type", numericType),
		}),
		call: newColumn,
	}
}

// class is a namespace that can be called too.
type class struct {
	*namespace
	call func(c *jinja.Call) (jinja.Value, error)
}

// Invoke makes an instance.
func (k *class) Invoke(c *jinja.Call) (jinja.Value, error) { return k.call(c) }

func newColumn(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "api.Column", "column", "dtype?", "char_size?", "numeric_precision?", "numeric_scale?")
	if err != nil {
		return nil, err
	}
	col := &column{name: jinja.Str(v[0])}
	if v[1] != nil {
		col.typ = jinja.Str(v[1])
	}
	switch {
	case v[2] != nil:
		col.typ += "(" + jinja.Str(v[2]) + ")"
	case v[3] != nil && v[4] != nil:
		col.typ += "(" + jinja.Str(v[3]) + "," + jinja.Str(v[4]) + ")"
	case v[3] != nil:
		col.typ += "(" + jinja.Str(v[3]) + ")"
	}
	return col, nil
}

// translateType writes dbt's common type names as the engine's; any other type
// is returned as it is.
func translateType(dialect string, c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "api.Column.translate_type", "dtype")
	if err != nil {
		return nil, err
	}
	given := jinja.Str(v[0])
	switch strings.ToUpper(given) {
	case "STRING":
		if dialect == "trino" {
			return "VARCHAR", nil
		}
		return "TEXT", nil
	case "TIMESTAMP", "FLOAT", "BOOLEAN":
		return strings.ToUpper(given), nil
	case "INTEGER":
		return "INT", nil
	}
	return given, nil
}

func numericType(c *jinja.Call) (jinja.Value, error) {
	v, err := args(c, "api.Column.numeric_type", "dtype", "precision?", "scale?")
	if err != nil {
		return nil, err
	}
	t := jinja.Str(v[0])
	if v[1] == nil || v[2] == nil {
		return t, nil
	}
	return t + "(" + jinja.Str(v[1]) + "," + jinja.Str(v[2]) + ")", nil
}

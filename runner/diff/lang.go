package diff

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"warehouse/runner/engine"
)

// lang is an engine's SQL, as far as comparing needs it. The zero value is
// DuckDB's.
type lang struct{ trino engine.Dialect }

// langOf returns the language of an engine; an error wraps
// errors.ErrUnsupported.
func langOf(d engine.Dialect) (lang, error) {
	switch d.Name() {
	case "duckdb":
		return lang{}, nil
	case "trino":
		return lang{d}, nil
	}
	return lang{}, fmt.Errorf("comparing runs on %s: %w", d.Name(), errors.ErrUnsupported)
}

func (l lang) duckdb() bool { return l.trino == nil }

func (l lang) either(duckdb, trino string) string {
	if l.duckdb() {
		return duckdb
	}
	return trino
}

// temporary: there are tables that only the session sees.
func (l lang) temporary() bool { return l.duckdb() }

// from is the relation of the rows that differ.
func (l lang) from(rows func() string) string {
	if l.temporary() {
		return differing
	}
	return "(\n" + rows() + "\n) AS d"
}

func (l lang) finite() string  { return l.either("isfinite", "is_finite") }
func (l lang) trunc() string   { return l.either("trunc", "truncate") }
func (l lang) wide() string    { return l.either("HUGEINT", "DECIMAL(38,0)") } // the widest integer
func (l lang) instant() string { return l.either("TIMESTAMP", "timestamp(6)") }
func (l lang) groups() string  { return l.either(`\10\2`, "$10$2") } // what two groups matched, with a 0 between

// nests: lists, structs and maps of two types are compared in depth. If not,
// their texts are.
func (l lang) nests() bool { return l.duckdb() }

// same is true where two keys are equal or both NULL.
func (l lang) same(typ, a, b string) string {
	if l.duckdb() {
		return a + " IS NOT DISTINCT FROM " + b
	}
	if typ == "digits" {
		typ = "varchar"
	}
	return engine.SameKey(l.trino, strings.ToLower(typ), a, b)
}

// naive reads a time without a zone as UTC: the session's zone is not the
// data's.
func (l lang) naive(x string) string {
	if l.duckdb() {
		return fmt.Sprintf("(CAST(%s AS TIMESTAMP) AT TIME ZONE 'UTC')", x)
	}
	return fmt.Sprintf("with_timezone(CAST(%s AS timestamp(6)), 'UTC')", x)
}

// ordered is what rows are ordered by: not every type has an order.
func (l lang) ordered(t typ, x string) string {
	switch t.base {
	case "LIST", "STRUCT", "MAP":
		if !l.duckdb() {
			return show(t)(x)
		}
	}
	return x
}

// parse reads the text of a type.
func (l lang) parse(text string) typ {
	if l.duckdb() {
		return parseType(text)
	}
	t := parseTrino(text)
	t.in = l
	return t
}

// Trino's names of types that have another base here.
var trinoBases = map[string]string{"real": "FLOAT", "array": "LIST", "row": "STRUCT", "varbinary": "BLOB"}

// parseTrino reads the text of a type of Trino's; what is inside of one that
// holds others is not taken apart.
func parseTrino(text string) typ {
	text = strings.TrimSpace(text)
	base, rest, _ := strings.Cut(strings.ToLower(text), "(")
	t := typ{text: text, base: strings.ToUpper(base)}
	if to, ok := trinoBases[base]; ok {
		t.base = to
	}
	switch {
	case base == "decimal":
		_, _ = fmt.Sscanf(strings.ReplaceAll(rest, " ", ""), "%d,%d)", &t.precision, &t.scale)
	case strings.HasPrefix(base, "timestamp") && strings.HasSuffix(strings.ToLower(text), "with time zone"):
		t.base = zoned
	}
	return t
}

// textless: values of the type have no text. Those of two such types count as
// different.
func (t typ) textless() bool {
	switch t.base {
	case "LIST", "STRUCT", "MAP":
		return !t.in.duckdb() && noJSON.MatchString(strings.ToLower(t.text))
	}
	return false
}

// noJSON finds types inside of others that have no JSON.
var noJSON = regexp.MustCompile(`\b(?:varbinary|uuid|ipaddress|interval|time\(|with time zone|map\((?:date|timestamp|array|map|row))`)

// shows is a value as people read it; nil where DuckDB's way does.
func (l lang) shows(t typ) form {
	if l.duckdb() {
		return nil
	}
	switch t.base {
	case "FLOAT", "DOUBLE": // its cast to text has an exponent always
		return func(x string) string {
			return fmt.Sprintf("CASE WHEN is_finite(%[1]s) THEN json_format(CAST(%[1]s AS JSON)) ELSE CAST(%[1]s AS varchar) END", x)
		}
	case "BLOB":
		return func(x string) string { return "to_hex(" + x + ")" }
	case zoned:
		return func(x string) string { return fmt.Sprintf("CAST(%s AT TIME ZONE 'UTC' AS varchar)", x) }
	case "LIST", "STRUCT", "MAP":
		if t.textless() {
			return func(x string) string { return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN '(no text)' END", x) }
		}
		return func(x string) string { return fmt.Sprintf("json_format(CAST(%s AS JSON))", x) }
	}
	return nil
}

package compile

import (
	"regexp"
	"strings"

	"warehouse/runner/engine"
)

var (
	plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// An expression has a call, an operator that no name has, a text or quotes.
	looksLikeSQL = regexp.MustCompile(`[()'"|+*/:<>=\[\]]`)
)

// columnSQL is a column of a schema file as it is written into a data test. A
// name is quoted, so that a column called user is the column and never the
// session's user; an expression, as dbt allows, stays.
func columnSQL(name string, quote bool) string {
	if !quote && looksLikeSQL.MatchString(name) {
		return name
	}
	return engine.Ident(name)
}

// columnForMacro is the same for a project's own generic tests, which may also
// use the name as a text: a plain name that means nothing else stays bare.
func columnForMacro(name string, quote bool) string {
	if !quote && plainName.MatchString(name) && !meansElse[strings.ToLower(name)] {
		return name
	}
	return columnSQL(name, quote)
}

// meansElse are the words that DuckDB or Trino would not read as a column when
// they stand alone: reserved words and functions that are called without
// parentheses.
var meansElse = oneOf("all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "at", "authid",
	"between", "both", "by", "case", "cast", "check", "collate", "column", "constraint", "create", "cross", "cube",
	"current_catalog", "current_date", "current_path", "current_role", "current_schema", "current_time",
	"current_timestamp", "current_user", "deallocate", "default", "deferrable", "delete", "desc", "describe", "distinct",
	"do", "drop", "else", "end", "escape", "except", "exists", "extract", "false", "fetch", "for", "foreign", "from",
	"full", "grant", "group", "grouping", "having", "in", "initially", "inner", "insert", "intersect", "into", "is",
	"join", "json_array", "json_exists", "json_object", "json_query", "json_table", "json_value", "lambda", "lateral",
	"leading", "left", "like", "limit", "listagg", "localtime", "localtimestamp", "natural", "normalize", "not", "null",
	"offset", "on", "only", "or", "order", "outer", "pivot", "pivot_longer", "pivot_wider", "placing", "prepare",
	"primary", "qualify", "recursive", "references", "returning", "right", "rollup", "select", "session_user", "show",
	"skip", "some", "summarize", "symmetric", "table", "then", "to", "trailing", "trim", "true", "uescape", "union",
	"unique", "unnest", "unpivot", "user", "using", "values", "variadic", "when", "where", "window", "with")

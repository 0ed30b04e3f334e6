package duckdb

import (
	"strings"

	"warehouse/runner/engine"
)

var _ engine.Macros = backend{}

func (backend) ScalarMacro(name engine.Relation, params []string, query string) string {
	return "CREATE OR REPLACE MACRO " + name.String() + "(" + strings.Join(params, ", ") + ") AS (\n" + query + ")"
}

func (backend) TableMacro(name engine.Relation, params []string, query string) string {
	return "CREATE OR REPLACE MACRO " + name.String() + "(" + strings.Join(params, ", ") + ") AS TABLE\n" + query
}

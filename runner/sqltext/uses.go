package sqltext

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Uses is what a query names: all tables and views that it reads, and all
// functions that it calls.
type Uses struct {
	Tables    []string // dotted names, parts as written, lower case; CTEs left out
	Functions []string // scalar, aggregate and table functions, lower case
}

// UsesOf finds them in a syntax tree, which is JSON as DuckDB's
// json_serialize_sql writes it. Both lists are sorted, each name once.
func UsesOf(tree []byte) (Uses, error) {
	var doc struct {
		Statements []struct {
			Node map[string]any `json:"node"`
		} `json:"statements"`
	}
	if err := json.Unmarshal(tree, &doc); err != nil {
		return Uses{}, fmt.Errorf("syntax tree: %w", err)
	}
	u := usesWalk{tables: map[string]bool{}, functions: map[string]bool{}}
	for _, s := range doc.Statements {
		u.walk(s.Node, nil)
	}
	return Uses{Tables: slices.Sorted(maps.Keys(u.tables)), Functions: slices.Sorted(maps.Keys(u.functions))}, nil
}

type usesWalk struct{ tables, functions map[string]bool }

// walk goes through everything below v; ctes are the names that a WITH around
// it gave.
func (u usesWalk) walk(v any, ctes []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			u.walk(e, ctes)
		}
	case node:
		u.node(v, ctes)
	}
}

func (u usesWalk) node(n node, ctes []string) {
	for _, e := range list(object(n["cte_map"])["map"]) {
		name := strings.ToLower(text(object(e)["key"]))
		query := object(object(e)["value"])["query"]
		// A recursive CTE reads itself, another one reads a table of its name.
		inner := ctes
		if text(object(object(query)["node"])["type"]) == "RECURSIVE_CTE_NODE" {
			inner = append(slices.Clone(ctes), name)
		}
		u.walk(query, inner)
		ctes = append(slices.Clone(ctes), name)
	}
	switch text(n["type"]) {
	case "CTE_NODE":
		u.walk(n["query"], ctes)
		u.walk(n["child"], append(slices.Clone(ctes), strings.ToLower(text(n["cte_name"]))))
		return
	case "RECURSIVE_CTE_NODE":
		ctes = append(slices.Clone(ctes), strings.ToLower(text(n["cte_name"])))
	case "BASE_TABLE":
		u.table(n, ctes)
	}
	if name := text(n["function_name"]); name != "" {
		u.functions[strings.ToLower(name)] = true
	}
	for key, child := range n {
		if key != "cte_map" {
			u.walk(child, ctes)
		}
	}
}

func (u usesWalk) table(n node, ctes []string) {
	var parts []string
	for _, key := range []string{"catalog_name", "schema_name", "table_name"} {
		if p := strings.ToLower(text(n[key])); p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 1 && slices.Contains(ctes, parts[0]) {
		return
	}
	u.tables[strings.Join(parts, ".")] = true
}

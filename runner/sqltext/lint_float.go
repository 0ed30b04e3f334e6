package sqltext

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// unstable are the aggregates that add floating point numbers up. fsum and favg
// are left out: they correct for what is lost.
var unstable = map[string]string{"sum": "sum", "avg": "avg", "mean": "avg",
	"stddev": "stddev", "stddev_samp": "stddev", "stddev_pop": "stddev_pop", "variance": "variance", "var_samp": "variance", "var_pop": "var_pop"}

// LintFloats looks for sums and means over floating point numbers. bound is
// the tree of the same query with types, as DuckDB's json_serialize_plan
// writes it; it has no places, so calls are found again in the syntax tree by
// their function and column.
func LintFloats(sql string, tree, bound []byte) ([]Finding, error) {
	var syntax, plan any
	if err := json.Unmarshal(tree, &syntax); err != nil {
		return nil, fmt.Errorf("syntax tree: %w", err)
	}
	if err := json.Unmarshal(bound, &plan); err != nil {
		return nil, fmt.Errorf("bound tree: %w", err)
	}
	calls := typedCalls(plan)
	l := &linter{sql: sql}
	l.floats(syntax, calls)
	slices.SortStableFunc(l.found, func(a, b Finding) int { return a.Start - b.Start })
	return l.found, nil
}

// typed is an aggregate whose argument's type is known.
type typed struct {
	column string // "" for an expression
	float  bool
}

func typedCalls(v any) map[string][]typed {
	out := map[string][]typed{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case node:
			class := text(v["expression_class"])
			name, ok := unstable[strings.ToLower(text(v["name"]))]
			if args := list(v["arguments"]); ok && len(args) > 0 && (class == "BOUND_AGGREGATE" || class == "BOUND_WINDOW") {
				t := text(object(args[0])["id"])
				call := typed{float: t == "DOUBLE" || t == "FLOAT"}
				if c := list(v["children"]); len(c) > 0 {
					call.column = boundColumn(object(c[0]))
				}
				out[name] = append(out[name], call)
			}
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(v)
	return out
}

func boundColumn(n node) string {
	for text(n["expression_class"]) == "BOUND_CAST" {
		n = object(n["child"])
	}
	switch text(n["expression_class"]) {
	case "BOUND_REF", "BOUND_COLUMN_REF":
		return text(n["alias"])
	}
	return ""
}

func (l *linter) floats(v any, calls map[string][]typed) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			l.floats(e, calls)
		}
	case node:
		class := text(v["class"])
		name, ok := unstable[strings.ToLower(text(v["function_name"]))]
		if ok && (class == "FUNCTION" || class == "WINDOW") && overFloats(v, calls[name]) {
			at := l.location(v)
			f := Finding{Rule: FloatAggregate, Start: at, End: at, Name: strings.ToLower(text(v["function_name"]))}
			if at >= 0 {
				f.End = min(at+len(f.Name), len(l.sql))
			}
			l.found = append(l.found, f)
		}
		for _, child := range v {
			l.floats(child, calls)
		}
	}
}

// overFloats says whether a call in the syntax tree is one of those whose
// argument is a float.
func overFloats(call node, of []typed) bool {
	column := ""
	if c := list(call["children"]); len(c) > 0 {
		if n := uncast(c[0]); text(n["class"]) == "COLUMN_REF" {
			_, column = columnOf(n)
		}
	}
	float, other := false, false
	for _, t := range of {
		if strings.EqualFold(t.column, column) {
			float, other = float || t.float, other || !t.float
		}
	}
	if !float && !other { // the engine rewrote the argument
		for _, t := range of {
			float, other = float || t.float, other || !t.float
		}
	}
	return float && !other
}

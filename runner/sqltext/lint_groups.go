package sqltext

import (
	"slices"
	"strings"
)

// groupedByRun marks the sources whose rows a result keeps apart by run: it is
// grouped by their run id, or is a list of run ids alone. That holds for the
// outermost SELECT: what reads a grouped subquery may add runs up again.
func (q *query) groupedByRun(n node) {
	if !q.o.Grouped || q.sc.inner || windowed(n["select_list"]) || windowed(n["modifiers"]) {
		return // a window may look over the groups
	}
	for _, e := range q.groups(n) {
		for _, s := range q.runsOf(e) {
			s.single = true
		}
	}
}

// groups are the expressions that every group of a SELECT has one value of.
func (q *query) groups(n node) []any {
	items := list(n["select_list"])
	if text(n["aggregate_handling"]) == "FORCE_AGGREGATES" || distinct(n) { // GROUP BY ALL
		return items
	}
	var out []any
	for i, e := range list(n["group_expressions"]) {
		if slices.ContainsFunc(list(n["group_sets"]), func(set any) bool { return !slices.Contains(list(set), any(float64(i))) }) {
			continue // of ROLLUP and the like some rows are of all runs
		}
		out = append(out, named(e, items))
	}
	return out
}

// named is the column of the result that an expression of GROUP BY names, by
// its number or alias, or the expression itself.
func named(e any, items []any) any {
	n := object(e)
	if f, ok := object(n["value"])["value"].(float64); ok && text(n["class"]) == "CONSTANT" && f >= 1 && int(f) <= len(items) {
		return items[int(f)-1]
	}
	if alias, column := columnOf(n); alias == "" && column != "" {
		for _, item := range items {
			if strings.EqualFold(text(object(item)["alias"]), column) {
				return item
			}
		}
	}
	return e
}

// distinct says whether a SELECT is SELECT DISTINCT of columns without
// aggregates: any of them can only be one of its rows.
func distinct(n node) bool {
	for _, m := range list(n["modifiers"]) {
		if object(m) != nil && text(object(m)["type"]) == "DISTINCT_MODIFIER" && len(list(object(m)["distinct_on_targets"])) == 0 {
			return !slices.ContainsFunc(list(n["select_list"]), func(e any) bool { return text(uncast(e)["class"]) != "COLUMN_REF" })
		}
	}
	return false
}

// windowed says whether there is a window function in v, outside of subqueries.
func windowed(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, windowed)
	case node:
		switch text(v["class"]) {
		case "WINDOW":
			return true
		case "SUBQUERY":
			return false
		}
		for _, child := range v {
			if windowed(child) {
				return true
			}
		}
	}
	return false
}

package binding

import (
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/sqltext"
)

// Compiled SQL names models as ref() printed them, "memory"."run__ref"."m", or
// without the database, and the target's own tables as
// "warehouse"."schema"."table". A name may go on behind that: a column.

// splitRef returns the model and what follows it, if the name is one that ref()
// prints.
func splitRef(d engine.Dialect, parts []string) (model string, rest []string, ok bool) {
	database := Ref(d, "").Database
	if len(parts) >= 3 && database != "" && strings.EqualFold(parts[0], database) && strings.EqualFold(parts[1], RefSchema) {
		return parts[2], parts[3:], true
	}
	if len(parts) >= 2 && strings.EqualFold(parts[0], RefSchema) {
		return parts[1], parts[2:], true
	}
	return "", nil, false
}

// rebind prints every name of a model as target says, and the target's own
// tables without their catalog if short.
func rebind(d engine.Dialect, sql string, short bool, target func(model string) engine.Relation) string {
	return sqltext.Rebind(sql, func(parts []string) (string, bool) {
		if model, rest, ok := splitRef(d, parts); ok {
			return join(target(model).String(), rest), true
		}
		if short && len(parts) >= 3 && strings.EqualFold(parts[0], d.Catalog()) {
			return join(engine.Ident(parts[1]), parts[2:]), true
		}
		return "", false
	})
}

func join(first string, rest []string) string {
	for _, p := range rest {
		first += "." + engine.Ident(p)
	}
	return first
}

// readsOf returns the models that a compiled SQL names, each once, sorted.
func readsOf(d engine.Dialect, sql string) []string {
	var models []string
	sqltext.Rebind(sql, func(parts []string) (string, bool) {
		if model, _, ok := splitRef(d, parts); ok {
			models = append(models, model)
		}
		return "", false
	})
	slices.Sort(models)
	return slices.Compact(models)
}

package binding

import (
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/sqltext"
)

// Readable returns compiled SQL as another program can run it on the target:
// each model is read from its published view, as shown returns it, and the
// target has the name that database says in the place of the one under which
// this program has it attached.
//
//	FROM "memory"."run__ref"."m"     FROM "shop"."latest"."m"
//
// The view shows the run id and the time besides, which ref() hides.
func Readable(d engine.Dialect, sql, database string, shown func(model string) (engine.Relation, bool)) string {
	var b strings.Builder
	at := 0
	for _, n := range sqltext.Names(sql) {
		if text, ok := readable(d, sql, database, n, shown); ok {
			b.WriteString(sql[at:n.Start] + text)
			at = n.End
		}
	}
	return b.String() + sql[at:]
}

func readable(d engine.Dialect, sql, database string, n sqltext.Name, shown func(model string) (engine.Relation, bool)) (string, bool) {
	model, rest, ok := splitRef(d, n.Parts)
	if this := This(d, ""); !ok && this.Database != "" && len(n.Parts) >= 3 && strings.EqualFold(n.Parts[0], this.Database) && strings.EqualFold(n.Parts[1], this.Schema) {
		model, rest, ok = n.Parts[2], n.Parts[3:], true
	}
	if !ok {
		if isMemory(d) && len(n.Parts) >= 3 && strings.EqualFold(n.Parts[0], d.Catalog()) {
			return join(engine.Ident(database), n.Parts[1:]), true
		}
		return "", false
	}
	view, ok := shown(model)
	switch {
	case !ok:
		return "", false
	case len(rest) > 0 || sqltext.Next(sql, n.End) == ".":
		return join(engine.Ident(model), rest), true
	case !aliased(sql, n.End) && !strings.EqualFold(view.Name, model):
		return view.String() + " AS " + engine.Ident(model), true // columns may be named by it
	}
	return view.String(), true
}

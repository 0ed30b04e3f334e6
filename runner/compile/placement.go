package compile

import (
	"fmt"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// RunsSuffix ends the name of the schema that holds the rows of all runs, where
// people read the published ones in the schema without it.
const RunsSuffix = "__runs"

// place decides where a model, seed or snapshot is stored, and under which name.
//
// With project.yml a `schema` is where its table is, and people read it in the
// latest binding. In dbt's projects its name is that of what people read:
// `<target's schema>_<schema>`, or what the project's generate_schema_name
// says; the rows of all runs are beside it, in `…__runs`.
func (u *unit) place() {
	n, target := u.node, u.r.project.Target
	if name := n.Config.Database; name != "" && !strings.EqualFold(name, target.Database()) {
		e := configError(n.config["database"], fmt.Sprintf("database %s has no meaning here and is ignored: all is in %s, that of the target", name, target.Database()), "")
		e.Warn = true
		u.config = append(u.config, e)
	}
	if n.Config.Alias != "" {
		n.Table.Name = n.Config.Alias
	}
	if alias, ok := u.generated("generate_alias_name", n.Config.Alias); ok {
		n.Table.Name = alias
	}
	custom := n.Config.Schema
	schema, own := u.generated("generate_schema_name", custom)
	switch {
	case !own && custom == "":
		return
	case !own && u.r.strict:
		n.Table.Schema = custom
		return
	case !own:
		schema = target.Schema + "_" + strings.TrimSpace(custom)
	}
	if strings.EqualFold(schema, target.Schema) {
		return
	}
	if n.Table.Schema = schema; u.r.strict {
		return
	}
	for _, taken := range []string{target.StorageSchema, "previous", target.LatestSchema + "__ref"} {
		if strings.EqualFold(schema, taken) {
			u.config = append(u.config, &diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("%s '%s' is to be in the schema %s, which has another use here", n.Resource, n.Name, schema),
				Advice: "give it another schema"})
		}
	}
	n.Table.Schema, n.Placed = schema+RunsSuffix, schema
}

// generated is the name that a macro of the project gives to a node; false if
// the project has none of that name.
func (u *unit) generated(macro, custom string) (string, bool) {
	own := u.r.macros.packages[u.r.macros.root]
	if own[macro] == nil && own["default__"+macro] == nil && own[u.r.opts.Dialect+"__"+macro] == nil {
		return "", false
	}
	var arg jinja.Value
	if custom != "" {
		arg = custom
	}
	r := &render{env: u.r.env, ctx: u.r.ctx, node: u.node, pkg: u.r.project.Name, layers: u.r.layers, configs: u.r.configs, above: u.r.above}
	v, err := r.value("{{ "+macro+"("+jinja.Repr(arg)+", model) }}", true)
	u.config = append(u.config, r.warnings...)
	if err != nil {
		u.config = append(u.config, &diag.Error{Pos: u.node.Pos, Msg: fmt.Sprintf("%s of %s '%s': %s", macro, u.node.Resource, u.node.Name, err), Err: err})
		return "", false
	}
	name := strings.TrimSpace(jinja.Str(v))
	if name == "" || v == nil {
		u.config = append(u.config, &diag.Error{Pos: u.node.Pos, Msg: fmt.Sprintf("%s gives %s '%s' no name", macro, u.node.Resource, u.node.Name),
			Advice: "let the macro return a text: target.schema, or the custom name"})
		return "", false
	}
	return name, true
}

package compile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/engine"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// about is a node as templates see it: the keys of dbt's manifest, in its order.
func (r *render) about(n *Node) *jinja.Dict {
	if n.Resource == Source {
		return r.aboutSource(n)
	}
	file, path := r.ownFile(n.Package, n.File), n.File
	if _, below, ok := strings.Cut(file, "/"); ok {
		path = below
	}
	settings, view := r.settings(n), r.view(n)
	given := plainConfig(settings)
	d := dict("database", orNone(view.Database), "schema", view.Schema, "name", n.BaseName(), "resource_type", n.Resource, "package_name", n.Package,
		"path", path, "original_file_path", file, "unique_id", n.ID, "fqn", list(n.FQN), "alias", cmp.Or(n.Table.Name, n.Name),
		"checksum", checksum(n), "config", r.configDict(n, settings), "tags", list(n.Tags), "description", n.Description, "columns", aboutColumns(n.Columns),
		"meta", jinja.FromGo(orEmpty(n.Config.Meta)), "group", orNone(n.Config.Group), "docs", docsConfig(clone(settings["docs"].Value)), "patch_path", r.patchPath(n),
		"build_path", nil, "unrendered_config", given, "created_at", float64(r.started.UnixMicro())/1e6,
		"config_call_dict", given, "unrendered_config_call_dict", jinja.NewDict(), "relation_name", nil,
		"raw_code", strings.TrimSpace(n.RawSQL), "raw_sql", strings.TrimSpace(n.RawSQL), "doc_blocks", &jinja.List{}, "language", "sql",
		"refs", &jinja.List{}, "sources", &jinja.List{}, "metrics", &jinja.List{}, "functions", &jinja.List{},
		"depends_on", dict("macros", &jinja.List{}, "nodes", list(n.Parents)), "compiled_path", nil,
		"contract", dict("enforced", n.Config.ContractEnforced, "alias_types", true, "checksum", nil))
	r.aboutParents(d, n)
	if n.Built() && n.Kind != "ephemeral" {
		_ = d.Set("relation_name", view.String())
	}
	switch n.Resource {
	case Model:
		aboutModel(d, n)
		if batch, ok := r.batch(); ok && n == r.node {
			_ = d.Set("batch", n.Increment.Batches.about(batch))
		}
	case Test:
		aboutTest(d, n)
	}
	return d
}

// view is where people read a node: the published rows.
func (r *render) view(n *Node) engine.Relation {
	database, _ := r.database().(string)
	schema, name := n.Public(r.project.Target)
	return engine.Relation{Database: database, Schema: schema, Name: name}
}

// ownFile is a file as its package has it.
func (r *render) ownFile(pkg, file string) string {
	for _, p := range r.project.Packages {
		if p.Name == pkg {
			return strings.TrimPrefix(file, p.Dir+"/")
		}
	}
	return file
}

func (r *render) patchPath(n *Node) jinja.Value {
	if n.entry == nil || n.entry.Pos.File == "" {
		return nil
	}
	return n.Package + "://" + r.ownFile(n.entry.Package, n.entry.Pos.File)
}

// aboutParents sets refs and sources.
func (r *render) aboutParents(d *jinja.Dict, n *Node) { r.refsAndSources(d, n.Package, n.Parents) }

func (r *render) refsAndSources(d *jinja.Dict, pkg string, parents []string) {
	refs, sources := &jinja.List{}, &jinja.List{}
	for _, id := range parents {
		switch p := r.all[id]; {
		case p == nil:
		case p.Resource == Source:
			sources.Items = append(sources.Items, list([]string{p.Source.SourceName, p.Source.Name}))
		default:
			ref := dict("name", p.BaseName(), "package", nil, "version", p.version())
			if p.Package != pkg {
				_ = ref.Set("package", p.Package)
			}
			refs.Items = append(refs.Items, ref)
		}
	}
	_ = d.Set("refs", refs)
	_ = d.Set("sources", sources)
}

func aboutModel(d *jinja.Dict, n *Node) {
	constraints := &jinja.List{}
	if n.entry != nil {
		for _, c := range n.entry.Constraints {
			k := aboutConstraint(c)
			_ = k.Set("columns", list(c.Columns))
			constraints.Items = append(constraints.Items, k)
		}
	}
	more := dict("access", cmp.Or(n.Config.Access, "protected"), "constraints", constraints, "version", nil, "latest_version", nil, "deprecation_date", deprecation(n),
		"defer_relation", nil, "primary_key", list(n.Config.PrimaryKey), "time_spine", timeSpine(n), "batch", nil)
	if n.Version != nil {
		_ = more.Set("version", n.Version.V)
		_ = more.Set("latest_version", n.Version.Latest)
	}
	for _, it := range more.Items() {
		_ = d.Set(it.Key, it.Value)
	}
}

// deprecation is the instant after which a model is not to be used; nil.
func deprecation(n *Node) jinja.Value {
	if n.entry == nil || n.entry.Raw == nil {
		return nil
	}
	date, _ := n.entry.Raw.Get("deprecation_date")
	if t, err := ParseEventTime(jinja.Str(date)); date != nil && err == nil {
		return t.UTC().Format("2006-01-02T15:04:05+00:00")
	}
	return nil
}

// timeSpine is what a model's entry says of it as a calendar; nil.
func timeSpine(n *Node) jinja.Value {
	if n.entry == nil || n.entry.Raw == nil {
		return nil
	}
	given, _ := n.entry.Raw.Get("time_spine")
	d, ok := given.(*jinja.Dict)
	if !ok {
		return nil
	}
	return withDefaults(d, "standard_granularity_column", nil, "custom_granularities", &jinja.List{})
}

// aboutExposure is an exposure as templates see it.
func (r *render) aboutExposure(x *Exposure) *jinja.Dict {
	raw, _ := Plain(x.entry.Raw).(map[string]any)
	file := r.ownFile(x.Package, x.File)
	_, below, _ := strings.Cut(file, "/")
	meta := maps.Clone(asDict(x.Config["meta"]))
	if meta == nil {
		meta = map[string]any{}
	}
	maps.Copy(meta, asDict(raw["meta"]))
	tags := slices.Sorted(slices.Values(x.Tags))
	owner := jinja.FromGo(orEmpty(asDict(raw["owner"]))).(*jinja.Dict)
	d := dict("name", x.Name, "resource_type", "exposure", "package_name", x.Package, "path", below, "original_file_path", file, "unique_id", x.ID, "fqn", list(x.FQN),
		"type", jinja.FromGo(raw["type"]), "owner", withDefaults(owner, "email", nil, "name", nil), "description", r.text(x.Package, x.entry.Description),
		"label", jinja.FromGo(raw["label"]), "maturity", jinja.FromGo(raw["maturity"]), "meta", jinja.FromGo(meta), "tags", list(tags),
		"config", dict("enabled", true, "tags", list(tags), "meta", jinja.FromGo(meta)), "unrendered_config", jinja.FromGo(orEmpty(asDict(raw["config"]))), "url", jinja.FromGo(raw["url"]),
		"depends_on", dict("macros", &jinja.List{}, "nodes", list(x.Parents)), "refs", &jinja.List{}, "sources", &jinja.List{}, "metrics", &jinja.List{},
		"created_at", float64(r.started.UnixMicro())/1e6)
	r.refsAndSources(d, x.Package, x.Parents)
	return d
}

func aboutTest(d *jinja.Dict, n *Node) {
	_ = d.Set("column_name", orNone(n.Test.Column))
	_ = d.Set("attached_node", orNone(n.Test.Model))
	_ = d.Set("alias", n.Name)
	if n.Test.Generic != "" {
		_ = d.Set("depends_on", dict("macros", list(n.Test.Macros()), "nodes", list(n.Parents)))
		_ = d.Set("test_metadata", dict("name", n.Test.Generic, "namespace", orNone(n.Test.Package), "kwargs", orEmptyDict(n.Test.Args)))
	}
}

// aboutSource is a source as templates see it.
func (r *render) aboutSource(n *Node) *jinja.Dict {
	s, file, settings := n.Source, r.ownFile(n.Package, n.File), r.settings(n)
	rel := n.Relation
	if database, ok := r.database().(string); ok {
		rel.Database = cmp.Or(rel.Database, database)
	}
	meta := jinja.FromGo(orEmpty(s.Meta))
	return dict("database", orNone(rel.Database), "schema", rel.Schema, "name", s.Name, "resource_type", n.Resource, "package_name", n.Package,
		"path", file, "original_file_path", file, "unique_id", n.ID, "fqn", list(n.FQN), "source_name", s.SourceName, "source_description", s.SourceDescription,
		"loader", s.Loader, "identifier", s.Identifier,
		"quoting", dict("database", nil, "schema", nil, "identifier", nil, "column", nil),
		"loaded_at_field", orNone(s.LoadedAtField), "loaded_at_query", orNone(s.LoadedAtQuery), "freshness", aboutFreshness(s.Freshness),
		"external", jinja.FromGo(orNil(s.External)), "description", n.Description, "columns", aboutColumns(n.Columns), "meta", meta,
		"source_meta", jinja.NewDict(), "tags", list(n.Tags), "config", r.configDict(n, settings), "patch_path", nil, "unrendered_config", plainConfig(settings),
		"relation_name", rel.String(), "created_at", float64(r.started.UnixMicro())/1e6, "unrendered_database", nil, "unrendered_schema", s.Schema,
		"doc_blocks", &jinja.List{})
}

func orNil(m map[string]any) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

func aboutFreshness(f *project.Freshness) jinja.Value {
	rule := func(r *project.FreshnessRule) jinja.Value {
		if r == nil {
			return dict("count", nil, "period", nil)
		}
		return dict("count", int64(r.Count), "period", r.Period)
	}
	if f == nil {
		f = &project.Freshness{}
	}
	return dict("warn_after", rule(f.WarnAfter), "error_after", rule(f.ErrorAfter), "filter", orNone(f.Filter))
}

func aboutColumns(cols []project.Column) *jinja.Dict {
	columns := jinja.NewDict()
	for _, c := range cols {
		constraints := &jinja.List{}
		for _, k := range c.Constraints {
			constraints.Items = append(constraints.Items, aboutConstraint(k))
		}
		var quote jinja.Value
		if c.Quote {
			quote = true
		}
		_ = columns.Set(c.Name, dict("name", c.Name, "description", c.Description, "meta", jinja.FromGo(orEmpty(c.Meta)), "data_type", orNone(c.DataType),
			"constraints", constraints, "quote", quote, "config", dict("meta", jinja.FromGo(orEmpty(c.Meta)), "tags", list(c.Tags)),
			"tags", list(c.Tags), "granularity", nil, "doc_blocks", &jinja.List{}))
	}
	return columns
}

func aboutConstraint(c project.Constraint) *jinja.Dict {
	return dict("type", c.Type, "name", orNone(c.Name), "expression", orNone(c.Expression), "warn_unenforced", true, "warn_unsupported", true,
		"to", orNone(c.To), "to_columns", list(c.ToColumns))
}

// checksum is that of a file's text as dbt makes it: without the white space
// around it.
func checksum(n *Node) *jinja.Dict {
	if n.RawSQL == "" {
		return dict("name", "none", "checksum", "")
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(n.RawSQL)))
	return dict("name", "sha256", "checksum", hex.EncodeToString(sum[:]))
}

// settings is a node's config as far as it is known.
func (r *render) settings(n *Node) project.Config {
	if n == r.node && r.b == nil {
		return r.merged()
	}
	return n.config
}

func plainConfig(c project.Config) *jinja.Dict {
	d := jinja.NewDict()
	for _, key := range slices.Sorted(maps.Keys(c)) {
		_ = d.Set(key, clone(c[key].Value))
	}
	return d
}

// configDict is a node's config under dbt's keys, with the defaults that hold.
// What has no default in dbt stands as it was given.
func (r *render) configDict(n *Node, config project.Config) *jinja.Dict {
	d := r.presets(n)
	for _, key := range slices.Sorted(maps.Keys(config)) {
		value := clone(config[key].Value)
		switch key {
		case "tags":
		case "meta", "persist_docs", "grants", "quoting", "column_types":
			if value != nil {
				_ = d.Set(key, value)
			}
		case "pre_hook", "post_hook":
			_ = d.Set(strings.Replace(key, "_", "-", 1), hookConfig(value))
		case "docs":
			_ = d.Set(key, docsConfig(value))
		case "contract":
			if c, ok := value.(*jinja.Dict); ok {
				_ = d.Set(key, withDefaults(c, "enforced", false, "alias_types", true))
			}
		default:
			_ = d.Set(key, value)
		}
	}
	return d
}

// presets is what dbt has where a config says nothing.
func (r *render) presets(n *Node) *jinja.Dict {
	kind, meta := n.Kind, jinja.FromGo(orEmpty(n.Config.Meta))
	if kind == "mart" {
		kind = "table"
	}
	switch n.Resource {
	case Source:
		return dict("enabled", true, "event_time", nil, "freshness", aboutFreshness(n.Source.Freshness), "loaded_at_field", orNone(n.Source.LoadedAtField),
			"loaded_at_query", orNone(n.Source.LoadedAtQuery), "meta", jinja.FromGo(orEmpty(n.Source.Meta)), "tags", list(n.Tags), "static_analysis", nil)
	case Test:
		return dict("enabled", true, "alias", nil, "schema", "dbt_test__audit", "database", nil, "tags", list(n.Tags), "meta", jinja.NewDict(), "group", nil,
			"materialized", "test", "severity", n.Test.Severity, "store_failures", nil, "store_failures_as", nil, "where", orNone(n.Test.Where),
			"limit", nil, "fail_calc", n.Test.FailCalc, "warn_if", n.Test.WarnIf, "error_if", n.Test.ErrorIf)
	}
	d := dict("enabled", true, "alias", nil, "schema", nil, "database", nil, "tags", list(n.Tags), "meta", meta, "group", nil, "static_analysis", nil, "materialized", kind,
		"incremental_strategy", nil, "batch_size", nil, "lookback", int64(1), "begin", nil, "persist_docs", jinja.NewDict(),
		"post-hook", &jinja.List{}, "pre-hook", &jinja.List{}, "quoting", jinja.NewDict(), "column_types", jinja.NewDict(), "full_refresh", nil,
		"unique_key", nil, "on_schema_change", "ignore", "on_configuration_change", "apply", "grants", jinja.NewDict(), "packages", &jinja.List{},
		"docs", docsConfig(nil), "contract", dict("enforced", n.Config.ContractEnforced, "alias_types", true), "event_time", nil, "concurrent_batches", nil)
	if n.Resource == Model {
		_ = d.Set("access", "protected")
		_ = d.Set("freshness", nil)
	}
	return d
}

func docsConfig(given jinja.Value) *jinja.Dict {
	d, _ := given.(*jinja.Dict)
	return withDefaults(d, "show", true, "node_color", nil)
}

// withDefaults is d, or defaults where it has no value; d may be nil.
func withDefaults(d *jinja.Dict, defaults ...jinja.Value) *jinja.Dict {
	out := dict(defaults...)
	if d != nil {
		for _, it := range d.Items() {
			_ = out.Set(it.Key, it.Value)
		}
	}
	return out
}

// hookConfig is hooks as dbt's manifest has them.
func hookConfig(given jinja.Value) *jinja.List {
	out := &jinja.List{}
	hooks, ok := given.(*jinja.List)
	if !ok {
		hooks = &jinja.List{}
		if given != nil {
			hooks.Items = append(hooks.Items, given)
		}
	}
	for _, h := range hooks.Items {
		if d, ok := h.(*jinja.Dict); ok {
			out.Items = append(out.Items, withDefaults(d, "sql", "", "transaction", true, "index", nil))
		} else {
			out.Items = append(out.Items, dict("sql", h, "transaction", true, "index", nil))
		}
	}
	return out
}

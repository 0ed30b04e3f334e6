package runner

import (
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"warehouse/runner/artifact"
	"warehouse/runner/compile"
	"warehouse/runner/project"
)

// writeManifest writes the whole project, selected or not. A node is made when it
// is written: all of them together take more room than the project itself.
func (a *artifacts) writeManifest(ctx context.Context) error {
	m, ids := a.manifestHead(ctx)
	return artifact.WriteManifestNodes(a.file("manifest.json"), m, artifact.Nodes{IDs: ids, Of: func(id string) *artifact.Node { return a.node(a.g.Nodes[id]) }}, a.o.MaskJSON)
}

// manifest is the whole project, selected or not.
func (a *artifacts) manifest(ctx context.Context) *artifact.Manifest {
	m, ids := a.manifestHead(ctx)
	for _, id := range ids {
		m.Nodes[id] = a.node(a.g.Nodes[id])
	}
	return m
}

// manifestHead is a manifest without its nodes, and their ids.
func (a *artifacts) manifestHead(ctx context.Context) (m *artifact.Manifest, ids []string) {
	p := a.g.Project
	sum := md5.Sum([]byte(p.Name))
	id, yes, no := hex.EncodeToString(sum[:]), true, false
	m = &artifact.Manifest{
		Metadata: artifact.ManifestMetadata{Metadata: a.metadata(artifact.ManifestSchema), ProjectName: &p.Name, ProjectID: &id,
			SendUsageStats: &no, AdapterType: &p.Target.Type, Quoting: &artifact.Quoting{Database: &yes, Schema: &yes, Identifier: &yes},
			RunStartedAt: artifact.Text(artifact.Time(a.startedAt()))},
		Nodes: map[string]*artifact.Node{}, Sources: map[string]*artifact.Source{}, Macros: a.macros(), Docs: a.docs(ctx),
		Exposures: map[string]*artifact.Exposure{}, Metrics: nothing(), Groups: map[string]*artifact.Group{}, Selectors: map[string]any{},
		Disabled: map[string][]*artifact.Node{}, ParentMap: make(map[string][]string, len(a.g.Nodes)), ChildMap: make(map[string][]string, len(a.g.Nodes)), GroupMap: map[string][]string{},
		SavedQueries: nothing(), SemanticModels: nothing(), UnitTests: map[string]*artifact.UnitTest{},
	}
	ids = []string{}
	for id, n := range a.g.Nodes {
		m.ParentMap[id], m.ChildMap[id] = sortedIDs(n.Parents), []string{}
		if n.Resource == compile.Source {
			m.Sources[id] = a.source(n)
			continue
		}
		if n.Unit != nil {
			delete(m.ParentMap, id) // addEntries adds it
			delete(m.ChildMap, id)
			continue
		}
		ids = append(ids, id)
		if group := textOf(compile.Plain(n.Setting("group").Value)); group != nil {
			m.GroupMap[*group] = append(m.GroupMap[*group], id)
		}
	}
	for _, n := range a.g.Disabled() {
		node := a.node(n)
		node.Config["enabled"] = false
		m.Disabled[n.ID] = append(m.Disabled[n.ID], node)
	}
	a.addEntries(m)
	for id, parents := range m.ParentMap {
		for _, p := range parents {
			m.ChildMap[p] = append(m.ChildMap[p], id)
		}
	}
	for _, ids := range m.ChildMap {
		slices.Sort(ids)
	}
	for _, ids := range m.GroupMap {
		slices.Sort(ids)
	}
	return m, ids
}

// node is a model or data test.
func (a *artifacts) node(n *compile.Node) *artifact.Node {
	yes := true
	settings := n.Settings()
	out := &artifact.Node{
		Database: a.database(), Schema: a.g.Project.Target.LatestSchema, Name: n.BaseName(), ResourceType: n.Resource, PackageName: n.Package,
		Path: a.path(n), OriginalFilePath: a.originalPath(n), UniqueID: n.ID, FQN: texts(n.FQN), Alias: n.Name,
		Checksum: artifact.FileHash{Name: "none"}, Tags: texts(n.Tags), Description: n.Description, Columns: columns(n.Columns),
		Meta: dictOf(settings["meta"]), Group: textOf(settings["group"]), Docs: docsOf(settings["docs"]), UnrenderedConfig: settings,
		CreatedAt: seconds(a.at), RawCode: n.RawSQL, Language: "sql", Refs: []artifact.Ref{}, Sources: [][]string{}, Metrics: [][]string{},
		DependsOn: artifact.DependsOn{Macros: []string{}, Nodes: ids(n.Parents)}, Contract: &artifact.Contract{AliasTypes: true},
	}
	for _, id := range n.Parents {
		switch p := a.g.Nodes[id]; {
		case p == nil:
		case p.Resource == compile.Source:
			out.Sources = append(out.Sources, []string{p.Source.SourceName, p.Source.Name})
		default:
			ref := refTo(p)
			if p.Package != n.Package {
				ref.Package = &p.Package
			}
			out.Refs = append(out.Refs, ref)
		}
	}
	if v := n.Version; v != nil {
		out.Version, out.LatestVersion = v.V, v.Latest
	}
	if sql, ok := a.sql[n.ID]; ok {
		out.Compiled, out.CompiledCode, out.ExtraCTEsInjected, out.ExtraCTEs = &yes, &sql, &yes, []artifact.ExtraCTE{}
		if !a.passed[n.ID] {
			out.CompiledPath = artifact.Text(a.shown + "/" + a.compiledFile(n))
		}
	}
	if n.RawSQL != "" {
		out.RawCode = strings.TrimSpace(n.RawSQL)
		out.Checksum = textHash(n.RawSQL)
	}
	switch {
	case n.Test != nil:
		a.test(out, n, settings)
	case n.Resource == compile.Seed:
		a.model(out, n, settings)
		a.seed(out, n, settings)
	case n.Resource == compile.Snapshot:
		a.model(out, n, settings)
		out.Access, out.Constraints, out.PrimaryKey = nil, nil, nil
		delete(out.Config, "access")
	default:
		a.model(out, n, settings)
	}
	return out
}

func refTo(n *compile.Node) artifact.Ref {
	ref := artifact.Ref{Name: n.BaseName()}
	if n.Version != nil {
		ref.Version = n.Version.V
	}
	return ref
}

// seed takes away what a seed does not have.
func (a *artifacts) seed(out *artifact.Node, n *compile.Node, settings map[string]any) {
	out.Language, out.Refs, out.Sources, out.Metrics, out.DependsOn.Nodes, out.Contract = "", nil, nil, nil, nil, nil
	out.Access, out.Constraints, out.PrimaryKey, out.RawCode = nil, nil, nil, ""
	out.RootPath = &a.g.Project.Dir
	delete(out.Config, "access")
	for key, v := range map[string]any{"delimiter": ",", "quote_columns": nil} {
		if settings[key] == nil {
			out.Config[key] = v
		}
	}
	out.Checksum = a.fileHash(n.File)
}

// maxHashed is the size of the largest seed whose bytes dbt compares; of a
// larger one it knows the path alone.
const maxHashed = 1 << 20

// fileHash is the checksum of a seed's file; "none" if it cannot be read.
func (a *artifacts) fileHash(file string) artifact.FileHash {
	f, err := os.OpenInRoot(a.g.Project.Dir, filepath.FromSlash(file))
	if err != nil {
		return artifact.FileHash{Name: "none"}
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxHashed {
		return artifact.FileHash{Name: "path", Checksum: file}
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return artifact.FileHash{Name: "none"}
	}
	return textHash(string(data))
}

// textHash is the checksum of a file's text as dbt makes it: without the white
// space around it.
func textHash(text string) artifact.FileHash {
	sum := sha256.Sum256([]byte(strings.TrimSpace(text)))
	return artifact.FileHash{Name: "sha256", Checksum: hex.EncodeToString(sum[:])}
}

func (a *artifacts) model(out *artifact.Node, n *compile.Node, settings map[string]any) {
	cfg := n.Config
	out.Schema = a.relation(n).Schema
	out.Alias, out.Docs = n.Table.Name, docsOf(settings["docs"])
	if n.Kind != "ephemeral" {
		out.RelationName = artifact.Text(a.relation(n).String())
	}
	if file := a.entries[n.ID]; file != "" {
		out.PatchPath = artifact.Text(n.Package + "://" + a.ofPackage(n.Package, file))
	}
	out.Access, out.Constraints, out.PrimaryKey = artifact.Text(cmp.Or(cfg.Access, "protected")), []artifact.ModelLevelConstraint{}, a.primaryKey(n)
	a.fromEntry(out, n)
	out.Contract = &artifact.Contract{Enforced: cfg.ContractEnforced, AliasTypes: true}
	out.Config = modelConfig(n, settings)
}

// fromEntry adds what the YAML entry of a model says of it.
func (a *artifacts) fromEntry(out *artifact.Node, n *compile.Node) {
	e := n.Entry()
	if e == nil {
		return
	}
	for _, k := range e.Constraints {
		c := artifact.ModelLevelConstraint{Columns: texts(k.Columns)}
		c.ColumnLevelConstraint = artifact.ColumnLevelConstraint{Type: k.Type, Name: artifact.Text(k.Name), Expression: artifact.Text(k.Expression),
			WarnUnenforced: !k.QuietUnenforced, WarnUnsupported: !k.QuietUnsupported, To: artifact.Text(k.To), ToColumns: texts(k.ToColumns)}
		out.Constraints = append(out.Constraints, c)
	}
	if t, err := compile.ParseEventTime(fmt.Sprint(rawOf(e)["deprecation_date"])); err == nil {
		out.DeprecationDate = artifact.Text(t.Format("2006-01-02T15:04:05+00:00"))
	}
}

// primaryKey is the key of a model: of its config, of its constraints, or what its
// data tests say of columns, as dbt infers it.
func (a *artifacts) primaryKey(n *compile.Node) []string {
	if len(n.Config.PrimaryKey) > 0 {
		return n.Config.PrimaryKey
	}
	if e := n.Entry(); e != nil {
		for _, k := range e.Constraints {
			if k.Type == "primary_key" {
				return texts(k.Columns)
			}
		}
	}
	for _, c := range n.Columns {
		for _, k := range c.Constraints {
			if k.Type == "primary_key" {
				return []string{c.Name}
			}
		}
	}
	unique, both := []string{}, []string{}
	tested := a.tested[n.ID]
	for _, c := range slices.Sorted(maps.Keys(tested)) {
		if !tested[c].unique {
			continue
		}
		unique = append(unique, c)
		if tested[c].notNull {
			both = append(both, c)
		}
	}
	if len(both) > 0 {
		return both
	}
	return unique
}

// testedColumn says which data tests a column has.
type testedColumn struct{ unique, notNull bool }

// testedColumns are the columns that unique and not_null test, by model.
func testedColumns(g *compile.Graph) map[string]map[string]testedColumn {
	out := map[string]map[string]testedColumn{}
	for _, n := range g.Nodes {
		if n.Test == nil {
			continue
		}
		unique := n.Test.Generic == "unique" || n.Test.Generic == "unique_combination_of_columns"
		if !unique && n.Test.Generic != "not_null" {
			continue
		}
		columns := []any{n.Test.Column}
		if n.Test.Column == "" {
			columns = listOf(n.Test.Kwargs()["combination_of_columns"])
		}
		for _, c := range columns {
			name, ok := c.(string)
			if !ok || name == "" {
				continue
			}
			if out[n.Test.Model] == nil {
				out[n.Test.Model] = map[string]testedColumn{}
			}
			t := out[n.Test.Model][name]
			t.unique, t.notNull = t.unique || unique, t.notNull || !unique
			out[n.Test.Model][name] = t
		}
	}
	return out
}

// materialized is a kind of model as dbt calls it.
func materialized(kind string) string {
	if kind == "mart" {
		return "table"
	}
	return kind
}

// modelConfig is a model's config with the defaults that hold, under dbt's keys;
// the project's own keys are beside them.
func modelConfig(n *compile.Node, settings map[string]any) map[string]any {
	cfg, none := n.Config, map[string]any{}
	out := map[string]any{
		"enabled": true, "alias": null(cfg.Alias), "schema": null(cfg.Schema), "database": null(cfg.Database), "tags": texts(n.Tags),
		"meta": dictOf(settings["meta"]), "group": null(cfg.Group), "materialized": materialized(n.Kind), "incremental_strategy": null(cfg.IncrementalStrategy),
		"batch_size": nil, "lookback": 1, "begin": nil, "persist_docs": none, "post-hook": hooks(settings["post_hook"]), "pre-hook": hooks(settings["pre_hook"]),
		"quoting": none, "column_types": none, "full_refresh": cfg.FullRefresh, "unique_key": uniqueKey(cfg.UniqueKey),
		"on_schema_change": "ignore", "on_configuration_change": "apply", "grants": none, "packages": []any{}, "docs": docsOf(settings["docs"]),
		"contract": map[string]any{"enforced": cfg.ContractEnforced, "alias_types": true}, "event_time": null(cfg.EventTime), "concurrent_batches": nil,
		"access": cmp.Or(cfg.Access, "protected"),
	}
	for key, v := range settings {
		switch key {
		case "enabled", "alias", "schema", "database", "tags", "meta", "group", "materialized", "incremental_strategy", "post_hook", "pre_hook",
			"full_refresh", "unique_key", "docs", "contract", "event_time", "access":
		case "batch_size", "lookback", "begin", "persist_docs", "quoting", "column_types", "on_schema_change", "on_configuration_change",
			"grants", "packages", "concurrent_batches":
			if v != nil {
				out[key] = v
			}
			if key == "begin" {
				if t, err := compile.ParseEventTime(fmt.Sprint(v)); err == nil {
					out[key] = t.Format("2006-01-02T15:04:05")
				}
			}
		default:
			out[key] = v
		}
	}
	return out
}

// testConfig is a data test's config with the defaults that hold, under dbt's
// keys.
func testConfig(n *compile.Node, settings map[string]any) map[string]any {
	t := n.Test
	if t.Keeps(false) && settings["store_failures_as"] == nil {
		settings["store_failures_as"] = "table"
	}
	return map[string]any{
		"enabled": true, "alias": settings["alias"], "schema": cmp.Or[any](settings["schema"], "dbt_test__audit"), "database": settings["database"],
		"tags": texts(n.Tags), "meta": dictOf(settings["meta"]), "group": textOf(settings["group"]), "materialized": "test", "severity": t.Said,
		"store_failures": settings["store_failures"], "store_failures_as": settings["store_failures_as"], "where": settings["where"], "limit": limit(t.Limit),
		"fail_calc": t.FailCalc, "warn_if": t.WarnIf, "error_if": t.ErrorIf,
	}
}

func (a *artifacts) test(out *artifact.Node, n *compile.Node, settings map[string]any) {
	t := n.Test
	out.Config = testConfig(n, settings)
	if t.KeptIn.Schema != "" {
		out.Schema = t.KeptIn.Schema
	}
	if t.Keeps(false) {
		kept := t.KeptIn
		kept.Database = a.database()
		out.RelationName = artifact.Text(kept.String())
	}
	if file := a.entries[n.ID]; file != "" && t.Generic == "" {
		out.PatchPath = artifact.Text(n.Package + "://" + a.ofPackage(n.Package, file))
	}
	if t.Generic == "" {
		return
	}
	out.DependsOn.Macros = texts(t.Macros())
	out.ColumnName = artifact.Text(t.Column)
	kwargs := t.Kwargs()
	if t.Column != "" {
		kwargs["column_name"] = t.Column
	}
	if of := a.g.Nodes[t.Model]; of != nil {
		if of.Source == nil {
			out.AttachedNode = artifact.Text(t.Model)
		}
		out.FileKeyName = artifact.Text(plural(of) + "." + keyName(of))
		kwargs["model"] = "{{ get_where_subquery(" + of.Call() + ") }}"
	}
	out.TestMetadata = &artifact.TestMetadata{Name: t.Generic, Kwargs: kwargs, Namespace: artifact.Text(t.Package)}
	out.RawCode = "{{ test_" + t.Generic + "(**_dbt_generic_test_kwargs) }}"
	out.Checksum = artifact.FileHash{Name: "none"}
}

// plural is the key of a YAML file under which a node stands.
func plural(n *compile.Node) string { return n.Resource + "s" }

func keyName(n *compile.Node) string {
	if n.Source != nil {
		return n.Source.SourceName
	}
	return n.BaseName()
}

func (a *artifacts) source(n *compile.Node) *artifact.Source {
	s := n.Source
	settings := n.Settings()
	rel := n.Relation
	rel.Database = cmp.Or(rel.Database, a.database())
	name := rel.String()
	if files := n.Files(); files != "" {
		name = files
	}
	out := &artifact.Source{
		Database: rel.Database, Schema: rel.Schema, Name: s.Name, ResourceType: "source", PackageName: n.Package, Path: a.originalPath(n),
		OriginalFilePath: a.originalPath(n), UniqueID: n.ID, FQN: texts(n.FQN), SourceName: s.SourceName, SourceDescription: a.g.Described(s.Package, s.SourceDescription),
		Loader: s.Loader, Identifier: s.Identifier, LoadedAtField: artifact.Text(s.LoadedAtField), LoadedAtQuery: artifact.Text(s.LoadedAtQuery),
		Freshness: freshness(s.Freshness), Description: n.Description, Columns: columns(n.Columns), Meta: orEmpty(s.Meta), SourceMeta: map[string]any{},
		Tags: texts(n.Tags), Config: map[string]any{"enabled": true, "meta": orEmpty(s.Meta), "tags": texts(n.Tags)}, UnrenderedConfig: settings,
		RelationName: artifact.Text(name), CreatedAt: seconds(a.at),
	}
	for key, v := range settings {
		if _, ours := out.Config[key]; !ours && v != nil {
			out.Config[key] = v
		}
	}
	if len(s.External) > 0 {
		out.External, _ = compile.Plain(s.External).(map[string]any)
	}
	return out
}

func freshness(f *project.Freshness) *artifact.Freshness {
	if f == nil {
		return nil
	}
	rule := func(r *project.FreshnessRule) *artifact.FreshnessTime {
		if r == nil {
			return nil
		}
		return &artifact.FreshnessTime{Count: &r.Count, Period: artifact.Text(r.Period)}
	}
	return &artifact.Freshness{WarnAfter: rule(f.WarnAfter), ErrorAfter: rule(f.ErrorAfter), Filter: artifact.Text(f.Filter)}
}

// path is a node's file below the folder of its kind.
func (a *artifacts) path(n *compile.Node) string {
	if p, ok := a.paths[n.ID]; ok && n.Test == nil && !ofYAML(n) {
		return p
	}
	if n.Test != nil && n.Test.Generic != "" {
		return testFile(n)
	}
	file := a.originalPath(n)
	if _, below, ok := strings.Cut(file, "/"); ok {
		file = below
	}
	if ofYAML(n) {
		return path.Join(file, testFile(n))
	}
	return file
}

func columns(cols []project.Column) map[string]*artifact.ColumnInfo {
	out := make(map[string]*artifact.ColumnInfo, len(cols))
	for _, c := range cols {
		meta, tags := orEmpty(c.Meta), texts(c.Tags)
		info := &artifact.ColumnInfo{Name: c.Name, Description: c.Description, Meta: meta, DataType: artifact.Text(c.DataType),
			Constraints: []artifact.ColumnLevelConstraint{}, Config: map[string]any{"meta": meta, "tags": tags}, Tags: tags}
		if c.Quote {
			info.Quote = &c.Quote
		}
		for _, k := range c.Constraints {
			info.Constraints = append(info.Constraints, artifact.ColumnLevelConstraint{Type: k.Type, Name: artifact.Text(k.Name),
				Expression: artifact.Text(k.Expression), WarnUnenforced: !k.QuietUnenforced, WarnUnsupported: !k.QuietUnsupported, To: artifact.Text(k.To), ToColumns: texts(k.ToColumns)})
		}
		out[c.Name] = info
	}
	return out
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return maps.Clone(m)
}

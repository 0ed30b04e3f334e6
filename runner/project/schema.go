package project

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/jinja"
)

// section is a kind of thing that a schema file describes.
type section struct {
	kind   string
	keys   []string // that its entries may have
	config bool     // its config is that of a model
	raw    bool     // all that stands in an entry is kept in Raw
}

var entryKeys = []string{"name", "description", "config", "meta", "docs", "tags", "columns", "data_tests", "tests"}

// sections are the lists of a schema file, without sources.
var sections = map[string]section{
	"models": {kind: "model", config: true, keys: append(slices.Clone(entryKeys), "access", "group", "constraints", "latest_version",
		"versions", "deprecation_date", "time_spine", "primary_key", "quote_columns")},
	"seeds":     {kind: "seed", config: true, keys: append(slices.Clone(entryKeys), "group", "quote_columns")},
	"snapshots": {kind: "snapshot", config: true, keys: append(slices.Clone(entryKeys), "group", "relation", "quote_columns")},
	"analyses":  {kind: "analysis", raw: true, keys: append(slices.Clone(entryKeys), "group")},
	"macros":    {kind: "macro", raw: true, keys: []string{"name", "description", "config", "meta", "docs", "arguments"}},
	"exposures": {kind: "exposure", raw: true, keys: []string{"name", "description", "config", "meta", "docs", "tags", "label", "type", "owner", "maturity",
		"url", "depends_on", "enabled"}},
	"groups": {kind: "group", raw: true, keys: []string{"name", "description", "config", "meta", "owner"}},
	"unit_tests": {kind: "unit_test", raw: true, keys: []string{"name", "description", "config", "meta", "tags", "model", "given", "expect", "overrides",
		"versions"}},
	"data_tests": {kind: "data_test", raw: true, keys: []string{"name", "description", "config", "meta", "docs", "tags"}},
	"metrics": {kind: "metric", raw: true, keys: []string{"name", "description", "config", "meta", "tags", "label", "type", "type_params", "filter",
		"time_granularity", "group", "agg", "expr", "agg_time_dimension", "hidden"}},
	"semantic_models": {kind: "semantic_model", raw: true, keys: []string{"name", "description", "config", "meta", "label", "model", "defaults", "entities",
		"measures", "dimensions", "primary_entity", "group"}},
	"saved_queries": {kind: "saved_query", raw: true, keys: []string{"name", "description", "config", "meta", "tags", "label", "query_params", "exports",
		"group"}},
	"functions": {kind: "function", raw: true, keys: []string{"name", "description", "config", "meta", "docs", "arguments", "returns", "type", "columns"}},
}

// promoted are the keys of an entry that may stand beside config as well as in it.
var promoted = []string{"meta", "docs", "tags", "access", "group", "quote_columns"}

func schemaKeys() []string {
	keys := []string{"version", "sources", "anchors"}
	for k := range sections {
		keys = append(keys, k)
	}
	return keys
}

// schemaFile is what a schema file says.
type schemaFile struct {
	f       *yamlFile
	entries []*Entry
	sources []*Source
}

// readSchema reads all that a schema file describes.
func readSchema(f *yamlFile, root *yaml.Node, pkg string) schemaFile {
	s := schemaFile{f: f}
	if root == nil {
		return s
	}
	for _, p := range f.known(f.pairs(root, "a schema file"), "a schema file", schemaKeys()) {
		switch p.key {
		case "version":
			if v := f.value(p.v); v != int64(2) && v != int64(1) {
				f.errorf(resolve(p.v), "version must be 2, not %s", show(v))
			}
		case "anchors":
		case "sources":
			for _, n := range f.list(p.v, "sources") {
				s.sources = append(s.sources, f.source(n, pkg)...)
			}
		default:
			for _, n := range f.list(p.v, p.key) {
				s.entries = append(s.entries, f.entry(n, p.key)...)
			}
		}
	}
	return s
}

// entry reads one element of a section; none if it has no name, one for each
// version of a model.
func (f *yamlFile) entry(n *yaml.Node, sectionName string) []*Entry {
	sec := sections[sectionName]
	what := "an entry of " + sectionName
	ps := f.entryPairs(n, sectionName, sec)
	e := &Entry{Kind: sec.kind, Raw: jinja.NewDict()}
	e.Name, e.Pos = f.entryName(n, ps, what)
	if e.Name == "" {
		return nil
	}
	e.Description = f.rawText(find(ps, "description"), "description")
	if sec.config {
		e.Config = f.config(find(ps, "config"), fmt.Sprintf("the config of %s", e.Name), modelKeys)
		f.promote(e, ps)
		e.Columns = f.columns(find(ps, "columns"), e.Name)
		e.Tests = f.dataTests(ps, "", false)
		e.Constraints = f.constraints(find(ps, "constraints"))
	}
	for _, p := range ps {
		if sec.raw || !slices.Contains(entryKeys, p.key) && !slices.Contains(promoted, p.key) {
			_ = e.Raw.Set(p.key, f.raw(p.v))
		}
	}
	if sec.kind == "unit_test" {
		e.Places = f.unitPlaces(ps)
	}
	if r := resolve(find(ps, "relation")); r != nil && sec.kind == "snapshot" {
		e.Places = map[string]Pos{"relation": f.pos(r)}
	}
	if sec.kind == "data_test" {
		e.Config = f.testConfig(find(ps, "config"), "the config of "+e.Name)
	}
	if sectionName == "models" {
		return f.versions(e, ps)
	}
	return []*Entry{e}
}

// entryPairs are the known keys of an entry; a config key among them is told
// where it belongs.
func (f *yamlFile) entryPairs(n *yaml.Node, sectionName string, sec section) []pair {
	what := "an entry of " + sectionName
	all := f.pairs(n, what)
	kept := all[:0:0]
	for _, p := range all {
		if sec.config && !slices.Contains(sec.keys, p.key) && isModelKey(ConfigKey(p.key)) {
			f.errorf(p.k, "%q belongs under config:", p.key).Advice = fmt.Sprintf("write config: {%s: …}", p.key)
			continue
		}
		kept = append(kept, p)
	}
	return f.known(kept, what, sec.keys)
}

// entryName reads the name that every entry, column and table must have.
func (f *yamlFile) entryName(n *yaml.Node, ps []pair, what string) (string, Pos) {
	v := resolve(find(ps, "name"))
	if isNullNode(v) {
		if resolve(n).Kind == yaml.MappingNode {
			f.errorf(n, "%s has no name", what)
		} else if isNullNode(resolve(n)) {
			f.errorf(n, "%s is empty", what)
		}
		return "", Pos{}
	}
	name := f.text(v, "name")
	if badName(name) {
		if name != "" {
			f.errorf(v, "a name must hold no control characters")
		}
		return "", Pos{}
	}
	return name, f.pos(v)
}

// promote takes the keys that may stand beside config into it.
func (f *yamlFile) promote(e *Entry, ps []pair) {
	beside := Config{}
	for _, p := range ps {
		if slices.Contains(promoted, p.key) {
			beside[p.key] = f.configSetting(p, false)
		}
	}
	if len(beside) > 0 {
		e.Config = Merge(beside, e.Config)
	}
}

// text reads a scalar that is meant as text. Numbers are taken as they were
// written; yes, no, true and dates in quotes only.
func (f *yamlFile) text(n *yaml.Node, what string) string {
	n = resolve(n)
	if isNullNode(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		f.errorf(n, "%s must be a text, not %s", what, kindOf(n))
		return ""
	}
	switch v := f.value(n).(type) {
	case string:
		return v
	case bool:
		e := f.errorf(n, "%s must be a text; YAML reads %s as %s", what, n.Value, map[bool]string{true: "true", false: "false"}[v])
		e.Advice = "put it in quotes"
		return ""
	case nil, broken:
		return ""
	default:
		if hasJinja(n.Value) {
			return jinja.Str(v)
		}
		return n.Value
	}
}

// rawText is text whose Jinja is rendered later.
func (f *yamlFile) rawText(n *yaml.Node, what string) string {
	n = resolve(n)
	if isNullNode(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		f.errorf(n, "%s must be a text, not %s", what, kindOf(n))
		return ""
	}
	return n.Value
}

func (f *yamlFile) boolean(n *yaml.Node, what string, preset bool) bool {
	if isNullNode(resolve(n)) {
		return preset
	}
	d := &decoder{}
	v := d.bool(f.setting(resolve(n), f.value(n)), what)
	f.errs.Add(d.errs...)
	return v
}

// texts reads a text or a list of texts.
func (f *yamlFile) texts(n *yaml.Node, what string) []string {
	n = resolve(n)
	if isNullNode(n) {
		return nil
	}
	d := &decoder{}
	v := d.texts(f.setting(n, f.value(n)), what)
	f.errs.Add(d.errs...)
	return v
}

func (f *yamlFile) dict(n *yaml.Node, what string) map[string]any {
	n = resolve(n)
	if isNullNode(n) {
		return nil
	}
	d := &decoder{}
	v := d.plainDict(f.setting(n, f.value(n)), what)
	f.errs.Add(d.errs...)
	return v
}

// rawConfigKeys hold Jinja that is rendered where they are used.
var rawConfigKeys = []string{"pre_hook", "post_hook", "closed", "where", "loaded_at_query"}

// config reads a mapping of config keys.
func (f *yamlFile) config(n *yaml.Node, what string, keys []string) Config {
	c := Config{}
	for _, p := range f.pairs(n, what) {
		key := ConfigKey(p.key)
		if !slices.Contains(keys, key) && !f.own(key, keys) {
			f.unknownKey(p.k, p.key, what, keys)
			continue
		}
		if _, double := c[key]; double {
			f.errorf(p.k, "%q says again what stands above it in %s", p.key, what)
			continue
		}
		c[key] = f.configSetting(p, slices.Contains(rawConfigKeys, key))
	}
	return c
}

// configSetting is a config value, placed where it can best be shown.
func (f *yamlFile) configSetting(p pair, raw bool) Setting {
	at, v := p.k, resolve(p.v)
	if v.Kind == yaml.ScalarNode && !isNullNode(v) && v.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && p.v.Kind != yaml.AliasNode {
		at = v
	}
	if raw {
		return f.setting(at, f.raw(v))
	}
	return f.setting(at, f.value(v))
}

var columnKeys = []string{"name", "description", "data_type", "quote", "tests", "data_tests", "tags", "meta", "config", "constraints", "policy_tags",
	"granularity", "entity", "dimension"}

func (f *yamlFile) columns(n *yaml.Node, owner string) []Column {
	var out []Column
	for _, c := range f.list(n, "columns") {
		what := "a column of " + owner
		if c := resolve(c); c.Kind == yaml.ScalarNode && !isNullNode(c) {
			f.errorf(c, "%s must be a mapping with a name", what).Advice = fmt.Sprintf("write - name: %s", c.Value)
			continue
		}
		ps := f.known(f.pairs(c, what), what, columnKeys)
		name, pos := f.entryName(c, ps, what)
		if name == "" {
			continue
		}
		if at := slices.IndexFunc(out, func(o Column) bool { return o.Name == name }); at >= 0 {
			f.errorf(resolve(find(ps, "name")), "column %q of %s is described twice, first in line %d", name, owner, out[at].Pos.Line)
			continue
		}
		out = append(out, f.column(ps, name, pos))
	}
	return out
}

func (f *yamlFile) column(ps []pair, name string, pos Pos) Column {
	c := Column{Name: name, Pos: pos}
	c.Description = f.rawText(find(ps, "description"), "description")
	c.DataType = f.text(find(ps, "data_type"), "data_type")
	c.Quote = f.boolean(find(ps, "quote"), "quote", false)
	cfg := f.known(f.pairs(find(ps, "config"), "config"), "the config of a column", []string{"tags", "meta", "tolerance"})
	if n := find(cfg, "tolerance"); n != nil && !isNullNode(resolve(n)) {
		d := &decoder{}
		t := d.tolerance(f.setting(resolve(n), f.value(n)), "tolerance of "+name)
		c.Tolerance = &t
		for _, e := range d.errs {
			f.errs.Add(e)
		}
	}
	c.Tags = slices.Concat(f.texts(find(ps, "tags"), "tags"), f.texts(find(cfg, "tags"), "tags"))
	c.Meta = f.dict(find(ps, "meta"), "meta")
	for k, v := range f.dict(find(cfg, "meta"), "meta") {
		if c.Meta == nil {
			c.Meta = map[string]any{}
		}
		c.Meta[k] = v
	}
	c.Constraints = f.constraints(find(ps, "constraints"))
	c.Tests = f.dataTests(ps, name, c.Quote)
	return c
}

var constraintTypes = []string{"not_null", "unique", "primary_key", "foreign_key", "check", "custom"}

func (f *yamlFile) constraints(n *yaml.Node) []Constraint {
	var out []Constraint
	for _, c := range f.list(n, "constraints") {
		ps := f.known(f.pairs(c, "a constraint"), "a constraint", []string{"type", "name", "expression", "columns", "to", "to_columns",
			"warn_unenforced", "warn_unsupported"})
		k := Constraint{Pos: f.pos(c), Type: strings.ToLower(f.text(find(ps, "type"), "type")), Name: f.text(find(ps, "name"), "name"),
			Expression: f.text(find(ps, "expression"), "expression"), To: f.rawText(find(ps, "to"), "to"),
			Columns: f.texts(find(ps, "columns"), "columns"), ToColumns: f.texts(find(ps, "to_columns"), "to_columns")}
		k.QuietUnenforced = !f.boolean(find(ps, "warn_unenforced"), "warn_unenforced", true)
		k.QuietUnsupported = !f.boolean(find(ps, "warn_unsupported"), "warn_unsupported", true)
		if !slices.Contains(constraintTypes, k.Type) {
			f.errorf(c, "unknown constraint type %q", k.Type).Advice = "types: " + strings.Join(constraintTypes, ", ")
		}
		out = append(out, k)
	}
	return out
}

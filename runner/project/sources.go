package project

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/jinja"
)

var (
	sourceKeys = []string{"name", "description", "database", "schema", "loader", "loaded_at_field", "loaded_at_query", "freshness", "quoting",
		"meta", "tags", "config", "overrides", "tables", "external"}
	tableKeys = []string{"name", "description", "identifier", "loader", "loaded_at_field", "loaded_at_query", "freshness", "quoting", "meta",
		"tags", "config", "columns", "data_tests", "tests", "external", "docs"}
	sourceConfigKeys = []string{"enabled", "meta", "tags", "freshness", "event_time", "loaded_at_field", "loaded_at_query", "schema", "database",
		"identifier", "external_location", "formatter", "plugin", "options", "quoting", "static_analysis"}
)

// sourceConfig reads config, with the keys that may stand beside it.
func (f *yamlFile) sourceConfig(ps []pair, what string) Config {
	beside := Config{}
	for _, p := range ps {
		switch p.key {
		case "meta", "tags", "freshness", "loaded_at_field", "quoting":
			beside[p.key] = f.configSetting(p, false)
		case "loaded_at_query":
			beside[p.key] = f.configSetting(p, true)
		}
	}
	return Merge(beside, f.config(find(ps, "config"), "the config of "+what, sourceConfigKeys))
}

// source reads an element of sources: one Source per table.
func (f *yamlFile) source(n *yaml.Node, pkg string) []*Source {
	ps := f.known(f.pairs(n, "a source"), "a source", sourceKeys)
	name, _ := f.entryName(n, ps, "a source")
	if name == "" {
		return nil
	}
	base := Source{SourceName: name, Package: pkg, File: f.name, Schema: name, Enabled: true}
	base.SourceDescription = f.rawText(find(ps, "description"), "description")
	if s := f.text(find(ps, "schema"), "schema"); s != "" {
		base.Schema = s
	}
	base.Database, base.Loader = f.text(find(ps, "database"), "database"), f.text(find(ps, "loader"), "loader")
	base.External = f.dict(find(ps, "external"), "external")
	base.Config = f.sourceConfig(ps, "source "+name)
	var out []*Source
	for _, t := range f.list(find(ps, "tables"), "tables") {
		if s := f.sourceTable(t, base); s != nil {
			out = append(out, s)
		}
	}
	return out
}

func (f *yamlFile) sourceTable(n *yaml.Node, s Source) *Source {
	what := "a table of source " + s.SourceName
	ps := f.known(f.pairs(n, what), what, tableKeys)
	s.Name, s.Pos = f.entryName(n, ps, what)
	if s.Name == "" {
		return nil
	}
	s.Identifier = s.Name
	if id := f.text(find(ps, "identifier"), "identifier"); id != "" {
		s.Identifier = id
	}
	if l := f.text(find(ps, "loader"), "loader"); l != "" {
		s.Loader = l
	}
	s.Description = f.rawText(find(ps, "description"), "description")
	s.Columns = f.columns(find(ps, "columns"), s.SourceName+"."+s.Name)
	s.Tests = f.dataTests(ps, "", false)
	if e := f.dict(find(ps, "external"), "external"); e != nil {
		s.External = e
	}
	s.Config = Merge(s.Config, f.sourceConfig(ps, s.SourceName+"."+s.Name))
	s.fromConfig(f)
	return &s
}

// fromConfig fills the fields that come from config.
func (s *Source) fromConfig(f *yamlFile) {
	d := &decoder{}
	for _, key := range sortedKeys(s.Config) {
		set := s.Config[key]
		if set.Value == nil {
			continue
		}
		switch key {
		case "enabled":
			s.Enabled = d.bool(set, key)
		case "tags":
			s.Tags = d.texts(set, key)
		case "meta":
			s.Meta = d.plainDict(set, key)
		case "freshness":
			s.Freshness = d.freshness(set)
		case "loaded_at_field":
			s.LoadedAtField = d.text(set, key)
		case "loaded_at_query":
			s.LoadedAtQuery = d.text(set, key)
		case "schema":
			s.Schema = d.name(set, key)
		case "database":
			s.Database = d.name(set, key)
		case "identifier":
			s.Identifier = d.name(set, key)
		}
	}
	for _, n := range []string{s.Schema, s.Database, s.Identifier} {
		if n != "" && badName(n) {
			d.errorf(Setting{Pos: s.Pos}, "source %s.%s: %q is no name: it holds control characters", s.SourceName, s.Name, n)
		}
	}
	f.errs.Add(d.errs...)
}

func (d *decoder) freshness(s Setting) *Freshness {
	dict := d.dict(s, "freshness")
	if dict.Len() == 0 {
		return nil
	}
	out := &Freshness{}
	for _, it := range dict.Items() {
		v := s.with(it.Value)
		switch key := jinja.Str(it.Key); key {
		case "warn_after":
			out.WarnAfter = d.freshnessRule(v, key)
		case "error_after":
			out.ErrorAfter = d.freshnessRule(v, key)
		case "filter":
			out.Filter = d.text(v, key)
		case "build_after": // of dbt's cloud
		default:
			d.add(unknownKey(s, key, "freshness", []string{"warn_after", "error_after", "filter"}))
		}
	}
	return out
}

func (d *decoder) freshnessRule(s Setting, key string) *FreshnessRule {
	dict := d.dict(s, key)
	if dict.Len() == 0 {
		return nil
	}
	count, _ := dict.Get("count")
	period, _ := dict.Get("period")
	r := &FreshnessRule{}
	n, ok := count.(int64)
	r.Period, _ = period.(string)
	r.Count = int(n)
	if !ok || n < 0 || n > 1<<31-1 || !slices.Contains([]string{"minute", "hour", "day"}, r.Period) {
		d.errorf(s, "%s needs a count and a period: minute, hour or day", key).Advice = fmt.Sprintf("write %s: {count: 12, period: hour}", key)
		return nil
	}
	return r
}

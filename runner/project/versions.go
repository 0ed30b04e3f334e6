package project

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// Version says that a model is one of several versions of a model.
type Version struct {
	Of     string      // the model's name: customers
	V      jinja.Value // this version: a number or a text
	Latest jinja.Value // the one that ref('customers') means

	file string // defined_in: the name of its file
	all  Pos    // of the entry of all versions
}

// Name is the version as it is written behind the model's name: "2".
func (v *Version) Name() string { return jinja.Str(v.V) }

// LatestName is the latest version as it is written behind the model's name.
func (v *Version) LatestName() string { return jinja.Str(v.Latest) }

// IsLatest says whether ref without a version means this one.
func (v *Version) IsLatest() bool { return v.Name() == v.LatestName() }

// model is the name of the version among all models, and of its table: dbt's
// alias.
func (v *Version) model() string { return VersionName(v.Of, v.Name()) }

// VersionName is the name of a version of a model among all models.
func VersionName(model, version string) string {
	return model + "_v" + strings.ReplaceAll(version, ".", "_")
}

// files are the names that its file may have, without .sql.
func (v *Version) files() []string {
	if v.file != "" {
		return []string{v.file}
	}
	names := []string{v.Of + "_v" + v.Name()}
	if v.IsLatest() {
		names = append(names, v.Of)
	}
	return names
}

// Before says which of two versions is older: as numbers, or else as texts.
func (v *Version) Before(o *Version) bool {
	a, errA := strconv.ParseFloat(v.Name(), 64)
	b, errB := strconv.ParseFloat(o.Name(), 64)
	if errA == nil && errB == nil {
		return a < b
	}
	return v.Name() < o.Name()
}

var versionKeys = []string{"v", "defined_in", "description", "access", "config", "constraints", "docs", "data_tests", "tests", "columns", "deprecation_date"}

// versions makes an entry for each version of a model of the entry of all. An
// entry without versions is the only one.
func (f *yamlFile) versions(all *Entry, ps []pair) []*Entry {
	list, latest := find(ps, "versions"), resolve(find(ps, "latest_version"))
	items := f.list(list, "versions")
	if len(items) == 0 {
		if !isNullNode(latest) {
			e := f.errorf(latest, "%s has a latest_version, but no versions", all.Name)
			e.Advice = "write versions: [{v: 1}], or remove it"
		}
		return []*Entry{all}
	}
	var out []*Entry
	for _, n := range items {
		if e := f.version(n, all); e != nil {
			if at := slices.IndexFunc(out, func(o *Entry) bool { return o.Version.Name() == e.Version.Name() }); at >= 0 {
				f.errorf(resolve(n), "version %s of %s is described twice, first in line %d", e.Version.Name(), all.Name, out[at].Pos.Line)
				continue
			}
			out = append(out, e)
		}
	}
	if len(out) > 0 {
		f.latest(out, latest)
	}
	return out
}

// latest notes which version is the latest one: the one that is named, or else
// the highest.
func (f *yamlFile) latest(entries []*Entry, n *yaml.Node) {
	highest := slices.MaxFunc(entries, func(a, b *Entry) int {
		switch {
		case a.Version.Before(b.Version):
			return -1
		case b.Version.Before(a.Version):
			return 1
		}
		return 0
	})
	latest := highest.Version.V
	if !isNullNode(n) {
		latest = f.value(n)
		var known []string
		for _, e := range entries {
			known = append(known, e.Version.Name())
		}
		if !slices.Contains(known, jinja.Str(latest)) {
			f.errorf(n, "latest_version %s is none of the versions of %s: %s", jinja.Str(latest), highest.Version.Of, strings.Join(known, ", "))
		}
	}
	for _, e := range entries {
		e.Version.Latest = latest
	}
}

// version is what a file says of one version: its own words before those of
// all versions.
func (f *yamlFile) version(n *yaml.Node, all *Entry) *Entry {
	what := "a version of " + all.Name
	ps := f.known(f.pairs(n, what), what, versionKeys)
	v := resolve(find(ps, "v"))
	if isNullNode(v) {
		f.errorf(n, "%s has no number", what).Advice = "write v: 1"
		return nil
	}
	value := f.value(v)
	switch value.(type) {
	case int64, float64, string:
	default:
		f.errorf(v, "v must be a number or a text, not %s", show(value))
		return nil
	}
	version := &Version{Of: all.Name, V: value, all: all.Pos, file: strings.TrimSuffix(f.text(find(ps, "defined_in"), "defined_in"), ".sql")}
	if badName(version.Name()) || strings.ContainsAny(version.Name(), `/\`) {
		f.errorf(v, "v must be a number or a plain text, not %s", show(value))
		return nil
	}
	e := *all
	e.Name, e.Pos, e.Version = version.model(), f.pos(v), version
	e.Description = cmp.Or(f.rawText(find(ps, "description"), "description"), all.Description)
	e.Config = Merge(all.Config, f.config(find(ps, "config"), "the config of "+what, modelKeys))
	f.promote(&e, slices.DeleteFunc(slices.Clone(ps), func(p pair) bool { return p.key != "access" && p.key != "docs" }))
	e.Columns = f.versionColumns(find(ps, "columns"), all, what)
	if find(ps, "data_tests") != nil || find(ps, "tests") != nil {
		e.Tests = f.dataTests(ps, "", false)
	}
	if own := f.constraints(find(ps, "constraints")); len(own) > 0 {
		e.Constraints = own
	}
	if date := find(ps, "deprecation_date"); date != nil && all.Raw != nil {
		e.Raw = jinja.NewDict()
		for _, it := range all.Raw.Items() {
			_ = e.Raw.Set(it.Key, it.Value)
		}
		_ = e.Raw.Set("deprecation_date", f.value(date))
	}
	return &e
}

// versionColumns are the columns of all versions that a version includes, and
// its own.
func (f *yamlFile) versionColumns(n *yaml.Node, all *Entry, what string) []Column {
	own := &yaml.Node{Kind: yaml.SequenceNode}
	var choice *yaml.Node
	for _, c := range f.list(n, "columns") {
		if c := resolve(c); c.Kind == yaml.MappingNode && (find(f.mappingPairs(c, 0), "include") != nil || find(f.mappingPairs(c, 0), "exclude") != nil) {
			if choice != nil {
				f.errorf(c, "%s has two lists of columns that it includes", what).Advice = "write one: - include: all, and exclude: [a, b] under it"
			}
			choice = c
			continue
		}
		own.Content = append(own.Content, c)
	}
	kept := all.Columns
	if choice != nil {
		kept = f.chosen(choice, all, what)
	}
	out := slices.Clone(kept)
	if len(own.Content) == 0 {
		return out
	}
	for _, c := range f.columns(own, all.Name) {
		// As in dbt, its words take the place of those for all versions, and the
		// data tests of both hold.
		if at := slices.IndexFunc(out, func(k Column) bool { return k.Name == c.Name }); at >= 0 {
			c.Tests = slices.Concat(out[at].Tests, c.Tests)
			out[at] = c
			continue
		}
		out = append(out, c)
	}
	return out
}

// chosen are the columns that include and exclude leave.
func (f *yamlFile) chosen(n *yaml.Node, all *Entry, what string) []Column {
	ps := f.known(f.pairs(n, "columns"), "a choice of columns", []string{"include", "exclude"})
	include, exclude := f.texts(find(ps, "include"), "include"), f.texts(find(ps, "exclude"), "exclude")
	every := find(ps, "include") == nil || len(include) == 1 && (include[0] == "all" || include[0] == "*") && resolve(find(ps, "include")).Kind == yaml.ScalarNode
	if in := resolve(find(ps, "include")); in != nil && in.Kind == yaml.ScalarNode && !isNullNode(in) && !every {
		f.errorf(in, "include must be all, \"*\" or a list of columns, not %q", in.Value)
		return nil
	}
	if !every && len(exclude) > 0 {
		f.errorf(resolve(find(ps, "exclude")), "exclude goes with include: all; %s includes a list", what)
		return nil
	}
	for _, name := range slices.Concat(exclude, include) {
		if every && slices.Contains(include, name) {
			continue
		}
		if !slices.ContainsFunc(all.Columns, func(c Column) bool { return c.Name == name }) {
			e := f.errorf(n, "%s names a column %q that is not described for all versions", what, name)
			var names []string
			for _, c := range all.Columns {
				names = append(names, c.Name)
			}
			e.Warn = true // dbt takes it
			if near := diag.Nearest(name, names); near != "" {
				e.Msg += fmt.Sprintf("; did you mean %q?", near)
			}
		}
	}
	var out []Column
	for _, c := range all.Columns {
		if every && !slices.Contains(exclude, c.Name) || !every && slices.Contains(include, c.Name) {
			out = append(out, c)
		}
	}
	return out
}

// nameVersions finds the file of each version and gives it the version's name.
func (l *loader) nameVersions(entries *entryIndex) {
	models := make(map[string]*Model, len(l.p.Models))
	for _, m := range l.p.Models {
		models[m.Name] = m
	}
	for _, e := range entries.all {
		v := e.Version
		if v == nil {
			continue
		}
		for _, name := range v.files() {
			if m := models[name]; m != nil && m.Version == nil {
				m.Name, m.Version = e.Name, v
				m.FQN = append(slices.Clone(m.FQN[:len(m.FQN)-1]), v.Of, "v"+v.Name())
				break
			}
		}
	}
	told := map[*Model]bool{}
	for _, e := range entries.all {
		if e.Version == nil {
			continue
		}
		if m := models[e.Version.Of]; m != nil && m.Version == nil && !told[m] {
			told[m] = true
			err := entries.errorf(e, "model %s has versions, and %s is a model of that name without one", e.Version.Of, m.File)
			err.Advice = "make it a version: v: N, and defined_in: " + m.Name
			l.errs.Add(err)
		}
	}
}

// configPath is where the folder configs of a model are looked up: a version
// has its own level below the model's name.
func (m *Model) configPath() []string {
	if m.Version != nil {
		return m.FQN[1:]
	}
	return m.Path
}

// ID is the model's unique id, as dbt has it.
func (m *Model) ID() string {
	if m.Version != nil {
		return "model." + m.Package + "." + m.Version.Of + ".v" + m.Version.Name()
	}
	return "model." + m.Package + "." + m.Name
}

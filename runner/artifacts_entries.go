package runner

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"

	"warehouse/runner/artifact"
	"warehouse/runner/compile"
	"warehouse/runner/project"
)

// addEntries adds what only YAML files describe: exposures, groups, unit tests.
func (a *artifacts) addEntries(m *artifact.Manifest) {
	for _, e := range a.g.Project.Entries["group"] {
		raw := rawOf(e)
		id := "group." + e.Package + "." + e.Name
		m.Groups[id] = &artifact.Group{Name: e.Name, ResourceType: "group", PackageName: e.Package, Path: a.entryPath(e), OriginalFilePath: a.entryFile(e),
			UniqueID: id, Owner: owner(raw["owner"]), Description: artifact.Text(a.described(e))}
		if cfg := dictOf(raw["config"]); len(cfg) > 0 {
			m.Groups[id].Config = map[string]any{"meta": dictOf(cfg["meta"])}
		}
		if m.GroupMap[e.Name] == nil {
			m.GroupMap[e.Name] = []string{}
		}
	}
	for _, e := range a.g.Project.Entries["exposure"] {
		if disabled(e) {
			continue
		}
		x := a.exposure(e)
		m.Exposures[x.UniqueID] = x
		m.ParentMap[x.UniqueID], m.ChildMap[x.UniqueID] = sortedIDs(x.DependsOn.Nodes), []string{}
	}
	for _, e := range a.g.Project.Entries["unit_test"] {
		if disabled(e) {
			continue
		}
		for _, u := range a.unitTests(e) {
			m.UnitTests[u.UniqueID] = u
			m.ParentMap[u.UniqueID], m.ChildMap[u.UniqueID] = sortedIDs(u.DependsOn.Nodes), []string{}
		}
	}
}

// disabled says whether an entry is left out.
func disabled(e *project.Entry) bool {
	raw := rawOf(e)
	return raw["enabled"] == false || dictOf(raw["config"])["enabled"] == false
}

func (a *artifacts) described(e *project.Entry) string {
	return a.g.Described(e.Package, e.Description)
}

func rawOf(e *project.Entry) map[string]any {
	if e.Raw == nil {
		return map[string]any{}
	}
	return dictOf(compile.Plain(e.Raw))
}

func (a *artifacts) entryFile(e *project.Entry) string { return a.ofPackage(e.Package, e.Pos.File) }

// entryPath is the file below the folder of models.
func (a *artifacts) entryPath(e *project.Entry) string {
	file := a.entryFile(e)
	if _, below, ok := strings.Cut(file, "/"); ok {
		return below
	}
	return file
}

// entryFQN is the package, the folders of the file, the name.
func (a *artifacts) entryFQN(e *project.Entry, more ...string) []string {
	fqn := []string{e.Package}
	if dir := path.Dir(a.entryPath(e)); dir != "." {
		fqn = append(fqn, strings.Split(dir, "/")...)
	}
	return append(append(fqn, more...), e.Name)
}

func (a *artifacts) exposure(e *project.Entry) *artifact.Exposure {
	raw := rawOf(e)
	cfg := dictOf(raw["config"])
	tags, meta := []string{}, map[string]any{}
	for _, from := range []map[string]any{cfg, raw} {
		for _, t := range listOf(from["tags"]) {
			tags = append(tags, fmt.Sprint(t))
		}
		for k, v := range dictOf(from["meta"]) {
			meta[k] = v
		}
	}
	x := &artifact.Exposure{
		Name: e.Name, ResourceType: "exposure", PackageName: e.Package, Path: a.entryPath(e), OriginalFilePath: a.entryFile(e),
		UniqueID: "exposure." + e.Package + "." + e.Name, FQN: a.entryFQN(e), Type: cmp.Or(textIn(raw, "type"), "application"), Owner: owner(raw["owner"]),
		Description: a.described(e), Label: textOf(raw["label"]), Maturity: textOf(raw["maturity"]), Meta: meta, Tags: sortedIDs(tags),
		Config: map[string]any{"enabled": true, "tags": sortedIDs(tags), "meta": meta}, UnrenderedConfig: cfg, URL: textOf(raw["url"]),
		DependsOn: artifact.DependsOn{Macros: []string{}, Nodes: []string{}}, Refs: []artifact.Ref{}, Sources: [][]string{}, Metrics: [][]string{}, CreatedAt: seconds(a.at),
	}
	for _, d := range listOf(raw["depends_on"]) {
		n := a.named(fmt.Sprint(d))
		switch {
		case n == nil:
			continue
		case n.Source != nil:
			x.Sources = append(x.Sources, []string{n.Source.SourceName, n.Source.Name})
		default:
			x.Refs = append(x.Refs, refTo(n))
		}
		x.DependsOn.Nodes = append(x.DependsOn.Nodes, n.ID)
	}
	return x
}

func textIn(d map[string]any, key string) string {
	s, _ := d[key].(string)
	return s
}

func owner(v any) artifact.Owner {
	o := artifact.Owner{}
	for k, v := range dictOf(v) {
		switch k {
		case "email":
			o.Email = v
		case "name":
			o.Name = textOf(v)
		default:
			if o.Extra == nil {
				o.Extra = map[string]any{}
			}
			o.Extra[k] = v
		}
	}
	return o
}

// nodeCalls are ref('m'), ref('package', 'm') and source('s', 't') as YAML files
// write them.
var nodeCalls = regexp.MustCompile(`\b(ref|source)\(\s*['"]([^'"]+)['"]\s*(?:,\s*['"]([^'"]+)['"]\s*)?(?:,\s*(?:v|version)\s*=\s*['"]?([^'")\s]+))?`)

// named is the node that a call names, or nil.
func (a *artifacts) named(call string) *compile.Node {
	m := nodeCalls.FindStringSubmatch(call)
	if m == nil {
		return nil
	}
	if m[1] == "ref" {
		pkg, name := m[2], m[3]
		if name == "" {
			pkg, name = "", m[2]
		}
		return a.g.Find(pkg, name, m[4])
	}
	for _, n := range a.g.Nodes {
		if n.Source != nil && n.Source.SourceName == m[2] && n.Source.Name == m[3] {
			return n
		}
	}
	return nil
}

// unitTests are an entry's: of a model with versions one for each that it tests.
func (a *artifacts) unitTests(e *project.Entry) []*artifact.UnitTest {
	var out []*artifact.UnitTest
	for _, n := range a.g.Nodes {
		if n.Unit == nil || n.Unit.Entry != e || n.Unit.Model.Version == nil {
			continue
		}
		u := a.unitTest(e)
		u.UniqueID, u.FQN, u.Version, u.DependsOn.Nodes = n.ID, n.FQN, n.Unit.Model.Version.V, []string{n.Unit.Model.ID}
		u.Versions = dictOf(rawOf(e)["versions"])
		out = append(out, u)
	}
	if len(out) == 0 {
		out = append(out, a.unitTest(e))
	}
	return out
}

func (a *artifacts) unitTest(e *project.Entry) *artifact.UnitTest {
	raw := rawOf(e)
	model := textIn(raw, "model")
	u := &artifact.UnitTest{
		Model: model, Given: []artifact.UnitTestGiven{}, Expect: rows(raw["expect"]), Name: e.Name, ResourceType: "unit_test", PackageName: e.Package,
		Path: a.entryPath(e), OriginalFilePath: a.entryFile(e), UniqueID: "unit_test." + e.Package + "." + model + "." + e.Name, FQN: a.entryFQN(e, model),
		Description: a.described(e), DependsOn: artifact.DependsOn{Macros: []string{}, Nodes: []string{}},
		Config:    map[string]any{"tags": listOf(dictOf(raw["config"])["tags"]), "meta": dictOf(dictOf(raw["config"])["meta"]), "enabled": true},
		CreatedAt: seconds(a.at),
	}
	for _, g := range listOf(raw["given"]) {
		u.Given = append(u.Given, artifact.UnitTestGiven{Input: textIn(dictOf(g), "input"), UnitTestRows: rows(g)})
	}
	if o := dictOf(raw["overrides"]); len(o) > 0 {
		u.Overrides = map[string]any{"macros": dictOf(o["macros"]), "vars": dictOf(o["vars"]), "env_vars": dictOf(o["env_vars"])}
	}
	if id := a.ids[model]; id != "" {
		u.DependsOn.Nodes = append(u.DependsOn.Nodes, id)
		u.Schema = artifact.Text(a.g.Project.Target.LatestSchema)
	}
	return u
}

func rows(v any) artifact.UnitTestRows {
	d := dictOf(v)
	return artifact.UnitTestRows{Rows: d["rows"], Format: cmp.Or(textIn(d, "format"), "dict"), Fixture: textOf(d["fixture"])}
}

// macros are those of the project and its packages. The product's own are no
// part of a project.
func (a *artifacts) macros() map[string]*artifact.Macro {
	out := map[string]*artifact.Macro{}
	said := map[string]*project.Entry{}
	for _, e := range a.g.Project.Entries["macro"] {
		said[e.Package+"."+e.Name] = e
	}
	for _, f := range a.g.Project.Macros {
		if f.Template == nil {
			continue
		}
		file := a.ofPackage(f.Package, f.File)
		for _, m := range f.Template.Macros() {
			if m.Kind == "docs" {
				continue
			}
			id := "macro." + f.Package + "." + m.Name
			macro := &artifact.Macro{Name: m.Name, ResourceType: "macro", PackageName: f.Package, Path: file, OriginalFilePath: file, UniqueID: id,
				MacroSQL: definition(f.Template.Source(), m.Pos.Line, m.Pos.Col), DependsOn: artifact.DependsOn{Macros: []string{}}, Meta: map[string]any{},
				Docs: artifact.Docs{Show: true}, Arguments: []artifact.MacroArgument{}, CreatedAt: seconds(a.at)}
			if e := said[f.Package+"."+m.Name]; e != nil {
				a.describeMacro(macro, e)
			}
			out[id] = macro
		}
	}
	return out
}

func (a *artifacts) describeMacro(m *artifact.Macro, e *project.Entry) {
	raw := rawOf(e)
	m.Description, m.Meta, m.Docs = a.described(e), dictOf(raw["meta"]), docsOf(raw["docs"])
	m.PatchPath = artifact.Text(e.Package + "://" + a.entryFile(e))
	for _, arg := range listOf(raw["arguments"]) {
		d := dictOf(arg)
		m.Arguments = append(m.Arguments, artifact.MacroArgument{Name: textIn(d, "name"), Type: textOf(d["type"]), Description: a.g.Described(e.Package, textIn(d, "description"))})
	}
}

// defined is the end of a definition.
var defined = regexp.MustCompile(`\{%[-+]?\s*end(?:macro|test|data_test|materialization|snapshot)\s*[-+]?%\}`)

// definition is the text of a macro whose name stands at line and column, from
// its tag to its end tag.
func definition(src string, line, col int) string {
	at := 0
	for ; line > 1; line-- {
		next := strings.IndexByte(src[at:], '\n')
		if next < 0 {
			return ""
		}
		at += next + 1
	}
	for i := range src[at:] {
		if col--; col == 0 {
			at += i
			break
		}
	}
	from := strings.LastIndex(src[:at], "{%")
	end := defined.FindStringIndex(src[at:])
	if from < 0 || end == nil {
		return ""
	}
	return src[from : at+end[1]]
}

func (a *artifacts) docs(ctx context.Context) map[string]*artifact.Doc {
	out := map[string]*artifact.Doc{}
	for _, b := range a.g.Project.Docs {
		id := "doc." + b.Package + "." + b.Name
		file := a.ofPackage(b.Package, b.File)
		_, below, ok := strings.Cut(file, "/")
		if !ok {
			below = file
		}
		out[id] = &artifact.Doc{Name: b.Name, ResourceType: "doc", PackageName: b.Package, Path: below, OriginalFilePath: file, UniqueID: id,
			BlockContents: a.g.DocText(ctx, b)}
	}
	return out
}

package runner

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/artifact"
)

// compareManifest compares the project with an older manifest, part by part as
// dbt does.
func (p *past) compareManifest(old *artifact.Manifest) {
	now := newArtifacts(p.r, p.g, ArtifactOptions{}).manifest(p.ctx)
	macros := changedMacros(old, now)
	for id, n := range now.Nodes {
		o := old.Nodes[id]
		if o == nil {
			o = old.Nodes[withoutHash(id)]
		}
		if o != nil {
			p.old[id] = true
			p.changes[id] = nodeChanges(o, n, macros)
		}
	}
	for id, s := range now.Sources {
		if o := old.Sources[id]; o != nil {
			p.old[id] = true
			p.changes[id] = sourceChanges(o, s)
		}
	}
	for id, x := range now.Exposures {
		if o := old.Exposures[id]; o != nil {
			p.old[id] = true
			if !sameJSON([]any{o.FQN, o.Type, o.Owner, o.Maturity, o.URL, o.Description, o.Label, sorted(o.DependsOn.Nodes)},
				[]any{x.FQN, x.Type, x.Owner, x.Maturity, x.URL, x.Description, x.Label, sorted(x.DependsOn.Nodes)}) {
				p.changes[id] = []change{{"body", "its entry changed"}}
			}
		}
	}
	for id, u := range now.UnitTests {
		if o := old.UnitTests[id]; o != nil {
			p.old[id] = true
			if !sameJSON([]any{o.Model, o.Given, o.Expect, o.Overrides}, []any{u.Model, u.Given, u.Expect, u.Overrides}) {
				p.changes[id] = []change{{"body", "its entry changed"}}
			}
		}
	}
}

// testHash stands behind the name of a generic data test.
var testHash = regexp.MustCompile(`\.[0-9a-f]{10}$`)

// withoutHash is the id that a node had in artifacts and registers before ids of
// generic data tests had a hash, as dbt's have.
func withoutHash(id string) string {
	if strings.HasPrefix(id, "test.") {
		return testHash.ReplaceAllString(id, "")
	}
	return id
}

func sorted(ids []string) []string { return slices.Sorted(slices.Values(ids)) }

func nodeChanges(o, n *artifact.Node, macros map[string]bool) []change {
	var out []change
	switch {
	case n.ResourceType == "seed":
		if o.Checksum.Name == n.Checksum.Name && o.Checksum.Checksum != n.Checksum.Checksum {
			out = append(out, change{"body", "its file changed"})
		}
	case n.TestMetadata == nil && strings.TrimSpace(o.RawCode) != strings.TrimSpace(n.RawCode):
		out = append(out, change{"body", "its SQL changed"})
	}
	if keys := changedConfig(o, n); len(keys) > 0 {
		out = append(out, change{"configs", "its config changed: " + strings.Join(keys, ", ")})
	}
	for _, key := range []string{"database", "schema", "alias"} {
		if n.ResourceType != "test" && !sameJSON(o.UnrenderedConfig[key], n.UnrenderedConfig[key]) {
			out = append(out, change{"relation", "its " + key + " changed"})
		}
	}
	if changed := slices.DeleteFunc(slices.Clone(n.DependsOn.Macros), func(m string) bool { return !macros[m] }); len(changed) > 0 {
		out = append(out, change{"macros", "a macro that it uses changed: " + strings.Join(changed, ", ")})
	}
	if text := contractChange(o, n); text != "" {
		out = append(out, change{"contract", text})
	}
	if !slices.Equal(o.FQN, n.FQN) {
		out = append(out, change{"fqn", "its folder changed"})
	}
	return out
}

// changedConfig are the keys that differ, without those that dbt leaves out of
// state:modified, or counts elsewhere.
func changedConfig(before, after *artifact.Node) []string {
	o, n := writtenConfig(before), writtenConfig(after)
	keys := map[string]bool{}
	for _, m := range []map[string]any{o, n} {
		for key := range m {
			if !sameJSON(o[key], n[key]) {
				keys[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// writtenConfig is what was written of a node's config, and its kind in any
// case: a default may be written on one side alone.
func writtenConfig(node *artifact.Node) map[string]any {
	m := maps.Clone(node.UnrenderedConfig)
	if m == nil {
		m = map[string]any{}
	}
	m["materialized"] = node.Config["materialized"]
	for _, key := range []string{"alias", "schema", "database", "tags", "meta", "group", "docs", "access", "description", "name"} {
		delete(m, key)
	}
	for _, hook := range []string{"pre", "post"} {
		if v, ok := m[hook+"-hook"]; ok {
			m[hook+"_hook"] = v
			delete(m, hook+"-hook")
		}
	}
	return m
}

// contractChange compares the columns of contracts that are enforced.
func contractChange(o, n *artifact.Node) string {
	had, has := o.Contract != nil && o.Contract.Enforced, n.Contract != nil && n.Contract.Enforced
	switch {
	case had != has:
		return fmt.Sprintf("its contract changed: enforced %t -> %t", had, has)
	case !has:
		return ""
	}
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(n.Columns)) {
		was, ok := o.Columns[name]
		if !ok {
			texts = append(texts, "column "+name+" is new")
		} else if !sameJSON(was.DataType, n.Columns[name].DataType) {
			texts = append(texts, "the type of "+name+" changed")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Columns)) {
		if n.Columns[name] == nil {
			texts = append(texts, "column "+name+" is gone")
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return "its contract changed: " + strings.Join(texts, ", ")
}

func sourceChanges(o, s *artifact.Source) []change {
	var out []change
	if o.Schema != s.Schema || o.Identifier != s.Identifier {
		out = append(out, change{"relation", "its table changed"})
	}
	if !slices.Equal(o.FQN, s.FQN) {
		out = append(out, change{"fqn", "its folder changed"})
	}
	return out
}

// changedMacros are the ids of macros that are new or differ, and of those that
// call them. Macros of dbt itself are not compared: each program has its own.
func changedMacros(old, now *artifact.Manifest) map[string]bool {
	changed := map[string]bool{}
	own := func(id string) bool {
		pkg := strings.SplitN(strings.TrimPrefix(id, "macro."), ".", 2)[0]
		return pkg != "dbt" && pkg != "dbt_duckdb" && pkg != "dbt_trino" && pkg != "warehouse"
	}
	for id, m := range now.Macros {
		if o := old.Macros[id]; own(id) && (o == nil || strings.TrimSpace(o.MacroSQL) != strings.TrimSpace(m.MacroSQL)) {
			changed[id] = true
		}
	}
	for more := len(changed) > 0; more; {
		more = false
		for id, m := range now.Macros {
			if !changed[id] && slices.ContainsFunc(m.DependsOn.Macros, func(d string) bool { return changed[d] }) {
				changed[id], more = true, true
			}
		}
	}
	return changed
}

// sameJSON compares values as they are written; nothing, and what is empty, is
// the same.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil {
		return false
	}
	return string(empty(x)) == string(empty(y))
}

func empty(text []byte) []byte {
	switch string(text) {
	case `""`, "[]", "{}", "false":
		return []byte("null")
	}
	return text
}

package project

import (
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Fixture is a file of rows for unit tests: tests/fixtures/**/*.csv, or a query
// in a .sql file.
type Fixture struct {
	Name, Package, File string
	Format              string // "csv", "sql"
	Text                string
}

// unitPlaces checks the keys inside a unit test, and notes where its parts
// stand: "model", "given.0", "given.0.input", "given.0.rows.2", "given.0.fixture",
// "expect", "expect.rows.0", "overrides.macros", ….
func (f *yamlFile) unitPlaces(ps []pair) map[string]Pos {
	places := map[string]Pos{}
	note := func(at string, n *yaml.Node) {
		if n = resolve(n); n != nil {
			places[at] = f.pos(n)
		}
	}
	rows := func(at, what string, n *yaml.Node, keys ...string) {
		note(at, n)
		for _, p := range f.known(f.pairs(n, what), what, append(keys, "rows", "format", "fixture")) {
			note(at+"."+p.key, p.v)
			if v := resolve(p.v); p.key == "rows" && v.Kind == yaml.SequenceNode {
				for i, row := range v.Content {
					note(fmt.Sprintf("%s.rows.%d", at, i), row)
				}
			}
		}
	}
	for _, p := range ps {
		note(p.key, p.v)
		switch p.key {
		case "given":
			for i, g := range f.list(p.v, "given") {
				rows(fmt.Sprintf("given.%d", i), "an input of a unit test", g, "input")
			}
		case "expect":
			rows("expect", "expect", p.v)
		case "overrides":
			for _, o := range f.known(f.pairs(p.v, "overrides"), "overrides", []string{"macros", "vars", "env_vars"}) {
				note("overrides."+o.key, o.v)
			}
		case "config":
			f.known(f.pairs(p.v, "config"), "the config of a unit test", []string{"enabled", "tags", "meta", "static_analysis"})
		}
	}
	return places
}

// addFixture takes a file of rows; what lies in tests without being below
// fixtures is none.
func (l *loader) addFixture(f *file) {
	parts := below(f.dir, f.name)
	l.p.Fixtures = append(l.p.Fixtures, &Fixture{Name: parts[len(parts)-1], Package: l.p.Name, File: f.name,
		Format: strings.TrimPrefix(path.Ext(f.name), "."), Text: f.text})
}

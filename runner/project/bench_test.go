package project

import (
	"fmt"
	"testing"
)

// BenchmarkLoad loads 10,000 small models, each with an entry of its own, 20 to
// a YAML file.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	write(b, dir, "project.yml", "name: shop\nmodels: {area_1: {+tags: [a]}, +materialized: view}\ndata_tests: {+severity: warn}\n")
	for i := range 500 {
		yaml := "version: 2\nmodels:\n"
		for j := range 20 {
			name := fmt.Sprintf("m_%d_%d", i, j)
			write(b, dir, fmt.Sprintf("models/area_%d/%s.sql", i, name), "select id, name, amount\nfrom {{ ref('m_0_0') }}\nwhere amount > {{ var('limit', 3) }}\n")
			yaml += "  - name: " + name + "\n    description: one row per thing\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n      - name: amount\n        description: how much\n"
		}
		write(b, dir, fmt.Sprintf("models/area_%d/schema.yml", i), yaml)
	}
	for b.Loop() {
		p, err := Load(b.Context(), Options{Dir: dir, Threads: 2})
		if err != nil || len(p.Models) != 10_000 || p.Models[77].YAML == nil {
			b.Fatal(err)
		}
	}
}

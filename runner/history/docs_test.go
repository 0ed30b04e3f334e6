package history

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/state.md has a section for each state table, with each of its columns in
// the order of the table, which is the order of a digest.
func TestDocsNameEveryColumn(t *testing.T) {
	b, err := os.ReadFile("../../docs/state.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	name := regexp.MustCompile("`([^`]+)`")
	table := ""
	for line := range strings.Lines(string(b)) {
		if s, ok := strings.CutPrefix(line, "## "); ok {
			table, _, _ = strings.Cut(strings.TrimSpace(s), ":")
			table, _, _ = strings.Cut(table, ",")
		}
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, m := range name.FindAllStringSubmatch(cells[1], -1) {
			if strings.HasPrefix(m[1], "run_") && m[1] != "run_id" {
				table = m[1] // the head of a table in a section of two
				continue
			}
			documented[table] = append(documented[table], m[1])
		}
	}
	check(t, documented, manifest)
	check(t, documented, manifestModel)
	check(t, documented, manifestTest)
	check(t, documented, publication)
	check(t, documented, publicationMart)
	check(t, documented, tag)
	check(t, documented, ledger)
	check(t, documented, bindingTable)
	check(t, documented, stateTable)
	check(t, documented, profileTable)
}

func check[T any](t *testing.T, documented map[string][]string, table table[T]) {
	t.Helper()
	var want []string
	for _, f := range table.fields {
		want = append(want, f.name)
	}
	if got := documented[table.name]; !slices.Equal(got, want) {
		t.Errorf("%s: documented are\n%v\nand there are\n%v", table.name, got, want)
	}
}

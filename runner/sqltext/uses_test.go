package sqltext

import (
	"strings"
	"testing"
)

// The tree is cut down to what UsesOf looks at; runner's tests hold it to the
// engine's own.
func TestUsesOf(t *testing.T) {
	tree := `{"statements":[{"node":{"type":"SELECT_NODE",
	 "cte_map":{"map":[{"key":"C","value":{"query":{"node":{"type":"SELECT_NODE","from_table":{"type":"BASE_TABLE","table_name":"c","schema_name":"","catalog_name":""}}}}}]},
	 "select_list":[{"class":"FUNCTION","function_name":"Random"}],
	 "from_table":{"type":"JOIN",
	  "left":{"type":"BASE_TABLE","table_name":"c","schema_name":"","catalog_name":""},
	  "right":{"type":"BASE_TABLE","table_name":"T","schema_name":"Run__ref","catalog_name":"memory"}}}}]}`
	u, err := UsesOf([]byte(tree))
	if err != nil {
		t.Fatal(err)
	}
	// The CTE c reads a table c; the query reads the CTE.
	if got := strings.Join(u.Tables, " "); got != "c memory.run__ref.t" {
		t.Errorf("tables %q", got)
	}
	if got := strings.Join(u.Functions, " "); got != "random" {
		t.Errorf("functions %q", got)
	}
	if _, err := UsesOf([]byte("x")); err == nil {
		t.Error("no error for what is no tree")
	}
}

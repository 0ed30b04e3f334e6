package compile

import (
	"os"
	"strings"
	"testing"
)

// docs/templates.md has every name that templates find, and every built-in macro.
func TestDocsAreComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	known := func(name string) bool {
		for _, end := range []string{"`", "(", "."} {
			if strings.Contains(string(text), "`"+name+end) {
				return true
			}
		}
		return strings.Contains(string(text), "statement('") && name == "statement" || strings.Contains(string(text), "`adapter."+name)
	}
	for name := range allGlobals() {
		if !known(name) {
			t.Errorf("docs/templates.md does not tell of %s", name)
		}
	}
	files, err := builtinMacros()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, m := range f.Macros() {
			name := strings.TrimPrefix(m.Name, "test_")
			if !strings.Contains(name, "__") && name[0] != '_' && !known(name) {
				t.Errorf("docs/templates.md does not tell of the macro %s", name)
			}
		}
	}
}

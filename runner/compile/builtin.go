package compile

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"warehouse/runner/jinja"
)

//go:embed macros/*.sql
var builtinFiles embed.FS

// builtinPackage is the package of the macros that come with the product; it
// has the name that dbt's own macros have, so that dbt.dateadd finds them.
const builtinPackage = "dbt"

// builtinMacros parses the embedded macros, once per process.
var builtinMacros = sync.OnceValues(func() ([]*jinja.Template, error) {
	names, err := fs.Glob(builtinFiles, "macros/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []*jinja.Template
	for _, name := range names {
		text, err := builtinFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		t, err := jinja.Parse("<built in>/"+name, string(text))
		if err != nil {
			return nil, fmt.Errorf("a built-in macro: %w", err)
		}
		out = append(out, t)
	}
	return out, nil
})

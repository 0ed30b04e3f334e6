package project

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzYAML: whatever stands in a schema file, reading it ends, does not panic,
// and each error has a place in the file.
func FuzzYAML(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*.txtar")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range txtar.Parse(data).Files {
			if isYAML(part.Name) {
				f.Add(part.Data)
			}
		}
	}
	target := defaultTarget("/p")
	f.Fuzz(func(t *testing.T, data []byte) {
		y, root := parseYAML("x.yml", data)
		y.budget = 10_000
		y.render = newRenderer(t.Context(), env, nil, &target)
		readSchema(y, root, "shop")
		if root != nil {
			y.raw(root)
		}
		if err := y.errs.Err(); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if strings.HasPrefix(line, "x.yml: ") {
					t.Errorf("no line: %s", line)
				}
			}
		}
		l := &loader{ctx: t.Context(), f: y, p: &Project{Dir: "/p", File: "x.yml"}, dir: &folder{}, o: Options{LookupEnv: env}}
		if root != nil {
			l.top = y.pairs(root, "project.yml")
			l.identity()
			l.topLevel()
			l.tree("models", modelKeys, nil)
		}
	})
}

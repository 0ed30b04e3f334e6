package runner

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed starter
var starter embed.FS

// Init writes a new project that builds at once into dir and returns its
// files, relative to dir. It overwrites nothing: a folder that holds a
// project, or one of the files, is an error, and nothing is written.
func Init(dir string) ([]string, error) {
	if dir == "" {
		dir = "."
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	var names []string
	err = fs.WalkDir(starter, "starter", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := starter.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, "starter/")
		if name == "gitignore" {
			name = ".gitignore"
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				return nil // the folder has its own
			}
		}
		files[name] = strings.Replace(string(text), "my_project", projectName(filepath.Base(abs)), 1)
		names = append(names, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range append([]string{"dbt_project.yml"}, names...) {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return nil, &UsageError{Msg: fmt.Sprintf("%s is there already", filepath.Join(dir, name)), Advice: "choose an empty folder: warehouse init DIR"}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(files[name]), 0o666); err != nil {
			return nil, err
		}
	}
	return names, nil
}

var notInName = regexp.MustCompile(`[^a-z0-9_]+`)

// projectName makes a folder's name a project's name.
func projectName(folder string) string {
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(folder), "_"), "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "my_project"
	}
	return name
}

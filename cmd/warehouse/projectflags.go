package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// projectFlags are the flags that dbt_project.yml may set under flags:, and that have
// a meaning here.
var projectFlags = []string{"fail-fast", "indirect-selection", "log-format", "log-level", "use-colors", "warn-error", "warn-error-options", "write-json", "quiet"}

// fromProject fills in the flags that neither the command line nor a variable gives from
// flags: of dbt_project.yml. What is wrong with the file itself is told when the
// project is opened.
func (g *globals) fromProject(cmd *cobra.Command, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "project.yml")); err == nil {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(dir, "dbt_project.yml"))
	if err != nil {
		return nil
	}
	var project struct {
		Flags map[string]yaml.Node `yaml:"flags"`
	}
	if err := yaml.Unmarshal(data, &project); err != nil || len(project.Flags) == 0 {
		return nil
	}
	for _, name := range projectFlags {
		node, ok := project.Flags[strings.ReplaceAll(name, "-", "_")]
		f := cmd.Flags().Lookup(name)
		if !ok || f == nil || f.Changed || node.ShortTag() == "!!null" {
			continue
		}
		if no := cmd.Flags().Lookup("no-" + name); no != nil && no.Changed {
			continue
		}
		text := node.Value
		if node.Kind != yaml.ScalarNode {
			raw, err := yaml.Marshal(&node)
			if err != nil {
				return err
			}
			text = string(raw)
		}
		if strings.EqualFold(text, "eager") || f.Value.Type() == "bool" {
			text = strings.ToLower(text)
		}
		if err := setFromEnvironment(f, text); err != nil {
			return flagValueError(fmt.Sprintf("dbt_project.yml:%d: %s of flags", node.Line, strings.ReplaceAll(name, "-", "_")), err)
		}
	}
	return g.fromHabits(cmd.Flags())
}

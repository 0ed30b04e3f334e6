package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"warehouse/runner"
)

// selection are the flags that pick nodes.
type selection struct {
	include, exclude []string
	filter           runner.Filter
	indirect         choice
}

func (s *selection) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&s.include, "select", "s", nil, "`nodes` to take: names, globs, +up, down+, tag:x, path:folder; several words join, a comma intersects")
	f := cmd.Flags()
	f.StringArrayVar(&s.exclude, "exclude", nil, "`nodes` to leave out")
	f.StringVar(&s.filter.Selector, "selector", "", "`name` of a selection in selectors.yml")
	f.StringArrayVar(&s.filter.ResourceTypes, "resource-type", nil, "only these `types` of what is selected: model, test, unit_test, seed, snapshot, source, exposure, all")
	f.StringArrayVar(&s.filter.ExcludeResourceTypes, "exclude-resource-type", nil, "`types` to leave out")
	s.indirect = choice{value: "eager", of: []string{"eager", "cautious", "buildable", "empty"}}
	f.Var(&s.indirect, "indirect-selection", "which tests come along with what is selected")
	f.StringVar(&s.filter.State, "state", "", "what state: and result: compare with: a `run`, or a folder with dbt's artifacts (default: the published run; the newest)")
	f.StringArrayVarP(&s.include, "models", "m", nil, "the same as --select")
	_ = f.MarkHidden("models")
}

// resourceTypes are the words of --resource-type.
var resourceTypes = []string{"model", "test", "unit_test", "source", "seed", "snapshot", "exposure", "all", "default",
	"analysis", "metric", "semantic_model", "saved_query", "function"}

// read returns what the flags say beside --select and --exclude.
func (s *selection) read(c *cli, cmd *cobra.Command) (runner.Filter, error) {
	f := s.filter
	for flag, types := range map[string][]string{"--resource-type": f.ResourceTypes, "--exclude-resource-type": f.ExcludeResourceTypes} {
		for i, t := range types {
			if err := (&choice{of: resourceTypes}).Set(t); err != nil {
				return f, flagValueError(flag, err)
			}
			if t == "default" {
				types[i] = "all"
			}
		}
	}
	if info, err := os.Stat(f.State); err == nil && info.IsDir() {
		f.State = c.typedPath(f.State)
	}
	f.Indirect, f.Target = s.indirect.value, c.flags.artifacts.targetPath
	if f.Indirect == "eager" {
		f.Indirect = ""
	}
	if cmd.Flags().Changed("defer") {
		c.log.say("--defer changes nothing: what is not selected is always read from its published run")
	}
	return f, nil
}

// manyWords are the flags that take all words up to the next flag.
var manyWords = map[string]bool{"--select": true, "-s": true, "--exclude": true, "--resource-type": true, "--exclude-resource-type": true,
	"--models": true, "--model": true, "--resource-types": true, "--exclude-resource-types": true, "-m": true, "--output-keys": true}

// spreadWords rewrites `--select a b` as `--select=a --select=b`, as dbt reads
// it. What stands behind a flag that lacks its words is dropped: pflag would
// take the next flag for one.
func spreadWords(args []string) []string {
	out := []string{} // cobra would take nil for os.Args
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(out, args[i:]...)
		}
		name, value, has := strings.Cut(args[i], "=")
		if !manyWords[name] {
			out = append(out, args[i])
			continue
		}
		if has {
			out = append(out, name+"="+value)
		}
		words := 0
		for ; i+1 < len(args) && !strings.HasPrefix(args[i+1], "-"); i++ {
			out = append(out, name+"="+args[i+1])
			words++
		}
		if words == 0 && !has {
			return append(out, name) // the parser says what it needs
		}
	}
	return out
}

package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// selection are the flags that pick nodes.
type selection struct{ include, exclude []string }

func (s *selection) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&s.include, "select", "s", nil, "`nodes` to take: names, globs, +up, down+, tag:x, path:folder; several words join, a comma intersects")
	cmd.Flags().StringArrayVarP(&s.include, "models", "m", nil, "the same as --select")
	_ = cmd.Flags().MarkHidden("models")
	cmd.Flags().StringArrayVar(&s.exclude, "exclude", nil, "`nodes` to leave out")
}

// manyWords are the flags that take all words up to the next flag.
var manyWords = map[string]bool{"--select": true, "-s": true, "--models": true, "-m": true, "--exclude": true, "--resource-type": true, "--output-keys": true}

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

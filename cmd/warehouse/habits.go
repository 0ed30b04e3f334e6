package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// habits are dbt's flags that change nothing here, or that have another name
// (fromHabits). Programs that run dbt pass them, so they are accepted, on every
// command, and hidden from the help.
// docs/dbt.md has the list, with the reason of each.
var habits = struct{ switches, values []string }{
	switches: []string{
		"use-colors", "use-colors-file", "version-check", "partial-parse", "partial-parse-file-diff", "print", "populate-cache",
		"send-anonymous-usage-stats", "static-parser", "use-experimental-parser", "cache-selected-only", "single-threaded",
		"introspect", "favor-state", "defer", "log-cache-events", "use-fast-test-edges", "show-resource-report", "upload-to-artifacts-ingest-api",
		"macro-debugging",
	},
	values: []string{
		"log-level", "log-level-file", "log-format-file", "log-path", "log-file-max-bytes", "printer-width", "event-buffer-size", "record-timing-info", "profiler-output",
	},
}

// registerHabits adds the flags of dbt that change nothing here, each switch with its --no- form.
func registerHabits(f *pflag.FlagSet) {
	hide := func(name string) { _ = f.MarkHidden(name) }
	for _, name := range habits.switches {
		for _, n := range []string{name, "no-" + name} {
			f.Bool(n, false, "accepted; changes nothing")
			hide(n)
		}
	}
	for _, name := range []string{"no-quiet", "no-fail-fast", "no-debug", "no-store-failures", "no-warn-error"} {
		f.Bool(name, false, "the default")
		hide(name)
	}
	for _, name := range habits.values {
		f.String(name, "", "accepted; changes nothing")
		hide(name)
	}
}

// fromHabits gives the flags of dbt's that have another name here their meaning.
func (g *globals) fromHabits(f *pflag.FlagSet) error {
	on := func(name string) bool { v, err := f.GetBool(name); return err == nil && v }
	if on("single-threaded") && g.threads == 0 {
		g.threads = 1
	}
	if on("no-use-colors") || f.Changed("use-colors") && !on("use-colors") {
		g.noColor = true
	}
	level := choice{value: "info", of: []string{"debug", "info", "warn", "error", "none"}}
	if said, err := f.GetString("log-level"); err == nil && said != "" {
		if err := level.Set(strings.ToLower(said)); err != nil {
			return flagValueError("--log-level", err)
		}
	}
	switch level.value {
	case "error", "none":
		g.quiet = true
	case "warn":
		g.warnings = true
	}
	return nil
}

// otherNames are dbt's other names of flags.
func otherNames(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	switch name {
	case "resource-types", "exclude-resource-types":
		name = strings.TrimSuffix(name, "s")
	case "model":
		name = "models"
	}
	return pflag.NormalizedName(name)
}

// commandFirst moves the flags that stand before the command behind it, as dbt
// allows: `--fail-fast build` is `build --fail-fast`.
func commandFirst(root *cobra.Command, args []string) []string {
	at := commandAt(root, args)
	if at <= 0 {
		return args
	}
	if cmd, _, err := root.Find(args[at : at+1]); err != nil || cmd == root {
		return args
	}
	out := append([]string{args[at]}, args[:at]...)
	return append(out, args[at+1:]...)
}

// commandAt is the index of the first word that is neither a flag nor a flag's
// value; -1 if there is none.
func commandAt(root *cobra.Command, args []string) int {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return -1
		}
		if !strings.HasPrefix(a, "-") {
			return i
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(a, "-"), "=")
		f := root.PersistentFlags().Lookup(name)
		if !strings.HasPrefix(a, "--") && len(name) == 1 {
			f = root.PersistentFlags().ShorthandLookup(name)
		}
		if f != nil && !hasValue && f.NoOptDefVal == "" {
			i++
		}
	}
	return -1
}

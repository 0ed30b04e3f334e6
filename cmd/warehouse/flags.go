package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"warehouse/runner/diag"
)

// globals are the flags that every command has.
type globals struct {
	projectDir  string
	profilesDir string
	profile     string
	target      string
	vars        varsFlag
	threads     int
	logFormat   choice
	quiet       bool
	debug       bool
	warnings    bool // of the log, warnings and errors alone
	noColor     bool
	lockTimeout waitFlag
	artifacts   artifactFlags
	warn        warnFlags
}

func (g *globals) register(f *pflag.FlagSet) {
	g.logFormat = choice{value: "text", of: []string{"text", "json"}, same: map[string]string{"default": "text", "debug": "text"}}
	g.lockTimeout.value = time.Minute
	f.SortFlags = false
	f.StringVar(&g.projectDir, "project-dir", "", "folder of the project (default: the nearest one upwards that has a project.yml)")
	f.StringVar(&g.profilesDir, "profiles-dir", "", "`folder` of profiles.yml, for a project with dbt_project.yml (default: the project's, then ~/.dbt)")
	f.StringVar(&g.profile, "profile", "", "`name` of the profile in profiles.yml (default: dbt_project.yml's choice)")
	f.StringVarP(&g.target, "target", "t", "", "`name` of the target to build in (default: the project's choice)")
	f.Var(&g.vars, "vars", "variables of the project, as `YAML` or JSON: '{min_votes: 5}'")
	f.IntVar(&g.threads, "threads", 0, "models at once (default: the target's choice)")
	f.Var(&g.logFormat, "log-format", "form of the log on standard error: text or json (dbt's event shape)")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "print results, failures and errors only")
	f.BoolVar(&g.noColor, "no-color", false, "neither colours nor live progress; NO_COLOR=1 does the same")
	f.Var(&g.lockTimeout, "lock-timeout", "how long to wait for another process: 60s, 5m, 0 to fail at once")
	g.warn.register(f)
	g.artifacts.register(f)
	f.BoolVarP(&g.debug, "debug", "d", false, "accepted; changes nothing")
	_ = f.MarkHidden("debug")
	registerHabits(f)
}

// fromEnvironment fills in the global flags that were not given from
// variables: --lock-timeout from WAREHOUSE_LOCK_TIMEOUT.
func (g *globals) fromEnvironment(cmd *cobra.Command, env Env) error {
	var errs []error
	shared := cmd.Root().PersistentFlags()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		own := shared.Lookup(f.Name) == nil
		if f.Changed || f.Name == "help" || own && !slices.Contains(commandVariables, f.Name) || f.Hidden && !slices.Contains(hiddenVariables, f.Name) {
			return
		}
		name := "WAREHOUSE_" + envName(f.Name)
		v := env.get(name)
		if v == "" {
			name, v = ofDBT(f.Name, env)
		}
		if v == "" {
			return
		}
		if err := setFromEnvironment(f, v); err != nil {
			errs = append(errs, flagValueError(name, err))
		}
	})
	if g.threads < 0 {
		errs = append(errs, flagValueError("--threads", fmt.Errorf("%d is no number of models", g.threads)))
	}
	errs = append(errs, g.fromHabits(cmd.Flags()))
	return errors.Join(errs...)
}

// commandVariables are the flags of single commands that are variables, too, as
// in dbt; hiddenVariables those of them and of all commands that no help shows.
var (
	commandVariables = []string{"fail-fast", "full-refresh", "empty", "indirect-selection", "resource-type", "exclude-resource-type", "state", "store-failures",
		"event-time-start", "event-time-end"}
	hiddenVariables = []string{"no-write-json", "log-level", "single-threaded", "use-colors", "warn-error-options"}
)

// setFromEnvironment reads a variable: a list's words are apart by blanks, and a
// switch knows dbt's words for yes and no.
func setFromEnvironment(f *pflag.Flag, v string) error {
	values := []string{v}
	switch f.Value.Type() {
	case "stringArray":
		values = strings.Fields(v)
	case "bool":
		if on, ok := words[strings.ToLower(v)]; ok {
			values[0] = strconv.FormatBool(on)
		}
	}
	for _, v := range values {
		if err := f.Value.Set(v); err != nil {
			return err
		}
	}
	f.Changed = true
	return nil
}

func envName(flag string) string { return strings.ToUpper(strings.ReplaceAll(flag, "-", "_")) }

// ofDBT is a flag's value from the variable by which dbt knows it; programs
// that run dbt set them.
func ofDBT(flag string, env Env) (name, value string) {
	switch flag {
	case "project-dir", "profiles-dir", "profile", "target", "log-format", "quiet", "target-path", "write-json", "warn-error":
	case "resource-type", "exclude-resource-type":
		flag += "s"
	default:
		if !slices.Contains(commandVariables, flag) && !slices.Contains(hiddenVariables, flag) {
			return "", ""
		}
	}
	for _, prefix := range []string{"DBT_ENGINE_", "DBT_"} {
		name = prefix + envName(flag)
		if value = env.get(name); value != "" {
			break
		}
	}
	return name, value
}

// choice is a flag with a few words as its values.
type choice struct {
	value string
	of    []string
	same  map[string]string // other words for them, as dbt has them
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.of, "|") }
func (c *choice) Set(s string) error {
	if w, ok := c.same[s]; ok {
		s = w
	}
	for _, w := range c.of {
		if s == w {
			c.value = s
			return nil
		}
	}
	msg := fmt.Sprintf("%q is not one of %s", s, strings.Join(c.of, ", "))
	if near := diag.Nearest(s, c.of); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return errors.New(msg)
}

// outputFlag adds --output to a command.
func outputFlag(cmd *cobra.Command, of ...string) *choice {
	c := &choice{value: of[0], of: of}
	cmd.Flags().SortFlags = false
	cmd.Flags().Var(c, "output", "form of the result")
	return c
}

// waitFlag is a time to wait; a bare number is seconds.
type waitFlag struct{ value time.Duration }

func (w *waitFlag) String() string {
	if w.value == time.Minute {
		return "60s"
	}
	return w.value.String()
}
func (w *waitFlag) Type() string { return "duration" }
func (w *waitFlag) Set(s string) error {
	d, err := time.ParseDuration(s)
	if n, nerr := strconv.ParseFloat(s, 64); err != nil && nerr == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
	}
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no time to wait: write 30s, 5m or 0", s)
	}
	w.value = d
	return nil
}

package main

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"warehouse/runner"
)

// warnFlags say which warnings are errors, in dbt's words.
type warnFlags struct {
	all     bool
	options varsFlag
}

func (w *warnFlags) register(f *pflag.FlagSet) {
	w.options.flag = "--warn-error-options"
	f.BoolVar(&w.all, "warn-error", false, "warnings are errors, and data tests that warn fail")
	f.Var(&w.options, "warn-error-options", "`YAML`: {error: all, warn: [NAME], silence: [NAME]}")
	_ = f.MarkHidden("warn-error-options")
}

// policy is what the flags come to.
func (w *warnFlags) policy() (runner.WarnPolicy, error) {
	var p runner.WarnPolicy
	if w.all {
		if len(w.options.values) > 0 {
			return p, &runner.UsageError{Msg: "both --warn-error and --warn-error-options", Advice: "leave one of them out: --warn-error is --warn-error-options '{error: all}'"}
		}
		p.Error = []string{"all"}
		return p, nil
	}
	for key, v := range w.options.values {
		names, ok := warningNames(v)
		if !ok {
			return p, &runner.UsageError{Msg: fmt.Sprintf("--warn-error-options: %s must be all, or a list of names", key)}
		}
		switch key {
		case "error", "include":
			p.Error = append(p.Error, names...)
		case "warn", "exclude":
			p.Warn = append(p.Warn, names...)
		case "silence":
			p.Silence = append(p.Silence, names...)
		default:
			return p, &runner.UsageError{Msg: fmt.Sprintf("--warn-error-options: unknown key %q", key), Advice: "keys: error (or include), warn (or exclude), silence"}
		}
	}
	for _, list := range [][]string{p.Warn, p.Silence} {
		if slices.Contains(list, "all") || slices.Contains(list, "*") {
			return p, &runner.UsageError{Msg: "--warn-error-options: all has a meaning under error alone", Advice: "name the warnings: LogTestResult, JinjaLogWarning, Warning"}
		}
	}
	return p, nil
}

func warningNames(v any) ([]string, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		return []string{v}, v == "all" || v == "*"
	case []any:
		var out []string
		for _, it := range v {
			name, ok := it.(string)
			if !ok {
				return nil, false
			}
			out = append(out, name)
		}
		return out, true
	}
	return nil, false
}

// storeFailures is the flag of commands that run data tests.
func storeFailures(f *pflag.FlagSet, to *bool) {
	f.BoolVar(to, "store-failures", false, "keep the failing rows of data tests in tables, under the run's id")
}

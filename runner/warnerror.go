package runner

import (
	"errors"
	"fmt"
	"slices"

	"warehouse/runner/diag"
)

// Names of warnings, as dbt has them where it has such a one.
const (
	warnTest  = "LogTestResult"   // a data test found something, and does not block
	warnJinja = "JinjaLogWarning" // exceptions.warn of a template
	warnOther = "Warning"         // anything else
)

// WarnPolicy says which warnings are errors. "all" and "*" name all of them.
// What is named in Warn stays a warning, what is in Silence is not told.
type WarnPolicy struct {
	Error, Warn, Silence []string
}

func named(list []string, name string) bool {
	return slices.Contains(list, name) || slices.Contains(list, "all") || slices.Contains(list, "*")
}

func (p WarnPolicy) silences(name string) bool { return slices.Contains(p.Silence, name) }

func (p WarnPolicy) fails(name string) bool {
	return named(p.Error, name) && !slices.Contains(p.Warn, name) && !p.silences(name)
}

func warningName(w *diag.Error) string {
	var raised interface{ Raised() }
	if errors.As(w.Err, &raised) {
		return warnJinja
	}
	return warnOther
}

// WarnedError: there were warnings, and they are errors.
type WarnedError struct{ N int }

func (e *WarnedError) Error() string {
	return fmt.Sprintf("%s, and warnings are errors here", counted(e.N, "warning"))
}
func (e *WarnedError) Hint() string {
	return "mend what is warned of, or leave it out of --warn-error-options: {error: all, warn: [NAME]}"
}

// warnedError is the error of warnings so far that are errors, or nil.
func (r *Runner) warnedError() error {
	r.warnings.Lock()
	defer r.warnings.Unlock()
	if r.promoted == 0 {
		return nil
	}
	return &WarnedError{r.promoted}
}

package runner

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"warehouse/runner/compile"
	"warehouse/runner/datatest"
	"warehouse/runner/diag"
	"warehouse/runner/engine"
)

// secrets knows the values of the secret variables that a project has asked
// for. Stored SQL never holds them; here they are kept out of what engines say
// in their own words, which is shown and stored too.
type secrets struct {
	mu     sync.Mutex
	values map[string]string // value → name
}

// lookup is f, and remembers.
func (s *secrets) lookup(f func(string) (string, bool)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := f(name)
		if ok && value != "" && compile.IsSecret(name) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.values == nil {
				s.values = map[string]string{}
			}
			s.values[value] = name
		}
		return value, ok
	}
}

// hide puts references in the place of secrets; of a secret that contains
// another, the longer goes first.
func (r *Runner) hide(text string) string {
	r.secrets.mu.Lock()
	defer r.secrets.mu.Unlock()
	var found []string
	for value := range r.secrets.values {
		if strings.Contains(text, value) {
			found = append(found, value)
		}
	}
	if len(found) == 0 {
		return text
	}
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, value := range found {
		pairs = append(pairs, value, "{{ env_var('"+r.secrets.values[value]+"') }}")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// hiddenError is an error whose own words held a secret. What it wraps is
// found by errors.Is alone: it must not be printed.
type hiddenError struct {
	text, hint string
	err        error
}

func (e *hiddenError) Error() string        { return e.text }
func (e *hiddenError) Hint() string         { return e.hint }
func (e *hiddenError) Is(target error) bool { return errors.Is(e.err, target) }

// hidden is an error without secrets: itself if it holds none.
func (r *Runner) hidden(err error) error {
	if err == nil {
		return nil
	}
	var hint interface{ Hint() string }
	advice := ""
	if errors.As(err, &hint) {
		advice = hint.Hint()
	}
	text := err.Error()
	out := &hiddenError{text: r.hide(text), hint: r.hide(advice), err: err}
	if out.text == text && out.hint == advice {
		return err
	}
	var cause error = out
	if qe, ok := errors.AsType[*engine.QueryError](err); ok {
		cp := *qe
		cp.Msg, cp.SQL, cp.Advice, cp.Offset, cp.Err = r.hide(qe.Msg), r.hide(qe.SQL), r.hide(qe.Advice), -1, out
		cause = &cp
	}
	if d, ok := err.(*diag.Error); ok {
		cp := *d
		cp.Msg, cp.Source, cp.Advice, cp.Err = r.hide(d.Msg), r.hide(d.Source), r.hide(d.Advice), cause
		return &cp
	}
	return cause
}

// hideResult takes secrets out of what a data test found.
func (r *Runner) hideResult(res *datatest.Result) {
	res.Err = r.hidden(res.Err)
	for _, row := range res.Rows {
		for i, v := range row {
			if v != nil {
				text := r.hide(*v)
				row[i] = &text
			}
		}
	}
}

// hideVars takes secrets out of variables, however deep they stand.
func (r *Runner) hideVars(v any) any {
	switch v := v.(type) {
	case string:
		return r.hide(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = r.hideVars(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = r.hideVars(v[k])
		}
		return out
	}
	return v
}

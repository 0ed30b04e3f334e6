package project

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
)

// renderer evaluates the Jinja in YAML values. It is shared by all files.
type renderer struct {
	ctx       context.Context
	lookupEnv func(string) (string, bool)
	vars      map[string]jinja.Value
	globals   jinja.MapScope

	mu      sync.Mutex
	secrets map[string]string // values of the secret variables that were asked for
}

// newRenderer returns a renderer that knows env_var, var and, if t is not nil,
// target.
func newRenderer(ctx context.Context, lookupEnv func(string) (string, bool), vars map[string]jinja.Value, t *Target) *renderer {
	r := &renderer{ctx: ctx, lookupEnv: lookupEnv, vars: vars, secrets: map[string]string{}}
	r.globals = jinja.MapScope{
		"env_var": jinja.Func{Name: "env_var", Call: r.envVar},
		"var":     jinja.Func{Name: "var", Call: r.varValue},
	}
	if t != nil {
		r.globals["target"] = t.Value()
	}
	return r
}

// hasJinja reports whether a text is to be rendered.
func hasJinja(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return true
		}
	}
	return false
}

// hinted is an error with advice.
type hinted struct{ msg, hint string }

func (e *hinted) Error() string { return e.msg }
func (e *hinted) Hint() string  { return e.hint }

// isSecretName reports whether an environment variable holds a secret.
func isSecretName(name string) bool {
	return strings.HasPrefix(name, "WAREHOUSE_SECRET_") || strings.HasPrefix(name, "DBT_ENV_SECRET_")
}

func (r *renderer) envVar(c *jinja.Call) (jinja.Value, error) {
	args, err := c.Bind("var", "default=")
	if err != nil {
		return nil, err
	}
	name, ok := args[0].(string)
	if !ok {
		return nil, &hinted{msg: "env_var takes the name of a variable, a text"}
	}
	v, set := r.lookupEnv(name)
	switch {
	case !set && len(c.Args) < 2 && !hasKwarg(c, "default"):
		return nil, &hinted{fmt.Sprintf("environment variable %s is not set", name), "set it, or give a default: env_var('" + name + "', 'value')"}
	case !set:
		return args[1], nil
	case isSecretName(name):
		r.mu.Lock()
		r.secrets[name] = v
		r.mu.Unlock()
		return jinja.Secret{Ref: name}, nil
	}
	return v, nil
}

func hasKwarg(c *jinja.Call, name string) bool {
	if c.Kwargs == nil {
		return false
	}
	_, ok := c.Kwargs.Get(name)
	return ok
}

func (r *renderer) varValue(c *jinja.Call) (jinja.Value, error) {
	args, err := c.Bind("var", "default=")
	if err != nil {
		return nil, err
	}
	name, ok := args[0].(string)
	if !ok {
		return nil, &hinted{msg: "var takes the name of a variable, a text"}
	}
	v, set := r.vars[name]
	if set {
		if text, ok := v.(string); ok && hasJinja(text) {
			return r.nested(name, text)
		}
		return v, nil
	}
	if len(c.Args) > 1 || hasKwarg(c, "default") {
		return args[1], nil
	}
	e := &hinted{fmt.Sprintf("var %q is not set", name), "set it under vars: in project.yml, or with --vars '{" + name + ": …}'"}
	if near := diag.Nearest(name, slices.Collect(maps.Keys(r.vars))); near != "" {
		e.msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return nil, e
}

// nested renders the Jinja in a variable's own text, where var and target are
// not known, so that it ends.
func (r *renderer) nested(name, text string) (jinja.Value, error) {
	out, err := r.renderOnce("var "+name, text, jinja.MapScope{"env_var": r.globals["env_var"]})
	if err != nil {
		return nil, &hinted{msg: fmt.Sprintf("in the value of var %q: %s", name, message(err)), hint: hintOf(err)}
	}
	return out, nil
}

// yamlLimits are enough for any value of a YAML file.
var yamlLimits = jinja.Limits{Steps: 200_000, Output: 1 << 20, Total: 8 << 20, Items: 100_000, Depth: 50, IntBits: 10_000}

// wrapper goes around a single expression, to catch its value.
const wrapper = "__value__(("

// native renders text as dbt renders YAML: a single expression keeps its type,
// and what reads as a Python literal becomes its value.
func (r *renderer) native(file, text string) (jinja.Value, error) {
	text = strings.TrimSuffix(text, "\n") // as Jinja does
	src := text
	var got jinja.Value
	single := false
	globals := r.globals
	from, to, ok := singleExpression(text)
	if ok {
		src = text[:from] + wrapper + text[from:to] + "))" + text[to:]
		globals = maps.Clone(r.globals)
		globals["__value__"] = jinja.Func{Name: "__value__", Call: func(c *jinja.Call) (jinja.Value, error) {
			if single = len(c.Args) == 1; single {
				got = c.Args[0]
			}
			return got, nil
		}}
	}
	out, err := r.renderOnce(file, src, globals)
	if err != nil && src != text { // once more as the user wrote it, for the place of the error
		out, err = r.renderOnce(file, text, r.globals)
	}
	if err != nil {
		return nil, err
	}
	if single {
		switch v := got.(type) {
		case string, jinja.Secret, jinja.SecretText:
		case *jinja.Undefined:
			return nil, undefinedValue(strings.TrimSpace(text[from:to]))
		case jinja.Markup:
			return string(v), nil
		default:
			return got, nil
		}
	}
	if v, ok := literal(out); ok && !asText.MatchString(text) {
		return v, nil
	}
	return out, nil
}

// undefinedValue is the error of an expression that has no value.
func undefinedValue(expr string) error {
	e := &hinted{msg: expr + " is undefined"}
	if strings.HasPrefix(expr, "target.") {
		e.hint = "target has name, type, schema, catalog, database, path and threads"
	}
	return e
}

func (r *renderer) renderOnce(file, text string, globals jinja.Scope) (string, error) {
	t, err := jinja.Parse(file, text)
	if err != nil {
		return "", err
	}
	out, err := t.Render(r.ctx, jinja.Options{Globals: globals, Strict: true, Limits: yamlLimits})
	return out.Text, err
}

// asText is dbt's filter that keeps a text a text.
var asText = regexp.MustCompile(`\|\s*as_text\s*[-+]?\}\}$`)

// singleExpression finds the expression of a text that is {{ … }} and nothing
// else.
func singleExpression(s string) (from, to int, ok bool) {
	if !strings.HasPrefix(s, "{{") || !strings.HasSuffix(s, "}}") || len(s) < 5 {
		return 0, 0, false
	}
	from, to = 2, len(s)-2
	if s[from] == '-' || s[from] == '+' {
		from++
	}
	if s[to-1] == '-' && to-1 > from {
		to--
	}
	var quote byte
	depth := 0
	for i := from; i < to; i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '{' || c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == '}':
			if depth--; depth < 0 {
				return 0, 0, false
			}
		}
	}
	return from, to, quote == 0 && strings.TrimSpace(s[from:to]) != ""
}

// broken is a value that could not be read, about which the user has been
// told; no more is said of it.
type broken struct{}

// renderText renders the Jinja in a scalar. An error is noted; the result is
// then broken.
func (f *yamlFile) renderText(n *yaml.Node, text string) (jinja.Value, bool) {
	v, err := f.render.native(f.name, text)
	if err != nil {
		f.errs.Add(f.relocate(n, text, err))
		return broken{}, false
	}
	return v, true
}

// relocate turns an error in a scalar's text into one at its place in the file.
func (f *yamlFile) relocate(n *yaml.Node, text string, err error) *diag.Error {
	e := f.at(n.Line, n.Column, span(n), "%s", message(err))
	e.Advice, e.Err = hintOf(err), err
	var d *diag.Error
	if !errors.As(err, &d) {
		return e
	}
	if u := undefinedName(d.Msg); u != "" && e.Advice == "" {
		e.Advice = "values of a YAML file may use env_var, var and target"
	}
	want := diag.LineAt(text, d.Pos.Line)
	line := n.Line + d.Pos.Line - 1
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		line++
	}
	if at := strings.Index(f.line(line), want); want != "" && at >= 0 && d.Pos.Line > 0 {
		shift := utf8.RuneCountInString(f.line(line)[:at])
		col := max(1, d.Pos.Col)
		e.Pos.Line, e.Pos.Col, e.Source, e.Span = line, shift+col, f.line(line), max(1, d.Span)
	}
	return e
}

func undefinedName(msg string) string {
	if strings.HasSuffix(msg, "is undefined") || strings.Contains(msg, "is undefined;") {
		return msg
	}
	return ""
}

// message is an error without its place.
func message(err error) string {
	var d *diag.Error
	if errors.As(err, &d) {
		return d.Msg
	}
	return err.Error()
}

func hintOf(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		if h, ok := err.(interface{ Hint() string }); ok && h.Hint() != "" {
			return h.Hint()
		}
	}
	return ""
}

// Package jinja renders templates byte for byte as Python's Jinja2 3.1 does in
// dbt's environment: the extensions do and loopcontrols, the sandbox, lenient
// undefined values, dbt's tags (test, materialization, snapshot, docs), and
// the dbt rule that a macro sees the project's globals, not its caller's locals.
//
// It knows nothing of SQL or of models; those come in as a [Scope] of host
// values and functions. In the order of the data:
//
//  1. [Parse] turns a file into a [Template]: lexer.go cuts tokens, parse.go
//     and parse_expr.go build the tree of ast.go, and symbols.go decides, as
//     Jinja's compiler does, which variable each name is.
//  2. [Template.Render] walks the tree (exec.go for tags, eval.go for
//     expressions) and writes to a buffer that also records where each byte
//     came from ([SourceMap]).
//  3. Values are Python's: value.go lists the kinds, arith.go, compare.go,
//     repr.go and format.go give them Python's operators and texts, and
//     methods_*.go, filters_*.go and tests.go what templates can do with them.
//     modules.go has what dbt calls modules: re, datetime, pytz, itertools.
//  4. Host functions ([Func]) get a [Call], through which they read arguments,
//     call macros back, and know the place of the call.
//
// What Jinja2 has and this package refuses with an error: extends, super and
// self; autoescape; the filter random; bytes; named Unicode escapes; complex
// numbers; include without context where Jinja's own output is broken; regular
// expressions that need more than Go's engine. lipsum answers always the same.
// The order of a set of texts, which is random in Python, is that of insertion.
//
// Every error is a *diag.Error with file, line, column, source line and the
// chain of macro calls. A Template never changes after Parse and may be
// rendered by many goroutines at once.
package jinja

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"warehouse/runner/diag"
)

// Scope is what names mean that a template does not define itself. It may
// answer a *Macro, which is then bound to the running render. It is read by
// many goroutines at once.
type Scope interface {
	Lookup(name string) (Value, bool)
}

// MapScope is a Scope of fixed values.
type MapScope map[string]Value

// Lookup returns the value of name.
func (m MapScope) Lookup(name string) (Value, bool) {
	v, ok := m[name]
	return v, ok
}

// Names returns all names, for messages.
func (m MapScope) Names() []string { return slices.Sorted(maps.Keys(m)) }

// Options are the surroundings of a render.
type Options struct {
	// Globals are the names that templates find. A Scope that also has
	// Names() []string gives error messages names to suggest.
	Globals Scope
	// Loader finds the templates that import and include name; nil makes
	// both an error. An error for which errors.Is(err, fs.ErrNotExist) holds
	// is what "ignore missing" ignores.
	Loader func(name string) (*Template, error)
	// Strict makes it an error to print or concatenate a name that nothing
	// defines; otherwise that is empty text, and Warn is told.
	Strict bool
	// Lenient says in which files Strict does not hold; nil: in none.
	Lenient func(file string) bool
	Warn    func(*diag.Error)
	Limits  Limits
	// Chain makes attributes, elements and calls of what something does not
	// have undefined again, as dbt does while it reads a project. A name that
	// nothing defines stays an error.
	Chain bool
}

// Limits bound what a template may use up; a zero field means its default.
type Limits struct {
	Depth   int // nested calls and includes; 400
	Steps   int // statements run and values looped over; 50 million
	Output  int // bytes of the output, and of any one text; 64 MiB
	Total   int // bytes of all texts and lists made on the way; 2 GiB
	Items   int // length of any one list; 4 million
	IntBits int // size of an integer; 1 million bits
}

func (l Limits) orDefaults() Limits {
	preset := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	preset(&l.Depth, 400)
	preset(&l.Steps, 50_000_000)
	preset(&l.Output, 64<<20)
	preset(&l.Total, 2<<30)
	preset(&l.Items, 4_000_000)
	preset(&l.IntBits, 1_000_000)
	return l
}

// Output is what a render wrote.
type Output struct {
	Text string
	Map  *SourceMap
}

// Render evaluates the template. The error is a *diag.Error.
func (t *Template) Render(ctx context.Context, o Options) (out Output, err error) {
	defer t.guard(&err)
	f, from := t.start(ctx, o)
	if _, err := f.run(t.body); err != nil {
		return Output{}, f.outermost(err)
	}
	return f.out.output(from), nil
}

// guard makes an error of a panic, whose cause is a bug here or in a host
// function: one bad template must not take the others down.
func (t *Template) guard(err *error) {
	if r := recover(); r != nil {
		*err = &diag.Error{Pos: diag.Pos{File: t.file}, Msg: fmt.Sprintf("internal error: %v", r), Advice: "this is a bug of the template engine: please report it"}
	}
}

// CallMacro calls a macro as a host does for a generic test or an operation.
// The Value is what the call evaluates to: what the macro returned, or else its
// text. Output is that text, or the text of what it returned.
func (t *Template) CallMacro(ctx context.Context, m *Macro, args []Value, kwargs *Dict, o Options) (text Output, v Value, err error) {
	defer t.guard(&err)
	f, from := t.start(ctx, o)
	rt, out := f.rt, f.out
	v, printed, err := rt.callMacro(f, rt.bind(m), argumentsOf(args, kwargs), m.at, out)
	if err != nil {
		return Output{}, nil, f.outermost(err)
	}
	if printed {
		o := out.output(from)
		return o, rt.maybeSecret(o.Text), nil
	}
	if err := out.value(f, m.at, v); err != nil {
		return Output{}, nil, f.outermost(err)
	}
	return out.output(from), v, nil
}

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
//  4. Host functions ([Func]) get a [Call], through which they read arguments,
//     call macros back, and know the place of the call.
//
// Every error is a *diag.Error with file, line, column, source line and the
// chain of macro calls. A Template never changes after Parse and may be
// rendered by many goroutines at once.
package jinja

import (
	"context"

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

// Options are the surroundings of a render.
type Options struct {
	Globals Scope
	Loader  func(name string) (*Template, error) // import and include; nil: both are errors
	Strict  bool                                 // printing an undefined name is an error instead of empty text
	Warn    func(*diag.Error)                    // told of every printed undefined name when not Strict
	Limits  Limits
}

// Limits bound what a template may use up; a zero field means its default.
type Limits struct {
	Depth   int // nested macro calls and includes; 200
	Steps   int // tags, loop rounds and expressions evaluated; 50 million
	Output  int // bytes of output, and of any one text; 64 MiB
	Items   int // length of a range or of a list made by one operation; 10 million
	IntBits int // size of an integer; 1 million bits
}

// Output is what a render wrote.
type Output struct {
	Text string
	Map  *SourceMap
}

// Template is a parsed file.
type Template struct {
	file, src string
}

// Parse reads a template. The error is a *diag.Error.
func Parse(file, src string) (*Template, error) { return &Template{file: file, src: src}, nil }

// File returns the name that was given to Parse.
func (t *Template) File() string { return t.file }

// Source returns the text that was given to Parse.
func (t *Template) Source() string { return t.src }

// Macros returns the definitions at the top level of the file, in their order.
func (t *Template) Macros() []*Macro { return nil }

// Blocks returns the snapshot and docs blocks at the top level of the file.
func (t *Template) Blocks() []*Block { return nil }

// Calls returns the calls of the named functions that stand in the file, in their order.
func (t *Template) Calls(names ...string) []CallSite { return nil }

// Render evaluates the template.
func (t *Template) Render(ctx context.Context, o Options) (Output, error) { return Output{}, nil }

// CallMacro calls a macro of the template, as a host does for a generic test
// or an operation. The Value is what the call evaluates to: what it returned,
// or else its text, which is then also the Output.
func (t *Template) CallMacro(ctx context.Context, m *Macro, args []Value, kwargs *Dict, o Options) (Output, Value, error) {
	return Output{}, nil, nil
}

package jinja

import (
	"context"
	"math/big"

	"warehouse/runner/diag"
)

// Value is any value of a template: nil (None), bool, int64, *big.Int,
// float64, string, Markup, *List, Tuple, *Dict, *Set, *Undefined, Func,
// *BoundMacro, *Iterator, Secret or an Object.
type Value = any

// List is Python's list, shared by reference.
type List struct{ Items []Value }

// Tuple is Python's tuple.
type Tuple []Value

// Markup is text that the filters safe, escape and tojson made.
type Markup string

// Undefined is what a name or attribute evaluates to that does not exist.
type Undefined struct{ Name string }

// Set is Python's set, in insertion order.
type Set struct{ d Dict }

// Len returns the number of elements.
func (s *Set) Len() int { return s.d.Len() }

// Dict is Python's dict.
type Dict struct{}

// NewDict returns an empty dict.
func NewDict() *Dict                      { return &Dict{} }
func (d *Dict) Get(k Value) (Value, bool) { return nil, false }
func (d *Dict) Set(k, v Value) error      { return nil }
func (d *Dict) Delete(k Value) bool       { return false }
func (d *Dict) Len() int                  { return 0 }
func (d *Dict) Keys() []Value             { return nil }
func (d *Dict) Items() []Item             { return nil }

// Item is one entry of a Dict.
type Item struct{ Key, Value Value }

func FromGo(v any) Value  { return v }
func ToGo(v Value) any    { return v }
func Str(v Value) string  { return "" }
func Repr(v Value) string { return "" }
func Truth(v Value) bool  { return v != nil }

// Object is a host value such as a relation.
type Object interface {
	Attr(name string) (Value, bool) // x.name and x['name']
	TypeName() string
	String() string // str(x)
}

// Func is a host function.
type Func struct {
	Name string
	Call func(c *Call) (Value, error)
}

// Call is one call of a host function.
type Call struct {
	Args   []Value
	Kwargs *Dict // may be nil
}

func (c *Call) Context() context.Context                                      { return nil }
func (c *Call) Pos() diag.Pos                                                 { return diag.Pos{} }
func (c *Call) Lookup(name string) (Value, bool)                              { return nil, false }
func (c *Call) Bind(params ...string) ([]Value, error)                        { return nil, nil }
func (c *Call) CallMacro(m *Macro, args []Value, kwargs *Dict) (Value, error) { return nil, nil }
func (c *Call) CallValue(v Value, args []Value, kwargs *Dict) (Value, error)  { return nil, nil }

// ReturnValue ends the running macro, which evaluates to Value.
type ReturnValue struct{ Value Value }

func (ReturnValue) Error() string { return "return outside of a macro" }

// Secret is a value that may only be printed or concatenated.
type Secret struct{ Ref string }

// ReplaceSecrets replaces the marker of each printed Secret.
func ReplaceSecrets(text string, value func(ref string) (string, error)) (string, error) {
	return text, nil
}

// SecretPart is a piece of text: verbatim, or a secret if Ref is not empty.
type SecretPart struct{ Text, Ref string }

// SplitSecrets cuts text at the markers of printed Secrets.
func SplitSecrets(text string) ([]SecretPart, error) { return nil, nil }

// Macro is a definition in a template.
type Macro struct {
	Name   string
	Kind   string // "macro", "test", "materialization", "docs"
	Params []Param
	Pos    diag.Pos
}

// Param is a parameter of a Macro.
type Param struct {
	Name       string
	HasDefault bool
}

// BoundMacro is a Macro as a value, bound to the render that runs.
type BoundMacro struct{ Macro *Macro }

// Block is a snapshot or docs block.
type Block struct {
	Kind, Name string
	Pos        diag.Pos
	Body       *Template // renders what stands in the block
}

// CallSite is a call that stands in a template.
type CallSite struct {
	Name   string
	Pos    diag.Pos
	Span   int
	Args   []Value // nil where the argument is not a literal
	ArgPos []diag.Pos
	Kwargs map[string]KwSite
}

// KwSite is a named argument of a CallSite.
type KwSite struct {
	Pos   diag.Pos
	Span  int
	Value Value // nil unless a literal
}

// SourceMap says where the bytes of an Output came from.
type SourceMap struct{}

// At returns the place that wrote byte off.
func (m *SourceMap) At(off int) (pos diag.Pos, frames []diag.Frame, ok bool) {
	return diag.Pos{}, nil, false
}

// Modules returns the value of dbt's name modules: re, datetime, pytz, itertools.
func Modules() Value { return nil }

var _ = big.NewInt

package jinja

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"warehouse/runner/diag"
)

// Value is any value of a template: nil (None), bool, int64, *big.Int (only
// beyond int64), float64, string, Markup, *List, Tuple, *Dict, *Set,
// *Undefined, Func, *BoundMacro, *Iterator, Secret, SecretText or an Object
// (of which *Decimal and the values of datetime are ours).
// A few more kinds are made by the evaluator only: ranges, views of a dict,
// loops, namespaces, methods. Other Go values reach templates through FromGo;
// those inside of a List, Tuple, Dict or Set must be Values already.
type Value = any

// List is Python's list, shared by reference.
type List struct{ Items []Value }

// Tuple is Python's tuple.
type Tuple []Value

// Markup is the text that the filters safe, escape and tojson make. It is a
// str that escapes what is added to it.
type Markup string

// Undefined is what a name or attribute evaluates to that does not exist.
type Undefined struct {
	Name  string // the name, or the attribute
	hint  string // the whole message
	owner string // type of what has no such attribute, "dict object"
	key   Value  // if it was an element that is no text
	at    span   // where the name stands
	host  bool   // it was asked of a value of the host
	names namer  // knows which names there are
}

// message says why the value is undefined.
func (u *Undefined) message() string {
	switch {
	case u.hint != "":
		return u.hint
	case u.owner == "":
		return fmt.Sprintf("'%s' is undefined", u.Name)
	case u.key != nil:
		return fmt.Sprintf("%s has no element %s", u.owner, Repr(u.key))
	}
	msg := fmt.Sprintf("'%s' has no attribute %s", u.owner, Repr(u.Name))
	if u.names != nil {
		if best := diag.Nearest(u.Name, u.names.Names()); best != "" {
			msg += "; did you mean '" + best + "'?"
		}
	}
	return msg
}

// namer is an Object that knows what attributes it has.
type namer interface{ Names() []string }

// isName reports whether u is a name that nothing defines.
func (u *Undefined) isName() bool { return u.hint == "" && u.owner == "" }

// Object is a host value such as a relation.
type Object interface {
	Attr(name string) (Value, bool) // x.name and x['name']
	TypeName() string
	String() string // str(x)
}

// What an Object may have besides; the evaluator asks for each where it needs it.
type (
	// Reprer is an Object whose repr is not its str.
	Reprer interface{ Repr() string }
	// Truther is an Object that can be false.
	Truther interface{ Truth() bool }
	// Iterable is an Object that a loop can run over.
	Iterable interface{ Iterate() (*Iterator, error) }
	// Container is an Object that knows what is in it, for the operator in.
	Container interface{ Contains(v Value) bool }
	// Lenner is an Object that has a length.
	Lenner interface{ Len() int }
	// Indexer is an Object that is subscribed with more than attribute names;
	// ok is false where it has no such item.
	Indexer interface {
		Index(key Value) (v Value, ok bool, err error)
	}
	// Slicer is an Object that a slice takes a tuple of.
	Slicer interface{ Slice() []Value }
	// Caller is an Object that can be called.
	Caller interface {
		Invoke(c *Call) (Value, error)
	}
	// Equaler is an Object that equals another value of its kind. Objects
	// without it are equal if their type names and texts are.
	Equaler interface{ Equal(other Value) bool }
	// Comparer is an Object that is ordered among its kind.
	Comparer interface {
		Compare(other Value) (order int, ok bool)
	}
	// Operator is an Object that has arithmetic; op is "+", "-", "*", "/", "//"
	// or "%", and swapped says that the object stands on the right.
	Operator interface {
		Operate(op string, other Value, swapped bool) (v Value, ok bool, err error)
	}
	// Formatter is an Object with a format of its own for str.format.
	Formatter interface {
		Format(spec string) (string, error)
	}
	// Mapping is an Object that counts as a dict: the test mapping, **kwargs,
	// tojson and the filters of dicts take its items.
	Mapping interface{ Dict() *Dict }
)

// Iterator yields values once, as Python's generators do.
type Iterator struct {
	kind string // "generator", "map", …
	name string // of the generator
	next func() (Value, bool, error)
}

// NewIterator returns an Iterator that calls next until it says false.
func NewIterator(kind string, next func() (Value, bool, error)) *Iterator {
	return &Iterator{kind: kind, next: next}
}

// Next returns the next value; false at the end.
func (it *Iterator) Next() (Value, bool, error) {
	if it.next == nil {
		return nil, false, nil
	}
	v, ok, err := it.next()
	if !ok || err != nil {
		it.next = nil
	}
	return v, ok, err
}

func sliceIterator(items []Value) *Iterator {
	i := 0
	return &Iterator{next: func() (Value, bool, error) {
		if i >= len(items) {
			return nil, false, nil
		}
		i++
		return items[i-1], true, nil
	}}
}

// missing is the state of a variable that has not been set; unresolved that of
// a global that has not been read yet.
type marker struct{ name string }

var (
	missing    = &marker{"missing"}
	unresolved = &marker{"unresolved"}
)

// Truth is Python's bool(v).
func Truth(v Value) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case int64:
		return v != 0
	case float64:
		return v != 0
	case *big.Int:
		return v.Sign() != 0
	case Markup:
		return v != ""
	case *List:
		return len(v.Items) > 0
	case Tuple:
		return len(v) > 0
	case *Dict:
		return v.Len() > 0
	case *Set:
		return v.Len() > 0
	case *Undefined:
		return false
	case *rangeValue:
		return v.len() > 0
	case *dictView:
		return v.d.Len() > 0
	case Truther:
		return v.Truth()
	case Lenner:
		return v.Len() > 0
	}
	return true
}

// typeName is Python's type(v).__name__.
func typeName(v Value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case Markup:
		return "Markup"
	case *List:
		return "list"
	case Tuple:
		return "tuple"
	case *Dict:
		return "dict"
	case *Set:
		return "set"
	case *Undefined:
		return "Undefined"
	case *Iterator:
		if v.kind == "" {
			return "generator"
		}
		return v.kind
	case Func:
		return "function"
	case *dictView:
		return v.name()
	case *rangeValue:
		return "range"
	case *groupTuple:
		return "_GroupTuple"
	case *loopValue:
		return "LoopContext"
	case *methodValue:
		return "builtin_function_or_method"
	case *Macro:
		return "Macro"
	case *BoundMacro:
		return "Macro"
	case Secret, SecretText:
		return "secret"
	case Object:
		return v.TypeName()
	}
	return fmt.Sprintf("%T", v)
}

// ownerName is how messages call the owner of a missing attribute.
func ownerName(v Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case *BoundMacro:
		return "jinja2.runtime.Macro object"
	case *Undefined:
		return "jinja2.runtime.Undefined object"
	case Markup:
		return "markupsafe.Markup object"
	default:
		return typeName(v) + " object"
	}
}

// FromGo makes a Value of a Go value: all integers and floats, string, bool,
// []byte (as text), slices and maps of any and of string (the keys of a map
// sorted), time.Time (a datetime), and Values themselves. Of a value of any
// other type it makes its fmt.Sprint text.
func FromGo(v any) Value {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, Markup, *List, Tuple, *Dict, *Set, *Undefined,
		Func, *BoundMacro, *Macro, *Iterator, Secret, SecretText, Object:
		return v
	case *big.Int:
		return normInt(v)
	case int:
		return int64(v)
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case uint8:
		return int64(v)
	case uint16:
		return int64(v)
	case uint32:
		return int64(v)
	case uint:
		return normInt(new(big.Int).SetUint64(uint64(v)))
	case uint64:
		return normInt(new(big.Int).SetUint64(v))
	case float32:
		return float64(v)
	case []byte:
		return string(v)
	case time.Time:
		return newDatetime(v, true)
	}
	if isOurs(v) {
		return v
	}
	return fromGoCollection(v)
}

// isOurs reports whether v is of a kind that the evaluator makes.
func isOurs(v Value) bool {
	switch v.(type) {
	case *big.Int, Markup, Tuple, *Set, *Undefined, *BoundMacro, *Iterator, Secret, SecretText, *rangeValue, *dictView, *loopValue,
		*namespace, *groupTuple, *methodValue, *marker:
		return true
	}
	return false
}

func fromGoCollection(v any) Value {
	switch v := v.(type) {
	case []Value:
		items := make([]Value, len(v))
		for i := range v {
			items[i] = FromGo(v[i])
		}
		return &List{items}
	case []string:
		items := make([]Value, len(v))
		for i := range v {
			items[i] = v[i]
		}
		return &List{items}
	case map[string]any:
		return fromMap(v)
	case map[string]string:
		return fromMap(v)
	case map[any]any:
		named := make(map[string]any, len(v))
		for k, x := range v {
			named[fmt.Sprint(k)] = x
		}
		return fromMap(named)
	case []map[string]any:
		items := make([]Value, len(v))
		for i := range v {
			items[i] = fromMap(v[i])
		}
		return &List{items}
	case fmt.Stringer:
		return v.String()
	}
	return fmt.Sprint(v)
}

func fromMap[T any](m map[string]T) Value {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	d := &Dict{items: make([]Item, 0, len(m))}
	for _, k := range keys {
		d.setText(k, FromGo(m[k]))
	}
	return d
}

// ToGo makes a plain Go value of v: nil, bool, int64, *big.Int, float64,
// string, []any (of lists, tuples, sets, ranges and views of a dict) and *Dict, whose
// values are plain then and whose order is kept. Undefined becomes nil; an
// Iterator is used up; of anything else it makes its text.
func ToGo(v Value) any {
	budget := 10_000_000 // of values that share parts there may be endlessly many
	return toGo(v, 0, &budget)
}

func toGo(v Value, depth int, budget *int) any {
	if *budget--; depth > maxNesting || *budget < 0 {
		return nil
	}
	list := func(items []Value) any {
		out := make([]any, len(items))
		for i := range items {
			out[i] = toGo(items[i], depth+1, budget)
		}
		return out
	}
	switch v := v.(type) {
	case nil, *Undefined:
		return nil
	case bool, int64, *big.Int, float64, string:
		return v
	case *Dict:
		d := &Dict{items: make([]Item, 0, v.Len())}
		for _, it := range v.items {
			d.put(it.Key, it.hash, toGo(it.Value, depth+1, budget))
		}
		return d
	case Mapping:
		return toGo(v.Dict(), depth+1, budget)
	case *List:
		return list(v.Items)
	case Tuple:
		return list(v)
	}
	switch v.(type) {
	case *Set, *rangeValue, *dictView, *Iterator, *groupTuple:
		if items, err := toSlice(nil, v); err == nil {
			return list(items)
		}
	}
	return Str(v)
}

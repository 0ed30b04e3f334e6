package jinja

import (
	"math"
	"math/big"
	"strings"
)

// compare applies a comparison operator.
func (rt *render) compare(op kind, a, b Value) (bool, error) {
	if isSecret(a) || isSecret(b) {
		return false, errSecret
	}
	switch op {
	case tEq:
		return equal(a, b), nil
	case tNe:
		return !equal(a, b), nil
	case opIn:
		return rt.contains(b, a)
	case opNotIn:
		ok, err := rt.contains(b, a)
		return !ok && err == nil, err
	}
	return ordered(op, a, b)
}

// Equal is Python's ==.
func Equal(a, b Value) bool { return equal(a, b) }

// Less is Python's <; the error is that of values that have no order.
func Less(a, b Value) (bool, error) { return ordered(tLt, a, b) }

// equal is Python's ==.
func equal(a, b Value) bool {
	e := equality{steps: 1_000_000}
	return e.equal(a, b, 0)
}

// equality bounds the work of comparing values that share parts.
type equality struct{ steps int }

func (e *equality) equal(a, b Value, depth int) bool {
	if e.steps--; e.steps < 0 || depth > maxNesting {
		return false
	}
	switch x := a.(type) {
	case string:
		y, ok := textOf(b)
		return ok && x == y
	case Markup:
		y, ok := textOf(b)
		return ok && string(x) == y
	case nil:
		return b == nil
	case int64, bool, float64, *big.Int:
		if isNumber(b) {
			return numberOrder(a, b) == 0
		}
	case *List:
		if y, ok := b.(*List); ok {
			return x == y || e.all(x.Items, y.Items, depth)
		}
	case Tuple:
		if y, ok := asTuple(b); ok {
			return e.all(x, y, depth)
		}
	case *groupTuple:
		if y, ok := asTuple(b); ok {
			return e.all(x.tuple(), y, depth)
		}
	case *Dict:
		if y, ok := b.(*Dict); ok {
			return x == y || e.dicts(x, y, depth)
		}
	case *Set:
		if y, ok := b.(*Set); ok {
			return x.Len() == y.Len() && x.minus(y).Len() == 0
		}
	case *rangeValue:
		if y, ok := b.(*rangeValue); ok {
			n := x.len()
			return n == y.len() && (n == 0 || x.start == y.start && (n == 1 || x.step == y.step))
		}
	case *dictView:
		if y, ok := b.(*dictView); ok {
			return x.kind == y.kind && x.kind != 'v' && x.d.Len() == y.d.Len() && e.views(x, y)
		}
	case *Undefined:
		_, ok := b.(*Undefined)
		return ok
	case Func:
		y, ok := b.(Func)
		return ok && x.Name == y.Name
	case *BoundMacro:
		y, ok := b.(*BoundMacro)
		return ok && x.Macro == y.Macro
	case *methodValue:
		y, ok := b.(*methodValue)
		return ok && x.m == y.m && identical(x.obj, y.obj)
	case Equaler:
		return x.Equal(b)
	case Object:
		if y, ok := b.(Equaler); ok {
			return y.Equal(a)
		}
		y, ok := b.(Object)
		return ok && x.TypeName() == y.TypeName() && x.String() == y.String()
	}
	if y, ok := b.(Equaler); ok {
		return y.Equal(a)
	}
	return identical(a, b)
}

func (e *equality) all(a, b []Value, depth int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !e.equal(a[i], b[i], depth+1) {
			return false
		}
	}
	return true
}

func (e *equality) dicts(a, b *Dict, depth int) bool {
	if a.Len() != b.Len() {
		return false
	}
	for _, it := range a.items {
		i := b.find(it.hash)
		if i < 0 || !e.equal(it.Value, b.items[i].Value, depth+1) {
			return false
		}
	}
	return true
}

func (e *equality) views(a, b *dictView) bool {
	if a.kind == 'k' {
		for _, it := range a.d.items {
			if b.d.find(it.hash) < 0 {
				return false
			}
		}
		return true
	}
	return e.dicts(a.d, b.d, 0)
}

// identical is Python's "is", as far as it can be told.
func identical(a, b Value) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	case int64:
		y, ok := b.(int64)
		return ok && x == y
	case string:
		y, ok := b.(string)
		return ok && x == y
	case float64:
		y, ok := b.(float64)
		return ok && x == y
	case *List:
		y, ok := b.(*List)
		return ok && x == y
	case *Dict:
		y, ok := b.(*Dict)
		return ok && x == y
	case *Set:
		y, ok := b.(*Set)
		return ok && x == y
	case *BoundMacro:
		y, ok := b.(*BoundMacro)
		return ok && (x == y || x.Macro == y.Macro && x.env == y.env)
	case *Undefined:
		y, ok := b.(*Undefined)
		return ok && x == y
	case *Iterator:
		y, ok := b.(*Iterator)
		return ok && x == y
	case *namespace:
		y, ok := b.(*namespace)
		return ok && x == y
	case *loopValue:
		y, ok := b.(*loopValue)
		return ok && x == y
	case Tuple:
		y, ok := b.(Tuple)
		return ok && len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	case Object:
		y, ok := b.(Object)
		return ok && x.TypeName() == y.TypeName() && x.String() == y.String()
	}
	return false
}

// numberOrder compares numbers exactly; 2 says that one of them is no number (NaN).
func numberOrder(a, b Value) int {
	x, aFloat := a.(float64)
	y, bFloat := b.(float64)
	switch {
	case aFloat && math.IsNaN(x) || bFloat && math.IsNaN(y):
		return 2
	case aFloat && bFloat:
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	case aFloat:
		return -floatOrder(b, x)
	case bFloat:
		return floatOrder(a, y)
	}
	n, nb, _ := asInt(a)
	m, mb, _ := asInt(b)
	if nb == nil && mb == nil {
		switch {
		case n < m:
			return -1
		case n > m:
			return 1
		}
		return 0
	}
	return toBig(a).Cmp(toBig(b))
}

// floatOrder compares an integer with a float.
func floatOrder(n Value, f float64) int {
	if math.IsInf(f, 1) {
		return -1
	}
	if math.IsInf(f, -1) {
		return 1
	}
	return new(big.Float).SetInt(toBig(n)).Cmp(big.NewFloat(f))
}

var compareNames = map[kind]string{tLt: "<", tLe: "<=", tGt: ">", tGe: ">="}

// ordered is <, <=, > or >=.
func ordered(op kind, a, b Value) (bool, error) {
	order, ok, err := orderOf(op, a, b, 0)
	if err != nil {
		return false, err
	}
	if !ok {
		for _, v := range [...]Value{a, b} {
			if u, isUndefined := v.(*Undefined); isUndefined {
				return false, usable(u)
			}
		}
		return false, raise(typeError, "'%s' not supported between instances of '%s' and '%s'", compareNames[op], typeName(a), typeName(b))
	}
	return holds(op, order), nil
}

func holds(op kind, order int) bool {
	if order == 2 {
		return false
	}
	switch op {
	case tLt:
		return order < 0
	case tLe:
		return order <= 0
	case tGt:
		return order > 0
	}
	return order >= 0
}

// orderOf returns how a and b are ordered; ok is false for kinds that are not.
func orderOf(op kind, a, b Value, depth int) (order int, ok bool, err error) {
	if depth > maxNesting {
		return 0, false, raise(limitError, "the values are nested too deep to be compared")
	}
	if isNumber(a) && isNumber(b) {
		return numberOrder(a, b), true, nil
	}
	if x, ok := textOf(a); ok {
		if y, ok := textOf(b); ok {
			return strings.Compare(x, y), true, nil
		}
		return 0, false, nil
	}
	if x, ok := a.(*List); ok {
		if y, ok := b.(*List); ok {
			return listOrder(op, x.Items, y.Items, depth)
		}
		return 0, false, nil
	}
	if x, ok := asTuple(a); ok {
		if y, ok := asTuple(b); ok {
			return listOrder(op, x, y, depth)
		}
		return 0, false, nil
	}
	if x, y, ok := sets(a, b); ok {
		return setOrder(x, y), true, nil
	}
	if x, ok := a.(Comparer); ok {
		order, ok := x.Compare(b)
		return order, ok, nil
	}
	if y, ok := b.(*Decimal); ok {
		order, ok := y.Compare(a)
		if order != 2 {
			order = -order
		}
		return order, ok, nil
	}
	return 0, false, nil
}

func listOrder(op kind, a, b []Value, depth int) (int, bool, error) {
	for i := 0; i < len(a) && i < len(b); i++ {
		if equal(a[i], b[i]) {
			continue
		}
		order, ok, err := orderOf(op, a[i], b[i], depth+1)
		if !ok && err == nil {
			_, err = ordered(op, a[i], b[i])
		}
		return order, true, err
	}
	return len(a) - len(b), true, nil
}

// contains is Python's "v in seq".
func (rt *render) contains(seq, v Value) (bool, error) {
	switch s := seq.(type) {
	case string, Markup:
		text, _ := textOf(s)
		part, ok := textOf(v)
		if !ok {
			if err := usable(v); err != nil && isSecret(v) {
				return false, err
			}
			return false, raise(typeError, "'in <string>' requires string as left operand, not %s", typeName(v))
		}
		return strings.Contains(text, part), nil
	case *Dict:
		return hasKey(s, v)
	case *Set:
		return hasKey(&s.d, v)
	case *List:
		return anyEqual(s.Items, v), nil
	case Tuple:
		return anyEqual(s, v), nil
	case *dictView:
		if s.kind == 'k' {
			return hasKey(s.d, v)
		}
	case *rangeValue:
		if n, huge, ok := asInt(v); ok {
			return huge == nil && s.len() > 0 && (n-s.start)%s.step == 0 && (n-s.start)/s.step >= 0 && (n-s.start)/s.step < s.len(), nil
		}
	case Mapping:
		return hasKey(s.Dict(), v)
	case Container:
		return s.Contains(v), nil
	}
	it, err := iterate(rt, seq)
	if err != nil {
		if isError(err, typeError) && !isSecret(seq) {
			err = raise(typeError, "argument of type '%s' is not iterable", typeName(seq))
		}
		return false, err
	}
	for {
		x, ok, err := it.Next()
		if err != nil || !ok {
			return false, err
		}
		if equal(x, v) {
			return true, nil
		}
	}
}

func hasKey(d *Dict, key Value) (bool, error) {
	h, err := hashOf(key)
	if err != nil {
		return false, err
	}
	return d.find(h) >= 0, nil
}

func anyEqual(items []Value, v Value) bool {
	for _, x := range items {
		if equal(x, v) {
			return true
		}
	}
	return false
}

// sorter sorts values by keys as Python's sorted does; it stops at the first
// keys that can not be compared.
type sorter struct {
	reverse bool
	err     error
}

func (s *sorter) less(a, b Value) bool {
	if s.err != nil {
		return false
	}
	if s.reverse {
		a, b = b, a
	}
	ok, err := ordered(tLt, a, b)
	if err != nil {
		s.err = err
	}
	return ok
}

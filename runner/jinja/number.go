package jinja

import (
	"math"
	"math/big"
	"strings"
)

// maxIntDigits is Python's bound for turning text into an int and back.
const maxIntDigits = 4300

func normInt(n *big.Int) Value {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

// asInt returns v as an integer, if it is one (bool is): as n, or as huge if it
// does not fit.
func asInt(v Value) (n int64, huge *big.Int, ok bool) {
	switch v := v.(type) {
	case int64:
		return v, nil, true
	case bool:
		if v {
			return 1, nil, true
		}
		return 0, nil, true
	case *big.Int:
		return 0, v, true
	}
	return 0, nil, false
}

func toBig(v Value) *big.Int {
	n, b, _ := asInt(v)
	if b != nil {
		return b
	}
	return big.NewInt(n)
}

// isNumber reports whether v is an int, a bool or a float.
func isNumber(v Value) bool {
	switch v.(type) {
	case int64, bool, float64, *big.Int:
		return true
	}
	return false
}

// toFloat is Python's float() of a number.
func toFloat(v Value) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		if math.IsInf(f, 0) {
			return 0, raise(overflowError, "int too large to convert to float")
		}
		return f, nil
	}
	n, _, _ := asInt(v)
	return float64(n), nil
}

var opNames = map[kind]string{tAdd: "+", tSub: "-", tMul: "*", tDiv: "/", tFloorDiv: "//", tMod: "%", tPow: "** or pow()"}

// binary applies an arithmetic operator.
func (rt *render) binary(op kind, a, b Value) (Value, error) {
	if x, ok := a.(int64); ok {
		if y, ok := b.(int64); ok {
			return rt.intOp(op, x, y)
		}
	}
	if isSecret(a) || isSecret(b) {
		return rt.addSecret(op, a, b)
	}
	for _, v := range [...]Value{a, b} {
		if u, ok := v.(*Undefined); ok {
			// A text on the left formats it with % before it is asked.
			if op == tMod && isText(a) {
				break
			}
			return nil, raise(undefinedError, "%s", u.message())
		}
	}
	if isNumber(a) && isNumber(b) {
		return rt.numberOp(op, a, b)
	}
	switch op {
	case tAdd:
		return rt.add(a, b)
	case tMul:
		return rt.multiply(a, b)
	case tMod:
		switch s := a.(type) {
		case string:
			return rt.percent(s, b, false)
		case Markup:
			text, err := rt.percent(string(s), b, true)
			if err != nil {
				return nil, err
			}
			return Markup(text.(string)), nil
		}
	case tSub:
		if x, y, ok := rt.setOperands(a, b); ok {
			return x.minus(y), nil
		}
	}
	return operate(op, a, b)
}

// operate lets objects do the arithmetic.
func operate(op kind, a, b Value) (Value, error) {
	if x, ok := a.(Operator); ok {
		if v, ok, err := x.Operate(opNames[op], b, false); ok || err != nil {
			return v, err
		}
	}
	if x, ok := b.(Operator); ok {
		if v, ok, err := x.Operate(opNames[op], a, true); ok || err != nil {
			return v, err
		}
	}
	return nil, raise(typeError, "unsupported operand type(s) for %s: '%s' and '%s'", opNames[op], typeName(a), typeName(b))
}

func isText(v Value) bool {
	switch v.(type) {
	case string, Markup:
		return true
	}
	return false
}

func (rt *render) intOp(op kind, x, y int64) (Value, error) {
	switch op {
	case tAdd:
		if s := x + y; (s > x) == (y > 0) {
			return s, nil
		}
	case tSub:
		if s := x - y; (s < x) == (y > 0) {
			return s, nil
		}
	case tMul:
		if x == 0 || y == 0 {
			return int64(0), nil
		}
		if p := x * y; p/y == x && !(x == -1 && y == math.MinInt64) && !(y == -1 && x == math.MinInt64) {
			return p, nil
		}
	case tFloorDiv, tMod:
		if y == 0 {
			break
		}
		if y == -1 && x == math.MinInt64 {
			break
		}
		q, m := x/y, x%y
		if m != 0 && (m < 0) != (y < 0) {
			q, m = q-1, m+y
		}
		if op == tMod {
			return m, nil
		}
		return q, nil
	case tDiv:
		if y != 0 && x > -1<<53 && x < 1<<53 && y > -1<<53 && y < 1<<53 {
			return float64(x) / float64(y), nil
		}
	}
	return rt.numberOp(op, x, y)
}

func (rt *render) numberOp(op kind, a, b Value) (Value, error) {
	_, aFloat := a.(float64)
	_, bFloat := b.(float64)
	if aFloat || bFloat {
		x, err := toFloat(a)
		if err != nil {
			return nil, err
		}
		y, err := toFloat(b)
		if err != nil {
			return nil, err
		}
		return floatOp(op, x, y)
	}
	x, y := toBig(a), toBig(b)
	if op != tAdd && op != tSub && op != tMul && op != tPow && y.Sign() == 0 {
		return nil, raise(zeroDivision, "%s", map[kind]string{tDiv: "division by zero",
			tFloorDiv: "integer division or modulo by zero", tMod: "integer modulo by zero"}[op])
	}
	switch op {
	case tAdd:
		return normInt(new(big.Int).Add(x, y)), nil
	case tSub:
		return normInt(new(big.Int).Sub(x, y)), nil
	case tMul:
		if x.BitLen()+y.BitLen() > rt.limits.IntBits {
			return nil, raise(limitError, "the number is too large")
		}
		return normInt(new(big.Int).Mul(x, y)), nil
	case tDiv:
		f, _ := new(big.Rat).SetFrac(x, y).Float64()
		if math.IsInf(f, 0) {
			return nil, raise(overflowError, "integer division result too large for a float")
		}
		return f, nil
	case tPow:
		return rt.intPow(x, y)
	}
	q, m := new(big.Int), new(big.Int)
	q.QuoRem(x, y, m)
	if m.Sign() != 0 && (m.Sign() < 0) != (y.Sign() < 0) {
		q.Sub(q, big.NewInt(1))
		m.Add(m, y)
	}
	if op == tMod {
		return normInt(m), nil
	}
	return normInt(q), nil
}

func (rt *render) intPow(x, y *big.Int) (Value, error) {
	if y.Sign() < 0 {
		if x.Sign() == 0 {
			return nil, raise(zeroDivision, "0.0 cannot be raised to a negative power")
		}
		a, err := toFloat(x)
		if err != nil {
			return nil, err
		}
		b, err := toFloat(y)
		if err != nil {
			return nil, err
		}
		return pow(a, b), nil
	}
	if x.BitLen() > 1 {
		if !y.IsInt64() || y.Int64() > int64(rt.limits.IntBits) || int64(x.BitLen())*y.Int64() > int64(rt.limits.IntBits) {
			return nil, raise(limitError, "the number is too large")
		}
		return normInt(new(big.Int).Exp(x, y, nil)), nil
	}
	switch { // 0, 1 and -1 never grow
	case y.Sign() == 0 || x.Sign() > 0:
		return int64(1), nil
	case x.Sign() == 0:
		return int64(0), nil
	case y.Bit(0) == 0:
		return int64(1), nil
	}
	return int64(-1), nil
}

func floatOp(op kind, x, y float64) (Value, error) {
	if y == 0 {
		switch op {
		case tDiv:
			return nil, raise(zeroDivision, "float division by zero")
		case tFloorDiv:
			return nil, raise(zeroDivision, "float floor division by zero")
		case tMod:
			return nil, raise(zeroDivision, "float modulo")
		}
	}
	switch op {
	case tAdd:
		return x + y, nil
	case tSub:
		return x - y, nil
	case tMul:
		return x * y, nil
	case tDiv:
		return x / y, nil
	case tPow:
		return floatPow(x, y)
	}
	div, mod := floatDivmod(x, y)
	if op == tMod {
		return mod, nil
	}
	return div, nil
}

// floatDivmod is CPython's float_divmod.
func floatDivmod(x, y float64) (div, mod float64) {
	mod = math.Mod(x, y)
	div = (x - mod) / y
	if mod != 0 {
		if (y < 0) != (mod < 0) {
			mod += y
			div--
		}
	} else {
		mod = math.Copysign(0, y)
	}
	if div == 0 {
		return math.Copysign(0, x/y), mod
	}
	floor := math.Floor(div)
	if div-floor > 0.5 {
		floor++
	}
	return floor, mod
}

func floatPow(x, y float64) (Value, error) {
	if x == 0 && y < 0 {
		return nil, raise(zeroDivision, "0.0 cannot be raised to a negative power")
	}
	if x < 0 && y != math.Trunc(y) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return nil, raise(valueError, "complex numbers are not supported")
	}
	p := pow(x, y)
	if math.IsInf(p, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return nil, raise(overflowError, "(34, 'Numerical result out of range')")
	}
	return p, nil
}

func negate(v Value) (Value, error) {
	switch v := v.(type) {
	case int64:
		if v != math.MinInt64 {
			return -v, nil
		}
	case float64:
		return -v, nil
	}
	if isNumber(v) {
		return normInt(new(big.Int).Neg(toBig(v))), nil
	}
	if o, ok := v.(Operator); ok {
		if r, ok, err := o.Operate("-", int64(0), true); ok || err != nil {
			return r, err
		}
	}
	return nil, unaryError("-", v)
}

func positive(v Value) (Value, error) {
	if d, ok := v.(*Decimal); ok {
		return d.rounded(), nil
	}
	if f, ok := v.(float64); ok {
		return f, nil
	}
	if isNumber(v) {
		return normInt(toBig(v)), nil
	}
	return nil, unaryError("+", v)
}

func unaryError(op string, v Value) error {
	if err := usable(v); err != nil {
		return err
	}
	return raise(typeError, "bad operand type for unary %s: '%s'", op, typeName(v))
}

// add is + for what is no number.
func (rt *render) add(a, b Value) (Value, error) {
	switch x := a.(type) {
	case string:
		switch y := b.(type) {
		case string:
			return rt.text(x + y)
		case Markup:
			return rt.markup(escapeHTML(x) + string(y))
		}
		return nil, raise(typeError, "can only concatenate str (not \"%s\") to str", typeName(b))
	case Markup:
		switch y := b.(type) {
		case string:
			return rt.markup(string(x) + escapeHTML(y))
		case Markup:
			return rt.markup(string(x) + string(y))
		}
	case *List:
		if y, ok := b.(*List); ok {
			if err := rt.room(len(x.Items) + len(y.Items)); err != nil {
				return nil, err
			}
			return &List{append(append(make([]Value, 0, len(x.Items)+len(y.Items)), x.Items...), y.Items...)}, nil
		}
		return nil, raise(typeError, "can only concatenate list (not \"%s\") to list", typeName(b))
	case Tuple, *groupTuple:
		if y, ok := asTuple(b); ok {
			x, _ := asTuple(x)
			if err := rt.room(len(x) + len(y)); err != nil {
				return nil, err
			}
			return append(append(make(Tuple, 0, len(x)+len(y)), x...), y...), nil
		}
		return nil, raise(typeError, "can only concatenate tuple (not \"%s\") to tuple", typeName(b))
	}
	return operate(tAdd, a, b)
}

func asTuple(v Value) (Tuple, bool) {
	switch v := v.(type) {
	case Tuple:
		return v, true
	case *groupTuple:
		return v.tuple(), true
	}
	return nil, false
}

// multiply is * for what is not two numbers: it repeats.
func (rt *render) multiply(a, b Value) (Value, error) {
	if _, _, ok := asInt(a); ok {
		a, b = b, a
	}
	n, huge, ok := asInt(b)
	var size int
	switch x := a.(type) {
	case string:
		size = len(x)
	case Markup:
		size = len(x)
	case *List:
		size = len(x.Items)
	case Tuple:
		size = len(x)
	default:
		return operate(tMul, a, b)
	}
	if !ok {
		return nil, raise(typeError, "can't multiply sequence by non-int of type '%s'", typeName(b))
	}
	if huge != nil && huge.Sign() > 0 && size > 0 {
		return nil, raise(overflowError, "cannot fit 'int' into an index-sized integer")
	}
	n = max(n, 0)
	if huge != nil || size == 0 {
		n = 0
	}
	if n > 0 && int64(size) > int64(rt.limits.Output)/n {
		return nil, raise(limitError, "the result is too large")
	}
	switch x := a.(type) {
	case string:
		return strings.Repeat(x, int(n)), nil
	case Markup:
		return Markup(strings.Repeat(string(x), int(n))), nil
	case *List:
		items, err := rt.repeat(x.Items, int(n))
		return &List{items}, err
	}
	items, err := rt.repeat(a.(Tuple), int(n))
	return Tuple(items), err
}

func (rt *render) repeat(items []Value, n int) ([]Value, error) {
	if err := rt.room(len(items) * n); err != nil {
		return nil, err
	}
	out := make([]Value, 0, len(items)*n)
	for range n {
		out = append(out, items...)
	}
	return out, nil
}

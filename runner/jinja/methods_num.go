package jinja

import (
	"math"
	"math/big"
)

var intMethods = map[string]*method{
	"bit_length": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { return int64(toBig(obj).BitLen()), nil }},
	"bit_count": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		n := int64(0)
		for _, w := range new(big.Int).Abs(toBig(obj)).Bits() {
			for ; w != 0; w &= w - 1 {
				n++
			}
		}
		return n, nil
	}},
	"as_integer_ratio": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		return Tuple{normInt(toBig(obj)), int64(1)}, nil
	}},
	"conjugate": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { return normInt(toBig(obj)), nil }},
}

var floatMethods = map[string]*method{
	"is_integer": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		f := obj.(float64)
		return f == math.Trunc(f) && !math.IsInf(f, 0), nil
	}},
	"as_integer_ratio": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		f := obj.(float64)
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, raise(valueError, "cannot convert %s to integer ratio", floatRepr(f))
		}
		r := new(big.Rat).SetFloat64(f)
		return Tuple{normInt(new(big.Int).Set(r.Num())), normInt(new(big.Int).Set(r.Denom()))}, nil
	}},
	"conjugate": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { return obj, nil }},
}

func numberAttr(v Value, name string) (Value, bool) {
	f, isFloat := v.(float64)
	switch name {
	case "real":
		if isFloat {
			return f, true
		}
		return normInt(toBig(v)), true
	case "imag":
		if isFloat {
			return 0.0, true
		}
		return int64(0), true
	case "numerator", "denominator":
		if !isFloat {
			if name == "denominator" {
				return int64(1), true
			}
			return normInt(toBig(v)), true
		}
	}
	return nil, false
}

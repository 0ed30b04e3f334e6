package jinja

import (
	"math/big"
	"unicode"
)

// tests are what "is" can ask.
var tests = allTests()

func check(params string, f func(a []Value) (bool, error)) *filter {
	return def(params, func(_ *Call, a []Value) (Value, error) { return f(a) })
}

// kindTest makes a test of the kind of a value.
func kindTest(f func(v Value) bool) *filter {
	return check("value", func(a []Value) (bool, error) { return f(a[0]), nil })
}

// evenSecret makes a test that can be asked of secrets, too.
func evenSecret(t *filter) *filter {
	t.secrets = true
	return t
}

func allTests() map[string]*filter {
	isUndefined := func(v Value) bool { _, ok := v.(*Undefined); return ok }
	m := map[string]*filter{
		"defined":   evenSecret(kindTest(func(v Value) bool { return !isUndefined(v) })),
		"undefined": evenSecret(kindTest(isUndefined)),
		"none":      evenSecret(kindTest(func(v Value) bool { return v == nil })),
		"boolean":   kindTest(func(v Value) bool { _, ok := v.(bool); return ok }),
		"true":      kindTest(func(v Value) bool { return v == true }),
		"false":     kindTest(func(v Value) bool { return v == false }),
		"integer": kindTest(func(v Value) bool {
			switch v.(type) {
			case int64, *big.Int:
				return true
			}
			return false
		}),
		"float":  kindTest(func(v Value) bool { _, ok := v.(float64); return ok }),
		"number": kindTest(func(v Value) bool { _, ok := v.(*Decimal); return ok || isNumber(v) }),
		"string": kindTest(isText),
		"mapping": kindTest(func(v Value) bool {
			_, ok := asDict(v)
			return ok
		}),
		"sequence": kindTest(isSequence),
		"iterable": def("value", func(c *Call, a []Value) (Value, error) {
			_, err := iterate(c.f.rt, a[0])
			return err == nil, nil
		}),
		"callable":    kindTest(isCallable),
		"escaped":     kindTest(func(v Value) bool { _, ok := v.(Markup); return ok }),
		"odd":         remainder("value", func(Value) Value { return int64(2) }, 1),
		"even":        remainder("value", func(Value) Value { return int64(2) }, 0),
		"divisibleby": remainder("value num", func(n Value) Value { return n }, 0),
		"lower":       textTest(func(s string) bool { return cased(s, unicode.IsUpper, unicode.IsLower) }),
		"upper":       textTest(func(s string) bool { return cased(s, unicode.IsLower, unicode.IsUpper) }),
		"sameas":      check("value other", func(a []Value) (bool, error) { return identical(a[0], a[1]), nil }),
		"in":          def("value seq", func(c *Call, a []Value) (Value, error) { return c.f.rt.contains(a[1], a[0]) }),
		"filter": def("value", func(c *Call, a []Value) (Value, error) {
			s, _ := textOf(a[0])
			return c.f.rt.lang.filters[s] != nil, nil
		}),
		"eq": check("a b", func(a []Value) (bool, error) { return equal(a[0], a[1]), nil }),
		"ne": check("a b", func(a []Value) (bool, error) { return !equal(a[0], a[1]), nil }),
		"gt": orderTest(tGt),
		"ge": orderTest(tGe),
		"lt": orderTest(tLt),
		"le": orderTest(tLe),
	}
	for alias, name := range map[string]string{"==": "eq", "equalto": "eq", "!=": "ne", ">": "gt", "greaterthan": "gt", ">=": "ge",
		"<": "lt", "lessthan": "lt", "<=": "le"} {
		m[alias] = m[name]
	}
	m["test"] = check("value", func(a []Value) (bool, error) {
		s, _ := textOf(a[0])
		return m[s] != nil, nil
	})
	return m
}

func orderTest(op kind) *filter {
	return check("a b", func(a []Value) (bool, error) { return ordered(op, a[0], a[1]) })
}

func remainder(params string, by func(Value) Value, want int64) *filter {
	return def(params, func(c *Call, a []Value) (Value, error) {
		n := Value(nil)
		if len(a) > 1 {
			n = a[1]
		}
		m, err := c.f.rt.binary(tMod, a[0], by(n))
		if err != nil {
			return nil, err
		}
		return equal(m, want), nil
	})
}

func textTest(f func(string) bool) *filter {
	return def("value", func(c *Call, a []Value) (Value, error) {
		s, err := c.f.rt.str(a[0])
		return f(s), err
	})
}

// isSequence reports whether v has a length and items.
func isSequence(v Value) bool {
	switch v := v.(type) {
	case string, Markup, *List, Tuple, *Dict, *groupTuple, *rangeValue:
		return true
	case *Undefined:
		return true
	case Object:
		_, hasLen := v.(Lenner)
		_, hasItems := v.(Indexer)
		_, isMapping := v.(Mapping)
		return hasLen && hasItems || isMapping
	}
	return false
}

func isCallable(v Value) bool {
	switch v.(type) {
	case Func, *BoundMacro, *Macro, *methodValue, Caller, *loopValue, *Undefined:
		return true
	}
	return false
}

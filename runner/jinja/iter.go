package jinja

import (
	"unicode/utf8"
)

// iterate is Python's iter(v).
func iterate(rt *render, v Value) (*Iterator, error) {
	switch v := v.(type) {
	case *List:
		i := 0
		return &Iterator{kind: "list_iterator", next: func() (Value, bool, error) {
			if i >= len(v.Items) { // the list may grow meanwhile
				return nil, false, nil
			}
			i++
			return v.Items[i-1], true, nil
		}}, nil
	case Tuple:
		return sliceIterator(v), nil
	case *groupTuple:
		return sliceIterator(v.tuple()), nil
	case *Dict:
		return (&dictView{v, 'k'}).iterate("dictionary"), nil
	case *dictView:
		return v.iterate("dictionary"), nil
	case *Set:
		return v.iterate(), nil
	case *rangeValue:
		i, n := int64(0), v.len()
		return &Iterator{kind: "range_iterator", next: func() (Value, bool, error) {
			if i >= n {
				return nil, false, nil
			}
			i++
			return v.at(i - 1), true, nil
		}}, nil
	case string:
		return runeIterator(v, false), nil
	case Markup:
		return runeIterator(string(v), true), nil
	case *Iterator:
		return v, nil
	case *Undefined:
		return &Iterator{}, nil
	case *loopValue:
		return NewIterator("LoopContext", func() (Value, bool, error) {
			x, ok, err := v.next()
			return Tuple{x, v}, ok, err
		}), nil
	case Secret, SecretText:
		return nil, errSecret
	case Iterable:
		return v.Iterate()
	case Mapping:
		return iterate(rt, v.Dict())
	}
	return nil, raise(typeError, "'%s' object is not iterable", typeName(v))
}

func (s *Set) iterate() *Iterator {
	items, i := s.ordered(), 0
	return &Iterator{kind: "set_iterator", next: func() (Value, bool, error) {
		if s.Len() != len(items) {
			return nil, false, raise(runtimeError, "Set changed size during iteration")
		}
		if i >= len(items) {
			return nil, false, nil
		}
		i++
		return items[i-1], true, nil
	}}
}

func (v *dictView) iterate(what string) *Iterator {
	i, n := 0, len(v.d.items)
	return &Iterator{kind: v.name() + "_iterator", next: func() (Value, bool, error) {
		if len(v.d.items) != n {
			return nil, false, raise(runtimeError, "%s changed size during iteration", what)
		}
		if i >= n {
			return nil, false, nil
		}
		i++
		return v.at(i - 1), true, nil
	}}
}

func runeIterator(s string, markup bool) *Iterator {
	return &Iterator{kind: "str_ascii_iterator", next: func() (Value, bool, error) {
		if s == "" {
			return nil, false, nil
		}
		_, n := utf8.DecodeRuneInString(s)
		c := s[:n]
		s = s[n:]
		if markup {
			return Markup(c), true, nil
		}
		return c, true, nil
	}}
}

// drain reads an iterator to its end.
func drain(rt *render, it *Iterator) ([]Value, error) {
	var out []Value
	for {
		v, ok, err := it.Next()
		if err != nil || !ok {
			return out, err
		}
		out = append(out, v)
		if rt != nil && len(out)&1023 == 0 {
			if len(out) > rt.limits.Items {
				return nil, rt.room(len(out))
			}
			if err := rt.ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
}

// toSlice returns the values of v. The caller must not change the slice.
func toSlice(rt *render, v Value) ([]Value, error) {
	switch v := v.(type) {
	case *List:
		return v.Items, nil
	case Tuple:
		return v, nil
	case *Set:
		return v.ordered(), nil
	}
	it, err := iterate(rt, v)
	if err != nil {
		return nil, err
	}
	return drain(rt, it)
}

// newSlice is toSlice of which the caller may change the slice.
func newSlice(rt *render, v Value) ([]Value, error) {
	items, err := toSlice(rt, v)
	if err != nil {
		return nil, err
	}
	if rt != nil {
		if err := rt.room(len(items)); err != nil {
			return nil, err
		}
	}
	return append(make([]Value, 0, len(items)), items...), nil
}

// length64 is Python's len(v).
func length64(v Value) (int64, error) {
	switch v := v.(type) {
	case string:
		return int64(utf8.RuneCountInString(v)), nil
	case Markup:
		return int64(utf8.RuneCountInString(string(v))), nil
	case *List:
		return int64(len(v.Items)), nil
	case Tuple:
		return int64(len(v)), nil
	case *Dict:
		return int64(v.Len()), nil
	case *Set:
		return int64(v.Len()), nil
	case *groupTuple:
		return 2, nil
	case *dictView:
		return int64(v.d.Len()), nil
	case *rangeValue:
		return v.len(), nil
	case *Undefined:
		return 0, nil
	case *loopValue:
		return v.len()
	case Secret, SecretText:
		return 0, errSecret
	case Lenner:
		return int64(v.Len()), nil
	case Mapping:
		return int64(v.Dict().Len()), nil
	}
	return 0, raise(typeError, "object of type '%s' has no len()", typeName(v))
}

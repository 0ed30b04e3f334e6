package jinja

// sets returns a and b as sets; views of keys count as sets too.
func sets(a, b Value) (x, y *Set, ok bool) {
	x, ok = asSet(a)
	if !ok {
		return nil, nil, false
	}
	y, ok = asSet(b)
	return x, y, ok
}

func asSet(v Value) (*Set, bool) {
	switch v := v.(type) {
	case *Set:
		return v, true
	case *dictView:
		if v.kind == 'k' {
			return &Set{*v.d}, true
		}
	}
	return nil, false
}

// setOperands are a and b for the difference of sets: of a set only a set can be
// taken away, but a view of a dict goes with anything that can be iterated.
func (rt *render) setOperands(a, b Value) (x, y *Set, ok bool) {
	if x, y, ok = sets(a, b); ok {
		return x, y, true
	}
	view := func(v Value) bool {
		d, ok := v.(*dictView)
		return ok && d.kind != 'v'
	}
	if !view(a) && !view(b) {
		return nil, nil, false
	}
	x, err := setOf(rt, a)
	if err != nil {
		return nil, nil, false
	}
	y, err = setOf(rt, b)
	return x, y, err == nil
}

func (s *Set) minus(t *Set) *Set {
	return s.filter(func(h hash) bool { return t.d.find(h) < 0 })
}

func (s *Set) and(t *Set) *Set {
	return s.filter(func(h hash) bool { return t.d.find(h) >= 0 })
}

func (s *Set) or(t *Set) *Set {
	out := s.filter(func(hash) bool { return true })
	for _, it := range t.d.items {
		out.d.put(it.Key, it.hash, nil)
	}
	return out
}

func (s *Set) filter(keep func(hash) bool) *Set {
	out := &Set{}
	for _, it := range s.d.items {
		if keep(it.hash) {
			out.d.put(it.Key, it.hash, nil)
		}
	}
	return out
}

// setOrder is -1 for a part of, 1 for more than, 0 for equal, 2 for neither.
func setOrder(x, y *Set) int {
	within, covers := x.minus(y).Len() == 0, y.minus(x).Len() == 0
	switch {
	case within && covers:
		return 0
	case within:
		return -1
	case covers:
		return 1
	}
	return 2
}

// setOf makes a set of the values of v.
func setOf(rt *render, v Value) (*Set, error) {
	if s, ok := v.(*Set); ok {
		return s, nil
	}
	items, err := toSlice(rt, v)
	if err != nil {
		return nil, err
	}
	return NewSet(items...)
}

// combine makes a method that works on the set and each of its arguments.
func combine(op func(s, t *Set) *Set) *method {
	return &method{sig("*"), func(c *Call, obj Value, a []Value) (Value, error) {
		s := obj.(*Set).filter(func(hash) bool { return true })
		for _, other := range a[0].(Tuple) {
			t, err := setOf(c.f.rt, other)
			if err != nil {
				return nil, err
			}
			s = op(s, t)
		}
		return s, c.f.rt.room(s.Len())
	}}
}

// change makes a method that changes the set like combine.
func change(op func(s, t *Set) *Set) *method {
	m := combine(op)
	return &method{m.sig, func(c *Call, obj Value, a []Value) (Value, error) {
		v, err := m.call(c, obj, a)
		if err == nil {
			obj.(*Set).d = v.(*Set).d
		}
		return nil, err
	}}
}

// relate makes a method that compares the set with its argument.
func relate(test func(s, t *Set) bool) *method {
	return &method{sig("other"), func(c *Call, obj Value, a []Value) (Value, error) {
		t, err := setOf(c.f.rt, a[0])
		if err != nil {
			return nil, err
		}
		return test(obj.(*Set), t), nil
	}}
}

func symmetric(s, t *Set) *Set { return s.minus(t).or(t.minus(s)) }

var setMethods = map[string]*method{
	"add": {sig("elem"), func(c *Call, obj Value, a []Value) (Value, error) {
		s := obj.(*Set)
		if err := s.d.Set(a[0], nil); err != nil {
			return nil, err
		}
		return nil, c.f.rt.grown(s.Len(), 4)
	}},
	"discard": {sig("elem"), func(_ *Call, obj Value, a []Value) (Value, error) {
		if _, err := hashOf(a[0]); err != nil {
			return nil, err
		}
		obj.(*Set).d.Delete(a[0])
		return nil, nil
	}},
	"remove": {sig("elem"), func(_ *Call, obj Value, a []Value) (Value, error) {
		if _, err := hashOf(a[0]); err != nil {
			return nil, err
		}
		if !obj.(*Set).d.Delete(a[0]) {
			return nil, raise(lookupError, "%s", Repr(a[0]))
		}
		return nil, nil
	}},
	"pop": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		s := obj.(*Set)
		if s.Len() == 0 {
			return nil, raise(lookupError, "pop from an empty set")
		}
		v := s.ordered()[0]
		s.d.Delete(v)
		return v, nil
	}},
	"clear":                       {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { obj.(*Set).d = Dict{}; return nil, nil }},
	"copy":                        combine((*Set).or),
	"union":                       combine((*Set).or),
	"intersection":                combine((*Set).and),
	"difference":                  combine((*Set).minus),
	"symmetric_difference":        combine(symmetric),
	"update":                      change((*Set).or),
	"intersection_update":         change((*Set).and),
	"difference_update":           change((*Set).minus),
	"symmetric_difference_update": change(symmetric),
	"issubset":                    relate(func(s, t *Set) bool { return s.minus(t).Len() == 0 }),
	"issuperset":                  relate(func(s, t *Set) bool { return t.minus(s).Len() == 0 }),
	"isdisjoint":                  relate(func(s, t *Set) bool { return s.and(t).Len() == 0 }),
}

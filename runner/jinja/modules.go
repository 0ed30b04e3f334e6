package jinja

import "time"

// Modules returns the value of dbt's name modules, with re, datetime, pytz and
// itertools in it, by the clock of the machine.
func Modules() Value { return ModulesAt(time.Now) }

// ModulesAt is Modules with a clock.
func ModulesAt(now func() time.Time) Value {
	return &object{kind: "dict", attrs: map[string]Value{
		"re":        regexModule(),
		"datetime":  datetimeModule(now),
		"pytz":      pytzModule(),
		"itertools": itertoolsModule(),
	}}
}

// object is a module or a class: a thing with attributes that may be called.
type object struct {
	kind, text string
	attrs      map[string]Value
	call       func(c *Call) (Value, error)
}

func (o *object) Attr(name string) (Value, bool) { v, ok := o.attrs[name]; return v, ok }
func (o *object) TypeName() string               { return o.kind }
func (o *object) String() string                 { return o.text }

func (o *object) Invoke(c *Call) (Value, error) {
	if o.call == nil {
		return nil, raise(typeError, "'%s' object is not callable", o.kind)
	}
	return o.call(c)
}

// bound makes a Func with bound arguments.
func bound(name string, params []string, f func(c *Call, a []Value) (Value, error)) Func {
	return Func{name, func(c *Call) (Value, error) {
		a, err := c.Bind(params...)
		if err != nil {
			return nil, err
		}
		return f(c, a)
	}}
}

// itertoolsModule has what dbt lets through. Endless iterators are bounded by
// the steps of the render.
func itertoolsModule() Value {
	attrs := map[string]Value{}
	def := func(name string, params []string, f func(c *Call, a []Value) (Value, error)) {
		attrs[name] = bound(name, params, f)
	}
	def("chain", []string{"*"}, func(c *Call, a []Value) (Value, error) { return chain(c, a[0].(Tuple)), nil })
	def("count", []string{"start=0", "step=1"}, func(c *Call, a []Value) (Value, error) {
		n := a[0]
		return NewIterator("itertools.count", func() (Value, bool, error) {
			v := n
			var err error
			n, err = c.f.rt.binary(tAdd, n, a[1])
			return v, true, err
		}), nil
	})
	def("repeat", []string{"object", "times="}, func(c *Call, a []Value) (Value, error) {
		n, err := indexArg(a[1], 0)
		if a[1] != nil && err != nil {
			return nil, err
		}
		return NewIterator("itertools.repeat", func() (Value, bool, error) {
			if n--; a[1] != nil && n < 0 {
				return nil, false, nil
			}
			return a[0], true, nil
		}), nil
	})
	def("cycle", []string{"iterable"}, func(c *Call, a []Value) (Value, error) {
		items, err := newSlice(c.f.rt, a[0])
		i := -1
		return NewIterator("itertools.cycle", func() (Value, bool, error) {
			if len(items) == 0 {
				return nil, false, nil
			}
			i++
			return items[i%len(items)], true, nil
		}), err
	})
	def("accumulate", []string{"iterable", "func=", "initial="}, accumulate)
	def("compress", []string{"data", "selectors"}, compress)
	def("islice", []string{"iterable", "a", "b=-1", "step=1"}, islice)
	def("starmap", []string{"function", "iterable"}, func(c *Call, a []Value) (Value, error) {
		return c.lazily("starmap", a[1], func(v Value) (Value, bool, error) {
			args, err := toSlice(c.f.rt, v)
			if err != nil {
				return nil, false, err
			}
			x, err := c.CallValue(a[0], args, nil)
			return x, true, err
		})
	})
	def("tee", []string{"iterable", "n=2"}, func(c *Call, a []Value) (Value, error) {
		items, err := newSlice(c.f.rt, a[0])
		if err != nil {
			return nil, err
		}
		n, err := indexArg(a[1], 2)
		if err != nil || n < 0 || n > 1000 {
			return nil, raise(valueError, "n must be between 0 and 1000")
		}
		t := make(Tuple, n)
		for i := range t {
			t[i] = sliceIterator(items)
		}
		return t, nil
	})
	def("zip_longest", []string{"*", "**"}, zipLongest)
	def("product", []string{"*", "**"}, product)
	def("permutations", []string{"iterable", "r="}, func(c *Call, a []Value) (Value, error) { return choose(c, a, "permutations") })
	def("combinations", []string{"iterable", "r"}, func(c *Call, a []Value) (Value, error) { return choose(c, a, "combinations") })
	def("combinations_with_replacement", []string{"iterable", "r"}, func(c *Call, a []Value) (Value, error) {
		return choose(c, a, "combinations_with_replacement")
	})
	return &object{kind: "dict", attrs: attrs}
}

func chain(c *Call, parts []Value) *Iterator {
	var it *Iterator
	i := 0
	return NewIterator("itertools.chain", func() (Value, bool, error) {
		for {
			if it == nil {
				if i >= len(parts) {
					return nil, false, nil
				}
				var err error
				if it, err = iterate(c.f.rt, parts[i]); err != nil {
					return nil, false, err
				}
				i++
			}
			if v, ok, err := it.Next(); ok || err != nil {
				return v, ok, err
			}
			it = nil
		}
	})
}

func accumulate(c *Call, a []Value) (Value, error) {
	items, err := newSlice(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	if a[2] != nil {
		items = append([]Value{a[2]}, items...)
	}
	for i := 1; i < len(items); i++ {
		if a[1] == nil {
			items[i], err = c.f.rt.binary(tAdd, items[i-1], items[i])
		} else {
			items[i], err = c.CallValue(a[1], []Value{items[i-1], items[i]}, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	return sliceKind("itertools.accumulate", items), nil
}

func compress(c *Call, a []Value) (Value, error) {
	data, err := toSlice(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	selectors, err := toSlice(c.f.rt, a[1])
	var out []Value
	for i := 0; i < len(data) && i < len(selectors); i++ {
		if Truth(selectors[i]) {
			out = append(out, data[i])
		}
	}
	return sliceKind("itertools.compress", out), err
}

func islice(c *Call, a []Value) (Value, error) {
	start, stop := Value(int64(0)), a[1]
	if len(c.Args) > 2 || c.Kwargs.Len() > 0 {
		start, stop = a[1], a[2]
	}
	from, err := indexArg(start, 0)
	if start == nil {
		from, err = 0, nil
	}
	if err != nil {
		return nil, err
	}
	to := -1
	if stop != nil {
		if to, err = indexArg(stop, 0); err != nil {
			return nil, err
		}
	}
	step, err := indexArg(a[3], 1)
	if a[3] == nil {
		step, err = 1, nil
	}
	if err != nil || step < 1 || from < 0 {
		return nil, raise(valueError, "indices and step of islice() must be positive")
	}
	it, err := iterate(c.f.rt, a[0])
	i := 0
	return NewIterator("itertools.islice", func() (Value, bool, error) {
		for ; to < 0 || i < to; i++ {
			v, ok, err := it.Next()
			if err != nil || !ok {
				return nil, false, err
			}
			if i >= from && (i-from)%step == 0 {
				i++
				return v, true, nil
			}
		}
		return nil, false, nil
	}), err
}

// all reads each of several values to its end.
func all(c *Call, values []Value) ([][]Value, error) {
	out := make([][]Value, len(values))
	for i, v := range values {
		var err error
		if out[i], err = newSlice(c.f.rt, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func zipLongest(c *Call, a []Value) (Value, error) {
	lists, err := all(c, a[0].(Tuple))
	if err != nil {
		return nil, err
	}
	fill, _ := a[1].(*Dict).Get("fillvalue")
	i := -1
	return NewIterator("itertools.zip_longest", func() (Value, bool, error) {
		i++
		t, more := make(Tuple, len(lists)), false
		for j, l := range lists {
			t[j] = fill
			if i < len(l) {
				t[j], more = l[i], true
			}
		}
		return t, more, nil
	}), nil
}

func product(c *Call, a []Value) (Value, error) {
	lists, err := all(c, a[0].(Tuple))
	if err != nil {
		return nil, err
	}
	if v, ok := a[1].(*Dict).Get("repeat"); ok {
		n, err := indexArg(v, 1)
		if err != nil || n < 0 || n > 1000 {
			return nil, raise(valueError, "repeat must be between 0 and 1000")
		}
		once := lists
		lists = nil
		for range n {
			lists = append(lists, once...)
		}
	}
	at := make([]int, len(lists))
	done := false
	for _, l := range lists {
		done = done || len(l) == 0
	}
	return NewIterator("itertools.product", func() (Value, bool, error) {
		if done {
			return nil, false, nil
		}
		t := make(Tuple, len(lists))
		for i, l := range lists {
			t[i] = l[at[i]]
		}
		done = true
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < len(lists[i]) {
				done = false
				break
			}
			at[i] = 0
		}
		return t, true, c.f.rt.spend(16 * len(t))
	}), nil
}

// choose yields the ways to take r of the values, in the order of Python.
func choose(c *Call, a []Value, kind string) (Value, error) {
	items, err := newSlice(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	r := len(items)
	if a[1] != nil {
		if r, err = indexArg(a[1], r); err != nil {
			return nil, err
		}
	}
	if r < 0 {
		return nil, raise(valueError, "r must be non-negative")
	}
	if r > 10_000 {
		return nil, raise(limitError, "r is too large")
	}
	ok := func(at []int) bool { return true }
	switch kind {
	case "combinations":
		ok = func(at []int) bool { return len(at) < 2 || at[len(at)-2] < at[len(at)-1] }
	case "combinations_with_replacement":
		ok = func(at []int) bool { return len(at) < 2 || at[len(at)-2] <= at[len(at)-1] }
	case "permutations":
		ok = func(at []int) bool {
			for _, x := range at[:len(at)-1] {
				if x == at[len(at)-1] {
					return false
				}
			}
			return true
		}
	}
	at := make([]int, 0, r)
	next := 0 // the index to try in the place behind at
	ended := false
	return NewIterator("itertools."+kind, func() (Value, bool, error) {
		for !ended {
			if err := c.f.step(c.at); err != nil {
				return nil, false, err
			}
			if len(at) == r {
				t := make(Tuple, r)
				for i, j := range at {
					t[i] = items[j]
				}
				if r == 0 {
					ended = true
				} else {
					next = at[r-1] + 1
					at = at[:r-1]
				}
				return t, true, c.f.rt.spend(16 * r)
			}
			if next >= len(items) {
				if len(at) == 0 {
					ended = true
					break
				}
				next = at[len(at)-1] + 1
				at = at[:len(at)-1]
				continue
			}
			at = append(at, next)
			if ok(at) {
				next = 0
			} else {
				at = at[:len(at)-1]
				next++
			}
		}
		return nil, false, nil
	}), nil
}

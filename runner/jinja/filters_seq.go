package jinja

import (
	"strconv"
	"strings"
)

// attrGetter makes the function that filters use for attribute='a.b.0'.
func (c *Call) attrGetter(attribute Value, fold bool, preset Value) func(Value) (Value, error) {
	var parts []Value
	switch a := attribute.(type) {
	case string:
		for _, p := range strings.Split(a, ".") {
			parts = append(parts, attrPart(p))
		}
	case *marker, nil:
	default:
		parts = []Value{a}
	}
	return func(v Value) (Value, error) {
		var err error
		for _, p := range parts {
			if v, err = c.f.rt.getItem(v, p); err != nil {
				return nil, err
			}
			if _, undefined := v.(*Undefined); undefined && preset != nil {
				v = preset
			}
		}
		if fold {
			v = ignoreCase(v)
		}
		return v, nil
	}
}

func attrPart(p string) Value {
	if allRunes(isDecimal)(p) {
		if n, err := strconv.ParseInt(p, 10, 64); err == nil {
			return n
		}
	}
	return p
}

func ignoreCase(v Value) Value {
	switch s := v.(type) {
	case string:
		return lower(s)
	case Markup:
		return Markup(lower(string(s)))
	}
	return v
}

// folds reports whether an argument case_sensitive is not true.
func folds(v Value) bool { return !given(v) || !Truth(v) }

// keys applies get to each of items.
func keys(items []Value, get func(Value) (Value, error)) ([]Value, error) {
	out := make([]Value, len(items))
	for i, v := range items {
		k, err := get(v)
		if err != nil {
			return nil, err
		}
		out[i] = k
	}
	return out, nil
}

// filterSort compares lists of keys, also of one: what is equal is never asked
// which is less, so that two None, or two values that are not there, can stand
// beside each other.
func filterSort(c *Call, a []Value) (Value, error) {
	items, err := newSlice(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	attributes := []Value{a[3]}
	if s, ok := a[3].(string); ok {
		attributes = nil
		for _, part := range strings.Split(s, ",") {
			attributes = append(attributes, part)
		}
	}
	gets := make([]func(Value) (Value, error), len(attributes))
	for i, attribute := range attributes {
		gets[i] = c.attrGetter(attribute, folds(a[2]), nil)
	}
	order, err := keys(items, func(v Value) (Value, error) {
		k := make(Tuple, len(gets))
		for i, get := range gets {
			x, err := get(v)
			if err != nil {
				return nil, err
			}
			k[i] = x
		}
		return k, nil
	})
	if err != nil {
		return nil, err
	}
	sorted, err := sortBy(items, order, given(a[1]) && Truth(a[1]))
	return &List{sorted}, err
}

func filterDictsort(c *Call, a []Value) (Value, error) {
	d, ok := asDict(a[0])
	if !ok {
		if err := usable(a[0]); err != nil {
			return nil, err
		}
		return nil, raise(attributeError, "'%s' object has no attribute 'items'", typeName(a[0]))
	}
	by := "key"
	if given(a[2]) {
		by, _ = textOf(a[2])
	}
	if by != "key" && by != "value" {
		return nil, raise(typeError, `you can only sort by either "key" or "value"`)
	}
	items, order := make([]Value, d.Len()), make([]Value, d.Len())
	for i, it := range d.Items() {
		items[i], order[i] = Tuple{it.Key, it.Value}, it.Key
		if by == "value" {
			order[i] = it.Value
		}
		if folds(a[1]) {
			order[i] = ignoreCase(order[i])
		}
	}
	sorted, err := sortBy(items, order, given(a[3]) && Truth(a[3]))
	return &List{sorted}, err
}

func filterUnique(c *Call, a []Value) (Value, error) {
	get := c.attrGetter(a[2], folds(a[1]), nil)
	seen := &Set{}
	return c.lazily("sync_do_unique", a[0], func(v Value) (Value, bool, error) {
		k, err := get(v)
		if err != nil {
			return nil, false, err
		}
		h, err := hashOf(k)
		if err != nil || seen.d.find(h) >= 0 {
			return nil, false, err
		}
		seen.d.put(k, h, nil)
		return v, true, nil
	})
}

// lazily yields what f makes of the values of v, where it says so. Nothing is
// evaluated before it is asked for, as with Python's generators.
func (c *Call) lazily(name string, v Value, f func(Value) (Value, bool, error)) (Value, error) {
	var from *Iterator
	it := NewIterator("", func() (Value, bool, error) {
		if from == nil {
			var err error
			if from, err = iterate(c.f.rt, v); err != nil {
				return nil, false, err
			}
		}
		for {
			if err := c.f.step(c.at); err != nil {
				return nil, false, err
			}
			x, ok, err := from.Next()
			if err != nil || !ok {
				return nil, false, err
			}
			if x, ok, err = f(x); err != nil || ok {
				return x, ok, err
			}
		}
	})
	it.name = name
	return it, nil
}

// extreme is min or max.
func (c *Call) extreme(a []Value, op kind) (Value, error) {
	items, err := toSlice(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return &Undefined{hint: "No aggregated item, sequence was empty."}, nil
	}
	order, err := keys(items, c.attrGetter(a[2], folds(a[1]), nil))
	if err != nil {
		return nil, err
	}
	best := 0
	for i := range items {
		if i == 0 {
			continue
		}
		better, err := ordered(op, order[i], order[best])
		if err != nil {
			return nil, err
		}
		if better {
			best = i
		}
	}
	return items[best], nil
}

func filterSum(c *Call, a []Value) (Value, error) {
	items, err := toSlice(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	get := c.attrGetter(optional(a[1]), false, nil)
	sum := a[2]
	if !given(sum) {
		sum = int64(0)
	}
	if isText(sum) {
		return nil, raise(typeError, "sum() can't sum strings [use ''.join(seq) instead]")
	}
	for _, v := range items {
		x, err := get(v)
		if err != nil {
			return nil, err
		}
		if isSecret(x) {
			return nil, errSecret
		}
		if sum, err = c.f.rt.binary(tAdd, sum, x); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func filterJoin(c *Call, a []Value) (Value, error) {
	if isSecret(a[0]) {
		return nil, errSecret
	}
	items, err := toSlice(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	sep, secret := "", false
	write := func(b *strings.Builder, v Value) error {
		if isSecret(v) {
			secret = true
		}
		s, err := c.f.rt.str(v)
		b.WriteString(s)
		return err
	}
	if given(a[1]) {
		var b strings.Builder
		if err := write(&b, a[1]); err != nil {
			return nil, err
		}
		sep = b.String()
	}
	get := c.attrGetter(optional(a[2]), false, nil)
	var b strings.Builder
	for i, v := range items {
		if i > 0 {
			b.WriteString(sep)
		}
		if v, err = get(v); err != nil {
			return nil, err
		}
		if u, ok := v.(*Undefined); ok {
			if err := c.f.undefinedText(u, c.at); err != nil {
				return nil, err
			}
			continue
		}
		if err := write(&b, v); err != nil {
			return nil, err
		}
		if b.Len() > c.f.rt.limits.Output {
			return nil, c.f.rt.spend(b.Len())
		}
	}
	if secret {
		return SecretText(b.String()), nil
	}
	return b.String(), nil
}

func filterBatch(c *Call, a []Value) (Value, error) {
	size, err := indexArg(a[1], 0)
	if err != nil {
		return nil, err
	}
	if size > c.f.rt.limits.Items {
		return nil, c.f.rt.room(size)
	}
	var from *Iterator
	it := NewIterator("", func() (Value, bool, error) {
		if from == nil {
			if from, err = iterate(c.f.rt, a[0]); err != nil {
				return nil, false, err
			}
		}
		var batch []Value
		for {
			// Python asks for one value more before it yields: the batch is
			// full when another value comes.
			if size > 0 && len(batch) == size {
				return &List{batch}, true, nil
			}
			v, ok, err := from.Next()
			if err != nil {
				return nil, false, err
			}
			if !ok {
				if len(batch) == 0 {
					return nil, false, nil
				}
				for given(a[2]) && a[2] != nil && len(batch) < size {
					batch = append(batch, a[2])
				}
				return &List{batch}, true, nil
			}
			batch = append(batch, v)
		}
	})
	it.name = "do_batch"
	return it, nil
}

func filterSlice(c *Call, a []Value) (Value, error) {
	n, err := indexArg(a[1], 0)
	if err != nil {
		return nil, err
	}
	if n > c.f.rt.limits.Items {
		return nil, c.f.rt.room(n)
	}
	var items []Value
	number, offset, started := 0, 0, false
	it := NewIterator("", func() (Value, bool, error) {
		if !started {
			if items, err = newSlice(c.f.rt, a[0]); err != nil {
				return nil, false, err
			}
			if started = true; n == 0 {
				return nil, false, raise(zeroDivision, "integer division or modulo by zero")
			}
		}
		if number >= n {
			return nil, false, nil
		}
		each, more := len(items)/n, len(items)%n
		start := offset + number*each
		if number < more {
			offset++
		}
		end := offset + (number+1)*each
		part := append([]Value(nil), items[start:end]...)
		if given(a[2]) && a[2] != nil && number >= more {
			part = append(part, a[2])
		}
		number++
		return &List{part}, true, nil
	})
	it.name = "sync_do_slice"
	return it, nil
}

func filterItems(_ *Call, a []Value) (Value, error) {
	it := &Iterator{name: "do_items"}
	if _, ok := a[0].(*Undefined); ok {
		return it, nil
	}
	var from *Iterator
	it.next = func() (Value, bool, error) {
		if from == nil {
			d, ok := asDict(a[0])
			if !ok {
				return nil, false, raise(typeError, "can only get item pairs from a mapping")
			}
			from = (&dictView{d, 'i'}).iterate("dictionary")
		}
		return from.Next()
	}
	return it, nil
}

func filterGroupBy(c *Call, a []Value) (Value, error) {
	items, err := newSlice(c.f.rt, a[0])
	if err != nil {
		return nil, err
	}
	fold := folds(a[3])
	preset := optional(a[2])
	order, err := keys(items, c.attrGetter(a[1], fold, preset))
	if err != nil {
		return nil, err
	}
	pairs := make([]Value, len(items))
	for i := range items {
		pairs[i] = Tuple{order[i], items[i]}
	}
	if pairs, err = sortBy(pairs, order, false); err != nil {
		return nil, err
	}
	plain := c.attrGetter(a[1], false, preset)
	var out []Value
	var group *groupTuple
	for i, p := range pairs {
		key, v := p.(Tuple)[0], p.(Tuple)[1]
		if i == 0 || !equal(key, pairs[i-1].(Tuple)[0]) {
			group = &groupTuple{key, &List{}}
			if fold {
				if group.grouper, err = plain(v); err != nil {
					return nil, err
				}
			}
			out = append(out, group)
		}
		l := group.list.(*List)
		l.Items = append(l.Items, v)
	}
	return &List{out}, nil
}

func filterMap(c *Call, a []Value) (Value, error) {
	args, kwargs := a[1].(Tuple), a[2].(*Dict)
	var apply func(Value) (Value, error)
	prepare := func() error {
		if attribute, ok := kwargs.Get("attribute"); ok && len(args) == 0 {
			preset, _ := kwargs.Get("default")
			for _, it := range kwargs.items {
				if k, _ := textOf(it.Key); k != "attribute" && k != "default" {
					return raise(typeError, "unexpected keyword argument %s", Repr(it.Key))
				}
			}
			apply = c.attrGetter(attribute, false, preset)
			return nil
		}
		if len(args) == 0 {
			return raise(typeError, "map requires a filter argument")
		}
		ft, name, err := named(c.f.rt.lang.filters, "filter", args[0])
		if err != nil {
			return err
		}
		apply = func(v Value) (Value, error) {
			return ft.call(&Call{f: c.f, at: c.at, name: name}, arguments{append([]Value{v}, args[1:]...), kwargsOf(kwargs)})
		}
		return nil
	}
	return c.whenTrue("sync_do_map", a[0], prepare, func(v Value) (Value, bool, error) {
		x, err := apply(v)
		return x, true, err
	})
}

// whenTrue is lazily for filters that first ask whether the value is true, and
// prepare only then.
func (c *Call) whenTrue(name string, v Value, prepare func() error, f func(Value) (Value, bool, error)) (Value, error) {
	inner, err := c.lazily(name, v, f)
	if err != nil {
		return nil, err
	}
	it := inner.(*Iterator)
	next := it.next
	started := false
	it.next = func() (Value, bool, error) {
		if !started {
			started = true
			if !Truth(v) {
				return nil, false, nil
			}
			if err := prepare(); err != nil {
				return nil, false, err
			}
		}
		return next()
	}
	return it, nil
}

// named finds the filter or test that an argument names.
func named(known map[string]*filter, what string, v Value) (*filter, string, error) {
	name, ok := textOf(v)
	if ft := known[name]; ok && ft != nil {
		return ft, name, nil
	}
	if u, ok := v.(*Undefined); ok {
		return nil, "", raise(runtimeError, "no %s named %s (%s; did you forget to quote the callable name?)", what, Repr(v), u.message())
	}
	return nil, "", raise(runtimeError, "no %s named %s%s", what, Repr(v), suggest(name, known))
}

// choose is select, reject, selectattr and rejectattr.
func (c *Call) choose(a []Value, keep, byAttr bool) (Value, error) {
	args, kwargs := a[1].(Tuple), a[2].(*Dict)
	get := func(v Value) (Value, error) { return v, nil }
	passes := func(v Value) (Value, error) { return Truth(v), nil }
	prepare := func() error {
		if byAttr {
			if len(args) == 0 {
				return raise(typeError, "missing parameter for attribute name")
			}
			get = c.attrGetter(args[0], false, nil)
			args = args[1:]
		}
		if len(args) == 0 {
			return nil
		}
		ft, name, err := named(c.f.rt.lang.tests, "test", args[0])
		if err != nil {
			return err
		}
		passes = func(v Value) (Value, error) {
			return ft.call(&Call{f: c.f, at: c.at, name: name}, arguments{append([]Value{v}, args[1:]...), kwargsOf(kwargs)})
		}
		return nil
	}
	name := "select_or_reject"
	return c.whenTrue(name, a[0], prepare, func(v Value) (Value, bool, error) {
		x, err := get(v)
		if err != nil {
			return nil, false, err
		}
		ok, err := passes(x)
		if err != nil {
			return nil, false, err
		}
		return v, Truth(ok) == keep, nil
	})
}

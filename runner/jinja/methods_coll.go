package jinja

import (
	"sort"
)

var listMethods = map[string]*method{
	"append": {sig("object"), func(c *Call, obj Value, a []Value) (Value, error) {
		l := obj.(*List)
		l.Items = append(l.Items, a[0])
		return nil, c.f.rt.grown(len(l.Items), 1)
	}},
	"extend": {sig("iterable"), func(c *Call, obj Value, a []Value) (Value, error) {
		l := obj.(*List)
		items, err := newSlice(c.f.rt, a[0])
		if err != nil {
			return nil, err
		}
		l.Items = append(l.Items, items...)
		return nil, c.f.rt.grown(len(l.Items), len(items))
	}},
	"insert": {sig("index object"), func(c *Call, obj Value, a []Value) (Value, error) {
		l := obj.(*List)
		i, err := indexArg(a[0], 0)
		if err != nil {
			return nil, err
		}
		if i < 0 {
			i = max(i+len(l.Items), 0)
		}
		i = min(i, len(l.Items))
		l.Items = append(l.Items, nil)
		copy(l.Items[i+1:], l.Items[i:])
		l.Items[i] = a[1]
		return nil, c.f.rt.grown(len(l.Items), 1)
	}},
	"pop":     {sig("index?"), listPop},
	"remove":  {sig("value"), listRemove},
	"clear":   {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { obj.(*List).Items = nil; return nil, nil }},
	"reverse": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { reverse(obj.(*List).Items); return nil, nil }},
	"copy": {sig(""), func(c *Call, obj Value, _ []Value) (Value, error) {
		items, err := newSlice(c.f.rt, obj)
		return &List{items}, err
	}},
	"sort": {sig("key? reverse?"), func(c *Call, obj Value, a []Value) (Value, error) {
		l := obj.(*List)
		items := append([]Value(nil), l.Items...)
		keys := items
		if given(a[0]) && a[0] != nil {
			var err error
			if keys, err = c.keysOf(items, a[0]); err != nil {
				return nil, err
			}
		}
		sorted, err := sortBy(items, keys, given(a[1]) && Truth(a[1]))
		if err == nil {
			l.Items = sorted
		}
		return nil, err
	}},
	"index": {sig("value start? stop?"), seqIndex},
	"count": {sig("value"), seqCount},
}

var tupleMethods = map[string]*method{
	"index": {sig("value start? stop?"), seqIndex},
	"count": {sig("value"), seqCount},
}

// grown allows a list to have grown to size by n.
func (rt *render) grown(size, n int) error {
	if size > rt.limits.Items {
		return rt.room(size)
	}
	return rt.spend(16 * n)
}

func given(v Value) bool {
	m, ok := v.(*marker)
	return !ok || Value(m) != absent
}

// indexArg is an argument that is an integer; it must fit an int.
func indexArg(v Value, preset int) (int, error) {
	if !given(v) {
		return preset, nil
	}
	n, huge, ok := asInt(v)
	if !ok {
		if err := usable(v); err != nil {
			return 0, err
		}
		return 0, raise(typeError, "'%s' object cannot be interpreted as an integer", typeName(v))
	}
	if huge != nil {
		return 0, raise(overflowError, "Python int too large to convert to C ssize_t")
	}
	return int(n), nil
}

func (c *Call) keysOf(items []Value, key Value) ([]Value, error) {
	keys := make([]Value, len(items))
	for i, v := range items {
		k, err := c.CallValue(key, []Value{v}, nil)
		if err != nil {
			return nil, err
		}
		keys[i] = k
	}
	return keys, nil
}

// sortBy returns items in the order of their keys, as Python's sorted does.
func sortBy(items, keys []Value, reverse bool) ([]Value, error) {
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	s := sorter{reverse: reverse}
	sort.SliceStable(order, func(i, j int) bool { return s.less(keys[order[i]], keys[order[j]]) })
	if s.err != nil {
		return nil, s.err
	}
	out := make([]Value, len(items))
	for i, j := range order {
		out[i] = items[j]
	}
	return out, nil
}

func reverse(items []Value) {
	for i, j := 0, len(items)-1; i < j; i, j = i+1, j-1 {
		items[i], items[j] = items[j], items[i]
	}
}

func listPop(_ *Call, obj Value, a []Value) (Value, error) {
	l := obj.(*List)
	i, err := indexArg(a[0], -1)
	if err != nil {
		return nil, err
	}
	if len(l.Items) == 0 {
		return nil, raise(lookupError, "pop from empty list")
	}
	if i < 0 {
		i += len(l.Items)
	}
	if i < 0 || i >= len(l.Items) {
		return nil, raise(lookupError, "pop index out of range")
	}
	v := l.Items[i]
	l.Items = append(l.Items[:i], l.Items[i+1:]...)
	return v, nil
}

func listRemove(_ *Call, obj Value, a []Value) (Value, error) {
	l := obj.(*List)
	for i, v := range l.Items {
		if equal(v, a[0]) {
			l.Items = append(l.Items[:i], l.Items[i+1:]...)
			return nil, nil
		}
	}
	return nil, raise(valueError, "list.remove(x): x not in list")
}

func seqIndex(c *Call, obj Value, a []Value) (Value, error) {
	items, err := toSlice(c.f.rt, obj)
	if err != nil {
		return nil, err
	}
	start, err := indexArg(a[1], 0)
	if err != nil {
		return nil, err
	}
	stop, err := indexArg(a[2], len(items))
	if err != nil {
		return nil, err
	}
	if start < 0 {
		start = max(start+len(items), 0)
	}
	if stop < 0 {
		stop += len(items)
	}
	for i := start; i < stop && i < len(items); i++ {
		if equal(items[i], a[0]) {
			return int64(i), nil
		}
	}
	return nil, raise(valueError, "%s is not in %s", Repr(a[0]), typeName(obj))
}

func seqCount(c *Call, obj Value, a []Value) (Value, error) {
	items, err := toSlice(c.f.rt, obj)
	n := int64(0)
	for _, v := range items {
		if equal(v, a[0]) {
			n++
		}
	}
	return n, err
}

var dictMethods = map[string]*method{
	"items":  {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { return &dictView{obj.(*Dict), 'i'}, nil }},
	"keys":   {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { return &dictView{obj.(*Dict), 'k'}, nil }},
	"values": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { return &dictView{obj.(*Dict), 'v'}, nil }},
	"get": {sig("key default?"), func(c *Call, obj Value, a []Value) (Value, error) {
		d := obj.(*Dict)
		h, err := hashOf(a[0])
		if err != nil {
			return nil, err
		}
		if i := d.find(h); i >= 0 {
			return c.f.rt.adopt(d.items[i].Value), nil
		}
		return optional(a[1]), nil
	}},
	"pop": {sig("key default?"), func(c *Call, obj Value, a []Value) (Value, error) {
		d := obj.(*Dict)
		h, err := hashOf(a[0])
		if err != nil {
			return nil, err
		}
		if i := d.find(h); i >= 0 {
			v := d.items[i].Value
			d.removeAt(i)
			return v, nil
		}
		if given(a[1]) {
			return a[1], nil
		}
		return nil, raise(lookupError, "%s", Repr(a[0]))
	}},
	"popitem": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		d := obj.(*Dict)
		if d.Len() == 0 {
			return nil, raise(lookupError, "popitem(): dictionary is empty")
		}
		it := d.items[d.Len()-1]
		d.removeAt(d.Len() - 1)
		return Tuple{it.Key, it.Value}, nil
	}},
	"setdefault": {sig("key default?"), func(_ *Call, obj Value, a []Value) (Value, error) {
		d := obj.(*Dict)
		if v, ok := d.Get(a[0]); ok {
			return v, nil
		}
		v := optional(a[1])
		return v, d.Set(a[0], v)
	}},
	"update": {sig("other? * **"), func(c *Call, obj Value, a []Value) (Value, error) {
		d := obj.(*Dict)
		if given(a[0]) {
			if err := updateDict(c.f.rt, d, a[0]); err != nil {
				return nil, err
			}
		}
		for _, it := range a[2].(*Dict).items {
			d.put(it.Key, it.hash, it.Value)
		}
		return nil, c.f.rt.grown(d.Len(), 4)
	}},
	"clear": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) { *obj.(*Dict) = Dict{}; return nil, nil }},
	"copy": {sig(""), func(c *Call, obj Value, _ []Value) (Value, error) {
		d := obj.(*Dict)
		return d.copy(), c.f.rt.room(d.Len())
	}},
	"fromkeys": {sig("iterable value?"), func(c *Call, _ Value, a []Value) (Value, error) {
		keys, err := toSlice(c.f.rt, a[0])
		if err != nil {
			return nil, err
		}
		d := NewDict()
		for _, k := range keys {
			if err := d.Set(k, optional(a[1])); err != nil {
				return nil, err
			}
		}
		return d, nil
	}},
}

// optional is the value of an optional argument whose default is None.
func optional(v Value) Value {
	if given(v) {
		return v
	}
	return nil
}

package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// Dict is Python's dict: it keeps the order in which keys were first set, and
// finds keys as Python does (1, 1.0 and True are one key). The zero value is
// an empty dict.
type Dict struct {
	items []Item
	index map[hash]int // of items, once there are many
}

// Item is one entry of a Dict.
type Item struct {
	Key, Value Value
	hash       hash
}

// hash identifies a key: equal keys have equal hashes.
type hash struct {
	kind byte
	n    int64
	s    string
}

const fewItems = 8

// NewDict returns an empty dict.
func NewDict() *Dict { return &Dict{} }

// hashOf returns the identity of a key, or a TypeError.
func hashOf(v Value) (hash, error) {
	switch v := v.(type) {
	case string:
		return hash{kind: 's', s: v}, nil
	case Markup:
		return hash{kind: 's', s: string(v)}, nil
	case int64:
		return hash{kind: 'i', n: v}, nil
	case bool:
		if v {
			return hash{kind: 'i', n: 1}, nil
		}
		return hash{kind: 'i'}, nil
	case nil:
		return hash{kind: 'n'}, nil
	case float64:
		return hashFloat(v), nil
	case *big.Int:
		return hash{kind: 'b', s: v.String()}, nil
	case Tuple:
		return hashTuple(v)
	case *groupTuple:
		return hashTuple(v.tuple())
	case *Undefined:
		return hash{kind: 'u'}, nil
	case *List, *Dict, *Set:
		return hash{}, raise(typeError, "unhashable type: '%s'", typeName(v))
	case Secret, SecretText:
		return hash{}, errSecret
	case Func:
		return hash{kind: 'f', s: v.Name}, nil
	case *Decimal:
		return v.hash(), nil
	case Object:
		return hash{kind: 'o', s: v.TypeName() + "\x00" + v.String()}, nil
	}
	return hash{kind: 'p', s: fmt.Sprintf("%p", v)}, nil
}

func hashFloat(f float64) hash {
	if f == math.Trunc(f) && !math.IsInf(f, 0) {
		if f >= -(1<<63) && f < 1<<63 {
			return hash{kind: 'i', n: int64(f)}
		}
		n, _ := big.NewFloat(f).Int(nil)
		return hash{kind: 'b', s: n.String()}
	}
	return hash{kind: 'd', n: int64(math.Float64bits(f))}
}

func hashTuple(t Tuple) (hash, error) {
	var b strings.Builder
	err := writeHash(&b, t, 0)
	return hash{kind: 't', s: b.String()}, err
}

func writeHash(b *strings.Builder, t Tuple, depth int) error {
	if depth > maxNesting || b.Len() > 1<<20 {
		return raise(limitError, "the tuple is too large for a key")
	}
	for _, v := range t {
		if inner, ok := asTuple(v); ok {
			b.WriteByte('(')
			if err := writeHash(b, inner, depth+1); err != nil {
				return err
			}
			b.WriteByte(')')
			continue
		}
		h, err := hashOf(v)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "%c%d:%d:%s", h.kind, h.n, len(h.s), h.s)
	}
	return nil
}

func (d *Dict) find(h hash) int {
	if d.index != nil {
		if i, ok := d.index[h]; ok {
			return i
		}
		return -1
	}
	for i := range d.items {
		if d.items[i].hash == h {
			return i
		}
	}
	return -1
}

// Get returns the value of a key.
func (d *Dict) Get(key Value) (Value, bool) {
	h, err := hashOf(key)
	if err != nil || d == nil {
		return nil, false
	}
	if i := d.find(h); i >= 0 {
		return d.items[i].Value, true
	}
	return nil, false
}

// Set sets a key; the error is that of a key which can not be one (a list).
func (d *Dict) Set(key, value Value) error {
	h, err := hashOf(key)
	if err != nil {
		return err
	}
	d.put(key, h, value)
	return nil
}

func (d *Dict) setText(key string, value Value) { d.put(key, hash{kind: 's', s: key}, value) }

func (d *Dict) put(key Value, h hash, value Value) {
	if i := d.find(h); i >= 0 {
		d.items[i].Value = value
		return
	}
	d.items = append(d.items, Item{key, value, h})
	if d.index != nil {
		d.index[h] = len(d.items) - 1
	} else if len(d.items) > fewItems {
		d.reindex()
	}
}

func (d *Dict) reindex() {
	d.index = nil
	if len(d.items) > fewItems {
		d.index = make(map[hash]int, 2*len(d.items))
		for i := range d.items {
			d.index[d.items[i].hash] = i
		}
	}
}

// Delete removes a key and reports whether it was there.
func (d *Dict) Delete(key Value) bool {
	h, err := hashOf(key)
	if err != nil {
		return false
	}
	i := d.find(h)
	if i >= 0 {
		d.removeAt(i)
	}
	return i >= 0
}

func (d *Dict) removeAt(i int) {
	h := d.items[i].hash
	last := i == len(d.items)-1
	d.items = append(d.items[:i], d.items[i+1:]...)
	if d.index == nil {
		return
	}
	if last {
		delete(d.index, h)
	} else {
		d.reindex()
	}
}

// Len returns the number of keys.
func (d *Dict) Len() int {
	if d == nil {
		return 0
	}
	return len(d.items)
}

// Keys returns the keys in order.
func (d *Dict) Keys() []Value {
	keys := make([]Value, d.Len())
	for i := range keys {
		keys[i] = d.items[i].Key
	}
	return keys
}

// Items returns the entries in order. The caller must not change them.
func (d *Dict) Items() []Item {
	if d == nil {
		return nil
	}
	return d.items
}

func (d *Dict) copy() *Dict {
	c := &Dict{items: append([]Item(nil), d.Items()...)}
	c.reindex()
	return c
}

// Set is Python's set. For the order of its elements see ordered.
type Set struct{ d Dict }

// NewSet returns a set of the given values, or a TypeError.
func NewSet(items ...Value) (*Set, error) {
	s := &Set{}
	for _, v := range items {
		if err := s.d.Set(v, nil); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Len returns the number of elements.
func (s *Set) Len() int { return s.d.Len() }

// Items returns the elements in order.
func (s *Set) Items() []Value { return s.ordered() }

// Has reports whether v is an element.
func (s *Set) Has(v Value) bool {
	_, ok := s.d.Get(v)
	return ok
}

// dictView is what the methods keys, values and items of a dict return.
type dictView struct {
	d    *Dict
	kind byte // 'k', 'v' or 'i'
}

func (v *dictView) at(i int) Value {
	it := &v.d.items[i]
	switch v.kind {
	case 'k':
		return it.Key
	case 'v':
		return it.Value
	}
	return Tuple{it.Key, it.Value}
}

func (v *dictView) name() string {
	switch v.kind {
	case 'k':
		return "dict_keys"
	case 'v':
		return "dict_values"
	}
	return "dict_items"
}

// rangeValue is Python's range.
type rangeValue struct{ start, stop, step int64 }

func (r *rangeValue) len() int64 {
	switch {
	case r.step > 0 && r.start < r.stop:
		return (r.stop-r.start-1)/r.step + 1
	case r.step < 0 && r.start > r.stop:
		return (r.start-r.stop-1)/-r.step + 1
	}
	return 0
}

func (r *rangeValue) at(i int64) int64 { return r.start + i*r.step }

// groupTuple is what the filter groupby yields: a tuple with names.
type groupTuple struct{ grouper, list Value }

func (g *groupTuple) tuple() Tuple { return Tuple{g.grouper, g.list} }

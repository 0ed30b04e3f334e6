package jinja

import (
	"math/big"
	"unicode/utf8"
)

// method is a method of a builtin kind. obj is what it is called on, a its
// arguments in the order of the signature.
type method struct {
	sig  *signature
	call func(c *Call, obj Value, a []Value) (Value, error)
}

// methodValue is a method as a value.
type methodValue struct {
	obj  Value
	name string
	m    *method
}

// methodOf returns the method that obj.name is, or nil.
func (rt *render) methodOf(obj Value, name string) *method {
	switch o := obj.(type) {
	case string, Markup:
		return rt.lang.text[name]
	case *List:
		return rt.lang.list[name]
	case *Dict:
		return rt.lang.dict[name]
	case Tuple, *groupTuple, *rangeValue:
		return rt.lang.tuple[name]
	case *Set:
		return rt.lang.set[name]
	case int64, bool, *big.Int:
		return rt.lang.int[name]
	case float64:
		return rt.lang.float[name]
	case *loopValue:
		return rt.lang.loop[name]
	case *cycler:
		return rt.lang.cycler[name]
	case methodHolder:
		return o.methods()[name]
	}
	return nil
}

// methodHolder is an object of ours with methods.
type methodHolder interface{ methods() map[string]*method }

// getAttr is obj.name.
func (rt *render) getAttr(obj Value, name string) (Value, error) {
	if rt.chains(obj) {
		return obj, nil
	}
	v, ok, err := rt.safeAttribute(obj, name)
	if ok || err != nil {
		return v, err
	}
	if v, ok, err := rt.element(obj, name); ok || err != nil {
		return v, err
	}
	return missingAttr(obj, name), nil
}

// isHost says whether v is a value of the host, which has what it has: a macro
// that a package does not have is a slip.
func isHost(v Value) bool {
	_, ok := v.(Object)
	return ok
}

// getItem is obj[key].
func (rt *render) getItem(obj, key Value) (Value, error) {
	if rt.chains(obj) {
		return obj, nil
	}
	if isSecret(key) {
		return nil, errSecret
	}
	v, ok, err := rt.element(obj, key)
	if ok || err != nil {
		return v, err
	}
	name, isText := textOf(key)
	if !isText {
		return &Undefined{owner: ownerName(obj), key: orNone(key)}, nil
	}
	if v, ok, err := rt.safeAttribute(obj, name); ok || err != nil {
		return v, err
	}
	return missingAttr(obj, name), nil
}

// chains says whether all that is asked of v is v again: see Options.Chain.
func (rt *render) chains(v Value) bool {
	u, ok := v.(*Undefined)
	return ok && rt.opts.Chain && !u.isName() && !u.host
}

// orNone makes a key tell from no key.
func orNone(key Value) Value {
	if key == nil {
		return noneKey{}
	}
	return key
}

type noneKey struct{}

func (noneKey) String() string            { return "None" }
func (noneKey) TypeName() string          { return "NoneType" }
func (noneKey) Attr(string) (Value, bool) { return nil, false }

// safeAttribute is Python's getattr, as far as the sandbox allows it: what
// starts with an underscore exists but is undefined.
func (rt *render) safeAttribute(obj Value, name string) (Value, bool, error) {
	v, ok, err := rt.attribute(obj, name)
	if err != nil || name == "" || name[0] != '_' || !ok && !dunders[name] {
		return v, ok, err
	}
	return &Undefined{Name: name, owner: ownerName(obj), hint: "access to attribute " + Repr(name) + " of " +
		Repr(typeName(obj)) + " object is unsafe."}, true, nil
}

// attribute is Python's getattr.
func (rt *render) attribute(obj Value, name string) (Value, bool, error) {
	switch o := obj.(type) {
	case *Undefined:
		return nil, false, usable(o)
	case Secret, SecretText:
		return nil, false, errSecret
	case *namespace:
		v, ok := o.attrs.Get(name)
		return v, ok, nil
	case *loopValue:
		v, ok, err := o.attr(name)
		if ok || err != nil {
			return v, ok, err
		}
	case *groupTuple:
		switch name {
		case "grouper":
			return o.grouper, true, nil
		case "list":
			return o.list, true, nil
		}
	case *BoundMacro:
		v, ok := o.attr(name)
		return v, ok, nil
	case *rangeValue:
		switch name {
		case "start":
			return o.start, true, nil
		case "stop":
			return o.stop, true, nil
		case "step":
			return o.step, true, nil
		}
	case int64, bool, float64, *big.Int:
		if v, ok := numberAttr(o, name); ok {
			return v, true, nil
		}
	}
	if m := rt.methodOf(obj, name); m != nil {
		return &methodValue{obj, name, m}, true, nil
	}
	if o, ok := obj.(Object); ok {
		if v, ok := o.Attr(name); ok {
			return rt.adopt(v), true, nil
		}
	}
	return nil, false, nil
}

// dunders are attributes that every Python object has.
var dunders = map[string]bool{"__class__": true, "__doc__": true, "__init__": true, "__dict__": true, "__module__": true,
	"__subclasshook__": true, "__reduce__": true, "__eq__": true, "__hash__": true, "__str__": true, "__repr__": true,
	"__getattribute__": true, "__dir__": true, "__sizeof__": true, "__new__": true, "__format__": true, "__ne__": true}

func (m *BoundMacro) attr(name string) (Value, bool) {
	switch name {
	case "name":
		return m.Macro.Name, true
	case "arguments":
		t := make(Tuple, len(m.Macro.Params))
		for i, p := range m.Macro.Params {
			t[i] = p.Name
		}
		return t, true
	case "catch_kwargs":
		return m.Macro.kwargsSlot >= 0, true
	case "catch_varargs":
		return m.Macro.varargsSlot >= 0, true
	case "caller":
		return m.Macro.catchCaller, true
	}
	return nil, false
}

// element is Python's obj[key]; ok is false where Python raises a TypeError or
// a LookupError.
func (rt *render) element(obj, key Value) (v Value, ok bool, err error) {
	switch o := obj.(type) {
	case *Dict:
		if v, ok := o.Get(key); ok {
			return rt.adopt(v), true, nil
		}
		return nil, false, nil
	case *Undefined:
		return nil, false, usable(o)
	case Secret, SecretText:
		return nil, false, errSecret
	}
	if x, isIndexer := obj.(Indexer); isIndexer {
		v, ok, err := x.Index(key)
		return rt.adopt(v), ok, err
	}
	if m, isMapping := obj.(Mapping); isMapping {
		v, ok := m.Dict().Get(key)
		return rt.adopt(v), ok, nil
	}
	n, huge, isInt := asInt(key)
	if !isInt || huge != nil {
		return nil, false, nil
	}
	return elementAt(obj, n)
}

func elementAt(obj Value, n int64) (Value, bool, error) {
	pick := func(items []Value) (Value, bool, error) {
		if n < 0 {
			n += int64(len(items))
		}
		if n < 0 || n >= int64(len(items)) {
			return nil, false, nil
		}
		return items[n], true, nil
	}
	switch o := obj.(type) {
	case *List:
		return pick(o.Items)
	case Tuple:
		return pick(o)
	case *groupTuple:
		return pick(o.tuple())
	case string:
		s, ok := runeAt(o, n)
		return s, ok, nil
	case Markup:
		s, ok := runeAt(string(o), n)
		return Markup(s), ok, nil
	case *rangeValue:
		if n < 0 {
			n += o.len()
		}
		if n >= 0 && n < o.len() {
			return o.at(n), true, nil
		}
	}
	return nil, false, nil
}

func runeAt(s string, n int64) (string, bool) {
	if n < 0 {
		n += int64(utf8.RuneCountInString(s))
	}
	if n < 0 || n >= int64(len(s)) {
		return "", false
	}
	for _, r := range s {
		if n == 0 {
			return string(r), true
		}
		n--
	}
	return "", false
}

// textOf returns the text of a str.
func textOf(v Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case Markup:
		return string(v), true
	}
	return "", false
}

// asDict returns the dict that v is or counts as.
func asDict(v Value) (*Dict, bool) {
	switch v := v.(type) {
	case *Dict:
		return v, v != nil
	case Mapping:
		return v.Dict(), true
	}
	return nil, false
}

// Slice is items[start:stop:step]; a bound may be none.
func Slice(items Tuple, bounds [3]Value) (Value, error) { return (&render{}).slice(items, bounds) }

// slice is obj[start:stop:step].
func (rt *render) slice(obj Value, bounds [3]Value) (Value, error) {
	if err := usable(obj); err != nil {
		return nil, err
	}
	for i, b := range bounds {
		if b == nil {
			continue
		}
		n, huge, ok := asInt(b)
		if !ok {
			if err := usable(b); err != nil {
				return nil, err
			}
			return nil, raise(typeError, "slice indices must be integers or None or have an __index__ method")
		}
		if huge != nil {
			n = 1<<62 - 1
			if huge.Sign() < 0 {
				n = -n
			}
		}
		bounds[i] = n
	}
	switch o := obj.(type) {
	case string:
		s, err := sliceText(o, bounds)
		return s, err
	case Markup:
		s, err := sliceText(string(o), bounds)
		return Markup(s), err
	case *List:
		items, err := sliceItems(o.Items, bounds)
		return &List{items}, err
	case Tuple:
		items, err := sliceItems(o, bounds)
		return Tuple(items), err
	case *groupTuple:
		items, err := sliceItems(o.tuple(), bounds)
		return Tuple(items), err
	case *rangeValue:
		start, stop, _, step, err := sliceIndices(bounds, o.len())
		return &rangeValue{o.at(start), o.at(stop), o.step * step}, err
	case *Dict:
		return nil, raise(typeError, "unhashable type: 'slice'")
	case Slicer:
		items, err := sliceItems(o.Slice(), bounds)
		return Tuple(items), err
	}
	return nil, raise(typeError, "'%s' object is not subscriptable", typeName(obj))
}

// sliceIndices returns the first index, the one behind the last, the number of
// items and the step.
func sliceIndices(b [3]Value, length int64) (start, stop, n, step int64, err error) {
	step = 1
	if s, ok := b[2].(int64); ok {
		step = s
	}
	if step == 0 {
		return 0, 0, 0, 0, raise(valueError, "slice step cannot be zero")
	}
	low, high := int64(0), length
	if step < 0 {
		low, high = -1, length-1
	}
	clamp := func(v Value, preset int64) int64 {
		i, ok := v.(int64)
		if !ok {
			return preset
		}
		if i < 0 {
			i += length
		}
		return min(max(i, low), high)
	}
	if step > 0 {
		start, stop = clamp(b[0], low), clamp(b[1], high)
		if stop > start {
			n = (stop-start-1)/step + 1
		}
	} else {
		start, stop = clamp(b[0], high), clamp(b[1], low)
		if start > stop {
			n = (start-stop-1)/-step + 1
		}
	}
	return start, stop, n, step, nil
}

func sliceItems(items []Value, b [3]Value) ([]Value, error) {
	start, _, n, step, err := sliceIndices(b, int64(len(items)))
	if err != nil {
		return nil, err
	}
	out := make([]Value, n)
	for i := range out {
		out[i] = items[start+int64(i)*step]
	}
	return out, nil
}

func sliceText(s string, b [3]Value) (string, error) {
	if isASCII(s) {
		start, _, n, step, err := sliceIndices(b, int64(len(s)))
		if err != nil || n == 0 {
			return "", err
		}
		if step == 1 {
			return s[start : start+n], nil
		}
		out := make([]byte, n)
		for i := range out {
			out[i] = s[start+int64(i)*step]
		}
		return string(out), nil
	}
	runes := []rune(s)
	start, _, n, step, err := sliceIndices(b, int64(len(runes)))
	if err != nil {
		return "", err
	}
	out := make([]rune, n)
	for i := range out {
		out[i] = runes[start+int64(i)*step]
	}
	return string(out), nil
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// missingAttr is what x.name is where x has no such thing.
func missingAttr(obj Value, name string) *Undefined {
	u := &Undefined{Name: name, owner: ownerName(obj), host: isHost(obj)}
	u.names, _ = obj.(namer)
	return u
}

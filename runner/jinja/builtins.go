package jinja

import "strings"

// maxRange is the length from which on Jinja's sandbox refuses a range.
const maxRange = 100_000

// builtins are the names that Jinja itself defines.
var builtins = map[string]Value{
	"range":     Func{"range", rangeFunc},
	"dict":      Func{"dict", dictFunc},
	"namespace": Func{"namespace", namespaceFunc},
	"cycler":    Func{"cycler", cyclerFunc},
	"joiner":    Func{"joiner", joinerFunc},
	"lipsum":    Func{"lipsum", lipsumFunc},
}

func rangeFunc(c *Call) (Value, error) {
	if c.Kwargs.Len() > 0 {
		return nil, raise(typeError, "range() takes no keyword arguments")
	}
	var n [3]int64
	if len(c.Args) == 0 || len(c.Args) > 3 {
		return nil, raise(typeError, "range expected 1 to 3 arguments, got %d", len(c.Args))
	}
	for i, a := range c.Args {
		x, huge, ok := asInt(a)
		if !ok {
			if err := usable(a); err != nil {
				return nil, err
			}
			return nil, raise(typeError, "'%s' object cannot be interpreted as an integer", typeName(a))
		}
		if huge != nil {
			return nil, raise(overflowError, "the range is too large")
		}
		n[i] = x
	}
	r := &rangeValue{0, n[0], 1}
	if len(c.Args) > 1 {
		r.start, r.stop = n[0], n[1]
	}
	if len(c.Args) > 2 {
		if r.step = n[2]; r.step == 0 {
			return nil, raise(valueError, "range() arg 3 must not be zero")
		}
	}
	const far = 1 << 62 // beyond which lengths overflow
	if r.start > far || r.start < -far || r.stop > far || r.stop < -far || r.step > far || r.step < -far || r.len() > maxRange {
		return nil, raise(overflowError, "range too big: the sandbox blocks ranges larger than %d", maxRange)
	}
	return r, nil
}

// toDict is Python's dict(x, **kwargs).
func toDict(rt *render, fn string, args []Value, kwargs *Dict) (*Dict, error) {
	d := NewDict()
	if len(args) > 1 {
		return nil, raise(typeError, "%s expected at most 1 argument, got %d", fn, len(args))
	}
	if len(args) == 1 {
		if err := updateDict(rt, d, args[0]); err != nil {
			return nil, err
		}
	}
	for _, it := range kwargs.Items() {
		d.put(it.Key, it.hash, it.Value)
	}
	return d, nil
}

// updateDict puts the items of a mapping, or of a sequence of pairs, into d.
func updateDict(rt *render, d *Dict, v Value) error {
	if from, ok := asDict(v); ok {
		for _, it := range from.Items() {
			d.put(it.Key, it.hash, it.Value)
		}
		return nil
	}
	items, err := toSlice(rt, v)
	if err != nil {
		return err
	}
	for i, item := range items {
		pair, err := toSlice(rt, item)
		if err != nil {
			return raise(typeError, "cannot convert dictionary update sequence element #%d to a sequence", i)
		}
		if len(pair) != 2 {
			return raise(valueError, "dictionary update sequence element #%d has length %d; 2 is required", i, len(pair))
		}
		if err := d.Set(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

func dictFunc(c *Call) (Value, error) {
	d, err := toDict(c.f.rt, "dict", c.Args, c.Kwargs)
	return orNil(d, err)
}

// orNil avoids a typed nil in an interface.
func orNil[T any](v *T, err error) (Value, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// namespace is what a template can assign attributes of.
type namespace struct{ attrs *Dict }

func (n *namespace) Attr(name string) (Value, bool) { return n.attrs.Get(name) }
func (n *namespace) TypeName() string               { return "Namespace" }
func (n *namespace) String() string                 { return Repr(n) }

func namespaceFunc(c *Call) (Value, error) {
	d, err := toDict(c.f.rt, "namespace", c.Args, c.Kwargs)
	if err != nil {
		return nil, err
	}
	return &namespace{d}, nil
}

type cycler struct {
	items []Value
	pos   int
}

func (cy *cycler) Attr(name string) (Value, bool) {
	switch name {
	case "current":
		return cy.items[cy.pos], true
	case "pos":
		return int64(cy.pos), true
	case "items":
		return Tuple(cy.items), true
	}
	return nil, false
}

func (cy *cycler) TypeName() string { return "Cycler" }
func (cy *cycler) String() string   { return "<jinja2.utils.Cycler object at " + address + ">" }

var cyclerMethods = map[string]*method{
	"next": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		cy := obj.(*cycler)
		v := cy.items[cy.pos]
		cy.pos = (cy.pos + 1) % len(cy.items)
		return v, nil
	}},
	"reset": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		obj.(*cycler).pos = 0
		return nil, nil
	}},
}

func cyclerFunc(c *Call) (Value, error) {
	if len(c.Args) == 0 {
		return nil, raise(runtimeError, "at least one item has to be provided")
	}
	return &cycler{items: c.Args}, nil
}

// joiner yields nothing when it is first called, and then its separator.
type joiner struct {
	sep  Value
	used bool
}

func (j *joiner) Attr(string) (Value, bool) { return nil, false }
func (j *joiner) TypeName() string          { return "Joiner" }
func (j *joiner) String() string            { return "<jinja2.utils.Joiner object at " + address + ">" }

func (j *joiner) Invoke(*Call) (Value, error) {
	if !j.used {
		j.used = true
		return "", nil
	}
	return j.sep, nil
}

func joinerFunc(c *Call) (Value, error) {
	a, err := c.Bind("sep=', '")
	if err != nil {
		return nil, err
	}
	return &joiner{sep: a[0]}, nil
}

// lipsumFunc answers always the same, where Jinja's is random.
func lipsumFunc(*Call) (Value, error) {
	return strings.TrimSpace("Lorem ipsum dolor sit amet, consectetur adipiscing elit."), nil
}

var loopMethods = map[string]*method{
	"cycle":   {sig("*"), loopCycle},
	"changed": {sig("*"), loopChanged},
}

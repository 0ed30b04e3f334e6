package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/jinja"
)

// fn makes a host function.
func fn(name string, call func(c *jinja.Call) (jinja.Value, error)) jinja.Func {
	return jinja.Func{Name: name, Call: call}
}

// dict makes a Dict of names and values, taking turns.
func dict(pairs ...jinja.Value) *jinja.Dict {
	d := jinja.NewDict()
	for i := 0; i < len(pairs); i += 2 {
		_ = d.Set(pairs[i], pairs[i+1]) // a text can always be a key
	}
	return d
}

// list makes a List of texts.
func list(items []string) *jinja.List {
	l := &jinja.List{Items: make([]jinja.Value, len(items))}
	for i, s := range items {
		l.Items[i] = s
	}
	return l
}

// args sorts the arguments of a call to params, as Python does. "x?" may be
// left out and is nil then. "*" at the end takes any further named arguments.
func args(c *jinja.Call, what string, params ...string) ([]jinja.Value, error) {
	rest := len(params) > 0 && params[len(params)-1] == "*"
	if rest {
		params = params[:len(params)-1]
	}
	out, given := make([]jinja.Value, len(params)), make([]bool, len(params))
	if len(c.Args) > len(params) {
		return nil, fmt.Errorf("%s takes at most %s, not %d", what, counted(len(params), "argument"), len(c.Args))
	}
	for i, v := range c.Args {
		out[i], given[i] = v, true
	}
	if c.Kwargs != nil {
		for _, kw := range c.Kwargs.Items() {
			name, _ := kw.Key.(string)
			i := indexParam(params, name)
			switch {
			case i < 0 && rest:
			case i < 0:
				return nil, fmt.Errorf("%s has no argument '%s'", what, name)
			case given[i]:
				return nil, fmt.Errorf("%s got the argument '%s' twice", what, name)
			default:
				out[i], given[i] = kw.Value, true
			}
		}
	}
	for i, p := range params {
		if !given[i] && !strings.HasSuffix(p, "?") {
			return nil, fmt.Errorf("%s needs the argument '%s'", what, p)
		}
	}
	return out, nil
}

func indexParam(params []string, name string) int {
	for i, p := range params {
		if strings.TrimSuffix(p, "?") == name {
			return i
		}
	}
	return -1
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// namespace is a fixed set of names: x.name and x['name'].
type namespace struct {
	name string
	get  func(name string) (jinja.Value, bool)
	all  func() []string // what there is, for messages; nil: not known
}

// Names returns the names that there are.
func (n *namespace) Names() []string {
	if n.all == nil {
		return nil
	}
	return n.all()
}

// Attr leaves names with an underscore to Index: as attributes the sandbox
// forbids them, but packages have macros called so, which in dbt are items.
func (n *namespace) Attr(name string) (jinja.Value, bool) {
	if strings.HasPrefix(name, "_") {
		return nil, false
	}
	return n.get(name)
}

// Index is x['name'].
func (n *namespace) Index(key jinja.Value) (jinja.Value, bool, error) {
	name, ok := key.(string)
	if !ok {
		return nil, false, nil
	}
	v, ok := n.get(name)
	return v, ok, nil
}

// Contains says whether there is a name, for the operator in.
func (n *namespace) Contains(v jinja.Value) bool {
	name, ok := v.(string)
	if ok {
		_, ok = n.get(name)
	}
	return ok
}

func (n *namespace) TypeName() string { return n.name }
func (n *namespace) String() string   { return "<" + n.name + ">" }

// fixed is a namespace of given values.
func fixed(name string, values map[string]jinja.Value) *namespace {
	return &namespace{name, func(k string) (jinja.Value, bool) { v, ok := values[k]; return v, ok }, namesOf(values)}
}

// namesOf are the keys of a map, for messages.
func namesOf[V any](m map[string]V) func() []string {
	return func() []string { return slices.Sorted(maps.Keys(m)) }
}

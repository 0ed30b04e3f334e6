package jinja

// Which variable a name is follows Jinja's compiler: each body (template,
// macro, loop, with, block set) is a scope; a scope is prepared in whole before
// it runs. A name that is assigned in a scope gets a variable there, which
// starts as a copy of the outer one (loadAlias) or as missing; a name that is
// only read means the nearest variable around it or else a global (loadGlobal).
// This is why an assignment inside a loop does not leave it, and why one inside
// an if does.

type loadKind uint8

const (
	loadParam   loadKind = iota // set by whoever enters the scope
	loadGlobal                  // looked up when first read
	loadAlias                   // starts as a copy of an outer variable
	loadMissing                 // starts as undefined
)

// varRef is a variable: slot slot of the function that is up functions out.
type varRef struct{ up, slot int32 }

// load says how a variable starts when its scope is entered.
type load struct {
	slot int32
	kind loadKind
	from varRef
}

// scopeInit is what entering a scope does.
type scopeInit struct {
	loads    []load
	closures bool // a macro in the scope may outlive it
}

// localVar is a variable with its name, for include and import with context.
type localVar struct {
	name string
	ref  varRef
}

// function is what has variables of its own when it runs: a template, a macro,
// a recursive loop, the filter of a loop.
type function struct {
	depth int32
	vars  []varKey
	index map[varKey]int32 // of vars, once there are many
}

// varKey names a variable; scopes of one level that follow each other share it.
type varKey struct {
	level int32
	name  string
}

const fewNames = 16

func (fn *function) slot(k varKey) int32 {
	if fn.index != nil {
		if i, ok := fn.index[k]; ok {
			return i
		}
	} else {
		for i := range fn.vars {
			if fn.vars[i] == k {
				return int32(i)
			}
		}
	}
	i := int32(len(fn.vars))
	fn.vars = append(fn.vars, k)
	if fn.index != nil {
		fn.index[k] = i
	} else if len(fn.vars) > fewNames {
		fn.index = make(map[varKey]int32, 2*fewNames)
		for i, k := range fn.vars {
			fn.index[k] = int32(i)
		}
	}
	return i
}

// scope is a scope during preparation.
type scope struct {
	parent   *scope
	fn       *function
	level    int32
	entries  []entry
	index    map[string]int // of entries, once there are many
	closures bool
}

// entry is a name that has a variable in its scope.
type entry struct {
	name   string
	slot   int32
	kind   loadKind
	stored bool
	from   varRef
}

func (s *scope) inner(fn *function) *scope {
	if fn == nil {
		fn = s.fn
	}
	return &scope{parent: s, fn: fn, level: s.level + 1}
}

// function returns a new function inside the one of s.
func (s *scope) function() *function {
	for o := s; o != nil; o = o.parent {
		o.closures = true
	}
	return &function{depth: s.fn.depth + 1}
}

func (s *scope) find(name string) *entry {
	if s.index != nil {
		if i, ok := s.index[name]; ok {
			return &s.entries[i]
		}
		return nil
	}
	for i := range s.entries {
		if s.entries[i].name == name {
			return &s.entries[i]
		}
	}
	return nil
}

func (s *scope) add(e entry) {
	s.entries = append(s.entries, e)
	if s.index != nil {
		s.index[e.name] = len(s.entries) - 1
	} else if len(s.entries) > fewNames {
		s.index = make(map[string]int, 2*fewNames)
		for i := range s.entries {
			s.index[s.entries[i].name] = i
		}
	}
}

// lookup returns the variable that name is in s, as seen from the function of s.
func (s *scope) lookup(name string) (varRef, bool) {
	for o := s; o != nil; o = o.parent {
		if e := o.find(name); e != nil {
			return varRef{s.fn.depth - o.fn.depth, e.slot}, true
		}
	}
	return varRef{}, false
}

func (s *scope) define(name string, kind loadKind, stored bool) *entry {
	if e := s.find(name); e != nil {
		e.kind, e.stored = kind, e.stored || stored
		return e
	}
	s.add(entry{name: name, slot: s.fn.slot(varKey{s.level, name}), kind: kind, stored: stored})
	return &s.entries[len(s.entries)-1]
}

func (s *scope) param(name string) { s.define(name, loadParam, true) }

func (s *scope) load(name string) {
	if _, ok := s.lookup(name); !ok {
		s.define(name, loadGlobal, false)
	}
}

func (s *scope) store(name string) {
	if e := s.find(name); e != nil {
		e.stored = true
		return
	}
	if outer, ok := s.outer(name); ok {
		s.define(name, loadAlias, true).from = outer
		return
	}
	s.define(name, loadMissing, true)
}

// outer finds name around s, as seen from the function of s.
func (s *scope) outer(name string) (varRef, bool) {
	if s.parent == nil {
		return varRef{}, false
	}
	ref, ok := s.parent.lookup(name)
	ref.up += s.fn.depth - s.parent.fn.depth
	return ref, ok
}

// branch returns a copy of s in which one branch of an if is prepared.
func (s *scope) branch() *scope {
	c := *s
	c.entries = append(make([]entry, 0, len(s.entries)+4), s.entries...)
	if s.index != nil {
		c.index = make(map[string]int, len(s.index))
		for k, v := range s.index {
			c.index[k] = v
		}
	}
	return &c
}

// merge takes over what the branches of an if did. A name that they assign
// starts, for the case that they do not run, as what it means outside.
func (s *scope) merge(branches ...*scope) {
	var fresh []string
	for _, b := range branches {
		for i := range b.entries {
			e := &b.entries[i]
			mine := s.find(e.name)
			if e.stored && (mine == nil || !mine.stored) {
				fresh = append(fresh, e.name)
			}
		}
	}
	for _, b := range branches {
		for _, e := range b.entries {
			if mine := s.find(e.name); mine != nil {
				e.stored = e.stored || mine.stored
				*mine = e
			} else {
				s.add(e)
			}
		}
	}
	for _, name := range fresh {
		e := s.find(name)
		if outer, ok := s.outer(name); ok {
			e.kind, e.from = loadAlias, outer
		} else {
			e.kind = loadGlobal
		}
	}
}

// init returns what entering s does.
func (s *scope) init() scopeInit {
	in := scopeInit{closures: s.closures}
	if len(s.entries) > 0 {
		in.loads = make([]load, len(s.entries))
	}
	for i := range s.entries {
		e := &s.entries[i]
		in.loads[i] = load{e.slot, e.kind, e.from}
	}
	return in
}

// stores returns all variables that are assigned in s and around it.
func (s *scope) stores() []localVar {
	var all []localVar
	seen := map[string]bool{}
	for o := s; o != nil; o = o.parent {
		for i := range o.entries {
			if e := &o.entries[i]; e.stored && !seen[e.name] {
				seen[e.name] = true
				ref, _ := s.lookup(e.name)
				all = append(all, localVar{e.name, ref})
			}
		}
	}
	return all
}

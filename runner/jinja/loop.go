package jinja

import "fmt"

// loopValue is the variable loop.
type loopValue struct {
	it      *Iterator
	over    Value // what the loop runs over; nil if that has been filtered
	length  int64 // -1: not known
	index0  int64
	depth0  int64
	current Value
	before  Value
	after   Value // missing unless one was read ahead
	changed Value // what the method changed was last called with

	stmt  *forStmt
	frame *frame // around the loop, to call it again
}

func (l *loopValue) next() (Value, bool, error) {
	v, ok := l.after, true
	if v != Value(missing) {
		l.after = missing
	} else {
		var err error
		if v, ok, err = l.it.Next(); err != nil || !ok {
			return nil, false, err
		}
	}
	l.index0++
	l.before, l.current = l.current, v
	return v, true, nil
}

// peek reads one value ahead.
func (l *loopValue) peek() (Value, bool, error) {
	if l.after != Value(missing) {
		return l.after, true, nil
	}
	v, ok, err := l.it.Next()
	if ok && err == nil {
		l.after = v
	}
	return v, ok, err
}

// len counts what has no length by reading it.
func (l *loopValue) len() (int64, error) {
	if l.length >= 0 {
		return l.length, nil
	}
	if l.over != nil {
		if n, err := length64(l.over); err == nil {
			l.length = n
			return n, nil
		}
	}
	rest, err := drain(l.frame.rt, l.it)
	if err != nil {
		return 0, err
	}
	l.it = sliceIterator(rest)
	l.length = int64(len(rest)) + l.index0 + 1
	if l.after != Value(missing) {
		l.length++
	}
	return l.length, nil
}

func (l *loopValue) attr(name string) (Value, bool, error) {
	switch name {
	case "index":
		return l.index0 + 1, true, nil
	case "index0":
		return l.index0, true, nil
	case "first":
		return l.index0 == 0, true, nil
	case "last":
		_, more, err := l.peek()
		return !more, true, err
	case "length", "revindex", "revindex0":
		n, err := l.len()
		switch name {
		case "revindex":
			n -= l.index0
		case "revindex0":
			n -= l.index0 + 1
		}
		return n, true, err
	case "depth":
		return l.depth0 + 1, true, nil
	case "depth0":
		return l.depth0, true, nil
	case "previtem":
		if l.index0 == 0 {
			return &Undefined{hint: "there is no previous item"}, true, nil
		}
		return l.before, true, nil
	case "nextitem":
		v, more, err := l.peek()
		if !more && err == nil {
			return &Undefined{hint: "there is no next item"}, true, nil
		}
		return v, true, err
	}
	return nil, false, nil
}

func loopCycle(_ *Call, obj Value, a []Value) (Value, error) {
	items := a[0].(Tuple)
	if len(items) == 0 {
		return nil, raise(typeError, "no items for cycling given")
	}
	return items[int(obj.(*loopValue).index0)%len(items)], nil
}

func loopChanged(_ *Call, obj Value, a []Value) (Value, error) {
	l := obj.(*loopValue)
	if l.changed != nil && equal(l.changed, a[0]) {
		return false, nil
	}
	l.changed = a[0]
	return true, nil
}

func (l *loopValue) String() string {
	n, err := l.len()
	if err != nil {
		return "<LoopContext>"
	}
	return fmt.Sprintf("<LoopContext %d/%d>", l.index0+1, n)
}

// recurse runs a recursive loop again, over other values.
func (l *loopValue) recurse(f *frame, args arguments, at span) (Value, error) {
	if !l.stmt.recursive {
		return nil, f.fail(at, raise(typeError, "the loop must have the 'recursive' marker to be called recursively"))
	}
	a, err := sig("iterable").bind("loop", args)
	if err != nil {
		return nil, f.fail(at, err)
	}
	if err := f.rt.down(); err != nil {
		return nil, f.fail(at, err)
	}
	defer f.rt.up()
	return l.stmt.recursion(l.frame, a[0], l.depth0+1, at)
}

// recursion runs a recursive loop in variables of its own and returns its text.
func (s *forStmt) recursion(f *frame, over Value, depth int64, at span) (Value, error) {
	g := &frame{rt: f.rt, vars: make([]Value, len(s.bodyFn.vars)), up: f, names: f.names, out: &writer{}, site: f.site, fn: s.bodyFn}
	if _, err := s.loop(f, g, over, depth, at); err != nil {
		return nil, err
	}
	return f.rt.maybeSecret(f.rt.keep(g.out)), f.rt.spend(len(g.out.buf))
}

func (s *forStmt) exec(f *frame) (flow, error) {
	over, err := s.iter.eval(f)
	if err != nil {
		return goOn, err
	}
	if !s.recursive {
		return s.loop(f, f, over, 0, s.iter.at())
	}
	text, err := s.recursion(f, over, 0, s.iter.at())
	if err != nil {
		return goOn, err
	}
	return goOn, f.out.value(f, s.span, text)
}

// loop runs the loop over a value; g has the variables of the body.
func (s *forStmt) loop(f, g *frame, over Value, depth int64, at span) (flow, error) {
	it, err := iterate(f.rt, over)
	if err != nil {
		return goOn, f.fail(at, err)
	}
	if s.test != nil {
		it, over = s.filtered(f, it), nil
	}
	var l *loopValue
	if s.extended {
		l = &loopValue{it: it, over: over, length: -1, index0: -1, depth0: depth, after: missing, stmt: s, frame: f}
	}
	empty := true
	for {
		var v Value
		var ok bool
		if l != nil {
			v, ok, err = l.next()
		} else {
			v, ok, err = it.Next()
		}
		if err != nil {
			return goOn, f.fail(at, err)
		}
		if !ok {
			break
		}
		g.enter(&s.bodyInit)
		if l != nil {
			*g.slot(s.loopVar) = l
		}
		if err := g.step(s.span); err != nil {
			return goOn, err
		}
		if err := g.assign(s.target, v); err != nil {
			return goOn, err
		}
		fl, err := g.run(s.body)
		if err != nil {
			return goOn, err
		}
		if fl == breakLoop {
			break
		}
		// A body that is left early does not count, as in Jinja.
		empty = empty && fl == continueLoop
	}
	g.leave(&s.bodyInit)
	if !empty || len(s.otherwise) == 0 {
		return goOn, nil
	}
	g.enter(&s.elseInit)
	fl, err := g.run(s.otherwise)
	g.leave(&s.elseInit)
	return fl, err
}

// filtered yields the values that pass the test of the loop, which sees
// variables of its own.
func (s *forStmt) filtered(f *frame, it *Iterator) *Iterator {
	g := &frame{rt: f.rt, vars: make([]Value, len(s.testFn.vars)), up: f, names: f.names, out: f.out, site: f.site, fn: s.testFn}
	g.enter(&s.testInit)
	return NewIterator("generator", func() (Value, bool, error) {
		for {
			v, ok, err := it.Next()
			if err != nil || !ok {
				return nil, false, err
			}
			if err := g.step(s.span); err != nil {
				return nil, false, err
			}
			if err := g.assign(s.testStore, v); err != nil {
				return nil, false, err
			}
			pass, err := g.truth(s.test)
			if err != nil {
				return nil, false, err
			}
			if pass {
				return v, true, nil
			}
		}
	})
}

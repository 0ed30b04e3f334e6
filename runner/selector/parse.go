package selector

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"warehouse/runner/diag"
)

// Options is what Parse needs to know beside the text.
type Options struct {
	Selectors map[string]Expr // for selector:name; in turn they hold what they refer to
	Package   string          // the project's own package, for package:this
	Indirect  Indirect        // for every part of the result
}

// Parse is Options{}.Parse: there are no named selectors, and tests come
// along eagerly.
func Parse(texts ...string) (Expr, error) { return Options{}.Parse(texts...) }

// Parse returns the union of all texts. It fails with a *SyntaxError, also
// for a text that is only blanks, and for no text at all.
func (o Options) Parse(texts ...string) (Expr, error) {
	u := Union{Indirect: o.Indirect}
	if len(texts) == 0 {
		return nil, &SyntaxError{Msg: "empty selection"}
	}
	for _, text := range texts {
		p := parser{Options: o, query: text}
		if err := p.union(&u); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// ParseFlags returns what the texts of include select and those of exclude do
// not. No include means every node, no exclude takes nothing away.
func (o Options) ParseFlags(include, exclude []string) (Expr, error) {
	var from Expr = All{}
	var err error
	if len(include) > 0 {
		if from, err = o.Parse(include...); err != nil {
			return nil, err
		}
	}
	if len(exclude) == 0 {
		return from, nil
	}
	without, err := o.Parse(exclude...)
	if err != nil {
		return nil, err
	}
	return Difference{From: from, Without: without}, nil
}

// ParseIndirect reads the name of a mode: eager, cautious, buildable, empty.
func ParseIndirect(name string) (Indirect, error) {
	if i := slices.Index(indirectNames[:], name); i >= 0 {
		return Indirect(i), nil
	}
	return 0, fmt.Errorf("indirect selection %q is none of %s", name, strings.Join(indirectNames[:], ", "))
}

type parser struct {
	Options
	query string
}

func (p *parser) fail(off int, format string, args ...any) error {
	return &SyntaxError{Query: p.query, Off: off, Msg: fmt.Sprintf(format, args...)}
}

func (p *parser) union(u *Union) error {
	any := false
	for off, end := 0, 0; off < len(p.query); off = end + 1 {
		end = off + strings.IndexAny(p.query[off:]+" ", " \t\r\n")
		if end == off {
			continue
		}
		part, err := p.part(off, end)
		if err != nil {
			return err
		}
		u.Parts, any = append(u.Parts, part), true
	}
	if !any {
		return p.fail(0, "empty selection")
	}
	return nil
}

// part reads criteria with commas between them.
func (p *parser) part(off, end int) (Expr, error) {
	var all []Expr
	for rest := off; rest <= end; {
		comma := rest + strings.IndexByte(p.query[rest:end]+",", ',')
		if comma == rest {
			return nil, p.fail(min(rest, end), "nothing beside the comma (write it without blanks: a,b)")
		}
		c, err := p.criterion(rest, comma)
		if err != nil {
			return nil, err
		}
		all, rest = append(all, c), comma+1
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return Intersection{Parts: all, Indirect: p.Indirect}, nil
}

func (p *parser) criterion(off, end int) (Expr, error) {
	c := Criterion{Indirect: p.Indirect, query: p.query, off: off, end: end}
	at, stop, err := p.operators(&c, off, end)
	if err != nil {
		return nil, err
	}
	text := p.query[at:stop]
	method, value, ok := strings.Cut(text, ":")
	if !ok || strings.ContainsAny(method, `/\*?[`) {
		c.Method, c.Value = defaultMethod(text), text
		return c, nil
	}
	c.Method, c.Arg, _ = strings.Cut(method, ".")
	c.Value = value
	if err := p.check(&c, at, at+len(method)+1); err != nil {
		return nil, err
	}
	return c, nil
}

// operators reads what stands around a criterion, and returns where its
// method or value starts and where it stops.
func (p *parser) operators(c *Criterion, off, end int) (at, stop int, err error) {
	at, stop = off, end
	q := p.query
	if q[at] == '@' {
		c.ChildrensParents = true
		at++
	}
	digits := at
	for digits < stop && isDigit(q[digits]) {
		digits++
	}
	if digits < stop && q[digits] == '+' {
		if c.Parents, c.ParentsDepth, err = p.depth(at, digits); err != nil {
			return 0, 0, err
		}
		at = digits + 1
	}
	digits = stop
	for digits > at && isDigit(q[digits-1]) {
		digits--
	}
	if digits > at && q[digits-1] == '+' {
		if c.Children, c.ChildrenDepth, err = p.depth(digits, stop); err != nil {
			return 0, 0, err
		}
		stop = digits - 1
	}
	switch {
	case at == stop:
		return 0, 0, p.fail(off, "%q has nothing to apply to (write it without blanks: +name, name+, @name)", q[off:end])
	case c.ChildrensParents && stop < end:
		return 0, 0, p.fail(stop, "@ in front and + behind do not go together; @ includes all descendants")
	case strings.IndexByte("+@", q[at]) >= 0:
		return 0, 0, p.fail(at, "unexpected %q", q[at:at+1])
	case q[stop-1] == '+':
		return 0, 0, p.fail(stop-1, "unexpected %q", "+")
	}
	return at, stop, nil
}

// depth reads the number beside a +. No number means all relatives, which a
// Criterion has as 0; 0+m, in dbt, means none of them.
func (p *parser) depth(from, to int) (relatives bool, depth int, err error) {
	if from == to {
		return true, 0, nil
	}
	n, err := strconv.Atoi(p.query[from:to])
	if err != nil {
		return false, 0, p.fail(from, "the number beside + is too large")
	}
	return n > 0, n, nil
}

// defaultMethod is dbt's rule for a value without a method.
func defaultMethod(value string) string {
	lower := strings.ToLower(value)
	switch {
	case strings.ContainsAny(value, `/\`):
		return "path"
	case strings.HasSuffix(lower, ".sql"), strings.HasSuffix(lower, ".py"), strings.HasSuffix(lower, ".csv"):
		return "file"
	}
	return "fqn"
}

// check looks at a method that starts at at and its value, at valueAt.
func (p *parser) check(c *Criterion, at, valueAt int) error {
	m, ok := methods[c.Method]
	switch {
	case !ok:
		return p.fail(at, "unknown method %q%s", c.Method, nearest(c.Method, slices.Sorted(maps.Keys(methods))))
	case c.Value == "":
		return p.fail(valueAt, "%s: needs a value", c.Method)
	case c.Arg != "" && !m.takesArg:
		return p.fail(at+len(c.Method), "%s takes no .%s", c.Method, c.Arg)
	case c.Arg == "" && m.takesArg:
		return p.fail(at+len(c.Method), "%s needs a key: %s.materialized:view", c.Method, c.Method)
	case m.values != nil && !slices.Contains(m.values, c.Value):
		return p.fail(valueAt, "%s: has no value %q%s; it knows %s", c.Method, c.Value, nearest(c.Value, m.values), strings.Join(m.values, ", "))
	case m.parts > 0 && strings.Count(c.Value, ".") >= m.parts:
		return p.fail(valueAt, "%s: takes at most %d names joined by dots", c.Method, m.parts)
	}
	switch {
	case c.Method == "package" && c.Value == "this" && p.Package != "":
		c.Value = p.Package
	case c.Method == "selector":
		names := slices.Sorted(maps.Keys(p.Selectors))
		for _, name := range names {
			if Glob(c.Value, name) {
				c.named = append(c.named, p.Selectors[name])
			}
		}
		if c.named == nil {
			return p.fail(valueAt, "no selector is named %q%s", c.Value, nearest(c.Value, names))
		}
	}
	return nil
}

func nearest(name string, candidates []string) string {
	if n := diag.Nearest(name, candidates); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

package jinja

import "strings"

func (p *parser) nameTarget() *nameExpr {
	t := p.expect(tName)
	return &nameExpr{span: span{t.pos, t.end}, name: t.str, store: true}
}

// assignTarget reads what stands left of an assignment.
func (p *parser) assignTarget(o tupleOpts) expr {
	o.simple = true
	x := p.tuple(o)
	p.makeTarget(x)
	return x
}

func (p *parser) makeTarget(x expr) {
	switch x := x.(type) {
	case *nameExpr:
		x.store = true
		if x.name == "loop" {
			p.special |= storesLoop
		}
	case *nsRef:
	case *tupleExpr:
		for _, item := range x.items {
			p.makeTarget(item)
		}
	default:
		p.failSpan(x.at(), "can't assign to this")
	}
}

// tupleOpts say how a tuple is read; the zero value reads one or more
// expressions without inline if.
type tupleOpts struct {
	simple bool // names and literals only
	cond   bool // with inline if
	parens bool // in brackets, so that it may be empty
	ns     bool // ns.attr is a target
}

func (p *parser) tuple(o tupleOpts) expr {
	var items []expr
	start := p.cur.pos
	isTuple := false
	for {
		if len(items) > 0 {
			p.expect(tComma)
		}
		if k := p.cur.kind; k == tVarEnd || k == tBlockEnd || k == tRParen {
			break
		}
		var x expr
		if o.simple {
			x = p.primary(o.ns)
		} else {
			x = p.expression(o.cond)
		}
		if p.cur.kind != tComma {
			if !isTuple {
				return x
			}
			items = append(items, x)
			break
		}
		isTuple = true
		items = append(items, x)
	}
	if !isTuple && !o.parens {
		p.fail(p.cur, "expected an expression, got '%s'", p.cur)
	}
	end := p.cur.pos
	if n := len(items); n > 0 {
		end = items[n-1].at().end
	}
	return &tupleExpr{span{start, end}, items}
}

func (p *parser) expression(cond bool) expr {
	depth := p.depth
	p.deeper()
	x := p.or()
	for cond && p.skipName("if") {
		p.deeper()
		c := &condExpr{then: x, test: p.or()}
		if p.skipName("else") {
			c.otherwise = p.expression(true)
		}
		c.span = span{x.at().pos, p.lastEnd(c)}
		x = c
	}
	p.depth = depth
	return x
}

func (p *parser) lastEnd(c *condExpr) int32 {
	if c.otherwise != nil {
		return c.otherwise.at().end
	}
	return c.test.at().end
}

func join(l, r expr) span { return span{l.at().pos, r.at().end} }

func (p *parser) or() expr {
	l := p.and()
	for p.skipName("or") {
		p.deeper()
		r := p.and()
		l = &orExpr{join(l, r), l, r}
	}
	return l
}

func (p *parser) and() expr {
	l := p.not()
	for p.skipName("and") {
		p.deeper()
		r := p.not()
		l = &andExpr{join(l, r), l, r}
	}
	return l
}

func (p *parser) not() expr {
	if p.cur.is("not") {
		t := p.advance()
		p.deeper()
		x := p.not()
		return &notExpr{span{t.pos, x.at().end}, x}
	}
	return p.compare()
}

func (p *parser) compare() expr {
	first := p.sum()
	var rest []comparison
	for {
		op := p.cur.kind
		switch {
		case op >= tEq && op <= tLe:
			p.advance()
		case p.skipName("in"):
			op = opIn
		case p.cur.is("not") && p.look().is("in"):
			p.advance()
			p.advance()
			op = opNotIn
		default:
			if rest == nil {
				return first
			}
			return &compareExpr{join(first, rest[len(rest)-1].x), first, rest}
		}
		rest = append(rest, comparison{op, p.sum()})
	}
}

func (p *parser) sum() expr {
	l := p.concat()
	for p.cur.kind == tAdd || p.cur.kind == tSub {
		l = p.binary(l, (*parser).concat)
	}
	return l
}

func (p *parser) binary(l expr, operand func(*parser) expr) expr {
	p.deeper()
	op := p.advance().kind
	r := operand(p)
	return &binaryExpr{join(l, r), op, l, r}
}

func (p *parser) concat() expr {
	first := p.product()
	if p.cur.kind != tTilde {
		return first
	}
	items := []expr{first}
	for p.skipIf(tTilde) {
		items = append(items, p.product())
	}
	return &concatExpr{join(first, items[len(items)-1]), items}
}

func (p *parser) product() expr {
	l := p.pow()
	for k := p.cur.kind; k == tMul || k == tDiv || k == tFloorDiv || k == tMod; k = p.cur.kind {
		l = p.binary(l, (*parser).pow)
	}
	return l
}

// pow is left associative in Jinja.
func (p *parser) pow() expr {
	l := p.unary(true)
	for p.cur.kind == tPow {
		l = p.binary(l, func(p *parser) expr { return p.unary(true) })
	}
	return l
}

func (p *parser) unary(filters bool) expr {
	var x expr
	if k := p.cur.kind; k == tSub || k == tAdd {
		t := p.advance()
		p.deeper()
		operand := p.unary(false)
		x = &unaryExpr{span{t.pos, operand.at().end}, k, operand}
	} else {
		x = p.primary(false)
	}
	x = p.postfix(x)
	if filters {
		x = p.filterOrTest(x)
	}
	return x
}

func (p *parser) primary(ns bool) expr {
	t := p.cur
	s := span{t.pos, t.end}
	switch t.kind {
	case tName:
		p.advance()
		return p.nameOrConst(t, ns)
	case tString:
		p.advance()
		if p.cur.kind == tString {
			t.str = p.adjacent(t.str, &s)
		}
		return &constExpr{s, t.str}
	case tInteger, tFloat:
		p.advance()
		return &constExpr{s, t.num}
	case tLParen:
		p.advance()
		depth := p.depth
		p.deeper()
		x := p.tuple(tupleOpts{cond: true, parens: true})
		p.depth = depth
		end := p.expect(tRParen).end
		if tuple, ok := x.(*tupleExpr); ok && len(tuple.items) == 0 {
			tuple.span = span{t.pos, end}
		}
		return x
	case tLBracket:
		return p.list()
	case tLBrace:
		return p.dict()
	}
	p.fail(t, "unexpected '%s'", t)
	return nil
}

// adjacent reads the texts that follow a text: they are one.
func (p *parser) adjacent(first string, s *span) string {
	var b strings.Builder
	b.WriteString(first)
	for p.cur.kind == tString {
		t := p.advance()
		b.WriteString(t.str)
		s.end = t.end
	}
	return b.String()
}

func (p *parser) nameOrConst(t token, ns bool) expr {
	s := span{t.pos, t.end}
	switch t.str {
	case "true", "True":
		return &constExpr{s, true}
	case "false", "False":
		return &constExpr{s, false}
	case "none", "None":
		return &constExpr{s, nil}
	}
	p.special |= specialOf(t.str)
	if ns && p.skipIf(tDot) {
		attr := p.expect(tName)
		return &nsRef{span{t.pos, attr.end}, nameExpr{span: s, name: t.str}, attr.str}
	}
	return &nameExpr{span: s, name: t.str}
}

func (p *parser) list() expr {
	start := p.expect(tLBracket).pos
	var items []expr
	for p.cur.kind != tRBracket {
		if len(items) > 0 {
			p.expect(tComma)
		}
		if p.cur.kind == tRBracket {
			break
		}
		items = append(items, p.expression(true))
	}
	return &listExpr{span{start, p.expect(tRBracket).end}, items}
}

func (p *parser) dict() expr {
	d := &dictExpr{}
	d.pos = p.expect(tLBrace).pos
	for p.cur.kind != tRBrace {
		if len(d.keys) > 0 {
			p.expect(tComma)
		}
		if p.cur.kind == tRBrace {
			break
		}
		d.keys = append(d.keys, p.expression(true))
		p.expect(tColon)
		d.values = append(d.values, p.expression(true))
	}
	d.end = p.expect(tRBrace).end
	return d
}

func (p *parser) postfix(x expr) expr {
	for {
		switch p.cur.kind {
		case tDot, tLBracket:
			p.deeper()
			x = p.subscript(x)
		case tLParen:
			p.deeper()
			x = p.callOf(x)
		default:
			return x
		}
	}
}

func (p *parser) callOf(x expr) expr {
	c := &callExpr{fn: x}
	c.span = span{x.at().pos, p.arguments(&c.callArgs)}
	return c
}

func (p *parser) filterOrTest(x expr) expr {
	for {
		switch {
		case p.cur.kind == tPipe:
			x = p.filters(x, false)
		case p.cur.is("is"):
			p.deeper()
			x = p.test(x)
		case p.cur.kind == tLParen:
			p.deeper()
			x = p.callOf(x)
		default:
			return x
		}
	}
}

func (p *parser) subscript(x expr) expr {
	start := x.at().pos
	if p.skipIf(tDot) {
		t := p.advance()
		switch t.kind {
		case tName:
			return &attrExpr{span{start, t.end}, x, t.str}
		case tInteger:
			return &itemExpr{span{start, t.end}, x, &constExpr{span{t.pos, t.end}, t.num}}
		}
		p.fail(t, "expected a name or a number behind the dot")
	}
	p.expect(tLBracket)
	var args []expr
	for p.cur.kind != tRBracket {
		if len(args) > 0 {
			p.expect(tComma)
		}
		args = append(args, p.subscribed())
	}
	s := span{start, p.expect(tRBracket).end}
	if len(args) == 1 {
		if slice, ok := args[0].(*sliceExpr); ok {
			slice.obj, slice.span = x, s
			return slice
		}
		return &itemExpr{s, x, args[0]}
	}
	for _, a := range args {
		if _, ok := a.(*sliceExpr); ok {
			p.failSpan(s, "a slice can not be one of several subscripts")
		}
	}
	return &itemExpr{s, x, &tupleExpr{s, args}}
}

// subscribed reads an expression or a slice.
func (p *parser) subscribed() expr {
	sl := &sliceExpr{}
	if p.cur.kind != tColon {
		x := p.expression(true)
		if p.cur.kind != tColon {
			return x
		}
		sl.start = x
	}
	p.expect(tColon)
	part := func() expr {
		if k := p.cur.kind; k == tColon || k == tRBracket || k == tComma {
			return nil
		}
		return p.expression(true)
	}
	sl.stop = part()
	if p.skipIf(tColon) {
		sl.step = part()
	}
	return sl
}

// arguments reads (…) and returns where it ends.
func (p *parser) arguments(c *callArgs) int32 {
	open := p.expect(tLParen)
	ensure := func(ok bool) {
		if !ok {
			p.fail(open, "invalid syntax for a function call")
		}
	}
	for first := true; p.cur.kind != tRParen; first = false {
		if !first {
			p.expect(tComma)
			if p.cur.kind == tRParen {
				break
			}
		}
		switch {
		case p.cur.kind == tMul:
			ensure(c.star == nil && c.starstar == nil)
			p.advance()
			c.star = p.expression(true)
		case p.cur.kind == tPow:
			ensure(c.starstar == nil)
			p.advance()
			c.starstar = p.expression(true)
		case p.cur.kind == tName && p.look().kind == tAssign:
			ensure(c.starstar == nil)
			name := p.advance()
			p.advance()
			for _, k := range c.kwargs {
				if k.name == name.str {
					p.fail(name, "keyword argument repeated: %s", name.str)
				}
			}
			c.kwargs = append(c.kwargs, keyword{span{name.pos, name.end}, name.str, name.str, p.expression(true)})
		default:
			ensure(c.star == nil && c.starstar == nil && len(c.kwargs) == 0)
			c.args = append(c.args, p.expression(true))
		}
	}
	return p.expect(tRParen).end
}

// filters reads a chain of filters; inline starts without a pipe.
func (p *parser) filters(x expr, inline bool) expr {
	for p.cur.kind == tPipe || inline {
		p.deeper()
		if !inline {
			p.advance()
		}
		inline = false
		name, s := p.dottedName()
		f := &filterExpr{span: s, obj: x, name: name}
		if p.cur.kind == tLParen {
			f.end = p.arguments(&f.callArgs)
		}
		x = f
	}
	return x
}

func (p *parser) dottedName() (string, span) {
	t := p.expect(tName)
	s := span{t.pos, t.end}
	for p.skipIf(tDot) {
		next := p.expect(tName)
		t.str += "." + next.str
		s.end = next.end
	}
	return t.str, s
}

func (p *parser) test(x expr) expr {
	is := p.advance()
	negated := p.skipName("not")
	name, s := p.dottedName()
	t := &testExpr{span: s, obj: x, name: name}
	switch k := p.cur.kind; {
	case k == tLParen:
		t.end = p.arguments(&t.callArgs)
	case (k == tName || k == tString || k == tInteger || k == tFloat || k == tLBracket || k == tLBrace) &&
		!p.cur.is("else") && !p.cur.is("or") && !p.cur.is("and"):
		if p.cur.is("is") {
			p.fail(p.cur, "tests with 'is' can not be chained")
		}
		arg := p.postfix(p.primary(false))
		t.args, t.end = []expr{arg}, arg.at().end
	}
	t.pos = s.pos
	if negated {
		return &notExpr{span{is.pos, t.end}, t}
	}
	return t
}

package jinja

import (
	"fmt"
	"strings"

	"warehouse/runner/diag"
)

// maxNesting bounds how deep expressions and tags nest, and how long a chain
// of operators without brackets is.
const maxNesting = 1000

// parser builds the tree. It panics with a *lexError, which parseTemplate catches.
type parser struct {
	lex     lexer
	tmpl    *Template
	cur     token
	ahead   token
	peeked  bool
	depth   int
	ends    [][]string // the tags that each open tag waits for
	tags    []string   // the open tags
	special specials   // names seen in the body that is being read
	bodyEnd int        // where the body that was read last ended
}

// parseTemplate reads the tree of t.text[from:to].
func parseTemplate(t *Template, from, to int) (err error) {
	p := &parser{lex: lexer{src: t.text[:to], pos: from, state: tData}, tmpl: t}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*lexError)
			if !ok {
				panic(r)
			}
			err = t.syntaxError(e)
		}
	}()
	p.advance()
	t.body = p.body(nil)
	resolveTemplate(t)
	return nil
}

func (t *Template) syntaxError(e *lexError) *diag.Error {
	d := t.errorAt(span{int32(e.pos), int32(e.pos)}, e.msg)
	d.Span = e.span
	return d
}

func (p *parser) fail(at token, format string, args ...any) {
	p.failSpan(span{at.pos, at.end}, format, args...)
}

func (p *parser) failSpan(s span, format string, args ...any) {
	panic(&lexError{int(s.pos), p.tmpl.width(s), fmt.Sprintf(format, args...)})
}

// deeper counts a level of nesting; the caller restores depth.
func (p *parser) deeper() {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.cur, "nested more than %d deep", maxNesting)
	}
}

func (p *parser) read() token {
	t, err := p.lex.next()
	if err != nil {
		panic(err)
	}
	return t
}

// advance makes the next token the current one and returns the old one.
func (p *parser) advance() token {
	old := p.cur
	if p.peeked {
		p.cur, p.peeked = p.ahead, false
	} else {
		p.cur = p.read()
	}
	return old
}

func (p *parser) look() token {
	if !p.peeked {
		p.ahead, p.peeked = p.read(), true
	}
	return p.ahead
}

func (p *parser) skipIf(k kind) bool {
	if p.cur.kind == k {
		p.advance()
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.cur.is(name) {
		p.advance()
		return true
	}
	return false
}

func (p *parser) expect(k kind) token {
	if p.cur.kind != k {
		p.expected(k.String())
	}
	return p.advance()
}

func (p *parser) expectName(name string) token {
	if !p.cur.is(name) {
		p.expected(name)
	}
	return p.advance()
}

func (p *parser) expected(what string) {
	if p.cur.kind == tEOF {
		p.fail(p.cur, "unexpected end of template, expected '%s'", what)
	}
	p.fail(p.cur, "expected '%s', got '%s'", what, p.cur)
}

// body reads statements up to one of the end tags, whose name is then the
// current token, or to the end of the template if there are none.
func (p *parser) body(ends []string) []stmt {
	var body []stmt
	if ends == nil {
		body = make([]stmt, 0, 16)
	} else {
		p.ends = append(p.ends, ends)
		defer func() { p.ends = p.ends[:len(p.ends)-1] }()
	}
	for {
		switch p.cur.kind {
		case tEOF:
			if ends != nil {
				p.unknownTag("", p.cur)
			}
			return body
		case tData:
			t := p.advance()
			body = append(body, &dataStmt{span{t.pos, t.end}, t.str})
		case tVarBegin:
			p.advance()
			x := p.tuple(tupleOpts{cond: true})
			body = append(body, &printStmt{x.at(), x})
			p.expect(tVarEnd)
		default:
			begin := p.expect(tBlockBegin)
			if p.cur.kind == tName && contains(ends, p.cur.str) {
				p.bodyEnd = int(begin.pos)
				return body
			}
			body = p.statement(body)
			p.expect(tBlockEnd)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// block reads ": %} … {% end": a body behind a tag. The end tag's name is
// skipped and returned.
func (p *parser) block(ends ...string) ([]stmt, string) {
	p.skipIf(tColon)
	p.expect(tBlockEnd)
	body := p.body(ends)
	return body, p.advance().str
}

// statement reads a tag and appends what it makes to body.
func (p *parser) statement(body []stmt) []stmt {
	tag := p.cur
	if tag.kind != tName {
		p.fail(tag, "tag name expected")
	}
	read, ok := statementOf(tag.str)
	if !ok {
		p.unknownTag(tag.str, tag)
	}
	depth := p.depth
	p.deeper()
	p.tags = append(p.tags, tag.str)
	p.advance()
	if s := read(p, tag); s != nil {
		body = append(body, s)
	}
	p.tags = p.tags[:len(p.tags)-1]
	p.depth = depth
	return body
}

// statementOf returns the reader of a tag, which is called behind its name.
func statementOf(tag string) (func(*parser, token) stmt, bool) {
	switch tag {
	case "set":
		return (*parser).set, true
	case "if":
		return (*parser).ifTag, true
	case "for":
		return (*parser).forTag, true
	case "macro":
		return (*parser).macro, true
	case "call":
		return (*parser).call, true
	case "filter":
		return (*parser).filterTag, true
	case "do":
		return (*parser).do, true
	case "with":
		return (*parser).with, true
	case "print":
		return (*parser).print, true
	case "break", "continue":
		return (*parser).loopControl, true
	case "include":
		return (*parser).include, true
	case "import":
		return (*parser).importTag, true
	case "from":
		return (*parser).from, true
	case "block":
		return (*parser).blockTag, true
	case "extends":
		return (*parser).extends, true
	case "autoescape":
		return (*parser).autoescape, true
	case "test", "data_test", "materialization", "docs":
		return (*parser).dbtMacro, true
	case "snapshot":
		return (*parser).snapshot, true
	}
	return nil, false
}

// unknownTag fails with what Jinja would say about a tag that does not fit
// here, or about the end of the template (name "").
func (p *parser) unknownTag(name string, at token) {
	var b strings.Builder
	if name == "" {
		b.WriteString("unexpected end of template")
	} else {
		fmt.Fprintf(&b, "unknown tag '%s'", name)
	}
	if len(p.ends) > 0 {
		wanted := "'" + strings.Join(p.ends[len(p.ends)-1], "' or '") + "'"
		misplaced := false
		for _, e := range p.ends {
			misplaced = misplaced || name != "" && contains(e, name)
		}
		if misplaced {
			fmt.Fprintf(&b, ": this tag does not belong here, %s does", wanted)
		} else {
			fmt.Fprintf(&b, ": looking for the tag %s", wanted)
		}
	}
	if len(p.tags) > 0 {
		fmt.Fprintf(&b, "; the innermost block that needs to be closed is '%s'", p.tags[len(p.tags)-1])
	}
	e := &lexError{int(at.pos), p.tmpl.width(span{at.pos, at.end}), b.String()}
	panic(e)
}

func (p *parser) set(tag token) stmt {
	target := p.assignTarget(tupleOpts{ns: true})
	if p.skipIf(tAssign) {
		return &setStmt{span{tag.pos, tag.end}, target, p.tuple(tupleOpts{cond: true})}
	}
	s := &setBlockStmt{span: span{tag.pos, tag.end}, target: target}
	if f := p.filters(nil, false); f != nil {
		s.filter = f.(*filterExpr)
	}
	s.body, _ = p.block("endset")
	return s
}

func (p *parser) ifTag(tag token) stmt {
	s := &ifStmt{span: span{tag.pos, tag.end}}
	for {
		arm := ifArm{test: p.tuple(tupleOpts{})}
		var end string
		arm.body, end = p.block("elif", "else", "endif")
		s.arms = append(s.arms, arm)
		switch end {
		case "elif":
			continue
		case "else":
			s.otherwise, _ = p.block("endif")
		}
		return s
	}
}

func (p *parser) forTag(tag token) stmt {
	s := &forStmt{span: span{tag.pos, tag.end}}
	outer := p.special
	p.special = 0
	s.target = p.assignTarget(tupleOpts{})
	target := p.special & storesLoop
	p.expectName("in")
	s.iter = p.tuple(tupleOpts{})
	if p.skipName("if") {
		s.test = p.expression(true)
	}
	s.recursive = p.skipName("recursive")
	outer |= p.special
	p.special = 0
	var end string
	s.body, end = p.block("endfor", "else")
	s.special = p.special | target
	if end == "else" {
		s.otherwise, _ = p.block("endfor")
	}
	p.special |= outer
	return s
}

func (p *parser) do(tag token) stmt {
	return &doStmt{span{tag.pos, tag.end}, p.tuple(tupleOpts{cond: true})}
}

func (p *parser) with(tag token) stmt {
	s := &withStmt{span: span{tag.pos, tag.end}}
	for p.cur.kind != tBlockEnd && p.cur.kind != tColon {
		if len(s.targets) > 0 {
			p.expect(tComma)
		}
		s.targets = append(s.targets, p.assignTarget(tupleOpts{}))
		p.expect(tAssign)
		s.values = append(s.values, p.expression(true))
	}
	s.body, _ = p.block("endwith")
	return s
}

func (p *parser) print(token) stmt {
	s := &scopeStmt{}
	for p.cur.kind != tBlockEnd {
		if len(s.body) > 0 {
			p.expect(tComma)
		}
		x := p.expression(true)
		s.body = append(s.body, &printStmt{x.at(), x})
	}
	return s
}

func (p *parser) loopControl(tag token) stmt {
	if tag.str == "break" {
		return &breakStmt{span{tag.pos, tag.end}}
	}
	return &continueStmt{span{tag.pos, tag.end}}
}

func (p *parser) filterTag(tag token) stmt {
	s := &filterStmt{span: span{tag.pos, tag.end}}
	s.filter = p.filters(nil, true).(*filterExpr)
	s.body, _ = p.block("endfilter")
	return s
}

func (p *parser) blockTag(tag token) stmt {
	s := &blockStmt{span: span{tag.pos, tag.end}, name: p.expect(tName).str}
	s.scoped = p.skipName("scoped")
	p.skipName("required")
	if p.cur.kind == tSub {
		p.fail(p.cur, "a block's name is an identifier and holds no hyphen; use an underscore")
	}
	// What a block uses does not count for the loop or macro around it, but a
	// scoped one is given the variable loop.
	outer := p.special
	s.body, _ = p.block("endblock")
	p.special = outer | p.special&storesLoop
	if s.scoped {
		p.special |= usesLoop
	}
	p.skipName(s.name)
	return s
}

func (p *parser) extends(tag token) stmt {
	p.fail(tag, "extends is not supported: put the shared part in a macro and call it")
	return nil
}

func (p *parser) autoescape(tag token) stmt {
	x := p.expression(true)
	if c, ok := x.(*constExpr); !ok || Truth(c.v) {
		p.fail(tag, "autoescape is not supported: SQL is no HTML")
	}
	s := &scopeStmt{span: span{tag.pos, tag.end}}
	s.body, _ = p.block("endautoescape")
	return s
}

func (p *parser) importContext(preset bool) bool {
	if (p.cur.is("with") || p.cur.is("without")) && p.look().is("context") {
		preset = p.advance().str == "with"
		p.advance()
	}
	return preset
}

func (p *parser) include(tag token) stmt {
	s := &includeStmt{span: span{tag.pos, tag.end}, template: p.expression(true)}
	if p.cur.is("ignore") && p.look().is("missing") {
		s.ignoreMissing = true
		p.advance()
		p.advance()
	}
	s.withContext = p.importContext(true)
	return s
}

func (p *parser) importTag(tag token) stmt {
	s := &importStmt{span: span{tag.pos, tag.end}, template: p.expression(true)}
	p.expectName("as")
	s.target = *p.nameTarget()
	s.withContext = p.importContext(false)
	return s
}

func (p *parser) from(tag token) stmt {
	s := &fromStmt{span: span{tag.pos, tag.end}, template: p.expression(true)}
	p.expectName("import")
	for {
		if len(s.names) > 0 {
			p.expect(tComma)
		}
		if p.cur.kind != tName {
			p.expect(tName)
		}
		if (p.cur.is("with") || p.cur.is("without")) && p.look().is("context") {
			s.withContext = p.importContext(false)
			return s
		}
		name := p.nameTarget()
		if strings.HasPrefix(name.name, "_") {
			p.failSpan(name.span, "names that start with an underline can not be imported")
		}
		alias := name
		if p.skipName("as") {
			alias = p.nameTarget()
		}
		s.names = append(s.names, fromName{name.name, *alias})
		if p.cur.is("with") || p.cur.is("without") {
			s.withContext = p.importContext(false)
			return s
		}
		if p.cur.kind != tComma {
			return s
		}
	}
}

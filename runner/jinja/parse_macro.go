package jinja

// define makes the Macro of a tag whose signature has been read, reads its body
// up to the end tag, and enters it in the template if it stands at the top level.
func (p *parser) define(m *Macro, name token, end string) {
	m.tmpl, m.at = p.tmpl, span{name.pos, name.end}
	m.Pos = p.tmpl.pos(name.pos)
	outer := p.special
	p.special = 0
	m.body, _ = p.block(end)
	m.special = p.special
	p.special |= outer
	if len(p.tags) == 1 && m.Name != "" {
		p.tmpl.macros = append(p.tmpl.macros, m)
	}
}

func (p *parser) macro(tag token) stmt {
	name := p.nameTarget()
	m := &Macro{Name: name.name, Kind: "macro"}
	p.signature(m)
	p.define(m, token{pos: name.pos, end: name.end}, "endmacro")
	return &macroStmt{span: name.span, tag: tag.pos, def: m}
}

func (p *parser) call(tag token) stmt {
	m := &Macro{Kind: "caller"}
	if p.cur.kind == tLParen {
		p.signature(m)
	}
	x := p.expression(true)
	call, ok := x.(*callExpr)
	if !ok {
		p.failSpan(x.at(), "expected a call")
	}
	p.define(m, tag, "endcall")
	return &callStmt{span{tag.pos, tag.end}, call, m}
}

// signature reads (a, b=1), or with types (a: string, b: integer = 1).
func (p *parser) signature(m *Macro) {
	p.expect(tLParen)
	for p.cur.kind != tRParen {
		if len(m.Params) > 0 {
			p.expect(tComma)
		}
		name := p.nameTarget()
		param := Param{Name: name.name, at: name.span}
		if p.skipIf(tColon) {
			p.typeName()
		}
		if p.skipIf(tAssign) {
			param.value, param.HasDefault = p.expression(true), true
		} else if n := len(m.Params); n > 0 && m.Params[n-1].HasDefault {
			p.failSpan(name.span, "non-default argument follows default argument")
		}
		for _, other := range m.Params {
			if other.Name == name.name {
				p.failSpan(name.span, "duplicate argument '%s'", name.name)
			}
		}
		m.Params = append(m.Params, param)
	}
	p.expect(tRParen)
}

// typeName reads the type of a parameter, as dbt lets macros have it: string,
// list[string], dict[string, any]. It means nothing to a render.
func (p *parser) typeName() {
	p.expect(tName)
	if !p.skipIf(tLBracket) {
		return
	}
	for n := 0; p.cur.kind != tRBracket; n++ {
		if n > 0 {
			p.expect(tComma)
		}
		p.typeName()
	}
	p.expect(tRBracket)
}

// dbtMacro reads dbt's tags that define a macro under a derived name.
func (p *parser) dbtMacro(tag token) stmt {
	name := p.nameTarget()
	m := &Macro{Kind: tag.str}
	switch tag.str {
	case "docs":
		m.Name = "dbt_docs__" + name.name
	case "materialization":
		m.Name = "materialization_" + name.name + "_" + p.materialization(m)
	default:
		m.Kind, m.Name = "test", "test_"+name.name
		p.signature(m)
	}
	from := p.bodyStart()
	p.define(m, token{pos: name.pos, end: name.end}, "end"+tag.str)
	if tag.str == "docs" && len(p.tags) == 1 {
		p.tmpl.blocks = append(p.tmpl.blocks, &Block{Kind: tag.str, Name: name.name, Pos: m.Pos, from: from, to: p.bodyEnd})
	}
	return &macroStmt{span: name.span, tag: tag.pos, def: m}
}

// materialization reads what stands behind a materialization's name and
// returns its adapter.
func (p *parser) materialization(m *Macro) string {
	adapter := "default"
	for p.skipIf(tComma) {
		arg := p.nameTarget()
		switch arg.name {
		case "default":
		case "adapter":
			p.expect(tAssign)
			c, ok := p.expression(true).(*constExpr)
			name, isText := "", false
			if ok {
				name, isText = c.v.(string)
			}
			if !isText {
				p.failSpan(arg.span, "the adapter of a materialization is a text")
			}
			adapter = name
		case "supported_languages":
			p.expect(tAssign)
			m.Params = append(m.Params, Param{Name: arg.name, HasDefault: true, at: arg.span, value: p.expression(true)})
		default:
			p.failSpan(arg.span, "a materialization has no argument '%s'", arg.name)
		}
	}
	return adapter
}

// snapshot reads dbt's snapshot tag, which prints its body.
func (p *parser) snapshot(tag token) stmt {
	name := p.nameTarget()
	from := p.bodyStart()
	s := &scopeStmt{span: span{tag.pos, tag.end}}
	s.body, _ = p.block("endsnapshot")
	if len(p.tags) == 1 {
		p.tmpl.blocks = append(p.tmpl.blocks,
			&Block{Kind: "snapshot", Name: name.name, Pos: p.tmpl.pos(name.pos), from: from, to: p.bodyEnd})
	}
	return s
}

// bodyStart is where the body of the tag begins whose end is the current token.
func (p *parser) bodyStart() int { return int(p.cur.end) }

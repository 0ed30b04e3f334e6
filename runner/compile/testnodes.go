package compile

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// dataTests makes a node of every data test of an enabled model or source, and
// of every singular one.
func (c *compiler) dataTests() {
	var todo []func() unit
	each := func(n *Node, tests []*project.DataTest, tags []string) {
		for _, t := range tests {
			todo = append(todo, func() unit { return c.genericNode(t, n, tags) })
		}
	}
	all := func(n *Node, tests []*project.DataTest, columns []project.Column) {
		var own []string
		if n.Source != nil {
			own = n.Tags // as in dbt: a model's tags are not its tests'
		}
		each(n, tests, own)
		for _, col := range columns {
			each(n, col.Tests, slices.Concat(own, col.Tags))
		}
	}
	for _, m := range c.project.Models {
		if n := c.nodes[m.ID()]; n != nil && n.File == m.File && m.YAML != nil {
			all(n, m.YAML.Tests, m.YAML.Columns)
		}
	}
	for _, s := range c.project.Seeds {
		if n := c.nodes["seed."+s.Package+"."+s.Name]; n != nil && n.File == s.File && s.YAML != nil {
			all(n, s.YAML.Tests, s.YAML.Columns)
		}
	}
	for _, s := range c.project.Snapshots {
		if n := c.nodes[s.ID()]; n != nil && n.Pos == s.Pos && s.YAML != nil {
			all(n, s.YAML.Tests, s.YAML.Columns)
		}
	}
	for _, s := range c.project.Sources {
		if n := c.nodes[sourceID(s)]; n != nil && n.Source == s {
			all(n, s.Tests, s.Columns)
		}
	}
	for _, t := range c.project.Tests {
		todo = append(todo, func() unit { return c.singularNode(t) })
	}
	// Some at a time: what a render needs is large beside the node that it makes.
	for part := range slices.Chunk(todo, 2_000) {
		units := make([]unit, len(part))
		c.parallel(len(part), func(i int) {
			if units[i] = part[i](); units[i].node != nil {
				units[i].configureTest()
			}
		})
		for i := range units {
			if u := &units[i]; u.node != nil && u.enabled {
				c.addTest(u)
			}
		}
	}
}

// configureTest reads a data test's config.
func (u *unit) configureTest() {
	n := u.node
	n.Test.hash = n.testHash()
	n.config = u.r.merged()
	cfg, errs := project.DecodeTest(n.config)
	if len(errs) > 0 {
		u.r.placeConfig()
		n.config = u.r.merged()
		cfg, errs = project.DecodeTest(n.config)
		u.config = u.r.ownKeys(atKeys(errs, n.config))
	}
	t := n.Test
	t.Severity, t.WarnIf, t.ErrorIf, t.FailCalc, t.Where, t.Limit = cfg.Severity, cfg.WarnIf, cfg.ErrorIf, cfg.FailCalc, cfg.Where, cfg.Limit
	t.Said = "ERROR"
	if said, ok := n.config["severity"].Value.(string); ok {
		t.Said = said
	}
	u.enabled = cfg.Enabled
	u.config = append(u.config, u.keptIn(cfg)...)
	for _, tag := range cfg.Tags {
		if !slices.Contains(n.Tags, tag) {
			n.Tags = append(n.Tags, tag)
		}
	}
	if u.args != nil && u.r.volatile == "" {
		t.RowWise, t.Distinct = u.r.rowWise(u.args)
	}
}

// keptIn reads whether and where failing rows are kept.
func (u *unit) keptIn(cfg project.TestConfig) []*diag.Error {
	n := u.node
	t := n.Test
	if set := n.config["store_failures"]; set.Value != nil {
		t.keep = new(cfg.StoreFailures)
	}
	switch set := n.config["store_failures_as"]; strings.ToLower(cfg.StoreAs) {
	case "":
	case "table", "view": // always a table here
		t.keep = new(true)
	case "ephemeral":
		t.keep = new(false)
	default:
		return []*diag.Error{configError(set, fmt.Sprintf("unknown store_failures_as: %q", cfg.StoreAs), "values: table, view, ephemeral")}
	}
	t.KeptIn = engine.Relation{Schema: u.r.project.Target.Schema + "_" + cmp.Or(cfg.Schema, "dbt_test__audit"), Name: cfg.Alias}
	return nil
}

// addTest puts a test that was rendered into the graph.
func (c *compiler) addTest(u *unit) {
	n := u.node
	c.report(u)
	if u.err != nil {
		return
	}
	if n.Test.attached != nil {
		n.reads(n.Test.attached)
	}
	reads := true
	c.link(u, func(err *diag.Error) {
		var gone *lookupError
		if errors.As(err, &gone) && gone.disabled {
			err.Warn, reads = true, false
			err.Msg += ", so the data test " + n.Name + " is left out"
		}
		c.errs.Add(err)
	})
	if reads {
		c.uniqueName(n)
		c.keepApart(n)
		c.nodes[n.ID] = n
	}
}

// uniqueName tells apart what would have one name: the same test twice with
// another `where`, say. The first keeps the name.
func (c *compiler) uniqueName(n *Node) {
	base := n.Name
	for i := 2; ; i++ {
		n.ID = "test." + n.Package + "." + n.Name + n.Test.hash
		if key := strings.TrimSuffix(n.ID, n.Test.hash); !c.testNames[key] {
			c.testNames[key] = true
			break
		}
		n.Name = fmt.Sprintf("%s_%d", base, i)
	}
	n.FQN = append(slices.Clip(n.FQN), n.Name)
}

// testHash is what stands behind a generic data test's name in its id, as dbt
// makes it: of its name and of what it is called with.
func (n *Node) testHash() string {
	t := n.Test
	if t.Generic == "" {
		return ""
	}
	items := t.Args.Items()
	keys := make([]string, 0, len(items)+2)
	for _, it := range items {
		keys = append(keys, jinja.Str(it.Key))
	}
	if t.Column != "" && !slices.Contains(keys, "column_name") {
		keys = append(keys, "column_name")
	}
	if t.attached != nil && !slices.Contains(keys, "model") {
		keys = append(keys, "model")
	}
	slices.Sort(keys)
	var room [512]byte
	text := append(append(room[:0], n.Name...), "{'kwargs': {"...)
	for i, key := range keys {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = append(appendRepr(text, key), ": "...)
		switch {
		case key == "column_name" && t.Column != "":
			text = appendRepr(text, t.Column)
		case key == "model" && t.attached != nil:
			text = appendRepr(text, "{{ get_where_subquery("+t.attached.Call()+") }}")
		default:
			v, _ := t.Args.Get(key)
			text = append(text, jinja.Repr(hashable(v))...)
		}
	}
	text = appendRepr(append(text, "}, 'name': "...), t.Generic)
	text = append(appendRepr(append(text, ", 'namespace': "...), cmp.Or(t.Package, "None")), '}')
	sum := md5.Sum(text)
	return "." + hex.EncodeToString(sum[11:])
}

// appendRepr appends a text as Python's repr() prints it.
func appendRepr(b []byte, s string) []byte {
	quote := byte('\'')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' && quote == '\'' && !strings.Contains(s, `"`):
			quote = '"'
		case c < ' ' || c > '~' || c == '\\' || c == quote:
			return append(b, jinja.Repr(s)...)
		}
	}
	return append(append(append(b, quote), s...), quote)
}

// hashable is a value with its dicts in the order of their keys, and all else as text.
func hashable(v jinja.Value) jinja.Value {
	switch v := v.(type) {
	case *jinja.Dict:
		out := jinja.NewDict()
		items := slices.SortedFunc(slices.Values(v.Items()), func(a, b jinja.Item) int { return strings.Compare(jinja.Str(a.Key), jinja.Str(b.Key)) })
		for _, it := range items {
			_ = out.Set(it.Key, hashable(it.Value))
		}
		return out
	case *jinja.List:
		out := &jinja.List{}
		for _, item := range v.Items {
			out.Items = append(out.Items, hashable(item))
		}
		return out
	}
	return jinja.Str(v)
}

// Call is how a template names a node.
func (n *Node) Call() string {
	switch {
	case n.Source != nil:
		return "source('" + n.Source.SourceName + "', '" + n.Source.Name + "')"
	case n.Version != nil:
		return fmt.Sprintf("ref('%s', version='%v')", n.BaseName(), n.Version.V)
	}
	return "ref('" + n.Name + "')"
}

// Macros are the ids of the macros that a generic data test is made by, as dbt
// has them.
func (t *DataTest) Macros() []string {
	if t.macroID == "" {
		return nil
	}
	if t.macroID == "macro.dbt.test_unique" || t.macroID == "macro.dbt.test_not_null" {
		return []string{t.macroID}
	}
	return []string{t.macroID, "macro.dbt.get_where_subquery"}
}

// keepApart refuses two data tests that would keep their failing rows in one
// table.
func (c *compiler) keepApart(n *Node) {
	t := n.Test
	if t.KeptIn.Name == "" {
		t.KeptIn.Name = n.Name
	}
	if !t.Keeps(false) {
		return
	}
	if c.kept == nil {
		c.kept = map[string]*Node{}
	}
	key := strings.ToLower(t.KeptIn.Schema + "\x00" + t.KeptIn.Name)
	if first := c.kept[key]; first != nil {
		c.errs.Add(&diag.Error{Pos: n.Pos, Msg: fmt.Sprintf("two data tests keep their failing rows in %s: %s and %s (%s)", t.KeptIn, n.Name, first.Name, first.Pos),
			Advice: "give one of them another alias"})
		return
	}
	c.kept[key] = n
}

// singularNode renders a test that is a file of its own.
func (c *compiler) singularNode(t *project.SingularTest) unit {
	if t.Template == nil {
		return unit{}
	}
	n := &Node{
		Config: NoConfig,
		Name:   t.Name, Package: t.Package, Resource: Test, Kind: Test, File: t.File, Pos: diag.Pos{File: t.File, Line: 1, Col: 1},
		FQN: t.FQN[:max(0, len(t.FQN)-1)], Description: t.Description, RawSQL: t.Source, template: t.Template, Test: &DataTest{},
	}
	r := &render{env: c.env, ctx: c.ctx, node: n, pkg: t.Package, layers: t.Layers, above: t.Over}
	_, err := t.Template.Render(c.ctx, r.options())
	return unit{r: r, node: n, err: err}
}

// genericNode renders a test of a YAML file. That of a built-in macro is not
// rendered: only its arguments can read anything.
func (c *compiler) genericNode(t *project.DataTest, of *Node, tags []string) unit {
	n := &Node{
		Config:  NoConfig,
		Package: of.Package, Resource: Test, Kind: Test, File: t.Pos.File, Pos: t.Pos, Description: t.Description, Tags: slices.Clone(tags),
		FQN: folderFQN(c.project, of.Package, t.Pos.File),
		Test: &DataTest{Generic: t.Test, Package: t.Package, Column: t.Column, Model: of.ID, Args: t.Args, FailCalc: "count(*)",
			macro: c.macros.genericTest(t.Package, of.Package, t.Test), attached: of,
			quote: t.Quote, span: t.Span, line: t.SourceLine, argPos: t.ArgPos},
	}
	n.Test.macroID = c.macros.id(n.Test.macro, "test_"+t.Test)
	n.Name = t.Name
	if n.Name == "" {
		n.Name = generatedName(t, of)
	}
	r := &render{env: c.env, ctx: c.ctx, node: n, pkg: of.Package, layers: t.Layers[:max(0, len(t.Layers)-1)], above: append([]project.Config{t.Config}, t.Over...)}
	if where, ok := t.Config["where"]; ok {
		n.Test.Where = jinja.Str(where.Value)
	}
	u := unit{r: r, node: n}
	if n.Test.macro == nil {
		u.err = c.noSuchTest(t)
		return u
	}
	if u.err = r.checkArgs(t); u.err != nil {
		return u
	}
	if u.args, u.err = r.testArgs(); u.err != nil {
		return u
	}
	if !r.isBuiltin() {
		r.calls = nil // the render finds them again
		_, u.err = r.genericTest()
		return u
	}
	if t.Test == "accepted_values" {
		u.err = r.checkAcceptedValues(u.args)
	}
	if r.isDrift() {
		u.err = r.checkDrift(u.args)
	}
	if u.err == nil && n.Test.Where != "" {
		_, u.err = r.tested() // the condition may be wrong, or read something
	}
	return u
}

func generatedName(t *project.DataTest, of *Node) string {
	args := jinja.NewDict()
	if t.Column != "" {
		_ = args.Set("column_name", t.Column)
	}
	for _, it := range t.Args.Items() {
		_ = args.Set(it.Key, it.Value)
	}
	generic, target := t.Test, of.Name
	if of.Resource == Source {
		generic, target = "source_"+generic, of.Source.SourceName+"_"+of.Name
	}
	if t.Package != "" {
		generic = t.Package + "_" + generic
	}
	return testName(generic, target, args)
}

func (c *compiler) noSuchTest(t *project.DataTest) error {
	name := t.Test
	if t.Package != "" {
		name = t.Package + "." + name
	}
	e := &diag.Error{Pos: t.Pos, Span: t.Span, Source: t.SourceLine, Msg: fmt.Sprintf("there is no data test '%s'", name)}
	known := c.macros.genericTests()
	slices.Sort(known)
	first, _, more := strings.Cut(name, " ")
	switch near := diag.Nearest(name, known); {
	case near != "":
		e.Msg += fmt.Sprintf("; did you mean '%s'?", near)
	case more && slices.Contains(known, first):
		e.Advice = fmt.Sprintf("a condition of '%s' stands under it, as config: {where: …}", first)
	default:
		e.Advice = "known are " + strings.Join(known, ", ") + "; your own is a file with {% test " + path.Base(t.Test) + "(model, column_name) %} in macros or tests/generic"
	}
	return e
}

// checkArgs compares the arguments of a test with the parameters of its macro.
func (r *render) checkArgs(t *project.DataTest) error {
	m := r.node.Test.macro
	var params []string
	for _, p := range m.Params {
		if p.Name != "model" && p.Name[0] != '_' { // given by us
			params = append(params, p.Name)
		}
	}
	if r.isBuiltin() {
		for _, it := range t.Args.Items() {
			arg := jinja.Str(it.Key)
			if slices.Contains(params, arg) {
				continue
			}
			pos, span, line := r.node.argPlace(arg)
			e := &diag.Error{Pos: pos, Span: span, Source: line, Msg: fmt.Sprintf("data test %s has no argument '%s'", t.Test, arg)}
			if near := diag.Nearest(arg, params); near != "" {
				e.Msg += fmt.Sprintf("; did you mean '%s'?", near)
			} else if len(params) > 0 {
				e.Advice = "it has " + strings.Join(params, ", ")
			}
			return e
		}
	}
	if !r.isBuiltin() && (!r.strict || r.ofPackage(m.File()) || r.ofPackage(t.Pos.File)) {
		return nil // dbt leaves what is missing undefined, and macros count on it
	}
	for _, p := range m.Params {
		_, given := t.Args.Get(p.Name)
		if p.HasDefault || given || p.Name == "model" || p.Name == "column_name" && t.Column != "" {
			continue
		}
		e := &diag.Error{Pos: t.Pos, Span: t.Span, Source: t.SourceLine, Msg: fmt.Sprintf("data test %s needs the argument '%s'", t.Test, p.Name)}
		if p.Name == "column_name" {
			e.Advice = "put the test under a column, or give column_name among its arguments"
		}
		return e
	}
	return nil
}

func (r *render) checkAcceptedValues(args *jinja.Dict) error {
	if _, ok := acceptedValues(args); ok {
		return nil
	}
	v, _ := args.Get("values")
	if l, ok := v.(*jinja.List); ok && slices.ContainsFunc(l.Items, func(v jinja.Value) bool { return noSecret("", v) != nil }) {
		return nil
	}
	pos, span, line := r.node.argPlace("values")
	return &diag.Error{Pos: pos, Span: span, Source: line, Msg: "data test accepted_values needs a list of values, not " + jinja.Repr(v)}
}

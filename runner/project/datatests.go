package project

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"warehouse/runner/jinja"
)

var (
	testName = regexp.MustCompile(`^(?:([a-zA-Z_][0-9a-zA-Z_]*)\.)?([a-zA-Z_][0-9a-zA-Z_]*)$`)
	// besideArguments are config keys that dbt also takes beside the arguments.
	besideArguments = []string{"severity", "tags", "enabled", "where", "limit", "warn_if", "error_if", "fail_calc", "store_failures",
		"store_failures_as", "meta", "database", "schema", "alias"}
)

// dataTests reads the data tests of a model, source table or column.
func (f *yamlFile) dataTests(ps []pair, column string, quote bool) []*DataTest {
	list, key := find(ps, "data_tests"), "data_tests"
	if old := find(ps, "tests"); old != nil {
		if list != nil {
			i := slices.IndexFunc(ps, func(p pair) bool { return p.key == "tests" })
			f.errorf(ps[i].k, "both tests and data_tests").Advice = "move all under data_tests: they mean the same"
			return nil
		}
		list, key = old, "tests"
	}
	var out []*DataTest
	for _, n := range f.list(list, key) {
		t := f.dataTest(n, column, quote)
		if t == nil {
			continue
		}
		if at := slices.IndexFunc(out, t.equal); at >= 0 {
			e := f.errorf(resolve(n), "the data test %s stands here twice, first in line %d", t.Test, out[at].Pos.Line)
			e.Pos, e.Span, e.Source = t.Pos, t.Span, t.SourceLine
			e.Advice = "remove one, or give it another config or a name"
			continue
		}
		out = append(out, t)
	}
	return out
}

// equal reports whether two data tests of one column are the same query.
func (t *DataTest) equal(o *DataTest) bool {
	return t.Test == o.Test && t.Package == o.Package && t.Name == o.Name && t.Column == o.Column &&
		jinja.Repr(t.Args) == jinja.Repr(o.Args) && t.Config.equal(o.Config)
}

func (c Config) equal(o Config) bool {
	if len(c) != len(o) {
		return false
	}
	for k, s := range c {
		if x, ok := o[k]; !ok || jinja.Repr(s.Value) != jinja.Repr(x.Value) {
			return false
		}
	}
	return true
}

// dataTest reads a name, or a mapping of a name to its arguments.
func (f *yamlFile) dataTest(n *yaml.Node, column string, quote bool) *DataTest {
	n = resolve(n)
	t := &DataTest{Column: column, Quote: quote, Args: jinja.NewDict(), Config: Config{}}
	switch {
	case isNullNode(n):
		f.errorf(n, "a data test without a name")
		return nil
	case n.Kind == yaml.ScalarNode:
		if !f.testName(t, n) {
			return nil
		}
		return t
	case n.Kind != yaml.MappingNode:
		f.errorf(n, "a data test must be a name, or a name with arguments, not %s", kindOf(n))
		return nil
	}
	ps := f.mappingPairs(n, 0)
	if len(ps) == 0 {
		f.errorf(n, "a data test without a name")
		return nil
	}
	if i := slices.IndexFunc(ps, func(p pair) bool { return p.key == "test_name" }); i >= 0 {
		if !f.testName(t, resolve(ps[i].v)) {
			return nil
		}
		f.testArguments(t, slices.Delete(ps, i, i+1))
		return t
	}
	if len(ps) > 1 {
		e := f.errorf(ps[1].k, "%q stands beside the data test %q, not below it", ps[1].key, ps[0].key)
		e.Advice = fmt.Sprintf("indent it further than %s, or begin another data test with \"- \"", ps[0].key)
		return nil
	}
	if !f.testName(t, ps[0].k) {
		return nil
	}
	f.testArguments(t, f.pairs(ps[0].v, fmt.Sprintf("what stands below the data test %s", t.Test)))
	return t
}

func (f *yamlFile) testName(t *DataTest, n *yaml.Node) bool {
	m := testName.FindStringSubmatch(n.Value)
	if n.Kind != yaml.ScalarNode || m == nil {
		e := f.errorf(n, "%q is not the name of a data test", n.Value)
		if first, rest, ok := strings.Cut(n.Value, " "); ok {
			e.Msg += fmt.Sprintf(": there is text after %s", first)
			e.Advice = fmt.Sprintf("a filter is written %s: {config: {where: …}}", first)
			if !strings.HasPrefix(rest, "where") {
				e.Advice = fmt.Sprintf("arguments are written %s: {arguments: {…}}", first)
			}
		}
		return false
	}
	t.Package, t.Test = m[1], m[2]
	t.Pos, t.Span, t.SourceLine = f.pos(n), span(n), f.line(n.Line)
	return true
}

// testArguments reads what stands below a data test's name.
func (f *yamlFile) testArguments(t *DataTest, ps []pair) {
	what := fmt.Sprintf("the config of the data test %s", t.Test)
	t.Config = f.testConfig(find(ps, "config"), what)
	for _, p := range ps {
		switch {
		case p.key == "config":
		case p.key == "name":
			t.Name = f.text(p.v, "name")
		case p.key == "description":
			t.Description = f.rawText(p.v, "description")
		case p.key == "arguments":
			for _, a := range f.pairs(p.v, "arguments") {
				f.argument(t, a)
			}
		case p.key == "column_name" && t.Column == "":
			t.Column = f.text(p.v, "column_name")
		case slices.Contains(besideArguments, p.key):
			if _, double := t.Config[p.key]; double {
				f.errorf(p.k, "%s stands both here and under config", p.key)
				continue
			}
			t.Config[p.key] = f.configSetting(p, slices.Contains(rawConfigKeys, p.key))
		default:
			f.argument(t, p)
		}
	}
	_, errs := DecodeTest(t.Config)
	f.errs.Add(f.wrong(errs)...)
}

// testConfig reads the config of a data test, with `where` raw.
func (f *yamlFile) testConfig(n *yaml.Node, what string) Config {
	return f.config(n, what, testKeysToo)
}

func (f *yamlFile) argument(t *DataTest, p pair) {
	if p.key == "model" {
		f.errorf(p.k, "the argument model is the model that the data test stands at: it can not be given")
		return
	}
	if _, double := t.Args.Get(p.key); double {
		f.errorf(p.k, "argument %s of the data test %s is given twice", p.key, t.Test)
		return
	}
	if t.ArgPos == nil {
		t.ArgPos = map[string]Pos{}
	}
	t.ArgPos[p.key] = f.pos(p.k)
	_ = t.Args.Set(p.key, f.raw(p.v))
}

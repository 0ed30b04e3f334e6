package compile

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// markup is what makes dbt take a text for a template.
var markup = regexp.MustCompile(`\{[{%#]|[#}%]\}`)

// describe renders a description of a YAML file, which may call doc().
func (u *unit) describe(text string, at diag.Pos) string {
	if !markup.MatchString(text) {
		return text // also its last line break, which a template loses
	}
	t, err := jinja.Parse(at.File, text)
	if err == nil {
		var out jinja.Output
		if out, err = t.Render(u.r.ctx, u.r.options()); err == nil {
			return out.Text
		}
	}
	e := &diag.Error{Pos: at, Msg: "the description: " + err.Error(), Err: err}
	var d *diag.Error
	if errors.As(err, &d) {
		e.Msg, e.Advice = "the description: "+d.Msg, d.Advice
	}
	u.config = append(u.config, e)
	return text
}

func (u *unit) describeColumns(columns []project.Column) []project.Column {
	for i, c := range columns {
		if text := u.describe(c.Description, c.Pos); text != c.Description {
			columns = slices.Clone(columns)
			columns[i].Description = text
		}
	}
	return columns
}

// description is one that belongs to no node, as its YAML file has it.
type description struct{ pkg, text string }

// Described is a description that stands in a YAML file of a package, with its
// doc() rendered: of a group, an exposure, a macro and its arguments, a unit
// test, the source of source tables. What nodes say of themselves is rendered.
func (g *Graph) Described(pkg, text string) string {
	if g.env == nil {
		return text
	}
	return g.env.text(pkg, text)
}

func (e *env) text(pkg, text string) string {
	if done, ok := e.described[description{pkg, text}]; ok {
		return done
	}
	return text
}

// describeEntries renders the descriptions of what is no node.
func (c *compiler) describeEntries() {
	for _, kind := range []string{"group", "exposure", "macro", "unit_test"} {
		for _, e := range c.project.Entries[kind] {
			c.describe(e.Package, e.Description, e.Pos)
			if kind != "macro" || e.Raw == nil {
				continue
			}
			raw, _ := Plain(e.Raw).(map[string]any)
			arguments, _ := raw["arguments"].([]any)
			for _, a := range arguments {
				if text, ok := asDict(a)["description"].(string); ok {
					c.describe(e.Package, text, e.Pos)
				}
			}
		}
	}
}

func (c *compiler) describe(pkg, text string, at diag.Pos) {
	key := description{pkg, text}
	if _, done := c.described[key]; done || !strings.Contains(text, "{") {
		return
	}
	u := unit{r: &render{env: c.env, ctx: c.ctx, pkg: pkg}}
	if c.described == nil {
		c.described = map[description]string{}
	}
	c.described[key] = u.describe(text, at)
	c.errs.Add(u.config...)
	c.errs.Add(u.r.warnings...)
}

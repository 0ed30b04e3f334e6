package compile

import (
	"errors"
	"slices"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/jinja"
	"warehouse/runner/project"
)

// describe renders a description of a YAML file, which may call doc().
func (u *unit) describe(text string, at diag.Pos) string {
	if !strings.Contains(text, "{{") && !strings.Contains(text, "{%") {
		return text
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

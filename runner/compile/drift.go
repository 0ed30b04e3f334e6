package compile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"warehouse/runner/diag"
	"warehouse/runner/engine"
	"warehouse/runner/jinja"
)

// The data test drift compares a number of a model's rows with what it is in the
// published run, or in a tag. It reads those of the views that consumers read;
// so a model that was never published has none, and passes.

// driftMeasures are the numbers; of those but the first a column has them.
var driftMeasures = []string{"row_count", "null_share", "mean", "sum", "min", "max"}

const published = "published"

func (r *render) isDrift() bool { return r.node.Test.Generic == "drift" && r.isBuiltin() }

// checkDrift says what is wrong with the arguments, at their place, and fills in
// those that were left out, numbers as SQL.
func (r *render) checkDrift(args *jinja.Dict) error {
	if of := r.node.Test.attached; of.Resource == Source || of.Kind == "ephemeral" {
		return r.badArg("", "data test drift compares runs of a model; "+of.Name+" has none")
	}
	column, _ := args.Get("column_name")
	measure := textArg(args, "measure", "row_count")
	if m, ok := args.Get("measure"); (!ok || m == nil) && column != nil {
		measure = "mean"
	}
	direction, against := textArg(args, "direction", "both"), textArg(args, "against", published)
	switch {
	case !slices.Contains(driftMeasures, measure):
		return r.badArg("measure", oneOfMessage("measure", measure, driftMeasures))
	case measure != "row_count" && column == nil:
		return r.badArg("measure", fmt.Sprintf("data test drift: %s is that of a column: put the test under a column, or give column_name", measure))
	case !slices.Contains([]string{"up", "down", "both"}, direction):
		return r.badArg("direction", oneOfMessage("direction", direction, []string{"up", "down", "both"}))
	case !isTag(against):
		return r.badArg("against", fmt.Sprintf("data test drift: against is %q or a tag, not %q", published, against))
	}
	given := false
	for _, name := range []string{"relative", "absolute"} {
		v, ok := args.Get(name)
		given = given || ok && v != nil
		text, err := driftNumber(name, v)
		if err != nil {
			return r.badArg(name, "data test drift: "+err.Error())
		}
		_ = args.Set(name, text)
	}
	if !given {
		return r.badArg("", "data test drift needs 'relative' or 'absolute': how much may it move? relative: 10%, absolute: 5")
	}
	_ = args.Set("measure", measure)
	_ = args.Set("direction", direction)
	_ = args.Set("against", against)
	return nil
}

func (r *render) badArg(arg, msg string) error {
	pos, span, line := r.node.argPlace(arg)
	return &diag.Error{Pos: pos, Span: span, Source: line, Msg: msg}
}

func oneOfMessage(arg, value string, values []string) string {
	msg := fmt.Sprintf("data test drift: %s is one of %s, not %q", arg, strings.Join(values, ", "), value)
	if near := diag.Nearest(value, values); near != "" {
		msg += fmt.Sprintf("; did you mean '%s'?", near)
	}
	return msg
}

func textArg(args *jinja.Dict, name, otherwise string) string {
	if v, ok := args.Get(name); ok && v != nil {
		return jinja.Str(v)
	}
	return otherwise
}

// isTag says whether a name can be that of a tag, as far as it goes into SQL.
func isTag(name string) bool {
	return name != "" && name != "latest" && name != "previous" && !strings.ContainsAny(name, " \t\n\"'.~@")
}

// driftNumber is a number that is not negative, or a share of one: "10%".
func driftNumber(name string, v jinja.Value) (string, error) {
	if v == nil {
		return "0", nil
	}
	if err := noSecret(name, v); err != nil {
		return "", err
	}
	text := strings.TrimSpace(jinja.Str(v))
	number, percent := strings.CutSuffix(text, "%")
	f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch {
	case err != nil || !(f >= 0) || f > 1e300:
		return "", fmt.Errorf("%s is a number of 0 or more, not %s", name, jinja.Repr(v))
	case percent && name == "absolute":
		return "", fmt.Errorf("absolute is a number, not a share; write relative: %s", text)
	case percent:
		f /= 100
	}
	return strconv.FormatFloat(f, 'e', -1, 64), nil
}

// driftBefore is what a drift is measured against: the published rows of its
// model that match `where`, or none, which it says.
func (r *render) driftBefore(args *jinja.Dict) (jinja.Value, error) {
	if !r.execute() {
		return nil, nil
	}
	of, against := r.node.Test.attached, textArg(args, "against", published)
	schema, name, what := against, of.ShownName(), "the tag "+against
	if against == published {
		what = "the published run"
		schema, name = of.Public(r.project.Target)
	}
	found, err := r.findRelations(r.b.Database, schema, name)
	if err != nil {
		return nil, err
	}
	if len(found.Items) == 0 && against != published {
		all, err := r.findRelations(r.b.Database, schema, "")
		if err == nil && len(all.Items) == 0 {
			err = fmt.Errorf("there is no tag %s; `warehouse tag` lists them", against)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(found.Items) == 0 {
		r.say(fmt.Sprintf("%s: %s has no %s: it passes", r.node.Name, what, of.Name), true)
		return nil, nil
	}
	rel := found.Items[0]
	known, err := r.columnsInRelation(&jinja.Call{Args: []jinja.Value{rel}})
	if err != nil {
		return nil, err
	}
	col, _ := args.Get("column_name")
	plain := col != nil && jinja.Str(col) == engine.Ident(r.node.Test.Column)
	if plain && !slices.ContainsFunc(known.(*jinja.List).Items, func(c jinja.Value) bool { return strings.EqualFold(c.(*column).name, r.node.Test.Column) }) {
		r.say(fmt.Sprintf("%s: %s has no column %s of %s: it passes", r.node.Name, what, r.node.Test.Column, of.Name), true)
		return nil, nil
	}
	if r.node.Test.Where == "" {
		return rel, nil
	}
	m := r.macros.find(r.pkg, "get_where_subquery")
	_, v, err := r.macros.template[m].CallMacro(r.ctx, m, []jinja.Value{rel}, nil, r.options())
	return v, err
}

package runner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"warehouse/runner/compile"
	"warehouse/runner/diag"
	"warehouse/runner/diff"
	"warehouse/runner/engine"
	"warehouse/runner/history"
	"warehouse/runner/project"
)

// How far numbers of a mart may differ and count as equal is part of its config,
// and kept with each run's record of it, so that comparing two runs needs no
// project that compiles.

// tolerancesOf are a model's tolerances by lower-cased column: those of the
// columns' own entries go before those of its config.
func tolerancesOf(n *compile.Node) map[string]history.Tolerance {
	out := map[string]history.Tolerance{}
	for name, t := range n.Config.Tolerance {
		out[name] = history.Tolerance(t)
	}
	for _, c := range n.Columns {
		if c.Tolerance != nil {
			out[strings.ToLower(c.Name)] = history.Tolerance(*c.Tolerance)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// checkTolerances refuses a tolerance of a column that the model does not have.
func checkTolerances(n *compile.Node, columns []engine.Column) error {
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(tolerancesOf(n))) {
		if name == "" || slices.ContainsFunc(names, func(c string) bool { return strings.EqualFold(c, name) }) {
			continue
		}
		e := &diag.Error{Pos: diag.Pos{File: n.File}, Msg: fmt.Sprintf("the column %s of tolerance is not in the SELECT of %s", name, n.Name),
			Advice: "change tolerance in the model's config or its columns"}
		if i := slices.IndexFunc(n.Columns, func(c project.Column) bool { return c.Tolerance != nil && strings.EqualFold(c.Name, name) }); i >= 0 {
			e.Pos = n.Columns[i].Pos
		}
		if near := diag.Nearest(name, names); near != "" {
			e.Advice = fmt.Sprintf("did you mean %s?", near)
		}
		return e
	}
	return nil
}

// tolerating are the options that compare a run as its record says.
func tolerating(l history.Layout) diff.Options {
	o := diff.Options{FloatTolerance: l.FloatTolerance, ByColumn: map[string]diff.Tolerance{}}
	for name, t := range l.Tolerance {
		if name == "" {
			o.Tolerance = diff.Tolerance(t)
		} else {
			o.ByColumn[name] = diff.Tolerance(t)
		}
	}
	return o
}

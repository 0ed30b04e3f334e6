package selector

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Define returns the selection that a definition of dbt's selectors.yml
// describes, read as plain values: a text as for Parse without blanks and
// commas; one pair of a method and a value; a dict of method, value and what
// goes with them; or a dict of union or intersection, whose list may have one
// exclude. It fails with a *SyntaxError where a text is wrong, and with other
// errors where the shape is.
func (o Options) Define(def any) (Expr, error) {
	switch def := def.(type) {
	case string:
		return o.defineText(def)
	case map[string]any:
		return o.defineDict(def)
	}
	return nil, fmt.Errorf("expected a text or a dict, not %v", def)
}

func (o Options) defineText(text string) (Expr, error) {
	if strings.ContainsAny(text, " \t\r\n,") {
		return nil, fmt.Errorf("%q: blanks and commas are not read here; write a union or an intersection", text)
	}
	p := parser{Options: o, query: text}
	if text == "" {
		return nil, p.fail(0, "empty selection")
	}
	return p.criterion(0, len(text))
}

func (o Options) defineDict(def map[string]any) (Expr, error) {
	for _, operator := range []string{"union", "intersection"} {
		if list, ok := def[operator]; ok {
			return o.defineSet(operator, list)
		}
	}
	method, _ := def["method"].(string)
	_, hasValue := def["value"]
	switch {
	case len(def) == 1 && !hasValue && method == "":
		for key, value := range def {
			return o.defineCriterion(map[string]any{"method": key, "value": value})
		}
	case method == "selector":
		return o.inherit(def)
	case method != "" && hasValue:
		return o.defineCriterion(def)
	}
	return nil, fmt.Errorf("expected union, intersection, or method and value, not %s", strings.Join(slices.Sorted(maps.Keys(def)), ", "))
}

// inherit is another selector as a whole: dbt takes nothing else of the dict.
func (o Options) inherit(def map[string]any) (Expr, error) {
	name := fmt.Sprint(def["value"])
	if e, ok := o.Selectors[name]; ok {
		return e, nil
	}
	return nil, fmt.Errorf("no selector before this one is named %q%s", name, nearest(name, slices.Sorted(maps.Keys(o.Selectors))))
}

func (o Options) defineSet(operator string, list any) (Expr, error) {
	items, ok := list.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is a list", operator)
	}
	var parts []Expr
	var without Expr
	for _, item := range items {
		d, _ := item.(map[string]any)
		excluded, is := d["exclude"]
		if !is || len(d) > 1 {
			part, err := o.Define(item)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
			continue
		}
		if without != nil {
			return nil, fmt.Errorf("a %s has one exclude at most; put all into its list", operator)
		}
		var err error
		if without, err = o.defineExclude(excluded); err != nil {
			return nil, err
		}
	}
	var all Expr = Union{Parts: parts, Indirect: o.Indirect}
	if operator == "intersection" {
		all = Intersection{Parts: parts, Indirect: o.Indirect}
	}
	if without == nil {
		return all, nil
	}
	return Difference{From: all, Without: without, Indirect: o.Indirect}, nil
}

func (o Options) defineExclude(list any) (Expr, error) {
	items, ok := list.([]any)
	if !ok {
		return nil, fmt.Errorf("exclude is a list")
	}
	u := Union{Indirect: o.Indirect}
	for _, item := range items {
		part, err := o.Define(item)
		if err != nil {
			return nil, err
		}
		u.Parts = append(u.Parts, part)
	}
	return u, nil
}

var definitionKeys = []string{"method", "value", "children", "parents", "childrens_parents", "children_depth", "parents_depth", "indirect_selection", "exclude"}

// defineCriterion reads a method, its value and what goes with them.
func (o Options) defineCriterion(def map[string]any) (Expr, error) {
	for _, key := range slices.Sorted(maps.Keys(def)) {
		if !slices.Contains(definitionKeys, key) {
			return nil, fmt.Errorf("unknown key %q%s; a criterion has %s", key, nearest(key, definitionKeys), strings.Join(definitionKeys, ", "))
		}
	}
	method, value := fmt.Sprint(def["method"]), fmt.Sprint(def["value"])
	query := method + ":" + value
	c := Criterion{Value: value, Indirect: o.Indirect, query: query, end: len(query)}
	c.Method, c.Arg, _ = strings.Cut(method, ".")
	p := parser{Options: o, query: query}
	if err := p.check(&c, 0, len(method)+1); err != nil {
		return nil, err
	}
	var err error
	for key, to := range map[string]*bool{"children": &c.Children, "parents": &c.Parents, "childrens_parents": &c.ChildrensParents} {
		if *to, err = truth(def, key); err != nil {
			return nil, err
		}
	}
	for key, to := range map[string]*int{"children_depth": &c.ChildrenDepth, "parents_depth": &c.ParentsDepth} {
		if v, ok := def[key]; ok {
			if *to, err = strconv.Atoi(fmt.Sprint(v)); err != nil || *to < 0 {
				return nil, fmt.Errorf("%s is a number, not %v", key, v)
			}
		}
	}
	if c.ChildrensParents && c.Children {
		return nil, fmt.Errorf("childrens_parents and children do not go together; childrens_parents includes all children")
	}
	if v, ok := def["indirect_selection"]; ok {
		if c.Indirect, err = ParseIndirect(fmt.Sprint(v)); err != nil {
			return nil, err
		}
	}
	excluded, ok := def["exclude"]
	if !ok {
		return c, nil
	}
	without, err := o.defineExclude(excluded)
	if err != nil {
		return nil, err
	}
	return Difference{From: c, Without: without}, nil
}

func truth(def map[string]any, key string) (bool, error) {
	switch v := def[key].(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	default:
		return false, fmt.Errorf("%s is true or false, not %v", key, v)
	}
}

package compile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"warehouse/runner/diag"
)

// Levels of access. Only private has a meaning within a project: a model that
// is private is read by its group alone.
const (
	Private   = "private"
	Protected = "protected"
	Public    = "public"
)

// access looks at groups and access of all models, when all are known.
func (c *compiler) access() {
	groups := map[string]bool{}
	for _, e := range c.project.Entries["group"] {
		groups[e.Name] = true
	}
	for _, id := range slices.Sorted(maps.Keys(c.units)) {
		c.checkAccess(c.units[id].node, groups)
	}
}

func (c *compiler) checkAccess(n *Node, groups map[string]bool) {
	at := func(key string) diag.Pos {
		if s, ok := n.config[key]; ok && s.Pos.Line > 0 {
			return s.Pos
		}
		return n.Pos
	}
	if g := n.Config.Group; g != "" && !groups[g] {
		known := slices.Sorted(maps.Keys(groups))
		e := &diag.Error{Pos: at("group"), Msg: fmt.Sprintf("%s %s is in the group '%s', which is described nowhere", n.Resource, n.Name, g),
			Advice: "describe it in a YAML file: groups: [{name: " + g + ", owner: {name: …}}]"}
		if near := diag.Nearest(g, known); near != "" {
			e.Msg += fmt.Sprintf("; did you mean '%s'?", near)
		}
		c.errs.Add(e)
	}
	switch a := n.Config.Access; {
	case n.Resource != Model || a == "" || a == Private || a == Protected:
	case a != Public:
		e := &diag.Error{Pos: at("access"), Msg: fmt.Sprintf("access: '%s' is none of private, protected, public", a)}
		if near := diag.Nearest(a, []string{Private, Protected, Public}); near != "" {
			e.Msg += fmt.Sprintf("; did you mean '%s'?", near)
		}
		c.errs.Add(e)
	case n.Kind == "ephemeral":
		c.errs.Add(&diag.Error{Pos: at("access"), Msg: fmt.Sprintf("model %s is ephemeral and cannot be public: there is nothing of it to read", n.Name)})
	}
}

// mayRead says why a node may not read a private model; nil if it may.
func mayRead(reader, of *Node) error {
	if of.Resource != Model || of.Config.Access != Private {
		return nil
	}
	group := reader.Group()
	if group == of.Config.Group {
		return nil
	}
	return &lookupError{msg: fmt.Sprintf("model '%s' is private to the group '%s', and %s is in %s", of.Name, of.Config.Group, reader.Name,
		cmp.Or(quotedGroup(group), "no group")), advice: "put the reader into that group, or give the model access: protected"}
}

func quotedGroup(g string) string {
	if g == "" {
		return ""
	}
	return "the group '" + g + "'"
}

// Group is the group that a node is in, "" for none; a data test of a model is
// in the model's.
func (n *Node) Group() string {
	if n.Test != nil && n.Test.attached != nil {
		return n.Test.attached.Config.Group
	}
	return n.Config.Group
}

package compile

import (
	"slices"

	"warehouse/runner/diag"
)

// inlined is an ephemeral model that became a CTE.
type inlined struct {
	node *Node
	name string // of the CTE, bare
	body body
	at   diag.Pos // of the ref
}

// inline renders an ephemeral model once per statement and returns the name of
// its CTE.
func (r *render) inline(n *Node, at diag.Pos) (string, error) {
	name := "__dbt__cte__" + n.Name
	top := r.top()
	for i := range top.inlined {
		if top.inlined[i].node == n {
			return name, nil
		}
	}
	child := r.child(n)
	b, err := child.write()
	if err != nil {
		if d, ok := err.(*diag.Error); ok {
			cp := *d
			cp.Trace = append(slices.Clip(d.Trace), diag.Frame{Pos: at, What: "ephemeral model " + n.Name})
			return "", &cp
		}
		return "", err
	}
	top.inlined = append(top.inlined, inlined{n, name, b, at})
	return name, nil
}

func (r *render) child(n *Node) *render {
	return &render{env: r.env, ctx: r.ctx, node: n, pkg: n.Package, b: r.b, into: r, known: n.config, declared: declared(n)}
}

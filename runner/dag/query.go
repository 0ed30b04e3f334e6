package dag

import "slices"

// Len returns the number of nodes.
func (g *Graph) Len() int { return len(g.ids) }

// Has reports whether id is a node.
func (g *Graph) Has(id string) bool { _, ok := g.at[id]; return ok }

// Order returns all nodes, parents before children. Of the nodes that could
// come next, the one with the alphabetically first name does.
func (g *Graph) Order() []string { return slices.Clone(g.ids) }

// Parents returns the nodes that id waits for, sorted; nil for an unknown id.
func (g *Graph) Parents(id string) []string { return g.next(g.parents, id) }

// Children returns the nodes that wait for id, sorted; nil for an unknown id.
func (g *Graph) Children(id string) []string { return g.next(g.children, id) }

// Ancestors returns all nodes at most depth edges above id, sorted and without
// id itself; depth < 0 means all of them. An unknown id has none.
func (g *Graph) Ancestors(id string, depth int) []string {
	return g.reach(g.parents, id, depth)
}

// Descendants returns all nodes at most depth edges below id, sorted and
// without id itself; depth < 0 means all of them. An unknown id has none.
func (g *Graph) Descendants(id string, depth int) []string {
	return g.reach(g.children, id, depth)
}

func (g *Graph) next(edges [][]int, id string) []string {
	i, ok := g.at[id]
	if !ok {
		return nil
	}
	return g.names(edges[i])
}

// reach goes out from id level by level, so that a node is met at its
// shortest distance first.
func (g *Graph) reach(edges [][]int, id string, depth int) []string {
	start, ok := g.at[id]
	if !ok {
		return nil
	}
	seen := map[int]bool{start: true}
	var found []int
	for level := []int{start}; len(level) > 0 && depth != 0; depth-- {
		var next []int
		for _, i := range level {
			for _, j := range edges[i] {
				if !seen[j] {
					seen[j] = true
					next = append(next, j)
				}
			}
		}
		found = append(found, next...)
		level = next
	}
	return g.names(found)
}

func (g *Graph) names(indices []int) []string {
	out := make([]string, len(indices))
	for k, i := range indices {
		out[k] = g.ids[i]
	}
	slices.Sort(out)
	return out
}

// Subgraph returns the graph of the nodes for which keep is true. Order is
// kept through the nodes that are left out: a → b → c without b has a → c.
// Names in keep that are no nodes are ignored.
func (g *Graph) Subgraph(keep map[string]bool) *Graph {
	// above[i] is what a child of i gets as its parents: i itself if it
	// stays, otherwise what i would have waited for.
	above := make([]map[int]bool, len(g.ids))
	parents := make(map[string][]string)
	for i, id := range g.ids {
		near := make(map[int]bool)
		for _, p := range g.parents[i] {
			for q := range above[p] {
				near[q] = true
			}
		}
		if !keep[id] {
			above[i] = near
			continue
		}
		above[i] = map[int]bool{i: true}
		parents[id] = nil
		for q := range near {
			parents[id] = append(parents[id], g.ids[q])
		}
	}
	sub, err := New(parents)
	if err != nil {
		panic("dag: a part of a graph without cycles has an error: " + err.Error())
	}
	return sub
}

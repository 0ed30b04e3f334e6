// Package dag orders work: which node comes before which, and who may run now.
//
// It knows nothing of models or of SQL; a node is a name. Data flows in three
// steps:
//
//  1. New takes the parents of every node and refuses a cycle (CycleError).
//  2. A Graph answers questions (Order, Ancestors, Descendants), and Subgraph
//     leaves nodes out without losing the order of the rest.
//  3. Walk visits every node after its parents, several at once. It is the one
//     place of the project where goroutines are started.
//
// Read Graph first, then Walk.
package dag

import (
	"container/heap"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Graph is a directed graph without cycles. It never changes, so it can be
// read by many goroutines at once.
type Graph struct {
	ids      []string       // in topological order, ties by name
	at       map[string]int // id → index in ids
	parents  [][]int        // ascending indices, which is an order of ids too
	children [][]int
}

// CycleError says that nodes wait for each other in a ring.
type CycleError struct {
	// Path is one way round, parent before child, from the ring's
	// alphabetically first node back to the same node.
	Path []string
}

func (e *CycleError) Error() string { return "cycle: " + strings.Join(e.Path, " → ") }

// New returns the graph of the nodes that are keys of parents. A repeated
// parent counts once. It fails if a parent is no key, and with a *CycleError
// if there is a ring; which error is told of several depends on names alone.
func New(parents map[string][]string) (*Graph, error) {
	names := slices.Sorted(maps.Keys(parents))
	rank := make(map[string]int, len(names))
	for i, id := range names {
		rank[id] = i
	}
	up, edges := make([][]int, len(names)), 0
	for _, of := range parents {
		edges += len(of)
	}
	room := make([]int, 0, edges)
	for i, id := range names {
		up[i] = room[len(room):]
		for _, p := range parents[id] {
			j, ok := rank[p]
			if !ok {
				return nil, fmt.Errorf("%q has the parent %q, which is not in the graph", id, p)
			}
			up[i] = append(up[i], j)
		}
		slices.Sort(up[i])
		up[i] = slices.Compact(up[i])
		room = room[:len(room)+len(up[i])]
		up[i] = slices.Clip(up[i])
	}
	order := topological(up)
	if len(order) < len(names) {
		return nil, &CycleError{Path: ring(names, up, order)}
	}
	return build(names, up, order), nil
}

// build numbers the nodes anew, in topological order.
func build(names []string, up [][]int, order []int) *Graph {
	g := &Graph{
		ids:     make([]string, len(order)),
		at:      make(map[string]int, len(order)),
		parents: make([][]int, len(order)),
	}
	place := make([]int, len(order)) // rank by name → index in g.ids
	for i, r := range order {
		g.ids[i], g.at[names[r]], place[r] = names[r], i, i
	}
	for i, r := range order {
		for j, p := range up[r] {
			up[r][j] = place[p]
		}
		g.parents[i] = up[r]
		slices.Sort(g.parents[i])
	}
	g.children = turned(g.parents)
	return g
}

// turned are the children of nodes whose parents are given, ascending.
func turned(parents [][]int) [][]int {
	count, edges := make([]int, len(parents)), 0
	for _, of := range parents {
		edges += len(of)
		for _, p := range of {
			count[p]++
		}
	}
	children, room := make([][]int, len(parents)), make([]int, edges)
	for i, n := range count {
		children[i], room = room[:0:n], room[n:]
	}
	for i, of := range parents {
		for _, p := range of {
			children[p] = append(children[p], i)
		}
	}
	return children
}

// topological is Kahn's method with a heap, so that of all nodes that could
// come next the one with the first name does. Nodes in or behind a ring are
// left out.
func topological(up [][]int) []int {
	down := turned(up)
	missing := make([]int, len(up))
	var ready intHeap
	for i, ps := range up {
		missing[i] = len(ps)
		if len(ps) == 0 {
			ready = append(ready, i) // ascending, which is a heap already
		}
	}
	order := make([]int, 0, len(up))
	for len(ready) > 0 {
		i := heap.Pop(&ready).(int)
		order = append(order, i)
		for _, c := range down[i] {
			if missing[c]--; missing[c] == 0 {
				heap.Push(&ready, c)
			}
		}
	}
	return order
}

// ring finds one cycle among the nodes that topological left out: every one of
// them has a parent that was left out too, so going up must come round.
func ring(names []string, up [][]int, order []int) []string {
	ordered := make([]bool, len(names))
	for _, i := range order {
		ordered[i] = true
	}
	seen := make(map[int]int) // node → its place in path
	var path []int
	for i := slices.Index(ordered, false); ; {
		if from, ok := seen[i]; ok {
			path = path[from:]
			break
		}
		seen[i] = len(path)
		path = append(path, i)
		i = up[i][slices.IndexFunc(up[i], func(p int) bool { return !ordered[p] })]
	}
	slices.Reverse(path) // from going up to the way the data flows
	first := slices.Index(path, slices.Min(path))
	out := make([]string, 0, len(path)+1)
	for k := range len(path) + 1 {
		out = append(out, names[path[(first+k)%len(path)]])
	}
	return out
}

type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *intHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *intHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

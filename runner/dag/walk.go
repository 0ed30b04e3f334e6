package dag

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// Options says how to walk. The zero value visits one node at a time.
type Options struct {
	Workers  int  // visits at once; less than 1 means 1
	FailFast bool // after the first error nothing new starts; what runs may finish

	// Priority decides which of the nodes that could start does: the one
	// with the highest number, then the first in Order. It is asked once per
	// node. Nil means the length of the longest way down from the node, so
	// that what holds up most starts first.
	Priority func(id string) int
}

// Outcome says how one node ended. The zero value is a visit that went well.
type Outcome struct {
	Err error // what the visit returned

	// Skipped nodes were not visited because SkippedBecause failed: an
	// ancestor (of several the first in Order), or, under FailFast, the node
	// whose error came first.
	Skipped        bool
	SkippedBecause string

	// Cancelled nodes were not visited because the context was cancelled.
	Cancelled bool
}

// Panic is what Walk panics with when a visit did.
type Panic struct {
	ID    string // the node whose visit panicked
	Value any    // what it panicked with
	Stack []byte // of the visit's goroutine
}

func (p *Panic) Error() string {
	return fmt.Sprintf("panic while visiting %s: %v\n\n%s", p.ID, p.Value, p.Stack)
}

// Unwrap returns the value if it was an error.
func (p *Panic) Unwrap() error { err, _ := p.Value.(error); return err }

var errGoexit = errors.New("the visit ended its goroutine")

// Walk visits every node of g after all its parents were visited without an
// error, at most o.Workers at once, and returns how each node ended: one entry
// per node. An error skips the node's descendants; other branches go on.
//
// When ctx is cancelled nothing new starts; visits that run see the cancelled
// ctx, and whatever has not started by then is Cancelled, also below a visit
// that failed because of it. When a visit panics nothing new starts either,
// and Walk panics with a *Panic. In every case all visits have returned before
// Walk does.
func Walk(ctx context.Context, g *Graph, o Options, visit func(ctx context.Context, id string) error) map[string]Outcome {
	w := newWalker(g, o)
	running := 0
	for {
		for !w.stopped && running < max(1, o.Workers) && w.ready.Len() > 0 && ctx.Err() == nil {
			i := heap.Pop(w.ready).(int)
			w.started[i] = true
			running++
			go call(ctx, i, g.ids[i], visit, w.done)
		}
		if running == 0 {
			break
		}
		end := <-w.done
		running--
		w.ended(end, ctx.Err() != nil)
	}
	if w.panicked != nil {
		panic(w.panicked)
	}
	return w.outcomes()
}

// end is what a visit's goroutine reports, as its last act.
type end struct {
	node     int
	err      error
	panicked *Panic
}

// call visits one node and sends one end for it, whichever way the visit ends:
// it returns, panics, or leaves by runtime.Goexit.
func call(ctx context.Context, i int, id string, visit func(context.Context, string) error, done chan<- end) {
	e := end{node: i, err: errGoexit}
	defer func() {
		if v := recover(); v != nil {
			e.panicked = &Panic{ID: id, Value: v, Stack: debug.Stack()}
		}
		done <- e
	}()
	e.err = visit(ctx, id)
}

// walker is the state of one walk. Only Walk's own goroutine touches it; the
// visits' goroutines send to done and nothing else.
type walker struct {
	g        *Graph
	failFast bool
	ready    *queue
	missing  []int // parents that have not ended well yet
	started  []bool
	errs     []error
	late     []bool // failed when ctx was cancelled already
	first    int    // the node whose error came first, or -1
	stopped  bool   // nothing new starts
	panicked *Panic
	done     chan end
}

func newWalker(g *Graph, o Options) *walker {
	n := g.Len()
	w := &walker{
		g: g, failFast: o.FailFast, first: -1,
		missing: make([]int, n), started: make([]bool, n), errs: make([]error, n), late: make([]bool, n),
		done: make(chan end, max(1, o.Workers)), // room for all that run: a visit's goroutine never waits
	}
	w.ready = &queue{priority: g.heights()}
	for i, id := range g.ids {
		if o.Priority != nil {
			w.ready.priority[i] = o.Priority(id)
		}
		if w.missing[i] = len(g.parents[i]); w.missing[i] == 0 {
			w.ready.nodes = append(w.ready.nodes, i)
		}
	}
	heap.Init(w.ready)
	return w
}

// ended takes in the end of one visit.
func (w *walker) ended(e end, cancelled bool) {
	switch {
	case e.panicked != nil:
		if w.panicked == nil {
			w.panicked = e.panicked
		}
		w.stopped = true
	case e.err != nil:
		w.errs[e.node], w.late[e.node] = e.err, cancelled
		if w.first < 0 {
			w.first = e.node
		}
		w.stopped = w.stopped || w.failFast
	default:
		for _, c := range w.g.children[e.node] {
			if w.missing[c]--; w.missing[c] == 0 {
				heap.Push(w.ready, c)
			}
		}
	}
}

// outcomes tells how each node ended. A node below a failed one never became
// ready, so why it did not start is worked out here, parents first.
func (w *walker) outcomes() map[string]Outcome {
	out := make(map[string]Outcome, w.g.Len())
	because := make([]int, w.g.Len()) // the failed ancestor, or the node itself if it failed, or -1
	for i, id := range w.g.ids {
		because[i] = -1
		if w.started[i] {
			out[id] = Outcome{Err: w.errs[i]}
			if w.errs[i] != nil && !w.late[i] {
				because[i] = i
			}
			continue
		}
		for _, p := range w.g.parents[i] {
			if b := because[p]; b >= 0 && (because[i] < 0 || b < because[i]) {
				because[i] = b
			}
		}
		switch {
		case because[i] >= 0:
			out[id] = Outcome{Skipped: true, SkippedBecause: w.g.ids[because[i]]}
		case w.failFast && w.first >= 0 && !w.late[w.first]:
			out[id] = Outcome{Skipped: true, SkippedBecause: w.g.ids[w.first]}
		default:
			out[id] = Outcome{Cancelled: true}
		}
	}
	return out
}

// heights returns the number of edges of the longest way down from each node.
func (g *Graph) heights() []int {
	h := make([]int, len(g.ids))
	for i := len(g.ids) - 1; i >= 0; i-- {
		for _, c := range g.children[i] {
			h[i] = max(h[i], h[c]+1)
		}
	}
	return h
}

// queue holds the nodes that could start, the next one first.
type queue struct {
	nodes    []int
	priority []int // by node
}

func (q *queue) Len() int { return len(q.nodes) }
func (q *queue) Less(i, j int) bool {
	a, b := q.nodes[i], q.nodes[j]
	if q.priority[a] != q.priority[b] {
		return q.priority[a] > q.priority[b]
	}
	return a < b
}
func (q *queue) Swap(i, j int) { q.nodes[i], q.nodes[j] = q.nodes[j], q.nodes[i] }
func (q *queue) Push(x any)    { q.nodes = append(q.nodes, x.(int)) }
func (q *queue) Pop() any {
	last := q.nodes[len(q.nodes)-1]
	q.nodes = q.nodes[:len(q.nodes)-1]
	return last
}

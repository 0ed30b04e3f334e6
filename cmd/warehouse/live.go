package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"warehouse/runner"
)

// liveSink shows on a terminal what is running: below the lines of what
// ended, redrawn ten times a second, and gone at the end.
type liveSink struct {
	text *textSink // makes the lines that stay
	w    io.Writer
	size func() (cols, rows int) // zeros: not known
	now  func() time.Time

	mu      sync.Mutex
	began   time.Time
	doing   string // what is being done apart from nodes
	total   int
	ended   int
	failed  bool
	running []runner.NodeResult // in the order in which they started
	started map[string]time.Time
	drawn   []int // widths of the lines on the screen
	closed  bool

	stop   chan struct{}
	ticker sync.WaitGroup
}

const (
	redraw  = 100 * time.Millisecond
	mostRun = 8 // running nodes shown at once, on a screen that is high enough
)

func newLive(w io.Writer, text *textSink, size func() (cols, rows int), now func() time.Time) *liveSink {
	l := &liveSink{text: text, w: w, size: size, now: now, began: now(), started: map[string]time.Time{}, stop: make(chan struct{})}
	text.room = func() int { return l.columns() }
	l.ticker.Go(func() {
		t := time.NewTicker(redraw)
		defer t.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-t.C:
				l.mu.Lock()
				l.show("")
				l.mu.Unlock()
			}
		}
	})
	return l
}

func (l *liveSink) event(e runner.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case runner.EventPlan:
		l.total, l.doing = e.Total, ""
	case runner.EventProgress:
		l.doing = e.Message
		if e.Total > 0 {
			l.total, l.ended = e.Total, e.Index-1
		}
	case runner.EventStart:
		if e.Node != nil {
			l.running = append(l.running, *e.Node)
			l.started[e.Node.ID] = l.now()
		}
	case runner.EventResult:
		if e.Node != nil {
			l.end(*e.Node)
		}
	}
	if line := l.text.eventText(e); line != "" {
		l.show(line)
	}
}

func (l *liveSink) end(n runner.NodeResult) {
	l.ended++
	l.failed = l.failed || n.Blocks()
	delete(l.started, n.ID)
	for i := range l.running {
		if l.running[i].ID == n.ID {
			l.running = append(l.running[:i], l.running[i+1:]...)
			return
		}
	}
}

func (l *liveSink) say(msg string)                { l.above(cleanLines(msg) + "\n") }
func (l *liveSink) warn(err error)                { l.above(warningText(err, l.text.paint)) }
func (l *liveSink) fail(err error)                { l.above(errorText(err, l.text.paint)) }
func (l *liveSink) done(s stats, _ time.Duration) { l.rest(); l.above(doneLine(s) + "\n") }

func (l *liveSink) close(int) {
	l.rest()
	close(l.stop)
	l.ticker.Wait()
}

// rest erases the live lines for good.
func (l *liveSink) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.show("")
}

func (l *liveSink) above(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.show(text)
}

// show writes lines that stay, and the live lines anew below them, in one
// write so that nothing flickers.
func (l *liveSink) show(stays string) {
	cols := l.columns()
	var lines []string
	if !l.closed {
		lines = l.lines(cols)
	}
	if stays == "" && len(lines) == 0 && len(l.drawn) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString(l.erase(cols))
	b.WriteString(stays)
	l.drawn = l.drawn[:0]
	for _, line := range lines {
		b.WriteString(line + "\n")
		l.drawn = append(l.drawn, width(line))
	}
	// Progress that cannot be written must not stop the work.
	_, _ = io.WriteString(l.w, b.String())
}

// erase goes back to where the live lines begin. A terminal that was made
// narrower has folded them since.
func (l *liveSink) erase(cols int) string {
	rows := 0
	for _, w := range l.drawn {
		rows += max(1, (w+cols-1)/cols)
	}
	if rows == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", rows)
}

// columns is how wide a line may be: one less than the terminal, because some
// fold a line that ends in the last column.
func (l *liveSink) columns() int {
	w, _ := l.size()
	if w <= 0 {
		w = 81
	}
	return max(1, w-1)
}

// lines are the live lines: what is running, then the bar.
func (l *liveSink) lines(cols int) []string {
	if l.total == 0 && l.doing == "" {
		return nil
	}
	var out []string
	most := mostRun
	if _, rows := l.size(); rows > 0 {
		most = max(0, min(most, rows-3)) // "and 2 more", the bar, the cursor
	}
	for i, n := range l.running {
		if most == 0 {
			break
		}
		if i == most {
			out = append(out, cut(fmt.Sprintf("  and %d more", len(l.running)-most), cols))
			break
		}
		took := seconds(l.now().Sub(l.started[n.ID]).Truncate(redraw))
		name := cut("  "+nodeLabel(&n), max(1, cols-width(took)-1))
		out = append(out, cut(pad(name, min(60, cols-width(took)-1), false)+" "+took, cols))
	}
	return append(out, cut(l.bar(cols), cols))
}

func (l *liveSink) bar(cols int) string {
	took := seconds(l.now().Sub(l.began).Truncate(redraw))
	if l.total == 0 {
		return l.doing + " " + took
	}
	text := fmt.Sprintf(" %d of %d", l.ended, l.total)
	if n := len(l.running); n > 0 {
		text += fmt.Sprintf(", %d running", n)
	}
	if l.doing != "" {
		text += ", " + clean(l.doing)
	}
	text += " " + took
	room := min(30, cols-width(text)-2)
	if room < 4 {
		return strings.TrimSpace(text)
	}
	full := room * min(l.ended, l.total) / l.total
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", room-full) + "]" + text
}

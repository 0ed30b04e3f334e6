package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"warehouse/runner"
)

// textSink writes a line for each thing that happens, as dbt's log has them.
type textSink struct {
	mu     sync.Mutex
	w      io.Writer
	paint  paint
	starts bool       // a line when a node starts, too
	room   func() int // columns to fit lines into; nil: no end
}

// lineWidth is where lines end if their names are not too long.
const lineWidth = 80

func (t *textSink) write(text string) {
	if text == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// Progress that cannot be written must not stop the work.
	_, _ = io.WriteString(t.w, text)
}

func (t *textSink) event(e runner.Event)          { t.write(t.eventText(e)) }
func (t *textSink) say(msg string)                { t.write(cleanLines(msg) + "\n") }
func (t *textSink) warn(err error)                { t.write(warningText(err, t.paint)) }
func (t *textSink) fail(err error)                { t.write(errorText(err, t.paint)) }
func (t *textSink) done(s stats, _ time.Duration) { t.write(doneLine(s) + "\n") }
func (t *textSink) rest()                         {}
func (t *textSink) close(int)                     {}

// eventText is what is printed of an event; "" for nothing.
func (t *textSink) eventText(e runner.Event) string {
	switch e.Kind {
	case runner.EventLock, runner.EventLog:
		return cleanLines(e.Message) + "\n"
	case runner.EventMended:
		return t.paint.yellow("warning: ") + cleanLines(e.Message) + "\n"
	case runner.EventWarning:
		return warningText(e.Err, t.paint)
	case runner.EventPlan:
		return fmt.Sprintf("%s  %s  %s\n", clean(e.Message), e.Run, count(e.Total, "node"))
	case runner.EventStart:
		if t.starts && e.Node != nil {
			return fmt.Sprintf("%d of %d START %s\n", e.Index, e.Total, nodeLabel(e.Node))
		}
	case runner.EventResult:
		if e.Node != nil {
			room := 0
			if t.room != nil {
				room = t.room()
			}
			return resultLine(e, t.paint, room) + "\n"
		}
	}
	return ""
}

// nodeLabel names a node: "mart orders", "test not_null_orders_id".
func nodeLabel(n *runner.NodeResult) string {
	if isTest(n) {
		return n.Resource + " " + clean(n.Name)
	}
	return strings.TrimSpace(kindOf(n) + " " + clean(n.Name))
}

func isTest(n *runner.NodeResult) bool { return n.Resource == "test" || n.Resource == "unit_test" }

func kindOf(n *runner.NodeResult) string {
	if n.Kind != "" {
		return n.Kind
	}
	return n.Resource
}

// resultLine is the line of a node that ended, with its result in one column:
// "3 of 12 OK mart orders ........ [12,217 rows in 0.05s]". A log gets names
// whole; where there is only room for so many columns they are shortened. A
// room of 0 has no end.
func resultLine(e runner.Event, p paint, room int) string {
	n := e.Node
	word, result, colour := verdict(n)
	front := fmt.Sprintf("%d of %d %s ", e.Index, e.Total, word)
	if n.Status == runner.StatusSkipped {
		line := front + nodeLabel(n)
		if n.Because != "" {
			line += " (because " + clean(n.Because) + ")"
		}
		return p.yellow(fit(line, room))
	}
	name := nodeLabel(n)
	if isTest(n) {
		name = clean(n.Name)
	}
	const fewest = 3 // dots
	used := width(front) + width(name) + width(result) + len("  []")
	if over := used + fewest - room; room > 0 && over > 0 {
		short := fit(name, max(8, width(name)-over))
		used -= width(name) - width(short)
		name = short
	}
	end := lineWidth
	if room > 0 {
		end = min(room, end)
	}
	line := front + name + " " + strings.Repeat(".", max(fewest, end-used)) + " ["
	if room > 0 && width(line)+width(result)+1 > room {
		return fit(line+result+"]", room) // too narrow for colours
	}
	return line + colour(p)(result) + "]"
}

// fit cuts a line to room columns; 0 has no end.
func fit(line string, room int) string {
	if room > 0 {
		return cut(line, room)
	}
	return line
}

// verdict is the word for a status, what stands in brackets, and its colour.
func verdict(n *runner.NodeResult) (word, result string, colour func(paint) func(string) string) {
	took := " in " + seconds(n.Duration)
	green := func(p paint) func(string) string { return p.green }
	yellow := func(p paint) func(string) string { return p.yellow }
	red := func(p paint) func(string) string { return p.red }
	switch n.Status {
	case runner.StatusSuccess:
		if n.Rows < 0 {
			return "OK", "OK" + took, green
		}
		return "OK", count(n.Rows, "row") + took, green
	case runner.StatusReused:
		return "REUSED", "REUSED" + took, green
	case runner.StatusNoOp:
		return "NO-OP", "NO-OP" + took, green
	case runner.StatusPass:
		return "PASS", "PASS" + took, green
	case runner.StatusWarn:
		w := "WARN"
		if n.Resource != "source" {
			w = fmt.Sprintf("WARN %d", n.Failures)
		}
		return w, w + took, yellow
	case runner.StatusFail:
		w := fmt.Sprintf("FAIL %d", n.Failures)
		return w, w + took, red
	case runner.StatusSkipped:
		return "SKIP", "SKIP", yellow
	}
	return "ERROR", "ERROR" + took, red
}

func doneLine(s stats) string {
	return fmt.Sprintf("Done. PASS=%d WARN=%d ERROR=%d SKIP=%d NO-OP=%d REUSED=%d TOTAL=%d", s.pass, s.warn, s.errors, s.skip, s.noOp, s.reused, s.total)
}

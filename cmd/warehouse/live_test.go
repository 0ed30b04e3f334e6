package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"warehouse/runner"
)

// screen is as much of a terminal as progress needs: text that folds at the
// right edge, line feeds, carriage returns, cursor up and erase below.
type screen struct {
	mu       sync.Mutex
	cols     int
	lines    [][]rune
	row, col int
	bad      string // a sequence that it does not know
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(p)
	for text != "" {
		if strings.HasPrefix(text, "\x1b[") {
			i := 2
			for i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i] == ';') {
				i++
			}
			s.control(text[i], text[2:i])
			text = text[i+1:]
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		s.put(r)
	}
	return len(p), nil
}

func (s *screen) control(code byte, arg string) {
	switch code {
	case 'm':
	case 'A':
		n, _ := strconv.Atoi(arg)
		s.row -= n
		if s.row < 0 {
			s.bad = "cursor above the screen"
			s.row = 0
		}
	case 'J':
		if s.row < len(s.lines) {
			s.lines = s.lines[:s.row]
		}
	default:
		s.bad = "\\x1b[" + arg + string(code)
	}
}

func (s *screen) put(r rune) {
	switch r {
	case '\n':
		s.row, s.col = s.row+1, 0
		s.grow()
		return
	case '\r':
		s.col = 0
		return
	}
	if s.col >= s.cols {
		s.row, s.col = s.row+1, 0
	}
	s.grow()
	line := s.lines[s.row]
	for len(line) <= s.col {
		line = append(line, ' ')
	}
	line[s.col] = r
	s.lines[s.row] = line
	s.col += runeWidth(r)
}

func (s *screen) grow() {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, nil)
	}
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, l := range s.lines {
		b.WriteString(strings.TrimRight(string(l), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// resize folds lines anew, as terminals do.
func (s *screen) resize(cols int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.lines
	s.lines, s.cols = nil, cols
	for _, l := range old {
		for len(l) > cols {
			s.lines = append(s.lines, l[:cols])
			l = l[cols:]
		}
		s.lines = append(s.lines, l)
	}
	s.row, s.col = len(s.lines)-1, 0
}

func (s *screen) size() (cols, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cols, 0
}

func TestLiveLeavesOnlyFinishedLines(t *testing.T) {
	for _, cols := range []int{200, 80, 40, 20, 9, 3, 1, 0} {
		t.Run(fmt.Sprint(cols), func(t *testing.T) {
			s := &screen{cols: max(cols, 1)}
			if cols == 0 {
				s.cols = 80 // the terminal does not tell its width
			}
			at := noon
			var mu sync.Mutex
			now := func() time.Time { mu.Lock(); defer mu.Unlock(); at = at.Add(100 * time.Millisecond); return at }
			l := newLive(s, &textSink{w: s}, func() (int, int) { return cols, 0 }, now)
			for _, e := range events() {
				l.event(e)
				l.mu.Lock()
				l.show("") // what the ticker does
				l.mu.Unlock()
			}
			l.done(statsOf(nodes()), time.Second)
			l.close(codeOK)
			if s.bad != "" {
				t.Error(s.bad)
			}
			screen := s.String()
			for _, leftover := range []string{"running", "[=", "[ ", "publishing"} {
				if strings.Contains(screen, leftover) {
					t.Errorf("%q is left on the screen:\n%s", leftover, screen)
				}
			}
			if cols >= 40 {
				for i := range nodes() {
					if want := fmt.Sprintf("%d of 10 ", i+1); strings.Count(screen, want) != 1 {
						t.Errorf("%q stands %d times on the screen:\n%s", want, strings.Count(screen, want), screen)
					}
				}
				if !strings.HasSuffix(screen, "TOTAL=10\n") {
					t.Errorf("the last line is not the last:\n%s", screen)
				}
			}
			if cols == 80 {
				golden(t, "golden/live-after.txt", screen)
			}
		})
	}
}

func TestLiveWhileRunning(t *testing.T) {
	var b strings.Builder
	for _, cols := range []int{100, 50, 24, 10} {
		s := &screen{cols: cols}
		at := noon
		l := newLive(s, &textSink{w: s}, s.size, func() time.Time { return at })
		l.event(runner.Event{Kind: runner.EventPlan, Total: 24, Message: "r42", Run: run2.ID})
		ns := nodes()
		for i := range 10 {
			n := ns[0]
			n.ID, n.Name = fmt.Sprint("model.", i), fmt.Sprint("mart_with_a_long_name_", i)
			l.event(runner.Event{Kind: runner.EventStart, Index: i + 1, Total: 24, Node: &n})
			if i < 5 {
				n.Duration = 1500 * time.Millisecond
				l.event(runner.Event{Kind: runner.EventResult, Index: i + 1, Total: 24, Node: &n})
			}
		}
		at = at.Add(83 * time.Second)
		l.mu.Lock()
		l.show("")
		l.mu.Unlock()
		fmt.Fprintf(&b, "== %d columns\n%s", cols, s)
		for line := range strings.Lines(s.String()) {
			if w := width(strings.TrimSuffix(line, "\n")); w > cols {
				t.Errorf("%d columns: %q is %d wide", cols, line, w)
			}
		}
		l.close(codeOK)
	}
	golden(t, "golden/live.txt", b.String())
}

// TestLiveSurvivesResize: lines that a narrower terminal has folded are erased
// whole.
func TestLiveSurvivesResize(t *testing.T) {
	s := &screen{cols: 100}
	l := newLive(s, &textSink{w: s}, s.size, func() time.Time { return noon })
	l.event(runner.Event{Kind: runner.EventPlan, Total: 2, Message: "r42", Run: run2.ID})
	n := nodes()[0]
	l.event(runner.Event{Kind: runner.EventStart, Index: 1, Total: 2, Node: &n})
	s.resize(33)
	l.event(runner.Event{Kind: runner.EventResult, Index: 1, Total: 2, Node: &n})
	l.close(codeOK)
	if got := s.String(); strings.Count(got, "mart a") != 1 || strings.Contains(got, "running") || strings.Contains(got, "[=") {
		t.Errorf("left on the screen:\n%s", got)
	}
}

func TestLiveTicks(t *testing.T) {
	s := &screen{cols: 60}
	l := newLive(s, &textSink{w: s}, s.size, time.Now)
	l.event(runner.Event{Kind: runner.EventProgress, Message: "binding"})
	deadline := time.Now().Add(5 * time.Second)
	for !strings.Contains(s.String(), "binding") {
		if time.Now().After(deadline) {
			t.Fatal("never drawn")
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.rest()
	if got := s.String(); strings.TrimSpace(got) != "" {
		t.Errorf("left: %q", got)
	}
	l.close(codeOK)
}

// TestLiveFitsALowScreen: what is drawn is never higher than the screen, or
// the cursor could not go back to its first line.
func TestLiveFitsALowScreen(t *testing.T) {
	for rows := 1; rows < 14; rows++ {
		s := &screen{cols: 60}
		l := newLive(s, &textSink{w: s}, func() (int, int) { return 60, rows }, func() time.Time { return noon })
		l.event(runner.Event{Kind: runner.EventPlan, Total: 20})
		for i := range 12 {
			n := nodes()[0]
			n.ID = fmt.Sprint(i)
			l.event(runner.Event{Kind: runner.EventStart, Index: i + 1, Total: 20, Node: &n})
			l.say("") // draws
			if got := len(l.drawn); got >= max(rows, 3) {
				t.Errorf("%d lines on a screen of %d", got, rows)
			}
		}
		l.close(codeOK)
	}
}

package history

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Holder says who holds a lock. It is for people: nothing is decided by it.
type Holder struct {
	PID     int
	Host    string
	User    string
	Command string
	RunID   string
	Since   time.Time
}

// filled adds what is known of this process.
func (h Holder) filled() Holder {
	if h.PID == 0 {
		h.PID = os.Getpid()
	}
	if h.Host == "" {
		h.Host, _ = os.Hostname()
	}
	if h.User == "" {
		if u, err := user.Current(); err == nil {
			h.User = u.Username
		}
	}
	if h.Since.IsZero() {
		h.Since = time.Now()
	}
	return h
}

// String names the holder in a sentence.
func (h Holder) String() string {
	if h.PID == 0 {
		return "another process (readers leave no name)"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "pid %d", h.PID)
	if h.PID == os.Getpid() && h.isHere() {
		b.WriteString(", this process itself")
	}
	if h.User != "" || h.Host != "" {
		fmt.Fprintf(&b, " (%s@%s)", h.User, h.Host)
	}
	if h.Command != "" {
		b.WriteString(": " + h.Command)
	}
	if h.RunID != "" {
		b.WriteString(", run " + h.RunID)
	}
	if !h.Since.IsZero() {
		b.WriteString(", since " + h.Since.Local().Format("2006-01-02 15:04:05"))
	}
	return b.String()
}

func (h Holder) isHere() bool {
	host, err := os.Hostname()
	return err == nil && host == h.Host
}

const mostText = 4096 // bytes read of a lock file

// text is what stands in a lock file: one "key: value" per line.
func (h Holder) text() string {
	var b strings.Builder
	put := func(key, value string) {
		if value == "" {
			return
		}
		value = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, value)
		if r := []rune(value); len(r) > 500 {
			value = string(r[:499]) + "…"
		}
		fmt.Fprintf(&b, "%s: %s\n", key, value)
	}
	put("pid", strconv.Itoa(h.PID))
	put("host", h.Host)
	put("user", h.User)
	put("since", h.Since.UTC().Format(time.RFC3339))
	put("run", h.RunID)
	put("command", h.Command)
	return b.String()
}

// parseHolder reads what text wrote, and makes the best of anything else.
func parseHolder(text string) Holder {
	var h Holder
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ": ")
		if !ok {
			continue
		}
		value = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || r == unicode.ReplacementChar {
				return ' '
			}
			return r
		}, value)
		switch key {
		case "pid":
			if n, err := strconv.Atoi(value); err == nil && n > 0 {
				h.PID = n
			}
		case "host":
			h.Host = value
		case "user":
			h.User = value
		case "since":
			h.Since, _ = time.Parse(time.RFC3339, value)
		case "run":
			h.RunID = value
		case "command":
			h.Command = value
		}
	}
	return h
}

// readHolder reads a lock file's text. A process of this host that is dead
// holds nothing: the text is an old one, and who holds the lock is not known.
func readHolder(f *os.File) Holder {
	b := make([]byte, mostText)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return Holder{}
	}
	h := parseHolder(string(b[:n]))
	if h.PID != 0 && h.isHere() && !isAlive(h.PID) {
		return Holder{}
	}
	return h
}

package history

// A run spec names a run, or more exactly a snapshot: which run each mart is
// read from. It is the one grammar for that, on the command line, in pages, in
// templates and in programs.
//
//	latest          the newest publication
//	previous        the publication before it
//	latest~N        N publications before the newest; latest~1 is previous, also
//	                after a rollback: N counts publications, not runs
//	r42             the run of seq 42
//	RUN-ID          a run by its whole id, in either case, with or without dashes
//	PART            a run by the first or the last hexadecimal digits of its id,
//	                at least six of them, with or without dashes, if no other run
//	                has them
//	NAME            a tag
//	tag:NAME        a tag, also one that reads like something else
//	@TIME           what was published then: 2026-11-01T09:00:00Z, with an offset
//	                (+13:00) or without (UTC), without seconds, with fractions;
//	                2026-11-01 is the end of that day
//
// latest, previous and @TIME name the publication's snapshot. A run names its
// base publication's marts overlaid with what it built, whether it was
// published, failed or is running. A tag names what it was put on.
//
// A word that is a tag and also a part of a run id is ambiguous, and so an
// error: tag:NAME or more digits say which. Words of the grammar are lower
// case, but R42 is r42.

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// SpecKind says what a Spec names.
type SpecKind string

const (
	SpecLatest SpecKind = "latest" // the publication Back steps before the newest
	SpecSeq    SpecKind = "seq"    // the run of that number
	SpecTime   SpecKind = "time"   // what was published at At
	SpecTag    SpecKind = "tag"    // a tag and nothing else
	SpecName   SpecKind = "name"   // a tag, or a run id or a part of one
)

// Spec is a parsed run spec.
type Spec struct {
	Text string
	Kind SpecKind
	Back int       // SpecLatest: 0 latest, 1 previous
	Seq  int64     // SpecSeq
	At   time.Time // SpecTime: the last instant that counts
	Name string    // SpecTag, SpecName
}

// minPart is how many digits of a run id are enough.
const minPart = 6

// ParseSpec reads a run spec; *SpecError if it is malformed. It does not look
// anything up.
func ParseSpec(text string) (Spec, error) {
	s := Spec{Text: text}
	bad := func(off int, format string, args ...any) (Spec, error) {
		return Spec{}, &SpecError{Spec: text, Off: off, Msg: fmt.Sprintf(format, args...)}
	}
	if text == "" {
		return bad(0, "a run is missing; latest is the newest one")
	}
	if !utf8.ValidString(text) {
		return bad(0, "not UTF-8")
	}
	if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 {
		return bad(i, "a control character")
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsSpace(r) }); i != 0 {
		return bad(0, "begins with a blank")
	}
	if strings.TrimSpace(text) != text {
		return bad(len(strings.TrimRightFunc(text, unicode.IsSpace)), "ends with a blank")
	}
	switch {
	case text == "latest":
		s.Kind = SpecLatest
	case text == "previous":
		s.Kind, s.Back = SpecLatest, 1
	case strings.HasPrefix(text, "tag:"):
		s.Kind, s.Name = SpecTag, text[len("tag:"):]
		if s.Name == "" {
			return bad(len(text), "the tag's name is missing")
		}
	case text[0] == '@':
		at, off, msg := parseTime(text[1:])
		if msg != "" {
			return bad(1+off, "%s", msg)
		}
		s.Kind, s.At = SpecTime, at
	case strings.Contains(text, "~"):
		base, n, _ := strings.Cut(text, "~")
		if base != "latest" {
			return bad(len(base), "~ counts back from latest only: latest~2")
		}
		back, off := parseDigits(n)
		if off >= 0 {
			return bad(len(base)+1+off, "a number is missing: latest~2 is two publications before the newest")
		}
		if back < 0 || back > 1<<31 {
			return bad(len(base)+1, "there are not that many publications")
		}
		s.Kind, s.Back = SpecLatest, int(back)
	case isSeq(text):
		n, _ := parseDigits(text[1:])
		if n <= 0 {
			return bad(1, "runs are numbered from 1 on")
		}
		s.Kind, s.Seq = SpecSeq, n
	default:
		s.Kind, s.Name = SpecName, text
	}
	return s, nil
}

// isSeq: r and digits.
func isSeq(s string) bool {
	if len(s) < 2 || s[0] != 'r' && s[0] != 'R' {
		return false
	}
	return strings.Trim(s[1:], "0123456789") == ""
}

// parseDigits reads a number of digits alone. off is where it is none, or -1;
// a number too large is -1.
func parseDigits(s string) (n int64, off int) {
	if s == "" {
		return 0, 0
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		return 0, i
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1, -1
	}
	return n, -1
}

// hex returns the digits of a name that may be (a part of) a run id, lower
// case, with its dashes; "" if it cannot be one.
func (s Spec) hex() string {
	if s.Kind != SpecName {
		return ""
	}
	t := strings.ToLower(s.Name)
	digits := 0
	for _, r := range t {
		switch {
		case r >= '0' && r <= '9' || r >= 'a' && r <= 'f':
			digits++
		case r != '-':
			return ""
		}
	}
	if digits < minPart || digits > 32 {
		return ""
	}
	return t
}

// isID says whether the spec has the form of a whole run id.
func (s Spec) isID() bool { return s.id() != "" }

// id returns the run id that the spec spells in full, with dashes; or "".
func (s Spec) id() string {
	h := s.hex()
	flat := strings.ReplaceAll(h, "-", "")
	if len(flat) != 32 {
		return ""
	}
	id := flat[:8] + "-" + flat[8:12] + "-" + flat[12:16] + "-" + flat[16:20] + "-" + flat[20:]
	if h != flat && h != id {
		return ""
	}
	return id
}

// zones are the layouts of a time; those without an offset are UTC.
var timeLayouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05.999999999", "2006-01-02T15:04",
}

// parseTime reads what follows an @. On failure it says where and why.
func parseTime(t string) (at time.Time, off int, msg string) {
	const want = "a time is missing or malformed: @2026-11-01, @2026-11-01T09:00 or @2026-11-01T09:00:00+01:00"
	if day, err := time.Parse(time.DateOnly, t); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Nanosecond), 0, ""
	}
	norm := strings.ToUpper(t)
	if len(norm) > len(time.DateOnly) && norm[len(time.DateOnly)] == ' ' {
		norm = norm[:len(time.DateOnly)] + "T" + norm[len(time.DateOnly)+1:]
	}
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, norm); err == nil {
			return at.UTC(), 0, ""
		}
	}
	return time.Time{}, badTimeAt(t), want
}

// badTimeAt returns the first byte of t that departs from the pattern of a
// time, or that belongs to a number out of its range.
func badTimeAt(t string) int {
	const pattern = "0000-00-00T00:00:00"
	for i := range len(t) {
		if i >= len(pattern) {
			return len(pattern)
		}
		p, c := pattern[i], t[i]
		digit := c >= '0' && c <= '9'
		if p == '0' && !digit || p == '-' && c != '-' || p == ':' && c != ':' || p == 'T' && c != 'T' && c != 't' && c != ' ' {
			return i
		}
	}
	for _, f := range []struct {
		at, least, most int
	}{{5, 1, 12}, {8, 1, 31}, {11, 0, 23}, {14, 0, 59}, {17, 0, 59}} {
		if len(t) >= f.at+2 {
			if n, err := strconv.Atoi(t[f.at : f.at+2]); err == nil && (n < f.least || n > f.most) {
				return f.at
			}
		}
	}
	return len(t)
}

// SpecError: a run spec is malformed, or names nothing, or more than one thing.
type SpecError struct {
	Spec       string
	Off        int // byte where it goes wrong, -1 if it is well formed
	Msg        string
	Candidates []string // what may have been meant: what can be typed, then what it is
	Advice     string
}

// Error returns the message, with a caret under a malformed spec, or with the
// candidates, one per line.
func (e *SpecError) Error() string {
	var b strings.Builder
	if e.Off >= 0 {
		shown := printable(e.Spec)
		fmt.Fprintf(&b, "not a run: %s", e.Msg)
		if shown != "" {
			fmt.Fprintf(&b, "\n    %s\n    %s^", shown, strings.Repeat(" ", utf8.RuneCountInString(e.Spec[:min(e.Off, len(e.Spec))])))
		}
		return b.String()
	}
	fmt.Fprintf(&b, "%s: %s", printable(e.Spec), e.Msg)
	for _, c := range e.Candidates {
		b.WriteString("\n    " + c)
	}
	return b.String()
}

func (e *SpecError) Hint() string { return e.Advice }

// printable replaces control characters and bytes that are no UTF-8, rune by
// rune.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

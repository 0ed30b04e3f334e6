package seed

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Type is what a column's values are.
type Type string

// The types that are inferred. Integers are as wide as they need to be.
const (
	Text      Type = "text"
	Integer   Type = "integer" // 32 bits
	BigInt    Type = "bigint"  // 64 bits
	Double    Type = "double"
	Boolean   Type = "boolean"
	Date      Type = "date"
	Timestamp Type = "timestamp"
)

// kind is the type of a column, as far as it was read.
type kind struct {
	t    Type // "": no value yet
	wide bool // of Integer: one does not fit into 32 bits
}

// see takes a value into account; an empty one is NULL and says nothing.
func (k *kind) see(raw []byte) {
	if len(raw) == 0 || k.t == Text {
		return
	}
	t := classify(raw)
	switch {
	case k.t == "" || k.t == t:
		k.t = t
	case k.t == Integer && t == Double, k.t == Double && t == Integer:
		k.t = Double
	default:
		k.t = Text
	}
	if t == Integer && !k.wide {
		n, err := strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 64)
		k.wide = err != nil || n > math.MaxInt32 || n < math.MinInt32
	}
}

// typ is the column's type once all is read. As in dbt a column without any
// value is one of integers.
func (k *kind) typ() Type {
	switch {
	case k.t == Integer && k.wide:
		return BigInt
	case k.t == "":
		return Integer
	}
	return k.t
}

// What is a number or a time must be one beyond doubt: a code that would come
// back as another text (007, +5, 1_000, 2E5, nan) is text. With a blank between
// day and time dbt knows whole seconds alone: all else is text to it, and models
// of its projects cut it up as text.
var (
	integer   = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)
	decimal   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)?\.[0-9]+([eE][+-]?[0-9]+)?$|^-?(0|[1-9][0-9]*)[eE][+-][0-9]+$`)
	date      = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	timestamp = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}(:[0-9]{2})?)(\.[0-9]{1,6})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$`)
)

// classify is the type of one value, blanks around it aside.
func classify(raw []byte) Type {
	v := bytes.TrimSpace(raw)
	if len(v) == 0 || len(v) > 40 {
		return Text
	}
	switch c := v[0]; {
	case c == '-' || c == '.' || c >= '0' && c <= '9':
	case c|0x20 == 't' || c|0x20 == 'f':
		if s := strings.ToLower(string(v)); s == "true" || s == "false" {
			return Boolean
		}
		return Text
	default:
		return Text
	}
	switch {
	case integer.Match(v):
		if _, err := strconv.ParseInt(string(v), 10, 64); err != nil {
			return Text // beyond 64 bits: an identifier
		}
		return Integer
	case decimal.Match(v):
		if f, err := strconv.ParseFloat(string(v), 64); err != nil || math.IsInf(f, 0) {
			return Text
		}
		return Double
	case date.Match(v):
		if _, err := time.Parse(time.DateOnly, string(v)); err == nil {
			return Date
		}
	default:
		if v[min(len(v)-1, len(time.DateOnly))] == ' ' && len(v) != len(time.DateTime) {
			return Text
		}
		if m := timestamp.FindSubmatch(v); m != nil && isTime(string(m[1]), string(m[2])) {
			return Timestamp
		}
	}
	return Text
}

// Instant reads a value of a column of type Timestamp: one without an offset is
// UTC.
func Instant(value string) (time.Time, error) {
	m := timestamp.FindStringSubmatch(strings.TrimSpace(value))
	if m == nil {
		return time.Time{}, fmt.Errorf("%q is no timestamp", value)
	}
	clock, offset := m[2], m[5]
	if m[3] == "" {
		clock += ":00"
	}
	switch {
	case offset == "" || offset == "Z":
		offset = "+00:00"
	case len(offset) == len("+01"):
		offset += ":00"
	case !strings.Contains(offset, ":"):
		offset = offset[:3] + ":" + offset[3:]
	}
	t, err := time.Parse("2006-01-02 15:04:05-07:00", m[1]+" "+clock+m[4]+offset)
	return t.UTC(), err
}

func isTime(day, clock string) bool {
	if len(clock) == len("15:04") {
		clock += ":00"
	}
	_, err := time.Parse(time.DateTime, day+" "+clock)
	return err == nil
}

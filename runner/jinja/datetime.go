package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
)

// The values of Python's module datetime. A datetime without a zone is kept in
// UTC.
type (
	datetimeValue struct {
		t     time.Time
		aware bool
	}
	dateValue      struct{ t time.Time } // midnight in UTC
	timeValue      struct{ t time.Time } // of day one, in UTC
	timedeltaValue struct{ us int64 }
	zoneValue      struct {
		loc  *time.Location
		name string // as str shows it
	}
)

func newDatetime(t time.Time, aware bool) Value {
	if !aware {
		t = t.UTC()
	}
	return &datetimeValue{t.Truncate(time.Microsecond), aware}
}

func newDate(t time.Time) *dateValue {
	y, m, d := t.Date()
	return &dateValue{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

// Date is Python's datetime.date of t's day.
func Date(t time.Time) Value { return newDate(t) }

// NaiveDatetime is Python's datetime of t, in UTC and without a time zone.
func NaiveDatetime(t time.Time) Value { return newDatetime(t, false) }

const maxDeltaDays = 999_999_999

func newTimedelta(us int64) (Value, error) { return &timedeltaValue{us}, nil }

func (d *datetimeValue) TypeName() string  { return "datetime" }
func (d *dateValue) TypeName() string      { return "date" }
func (d *timeValue) TypeName() string      { return "time" }
func (d *timedeltaValue) TypeName() string { return "timedelta" }
func (z *zoneValue) TypeName() string      { return "timezone" }

func (d *datetimeValue) String() string { return d.iso(" ") }
func (d *dateValue) String() string     { return d.t.Format("2006-01-02") }
func (d *timeValue) String() string     { return clock(d.t) }
func (z *zoneValue) String() string     { return z.name }

func (d *datetimeValue) iso(sep string) string {
	s := fmt.Sprintf("%04d-%02d-%02d", d.t.Year(), d.t.Month(), d.t.Day()) + sep + clock(d.t)
	if d.aware {
		s += zoneOffset(d.t, ":")
	}
	return s
}

// clock is the time of day as isoformat writes it.
func clock(t time.Time) string {
	s := t.Format("15:04:05")
	if us := t.Nanosecond() / 1000; us != 0 {
		s += fmt.Sprintf(".%06d", us)
	}
	return s
}

func zoneOffset(t time.Time, sep string) string {
	_, off := t.Zone()
	sign := "+"
	if off < 0 {
		sign, off = "-", -off
	}
	s := fmt.Sprintf("%s%02d%s%02d", sign, off/3600, sep, off/60%60)
	if off%60 != 0 {
		s += fmt.Sprintf("%s%02d", sep, off%60)
	}
	return s
}

func (d *timedeltaValue) days() int64 {
	days := d.us / dayUS
	if d.us%dayUS < 0 {
		days--
	}
	return days
}

const dayUS = 86_400_000_000

func (d *timedeltaValue) String() string {
	days := d.days()
	rest := d.us - days*dayUS
	s := ""
	if days != 0 {
		s = fmt.Sprintf("%d day%s, ", days, plural(int(max(days, -days))))
	}
	sec := rest / 1_000_000
	s += fmt.Sprintf("%d:%02d:%02d", sec/3600, sec/60%60, sec%60)
	if us := rest % 1_000_000; us != 0 {
		s += fmt.Sprintf(".%06d", us)
	}
	return s
}

func (d *datetimeValue) Repr() string {
	s := fmt.Sprintf("datetime.datetime(%d, %d, %d, %d, %d", d.t.Year(), d.t.Month(), d.t.Day(), d.t.Hour(), d.t.Minute())
	us := d.t.Nanosecond() / 1000
	if d.t.Second() != 0 || us != 0 {
		s += fmt.Sprintf(", %d", d.t.Second())
	}
	if us != 0 {
		s += fmt.Sprintf(", %d", us)
	}
	if d.aware {
		s += ", tzinfo=" + (&zoneValue{d.t.Location(), ""}).Repr()
	}
	return s + ")"
}

func (d *dateValue) Repr() string {
	return fmt.Sprintf("datetime.date(%d, %d, %d)", d.t.Year(), d.t.Month(), d.t.Day())
}

func (d *timeValue) Repr() string {
	s := fmt.Sprintf("datetime.time(%d, %d", d.t.Hour(), d.t.Minute())
	us := d.t.Nanosecond() / 1000
	if d.t.Second() != 0 || us != 0 {
		s += fmt.Sprintf(", %d", d.t.Second())
	}
	if us != 0 {
		s += fmt.Sprintf(", %d", us)
	}
	return s + ")"
}

func (d *timedeltaValue) Repr() string {
	days := d.days()
	rest := d.us - days*dayUS
	var parts []string
	for _, p := range []struct {
		name string
		n    int64
	}{{"days", days}, {"seconds", rest / 1_000_000}, {"microseconds", rest % 1_000_000}} {
		if p.n != 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", p.name, p.n))
		}
	}
	if len(parts) == 0 {
		parts = []string{"0"}
	}
	return "datetime.timedelta(" + strings.Join(parts, ", ") + ")"
}

func (z *zoneValue) Repr() string {
	if z.loc == time.UTC {
		return "datetime.timezone.utc"
	}
	return "<DstTzInfo '" + z.loc.String() + "'>"
}

func (d *timedeltaValue) Truth() bool { return d.us != 0 }

func dateAttr(t time.Time, name string) (Value, bool) {
	switch name {
	case "year":
		return int64(t.Year()), true
	case "month":
		return int64(t.Month()), true
	case "day":
		return int64(t.Day()), true
	}
	return nil, false
}

func clockAttr(t time.Time, name string) (Value, bool) {
	switch name {
	case "hour":
		return int64(t.Hour()), true
	case "minute":
		return int64(t.Minute()), true
	case "second":
		return int64(t.Second()), true
	case "microsecond":
		return int64(t.Nanosecond() / 1000), true
	case "fold":
		return int64(0), true
	}
	return nil, false
}

func (d *datetimeValue) Attr(name string) (Value, bool) {
	if name == "tzinfo" {
		if d.aware {
			return newZone(d.t.Location()), true
		}
		return nil, true
	}
	if v, ok := dateAttr(d.t, name); ok {
		return v, true
	}
	return clockAttr(d.t, name)
}

func (d *dateValue) Attr(name string) (Value, bool) { return dateAttr(d.t, name) }
func (d *timeValue) Attr(name string) (Value, bool) {
	if name == "tzinfo" {
		return nil, true
	}
	return clockAttr(d.t, name)
}

func (d *timedeltaValue) Attr(name string) (Value, bool) {
	rest := d.us - d.days()*dayUS
	switch name {
	case "days":
		return d.days(), true
	case "seconds":
		return rest / 1_000_000, true
	case "microseconds":
		return rest % 1_000_000, true
	}
	return nil, false
}

func (z *zoneValue) Attr(name string) (Value, bool) {
	if name == "zone" {
		return z.name, true
	}
	return nil, false
}

func newZone(loc *time.Location) *zoneValue { return &zoneValue{loc, loc.String()} }

// Equal and Compare order values of one kind; a datetime with a zone is not
// comparable with one without.
func (d *datetimeValue) Equal(o Value) bool {
	e, ok := o.(*datetimeValue)
	return ok && d.aware == e.aware && d.t.Equal(e.t)
}

func (d *datetimeValue) Compare(o Value) (int, bool) {
	e, ok := o.(*datetimeValue)
	if !ok || d.aware != e.aware {
		return 0, false
	}
	return d.t.Compare(e.t), true
}

func (d *dateValue) Equal(o Value) bool { e, ok := o.(*dateValue); return ok && d.t.Equal(e.t) }
func (d *dateValue) Compare(o Value) (int, bool) {
	e, ok := o.(*dateValue)
	if !ok {
		return 0, false
	}
	return d.t.Compare(e.t), true
}

func (d *timeValue) Equal(o Value) bool { e, ok := o.(*timeValue); return ok && d.t.Equal(e.t) }
func (d *timeValue) Compare(o Value) (int, bool) {
	e, ok := o.(*timeValue)
	if !ok {
		return 0, false
	}
	return d.t.Compare(e.t), true
}

func (d *timedeltaValue) Equal(o Value) bool { e, ok := o.(*timedeltaValue); return ok && d.us == e.us }
func (d *timedeltaValue) Compare(o Value) (int, bool) {
	e, ok := o.(*timedeltaValue)
	switch {
	case !ok:
		return 0, false
	case d.us < e.us:
		return -1, true
	case d.us > e.us:
		return 1, true
	}
	return 0, true
}

func addUS(t time.Time, us int64) (time.Time, error) {
	r := t.Add(time.Duration(us%dayUS)*time.Microsecond).AddDate(0, 0, int(us/dayUS))
	if r.Year() < 1 || r.Year() > 9999 {
		return t, raise(overflowError, "date value out of range")
	}
	return r, nil
}

// wallAdd adds to what the clock shows, as Python does also across changes of
// the offset.
func wallAdd(d *datetimeValue, us int64) (Value, error) {
	y, m, day := d.t.Date()
	wall := time.Date(y, m, day, d.t.Hour(), d.t.Minute(), d.t.Second(), d.t.Nanosecond(), time.UTC)
	wall, err := addUS(wall, us)
	if err != nil {
		return nil, err
	}
	y, m, day = wall.Date()
	return &datetimeValue{time.Date(y, m, day, wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), d.t.Location()), d.aware}, nil
}

func (d *datetimeValue) Operate(op string, o Value, swapped bool) (Value, bool, error) {
	switch e := o.(type) {
	case *timedeltaValue:
		if op == "+" || op == "-" && !swapped {
			us := e.us
			if op == "-" {
				us = -us
			}
			v, err := wallAdd(d, us)
			return v, true, err
		}
	case *datetimeValue:
		if op == "-" && !swapped {
			if d.aware != e.aware {
				return nil, false, raise(typeError, "can't subtract offset-naive and offset-aware datetimes")
			}
			v, err := newTimedelta((d.t.Unix()-e.t.Unix())*1_000_000 + int64(d.t.Nanosecond()-e.t.Nanosecond())/1000)
			return v, true, err
		}
	}
	return nil, false, nil
}

func (d *dateValue) Operate(op string, o Value, swapped bool) (Value, bool, error) {
	switch e := o.(type) {
	case *timedeltaValue:
		if op == "+" || op == "-" && !swapped {
			days := e.days()
			if op == "-" {
				days = -days
			}
			t, err := addUS(d.t, days*dayUS)
			return &dateValue{t}, true, err
		}
	case *dateValue:
		if op == "-" && !swapped {
			v, err := newTimedelta((d.t.Unix() - e.t.Unix()) * 1_000_000)
			return v, true, err
		}
	}
	return nil, false, nil
}

func (d *timedeltaValue) Operate(op string, o Value, swapped bool) (Value, bool, error) {
	wrap := func(us float64) (Value, bool, error) {
		if math.Abs(us) > maxDeltaDays*dayUS || math.Abs(us) > math.MaxInt64 {
			return nil, false, raise(overflowError, "the timedelta is too large")
		}
		return &timedeltaValue{int64(math.RoundToEven(us))}, true, nil
	}
	if e, ok := o.(*timedeltaValue); ok && !swapped {
		switch op {
		case "+":
			return &timedeltaValue{d.us + e.us}, true, nil
		case "-":
			return &timedeltaValue{d.us - e.us}, true, nil
		case "/", "//", "%":
			if e.us == 0 {
				return nil, false, raise(zeroDivision, "integer division or modulo by zero")
			}
			if op == "/" {
				return float64(d.us) / float64(e.us), true, nil
			}
			q := new(big.Int).Div(big.NewInt(d.us), big.NewInt(max(e.us, -e.us))).Int64()
			if e.us < 0 {
				f := math.Floor(float64(d.us) / float64(e.us))
				q = int64(f)
			}
			if op == "//" {
				return q, true, nil
			}
			return &timedeltaValue{d.us - q*e.us}, true, nil
		}
		return nil, false, nil
	}
	if n, ok := o.(int64); ok && n == 0 && op == "-" && swapped { // negation
		return &timedeltaValue{-d.us}, true, nil
	}
	if !isNumber(o) {
		return nil, false, nil
	}
	f, err := toFloat(o)
	if err != nil {
		return nil, false, err
	}
	switch {
	case op == "*":
		if n, ok := o.(int64); ok && n != 0 && d.us*n/n == d.us {
			return &timedeltaValue{d.us * n}, true, nil
		}
		return wrap(float64(d.us) * f)
	case op == "/" && !swapped && f != 0:
		return wrap(float64(d.us) / f)
	case op == "//" && !swapped && f != 0:
		return wrap(math.Floor(float64(d.us) / f))
	case (op == "/" || op == "//") && !swapped:
		return nil, false, raise(zeroDivision, "integer division or modulo by zero")
	}
	return nil, false, nil
}

func (d *datetimeValue) Format(spec string) (string, error) {
	if spec == "" {
		return d.String(), nil
	}
	return strftime(d.t, d.aware, spec)
}

func (d *dateValue) Format(spec string) (string, error) {
	if spec == "" {
		return d.String(), nil
	}
	return strftime(d.t, false, spec)
}

func (d *timeValue) Format(spec string) (string, error) {
	if spec == "" {
		return d.String(), nil
	}
	return strftime(d.t, false, spec)
}

// Abs makes the filter abs work.
func (d *timedeltaValue) Abs() Value { return &timedeltaValue{max(d.us, -d.us)} }

package jinja

import (
	"math"
	"time"
)

// datetimeModule makes the module datetime with a clock.
func datetimeModule(now func() time.Time) Value {
	timedelta := &object{kind: "type", text: "<class 'datetime.timedelta'>", call: makeTimedelta}
	timedelta.attrs = map[string]Value{"max": &timedeltaValue{math.MaxInt64}, "min": &timedeltaValue{math.MinInt64 + 1}, "resolution": &timedeltaValue{1}}
	date := &object{kind: "type", text: "<class 'datetime.date'>", call: makeDate}
	date.attrs = map[string]Value{
		"today": bound("today", nil, func(*Call, []Value) (Value, error) { return newDate(now().Local()), nil }),
		"fromisoformat": bound("fromisoformat", []string{"s"}, func(_ *Call, a []Value) (Value, error) {
			t, _, err := parseISO(a[0])
			return newDate(t), err
		}),
		"fromtimestamp": bound("fromtimestamp", []string{"t"}, func(_ *Call, a []Value) (Value, error) {
			t, err := fromTimestamp(a[0])
			return newDate(t.Local()), err
		}),
		"fromordinal": bound("fromordinal", []string{"n"}, func(_ *Call, a []Value) (Value, error) {
			n, err := indexArg(a[0], 1)
			if err != nil || n < 1 || n > 3652059 {
				return nil, raise(valueError, "ordinal must be >= 1")
			}
			return &dateValue{time.Date(1, 1, n, 0, 0, 0, 0, time.UTC)}, nil
		}),
		"min": &dateValue{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}, "max": &dateValue{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)},
	}
	clock := &object{kind: "type", text: "<class 'datetime.time'>", call: makeTime}
	zone := &object{kind: "type", text: "<class 'datetime.timezone'>", call: makeZone, attrs: map[string]Value{"utc": &zoneValue{time.UTC, "UTC"}}}
	return &object{kind: "dict", attrs: map[string]Value{
		"datetime": datetimeClass(now), "date": date, "time": clock, "timedelta": timedelta, "timezone": zone,
		"MINYEAR": int64(1), "MAXYEAR": int64(9999), "UTC": &zoneValue{time.UTC, "UTC"},
		"tzinfo": &object{kind: "type", text: "<class 'datetime.tzinfo'>"},
	}}
}

func datetimeClass(now func() time.Time) Value {
	class := &object{kind: "type", text: "<class 'datetime.datetime'>", call: makeDatetime}
	in := func(t time.Time, zone Value) (Value, error) {
		switch z := zone.(type) {
		case nil:
			t = t.Local()
			y, m, d := t.Date()
			return newDatetime(time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), false), nil
		case *zoneValue:
			return newDatetime(t.In(z.loc), true), nil
		}
		return nil, raise(typeError, "tzinfo argument must be None or of a tzinfo subclass, not type '%s'", typeName(zone))
	}
	class.attrs = map[string]Value{
		"now":    bound("now", []string{"tz="}, func(_ *Call, a []Value) (Value, error) { return in(now(), a[0]) }),
		"today":  bound("today", nil, func(*Call, []Value) (Value, error) { return in(now(), nil) }),
		"utcnow": bound("utcnow", nil, func(*Call, []Value) (Value, error) { return newDatetime(now(), false), nil }),
		"strptime": bound("strptime", []string{"text", "format"}, func(_ *Call, a []Value) (Value, error) {
			text, err := strArg(a[0], "strptime() argument 1")
			if err != nil {
				return nil, err
			}
			format, err := strArg(a[1], "strptime() argument 2")
			if err != nil {
				return nil, err
			}
			return strptime(text, format)
		}),
		"fromisoformat": bound("fromisoformat", []string{"s"}, func(_ *Call, a []Value) (Value, error) {
			t, aware, err := parseISO(a[0])
			return newDatetime(t, aware), err
		}),
		"fromtimestamp": bound("fromtimestamp", []string{"t", "tz="}, func(_ *Call, a []Value) (Value, error) {
			t, err := fromTimestamp(a[0])
			if err != nil {
				return nil, err
			}
			return in(t, a[1])
		}),
		"utcfromtimestamp": bound("utcfromtimestamp", []string{"t"}, func(_ *Call, a []Value) (Value, error) {
			t, err := fromTimestamp(a[0])
			return newDatetime(t, false), err
		}),
		"combine": bound("combine", []string{"date", "time"}, func(_ *Call, a []Value) (Value, error) {
			d, ok1 := a[0].(*dateValue)
			t, ok2 := a[1].(*timeValue)
			if !ok1 || !ok2 {
				return nil, raise(typeError, "combine() wants a date and a time")
			}
			return newDatetime(d.t.Add(t.t.Sub(newDate(t.t).t)), false), nil
		}),
		"min": newDatetime(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), false),
		"max": newDatetime(time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), false),
	}
	return class
}

func fromTimestamp(v Value) (time.Time, error) {
	if !isNumber(v) {
		return time.Time{}, raise(typeError, "a timestamp is a number, not %s", typeName(v))
	}
	f, err := toFloat(v)
	if err != nil || math.Abs(f) > 2e11 {
		return time.Time{}, raise(valueError, "the timestamp is out of range")
	}
	return time.UnixMicro(int64(math.RoundToEven(f * 1e6))).UTC(), nil
}

// ints reads integer arguments; those not given stay as preset.
func ints(a []Value, preset ...int) ([]int, error) {
	out := append([]int(nil), preset...)
	for i := range out {
		if i < len(a) && a[i] != nil {
			n, err := indexArg(a[i], 0)
			if err != nil {
				return nil, err
			}
			out[i] = n
		}
	}
	return out, nil
}

func checkDate(n []int) error {
	switch {
	case n[0] < 1 || n[0] > 9999:
		return raise(valueError, "year %d is out of range", n[0])
	case n[1] < 1 || n[1] > 12:
		return raise(valueError, "month must be in 1..12")
	case n[2] < 1 || n[2] > time.Date(n[0], time.Month(n[1])+1, 0, 0, 0, 0, 0, time.UTC).Day():
		return raise(valueError, "day is out of range for month")
	}
	return nil
}

func checkClock(n []int) error {
	for i, part := range []struct {
		name string
		max  int
	}{{"hour", 23}, {"minute", 59}, {"second", 59}, {"microsecond", 999999}} {
		if n[i] < 0 || n[i] > part.max {
			return raise(valueError, "%s must be in 0..%d", part.name, part.max)
		}
	}
	return nil
}

func makeDatetime(c *Call) (Value, error) {
	a, err := c.Bind("year", "month", "day", "hour=", "minute=", "second=", "microsecond=", "tzinfo=", "fold=")
	if err != nil {
		return nil, err
	}
	n, err := ints(a[:7], 0, 0, 0, 0, 0, 0, 0)
	if err != nil {
		return nil, err
	}
	if err := checkDate(n); err != nil {
		return nil, err
	}
	if err := checkClock(n[3:]); err != nil {
		return nil, err
	}
	loc := time.UTC
	z, aware := a[7].(*zoneValue)
	if aware {
		loc = z.loc
	}
	return &datetimeValue{time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1000, loc), aware}, nil
}

func makeDate(c *Call) (Value, error) {
	a, err := c.Bind("year", "month", "day")
	if err != nil {
		return nil, err
	}
	n, err := ints(a, 0, 0, 0)
	if err != nil {
		return nil, err
	}
	if err := checkDate(n); err != nil {
		return nil, err
	}
	return &dateValue{time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)}, nil
}

func makeTime(c *Call) (Value, error) {
	a, err := c.Bind("hour=", "minute=", "second=", "microsecond=", "tzinfo=")
	if err != nil {
		return nil, err
	}
	n, err := ints(a[:4], 0, 0, 0, 0)
	if err != nil {
		return nil, err
	}
	if err := checkClock(n); err != nil {
		return nil, err
	}
	return &timeValue{time.Date(1, 1, 1, n[0], n[1], n[2], n[3]*1000, time.UTC)}, nil
}

func makeTimedelta(c *Call) (Value, error) {
	a, err := c.Bind("days=0", "seconds=0", "microseconds=0", "milliseconds=0", "minutes=0", "hours=0", "weeks=0")
	if err != nil {
		return nil, err
	}
	units := []float64{dayUS, 1e6, 1, 1e3, 60e6, 3600e6, 7 * dayUS}
	var whole int64
	var part float64
	for i, v := range a {
		if !isNumber(v) {
			return nil, raise(typeError, "unsupported type for timedelta component: %s", typeName(v))
		}
		f, err := toFloat(v)
		if err != nil {
			return nil, err
		}
		if math.IsNaN(f) || math.Abs(f*units[i]) > math.MaxInt64/16 {
			return nil, raise(overflowError, "the timedelta is too large")
		}
		if n, ok := v.(int64); ok {
			whole += n * int64(units[i])
		} else {
			part += f * units[i]
		}
	}
	return newTimedelta(whole + int64(math.RoundToEven(part)))
}

func makeZone(c *Call) (Value, error) {
	a, err := c.Bind("offset", "name=")
	if err != nil {
		return nil, err
	}
	d, ok := a[0].(*timedeltaValue)
	if !ok || d.us <= -dayUS || d.us >= dayUS {
		return nil, raise(valueError, "the offset of a timezone is a timedelta of less than a day")
	}
	name, _ := textOf(a[1])
	if name == "" {
		if name = "UTC"; d.us != 0 {
			name += zoneOffset(time.Now().In(time.FixedZone("", int(d.us/1_000_000))), ":")
		}
	}
	return &zoneValue{time.FixedZone(name, int(d.us/1_000_000)), name}, nil
}

// pytzModule makes the module pytz.
func pytzModule() Value {
	utc := &zoneValue{time.UTC, "UTC"}
	timezone := bound("timezone", []string{"zone"}, func(_ *Call, a []Value) (Value, error) {
		name, err := strArg(a[0], "a time zone")
		if err != nil {
			return nil, err
		}
		loc, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			return nil, raise(lookupError, "%s is no known time zone", Repr(name))
		}
		if name == "UTC" {
			return utc, nil
		}
		return &zoneValue{loc, name}, nil
	})
	return &object{kind: "dict", attrs: map[string]Value{"utc": utc, "UTC": utc, "timezone": timezone}}
}

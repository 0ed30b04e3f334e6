package jinja

import (
	"time"
)

func (d *datetimeValue) methods() map[string]*method  { return datetimeMethods }
func (d *dateValue) methods() map[string]*method      { return dateMethods }
func (d *timeValue) methods() map[string]*method      { return clockMethods }
func (d *timedeltaValue) methods() map[string]*method { return timedeltaMethods }
func (z *zoneValue) methods() map[string]*method      { return zoneMethods }

// when returns the time of any of the values, and whether it has a zone.
func when(v Value) (time.Time, bool) {
	switch d := v.(type) {
	case *datetimeValue:
		return d.t, d.aware
	case *dateValue:
		return d.t, false
	}
	return v.(*timeValue).t, false
}

func ofTime(f func(t time.Time) Value) *method {
	return &method{sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		t, _ := when(obj)
		return f(t), nil
	}}
}

var strftimeMethod = &method{sig("format"), func(_ *Call, obj Value, a []Value) (Value, error) {
	format, err := strArg(a[0], "strftime() argument 1")
	if err != nil {
		return nil, err
	}
	t, aware := when(obj)
	return strftime(t, aware, format)
}}

var dateMethods = map[string]*method{
	"strftime":   strftimeMethod,
	"isoformat":  ofTime(func(t time.Time) Value { return t.Format("2006-01-02") }),
	"weekday":    ofTime(func(t time.Time) Value { return int64(t.Weekday()+6) % 7 }),
	"isoweekday": ofTime(func(t time.Time) Value { return int64(t.Weekday()+6)%7 + 1 }),
	"toordinal":  ofTime(func(t time.Time) Value { return ordinal(t) }),
	"isocalendar": ofTime(func(t time.Time) Value {
		y, w := t.ISOWeek()
		return Tuple{int64(y), int64(w), int64(t.Weekday()+6)%7 + 1}
	}),
	"ctime": ofTime(func(t time.Time) Value { return t.Format("Mon Jan _2 15:04:05 2006") }),
	"replace": {sig("year? month? day?"), func(_ *Call, obj Value, a []Value) (Value, error) {
		d := obj.(*dateValue)
		n, err := replaced(a, d.t.Year(), int(d.t.Month()), d.t.Day())
		if err != nil {
			return nil, err
		}
		if err := checkDate(n); err != nil {
			return nil, err
		}
		return &dateValue{time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)}, nil
	}},
}

func ordinal(t time.Time) int64 {
	return newDate(t).t.Unix()/86400 + 719163
}

func replaced(a []Value, preset ...int) ([]int, error) {
	values := make([]Value, len(a))
	for i, v := range a {
		if given(v) {
			values[i] = v
		}
	}
	return ints(values, preset...)
}

var datetimeMethods = map[string]*method{
	"strftime":    strftimeMethod,
	"weekday":     dateMethods["weekday"],
	"isoweekday":  dateMethods["isoweekday"],
	"toordinal":   dateMethods["toordinal"],
	"isocalendar": dateMethods["isocalendar"],
	"ctime":       dateMethods["ctime"],
	"date":        ofTime(func(t time.Time) Value { return newDate(t) }),
	"time": ofTime(func(t time.Time) Value {
		return &timeValue{time.Date(1, 1, 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)}
	}),
	"isoformat": {sig("sep? timespec?"), func(_ *Call, obj Value, a []Value) (Value, error) {
		d := obj.(*datetimeValue)
		sep := "T"
		if given(a[0]) {
			var err error
			if sep, err = strArg(a[0], "sep"); err != nil {
				return nil, err
			}
		}
		if !given(a[1]) {
			return d.iso(sep), nil
		}
		spec, _ := textOf(a[1])
		layout := map[string]string{"hours": "15", "minutes": "15:04", "seconds": "15:04:05", "milliseconds": "15:04:05.000",
			"microseconds": "15:04:05.000000"}[spec]
		if spec == "auto" {
			return d.iso(sep), nil
		}
		if layout == "" {
			return nil, raise(valueError, "Unknown timespec value")
		}
		s := d.t.Format("2006-01-02") + sep + d.t.Format(layout)
		if d.aware {
			s += zoneOffset(d.t, ":")
		}
		return s, nil
	}},
	"timestamp": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		d := obj.(*datetimeValue)
		t := d.t
		if !d.aware {
			y, m, day := t.Date()
			t = time.Date(y, m, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.Local)
		}
		return float64(t.UnixMicro()) / 1e6, nil
	}},
	"utcoffset": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		d := obj.(*datetimeValue)
		if !d.aware {
			return nil, nil
		}
		_, off := d.t.Zone()
		return &timedeltaValue{int64(off) * 1_000_000}, nil
	}},
	"tzname": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		d := obj.(*datetimeValue)
		if !d.aware {
			return nil, nil
		}
		return zoneName(d.t), nil
	}},
	"astimezone": {sig("tz?"), func(_ *Call, obj Value, a []Value) (Value, error) {
		d := obj.(*datetimeValue)
		t := d.t
		if !d.aware {
			y, m, day := t.Date()
			t = time.Date(y, m, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.Local)
		}
		z, ok := optional(a[0]).(*zoneValue)
		if !ok {
			return newDatetime(t.Local(), true), nil
		}
		return newDatetime(t.In(z.loc), true), nil
	}},
	"replace": {sig("year? month? day? hour? minute? second? microsecond? tzinfo?"), func(_ *Call, obj Value, a []Value) (Value, error) {
		d := obj.(*datetimeValue)
		t := d.t
		n, err := replaced(a[:7], t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond()/1000)
		if err != nil {
			return nil, err
		}
		if err := checkDate(n); err != nil {
			return nil, err
		}
		if err := checkClock(n[3:]); err != nil {
			return nil, err
		}
		loc, aware := t.Location(), d.aware
		if given(a[7]) {
			loc, aware = time.UTC, false
			if z, ok := a[7].(*zoneValue); ok {
				loc, aware = z.loc, true
			}
		}
		return &datetimeValue{time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1000, loc), aware}, nil
	}},
}

var clockMethods = map[string]*method{
	"strftime":  strftimeMethod,
	"isoformat": ofTime(func(t time.Time) Value { return clock(t) }),
}

var timedeltaMethods = map[string]*method{
	"total_seconds": {sig(""), func(_ *Call, obj Value, _ []Value) (Value, error) {
		return float64(obj.(*timedeltaValue).us) / 1e6, nil
	}},
}

var zoneMethods = map[string]*method{
	"localize": {sig("dt is_dst?"), func(_ *Call, obj Value, a []Value) (Value, error) {
		d, ok := a[0].(*datetimeValue)
		if !ok || d.aware {
			return nil, raise(valueError, "Not naive datetime (tzinfo is already set)")
		}
		y, m, day := d.t.Date()
		return &datetimeValue{time.Date(y, m, day, d.t.Hour(), d.t.Minute(), d.t.Second(), d.t.Nanosecond(), obj.(*zoneValue).loc), true}, nil
	}},
	"normalize": {sig("dt"), func(_ *Call, obj Value, a []Value) (Value, error) {
		d, ok := a[0].(*datetimeValue)
		if !ok || !d.aware {
			return nil, raise(valueError, "Naive time - no tzinfo set")
		}
		return newDatetime(d.t.In(obj.(*zoneValue).loc), true), nil
	}},
}

package project

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"warehouse/runner/jinja"
)

// Retention says which runs to keep. A run that any rule keeps is kept; zero
// means that the rule keeps none.
type Retention struct {
	KeepLast int           // the newest N
	KeepFor  time.Duration // all that are younger
	Hourly   time.Duration // the last run of each hour, for so long
	Daily    time.Duration
	Weekly   time.Duration
	Monthly  time.Duration
	Yearly   time.Duration
}

var retentionKeys = []string{"keep_last", "keep_for", "hourly", "daily", "weekly", "monthly", "yearly", "auto"}

// takeAuto takes auto: out of the value of the project's retention:, which says
// when to prune and is no rule.
func takeAuto(d *decoder, s Setting) (auto bool, rules Setting) {
	dict, ok := s.Value.(*jinja.Dict)
	if !ok {
		return false, s
	}
	rest := jinja.NewDict()
	for _, it := range dict.Items() {
		if jinja.Str(it.Key) == "auto" {
			auto = d.bool(s.with(it.Value), "auto of retention")
			continue
		}
		_ = rest.Set(it.Key, it.Value) // it was a key before
	}
	if auto && len(rest.Items()) == 0 {
		d.errorf(s, "retention prunes by itself, and has no rule").Advice = "add what to keep, such as keep_last: 20"
	}
	return auto, s.with(rest)
}

// decodeRetention reads the value of retention:.
func decodeRetention(d *decoder, s Setting) *Retention {
	r := &Retention{}
	ages := map[string]*time.Duration{"keep_for": &r.KeepFor, "hourly": &r.Hourly, "daily": &r.Daily, "weekly": &r.Weekly,
		"monthly": &r.Monthly, "yearly": &r.Yearly}
	dict, ok := s.Value.(*jinja.Dict)
	if !ok {
		d.expected(s, "retention", "rules such as {keep_last: 20, daily: 30d}")
		return nil
	}
	if len(dict.Items()) == 0 {
		return nil // no rule is no wish to keep nothing
	}
	for _, it := range dict.Items() {
		key := jinja.Str(it.Key)
		switch age := ages[key]; {
		case key == "keep_last":
			n, ok := it.Value.(int64)
			if !ok || n < 1 || n > 1<<31-1 {
				d.expected(s.with(it.Value), "keep_last of retention", "a whole number from 1")
				continue
			}
			r.KeepLast = int(n)
		case age != nil:
			v, err := ParseAge(jinja.Str(it.Value))
			if err != nil {
				d.errorf(s, "%s of retention: %v", key, err)
				continue
			}
			*age = v
		case key == "auto":
			d.errorf(s, "auto stands in the retention of project.yml: it is for all marts").Advice = "move it there"
		default:
			d.add(unknownKey(s, key, "retention", retentionKeys))
		}
	}
	return r
}

// ParseAge reads a number and a unit: 0d, 90m, 12h, 2d, 3w, 6mo, 1y. A month
// has 30 days, a year 365.
func ParseAge(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	units := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day, "mo": 30 * day, "y": 365 * day}
	if i > 0 {
		unit, ok := units[strings.TrimSpace(s[i:])]
		n, err := strconv.Atoi(s[:i])
		if ok && err == nil && n >= 0 && time.Duration(n) <= (1<<63-1)/unit {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, fmt.Errorf("%q is no age: write a number and a unit, such as 90m, 12h, 2d, 3w, 6mo or 1y", s)
}

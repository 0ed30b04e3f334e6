package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

func zoneName(t time.Time) string {
	name, _ := t.Zone()
	return name
}

// strftime formats as C's strftime does in the C locale.
func strftime(t time.Time, aware bool, format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		flag := byte(0)
		if strings.IndexByte("-_0^#", format[i]) >= 0 && i+1 < len(format) {
			flag = format[i]
			i++
		}
		text, ok := directive(t, aware, format[i])
		if !ok {
			b.WriteString("%" + format[i:i+1])
			continue
		}
		switch flag {
		case '-':
			if trimmed := strings.TrimLeft(text, "0 "); trimmed != "" {
				text = trimmed
			} else if text != "" {
				text = "0"
			}
		case '_':
			trimmed := strings.TrimLeft(text[:max(len(text)-1, 0)], "0")
			text = strings.Repeat(" ", len(text)-1-len(trimmed)) + trimmed + text[len(text)-1:]
		case '^':
			text = strings.ToUpper(text)
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// directive formats one directive of strftime.
func directive(t time.Time, aware bool, c byte) (string, bool) {
	two := func(n int) (string, bool) { return fmt.Sprintf("%02d", n), true }
	switch c {
	case 'Y':
		return strconv.Itoa(t.Year()), true
	case 'm':
		return two(int(t.Month()))
	case 'd':
		return two(t.Day())
	case 'H':
		return two(t.Hour())
	case 'M':
		return two(t.Minute())
	case 'S':
		return two(t.Second())
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	case 'y':
		return two(t.Year() % 100)
	case 'C':
		return two(t.Year() / 100)
	case 'I':
		return two((t.Hour()+11)%12 + 1)
	case 'e':
		return fmt.Sprintf("%2d", t.Day()), true
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), true
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	case 'u':
		return strconv.Itoa(int(t.Weekday()+6)%7 + 1), true
	case 'U':
		return two((t.YearDay() + 6 - int(t.Weekday())) / 7)
	case 'W':
		return two((t.YearDay() + 6 - int(t.Weekday()+6)%7) / 7)
	case 'V':
		_, w := t.ISOWeek()
		return two(w)
	case 'G':
		y, _ := t.ISOWeek()
		return strconv.Itoa(y), true
	case 'z', 'Z':
		if !aware {
			return "", true
		}
		if c == 'Z' {
			return zoneName(t), true
		}
		return zoneOffset(t, ""), true
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	}
	layout := map[byte]string{'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'p': "PM", 'F': "2006-01-02", 'T': "15:04:05",
		'X': "15:04:05", 'D': "01/02/06", 'x': "01/02/06", 'R': "15:04", 'c': "Mon Jan _2 15:04:05 2006", 'r': "03:04:05 PM"}[c]
	if layout == "" {
		return "", false
	}
	return t.Format(layout), true
}

// scanner reads a text by a format of strptime.
type scanner struct {
	s                                             string
	year, month, day, hour, minute, second, micro int
	pm, half                                      bool
	yearDay                                       int
	zone                                          *time.Location
}

func strptime(text, format string) (Value, error) {
	p := scanner{s: text, year: 1900, month: 1, day: 1}
	mismatch := raise(valueError, "time data %s does not match format %s", Repr(text), Repr(format))
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case c == '%' && i+1 < len(format):
			i++
			ok, known := p.read(format[i])
			if !known {
				return nil, raise(valueError, "'%c' is a bad directive in format %s", format[i], Repr(format))
			}
			if !ok {
				return nil, mismatch
			}
		case isSpace(rune(c)):
			p.s = strings.TrimLeftFunc(p.s, isSpace)
		case strings.HasPrefix(p.s, format[i:i+1]):
			p.s = p.s[1:]
		default:
			return nil, mismatch
		}
	}
	if p.s != "" {
		return nil, raise(valueError, "unconverted data remains: %s", p.s)
	}
	if p.half {
		p.hour %= 12
		if p.pm {
			p.hour += 12
		}
	}
	if err := checkDate([]int{p.year, p.month, p.day}); err != nil {
		return nil, err
	}
	loc := time.UTC
	if p.zone != nil {
		loc = p.zone
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, p.micro*1000, loc)
	if p.yearDay > 0 {
		t = time.Date(p.year, 1, p.yearDay, p.hour, p.minute, p.second, p.micro*1000, loc)
	}
	return &datetimeValue{t, p.zone != nil}, nil
}

// number reads up to width digits within bounds.
func (p *scanner) number(into *int, width, low, high int) bool {
	n, i := 0, 0
	for i < len(p.s) && i < width && isDigit(p.s[i]) {
		n = 10*n + int(p.s[i]-'0')
		i++
	}
	for i > 1 && n > high {
		n, i = n/10, i-1
	}
	if i == 0 || n < low || n > high {
		return false
	}
	*into, p.s = n, p.s[i:]
	return true
}

func (p *scanner) name(layouts string, count int) int {
	best, size := -1, 0
	for i := range count {
		t := time.Date(2024, time.Month(i%12+1), 1, 0, 0, 0, 0, time.UTC)
		if count == 7 {
			t = time.Date(2024, 1, i+7, 0, 0, 0, 0, time.UTC)
		}
		name := t.Format(layouts)
		if len(p.s) >= len(name) && strings.EqualFold(p.s[:len(name)], name) && len(name) > size {
			best, size = i, len(name)
		}
	}
	p.s = p.s[size:]
	return best
}

func (p *scanner) read(c byte) (ok, known bool) {
	switch c {
	case 'Y':
		before := p.s
		return p.number(&p.year, 4, 1, 9999) && len(before)-len(p.s) == 4, true
	case 'm':
		return p.number(&p.month, 2, 1, 12), true
	case 'd':
		return p.number(&p.day, 2, 1, 31), true
	case 'H':
		return p.number(&p.hour, 2, 0, 23), true
	case 'I':
		p.half = true
		return p.number(&p.hour, 2, 1, 12), true
	case 'M':
		return p.number(&p.minute, 2, 0, 59), true
	case 'S':
		return p.number(&p.second, 2, 0, 61), true
	case 'j':
		return p.number(&p.yearDay, 3, 1, 366), true
	case 'y':
		ok := p.number(&p.year, 2, 0, 99)
		if p.year < 69 {
			p.year += 2000
		} else {
			p.year += 1900
		}
		return ok, true
	case 'f':
		before := p.s
		ok := p.number(&p.micro, 6, 0, 999999)
		for i := len(before) - len(p.s); i < 6; i++ {
			p.micro *= 10
		}
		return ok, true
	case 'b', 'B':
		layout := map[byte]string{'b': "Jan", 'B': "January"}[c]
		p.month = p.name(layout, 12) + 1
		return p.month > 0, true
	case 'a', 'A':
		layout := map[byte]string{'a': "Mon", 'A': "Monday"}[c]
		return p.name(layout, 7) >= 0, true
	case 'p':
		if len(p.s) < 2 || !strings.EqualFold(p.s[:2], "am") && !strings.EqualFold(p.s[:2], "pm") {
			return false, true
		}
		p.pm = strings.EqualFold(p.s[:2], "pm")
		p.s = p.s[2:]
		return true, true
	case 'z':
		return p.offset(), true
	case 'Z':
		for _, name := range []string{"UTC", "GMT"} {
			if strings.HasPrefix(p.s, name) {
				p.s = p.s[3:]
				return true, true
			}
		}
		return false, true
	case '%':
		ok := strings.HasPrefix(p.s, "%")
		p.s = strings.TrimPrefix(p.s, "%")
		return ok, true
	}
	return false, false
}

// offset reads +HH:MM, +HHMM or Z.
func (p *scanner) offset() bool {
	if strings.HasPrefix(p.s, "Z") {
		p.s, p.zone = p.s[1:], time.UTC
		return true
	}
	if p.s == "" || p.s[0] != '+' && p.s[0] != '-' {
		return false
	}
	sign := 1
	if p.s[0] == '-' {
		sign = -1
	}
	p.s = p.s[1:]
	var h, m int
	if !p.number(&h, 2, 0, 23) {
		return false
	}
	p.s = strings.TrimPrefix(p.s, ":")
	if !p.number(&m, 2, 0, 59) {
		return false
	}
	off := sign * (h*3600 + m*60)
	if p.zone = time.UTC; off != 0 {
		p.zone = time.FixedZone("", off)
		p.zone = time.FixedZone("UTC"+zoneOffset(time.Unix(0, 0).In(p.zone), ":"), off)
	}
	return true
}

// parseISO reads what isoformat writes.
func parseISO(v Value) (time.Time, bool, error) {
	s, err := strArg(v, "fromisoformat: argument")
	if err != nil {
		return time.Time{}, false, err
	}
	bad := raise(valueError, "Invalid isoformat string: %s", Repr(s))
	for _, layout := range []string{"2006-01-02", "20060102", "2006-01-02?15", "2006-01-02?15:04", "2006-01-02?15:04:05", "2006-01-02?15:04:05.000",
		"2006-01-02?15:04:05.000000"} {
		for _, zone := range []string{"", "Z07:00", "-07:00", "-0700"} {
			sep := "T"
			if len(s) > 10 {
				sep = s[10:11]
			}
			if zone != "" && !strings.Contains(layout, "?") {
				continue
			}
			if t, err := time.Parse(strings.ReplaceAll(layout, "?", sep)+zone, s); err == nil {
				if _, off := t.Zone(); zone != "" && off != 0 {
					t = t.In(time.FixedZone("UTC"+zoneOffset(t, ":"), off))
				}
				return t, zone != "", nil
			}
		}
	}
	return time.Time{}, false, bad
}

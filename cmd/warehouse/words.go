package main

import (
	"fmt"
	"strconv"
	"time"
)

// thousands writes 12217 as 12,217.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	from := 0
	if n < 0 {
		from = 1
	}
	for i := len(s) - 3; i > from; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count writes "1 mart", "2 marts".
func count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(int64(n)) + " " + one + "s"
}

// seconds writes how long something took: 0.05s, 12.30s, 2m05s, 1h02m.
func seconds(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// instant writes a time in UTC; "" for none.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// short is the end of a run id: the beginning of all runs of one minute is the
// same.
func short(runID string) string {
	if len(runID) <= 8 {
		return runID
	}
	return runID[len(runID)-8:]
}

// seqName is what people type for a run.
func seqName(seq int64) string { return "r" + strconv.FormatInt(seq, 10) }

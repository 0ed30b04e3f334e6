package history

import (
	"strings"
	"testing"
	"time"
)

// Runs are written as "status@age", newest first.
func TestRetentionKeep(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) // a Wednesday
	for _, c := range []struct {
		rules      Retention
		runs, want string
	}{
		{Retention{}, "ok@1h ok@2h", "- -"},
		{Retention{KeepLast: 2}, "ok@1h ok@2h ok@3h", "keep_last keep_last -"},
		{Retention{KeepLast: 5}, "ok@1h", "keep_last"},
		// What failed takes no place of what did not, and goes with it.
		{Retention{KeepLast: 2}, "failed@1h ok@2h crashed@3h ok@4h failed@5h ok@6h", "keep_last keep_last keep_last keep_last - -"},
		{Retention{KeepLast: 1}, "failed@1h failed@2h failed@3h ok@4h ok@5h", "keep_last - - keep_last -"},
		{Retention{KeepFor: 2 * day}, "ok@1h failed@47h ok@48h cancelled@3d", "keep_for keep_for - -"},
		{Retention{KeepLast: 1, KeepFor: 2 * day}, "ok@1h ok@1d ok@5d", "keep_last keep_for -"},
		// The last success of each day; the newest is of today.
		{Retention{Daily: 3 * day}, "ok@1h ok@2h failed@13h ok@14h ok@15h ok@37h ok@4d", "daily - - daily - daily -"},
		{Retention{Hourly: day}, "ok@10m ok@20m ok@70m", "hourly - hourly"},
		{Retention{Weekly: 30 * day}, "ok@2d ok@3d ok@4d ok@10d", "weekly weekly - weekly"},
		{Retention{Monthly: 365 * day}, "ok@1d ok@2d ok@30d ok@40d", "monthly - monthly -"},
		{Retention{Yearly: 3650 * day}, "ok@1d ok@400d ok@401d", "yearly yearly -"},
		// The last of a day that another rule keeps stands for the day.
		{Retention{KeepLast: 1, Daily: 3 * day}, "ok@1h ok@2h ok@30h", "keep_last - daily"},
		// A clock that went back keeps.
		{Retention{KeepFor: time.Hour}, "ok@-5h", "keep_for"},
	} {
		var runs []Run
		for _, text := range strings.Fields(c.runs) {
			status, age, _ := strings.Cut(text, "@")
			if status == "ok" {
				status = string(Success)
			}
			days, isDays := strings.CutSuffix(age, "d")
			if isDays {
				age = days + "h"
			}
			d, err := time.ParseDuration(age)
			if err != nil {
				t.Fatal(err)
			}
			if isDays {
				d *= 24
			}
			runs = append(runs, Run{Status: Status(status), StartedAt: now.Add(-d)})
		}
		kept := c.rules.Keep(runs, now)
		for i := range kept {
			if kept[i] == "" {
				kept[i] = "-"
			}
		}
		if got := strings.Join(kept, " "); got != c.want {
			t.Errorf("%v of %s:\n got %s\nwant %s", c.rules, c.runs, got, c.want)
		}
	}
}

func TestRetentionText(t *testing.T) {
	const day = 24 * time.Hour
	for want, r := range map[string]Retention{
		"keep none": {},
		"keep_last: 20, keep_for: 2d, daily: 30d, weekly: 1y": {KeepLast: 20, KeepFor: 2 * day, Daily: 30 * day, Weekly: 365 * day},
		"hourly: 36h, monthly: 180d, yearly: 2y":              {Hourly: 36 * time.Hour, Monthly: 180 * day, Yearly: 730 * day},
		"keep_for: 90m":                                       {KeepFor: 90 * time.Minute},
	} {
		if r.String() != want {
			t.Errorf("got %s, want %s", r, want)
		}
	}
}

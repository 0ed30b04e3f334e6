package main

import (
	"time"

	"github.com/spf13/pflag"

	"warehouse/runner"
	"warehouse/runner/compile"
)

// timeFlag is a flag with a time: a day, or a day and a time, in UTC.
type timeFlag struct {
	text string
	to   *time.Time
}

func (t *timeFlag) String() string { return t.text }
func (t *timeFlag) Type() string   { return "time" }
func (t *timeFlag) Set(s string) error {
	at, err := compile.ParseEventTime(s)
	if err != nil {
		return err
	}
	t.text, *t.to = s, at
	return nil
}

// eventTimes adds the flags that bound what microbatch models compute.
func eventTimes(f *pflag.FlagSet, o *runner.BuildOptions) {
	f.Var(&timeFlag{to: &o.EventTimeStart}, "event-time-start", "microbatch models: compute from this `time` on, in UTC: 2024-01-31 or 2024-01-31T10:00:00")
	f.Var(&timeFlag{to: &o.EventTimeEnd}, "event-time-end", "microbatch models: compute up to this `time`, which is not in it")
}

package project

import "time"

// Retention says which runs to keep. A run that any rule keeps is kept; zero
// means that the rule is not there.
type Retention struct {
	KeepLast int           // the newest N
	KeepFor  time.Duration // all that are younger
	Hourly   time.Duration // the last run of each hour, for so long
	Daily    time.Duration
	Weekly   time.Duration
	Monthly  time.Duration
	Yearly   time.Duration
}

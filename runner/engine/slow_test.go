package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A statement is slow by what it works, not by what it waits.
func TestSlow(t *testing.T) {
	for _, c := range []struct {
		name    string
		share   int // percent of a core that the process gets
		running int
		takes   time.Duration
		told    int64
	}{
		{"short", 100, 1, 90 * time.Millisecond, 0},
		{"long", 100, 1, 150 * time.Millisecond, 1},
		{"waiting", 0, 1, 10 * time.Second, 0},
		{"a busy machine, short", 10, 1, 900 * time.Millisecond, 0},
		{"a busy machine, long", 10, 1, 1200 * time.Millisecond, 1},
		{"one of four on two cores, short", 200, 4, 190 * time.Millisecond, 0},
		{"one of four on two cores, long", 200, 4, 250 * time.Millisecond, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told atomic.Int64
				began := time.Now()
				s := slow{after: 100 * time.Millisecond, tell: func() { told.Add(1) },
					cpu: func() (time.Duration, bool) { return time.Since(began) * time.Duration(c.share) / 100, true }}
				var stops []func()
				for range c.running {
					stops = append(stops, s.watch())
				}
				time.Sleep(c.takes)
				for _, stop := range stops {
					stop()
				}
				time.Sleep(time.Hour)
				if told.Load() != c.told {
					t.Errorf("told %d times, want %d", told.Load(), c.told)
				}
			})
		})
	}
}

// Where CPU time is not known, time is what there is.
func TestSlowByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := false
		s := slow{after: time.Second, tell: func() { told = true }, cpu: func() (time.Duration, bool) { return 0, false }}
		stop := s.watch()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		stop()
		if !told {
			t.Error("not told")
		}
	})
}

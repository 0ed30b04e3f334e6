package engine

import (
	"sync/atomic"
	"time"
)

// slow tells of statements that work for long.
type slow struct {
	after   time.Duration
	tell    func() // nil: nobody asked
	running atomic.Int64
	cpu     func() (time.Duration, bool) // of the process; a test's own
}

// OnSlow calls f while a statement runs that has worked for longer than after,
// for each such statement. Its work is its share of the CPU time that the
// process takes meanwhile, where that can be told: one that waits, for a disk
// or on a busy machine, is not slow. f must be safe for concurrent use, and may
// use the DB. Call it while nobody else uses the DB.
func (db *DB) OnSlow(after time.Duration, f func()) {
	db.slow.after, db.slow.tell, db.slow.cpu = after, f, cpuTime
}

// watch starts the clock of a statement; the caller stops it.
func (s *slow) watch() (stop func()) {
	if s.tell == nil {
		return func() {}
	}
	s.running.Add(1)
	began, known := s.cpu()
	var done atomic.Bool
	const never = 1 << 62 // so that timer is set when its function runs
	var timer *time.Timer
	timer = time.AfterFunc(never, func() {
		worked := s.after
		if now, ok := s.cpu(); ok && known {
			worked = (now - began) / time.Duration(max(s.running.Load(), 1))
		}
		switch {
		case done.Load():
		case worked >= s.after:
			s.tell()
		default:
			timer.Reset(max(s.after-worked, s.after/8))
		}
	})
	timer.Reset(s.after)
	return func() {
		done.Store(true)
		timer.Stop()
		s.running.Add(-1)
	}
}

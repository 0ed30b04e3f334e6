package main

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"
)

// echo is how long after a first interrupt a second one is taken for the same:
// timeout(1) sends its signal to the process and then to its group.
const echo = 300 * time.Millisecond

// interruptible returns a context that the first interrupt cancels. A second
// one ends the process at once. stop gives the watcher back.
func (c *cli) interruptible(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	var mu sync.Mutex
	var came os.Signal
	c.signal = func() os.Signal {
		mu.Lock()
		defer mu.Unlock()
		return came
	}
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		var first time.Time
		for {
			select {
			case <-done:
				return
			case s := <-c.env.Signals:
				mu.Lock()
				again := came != nil
				if !again {
					came, first = s, time.Now()
				}
				mu.Unlock()
				if !again {
					cancel()
				} else if time.Since(first) > echo {
					c.env.Exit(signalCode(s))
				}
			}
		}
	})
	return ctx, func() {
		close(done)
		watcher.Wait()
		cancel()
	}
}

// signalCode is the exit code of a process that a signal ended, as shells
// count it.
func signalCode(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return 130
}

package main

import (
	"time"

	"warehouse/runner"
)

// sink is where all goes that is not a result. Its methods may be called by
// many goroutines at once.
type sink interface {
	event(runner.Event)
	say(msg string) // a line for people: what was found, what was done
	warn(err error)
	fail(err error)
	done(s stats, took time.Duration) // a build or a test ended
	rest()                            // results follow: progress goes off the screen
	close(code int)
}

// stats are the numbers of dbt's last line.
type stats struct{ pass, warn, errors, skip, noOp, reused, total int }

// statsOf counts as dbt does: a model that was built and a data test that
// passed are PASS, one that failed is ERROR.
func statsOf(nodes []runner.NodeResult) stats {
	s := stats{total: len(nodes)}
	for _, n := range nodes {
		switch n.Status {
		case runner.StatusSuccess, runner.StatusPass:
			s.pass++
		case runner.StatusWarn:
			s.warn++
		case runner.StatusFail, runner.StatusError:
			s.errors++
		case runner.StatusSkipped:
			s.skip++
		case runner.StatusNoOp:
			s.noOp++
		case runner.StatusReused:
			s.reused++
		}
	}
	return s
}

// quietSink lets errors through and nothing else.
type quietSink struct{ sink }

func (quietSink) event(runner.Event)        {}
func (quietSink) say(string)                {}
func (quietSink) warn(error)                {}
func (quietSink) done(stats, time.Duration) {}

// warningSink lets warnings and errors through.
type warningSink struct{ sink }

func (w warningSink) event(e runner.Event) {
	switch {
	case e.Kind == runner.EventWarning, e.Kind == runner.EventMended:
	case e.Kind == runner.EventResult && e.Node != nil && (e.Node.Blocks() || e.Node.Status == runner.StatusWarn):
	default:
		return
	}
	w.sink.event(e)
}
func (warningSink) say(string)                {}
func (warningSink) done(stats, time.Duration) {}

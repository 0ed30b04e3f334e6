//go:build !unix

package engine

import "time"

// cpuTime is what the process has taken of all cores so far; false if that is
// not known.
func cpuTime() (time.Duration, bool) { return 0, false }

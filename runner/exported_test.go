package runner

import "time"

// SetSlow sets the time after which a statement is slow, and gives back what
// undoes it.
func SetSlow(d time.Duration) func() {
	was := slowIsLong
	slowIsLong = d
	return func() { slowIsLong = was }
}

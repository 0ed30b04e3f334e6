package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
)

// unswept is how much a command that only reads the project may allocate before
// memory is collected for the first time: most of them end before, and on the
// way there each collection would find that nearly all is in use.
const unswept = 160 << 20

// collectLate puts the first collection off until there are unswept bytes; from
// then on memory is collected as always. It is for commands that end when they
// have read the project: the others leave memory to their engine. What GOGC or
// GOMEMLIMIT say holds.
func collectLate() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(unswept)
	runtime.AddCleanup(new([16]byte), func(struct{}) { // after the first collection
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(math.MaxInt64)
	}, struct{}{})
}

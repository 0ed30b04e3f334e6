package duckdb

import (
	"slices"
	"strings"

	"warehouse/runner/engine"
)

// BeforeBuild puts checkpoints off: with the default threshold every small
// table is rewritten again and again (200 models of 1,000 rows: 3.9 against
// 2.4 ms each, and a file three times the size). A threshold that the target's
// settings name is left as it is.
func (backend) BeforeBuild(t engine.Target) []string {
	if ownThreshold(t) {
		return nil
	}
	return []string{"SET GLOBAL checkpoint_threshold = '1GB'"}
}

// AfterBuild writes the log into the file, once.
func (backend) AfterBuild(t engine.Target) []string {
	out := []string{"CHECKPOINT " + quotedCatalog}
	if !ownThreshold(t) {
		out = append(out, "RESET GLOBAL checkpoint_threshold")
	}
	return out
}

// DuringBuild is a checkpoint. Until there is one, each column of the rows that
// were added to a table with rows has two blocks of memory, of 256 KiB, however
// few the rows are: 500 models of 1,000 rows, built again, took 800 to 1,000 MB.
func (backend) DuringBuild(t engine.Target) (statement string, columns int) {
	if ownThreshold(t) {
		return "", 0
	}
	return "CHECKPOINT " + quotedCatalog, 512
}

// Pace is about DuckDB's own threads. A worker that takes a piece of a small
// statement gains nothing, and whoever sent it turns in circles until the piece
// is done: a quarter of the CPU time of 500 models of 1,000 rows.
func (backend) Pace(t engine.Target) (narrow, wide string) {
	if ownSetting(t, "threads", "worker_threads", "external_threads") {
		return "", ""
	}
	return "SET GLOBAL threads = 1", "RESET GLOBAL threads"
}

func ownThreshold(t engine.Target) bool {
	return ownSetting(t, "checkpoint_threshold", "wal_autocheckpoint")
}

// ownSetting says whether the target's settings name one of names, or lock all
// settings, so that none can be changed.
func ownSetting(t engine.Target, names ...string) bool {
	for name, value := range t.Settings {
		name = strings.ToLower(name)
		if slices.Contains(names, name) {
			return true
		}
		if name == "lock_configuration" && slices.Contains([]string{"true", "1", "on", "yes", "t", "y"}, strings.ToLower(value)) {
			return true
		}
	}
	return false
}

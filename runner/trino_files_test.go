package runner_test

import (
	"fmt"
	"strings"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
)

// Compact merges the files of marts and state tables, and changes no row. It
// touches no files that no table knows.
func TestTrinoCompact(t *testing.T) {
	l := newLake(t, "\n-- models/a.sql --\nselect k, {{ var('f', 1) }} as v from (values 1, 2, 3) as t(k)\n")
	for range 3 {
		l.built(runner.BuildOptions{})
	}
	l.statements = nil
	compacted, err := l.open().Compact(t.Context())
	if err != nil || compacted.Tables != 9 || compacted.Before <= compacted.After {
		t.Errorf("compact: %+v, %v", compacted, err)
	}
	for _, q := range l.sent("ALTER TABLE") {
		if strings.Contains(q, "orphan") {
			t.Error(q)
		}
	}
	if got := l.scalar(fmt.Sprintf("SELECT count(*) FROM %s.%s", l.target.Schema, engine.Ident("run_publication$files"))); got != "1" && got != "2" { // one for each worker
		t.Errorf("the log of publications has %s files", got)
	}
	if got := l.latest("(select sum(k) from latest.a)"); got != "6" {
		t.Errorf("latest is %s", got)
	}
	l.verified()
}

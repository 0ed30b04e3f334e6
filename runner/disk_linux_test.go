package runner_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"warehouse/runner"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// A full disk fails the model, not the target: what was published stays, and
// with space again everything goes on.
func TestDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a small file system can only be mounted by root")
	}
	s := newShop(t, "-- models/a.sql --\nselect i as id, md5(i::varchar) as x from range({{ var('n', 10) }}) t(i)\n-- models/b.sql --\nselect count(*) as n from {{ ref('a') }}\n")
	dir := filepath.Dir(s.file())
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=20m"); err != nil {
		t.Skip("no small file system: ", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	first := s.build(runner.BuildOptions{})
	s.vars = map[string]any{"n": 3_000_000}
	rep, err := s.open().Build(t.Context(), runner.BuildOptions{})
	if err != nil {
		t.Logf("error: %s", tell(err))
	}
	if rep == nil {
		t.Fatal("no report")
	}
	t.Logf("%s %s\n%s", rep.Run.Status, rep.NotBecause, describe(rep))
	if rep.Run.Status != history.Failed {
		t.Errorf("the run is %s", rep.Run.Status)
	}
	a := node(t, rep, "a")
	var qe *engine.QueryError
	if !errors.As(a.Err, &qe) || qe.Kind != engine.KindDiskFull {
		t.Errorf("%v", a.Err)
	}
	s.want("10", "select n from latest.b")
	s.want(first.Run.ID, "select any_value(run_id) from latest.b")
	s.sound()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=100m"); err != nil {
		t.Fatal(err)
	}
	s.vars = nil
	s.build(runner.BuildOptions{RunID: rep.Run.ID})
}

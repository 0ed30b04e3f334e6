package runner

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"sync"
	"time"

	"warehouse/runner/engine"
)

// origin says which code a run was built from.
type origin struct {
	code   string // git commit, "+dirty" if files differ from it; "" outside git
	sha256 string // of all project files that were read
}

// originLater asks git in the background; the function returned waits for it.
func (r *Runner) originLater(ctx context.Context) func() origin {
	var wg sync.WaitGroup
	var o origin
	wg.Go(func() { o.code = codeVersion(ctx, r.cfg.Dir) })
	return func() origin {
		wg.Wait()
		o.sha256 = r.project.SHA256
		return o
	}
}

// codeVersion runs git without hooks and without a file system monitor, which
// a repository of somebody else's could make run a program.
func codeVersion(ctx context.Context, dir string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
		"--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--", ".")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "" // no git here, or no repository
	}
	commit, dirty := "", false
	for line := range bytes.Lines(out) {
		text := strings.TrimSpace(string(line))
		if oid, ok := strings.CutPrefix(text, "# branch.oid "); ok {
			if oid != "(initial)" {
				commit = oid
			}
		} else if text != "" && !strings.HasPrefix(text, "#") {
			dirty = true
		}
	}
	if commit != "" && dirty {
		commit += "+dirty"
	}
	return commit
}

// dialect is the target's dialect, which needs no connection.
func (r *Runner) dialect() engine.Dialect {
	e, _ := r.engine() // Open has checked it
	return e.Dialect
}

// storedVars are the command line's variables as the register keeps them.
func (r *Runner) storedVars() map[string]any {
	if r.cfg.Vars == nil {
		return map[string]any{}
	}
	return r.cfg.Vars
}

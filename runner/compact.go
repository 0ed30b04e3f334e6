package runner

import (
	"context"
	"errors"
	"fmt"
	"os"

	"warehouse/runner/engine"
)

// Compact gives the room of deleted rows back. On a server the files of each
// table are merged (maintain.go). A database file is made smaller: it is written anew
// beside the old one, compared with it, and put in its place, all under the
// exclusive lock. Whatever happens, one whole database stays.
func (r *Runner) Compact(ctx context.Context) (engine.Compacted, error) {
	var did engine.Compacted
	if m, ok := r.dialect().(engine.Maintainer); ok {
		return r.compactTables(ctx, m)
	}
	c, ok := r.dialect().(engine.Compacter)
	if !ok {
		return did, &UsageError{Msg: fmt.Sprintf("target %s has no file to make smaller", r.project.Target.Name), Advice: "its engine frees room by itself"}
	}
	t := r.target(false)
	if _, err := os.Stat(t.Path); errors.Is(err, os.ErrNotExist) {
		return did, &UsageError{Msg: fmt.Sprintf("there is no database at %s yet", t.Path), Advice: "`warehouse build` makes it"}
	}
	s, err := r.write(ctx, "")
	if err != nil {
		return did, err
	}
	err = s.closeDatabase() // the lock stays
	if err == nil {
		did, err = c.Compact(ctx, t, func(what string) { r.event(Event{Kind: EventProgress, Message: what}) })
	}
	return did, errors.Join(err, s.Close())
}

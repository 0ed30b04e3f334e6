package runner

import (
	"context"
	"os"
	"regexp"
	"sync"
	"time"

	"warehouse/runner/engine"
)

// pace is how many cores the engine gives a statement of a build. Models run
// side by side, and small ones are done in less CPU time on one core each; so a
// build begins with one, and gets all for good when its models are not light,
// or as soon as a statement takes long: what that one does next, and all after
// it, has them.
type pace struct {
	mu   sync.Mutex
	wide string // the statement that gives all cores; "": they are given
}

// Bounds of what is light. A parallel scan has a piece of 122,880 rows for each core.
const (
	lightRows = 200_000
	lightTime = 300 * time.Millisecond
	lightFile = 64 << 20
)

var slowIsLong = 250 * time.Millisecond // tests on busy machines change it

// narrow gives each later statement one core.
func (b *build) narrow(ctx context.Context) error {
	p, ok := b.dialect().(engine.Pacer)
	if !ok {
		return nil
	}
	narrow, wide := p.Pace(b.db.Target())
	if narrow == "" {
		return nil
	}
	if _, err := b.conn.Exec(ctx, narrow); err != nil {
		return err
	}
	b.pace.mu.Lock()
	b.pace.wide = wide
	b.pace.mu.Unlock()
	b.db.OnSlow(slowIsLong, func() {
		// An engine that cannot be told now is slower, not wrong.
		_ = b.widen(context.WithoutCancel(ctx))
	})
	return nil
}

// widen gives all cores back; it may be called at any time.
func (b *build) widen(ctx context.Context) error {
	b.pace.mu.Lock()
	defer b.pace.mu.Unlock()
	if b.pace.wide == "" {
		return nil
	}
	wide := b.pace.wide
	b.pace.wide = ""
	return b.db.With(ctx, func(c *engine.Conn) error {
		_, err := c.Exec(ctx, wide)
		return err
	})
}

// end waits for a widen that is under way; there is none after it.
func (p *pace) end() {
	p.mu.Lock()
	p.wide = ""
	p.mu.Unlock()
}

// fromFunction is what may make or read any number of rows: a table function
// or a file.
var fromFunction = regexp.MustCompile(`(?i)\b(?:from|join)\s+(?:"?\w+"?\s*\(|')`)

// light says whether each model is known, or has no sign, to be small.
func (b *build) light() bool {
	fresh := false
	for _, t := range b.tasks {
		rec, known := b.records[t.node.Name]
		switch {
		case t.reused || t.kept || t.node.Kind == "view":
		case t.csv != nil:
			if t.csv.Records > lightRows {
				return false
			}
		case known:
			if rec.RowCount > lightRows || rec.FinishedAt.Sub(rec.StartedAt) > lightTime {
				return false
			}
		case t.rendered == nil || fromFunction.MatchString(t.rendered.SQL):
			return false
		default:
			fresh = true
		}
	}
	if !fresh {
		return true
	}
	// What they read is in the file, as far as it is not built here.
	info, err := os.Stat(b.db.Target().Path)
	return err == nil && info.Size() <= lightFile
}

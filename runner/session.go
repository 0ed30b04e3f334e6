package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"warehouse/runner/binding"
	"warehouse/runner/engine"
	"warehouse/runner/history"
)

// session is the target, open under its lock, for the length of one verb.
type session struct {
	r    *Runner
	lock *history.FileLock
	db   *engine.DB
	conn *engine.Conn      // the verb's own; workers take others
	reg  *history.Register // nil for a reader of a target without a register

	stage *staging // of a build that is made aside; nil: none
}

// write opens the target for changes, alone, and mends a run that died. Without
// a run id it is for changing what is there: a target that does not exist yet
// is not made.
func (r *Runner) write(ctx context.Context, runID string) (*session, error) {
	return r.writeWithin(ctx, runID, r.cfg.LockTimeout)
}

func (r *Runner) writeWithin(ctx context.Context, runID string, timeout time.Duration) (*session, error) {
	if runID == "" && !r.exists() {
		return nil, r.noTarget()
	}
	s, err := r.openWithin(ctx, false, runID, timeout)
	if err != nil {
		return nil, err
	}
	if s.reg, err = history.Open(ctx, s.conn, r.project.Target.StorageSchema); err == nil {
		err = s.mend(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// change is write for what has a register: where there is none, none is made
// (history.ErrNoRegister).
func (r *Runner) change(ctx context.Context) (*session, error) {
	if !r.exists() {
		return nil, history.ErrNoRegister
	}
	s, err := r.openSession(ctx, false, "")
	if err != nil {
		return nil, err
	}
	if s.reg, err = history.OpenThere(ctx, s.conn, r.project.Target.StorageSchema); err == nil {
		err = s.mend(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// read opens the target for reading, beside other readers. A target that does
// not exist yet gives a session without db and reg. A dead run is mended
// first, for which the target is opened for changes once; where nothing may be
// changed, reading goes on and says so.
func (r *Runner) read(ctx context.Context) (*session, error) { return r.readMended(ctx, true) }

func (r *Runner) readMended(ctx context.Context, mend bool) (*session, error) {
	s, err := r.openSession(ctx, true, "")
	if err != nil {
		if errors.Is(err, engine.ErrNotExist) {
			return &session{r: r}, nil
		}
		return nil, err
	}
	s.reg, err = history.Read(ctx, s.conn, r.project.Target.StorageSchema)
	if errors.Is(err, history.ErrNoRegister) {
		return s, nil
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	dead, err := s.anyRunning(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if _, overseen := s.dialect().(engine.Overseer); !dead || !mend || overseen {
		return s, nil
	}
	// The lock says that no build is alive, the register that one is running:
	// it died.
	if err := s.Close(); err != nil {
		return nil, err
	}
	w, err := r.write(ctx, "")
	switch {
	case mayNotWrite(err):
		r.event(Event{Kind: EventMended, Message: "the newest run did not end: its process is gone. It cannot be marked as crashed, because nothing may be written here; nothing of it was published"})
	case err != nil:
		return nil, fmt.Errorf("a run died and could not be marked as crashed: %w", err)
	default:
		if err := w.Close(); err != nil {
			return nil, err
		}
	}
	return r.readMended(ctx, err == nil)
}

// mayNotWrite says whether an error is that of a place where nothing may be
// changed. Of the engine's own errors only the words tell it.
func mayNotWrite(err error) bool {
	if err == nil {
		return false
	}
	text := strings.ToLower(err.Error())
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) ||
		strings.Contains(text, "permission denied") || strings.Contains(text, "read-only file system") || strings.Contains(text, "file system is read-only")
}

// exists says whether the target's file is there; of a server it is assumed.
func (r *Runner) exists() bool {
	e, err := r.engine()
	t := r.target(false)
	if err != nil || lockPath(e, t) == "" {
		return true
	}
	_, err = os.Stat(t.Path)
	return !errors.Is(err, os.ErrNotExist)
}

func (r *Runner) noTarget() error {
	return &UsageError{Msg: fmt.Sprintf("nothing is published yet: there is no database at %s", r.project.Target.Path), Advice: "`warehouse build` makes it"}
}

func (r *Runner) openSession(ctx context.Context, readOnly bool, runID string) (*session, error) {
	return r.openWithin(ctx, readOnly, runID, r.cfg.LockTimeout)
}

func (r *Runner) openWithin(ctx context.Context, readOnly bool, runID string, timeout time.Duration) (*session, error) {
	e, err := r.engine()
	if err != nil {
		return nil, err
	}
	t := r.target(readOnly)
	t.Source = sourceOf(runID)
	s := &session{r: r}
	if path := lockPath(e, t); path != "" {
		if readOnly {
			if _, err := os.Stat(t.Path); errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("%s: %w", t.Path, engine.ErrNotExist)
			}
		}
		s.lock, err = history.Lock(ctx, path, history.LockOptions{
			Shared:  readOnly,
			Timeout: timeout,
			Holder:  r.holder(runID),
			OnWait:  r.waiting,
		})
		if err != nil {
			return nil, err
		}
	}
	if s.db, err = r.openWaiting(ctx, e, t, timeout); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect prepares the database that was opened, and takes the verb's own
// connection.
func (s *session) connect(ctx context.Context) (err error) {
	binding.Memorize(s.db)
	if s.r.cfg.Statement != nil {
		s.db.Log(s.r.cfg.Statement)
	}
	s.conn, err = s.db.Conn(ctx)
	return err
}

// holder is what others are told of who has the lock.
func (r *Runner) holder(runID string) history.Holder {
	return history.Holder{PID: os.Getpid(), Host: r.cfg.Host, User: r.cfg.User, Command: r.cfg.Command, RunID: runID, Since: r.now()}
}

// sourceOf is what a server is told that a run's statements are sent for.
func sourceOf(runID string) string {
	if runID == "" {
		return "warehouse"
	}
	return "warehouse " + runID
}

func lockPath(e engine.Engine, t engine.Target) string {
	if e.LockPath == nil {
		return ""
	}
	return e.LockPath(t)
}

// Close gives everything back, the lock last.
func (s *session) Close() error {
	if s == nil {
		return nil
	}
	err := errors.Join(s.closeDatabase(), s.closeStage())
	if s.lock != nil {
		err = errors.Join(err, s.lock.Unlock())
	}
	s.lock = nil
	return err
}

// closeDatabase closes all but the lock.
func (s *session) closeDatabase() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	s.conn, s.db = nil, nil
	return errors.Join(errs...)
}

// dialect is that of the open target; it may know what only a server can tell.
func (s *session) dialect() engine.Dialect {
	if s.db != nil {
		return s.db.Dialect()
	}
	return s.r.dialect()
}

// mend marks runs of dead processes; the exclusive lock is held.
func (s *session) mend(ctx context.Context) error {
	if o, ok := s.dialect().(engine.Overseer); ok {
		return s.mendOverseen(ctx, o)
	}
	dead, err := s.reg.MarkCrashed(ctx, s.conn)
	for _, run := range dead {
		s.r.event(Event{Kind: EventMended, Run: run.ID,
			Message: fmt.Sprintf("r%d (%s) did not end: its process is gone. It is marked as crashed; nothing of it was published", run.Seq, run.ID)})
	}
	return err
}

func (s *session) anyRunning(ctx context.Context) (bool, error) {
	run, err := s.reg.Runs(ctx, s.conn, 1)
	if err != nil || len(run) == 0 {
		return false, err
	}
	// Runs take turns, so only the newest can be running.
	return run[0].Status == history.Running, nil
}

// resolve names a snapshot by a run spec.
func (s *session) resolve(ctx context.Context, spec string) (history.Snapshot, error) {
	if err := s.r.otherTarget(spec); err != nil {
		return history.Snapshot{}, err
	}
	if s.reg == nil {
		return history.Snapshot{}, fmt.Errorf("%q names no run: %w", spec, history.ErrNoRegister)
	}
	if spec == "" {
		spec = "latest"
	}
	return s.reg.Resolve(ctx, s.conn, spec)
}

// otherTarget refuses "lake:latest": a command works on one target.
func (r *Runner) otherTarget(spec string) error {
	target, run, found := strings.Cut(spec, ":")
	if _, known := r.project.Targets[target]; !found || !known || target == "tag" {
		return nil
	}
	return &UsageError{Msg: fmt.Sprintf("%s names a target: a command reads one target, and two cannot be compared by it", spec),
		Advice: fmt.Sprintf("`--target %s` reads %s there; to compare two targets, write the rows of each to a file, in the order of the key (`warehouse query --target %[1]s --output csv \"select … order by …\"`), and compare the files", target, run)}
}

func (r *Runner) waiting(h history.Holder, _ time.Duration) {
	var b strings.Builder
	b.WriteString("waiting for the target: ")
	if h.PID == 0 {
		b.WriteString("it is held by another process")
	} else {
		fmt.Fprintf(&b, "held by pid %d (%s@%s) since %s: %s", h.PID, h.User, h.Host, h.Since.UTC().Format("15:04:05Z"), h.Command)
	}
	r.event(Event{Kind: EventLock, Message: b.String()})
}

// openWaiting opens the target; a foreign program that holds it is waited for
// as long as another warehouse would be.
func (r *Runner) openWaiting(ctx context.Context, e engine.Engine, t engine.Target, timeout time.Duration) (*engine.DB, error) {
	start, told := time.Now(), false
	for {
		db, err := e.Open(ctx, t)
		var locked *engine.LockedError
		if !errors.As(err, &locked) || time.Since(start) >= timeout {
			return db, err
		}
		if !told {
			r.event(Event{Kind: EventLock, Message: "waiting for the target: " + locked.Error()})
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

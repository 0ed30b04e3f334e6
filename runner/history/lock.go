package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// LockOptions of Lock.
type LockOptions struct {
	Shared  bool          // together with other readers; nothing is written into the file
	Timeout time.Duration // how long to wait; 0 fails at once
	Holder  Holder        // written into the file by an exclusive holder; PID, Host, User and Since are filled in if empty
	// OnWait, if set, is called once when the lock is found held, and then about
	// every ten seconds.
	OnWait func(h Holder, waited time.Duration)
}

// FileLock is a held lock. Unlock gives it back; so does the end of the
// process, whatever ends it.
type FileLock struct {
	mu     sync.Mutex
	path   string
	file   *os.File // nil: not held, see Lock
	shared bool
	holder Holder
}

const (
	shortestWait = time.Millisecond
	longestWait  = 50 * time.Millisecond
	tellEvery    = 10 * time.Second
)

// Lock takes the operating system's lock (flock) on a side file of the target.
// A writer takes it alone, readers share it. It belongs to the open file, so a
// second Lock in the same process is refused like one of another process, and
// a holder that dies, however it dies, holds it no longer: a lock is never
// broken, and none is ever left behind. What is written in the file is for
// people alone; it may be missing, old or damaged.
//
// A file or folder that is missing is made. A reader that may not make or open
// the file (a read-only folder, one that is not there) goes on without a lock:
// nobody who may write there can be kept from it that way, and the engine's own
// lock still keeps a reader from a file that another process writes.
//
// Waiting ends with *LockTimeoutError or the context's error.
func Lock(ctx context.Context, path string, o LockOptions) (*FileLock, error) {
	start, told := time.Now(), time.Time{}
	pause := shortestWait
	for {
		f, err := openLock(path, o.Shared)
		if err != nil {
			return nil, err
		}
		if f == nil {
			return &FileLock{path: path, shared: true}, nil
		}
		ok, err := tryLock(f, o.Shared)
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if ok && !isCurrent(f, path) {
			_ = f.Close() // somebody removed the file, and the next one would lock a new one
			continue
		}
		if ok {
			return lockHeld(f, path, o), nil
		}
		h := readHolder(f)
		_ = f.Close()
		now := time.Now()
		waited := now.Sub(start)
		if waited >= o.Timeout {
			return nil, &LockTimeoutError{Path: path, Holder: h, Timeout: o.Timeout}
		}
		if o.OnWait != nil && (told.IsZero() || now.Sub(told) >= tellEvery) {
			told = now
			o.OnWait(h, waited)
		}
		if err := sleep(ctx, min(pause, o.Timeout-waited)); err != nil {
			return nil, err
		}
		pause = min(2*pause, longestWait)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// openLock opens the side file; nil if a reader has to do without.
func openLock(path string, shared bool) (*os.File, error) {
	if !shared {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return nil, err
		}
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		return nil, nil
	}
	return f, err
}

// isCurrent says whether the open file is still the one that path names.
func isCurrent(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

func lockHeld(f *os.File, path string, o LockOptions) *FileLock {
	l := &FileLock{path: path, file: f, shared: o.Shared, holder: o.Holder.filled()}
	if !l.shared {
		l.write(l.holder.text())
	}
	return l
}

// write replaces the file's text. It is information only: a full disk must not
// keep anybody from the lock.
func (l *FileLock) write(text string) {
	if err := l.file.Truncate(0); err != nil {
		return
	}
	_, _ = l.file.WriteAt([]byte(text), 0)
}

// Held says whether the lock is held: false after Unlock, and for a reader that
// had to do without.
func (l *FileLock) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file != nil
}

// SetRun writes the run id into the file of an exclusive lock.
func (l *FileLock) SetRun(runID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holder.RunID = runID
	if l.file != nil && !l.shared {
		l.write(l.holder.text())
	}
}

// Unlock gives the lock back. The file stays, and is empty. A second Unlock
// does nothing.
func (l *FileLock) Unlock() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	if !l.shared {
		l.write("")
	}
	f := l.file
	l.file = nil
	return f.Close() // closing the only descriptor gives the lock back
}

// LockTimeoutError: the lock was held by another for longer than
// LockOptions.Timeout.
type LockTimeoutError struct {
	Path    string
	Holder  Holder // PID 0 if the file does not tell, as readers write nothing
	Timeout time.Duration
}

func (e *LockTimeoutError) Error() string {
	msg := e.Path + " is held by " + e.Holder.String()
	if e.Timeout > 0 {
		msg += fmt.Sprintf("; gave up after %v", e.Timeout)
	}
	return msg
}

func (e *LockTimeoutError) Hint() string {
	return "wait for it to end, or give --lock-timeout more time; a lock is never broken while its holder lives"
}

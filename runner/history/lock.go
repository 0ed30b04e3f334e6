package history

import (
	"context"
	"fmt"
	"time"
)

// Holder says who holds a lock. It is for people: nothing is decided by it.
type Holder struct {
	PID     int
	Host    string
	User    string
	Command string
	RunID   string
	Since   time.Time
}

// LockOptions of Lock.
type LockOptions struct {
	Shared  bool          // with other readers; nothing is written into the file
	Timeout time.Duration // how long to wait; 0 fails at once
	Holder  Holder        // written into the file by an exclusive holder
	// OnWait, if set, is called once when the lock is held by another, and then
	// about every ten seconds.
	OnWait func(h Holder, waited time.Duration)
}

// Lock is a held lock.
type FileLock struct{}

// Lock takes the operating system's lock on a side file of the target.
func Lock(ctx context.Context, path string, o LockOptions) (*FileLock, error) {
	return nil, errNotYet
}

// SetRun writes the run id into the file.
func (l *FileLock) SetRun(runID string) error { return nil }

// Unlock gives the lock back. The file stays.
func (l *FileLock) Unlock() error { return nil }

// LockTimeoutError: the lock was held by another process for longer than
// LockOptions.Timeout.
type LockTimeoutError struct {
	Path    string
	Holder  Holder // zero if the file does not tell
	Timeout time.Duration
}

func (e *LockTimeoutError) Error() string {
	return fmt.Sprintf("%s is held by %v", e.Path, e.Holder)
}
func (e *LockTimeoutError) Hint() string {
	return "wait for it to end; --lock-timeout sets how long to wait"
}

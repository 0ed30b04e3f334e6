package history_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"warehouse/runner/history"
)

// TestMain is also the other process of the lock tests: it takes the lock that
// its environment names, says so, and holds it until its input ends.
func TestMain(m *testing.M) {
	path := os.Getenv("LOCK_CHILD")
	if path == "" {
		os.Exit(m.Run())
	}
	l, err := history.Lock(context.Background(), path, history.LockOptions{
		Shared: os.Getenv("LOCK_SHARED") != "", Timeout: time.Minute,
		Holder: history.Holder{Command: "warehouse build\n--vars x", User: "anna"},
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	l.SetRun("01900000-0000-7000-8000-000000000001")
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := l.Unlock(); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// child starts a process that holds the lock.
type child struct {
	*exec.Cmd
	in io.Closer
}

func hold(t *testing.T, path string, shared bool) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOCK_CHILD="+path)
	if shared {
		cmd.Env = append(cmd.Env, "LOCK_SHARED=1")
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, in}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("child: %q, %v", line, err)
	}
	return c
}

func try(path string, shared bool, timeout time.Duration) (*history.FileLock, error) {
	return history.Lock(context.Background(), path, history.LockOptions{Shared: shared, Timeout: timeout, Holder: history.Holder{Command: "test"}})
}

func free(t *testing.T, path string, shared bool) {
	t.Helper()
	l, err := try(path, shared, 0)
	if err != nil {
		t.Errorf("not free: %v", err)
		return
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
}

func refused(t *testing.T, path string, shared bool) *history.LockTimeoutError {
	t.Helper()
	l, err := try(path, shared, 0)
	var e *history.LockTimeoutError
	if !errors.As(err, &e) {
		t.Errorf("got %v, want a *LockTimeoutError", err)
		if l != nil {
			_ = l.Unlock()
		}
		return &history.LockTimeoutError{}
	}
	return e
}

func TestLockNamesItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new folder", "wh.duckdb.lock")
	c := hold(t, path, false)
	msg := refused(t, path, false).Error()
	for _, want := range []string{path, fmt.Sprintf("pid %d ", c.Process.Pid), "anna@", "warehouse build --vars x", "run 01900000-0000-7000-8000-000000000001", "since 20"} {
		if !strings.Contains(msg, want) {
			t.Errorf("%q does not say %q", msg, want)
		}
	}
	refused(t, path, true)
	_ = c.in.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	free(t, path, false)
	free(t, path, true)
	if b, err := os.ReadFile(path); err != nil || len(b) > 0 {
		t.Errorf("after the last holder: %q, %v", b, err)
	}
}

// A holder that was killed holds nothing, whatever its text still says.
func TestLockOfTheDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	c := hold(t, path, false)
	_ = c.Process.Kill()
	_ = c.Wait()
	if b, _ := os.ReadFile(path); !strings.Contains(string(b), "pid: ") {
		t.Fatalf("no text was left: %q", b)
	}
	l, err := try(path, true, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The text is of the dead one: it is not named as the holder.
	if e := refused(t, path, false); e.Holder.PID != 0 || !strings.Contains(e.Error(), "another process") {
		t.Errorf("got %v", e)
	}
	_ = l.Unlock()
	free(t, path, false)
}

func TestLockShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	hold(t, path, true)
	hold(t, path, true)
	free(t, path, true)
	refused(t, path, false)
	if b, _ := os.ReadFile(path); len(b) > 0 {
		t.Errorf("a reader wrote %q", b)
	}
}

func TestLockSameProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, err := try(path, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	if e := refused(t, path, false); !strings.Contains(e.Error(), "this process itself") {
		t.Errorf("got %v", e)
	}
	refused(t, path, true)
	if err := errors.Join(l.Unlock(), l.Unlock()); err != nil {
		t.Error(err)
	}
	free(t, path, false)
}

func TestLockWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	c := hold(t, path, false)
	time.AfterFunc(300*time.Millisecond, func() { _ = c.in.Close() })
	told := 0
	start := time.Now()
	l, err := history.Lock(context.Background(), path, history.LockOptions{Timeout: time.Minute, OnWait: func(h history.Holder, _ time.Duration) {
		if told++; h.PID != c.Process.Pid {
			t.Errorf("told %v", h)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	if d := time.Since(start); told != 1 || d < 200*time.Millisecond || d > 10*time.Second {
		t.Errorf("waited %v, told %d times", d, told)
	}

	start = time.Now()
	if _, err := try(path, false, 200*time.Millisecond); err == nil || time.Since(start) < 200*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := history.Lock(ctx, path, history.LockOptions{Timeout: time.Minute}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
}

// Whatever stands in the file, the lock works and the message is one line.
func TestLockDamagedText(t *testing.T) {
	for _, text := range []string{"", "pid: x\nhost", "\x00\xff\x1b[31m", "pid: -1\n", "pid: 99999999999999999999\n", strings.Repeat("x", 1<<20),
		"pid: 1\ncommand: \x1b[2J\r\x07evil\n", "since: yesterday\npid: 1"} {
		path := filepath.Join(t.TempDir(), "lock")
		l, err := try(path, true, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if e := refused(t, path, false); strings.ContainsAny(e.Error(), "\n\r\x1b\x00") {
			t.Errorf("%.20q: %q", text, e.Error())
		}
		_ = l.Unlock()
		free(t, path, false)
	}
}

// When the file is removed while it is held or waited for, everybody ends up
// at the same new one.
func TestLockFileRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var inside, most int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				l, err := try(path, false, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				time.Sleep(100 * time.Microsecond)
				mu.Lock()
				inside--
				mu.Unlock()
				// Whoever leaves takes the file away: those who wait have it open.
				_ = os.Remove(path)
				if err := l.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if most != 1 {
		t.Errorf("%d held the lock at once", most)
	}
}

func TestLockWithoutRights(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("as root, permissions don't count: only the missing folder is tried")
	}
	dir := filepath.Join(t.TempDir(), "missing")
	l, err := try(filepath.Join(dir, "lock"), true, 0)
	if err != nil || l.Held() {
		t.Errorf("a reader of a folder that is not there: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a reader made the folder")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := try(filepath.Join(file, "lock"), false, 0); err == nil {
		t.Error("a writer below a file")
	}
	if os.Geteuid() != 0 {
		ro := t.TempDir()
		if err := os.Chmod(ro, 0o500); err != nil {
			t.Fatal(err)
		}
		if l, err := try(filepath.Join(ro, "lock"), true, 0); err != nil || l.Held() {
			t.Errorf("a reader of a folder that is read-only: %v", err)
		}
		if _, err := try(filepath.Join(ro, "lock"), false, 0); err == nil {
			t.Error("a writer in a folder that is read-only")
		}
	}
}

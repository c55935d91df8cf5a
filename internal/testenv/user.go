package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// User is an ordinary user who exists for one test and for the processes that Start
// starts: the files that make a user are laid over the machine's in a mount namespace of
// theirs, and the machine knows nothing of it.
type User struct {
	ID   int // of the user and its group
	Home string

	files map[string]string // what is laid over what
	ended chan struct{}
}

const (
	userID    = 54321
	subIDs    = 1 << 28 // first of the user's ranges
	subIDsNum = 1 << 16
)

// OrdinaryUser makes a user, with or without ranges of ids in /etc/subuid and
// /etc/subgid. It needs root.
func OrdinaryUser(t testing.TB, ranges bool) *User {
	t.Helper()
	Root(t)
	u := &User{ID: userID, files: map[string]string{}, ended: make(chan struct{})}
	t.Cleanup(func() { close(u.ended) })
	var err error
	if u.Home, err = os.MkdirTemp("", "slw-"); err == nil {
		t.Cleanup(func() {
			if err := os.RemoveAll(u.Home); err != nil {
				t.Error(err)
			}
		})
		err = os.Chown(u.Home, u.ID, u.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	extra := map[string]string{"/etc/passwd": fmt.Sprintf("ordinary:x:%d:%[1]d::%s:/bin/sh\n", u.ID, u.Home), "/etc/subuid": "", "/etc/subgid": ""}
	if ranges {
		extra["/etc/subuid"] = fmt.Sprintf("ordinary:%d:%d\n", subIDs, subIDsNum)
		extra["/etc/subgid"] = extra["/etc/subuid"]
	}
	dir := t.TempDir()
	for file, lines := range extra {
		if err := u.lay(dir, file, lines); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// lay remembers a file to be laid over another: what that has, and more lines. There is
// nothing to lay over what is not there.
func (u *User) lay(dir, over, lines string) error {
	content, err := os.ReadFile(over)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	file := filepath.Join(dir, filepath.Base(over))
	u.files[file] = over
	return os.WriteFile(file, append(content, lines...), 0o644)
}

// Start starts a program as this user, with an environment of its own. The program ends
// with the test, if not before; who else calls Wait of it does so within the test.
func (u *User) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(u.ID), Gid: uint32(u.ID)}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.Dir = u.Home
	cmd.Env = append([]string{"HOME=" + u.Home, "TMPDIR=" + u.Home, "PATH=" + os.Getenv("PATH"), "CI=" + os.Getenv("CI")}, cmd.Env...)
	started := make(chan error, 1)
	go u.onOwnThread(func() {
		err := u.enter()
		if err == nil {
			err = cmd.Start()
		}
		started <- err
		if err == nil {
			<-u.ended // the program dies with the thread that started it
		}
	})
	return <-started
}

// onOwnThread runs f on a thread that ends with it, which the first of a process does not.
func (u *User) onOwnThread(f func()) {
	runtime.LockOSThread()
	if syscall.Gettid() != os.Getpid() {
		f()
		return
	}
	var other sync.WaitGroup
	other.Go(func() { u.onOwnThread(f) })
	other.Wait()
	runtime.UnlockOSThread()
}

// enter gives the thread a mount namespace in which the user exists.
func (u *User) enter() error {
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("make mounts private", err)
	}
	for file, over := range u.files {
		if err := syscall.Mount(file, over, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("lay %s over %s: %w", file, over, err)
		}
	}
	return nil
}

// Owns says whether an id is the user's, or in its ranges.
func (u *User) Owns(uid int) bool {
	return uid == u.ID || uid >= subIDs && uid < subIDs+subIDsNum
}

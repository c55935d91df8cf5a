package sandbox

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// timer waits for parts of a millisecond, which the runtime's timers cannot: a process
// that has nothing else to do sleeps in epoll_wait(2), whose time is in milliseconds
// (timerfd_create(2)).
type timer struct{ file *os.File }

func newTimer() (*timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	return &timer{os.NewFile(uintptr(fd), "timer")}, nil
}

func (t *timer) close() { t.file.Close() }

// wait returns after d, or ctx's cause when ctx ends before.
func (t *timer) wait(ctx context.Context, d time.Duration) error {
	raw, err := t.file.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil)
	}); err != nil {
		return err
	}
	if set != nil {
		return os.NewSyscallError("timerfd_settime", set)
	}
	stop := context.AfterFunc(ctx, func() { _ = t.file.SetReadDeadline(longAgo()) })
	defer stop()
	var expirations [8]byte
	if _, err := t.file.Read(expirations[:]); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return nil
}

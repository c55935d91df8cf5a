package sandbox

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/sandbox/monitor"
)

// startMonitor executes this program once more; see Init. It has a mount namespace of
// its own, and begins by attaching files at places. It has no death signal: what it does
// when its connection ends is its purpose.
func startMonitor(places []string, files []*os.File) (*process, *monitor.Conn, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "monitor"), os.NewFile(uintptr(fds[1]), "host")
	defer theirs.Close()
	conn, err := monitor.NewConn(ours)
	if err != nil {
		return nil, nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	defer null.Close()
	inherited := []uintptr{null.Fd(), null.Fd(), os.Stderr.Fd(), theirs.Fd()}
	for _, f := range files {
		inherited = append(inherited, f.Fd())
	}
	pid, err := syscall.ForkExec("/proc/self/exe", append([]string{monitor.Name}, places...), &syscall.ProcAttr{
		Env:   []string{"PATH=" + os.Getenv("PATH"), "GOMAXPROCS=1"},
		Files: inherited,
		Sys:   &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS},
	})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("start the monitor of a runtime: %w", err), conn.Close())
	}
	p, err := watch(pid)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return p, conn, nil
}

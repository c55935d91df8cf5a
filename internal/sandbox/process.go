package sandbox

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is the init of a sandbox, and later what it executed: a child of ours, held
// by a pidfd, so that no signal can reach another process that got its pid.
type process struct {
	pid   int
	pidfd *os.File

	done   chan struct{} // closed when it has ended and was waited for
	status syscall.WaitStatus
	used   syscall.Rusage // by it and all that it waited for
	err    error          // why status is not known
}

// watch takes over a child and waits for it, without holding a thread. A child that
// cannot be watched is killed.
func watch(pid int) (*process, error) {
	pidfd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK) // not waited for yet, so the pid is its own
	if err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	p := &process{pid: pid, pidfd: os.NewFile(uintptr(pidfd), "pidfd"), done: make(chan struct{})}
	go p.wait()
	return p, nil
}

// wait reaps the child. The pidfd becomes readable when it ends; its pid namespace is
// empty then, and so is the whole sandbox.
func (p *process) wait() {
	defer close(p.done)
	conn, err := p.pidfd.SyscallConn()
	if err == nil {
		err = conn.Read(func(uintptr) bool { return p.reap() })
	}
	p.err = errors.Join(p.err, err)
}

func (p *process) reap() bool {
	for {
		pid, err := syscall.Wait4(p.pid, &p.status, syscall.WNOHANG, &p.used)
		if err == syscall.EINTR {
			continue
		}
		p.err = os.NewSyscallError("wait4", err)
		return pid == p.pid || err != nil
	}
}

// signal does nothing when the process has ended.
func (p *process) signal(sig syscall.Signal) error {
	conn, err := p.pidfd.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := conn.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) }); err != nil {
		return err
	}
	if errors.Is(sent, unix.ESRCH) {
		return nil
	}
	return os.NewSyscallError("pidfd_send_signal", sent)
}

// ended says whether the process has ended and was waited for.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// close waits for the end of a process that was killed.
func (p *process) close() error {
	<-p.done
	return p.pidfd.Close()
}

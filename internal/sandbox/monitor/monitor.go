package monitor

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Name is argv[0] of a process that is to be a monitor.
const Name = "slipway-monitor"

// Socket is the descriptor of the monitor's end; the mounts follow.
const Socket = 3

// Run is the life of a monitor. It does not return.
func Run() {
	debug.SetGCPercent(-1) // it does too little to have garbage
	m, err := begin(os.Args[1:])
	if err != nil {
		os.Exit(1) // there is nobody to tell
	}
	if err := m.live(); err != nil {
		_ = m.conn.Send(Reply{Err: err.Error()}) // whoever does not hear it has gone
		m.abandon()
	}
	os.Exit(0)
}

type monitor struct {
	conn     *Conn
	paths    []string // where the mounts go
	requests chan request
	null     *os.File

	// reaping is held to reap a child, and to kill by number: a number that is killed is
	// that of a child, which may have ended, and not of whoever has it next.
	reaping sync.Mutex
}

type request struct {
	Request
	files []*os.File
}

func begin(paths []string) (*monitor, error) {
	unix.CloseOnExec(Socket)
	// It ends when the host does, and not when someone stops all of a service's processes
	// at once. What is caught, and not ignored, is not inherited by what it executes.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	conn, err := NewConn(os.NewFile(Socket, "host"))
	if err != nil {
		return nil, err
	}
	return &monitor{conn: conn, paths: paths, requests: make(chan request)}, nil
}

// live does what the package says, from the first to the last message.
func (m *monitor) live() error {
	if err := m.prepare(); err != nil {
		return err
	}
	if err := m.conn.Send(Reply{}); err != nil {
		return err
	}
	go m.listen()
	first := <-m.requests
	pid, err := m.create(first)
	if err != nil || pid == 0 {
		return err
	}
	status, err := m.command((<-m.requests).Args, m.null, m.null, m.null)
	if err != nil {
		return err
	}
	if err := m.conn.Send(Reply{Status: status}); err != nil {
		return err
	}
	if status, err = m.reap(pid); err != nil {
		return err
	}
	return m.conn.Send(Reply{Status: status, Ended: true})
}

// prepare attaches the mounts, and makes this process the one that orphans come to. What
// the host unmounts goes here, too (MS_SLAVE), so that nothing is kept busy.
func (m *monitor) prepare() (err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphans: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("part from the host's mounts: %w", err)
	}
	for i, path := range m.paths {
		mount := Socket + 1 + i
		if err := unix.MoveMount(mount, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return fmt.Errorf("attach %s: %w", path, err)
		}
		unix.Close(mount)
	}
	m.null, err = os.OpenFile(os.DevNull, os.O_RDWR, 0)
	return err
}

// listen takes requests until the host has gone, and what is here goes with it.
func (m *monitor) listen() {
	for {
		var r request
		var err error
		if r.files, err = m.conn.Receive(&r.Request); err != nil {
			m.abandon()
			os.Exit(0)
		}
		m.requests <- r
	}
}

// create runs the command that leaves the process behind. Its pid is 0 when the command
// failed, which the host knows then.
func (m *monitor) create(r request) (pid int, err error) {
	if len(r.files) != maxFiles {
		return 0, fmt.Errorf("%d standard streams came", len(r.files))
	}
	status, err := m.command(r.Args, r.files...)
	for _, f := range r.files {
		f.Close()
	}
	if err != nil {
		return 0, err
	}
	if status != 0 {
		return 0, m.conn.Send(Reply{Status: status})
	}
	text, err := os.ReadFile(r.PIDFile)
	if err != nil {
		return 0, fmt.Errorf("%s says that it has made a container, and not which process: %w", r.Args[0], err)
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
		return 0, fmt.Errorf("read %s: %w", r.PIDFile, err)
	}
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK) // not waited for yet, so the pid is its own
	if err != nil {
		return 0, os.NewSyscallError("pidfd_open", err)
	}
	pidfd := os.NewFile(uintptr(fd), "pidfd")
	defer pidfd.Close()
	return pid, m.conn.Send(Reply{PID: pid}, pidfd)
}

// command runs a program to its end. It has PATH, and nothing else of the environment.
func (m *monitor) command(args []string, streams ...*os.File) (syscall.WaitStatus, error) {
	if len(args) == 0 {
		return 0, errors.New("a command without a name")
	}
	files := make([]uintptr, len(streams))
	for i, f := range streams {
		files[i] = f.Fd()
	}
	pid, err := syscall.ForkExec(args[0], args, &syscall.ProcAttr{Env: []string{"PATH=" + os.Getenv("PATH")}, Files: files})
	if err != nil {
		return 0, &os.PathError{Op: "exec", Path: args[0], Err: err}
	}
	_, status, err := m.wait(pid)
	runtime.KeepAlive(streams)
	return status, err
}

// reap waits for the end of one child, and on the way for whatever else comes here to
// end: what a runtime runs beside a container.
func (m *monitor) reap(pid int) (syscall.WaitStatus, error) {
	for {
		ended, status, err := m.wait(-1)
		if err != nil || ended == pid {
			return status, err
		}
	}
}

// wait waits for the end of a child; -1 is any. While it waits nobody is reaped: see the
// monitor's lock.
func (m *monitor) wait(pid int) (ended int, status syscall.WaitStatus, err error) {
	id := unix.P_PID
	if pid < 0 {
		id = unix.P_ALL
	}
	for {
		if err := unix.Waitid(id, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err == unix.EINTR {
			continue
		} else if err != nil {
			return 0, 0, os.NewSyscallError("waitid", err)
		}
		m.reaping.Lock()
		ended, err = syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		m.reaping.Unlock()
		if ended != 0 || err != nil { // else the other goroutine was quicker
			return ended, status, os.NewSyscallError("wait4", err)
		}
	}
}

// abandon kills every child and waits for its end: a killed command leaves orphans, who
// come here and are killed in their turn.
func (m *monitor) abandon() {
	for {
		m.killChildren()
		if _, _, err := m.wait(-1); err != nil {
			return // ECHILD: none is left
		}
	}
}

func (m *monitor) killChildren() {
	m.reaping.Lock()
	defer m.reaping.Unlock()
	for _, pid := range Children(os.Getpid()) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // nothing happens to one that has ended
	}
}

package userns

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNotAllowed is that this machine lets its users make no user namespaces.
var ErrNotAllowed = errors.New("user namespaces are not allowed to ordinary users")

// Streams are those of the copy.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run executes this program with these arguments as root of a new user namespace, and
// returns its exit status when it has ended. SIGTERM and SIGINT are passed on.
func Run(args []string, streams Streams) (status int, err error) {
	runtime.LockOSThread() // the copy dies with the thread that made it
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	child, gate, err := start(args, streams)
	if err != nil {
		return 0, err
	}
	defer gate.Close()
	if err := admit(child.Process.Pid, gate, streams.Err); err != nil {
		gate.Close() // without an answer: the copy ends
		return 0, errors.Join(err, ended(child.Wait()))
	}
	done := make(chan struct{})
	defer close(done)
	go pass(signals, child.Process, done)
	return exitStatus(child.Wait())
}

// start begins the copy, which asks for its ids through the gate.
func start(args []string, streams Streams) (child *exec.Cmd, gate *os.File, err error) {
	caps, err := allCapabilities()
	if err != nil {
		return nil, nil, err
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	gate, theirs := os.NewFile(uintptr(fds[0]), "gate"), os.NewFile(uintptr(fds[1]), "gate")
	defer theirs.Close()
	child = exec.Command("/proc/self/exe", args...)
	child.Args[0] = os.Args[0]
	child.Stdin, child.Stdout, child.Stderr = streams.In, streams.Out, streams.Err
	child.ExtraFiles = []*os.File{theirs} // file 3
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		// Whoever executes a program without being root of the namespace loses what
		// clone(2) gave it, unless it is ambient; and there are no ids yet to be root with.
		AmbientCaps: caps,
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := child.Start(); err != nil {
		gate.Close()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EUSERS) {
			err = fmt.Errorf("%w: %w", ErrNotAllowed, err)
		}
		return nil, nil, fmt.Errorf("make a user namespace: %w", err)
	}
	return child, gate, nil
}

// admit gives the namespace its ids and lets the copy run on.
func admit(pid int, gate *os.File, complaints io.Writer) error {
	if _, err := gate.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("enter the user namespace: the copy of this program did not start: %w", err)
	}
	if err := mapIDs(pid, complaints); err != nil {
		return fmt.Errorf("give the user namespace ids: %w", err)
	}
	if _, err := gate.Write([]byte{1}); err != nil {
		return fmt.Errorf("enter the user namespace: %w", err)
	}
	return nil
}

// pass passes signals on until done.
func pass(signals <-chan os.Signal, to *os.Process, done <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			_ = to.Signal(s) // it may have ended meanwhile
		case <-done:
			return
		}
	}
}

// exitStatus is that of a shell: 128 and more for a signal.
func exitStatus(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if w, ok := exit.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// ended drops the status of a copy that was not admitted.
func ended(err error) error {
	_, err = exitStatus(err)
	return err
}

// allCapabilities are those that this kernel knows (capabilities(7)).
func allCapabilities() ([]uintptr, error) {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return nil, err
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || last < unix.CAP_LAST_CAP/2 {
		return nil, fmt.Errorf("the kernel's last capability is %q: %w", text, err)
	}
	caps := make([]uintptr, last+1)
	for i := range caps {
		caps[i] = uintptr(i)
	}
	return caps, nil
}

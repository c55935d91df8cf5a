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
	child, open, err := start(args, streams)
	if err != nil {
		return 0, err
	}
	defer open.Close()
	if err := admit(child.Process.Pid, open); err != nil {
		open.Close() // without a byte: the copy ends
		return 0, errors.Join(err, ended(child.Wait()))
	}
	done := make(chan struct{})
	defer close(done)
	go pass(signals, child.Process, done)
	return exitStatus(child.Wait())
}

// start begins the copy; it waits until something is written to open.
func start(args []string, streams Streams) (child *exec.Cmd, open *os.File, err error) {
	caps, err := allCapabilities()
	if err != nil {
		return nil, nil, err
	}
	wait, open, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer wait.Close()
	child = exec.Command("/proc/self/exe", args...)
	child.Args[0] = os.Args[0]
	child.Stdin, child.Stdout, child.Stderr = streams.In, streams.Out, streams.Err
	child.ExtraFiles = []*os.File{wait} // file 3, the gate
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		// Whoever executes a program without being root of the namespace loses what
		// clone(2) gave it, unless it is ambient; and there are no ids yet to be root with.
		AmbientCaps: caps,
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := child.Start(); err != nil {
		open.Close()
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EUSERS) {
			err = fmt.Errorf("%w: %w", ErrNotAllowed, err)
		}
		return nil, nil, fmt.Errorf("make a user namespace: %w", err)
	}
	return child, open, nil
}

// admit gives the namespace its ids and lets the copy run on.
func admit(pid int, open *os.File) error {
	uids, gids, err := RangesOf(os.Getuid())
	if err == nil {
		err = mapRanges(pid, uids, gids)
	} else {
		err = mapOne(pid)
	}
	if err != nil {
		return fmt.Errorf("give the user namespace ids: %w", err)
	}
	if _, err := open.Write([]byte{1}); err != nil {
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

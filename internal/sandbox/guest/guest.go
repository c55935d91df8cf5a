package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
)

// Run is the life of a sandbox's init. It does not return: it ends in execve(2), or
// with exit status 1 after it has told the host why.
//
// Namespaces, credentials, capabilities and the seccomp filter belong to a thread,
// so everything happens in one, which is the one that execve(2) keeps.
func Run() {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	err := live(Socket)
	if errors.Is(err, io.EOF) { // the host gave the sandbox up
		os.Exit(0)
	}
	if message, encodeErr := Encode(Reply{Failure: failure(err)}); encodeErr == nil {
		_, _ = fd(Socket).Write(message) // nobody else can be told
	}
	os.Exit(1)
}

func live(socket int) error {
	syscall.CloseOnExec(socket)
	var setup Setup
	if _, err := receive(socket, &setup); err != nil {
		return step("receive setup", err)
	}
	pts, err := enterShell(setup)
	if err != nil {
		return err
	}
	if err := reply(socket); err != nil {
		return err
	}

	var root Root
	files, err := receive(socket, &root)
	if err != nil {
		return step("receive root", err)
	}
	if err := enterRoot(root, pts, files); err != nil {
		return err
	}
	if err := reply(socket); err != nil {
		return err
	}

	var start Start
	if files, err = receive(socket, &start); err != nil {
		return step("receive start", err)
	}
	return execute(socket, root, start, files, setup.Filter)
}

func reply(socket int) error {
	message, err := Encode(Reply{})
	if err == nil {
		_, err = fd(socket).Write(message)
	}
	return step("reply", err)
}

// step says in which step an error happened; nil stays nil.
func step(name string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &stepError{name: name, err: err}
}

// userStep is step for what the image or its configuration decides.
func userStep(name string, err error) error {
	if err == nil {
		return nil
	}
	return &stepError{name: name, err: err, user: true}
}

type stepError struct {
	name string
	err  error
	user bool
}

func (e *stepError) Error() string { return fmt.Sprintf("%s: %s", e.name, e.err) }
func (e *stepError) Unwrap() error { return e.err }

// failure is an error in the form that the host gets.
func failure(err error) *Failure {
	var s *stepError
	if !errors.As(err, &s) {
		s = &stepError{name: "init", err: err}
	}
	f := &Failure{Step: s.name, Text: s.err.Error(), User: s.user}
	var errno syscall.Errno
	if errors.As(s.err, &errno) {
		f.Errno = int(errno)
	}
	return f
}

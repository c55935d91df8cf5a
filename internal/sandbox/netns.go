package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// socketIn makes a stream socket in a network namespace: it never blocks and is closed
// on execve(2).
//
// A namespace belongs to a thread, so a goroutine takes a thread for itself, enters,
// makes the socket and returns. When it cannot return, as a server without root that
// may not enter the machine's own namespace, it ends without unlocking, and the runtime
// ends the thread: no other goroutine is ever run in a sandbox's namespace. The goroutine
// is a new one each time because only one that ends can do that; the thread is one of the
// runtime's, and costs nothing to keep.
func socketIn(netns *os.File, family int) (fd int, err error) {
	type result struct {
		fd  int
		err error
	}
	results := make(chan result, 1)
	go onThread(func() (back bool) {
		fd, back, err := socketInThread(netns, family)
		results <- result{fd, err}
		return back
	})
	r := <-results
	return r.fd, r.err
}

// onThread runs f on a thread that no other goroutine has meanwhile, nor ever again when f
// says that the thread is not where it was. The first thread of a process cannot be the
// one: it does not end, and its namespaces are what the rest of the process sees in
// /proc/self. It waits, so that f gets another.
func onThread(f func() (back bool)) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		var other sync.WaitGroup
		other.Go(func() { onThread(f) })
		other.Wait()
		runtime.UnlockOSThread()
		return
	}
	if f() {
		runtime.UnlockOSThread()
	}
}

// socketInThread says also whether the thread is back where it was.
func socketInThread(netns *os.File, family int) (fd int, back bool, err error) {
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, true, fmt.Errorf("remember the network namespace: %w", err)
	}
	defer unix.Close(home)
	if err := enter(netns); err != nil {
		return -1, true, fmt.Errorf("enter the network namespace: %w", err)
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	left := unix.Setns(home, unix.CLONE_NEWNET)
	return fd, left == nil, os.NewSyscallError("socket", err)
}

// enter moves the thread to a network namespace. The file is held meanwhile: a sandbox
// that is closed at this moment must not lead to whatever has its descriptor next.
func enter(netns *os.File) error {
	file, err := netns.SyscallConn()
	if err != nil {
		return err
	}
	var entered error
	err = file.Control(func(fd uintptr) { entered = unix.Setns(int(fd), unix.CLONE_NEWNET) })
	if err != nil {
		return err
	}
	return entered
}

package streams

import (
	"os"
	"syscall"
)

// ToProcess makes a pipe whose reading end is for a process.
func ToProcess() (process, ours *os.File, err error) {
	r, w, err := pipe()
	if err != nil {
		return nil, nil, err
	}
	return newEnd(r, false, "stdin"), newEnd(w, true, "stdin"), nil
}

// FromProcess makes a pipe whose writing end is for a process.
func FromProcess(name string) (ours, process *os.File, err error) {
	r, w, err := pipe()
	if err != nil {
		return nil, nil, err
	}
	return newEnd(r, true, name), newEnd(w, false, name), nil
}

func pipe() (r, w int, err error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return 0, 0, os.NewSyscallError("pipe2", err)
	}
	return fds[0], fds[1], nil
}

// newEnd makes a file of an end of a pipe. Ours does not block, so that a goroutine
// waits for it and no thread; the one of a process does, because that is what programs
// expect, unlike the two that os.Pipe makes.
func newEnd(fd int, ours bool, name string) *os.File {
	if ours {
		_ = syscall.SetNonblock(fd, true) // it can fail for a descriptor that is none only
	}
	return os.NewFile(uintptr(fd), name)
}

// Close closes those files that are not nil.
func Close(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

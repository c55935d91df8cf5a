package sandbox

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ReadsStdin looks at every thread of the sandbox: it reads when it is inside a
// system call that reads from a descriptor which is the standard input that Start was
// given. One that waits in poll(2) or epoll_wait(2) cannot be told from one that waits
// for something else, and does not count.
func (s *Sandbox) ReadsStdin() bool {
	s.mu.Lock()
	stdin := s.stdin
	s.mu.Unlock()
	if stdin == (fileID{}) {
		return false
	}
	threads, err := s.native.privileges.threads(s.shell)
	if err != nil {
		return false // it has ended
	}
	return slices.ContainsFunc(threads, func(tid int) bool {
		fd, ok := readingFrom(tid)
		return ok && isFile(tid, fd, stdin)
	})
}

// readingFrom is the descriptor that a thread is blocked in reading from. The file is
// "0 0x3 0x7ffe… …": the call and its arguments, or "running" (proc_pid_syscall(5)).
func readingFrom(tid int) (fd uint64, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", tid))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(b))
	if len(fields) < 5 {
		return 0, false
	}
	nr, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return 0, false
	}
	arg, ok := readArgument(nr)
	if !ok {
		return 0, false
	}
	fd, err = strconv.ParseUint(fields[1+arg], 0, 64)
	return fd & 0xffffffff, err == nil // an int: the rest of the register may hold anything
}

// readArgument is which argument of a system call is the descriptor it reads from.
func readArgument(nr uint64) (int, bool) {
	switch nr {
	case unix.SYS_READ, unix.SYS_READV, unix.SYS_PREADV, unix.SYS_PREADV2, unix.SYS_RECVFROM, unix.SYS_RECVMSG,
		unix.SYS_SPLICE, unix.SYS_TEE, unix.SYS_COPY_FILE_RANGE:
		return 0, true
	case unix.SYS_SENDFILE:
		return 1, true
	}
	return 0, false
}

func isFile(tid int, fd uint64, want fileID) bool {
	var st unix.Stat_t
	err := unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", tid, fd), &st)
	return err == nil && fileID{st.Dev, st.Ino} == want
}

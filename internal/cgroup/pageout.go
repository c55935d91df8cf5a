package cgroup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pageOut moves the anonymous memory of every process to swap, from the outside. It
// works on frozen processes: what it needs of them is their map of memory alone.
func (g *Group) pageOut(ctx context.Context) error {
	pids, err := readInts(g.path(g.sys.memory, "cgroup.procs"))
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := pageOutProcess(ctx, pid); err != nil {
			return err
		}
	}
	return nil
}

// pageOutProcess does nothing for a process that has ended, nor where the kernel does not
// know how or does not allow it (CAP_SYS_NICE).
func pageOutProcess(ctx context.Context, pid int) error {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return ignored(os.NewSyscallError("pidfd_open", err))
	}
	defer unix.Close(pidfd)
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return ignored(err)
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		from, to, ok := anonymous(lines.Text())
		if !ok {
			continue
		}
		if err := advise(ctx, pidfd, from, to); err != nil {
			return ignored(err)
		}
	}
	return ignored(lines.Err())
}

// ignored makes nothing of the errors that mean that there is nothing to do, or no way.
func ignored(err error) error {
	for _, known := range []error{unix.ESRCH, unix.ENOENT, unix.ENOSYS, unix.EPERM} {
		if errors.Is(err, known) {
			return nil
		}
	}
	return err
}

// advise moves a mapping out, a step at a time. What cannot be moved is locked, or made
// of huge pages.
func advise(ctx context.Context, pidfd int, from, to uint64) error {
	for ; from < to; from += reclaimStep {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		part := unix.RemoteIovec{Base: uintptr(from), Len: int(min(to-from, reclaimStep))}
		_, _, errno := unix.Syscall6(unix.SYS_PROCESS_MADVISE, uintptr(pidfd), uintptr(unsafe.Pointer(&part)), 1, unix.MADV_PAGEOUT, 0, 0)
		switch errno {
		case 0, unix.EINTR:
		case unix.EINVAL, unix.ENOMEM:
			return nil
		default:
			return os.NewSyscallError("process_madvise", errno)
		}
	}
	return nil
}

// anonymous reads a line of /proc/<pid>/maps (proc_pid_maps(5)): of a private mapping of
// no file, in which there can be something, it gives the addresses.
//
//	7f2c8000000-7f2c8021000 rw-p 00000000 00:00 0    [heap]
func anonymous(line string) (from, to uint64, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 5 || fields[4] != "0" || fields[1] == "---p" || !strings.HasSuffix(fields[1], "p") {
		return 0, 0, false
	}
	if len(fields) > 5 && strings.HasPrefix(fields[5], "[v") { // vdso, vvar, vsyscall: the kernel's own
		return 0, 0, false
	}
	first, last, _ := strings.Cut(fields[0], "-")
	from, err := strconv.ParseUint(first, 16, 64)
	if err != nil {
		return 0, 0, false
	}
	to, err = strconv.ParseUint(last, 16, 64)
	return from, to, err == nil && from < to
}

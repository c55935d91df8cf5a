package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// syscalls tries what a sandbox must not do and prints what each met.
func syscalls([]string) error {
	path := unsafe.Pointer(&[]byte("/\x00")[0])
	for _, c := range []struct {
		name string
		nr   uintptr
		args [3]uintptr
	}{
		{"mount", unix.SYS_MOUNT, [3]uintptr{uintptr(path), uintptr(path)}},
		{"umount2", unix.SYS_UMOUNT2, [3]uintptr{uintptr(path)}},
		{"pivot_root", unix.SYS_PIVOT_ROOT, [3]uintptr{uintptr(path), uintptr(path)}},
		{"chroot", unix.SYS_CHROOT, [3]uintptr{uintptr(path)}},
		{"unshare user", unix.SYS_UNSHARE, [3]uintptr{syscall.CLONE_NEWUSER}},
		{"clone user", unix.SYS_CLONE, [3]uintptr{syscall.CLONE_NEWUSER | uintptr(syscall.SIGCHLD)}},
		{"clone3", unix.SYS_CLONE3, [3]uintptr{}},
		{"setns", unix.SYS_SETNS, [3]uintptr{0, 0}},
		{"keyctl", unix.SYS_KEYCTL, [3]uintptr{0}},
		{"add_key", unix.SYS_ADD_KEY, [3]uintptr{}},
		{"bpf", unix.SYS_BPF, [3]uintptr{}},
		{"perf_event_open", unix.SYS_PERF_EVENT_OPEN, [3]uintptr{}},
		{"open_by_handle_at", unix.SYS_OPEN_BY_HANDLE_AT, [3]uintptr{}},
		{"kexec_load", unix.SYS_KEXEC_LOAD, [3]uintptr{}},
		{"init_module", unix.SYS_INIT_MODULE, [3]uintptr{}},
		{"reboot", unix.SYS_REBOOT, [3]uintptr{}},
		{"settimeofday", unix.SYS_SETTIMEOFDAY, [3]uintptr{uintptr(unsafe.Pointer(&syscall.Timeval{}))}},
		{"fsopen", unix.SYS_FSOPEN, [3]uintptr{uintptr(path)}},
		{"move_mount", unix.SYS_MOVE_MOUNT, [3]uintptr{}},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, [3]uintptr{}},
		{"userfaultfd", unix.SYS_USERFAULTFD, [3]uintptr{}},
		{"socket AF_ALG", unix.SYS_SOCKET, [3]uintptr{1<<32 | unix.AF_ALG, syscall.SOCK_SEQPACKET, 0}},
		{"socket raw", unix.SYS_SOCKET, [3]uintptr{syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP}},
		{"sethostname", unix.SYS_SETHOSTNAME, [3]uintptr{uintptr(path), 1}},
		{"unknown", 1000, [3]uintptr{}},
	} {
		_, _, errno := syscall.RawSyscall(c.nr, c.args[0], c.args[1], c.args[2])
		if errno == 0 {
			fmt.Printf("%s: done\n", c.name)
			continue
		}
		fmt.Printf("%s: %v\n", c.name, errno)
	}
	return nil
}

// escape tries to reach a file of the host by each way there is.
func escape(a []string) error {
	secret := a[0]
	for _, name := range []string{
		secret, "/.." + secret, "/../../../.." + secret, "/proc/1/root" + secret, "/proc/self/root/.." + secret,
		"/proc/self/cwd/../.." + secret, "/dev/fd/3" + secret,
	} {
		if b, err := os.ReadFile(name); err == nil {
			fmt.Println("reached by", name, len(b))
		}
	}
	for fd := 3; fd < 64; fd++ {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d/..%s", fd, secret)); err == nil {
			fmt.Println("reached by descriptor", fd, len(b))
		}
	}
	fmt.Println("tried")
	return nil
}

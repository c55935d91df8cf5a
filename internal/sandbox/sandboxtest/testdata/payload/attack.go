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
		{"unshare mnt", unix.SYS_UNSHARE, [3]uintptr{syscall.CLONE_NEWNS}},
		{"unshare net", unix.SYS_UNSHARE, [3]uintptr{syscall.CLONE_NEWNET}},
		{"clone pid", unix.SYS_CLONE, [3]uintptr{syscall.CLONE_NEWPID | uintptr(syscall.SIGCHLD)}},
		{"open_tree", unix.SYS_OPEN_TREE, [3]uintptr{0, uintptr(path)}},
		{"mount_setattr", unix.SYS_MOUNT_SETATTR, [3]uintptr{0, uintptr(path)}},
		{"fspick", unix.SYS_FSPICK, [3]uintptr{0, uintptr(path)}},
		{"kexec_file_load", unix.SYS_KEXEC_FILE_LOAD, [3]uintptr{}},
		{"finit_module", unix.SYS_FINIT_MODULE, [3]uintptr{}},
		{"delete_module", unix.SYS_DELETE_MODULE, [3]uintptr{uintptr(path)}},
		{"swapon", unix.SYS_SWAPON, [3]uintptr{uintptr(path)}},
		{"acct", unix.SYS_ACCT, [3]uintptr{uintptr(path)}},
		{"quotactl", unix.SYS_QUOTACTL, [3]uintptr{0, uintptr(path)}},
		{"syslog", unix.SYS_SYSLOG, [3]uintptr{3}},
		{"fanotify_init", unix.SYS_FANOTIFY_INIT, [3]uintptr{}},
		{"request_key", unix.SYS_REQUEST_KEY, [3]uintptr{uintptr(path), uintptr(path)}},
		{"setdomainname", unix.SYS_SETDOMAINNAME, [3]uintptr{uintptr(path), 1}},
		{"pidfd_getfd", unix.SYS_PIDFD_GETFD, [3]uintptr{0, 0}},
		{"io_uring_enter", unix.SYS_IO_URING_ENTER, [3]uintptr{}},
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
		"/proc/self/cwd/../.." + secret, "/dev/fd/3" + secret, "/proc/1/cwd/../../.." + secret, "/proc/thread-self/root/.." + secret,
		"/proc/self/task/1/root" + secret, "/proc/2/root" + secret, "/proc/self/map_files/.." + secret, "/sys/../.." + secret, "/dev/pts/../../.." + secret,
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

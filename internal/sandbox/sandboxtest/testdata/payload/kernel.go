package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writable opens every file below the folders for writing and prints those that it could.
// It writes nothing.
func writable(a []string) error {
	for _, dir := range a {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil // what cannot be looked at cannot be written either
			}
			fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
			if err == nil {
				syscall.Close(fd)
				fmt.Println(path)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// regain tries to get privileges that the sandbox does not give, as the user it is.
func regain(a []string) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	all := [2]unix.CapUserData{{Effective: ^uint32(0), Permitted: ^uint32(0)}, {Effective: ^uint32(0), Permitted: ^uint32(0)}}
	fmt.Println("capset:", unix.Capset(&header, &all[0]))
	fmt.Println("ambient:", unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_SYS_ADMIN, 0, 0))
	fmt.Println("no_new_privs off:", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0))
	fmt.Println("seccomp off:", unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_DISABLED, 0, 0, 0))
	for _, program := range a {
		out, err := exec.Command(program, "privileges").CombinedOutput()
		fmt.Printf("%s: %s %v\n", program, strings.TrimSpace(string(out)), err)
	}
	return nil
}

// privileges prints what the process may do.
func privileges([]string) error {
	b, err := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if key, value, _ := strings.Cut(line, ":"); key == "CapEff" {
			fmt.Println("uid", os.Geteuid(), "capabilities", strings.TrimSpace(value))
		}
	}
	return err
}

// kernel tries what would touch the kernel or its secrets without a call of its own.
func kernel([]string) error {
	fmt.Println("priority:", syscall.Setpriority(syscall.PRIO_PROCESS, 0, -20))
	param := [1]int32{50}
	const fifo = 1
	_, _, errno := syscall.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, fifo, uintptr(unsafe.Pointer(&param)))
	fmt.Println("real time:", errno)
	fmt.Println("oom score:", cause(os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)))
	_, err := os.ReadFile("/proc/kmsg")
	fmt.Println("kernel's log:", cause(err))
	symbols, err := os.Open("/proc/kallsyms")
	if err != nil {
		return err
	}
	defer symbols.Close()
	var address string
	_, err = fmt.Fscan(symbols, &address)
	fmt.Println("kernel's addresses:", strings.Trim(address, "0"), err)
	for _, name := range []string{"files", "sigpending", "msgqueue", "core", "nice", "rtprio"} {
		resource := map[string]int{"files": unix.RLIMIT_NOFILE, "sigpending": unix.RLIMIT_SIGPENDING, "msgqueue": unix.RLIMIT_MSGQUEUE,
			"core": unix.RLIMIT_CORE, "nice": unix.RLIMIT_NICE, "rtprio": unix.RLIMIT_RTPRIO}[name]
		var l unix.Rlimit
		if err := unix.Getrlimit(resource, &l); err != nil {
			return err
		}
		l.Max++
		fmt.Println("raise limit of", name+":", unix.Setrlimit(resource, &l))
	}
	return nil
}

// Command payload runs inside the sandboxes of the tests: it tries what it is told
// and prints what it met.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

func main() {
	commands := map[string]func(args []string) error{
		"crowd": crowd, "hold": hold, "storm": storm,
		"args": args, "bulk": bulk, "cat": cat, "connect": connect, "crash": crash, "crumbs": crumbs, "devices": devices,
		"echo": echo, "exit": exit, "fds": fds, "files": files, "fill": fill, "fork": fork, "hog": hog,
		"hogchild": hogChild, "id": id, "keep": keep, "ls": ls, "mknod": mknod, "net": interfaces, "ns": namespaces,
		"pause": pause, "read": read, "rlimit": rlimit, "shout": shout, "spin": spin, "stat": stat, "synced": synced,
		"term": term, "write": write,

		"bomb": bomb, "bombs": bombs, "deep": deep, "escape": escape, "execs": execs, "hogin": hogIn, "inflight": inFlight,
		"inodes": inodes, "kernel": kernel, "killinit": killInit, "leak": leak, "offer": offer, "privileges": privileges,
		"queues": queues, "reach": reach, "regain": regain, "signals": signals, "spoof": spoof, "stopper": stopper, "syscalls": syscalls,
		"threads": threads, "writable": writable, "zombies": zombies,
	}
	run, ok := commands[os.Args[1]]
	if !ok {
		fmt.Println("no such command:", os.Args[1])
		os.Exit(125)
	}
	if err := run(os.Args[2:]); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// args prints arguments, environment and working directory.
func args(a []string) error {
	dir, err := os.Getwd()
	fmt.Printf("args %q\ndir %s\n", a, dir)
	for _, e := range os.Environ() {
		fmt.Println("env", e)
	}
	return err
}

func cat(a []string) error {
	for _, name := range a {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		os.Stdout.Write(b)
	}
	return nil
}

func write(a []string) error {
	return os.WriteFile(a[0], []byte(a[1]), 0o644)
}

func ls(a []string) error {
	entries, err := os.ReadDir(a[0])
	for _, e := range entries {
		fmt.Println(e.Name())
	}
	return err
}

func stat(a []string) error {
	for _, name := range a {
		var st syscall.Stat_t
		if err := syscall.Lstat(name, &st); err != nil {
			fmt.Println(name, err)
			continue
		}
		fmt.Printf("%s %o %d:%d\n", name, st.Mode, st.Uid, st.Gid)
	}
	return nil
}

// files tries to open each name for reading and for writing.
func files(a []string) error {
	for _, name := range a {
		_, readErr := os.Open(name)
		f, writeErr := os.OpenFile(name, os.O_WRONLY, 0)
		if writeErr == nil {
			_, writeErr = f.WriteString("0")
		}
		fmt.Printf("%s read: %v write: %v\n", name, cause(readErr), cause(writeErr))
	}
	return nil
}

func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}

func id([]string) error {
	groups, err := os.Getgroups()
	fmt.Println("uid", os.Getuid(), "gid", os.Getgid(), "groups", groups, "home", os.Getenv("HOME"))
	return err
}

func exit(a []string) error {
	n, err := strconv.Atoi(a[0])
	if err == nil {
		os.Exit(n)
	}
	return err
}

func pause([]string) error {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR2)
	fmt.Println("paused")
	<-c
	return nil
}

// term waits with the kernel's own handling of signals, as a program does that knows
// nothing of them; not even Go's runtime handles any.
func term([]string) error {
	var none [8]uintptr
	for sig := uintptr(1); sig < 65; sig++ {
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0)
	}
	fmt.Println("waiting")
	for {
		syscall.Pause()
	}
}

// crash dies of its own fault.
func crash([]string) error {
	var none [8]uintptr
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGSEGV), uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0)
	var p *int
	fmt.Println(*p)
	return nil
}

func spin([]string) error {
	fmt.Println("spinning")
	for {
	}
}

// read reads standard input to its end, a line at a time.
func read([]string) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println("read", lines.Text())
	}
	fmt.Println("end")
	return lines.Err()
}

func shout([]string) error {
	fmt.Println("to stdout")
	fmt.Fprintln(os.Stderr, "to stderr")
	f, err := os.OpenFile("/dev/stdout", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	fmt.Fprintln(f, "to /dev/stdout")
	return nil
}

// hog takes memory until it is killed.
func hog([]string) error {
	var keep [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		keep = append(keep, b)
		if len(keep) > 1<<14 {
			return fmt.Errorf("got %d MiB", len(keep))
		}
	}
}

// hogChild lets a child take the memory, and reports its end as a shell does.
func hogChild([]string) error {
	err := exec.Command("/payload", "hog").Run()
	if e, ok := err.(*exec.ExitError); ok && e.Sys().(syscall.WaitStatus).Signaled() {
		os.Exit(128 + int(e.Sys().(syscall.WaitStatus).Signal()))
	}
	return err
}

// fork starts children until one is refused.
func fork(a []string) error {
	most, err := strconv.Atoi(a[0])
	if err != nil {
		return err
	}
	for n := 0; n < most; n++ {
		if err := exec.Command("/payload", "pause").Start(); err != nil {
			fmt.Println("refused after", n, err)
			return nil
		}
	}
	fmt.Println("not refused")
	return nil
}

// fill writes a file until there is no room.
func fill(a []string) error {
	f, err := os.Create(a[0])
	if err != nil {
		return err
	}
	b := make([]byte, 1<<20)
	for n := 0; n < 1<<14; n++ {
		if _, err := f.Write(b); err != nil {
			fmt.Println("full at", n, cause(err))
			return nil
		}
	}
	return fmt.Errorf("never full")
}

func fds([]string) error {
	return ls([]string{"/proc/self/fd"})
}

func rlimit([]string) error {
	var l syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	fmt.Println("files", l.Max)
	return err
}

func devices([]string) error {
	for _, name := range []string{"null", "zero", "full", "random", "urandom"} {
		f, err := os.OpenFile("/dev/"+name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		_, readErr := f.Read(make([]byte, 8))
		_, writeErr := f.Write([]byte("x"))
		fmt.Printf("%s read: %v write: %v\n", name, cause(readErr), cause(writeErr))
	}
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	fmt.Println("ptmx", cause(err), f != nil)
	return ls([]string{"/dev"})
}

func mknod(a []string) error {
	for name, dev := range map[string]int{"memory": 1<<8 | 1, "disk": 254 << 8} {
		fmt.Println(name, syscall.Mknod(filepath.Join(a[0], name), syscall.S_IFCHR|0o666, dev))
	}
	return nil
}

func interfaces([]string) error {
	all, err := net.Interfaces()
	for _, i := range all {
		fmt.Println(i.Name, i.Flags&net.FlagUp != 0)
	}
	return err
}

func namespaces([]string) error {
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		link, err := os.Readlink("/proc/self/ns/" + name)
		if err != nil {
			return err
		}
		fmt.Println(link)
	}
	return nil
}

// echo answers connections with what they say. The address is "network,address".
func echo(a []string) error {
	network, address, _ := strings.Cut(a[0], ",")
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			io.Copy(c, c)
			c.Close()
		}()
	}
}

func connect(a []string) error {
	network, address, _ := strings.Cut(a[0], ",")
	c, err := net.Dial(network, address)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(c)
	fmt.Println("got", string(b))
	return err
}

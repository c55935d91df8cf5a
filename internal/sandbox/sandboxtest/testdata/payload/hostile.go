package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bomb makes copies of itself that do the same, without end.
func bomb([]string) error {
	fmt.Println("burning")
	for {
		if err := exec.Command("/payload", "bombs").Start(); err != nil {
			time.Sleep(time.Millisecond) // no room: try again
		}
	}
}

// bombs is bomb without a word, for the copies.
func bombs([]string) error {
	for {
		_ = exec.Command("/payload", "bombs").Start()
	}
}

// zombies makes children that end and waits for none.
func zombies([]string) error {
	for n := 0; n < 1<<16; n++ {
		pid, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
		if pid == 0 && errno == 0 {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		}
		if errno != 0 {
			fmt.Println("refused:", errno)
			return pause(nil)
		}
	}
	return errors.New("not refused")
}

// threads makes threads until one is refused. A goroutine that is locked and blocked in
// the kernel has one for itself.
func threads([]string) error {
	for n := 0; n < 1<<16; n++ {
		go func() {
			runtime.LockOSThread()
			syscall.Pause()
		}()
	}
	return pause(nil)
}

// execs starts programs one after the other, without end.
func execs([]string) error {
	fmt.Println("storming")
	for {
		if err := exec.Command("/payload", "exit", "0").Run(); err != nil {
			return err
		}
	}
}

// stopper stops itself, a child and, as far as it is let, the first process.
func stopper([]string) error {
	child := exec.Command("/payload", "spin")
	if err := child.Start(); err != nil {
		return err
	}
	fmt.Println("stop child:", child.Process.Signal(syscall.SIGSTOP))
	fmt.Println("stop self:", syscall.Kill(os.Getpid(), syscall.SIGSTOP))
	out, _ := exec.Command("/payload", "killinit").Output()
	fmt.Print(string(out))
	return pause(nil)
}

// killInit tries to end the first process of the sandbox.
func killInit([]string) error {
	fmt.Println("kill init:", syscall.Kill(1, syscall.SIGKILL))
	fmt.Println("stop init:", syscall.Kill(1, syscall.SIGSTOP))
	return nil
}

// leak opens files until one is refused, and keeps them.
func leak([]string) error {
	for n := 0; n < 1<<20; n++ {
		if _, err := syscall.Open("/dev/null", syscall.O_RDONLY, 0); err != nil {
			fmt.Println("refused after", n, err)
			return pause(nil)
		}
	}
	return errors.New("not refused")
}

// inFlight sends descriptors to itself that nobody receives: they are in no table of
// open files.
func inFlight([]string) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	rights := unix.UnixRights(pair[0], pair[0], pair[0], pair[0])
	for n := 0; n < 1<<20; n++ {
		err := unix.Sendmsg(pair[0], []byte("x"), rights, nil, 0)
		if errors.Is(err, unix.EAGAIN) { // the socket is full: another
			if pair, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0); err == nil {
				continue
			}
		}
		if err != nil {
			fmt.Println("refused:", err)
			return nil
		}
	}
	return errors.New("not refused")
}

// signals queues signals to itself that it does not take.
func signals([]string) error {
	runtime.LockOSThread()
	blocked := ^uint64(0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 0, uintptr(unsafe.Pointer(&blocked)), 0, 8, 0, 0)
	var info [128]byte
	*(*int32)(unsafe.Pointer(&info[0])) = 40
	*(*int32)(unsafe.Pointer(&info[8])) = -1 // SI_QUEUE
	for n := 0; n < 1<<20; n++ {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_TGSIGQUEUEINFO, uintptr(os.Getpid()), uintptr(syscall.Gettid()), 40, uintptr(unsafe.Pointer(&info)), 0, 0)
		if errno != 0 {
			fmt.Println("refused after", n, errno)
			return pause(nil)
		}
	}
	return errors.New("not refused")
}

// queues makes message queues until one is refused, and keeps them.
func queues([]string) error {
	for n := 0; n < 1<<16; n++ {
		name := append([]byte("queue"+strconv.Itoa(n)), 0)
		_, _, errno := syscall.RawSyscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&name[0])), syscall.O_RDWR|syscall.O_CREAT, 0o600, 0, 0, 0)
		if errno != 0 {
			fmt.Println("refused after", n, errno)
			return pause(nil)
		}
	}
	return errors.New("not refused")
}

// inodes makes empty files until one is refused.
func inodes(a []string) error {
	for n := 0; n < 1<<22; n++ {
		fd, err := syscall.Open(a[0]+"/"+strconv.Itoa(n), syscall.O_CREAT|syscall.O_WRONLY, 0o600)
		if err != nil {
			fmt.Println("refused after", n, err)
			return nil
		}
		syscall.Close(fd)
	}
	return errors.New("not refused")
}

// deep makes a tree of folders as deep as it is told, of the longest names, and stays in
// it with files open and mapped.
func deep(a []string) error {
	levels, err := strconv.Atoi(a[1])
	if err != nil {
		return err
	}
	if err := os.Chdir(a[0]); err != nil {
		return err
	}
	name := strings.Repeat("d", 255)
	for range levels {
		if err := syscall.Mkdir(name, 0o700); err != nil {
			return err
		}
		if err := syscall.Chdir(name); err != nil {
			return err
		}
	}
	fd, err := syscall.Open("mapped", syscall.O_CREAT|syscall.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Ftruncate(fd, 4096); err != nil {
		return err
	}
	m, err := syscall.Mmap(fd, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	m[0] = 1
	fmt.Println("deep")
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR2)
	<-c
	return nil
}

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What one sandbox has and another looks for.
var (
	meetings = [][2]string{{"tcp", "127.0.0.1:7001"}, {"tcp", "[::1]:7001"}, {"unix", "@meeting"}, {"unix", "/tmp/meeting"}}
	secrets  = []string{"/tmp/secret", "/dev/shm/secret"}
)

const ipcKey = 42

// offer has something of every kind that processes can meet by, open to all.
func offer([]string) error {
	for _, m := range meetings {
		l, err := net.Listen(m[0], m[1])
		if err != nil {
			return err
		}
		go answer(l)
	}
	for _, name := range secrets {
		if err := os.WriteFile(name, []byte("secret"), 0o666); err != nil {
			return err
		}
	}
	for _, get := range ipcs(unix.IPC_CREAT | 0o666) {
		if errno := get.call(); errno != 0 && errno != syscall.EMFILE { // some have no message queues at all
			return fmt.Errorf("%s: %w", get.name, errno)
		}
	}
	return pause(nil)
}

func answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, "met")
		c.Close()
	}
}

// reach looks for what another offers.
func reach(a []string) error {
	for _, m := range meetings {
		c, err := net.Dial(m[0], m[1])
		fmt.Println(m[0], m[1]+":", rootCause(err))
		if err == nil {
			c.Close()
		}
	}
	for _, name := range secrets {
		_, err := os.ReadFile(name)
		fmt.Println("file", name+":", cause(err))
	}
	for _, get := range ipcs(0) {
		fmt.Println(get.name+":", get.call())
	}
	fmt.Println("kill everyone:", syscall.Kill(-1, syscall.SIGKILL))
	return nil
}

func rootCause(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = inner.Unwrap()
	}
}

type ipc struct {
	name string
	call func() syscall.Errno
}

// ipcs are the kernel's own ways to meet by a key or a name.
func ipcs(flags uintptr) []ipc {
	get := func(nr, key, size, flags uintptr) func() syscall.Errno {
		return func() syscall.Errno {
			_, _, errno := syscall.RawSyscall(nr, key, size, flags)
			return errno
		}
	}
	return []ipc{
		{"shared memory", get(unix.SYS_SHMGET, ipcKey, 4096, flags)},
		{"semaphores", get(unix.SYS_SEMGET, ipcKey, 1, flags)},
		{"messages", get(unix.SYS_MSGGET, ipcKey, flags, 0)},
		{"message queue", func() syscall.Errno {
			open := uintptr(syscall.O_RDWR)
			if flags != 0 {
				open |= syscall.O_CREAT
			}
			_, _, errno := syscall.RawSyscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&[]byte("meeting\x00")[0])), open, 0o666, 0, 0, 0)
			return errno
		}},
	}
}

// spoof tries to be somebody else on the network.
func spoof([]string) error {
	for _, s := range []struct {
		name                   string
		domain, kind, protocol int
		level, opt             int
	}{
		{name: "packets", domain: unix.AF_PACKET, kind: unix.SOCK_RAW},
		{name: "raw IPv4", domain: unix.AF_INET, kind: unix.SOCK_RAW, protocol: unix.IPPROTO_RAW},
		{name: "raw IPv6", domain: unix.AF_INET6, kind: unix.SOCK_RAW, protocol: unix.IPPROTO_ICMPV6},
		{name: "vsock", domain: unix.AF_VSOCK, kind: unix.SOCK_STREAM},
		{name: "transparent", domain: unix.AF_INET, kind: unix.SOCK_DGRAM, level: unix.IPPROTO_IP, opt: unix.IP_TRANSPARENT},
		{name: "mark", domain: unix.AF_INET, kind: unix.SOCK_DGRAM, level: unix.SOL_SOCKET, opt: unix.SO_MARK},
		{name: "force buffers", domain: unix.AF_INET, kind: unix.SOCK_DGRAM, level: unix.SOL_SOCKET, opt: unix.SO_SNDBUFFORCE},
	} {
		fd, err := unix.Socket(s.domain, s.kind, s.protocol)
		if err == nil && s.opt != 0 {
			err = unix.SetsockoptInt(fd, s.level, s.opt, 1)
		}
		fmt.Println(s.name+":", err)
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	request := make([]byte, 40) // struct ifreq
	copy(request, "lo")
	for name, call := range map[string]uintptr{"address": unix.SIOCSIFADDR, "hardware address": unix.SIOCSIFHWADDR, "interface down": unix.SIOCSIFFLAGS, "arp": unix.SIOCSARP} {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), call, uintptr(unsafe.Pointer(&request[0])))
		fmt.Println(name+":", errno)
	}
	return nil
}

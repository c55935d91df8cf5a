package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hogIn takes memory that is in no process, by the way that is named, until it is
// refused or killed; then it says how many MiB it holds.
func hogIn(a []string) error {
	ways := map[string]func(total *int) error{
		"anonymous": hogAnonymous, "page tables": hogPageTables, "memfd": hogMemfd, "shm": hogFile, "sysv": hogSysV,
		"pipes": hogPipes, "unix": hogUnix, "tcp": hogTCP,
	}
	total := 0
	err := ways[a[0]](&total)
	fmt.Println("refused at", total>>20, "MiB:", rootCause(err))
	return nil
}

const hogMost = 300 << 20 // far more than a sandbox of a test may have

var errEnough = errors.New("not at all")

func touch(b []byte, step int) {
	for i := 0; i < len(b); i += step {
		b[i] = 1
	}
}

func hogAnonymous(total *int) error {
	for *total < hogMost {
		b, err := syscall.Mmap(-1, 0, 1<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANONYMOUS)
		if err != nil {
			return err
		}
		touch(b, 4096)
		*total += len(b)
	}
	return errEnough
}

// hogPageTables touches one page of each 2 MiB, so that the tables take as much again.
func hogPageTables(total *int) error {
	for *total < hogMost {
		b, err := syscall.Mmap(-1, 0, 1<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS|syscall.MAP_NORESERVE)
		if err != nil {
			return err
		}
		if err := unix.Madvise(b, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
		touch(b, 2<<20)
		*total += 8192 * len(b) / (2 << 20)
	}
	return errEnough
}

func hogMemfd(total *int) error {
	fd, err := unix.MemfdCreate("hog", 0)
	if err != nil {
		return err
	}
	return hogWriting(os.NewFile(uintptr(fd), "hog"), total)
}

func hogFile(total *int) error {
	f, err := os.Create("/dev/shm/hog")
	if err != nil {
		return err
	}
	return hogWriting(f, total)
}

func hogWriting(f *os.File, total *int) error {
	b := make([]byte, 1<<20)
	touch(b, 1)
	for *total < hogMost {
		n, err := f.Write(b)
		*total += n
		if err != nil {
			return err
		}
	}
	return errEnough
}

func hogSysV(total *int) error {
	for *total < hogMost {
		id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 1<<20, unix.IPC_CREAT|0o600)
		if err != nil {
			return err
		}
		b, err := unix.SysvShmAttach(id, 0, 0)
		if err != nil {
			return err
		}
		touch(b, 4096)
		if err := unix.SysvShmDetach(b); err != nil { // it stays without anyone attached
			return err
		}
		*total += 1 << 20
	}
	return errEnough
}

func hogPipes(total *int) error {
	for *total < hogMost {
		var p [2]int
		if err := syscall.Pipe2(p[:], syscall.O_NONBLOCK); err != nil {
			return err
		}
		_, _ = unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, 1<<20) // or what is allowed
		*total += stuff(p[1])
	}
	return errEnough
}

// stuff writes until nothing more is taken.
func stuff(fd int) (total int) {
	b := make([]byte, 64<<10)
	for {
		n, err := syscall.Write(fd, b)
		if err != nil {
			return total
		}
		total += n
	}
}

func hogUnix(total *int) error {
	for *total < hogMost {
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		for _, end := range p {
			_ = unix.SetsockoptInt(end, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<30) // as much as is allowed
			*total += stuff(end)
		}
	}
	return errEnough
}

// hogTCP fills the buffers of connections to itself.
func hogTCP(total *int) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	name, err := unix.Getsockname(int(file.Fd()))
	if err != nil {
		return err
	}
	for *total < hogMost {
		near, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		if err := unix.Connect(near, name); err != nil {
			return err
		}
		far, _, err := unix.Accept(int(file.Fd()))
		if err != nil {
			return err
		}
		for _, end := range []int{near, far} {
			if err := unix.SetNonblock(end, true); err != nil {
				return err
			}
			*total += stuff(end)
		}
	}
	return errEnough
}

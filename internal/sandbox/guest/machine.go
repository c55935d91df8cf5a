package guest

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// machine is all that runs in a shell: it receives programs, executes their system
// calls one after the other and says how that went, until one of them is execve(2).
//
// It runs in a copy of the spawner made by clone3(2). Only the calling thread is in
// such a copy, while the Go runtime believes that all of them are: nothing of the
// runtime may be used. So every function of it is nosplit, allocates nothing, calls
// nothing but its like and RawSyscall, and uses memory that was there before.
type machine struct {
	head    header
	message unix.Msghdr
	vector  unix.Iovec
	control [controlSize]byte
	reply   Reply
}

// controlSize is what MaxFiles descriptors take: CMSG_SPACE(3) of their size.
const controlSize = unix.SizeofCmsghdr + 4*(MaxFiles+2)

// clone makes a child and gives its pid; the child never returns.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (m *machine) clone(args *cloneArgs, socket uintptr) (pid uintptr, errno syscall.Errno) {
	pid, _, errno = syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(args)), unsafe.Sizeof(*args), 0)
	if errno != 0 || pid != 0 {
		return pid, errno
	}
	syscall.RawSyscall(unix.SYS_DUP3, socket, Socket, 0)
	syscall.RawSyscall(unix.SYS_CLOSE_RANGE, Socket+1, ^uintptr(0), 0)
	for {
		base := m.receive()
		at, errno := m.execute(base)
		m.reply.At, m.reply.Errno = uint32(at), uint32(errno)
		syscall.RawSyscall(unix.SYS_WRITE, Socket, uintptr(unsafe.Pointer(&m.reply)), unsafe.Sizeof(m.reply))
		if errno != 0 {
			exit(1)
		}
	}
}

// receive reads a program and gives its address. When the host has closed its end,
// the process ends.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (m *machine) receive() (base unsafe.Pointer) {
	m.vector.Base, m.vector.Len = (*byte)(unsafe.Pointer(&m.head)), uint64(unsafe.Sizeof(m.head))
	m.message.Iov, m.message.Iovlen = &m.vector, 1
	m.message.Control, m.message.Controllen = &m.control[0], controlSize
	n, _, errno := syscall.RawSyscall(unix.SYS_RECVMSG, Socket, uintptr(unsafe.Pointer(&m.message)), unix.MSG_WAITALL|unix.MSG_CMSG_CLOEXEC)
	if errno != 0 || n != unsafe.Sizeof(m.head) {
		exit(0)
	}
	size := uintptr(m.head.size)
	address, _, errno := syscall.RawSyscall6(unix.SYS_MMAP, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
	if errno != 0 {
		exit(1)
	}
	*(*uintptr)(unsafe.Pointer(&base)) = address
	for done := uintptr(0); done < size; done += n {
		n, _, errno = syscall.RawSyscall(unix.SYS_READ, Socket, address+done, size-done)
		if errno != 0 || n == 0 {
			exit(0)
		}
	}
	return base
}

// execute runs the program at base. It gives the number of calls when all went well,
// else the one that did not.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (m *machine) execute(base unsafe.Pointer) (at uintptr, errno syscall.Errno) {
	if !m.received() {
		return 0, syscall.EBADMSG
	}
	relocations := unsafe.Add(base, uintptr(m.head.calls)*unsafe.Sizeof(call{}))
	for i := uintptr(0); i < uintptr(m.head.relocations); i++ {
		offset := *(*uint64)(unsafe.Add(relocations, 8*i))
		*(*uint64)(unsafe.Add(base, offset)) += uint64(uintptr(base))
	}
	for at = 0; at < uintptr(m.head.calls); at++ {
		c := (*call)(unsafe.Add(base, at*unsafe.Sizeof(call{})))
		result, _, errno := syscall.RawSyscall6(uintptr(c.number), uintptr(c.args[0]), uintptr(c.args[1]), uintptr(c.args[2]), uintptr(c.args[3]), uintptr(c.args[4]), uintptr(c.args[5]))
		switch {
		case errno == 0 && (c.want < 0 || result == uintptr(c.want)):
		case errno == 0:
			return at, syscall.EPROTO
		case uint64(errno) == c.tolerated[0] || uint64(errno) == c.tolerated[1] || uint64(errno) == c.tolerated[2]:
			at += uintptr(c.skip)
		default:
			return at, errno
		}
	}
	return at, 0
}

// received says whether the files that belong to the program came with it, and have
// the numbers that it uses.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (m *machine) received() bool {
	if m.head.files == 0 {
		return m.message.Controllen == 0
	}
	c := (*unix.Cmsghdr)(unsafe.Pointer(&m.control[0]))
	first := *(*int32)(unsafe.Pointer(&m.control[unix.SizeofCmsghdr]))
	return m.message.Flags&unix.MSG_CTRUNC == 0 && uint64(c.Len) == unix.SizeofCmsghdr+4*m.head.files && uint64(first) == m.head.firstFile
}

//go:nosplit
//go:norace
func exit(status int) {
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(status), 0, 0)
	}
}

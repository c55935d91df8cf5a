package guest

import (
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SpawnerName is argv[0] of a process that is to be a spawner. Its file 3 is a
// SOCK_SEQPACKET socket to the host.
const SpawnerName = "slipway-spawner"

// namespaces are those that a shell is born in; it adds the one of control groups
// when it is in its own.
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// cloneArgs is struct clone_args of clone3(2).
type cloneArgs struct {
	flags, pidFD, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// Spawn is the life of a spawner. For each message, which brings a shell's socket and
// perhaps a control group to be born in, it makes a shell and answers with its pid, as
// a Reply. It does not return; it ends with the host.
//
// A spawner exists because the time of clone(2) goes by the memory of the caller, and
// because a shell must not have anything of the host's: neither memory nor files.
// The shells are children of the spawner's parent (CLONE_PARENT): they live on when it
// dies, and the host can wait for them.
func Spawn() {
	runtime.LockOSThread()
	debug.FreeOSMemory()
	debug.SetGCPercent(-1)
	blockSignals()
	m := new(machine)
	for {
		reply, ok := m.serve()
		if !ok {
			os.Exit(0)
		}
		if _, err := unix.Write(Socket, bytesOf(&reply, 1)); err != nil {
			os.Exit(0)
		}
	}
}

// serve makes one shell. It is false when the host has gone.
func (m *machine) serve() (reply Reply, ok bool) {
	files, err := receiveFiles()
	if err != nil || len(files) == 0 {
		return Reply{}, false
	}
	args := cloneArgs{flags: namespaces | unix.CLONE_PARENT | unix.CLONE_CLEAR_SIGHAND}
	if len(files) > 1 {
		args.flags |= unix.CLONE_INTO_CGROUP
		args.cgroup = uint64(files[1])
	}
	pid, errno := m.clone(&args, uintptr(files[0]))
	for _, f := range files {
		unix.Close(f)
	}
	return Reply{At: uint32(pid), Errno: uint32(errno)}, true
}

// receiveFiles waits for the files of one message.
func receiveFiles() ([]int, error) {
	var b [1]byte
	oob := make([]byte, unix.CmsgSpace(4*2))
	_, n, _, _, err := unix.Recvmsg(Socket, b[:], oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, err
	}
	controls, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(controls) != 1 {
		return nil, err
	}
	return unix.ParseUnixRights(&controls[0])
}

// blockSignals keeps every signal from this thread, and so from the shells, in which
// the runtime could not handle one.
func blockSignals() {
	all := ^uint64(0)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, uintptr(unsafe.Pointer(&all)), 0, unsafe.Sizeof(all), 0, 0)
}

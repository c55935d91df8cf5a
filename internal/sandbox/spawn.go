package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// spawner is the host's side of the process that makes shells; see guest.Spawn. They
// are children of this process, or rather of the thread that started the spawner: a
// child dies with that thread (PR_SET_PDEATHSIG, prctl(2)), and any other thread of a
// Go program may end at any time. So there is one thread for that alone.
type spawner struct {
	requests chan spawnRequest
	thread   sync.WaitGroup
}

type spawnRequest struct {
	socket, group *os.File // group is nil where there is no v2 hierarchy
	reply         chan<- spawnReply
}

type spawnReply struct {
	process *process
	err     error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest)}
	s.thread.Go(s.serve)
	return s
}

// spawn makes a process that waits on its end of a line, in new namespaces and, when
// group is not nil, in that v2 control group.
func (s *spawner) spawn(socket, group *os.File) (*process, error) {
	reply := make(chan spawnReply, 1)
	s.requests <- spawnRequest{socket, group, reply}
	r := <-reply
	return r.process, r.err
}

// close ends the thread, and with it the spawner and every process it made.
func (s *spawner) close() {
	close(s.requests)
	s.thread.Wait()
}

// serve never unlocks its thread, so that the thread ends with it. The process is
// started when it is needed first, and again when someone killed it.
func (s *spawner) serve() {
	runtime.LockOSThread()
	var child *spawnerProcess
	for r := range s.requests {
		process, err := child.spawn(r)
		if errors.Is(err, errSpawnerGone) {
			child.close()
			if child, err = startSpawner(); err == nil {
				process, err = child.spawn(r)
			}
		}
		r.reply <- spawnReply{process, err}
	}
	child.close()
}

// errSpawnerGone says that there is no process to ask.
var errSpawnerGone = errors.New("the spawner of sandboxes ended")

// spawnerProcess is the running child; nil is none.
type spawnerProcess struct {
	conn    *net.UnixConn
	process *process
}

// startSpawner executes this program once more; see Init. Its name in ps(1) is all
// that it gets.
func startSpawner() (*spawnerProcess, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "spawner"), os.NewFile(uintptr(fds[1]), "host")
	defer ours.Close()
	defer theirs.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	pid, err := syscall.ForkExec("/proc/self/exe", []string{guest.SpawnerName}, &syscall.ProcAttr{
		Env:   []string{"GOMAXPROCS=1", "GOGC=off"},
		Files: []uintptr{null.Fd(), null.Fd(), os.Stderr.Fd(), theirs.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, fmt.Errorf("start the spawner of sandboxes: %w", err)
	}
	p, err := watch(pid)
	if err != nil {
		return nil, err
	}
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, errors.Join(err, p.signal(syscall.SIGKILL), p.close())
	}
	return &spawnerProcess{conn.(*net.UnixConn), p}, nil
}

func (c *spawnerProcess) spawn(r spawnRequest) (*process, error) {
	if c == nil {
		return nil, errSpawnerGone
	}
	files := []int{int(r.socket.Fd())}
	if r.group != nil {
		files = append(files, int(r.group.Fd()))
	}
	if _, _, err := c.conn.WriteMsgUnix([]byte{0}, unix.UnixRights(files...), nil); err != nil {
		return nil, fmt.Errorf("%w: %w", errSpawnerGone, err)
	}
	var b [guest.ReplySize]byte
	if _, err := c.conn.Read(b[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", errSpawnerGone, err)
	}
	made := guest.DecodeReply(b)
	if made.Errno != 0 {
		return nil, os.NewSyscallError("clone3", syscall.Errno(made.Errno))
	}
	return watch(int(made.At))
}

func (c *spawnerProcess) close() {
	if c == nil {
		return
	}
	c.conn.Close()
	_ = c.process.signal(syscall.SIGKILL) // it ends anyway, without its connection
	_ = c.process.close()
}

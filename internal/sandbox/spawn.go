package sandbox

import (
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/sandbox/guest"
)

// spawner starts the inits of sandboxes, on threads of its own that live as long as
// it does: an init dies with the thread that started it (PR_SET_PDEATHSIG,
// prctl(2)), and any other thread of a Go program may end at any time.
type spawner struct {
	requests chan spawnRequest
	threads  sync.WaitGroup
}

type spawnRequest struct {
	init  initProcess
	reply chan<- spawnReply
}

type spawnReply struct {
	pid, pidfd int
	err        error
}

// initProcess is what a new init differs in.
type initProcess struct {
	firstID uint32
	socket  *os.File // its end of the connection
	group   *os.File // v2 control group to be born in; nil for none
}

// spawnThreads is more than one because starting a process waits for its execve(2).
const spawnThreads = 4

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest)}
	for range spawnThreads {
		s.threads.Go(s.serve)
	}
	return s
}

// spawn starts an init and gives its pid and a pidfd, which never blocks.
func (s *spawner) spawn(p initProcess) (pid, pidfd int, err error) {
	reply := make(chan spawnReply, 1)
	s.requests <- spawnRequest{p, reply}
	r := <-reply
	return r.pid, r.pidfd, r.err
}

// close ends the threads, and with them every process they started.
func (s *spawner) close() {
	close(s.requests)
	s.threads.Wait()
}

// serve never unlocks its thread, so that the thread ends with it.
func (s *spawner) serve() {
	runtime.LockOSThread()
	for r := range s.requests {
		pid, pidfd, err := r.init.start()
		r.reply <- spawnReply{pid, pidfd, err}
	}
}

// start re-executes this program as an init in new namespaces. It is root there, and
// nobody on the host.
func (p initProcess) start() (pid, pidfd int, err error) {
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: int(p.firstID), Size: idsPerSandbox}}
	sys := &syscall.SysProcAttr{
		Cloneflags:                 unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		UidMappings:                ids,
		GidMappings:                ids,
		GidMappingsEnableSetgroups: true,
		Credential:                 &syscall.Credential{},
		Setsid:                     true,
		Pdeathsig:                  syscall.SIGKILL,
		PidFD:                      &pidfd,
	}
	if p.group != nil {
		sys.UseCgroupFD, sys.CgroupFD = true, int(p.group.Fd())
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, -1, err
	}
	defer null.Close()
	pid, err = syscall.ForkExec("/proc/self/exe", []string{guest.Name}, &syscall.ProcAttr{
		Env:   []string{"GOMAXPROCS=1", "GOGC=off"},
		Files: []uintptr{null.Fd(), null.Fd(), os.Stderr.Fd(), p.socket.Fd()},
		Sys:   sys,
	})
	if err != nil {
		return 0, -1, err
	}
	return pid, pidfd, unix.SetNonblock(pidfd, true)
}

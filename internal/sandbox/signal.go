package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/slipway-run/slipway"
)

// Signal sends sig to the process.
//
// The process is the first of its pid namespace, and the kernel keeps from such a
// process every signal that it has no handler for (pid_namespaces(7)): a program that
// does not know of SIGTERM would not end on it. Signal does then what the signal would
// have done anywhere else: it ends the process, and Exit names the signal.
func (s *Sandbox) Signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.shell.process
	if p.ended() {
		return nil
	}
	if !s.started {
		return slipway.Errorf(slipway.ErrConflict, "signal sandbox %s: it was not started", s.id)
	}
	if endsByDefault(sig) && !handled(p.pid, sig) && !p.ended() {
		s.standIn = sig
		sig = syscall.SIGKILL
	}
	if sig == syscall.SIGTERM || sig == syscall.SIGKILL {
		_ = s.shell.group.Foreground() // it ends all the same, later
	}
	if err := s.send(sig); err != nil {
		return kinded(fmt.Errorf("signal sandbox %s: %w", s.id, err))
	}
	return nil
}

func (s *Sandbox) send(sig syscall.Signal) error {
	if s.container != nil {
		return s.container.signal(sig)
	}
	return s.shell.process.signal(sig)
}

// endsByDefault are the signals that someone sends in order to end a program
// (signal(7)); the ones that the program's own faults cause are not kept from it.
func endsByDefault(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM:
		return true
	}
	return false
}

// handled says whether a process catches or ignores a signal (proc_pid_status(5)).
// When that cannot be read the process is ending, and it does not matter.
func handled(pid int, sig syscall.Signal) bool {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return true
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if key != "SigIgn" && key != "SigCgt" {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil || set&(1<<(sig-1)) != 0 {
			return true
		}
	}
	return false
}

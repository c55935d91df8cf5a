package sandbox

import (
	"fmt"
	"syscall"

	"github.com/slipway-run/slipway"
)

// exitOf tells the ends of a process apart. standIn is the signal for which the
// process was killed, oomKills how many processes the kernel killed for want of memory.
//
// The kernel may have killed another process than the first: a shell reports a child
// that SIGKILL ended with status 137.
func exitOf(p *process, standIn syscall.Signal, oomKills int) slipway.Exit {
	const childKilled = 128 + int(syscall.SIGKILL)
	w := p.status
	switch {
	case p.err != nil:
		return slipway.Exit{Err: fmt.Errorf("wait for the process: %w", p.err)}
	case w.Signaled() && w.Signal() == syscall.SIGKILL && standIn != 0:
		return slipway.Exit{Signal: standIn}
	case oomKills > 0 && (w.Signaled() && w.Signal() == syscall.SIGKILL || w.ExitStatus() == childKilled):
		return slipway.Exit{OOM: true}
	case w.Signaled():
		return slipway.Exit{Signal: w.Signal()}
	default:
		return slipway.Exit{Code: w.ExitStatus()}
	}
}

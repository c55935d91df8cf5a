package jobs

import (
	"errors"
	"syscall"
	"testing"

	"github.com/slipway-run/slipway"
)

func TestReason(t *testing.T) {
	for _, c := range []struct {
		exit   slipway.Exit
		want   wish
		reason string
		code   int
	}{
		{slipway.Exit{}, wish{}, "", 0},
		{slipway.Exit{Code: 3}, wish{}, "Error: exit status 3", 3},
		{slipway.Exit{Signal: syscall.SIGSEGV}, wish{}, "Error: signal: segmentation fault", 139},
		{slipway.Exit{Signal: syscall.SIGTERM}, wish{end: stopped, reason: "enough"}, "Terminated: enough", 143},
		{slipway.Exit{OOM: true}, wish{}, "OutOfMemory: the kernel killed it for want of memory; memory_mb is 64", 137},
		{slipway.Exit{}, wish{end: timedOut, reason: "late"}, "Timeout: late", 0},
		{slipway.Exit{Err: errors.New("gone")}, wish{end: stopped}, "lost: gone", 0},
	} {
		if got := reason(c.exit, c.want, 64); got != c.reason {
			t.Errorf("%v, %v: reason %q, want %q", c.exit, c.want, got, c.reason)
		}
		if got := exitCode(c.exit); got != c.code {
			t.Errorf("%v: exit code %d, want %d", c.exit, got, c.code)
		}
	}
}

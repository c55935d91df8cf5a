package sandbox_test

import (
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
)

// TestNativeDisk runs the suite with scratch on disk.
func TestNativeDisk(t *testing.T) {
	n := 2000
	sandboxtest.Run(t, func(t *testing.T) slipway.Launcher {
		n++
		return newNativeOf(t, n, sandbox.Config{Scratch: sandbox.ScratchDisk})
	})
}

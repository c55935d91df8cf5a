package sandbox_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
	"github.com/slipway-run/slipway/internal/userns"
)

func TestMain(m *testing.M) {
	userns.Init()
	sandbox.Init()
	runRootless()
	os.Exit(m.Run())
}

// newNative makes a runtime that ends with the test; n tells the ones of a process
// apart.
func newNative(t testing.TB, n int) *sandbox.Native {
	t.Helper()
	return newNativeOf(t, n, sandbox.Config{})
}

// newNativeOf is newNative with what else is configured.
func newNativeOf(t testing.TB, n int, cfg sandbox.Config) *sandbox.Native {
	t.Helper()
	if cfg.Name = nameOf(n); cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	native, err := sandbox.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := native.Close(); err != nil {
			t.Error(err)
		}
	})
	return native
}

func nameOf(n int) string { return fmt.Sprintf("slipway-test-%d-%d", os.Getpid(), n) }

func TestNative(t *testing.T) {
	n := 0
	sandboxtest.Run(t, func(t *testing.T) slipway.Launcher {
		n++
		return newNative(t, n)
	})
}

// TestNativeStaged runs the suite as on kernels that cannot lay overlays in place.
func TestNativeStaged(t *testing.T) {
	n := 1000
	sandboxtest.Run(t, func(t *testing.T) slipway.Launcher {
		n++
		native := newNative(t, n)
		if err := native.Stage(); err != nil {
			t.Fatal(err)
		}
		return native
	})
}

// TestStageEnds looks for the mount namespace of the thread that assembles roots: it is
// there with the runtime, and not after.
func TestStageEnds(t *testing.T) {
	sandboxtest.Eventually(t, "the threads of other tests have ended", func() bool { return len(mountNamespaces(t)) == 1 })
	native := newNative(t, 1100)
	if err := native.Stage(); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, "one more mount namespace", func() bool { return len(mountNamespaces(t)) == 2 })
	if err := native.Close(); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, "one mount namespace", func() bool { return len(mountNamespaces(t)) == 1 })
}

// mountNamespaces are those that threads of this process are in.
func mountNamespaces(t *testing.T) map[string]bool {
	t.Helper()
	links, err := filepath.Glob("/proc/self/task/*/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, link := range links {
		if name, err := os.Readlink(link); err == nil { // else the thread has ended
			found[name] = true
		}
	}
	return found
}

package sandbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
)

// TestMountFromAnOverlay: in a container the host's files lie on an overlay, which cannot
// map owners. What is only read can be mounted all the same; the rest says why not.
func TestMountFromAnOverlay(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lower", "file"), []byte("of the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	merged := filepath.Join(dir, "merged")
	options := fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(merged, 0); err != nil {
			t.Error(err)
		}
	})

	b := sandboxtest.NewBench(newNative(t, 70), sandboxtest.Image(t))
	spec := b.Spec("cat", "/some/where/file")
	spec.Mounts = []slipway.Mount{{Source: merged, Target: "/some/where", ReadOnly: true}}
	if out := b.OutputOf(t, spec); !strings.Contains(out, "of the host") {
		t.Errorf("the sandbox read %q", out)
	}
	spec.ID += "-rw"
	spec.Mounts[0].ReadOnly = false
	if _, err := b.Launcher.Create(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "cannot map owners") {
		t.Errorf("to be written to: %v", err)
	}
}

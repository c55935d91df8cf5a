package sandboxtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// testWalls tries to get more of the kernel than a sandbox is given.
func testWalls(t *testing.T, b *Bench) {
	t.Run("nothing of the kernel can be written", func(t *testing.T) {
		if out := b.Output(t, "writable", "/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/sys"); out != "" {
			t.Errorf("these files can be opened for writing:\n%s", out)
		}
	})
	t.Run("kernel's secrets and schedule", func(t *testing.T) {
		out := b.Output(t, "kernel")
		wantLines(t, out, "priority: permission denied", "real time: operation not permitted", "oom score: permission denied",
			"kernel's addresses:  <nil>",
			"raise limit of files: operation not permitted", "raise limit of sigpending: operation not permitted",
			"raise limit of msgqueue: operation not permitted", "raise limit of core: operation not permitted",
			"raise limit of nice: operation not permitted", "raise limit of rtprio: operation not permitted")
		if strings.Contains(out, "kernel's log: <nil>") {
			t.Errorf("the kernel's log can be read:\n%s", out)
		}
	})
	t.Run("privileges are not had again", func(t *testing.T) {
		out := b.Output(t, "regain", "/payload")
		wantLines(t, out, "capset: operation not permitted", "ambient: operation not permitted",
			"no_new_privs off: invalid argument", "seccomp off: invalid argument")
	})
	t.Run("programs with privileges give none", func(t *testing.T) {
		spec := b.Spec("regain", "/setuid", "/capable")
		spec.Layers = append(spec.Layers, privileged(t, filepath.Join(b.Layers[0], "payload")))
		spec.User = "app"
		out := b.OutputOf(t, spec)
		wantLines(t, out, "/setuid: uid 1000 capabilities 0000000000000000 <nil>")
		if strings.Count(out, "uid ") != strings.Count(out, "uid 1000 capabilities 0000000000000000") {
			t.Errorf("a program gave privileges:\n%s", out) // the other may be refused altogether
		}
	})
	t.Run("network below connections", func(t *testing.T) {
		out := b.Output(t, "spoof")
		for _, what := range []string{"packets", "raw IPv4", "raw IPv6", "transparent", "mark", "force buffers", "address", "hardware address", "interface down", "arp"} {
			wantLines(t, out, what+": operation not permitted")
		}
		if strings.Contains(out, "vsock: <nil>") {
			t.Errorf("sockets to the machine's host can be made:\n%s", out)
		}
	})
}

// privileged is a layer with two programs that the kernel would give privileges to: one
// runs as root, the other holds every capability.
func privileged(t *testing.T, program string) string {
	t.Helper()
	layer := Layer(t, nil)
	setuid, capable := filepath.Join(layer, "setuid"), filepath.Join(layer, "capable")
	copyProgram(t, program, setuid)
	copyProgram(t, program, capable)
	if err := os.Chmod(setuid, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	// struct vfs_cap_data, version 2, effective: permitted and inheritable, low and high.
	all := []byte{1, 0, 0, 2, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 255, 1, 0, 0}
	if err := unix.Setxattr(capable, "security.capability", all, 0); err != nil {
		t.Fatal(err)
	}
	return layer
}

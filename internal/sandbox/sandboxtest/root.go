package sandboxtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
)

// testRoot is about the root filesystem.
func testRoot(t *testing.T, b *Bench) {
	t.Run("layers", func(t *testing.T) { testLayers(t, b) })
	t.Run("many layers", func(t *testing.T) {
		spec := b.Spec("cat", "/top", "/n0", "/n119")
		for i := range 120 {
			spec.Layers = append(spec.Layers, Layer(t, map[string]string{fmt.Sprintf("n%d", i): fmt.Sprintf("%d\n", i), "top": fmt.Sprintf("top %d\n", i)}))
		}
		spec.Layers = append(spec.Layers, spec.Layers[0]) // an image may hold the same layer twice
		wantLines(t, b.OutputOf(t, spec), "top 119", "0", "119")
	})
	t.Run("image is not changed", func(t *testing.T) {
		spec := b.Spec("write", "/etc/passwd", "changed")
		b.OutputOf(t, spec)
		if text, err := os.ReadFile(filepath.Join(b.Layers[0], "etc/passwd")); err != nil || string(text) == "changed" {
			t.Errorf("the layer was written to: %q, %v", text, err)
		}
	})
	t.Run("owners", func(t *testing.T) {
		wantLines(t, b.Output(t, "stat", "/", "/payload", "/tmp", "/etc/hosts"),
			"/ 40755 0:0", "/payload 100755 0:0", "/tmp 41777 0:0", "/etc/hosts 100644 0:0")
	})
	t.Run("names of the machine", func(t *testing.T) {
		spec := b.Spec("cat", "/etc/hostname", "/etc/hosts", "/proc/sys/kernel/hostname")
		spec.Hostname = "some-name"
		wantLines(t, b.OutputOf(t, spec), "some-name", "127.0.0.1\tlocalhost some-name")
	})
	t.Run("links in the image lead nowhere", func(t *testing.T) {
		spec := b.Spec("cat", "/etc/hostname")
		layer := Layer(t, nil)
		victim := filepath.Join(t.TempDir(), "victim")
		if err := errors.Join(os.WriteFile(victim, []byte("untouched"), 0o644), os.Symlink(filepath.Dir(victim), filepath.Join(layer, "etc"))); err != nil {
			t.Fatal(err)
		}
		spec.Layers = append(spec.Layers, layer)
		spec.Mounts = []slipway.Mount{{Source: t.TempDir(), Target: "/etc/victim"}}
		b.OutputOf(t, spec)
		if text, err := os.ReadFile(victim); err != nil || string(text) != "untouched" {
			t.Errorf("a file of the host was reached: %q, %v", text, err)
		}
	})
	t.Run("devices", func(t *testing.T) {
		wantLines(t, b.Output(t, "devices"),
			"null read: EOF write: <nil>", "zero read: <nil> write: <nil>", "full read: <nil> write: no space left on device",
			"urandom read: <nil> write: <nil>", "ptmx <nil> true", "shm", "pts", "fd", "stdin", "stdout", "stderr", "tty")
	})
	t.Run("mounts", func(t *testing.T) { testMounts(t, b) })
	t.Run("folders", func(t *testing.T) { testFolders(t, b) })
}

func testLayers(t *testing.T, b *Bench) {
	low := Layer(t, map[string]string{"d/kept": "low\n", "d/replaced": "low\n", "d/removed": "low\n", "opaque/hidden": "low\n"})
	high := Layer(t, map[string]string{"d/replaced": "high\n", "opaque/seen": "high\n"})
	opaque := filepath.Join(high, "opaque")
	err := unix.Setxattr(opaque, "trusted.overlay.opaque", []byte("y"), 0)
	if errors.Is(err, unix.EPERM) { // not root of the machine
		err = unix.Setxattr(opaque, "user.overlay.opaque", []byte("y"), 0)
	}
	if err = errors.Join(err, unix.Mknod(filepath.Join(high, "d/removed"), unix.S_IFCHR, 0)); err != nil {
		t.Fatal(err)
	}
	spec := b.Spec("cat", "/d/kept", "/d/replaced")
	spec.Layers = append(spec.Layers, low, high)
	if out := b.OutputOf(t, spec); out != "low\nhigh\n" {
		t.Errorf("%q", out)
	}
	for dir, want := range map[string]string{"/d": "kept replaced", "/opaque": "seen"} {
		spec := b.Spec("ls", dir)
		spec.Layers = append(spec.Layers, low, high)
		if out := strings.Join(strings.Fields(b.OutputOf(t, spec)), " "); out != want {
			t.Errorf("%s holds %q, want %q", dir, out, want)
		}
	}
}

func testMounts(t *testing.T, b *Bench) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("of the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	spec := func(readOnly bool, args ...string) slipway.SandboxSpec {
		s := b.Spec(args...)
		s.Mounts = []slipway.Mount{{Source: dir, Target: "/some/where", ReadOnly: readOnly}, {Source: file, Target: "/one-file", ReadOnly: true}}
		return s
	}
	wantLines(t, b.OutputOf(t, spec(true, "cat", "/some/where/file", "/one-file")), "of the host")
	wantLines(t, b.OutputOf(t, spec(true, "stat", "/one-file")), "/one-file 100644 0:0")
	if out, exit := b.Run(t, spec(true, "write", "/some/where/new", "x")); exit.Success() || !strings.Contains(out, "read-only") {
		t.Errorf("writing to a read-only mount: %s %s", exit, out)
	}
	b.OutputOf(t, spec(false, "write", "/some/where/new", "x"))
	var st syscall.Stat_t
	if err := syscall.Stat(filepath.Join(dir, "new"), &st); err != nil || st.Uid != 0 {
		t.Errorf("a file that root wrote in the sandbox: owner %d, %v", st.Uid, err)
	}
	s := b.Spec("id")
	s.Mounts = []slipway.Mount{{Source: filepath.Join(dir, "missing"), Target: "/x"}}
	if err := b.startError(t, s); !errors.Is(err, slipway.ErrNotFound) || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a source that does not exist: %v", err)
	}
}

// testFolders has users other than root write to folders that the image lacks, and reads
// what they left after their end.
func testFolders(t *testing.T, b *Bench) {
	spec := b.Spec("write", "/job/output/result", "left behind")
	spec.User, spec.Folders = "app", []string{"/job/output"}
	p := b.Start(t, spec)
	if exit := p.Wait(t); !exit.Success() {
		t.Fatal(exit)
	}
	lasting, ok := p.Sandbox.(slipway.Lasting)
	if !ok {
		t.Fatal("the files of a sandbox cannot be read after its end")
	}
	folder, err := lasting.OpenFolder("/job/output")
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if names, err := folder.Readdirnames(-1); err != nil || len(names) != 1 || names[0] != "result" {
		t.Errorf("the folder holds %q: %v", names, err)
	}
	if _, err := lasting.OpenFolder("/job/nowhere"); !errors.Is(err, slipway.ErrNotFound) {
		t.Errorf("a folder that is not there: %v", err)
	}
	for target, want := range map[string]string{
		"/etc": "/job/output 40777 0:0", "../../../../../../../..": "/job/output 40777 0:0", "/payload": "/job 120777 0:0",
	} {
		layer := Layer(t, nil)
		if err := os.Symlink(target, filepath.Join(layer, "job")); err != nil {
			t.Fatal(err)
		}
		spec := b.Spec("stat", strings.Fields(want)[0])
		spec.Layers, spec.Folders = append(spec.Layers, layer), []string{"/job/output"}
		wantLines(t, b.OutputOf(t, spec), want)
	}
}

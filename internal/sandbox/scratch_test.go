package sandbox_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
)

// TestNativeDisk runs the suite with scratch on disk.
func TestNativeDisk(t *testing.T) {
	n := 4000
	sandboxtest.Run(t, func(t *testing.T) slipway.Launcher {
		n++
		return newNativeOf(t, n, sandbox.Config{Scratch: sandbox.ScratchDisk})
	})
}

// TestDiskStaged runs a sandbox with scratch on disk as on kernels that cannot lay
// overlays in place.
func TestDiskStaged(t *testing.T) {
	native := newNativeOf(t, 4100, sandbox.Config{Scratch: sandbox.ScratchDisk})
	if err := native.Stage(); err != nil {
		t.Fatal(err)
	}
	b := sandboxtest.NewBench(native, sandboxtest.Image(t))
	fills(t, b, 64, 128)
}

// TestDiskHasResolvers: a disk that is made when its size is known, and one that takes the
// place of another, know them.
func TestDiskHasResolvers(t *testing.T) {
	egress := sandbox.EgressFunc(func(context.Context, string, int) (sandbox.Link, error) { return new(link), nil })
	for i, shells := range []int{-1, 2} {
		native := newNativeOf(t, 4110+i, sandbox.Config{Scratch: sandbox.ScratchDisk, Shells: shells, Egress: egress})
		if err := native.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if shells > 0 {
			waitForShells(t, 4110+i, 2*shells)
		}
		b := sandboxtest.NewBench(native, sandboxtest.Image(t))
		for _, megabytes := range []int{0, 64} {
			spec := b.Spec("cat", "/etc/resolv.conf")
			spec.EphemeralMB, spec.Network = megabytes, slipway.NetworkEgress
			if out := b.OutputOf(t, spec); !strings.Contains(out, "nameserver 10.1.2.3\n") {
				t.Errorf("%d shells, %d MiB: %q", shells, megabytes, out)
			}
		}
	}
}

// TestDiskIsNotMemory: more can be written to a disk than the sandbox has memory.
func TestDiskIsNotMemory(t *testing.T) {
	b := sandboxtest.NewBench(newNativeOf(t, 4101, sandbox.Config{Scratch: sandbox.ScratchDisk}), sandboxtest.Image(t))
	fills(t, b, 64, 32)
}

// fills writes to a disk until it is full.
func fills(t *testing.T, b *sandboxtest.Bench, ephemeralMB, memoryMB int) {
	t.Helper()
	spec := b.Spec("fill", "/tmp/big")
	spec.EphemeralMB, spec.MemoryMB = ephemeralMB, memoryMB
	if out := b.OutputOf(t, spec); out != "full at 64 no space left on device\n" {
		t.Errorf("a disk of %d MiB: %s", ephemeralMB, out)
	}
}

// TestDiskLeavesNothing looks for loop devices, which are all that a disk has a name by.
func TestDiskLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	native := newNativeOf(t, 4102, sandbox.Config{Scratch: sandbox.ScratchDisk, Dir: dir})
	b := sandboxtest.NewBench(native, sandboxtest.Image(t))
	for _, megabytes := range []int{0, 16, 64} {
		spec := b.Spec("pause")
		spec.EphemeralMB = megabytes
		p := b.Start(t, spec)
		p.Expect(t, "paused")
		if len(disksIn(t, dir)) == 0 {
			t.Fatal("no loop device has a file there: the test looks in the wrong place")
		}
	}
	if err := native.Close(); err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, "no loop device is left", func() bool { return len(disksIn(t, dir)) == 0 })
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "lock" {
		t.Errorf("files are left: %v, %v", entries, err)
	}
}

// disksIn are the loop devices with a file in a folder.
func disksIn(t *testing.T, dir string) (found []string) {
	t.Helper()
	names, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if file, _ := os.ReadFile(name); strings.HasPrefix(string(file), dir) { // it may have ended
			found = append(found, name)
		}
	}
	return found
}

// TestHostDiskIsFull: what the host has no room for is refused in plain words, and what
// others have written stays.
func TestHostDiskIsFull(t *testing.T) {
	dir := smallDisk(t, "40m")
	native := newNativeOf(t, 4103, sandbox.Config{Scratch: sandbox.ScratchDisk, Dir: dir, Shells: -1})
	b := sandboxtest.NewBench(native, sandboxtest.Image(t))

	spec := b.Spec("id")
	spec.EphemeralMB = 64
	_, err := native.Create(t.Context(), spec)
	if !errors.Is(err, slipway.ErrUnavailable) || !strings.Contains(err.Error(), "disk is full: "+dir) {
		t.Errorf("a disk of 64 MiB where there are 40: %v", err)
	}

	keeper := b.Spec("keep", "/tmp/kept", "12")
	keeper.EphemeralMB = 24
	kept := b.Start(t, keeper)
	kept.Expect(t, "written")
	hog := b.Spec("fill", "/tmp/big")
	hog.EphemeralMB = 24
	b.Run(t, hog) // more than is left; how it ends is its own affair
	if _, err := kept.Stdin.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	kept.Expect(t, "the same")
	if exit := kept.Wait(t); !exit.Success() {
		t.Errorf("the neighbour of one that filled the disk: %s", exit)
	}
}

// smallDisk is a folder on a filesystem of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sandboxtest.Eventually(t, "the disks of sandboxes are gone", func() bool { return len(disksIn(t, dir)) == 0 })
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestScratchThatCannotBe(t *testing.T) {
	_, err := sandbox.New(sandbox.Config{Dir: t.TempDir(), Name: "slipway-x", Scratch: "tape"}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, slipway.ErrInvalid) {
		t.Errorf("%v", err)
	}
	dir := smallDisk(t, "8m")
	_, err = sandbox.New(sandbox.Config{Dir: dir, Name: nameOf(4104), Scratch: sandbox.ScratchDisk}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "8 MiB are free") {
		t.Errorf("a server with 8 MiB of disk: %v", err)
	}
}

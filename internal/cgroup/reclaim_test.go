package cgroup_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/zram"
)

// hoard is a process of a group that holds some memory, and can be asked for it.
type hoard struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

// hoarded is what a hoard holds at least, in bytes.
const hoarded = 4 << 20

func newHoard(t *testing.T, g *cgroup.Group) *hoard {
	t.Helper()
	c := exec.Command("/bin/sh", "-c", `read go; x=yes; while [ ${#x} -lt 4194304 ]; do x=$x$x; done; echo full
		while read ask; do case $x in *[!yes]*) echo broken ;; yesyes*) echo whole ;; esac; done`)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = c.Process.Kill(); _ = c.Wait() })
	if err := g.Add(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	h := &hoard{in, bufio.NewScanner(out)}
	h.ask(t, "full")
	return h
}

// ask expects an answer of the process.
func (h *hoard) ask(t *testing.T, want string) {
	t.Helper()
	if _, err := io.WriteString(h.in, "\n"); err != nil {
		t.Fatal(err)
	}
	if !h.out.Scan() || h.out.Text() != want {
		t.Fatalf("the process says %q, want %q, %v", h.out.Text(), want, h.out.Err())
	}
}

func TestReclaim(t *testing.T) {
	_, g := newGroup(t, cgroup.Limits{Memory: 64 << 20})
	testReclaim(t, g)
}

// testReclaim moves a frozen process's memory to swap and lets it look for it.
func testReclaim(t *testing.T, g *cgroup.Group) {
	t.Helper()
	there := zram.ForTest(t, 128<<20)
	h := newHoard(t, g)
	for range 2 {
		if err := g.Freeze(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := usage(t, g).Memory
		freed, err := g.Reclaim(t.Context())
		switch after := usage(t, g).Memory; {
		case err != nil:
			t.Fatal(err)
		case there && (freed < hoarded || before-after < hoarded):
			t.Errorf("%d bytes were given back of %d; %d are left", freed, before, after)
		case !there && freed != 0:
			t.Errorf("%d bytes were given back without swap", freed)
		}
		if err := g.Thaw(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.ask(t, "whole")
	}
}

func TestReclaimEndsWithItsContext(t *testing.T) {
	_, g := newGroup(t, cgroup.Limits{})
	if !zram.ForTest(t, 128<<20) {
		return // there is nothing to be ended
	}
	h := newHoard(t, g)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Reclaim(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	h.ask(t, "whole")
}

// TestReclaimV2 looks at what the kernel is told, and that the bound on swap is put back.
func TestReclaimV2(t *testing.T) {
	if !zram.ForTest(t, 128<<20) {
		return
	}
	s, root := newV2(t, "cpu memory pids\n")
	g, err := s.New("slipway-x/one", cgroup.Limits{Memory: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if freed, err := g.Reclaim(t.Context()); err != nil || freed != 0 {
		t.Errorf("%d, %v", freed, err)
	}
	for file, want := range map[string]string{"memory.reclaim": "4096 swappiness=max", "memory.swap.max": "0ax"} { // an imitation of "0" written over "max"
		if b, err := os.ReadFile(filepath.Join(root, "slipway-x/one", file)); err != nil || string(b) != want {
			t.Errorf("%s holds %q, want %q, %v", file, b, want, err)
		}
	}
}

func TestAnonymous(t *testing.T) {
	for line, want := range map[string]string{
		"7f2c8000000-7f2c8021000 rw-p 00000000 00:00 0":                      "7f2c8000000-7f2c8021000",
		"55d0-55e0 rw-p 00000000 00:00 0                          [heap]":    "55d0-55e0",
		"55d0-55e0 ---p 00000000 00:00 0":                                    "none",
		"55d0-55e0 rw-s 00000000 00:01 7          /dev/zero (deleted)":       "none",
		"55d0-55e0 r-xp 00000000 fe:00 131        /usr/bin/python3":          "none",
		"7ffd-7fff r-xp 00000000 00:00 0                          [vdso]":    "none",
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]": "none",
		"55e0-55d0 rw-p 00000000 00:00 0":                                    "none",
		"x-y rw-p 00000000 00:00 0":                                          "none",
		"":                                                                   "none",
	} {
		got := "none"
		if from, to, ok := cgroup.Anonymous(line); ok {
			got = fmt.Sprintf("%x-%x", from, to)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

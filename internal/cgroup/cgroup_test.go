package cgroup_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/cgroup"
)

// newGroup makes a group on this machine that ends with the test, and its parent.
func newGroup(t *testing.T, limits cgroup.Limits) (*cgroup.System, *cgroup.Group) {
	t.Helper()
	s, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	return s, groupIn(t, s, limits)
}

func groupIn(t testing.TB, s *cgroup.System, limits cgroup.Limits) *cgroup.Group {
	t.Helper()
	parent := fmt.Sprintf("slipway-cgtest-%d-%d", os.Getpid(), time.Now().UnixNano())
	g, err := s.New(parent+"/one", limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(g.Kill(ctx), g.Remove(ctx), s.Open(parent).Remove(ctx)); err != nil {
			t.Error(err)
		}
	})
	return g
}

// spin starts a process that uses the cpu, in the group.
func spin(t *testing.T, g *cgroup.Group) *exec.Cmd {
	t.Helper()
	c := exec.Command("/bin/sh", "-c", "while :; do :; done")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	if err := g.Add(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGroup(t *testing.T) {
	s, g := newGroup(t, cgroup.Limits{CPU: 0.5, Memory: 64 << 20, PIDs: 10})
	if _, err := s.New(g.Name(), cgroup.Limits{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second group of the name: %v", err)
	}
	names, err := s.List(parentOf(g))
	if err != nil || len(names) != 1 || names[0] != g.Name() {
		t.Errorf("list: %v, %v", names, err)
	}
	if names, err := s.List("slipway-there-is-none"); err != nil || len(names) > 0 {
		t.Errorf("list of nothing: %v, %v", names, err)
	}
	spin(t, g)
	await(t, "cpu time is counted", func() bool { return usage(t, g).CPU > 10*time.Millisecond })
	if u := usage(t, g); u.PIDs != 1 || u.Memory < 0 || u.MemoryPeak < u.Memory || u.OOMKills != 0 {
		t.Errorf("%+v", u)
	}
	if threads, err := g.Threads(); err != nil || len(threads) != 1 {
		t.Errorf("threads: %v, %v", threads, err)
	}
}

func TestKillAndRemove(t *testing.T) {
	s, g := newGroup(t, cgroup.Limits{})
	testKill(t, g)
	if err := g.Kill(t.Context()); err != nil {
		t.Errorf("kill an empty group: %v", err)
	}
	if err := errors.Join(g.Remove(t.Context()), g.Remove(t.Context()), g.Kill(t.Context())); err != nil {
		t.Errorf("remove and kill what is removed: %v", err)
	}
	if names, err := s.List(parentOf(g)); err != nil || len(names) > 0 {
		t.Errorf("left: %v, %v", names, err)
	}
}

func TestRemoveWaits(t *testing.T) {
	_, g := newGroup(t, cgroup.Limits{})
	spin(t, g)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Remove(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("remove a group that is in use: %v", err)
	}
}

func TestFreeze(t *testing.T) {
	_, g := newGroup(t, cgroup.Limits{})
	testFreeze(t, g)
}

// testKill kills several processes, the last of them frozen.
func testKill(t *testing.T, g *cgroup.Group) {
	t.Helper()
	processes := []*exec.Cmd{spin(t, g), spin(t, g), spin(t, g)}
	if err := g.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if err := p.Wait(); err == nil || p.ProcessState.Success() {
			t.Errorf("%s ended with %v", p, err)
		}
	}
}

func testFreeze(t *testing.T, g *cgroup.Group) {
	t.Helper()
	spin(t, g)
	for range 3 {
		if err := errors.Join(g.Freeze(t.Context()), g.Freeze(t.Context())); err != nil {
			t.Fatal(err)
		}
		before := usage(t, g).CPU
		if after := usage(t, g).CPU; after != before {
			t.Errorf("it ran %v while frozen", after-before)
		}
		if err := errors.Join(g.Thaw(t.Context()), g.Thaw(t.Context())); err != nil {
			t.Fatal(err)
		}
		await(t, "it runs again", func() bool { return usage(t, g).CPU > before })
	}
}

func TestMemoryLimit(t *testing.T) {
	_, g := newGroup(t, cgroup.Limits{Memory: 16 << 20})
	c := exec.Command("/bin/sh", "-c", `read go; x=x; while :; do x="$x$x"; done`)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Add(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	in.Close() // go
	if err := c.Wait(); err == nil {
		t.Error("it was not killed")
	}
	await(t, "the kill is counted", func() bool { n, err := g.OOMKills(); return err == nil && n > 0 })
}

func TestPIDsLimit(t *testing.T) {
	_, g := newGroup(t, cgroup.Limits{PIDs: 1})
	c := exec.Command("/bin/sh", "-c", "read go; /bin/true; exit 0")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Add(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if err := c.Wait(); err == nil {
		t.Error("a second process was made")
	}
}

func usage(t *testing.T, g *cgroup.Group) cgroup.Usage {
	t.Helper()
	u, err := g.Usage()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func parentOf(g *cgroup.Group) string { return path.Dir(g.Name()) }

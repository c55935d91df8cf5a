package cgroup_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/slipway-run/slipway/internal/cgroup"
)

// TestNone does with a group of nothing all that a sandbox does.
func TestNone(t *testing.T) {
	s := cgroup.None()
	if can := s.Abilities(); can != (cgroup.Abilities{}) {
		t.Errorf("it says that it can do %+v", can)
	}
	g, err := s.New("slipway-x/one", cgroup.Limits{CPU: 1, Memory: 1 << 20, PIDs: 3})
	if err != nil {
		t.Fatal(err)
	}
	born, err := g.CloneInto()
	if born != nil || err != nil {
		t.Errorf("born in %v, %v", born, err)
	}
	joins, err := g.Joins()
	if len(joins) > 0 || err != nil {
		t.Errorf("joins %v, %v", joins, err)
	}
	if err := g.Limit(cgroup.Limits{CPU: 2, Memory: 1 << 20, PIDs: 3}); err != nil {
		t.Errorf("limits are left out: %v", err)
	}
	if err := g.Freeze(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("freeze: %v", err)
	}
	if u, err := g.Usage(); err != nil || u != (cgroup.Usage{}) {
		t.Errorf("usage %+v, %v", u, err)
	}
	if threads, err := g.Threads(); err != nil || len(threads) > 0 {
		t.Errorf("threads %v, %v", threads, err)
	}
	if freed, err := g.Reclaim(t.Context()); err != nil || freed != 0 {
		t.Errorf("reclaimed %d, %v", freed, err)
	}
	if err := errors.Join(g.Kill(t.Context()), g.Remove(t.Context())); err != nil {
		t.Errorf("kill and remove: %v", err)
	}
	if names, err := s.List("slipway-x"); err != nil || len(names) > 0 {
		t.Errorf("list: %v, %v", names, err)
	}
}

// TestDelegatedLimits has a group of which one controller was given.
func TestDelegatedLimits(t *testing.T) {
	s, root := newV2(t, "pids\n")
	cgroup.Lenient(s)
	if want := (cgroup.Abilities{PIDs: true, Freeze: true, Groups: true}); s.Abilities() != want {
		t.Errorf("it can do %+v, want %+v", s.Abilities(), want)
	}
	if _, err := s.New("slipway-x/one", cgroup.Limits{CPU: 1, Memory: 1 << 20, PIDs: 3}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(root, "slipway-x/one/pids.max")); err != nil || string(b) != "3" {
		t.Errorf("pids.max is %q, %v", b, err)
	}
}

// TestStepAside moves the server and the process that started it, and nobody else, so
// that the group can have children with limits.
func TestStepAside(t *testing.T) {
	s, root := newV2(t, "pids\n")
	procs := filepath.Join(root, "cgroup.procs")
	if err := os.WriteFile(procs, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := cgroup.StepAside(s); err != nil {
		t.Fatal(err)
	}
	found, err := os.ReadDir(root)
	if err != nil || !slices.ContainsFunc(found, func(e os.DirEntry) bool { return e.IsDir() && e.Name() == "slipway-server" }) {
		t.Errorf("there is no group for the server: %v, %v", found, err)
	}
	if b, err := os.ReadFile(filepath.Join(root, "slipway-server", "cgroup.procs")); err != nil || len(b) > 0 {
		t.Errorf("process 1 was moved: %q, %v", b, err)
	}
}

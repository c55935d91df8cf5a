package cgroup_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/cgroup"
)

// withoutV2 is this machine's table of mounts without the v2 hierarchy.
func withoutV2(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, " - cgroup2 ") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// TestV1 uses the hierarchies of v1 alone, where this machine has them.
func TestV1(t *testing.T) {
	s, err := cgroup.Parse(withoutV2(t), nil, nil)
	if err != nil {
		return // a machine with v2 only
	}
	if want := "memory v1, cpu v1, pids v1, freeze v1, kill none"; s.String() != want {
		t.Errorf("%s, want %s", s, want)
	}
	t.Run("background", func(t *testing.T) { testBackground(t, groupIn(t, s, cgroup.Limits{Background: true})) })
	t.Run("freeze", func(t *testing.T) { testFreeze(t, groupIn(t, s, cgroup.Limits{PIDs: 10})) })
	t.Run("kill", func(t *testing.T) { testKill(t, groupIn(t, s, cgroup.Limits{})) })
	t.Run("meter", func(t *testing.T) { testMeter(t, s, groupIn(t, s, cgroup.Limits{Memory: 64 << 20})) })
	t.Run("reclaim", func(t *testing.T) { testReclaim(t, groupIn(t, s, cgroup.Limits{Memory: 64 << 20})) })
}

func TestDetect(t *testing.T) {
	for name, c := range map[string]struct{ mountinfo, want string }{
		"v1":         {"1 0 0:1 / /c/cpu rw - cgroup cgroup rw,cpu,cpuacct\n2 0 0:2 / /c/memory rw - cgroup cgroup rw,memory\n", "memory v1, cpu v1, pids none, freeze none, kill none"},
		"hybrid":     {"1 0 0:1 / /c/cpu rw shared:9 - cgroup cgroup rw,cpu\n2 0 0:2 / /none rw - cgroup2 cgroup2 rw\n", "memory none, cpu v1, pids none, freeze v2, kill v2"},
		"other ones": {"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 0 0:2 / /c/freezer rw - cgroup cgroup rw,freezer\nshort\n", "memory none, cpu none, pids none, freeze v1, kill none"},
	} {
		s, err := cgroup.Parse(c.mountinfo, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if s.String() != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
	if s, err := cgroup.Parse("1 0 0:1 / / rw - ext4 /dev/vda rw\n", nil, nil); err == nil {
		t.Errorf("a machine without control groups: %s", s)
	}
}

// newV2 imitates a machine with v2 only.
func newV2(t *testing.T, controllers string) (s *cgroup.System, root string) {
	t.Helper()
	root = t.TempDir()
	files := map[string]string{
		"cgroup.controllers": controllers, "cgroup.subtree_control": "", "cgroup.procs": "", "cgroup.threads": "12\n13\n",
		"cgroup.kill": "", "cgroup.freeze": "", "cgroup.events": "populated 0\nfrozen 1\n", "memory.max": "", "memory.swap.max": "", "memory.oom.group": "", "memory.reclaim": "",
		"memory.current": "4096\n", "memory.peak": "8192\n", "memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 1\n",
		"cpu.max": "", "cpu.weight": "", "cpu.stat": "usage_usec 1500\nuser_usec 1000\n", "pids.max": "", "pids.current": "3\n",
	}
	fill := func(dir string) error {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
		return nil
	}
	empty := func(dir string) error {
		for name := range files {
			_ = os.Remove(filepath.Join(dir, name)) // the folder may be gone already
		}
		return nil
	}
	if err := fill(root); err != nil {
		t.Fatal(err)
	}
	s, err := cgroup.Parse(fmt.Sprintf("1 0 0:1 / %s rw - cgroup2 cgroup2 rw\n", root), fill, empty)
	if err != nil {
		t.Fatal(err)
	}
	return s, root
}

func TestV2(t *testing.T) {
	s, root := newV2(t, "cpuset cpu io memory pids\n")
	if want := "memory v2, cpu v2, pids v2, freeze v2, kill v2"; s.String() != want {
		t.Fatalf("%s, want %s", s, want)
	}
	g, err := s.New("slipway-x/one", cgroup.Limits{CPU: 1.5, Memory: 1 << 30, PIDs: 7})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Add(42); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"cpu.max": "150000 100000", "memory.max": "1073741824", "memory.swap.max": "0", "memory.oom.group": "1", "pids.max": "7", "cgroup.procs": "42",
	} {
		if b, err := os.ReadFile(filepath.Join(root, "slipway-x/one", file)); err != nil || string(b) != want {
			t.Errorf("%s holds %q, want %q, %v", file, b, want, err)
		}
	}
	if u := usage(t, g); u != (cgroup.Usage{CPU: 1500e3, Memory: 4096, MemoryPeak: 8192, PIDs: 3, OOMKills: 2}) {
		t.Errorf("%+v", u)
	}
	if threads, err := g.Threads(); err != nil || fmt.Sprint(threads) != "[12 13]" {
		t.Errorf("%v, %v", threads, err)
	}
	if err := g.Freeze(t.Context()); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(filepath.Join(root, "slipway-x/one/cgroup.freeze")); err != nil || string(b) != "1" {
		t.Errorf("cgroup.freeze holds %q, %v", b, err)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Error(err)
	}
	if names, err := s.List("slipway-x"); err != nil || len(names) > 0 {
		t.Errorf("left: %v, %v", names, err)
	}
}

// TestHalfMadeParent finds the parent of an owner that died before its children could
// get controllers from it.
func TestHalfMadeParent(t *testing.T) {
	s, root := newV2(t, "cpu memory pids\n")
	passedOn := filepath.Join(root, "slipway-x", "cgroup.subtree_control")
	if err := os.Mkdir(filepath.Dir(passedOn), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(passedOn, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.New("slipway-x/one", cgroup.Limits{PIDs: 7}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(passedOn); err != nil || len(b) == 0 {
		t.Errorf("nothing is passed on: %q, %v", b, err)
	}
}

// testBackground holds of a group of this machine that it gives way.
func testBackground(t *testing.T, g *cgroup.Group) {
	t.Helper()
	file, want := g.CPUFile("cpu.idle"), "1"
	if _, err := os.Stat(file); err != nil { // before Linux 5.15
		file, want = g.CPUFile("cpu.shares"), "2"
	}
	if b, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(b)) != want {
		t.Errorf("%s holds %q, want %s, %v", file, b, want, err)
	}
	if err := errors.Join(g.Foreground(), g.Foreground()); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(b)) == want {
		t.Errorf("%s holds %q in the foreground, %v", file, b, err)
	}
}

func TestBackground(t *testing.T) {
	t.Run("a kernel without idle groups", func(t *testing.T) {
		s, root := newV2(t, "cpu\n")
		if _, err := s.New("slipway-x/one", cgroup.Limits{Background: true}); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(root, "slipway-x/one/cpu.weight")); err != nil || string(b) != "1" {
			t.Errorf("cpu.weight holds %q, %v", b, err)
		}
	})
	t.Run("an ordinary user without the controller", func(t *testing.T) {
		if _, err := cgroup.None().New("slipway-x/one", cgroup.Limits{Background: true}); err != nil {
			t.Error(err)
		}
	})
}

func TestLimitThatCannotBeEnforced(t *testing.T) {
	s, _ := newV2(t, "cpu\n")
	for name, l := range map[string]cgroup.Limits{"memory": {Memory: 1 << 20}, "pids": {PIDs: 1}} {
		_, err := s.New("slipway-x/"+name, l)
		if err == nil || !strings.Contains(err.Error(), "this machine has no") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names, err := s.List("slipway-x"); err != nil || len(names) > 0 {
		t.Errorf("left: %v, %v", names, err)
	}
}

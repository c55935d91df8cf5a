package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/cgroup"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
)

// count is the number of entries of a folder, or of words of a file.
func count(t *testing.T, path string) int {
	t.Helper()
	if entries, err := os.ReadDir(path); err == nil {
		return len(entries)
	}
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return len(strings.Fields(string(b)))
}

func groupsOf(t *testing.T, n int) []string {
	t.Helper()
	system, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	names, err := system.List(nameOf(n))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// ownerEnv makes the test's program an owner of sandboxes that waits to be killed: its
// value is "folder name layer".
const ownerEnv = "SANDBOX_TEST_OWNER"

func TestOwnerKilled(t *testing.T) {
	dir, name, layer := t.TempDir(), fmt.Sprintf("slipway-test-%d-owner", os.Getpid()), sandboxtest.Image(t)
	owner := exec.Command("/proc/self/exe", "-test.run=^TestOwner$")
	owner.Env = append(os.Environ(), ownerEnv+"="+strings.Join([]string{dir, name, layer}, " "))
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		t.Log(lines.Text())
	}
	if len(disksIn(t, dir)) == 0 {
		t.Error("the owner had no disks")
	}
	shells := shellsOf(owner.Process.Pid)
	if len(shells) != 3 { // one is the sandbox that was not started
		t.Errorf("the owner had %d shells", len(shells))
	}
	if all := processesOf(t, name); len(all) != len(shells)+4 { // the ones that pause, and the frozen one
		t.Errorf("the owner had the processes %v", all)
	}
	cfg := sandbox.Config{Dir: dir, Name: name}
	if _, err := sandbox.New(cfg, slog.New(slog.DiscardHandler)); !errors.Is(err, slipway.ErrConflict) {
		t.Errorf("a second owner of the name: %v", err)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // it was killed
	sandboxtest.Eventually(t, "the kernel ends what is not frozen", func() bool { return len(processesOf(t, name)) <= 1 })
	for _, shell := range shells {
		sandboxtest.Eventually(t, "the kernel ends the shells", func() bool { return commOf(shell) != shellName })
	}

	cfg.Shells = -1
	native, err := sandbox.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer native.Close()
	if err := native.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	system, err := cgroup.Detect()
	if err != nil {
		t.Fatal(err)
	}
	if left, err := system.List(name); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if left := processesOf(t, name); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	sandboxtest.Eventually(t, "its disks are gone", func() bool { return len(disksIn(t, dir)) == 0 })
	bench := sandboxtest.NewBench(native, layer)
	bench.Output(t, "id")
}

// TestOwner is the owner that TestOwnerKilled kills; alone it has nothing to do.
func TestOwner(t *testing.T) {
	args := strings.Fields(os.Getenv(ownerEnv))
	if len(args) != 3 {
		return
	}
	native, err := sandbox.New(sandbox.Config{Dir: args[0], Name: args[1], Shells: 2, Scratch: sandbox.ScratchDisk}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := native.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	bench := sandboxtest.NewBench(native, args[2])
	for range 3 {
		bench.Start(t, bench.Spec("pause")).Expect(t, "paused")
	}
	frozen := bench.Start(t, bench.Spec("spin"))
	frozen.Expect(t, "spinning")
	if err := frozen.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	bench.Create(t, bench.Spec("pause")) // made, not started
	sandboxtest.Eventually(t, "the stock is full", func() bool { return len(shellsOf(os.Getpid())) == 3 })
	fmt.Println("\nready")
	<-make(chan struct{})
}

// processesOf are the processes in the control groups of an owner.
func processesOf(t *testing.T, name string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		if groups, err := os.ReadFile(file); err == nil && strings.Contains(string(groups), "/"+name+"/") {
			found = append(found, file)
		}
	}
	return found
}

func TestIDsRunOut(t *testing.T) {
	native, err := sandbox.New(sandbox.Config{
		Dir: t.TempDir(), Name: fmt.Sprintf("slipway-test-%d-ids", os.Getpid()), FirstID: 1 << 20, IDs: 2 << 16,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer native.Close()
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	first := bench.Create(t, bench.Spec("id"))
	bench.Create(t, bench.Spec("id"))
	if _, err := native.Create(context.Background(), bench.Spec("id")); !errors.Is(err, slipway.ErrLimit) {
		t.Errorf("a third sandbox with ids for two: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	bench.Output(t, "id")
}

// link is the end of an egress that leads nowhere.
type link struct{ closed atomic.Bool }

func (*link) DNS() []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("fd00::1")}
}

func (l *link) Close() error {
	l.closed.Store(true)
	return nil
}

func TestEgress(t *testing.T) {
	var last *link
	refuse := false
	native, err := sandbox.New(sandbox.Config{
		Dir: t.TempDir(), Name: fmt.Sprintf("slipway-test-%d-egress", os.Getpid()),
		Shells: -1, // links are made when they are asked for
		Egress: sandbox.EgressFunc(func(_ context.Context, _ string, netns int) (sandbox.Link, error) {
			if refuse {
				return nil, slipway.Errorf(slipway.ErrLimit, "no addresses are left")
			}
			if name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", netns)); err != nil || !strings.HasPrefix(name, "net:") {
				t.Errorf("not a network namespace: %s, %v", name, err)
			}
			last = new(link)
			return last, nil
		}),
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer native.Close()
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	spec := bench.Spec("cat", "/etc/resolv.conf")
	spec.Network = slipway.NetworkEgress
	p := bench.Start(t, spec)
	p.Expect(t, "nameserver 10.1.2.3")
	p.Expect(t, "nameserver fd00::1")
	if last.closed.Load() {
		t.Error("the link was closed while the sandbox was there")
	}
	if err := p.Close(); err != nil || !last.closed.Load() {
		t.Errorf("the link was not closed: %v", err)
	}
	last = nil
	if bench.Output(t, "id"); last != nil {
		t.Error("a sandbox without egress was connected")
	}
	refuse = true
	if _, err := native.Create(t.Context(), spec); !errors.Is(err, slipway.ErrLimit) || !strings.Contains(err.Error(), "no addresses") {
		t.Errorf("an egress that refuses: %v", err)
	}
}

func TestClose(t *testing.T) {
	native := newNative(t, 101)
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	p := bench.Start(t, bench.Spec("pause"))
	if err := native.Close(); err != nil {
		t.Fatal(err)
	}
	p.Wait(t)
	if _, err := native.Create(t.Context(), bench.Spec("id")); !errors.Is(err, slipway.ErrUnavailable) {
		t.Errorf("a closed runtime: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for name, cfg := range map[string]sandbox.Config{
		"name":      {Dir: t.TempDir(), Name: "../x"},
		"folder":    {Name: "slipway-x"},
		"first id":  {Dir: t.TempDir(), Name: "slipway-x", FirstID: 1000},
		"few ids":   {Dir: t.TempDir(), Name: "slipway-x", IDs: 1000},
		"high ids":  {Dir: t.TempDir(), Name: "slipway-x", FirstID: 1 << 31, IDs: 1 << 16},
		"many ids":  {Dir: t.TempDir(), Name: "slipway-x", IDs: 1 << 31},
		"both high": {Dir: t.TempDir(), Name: "slipway-x", FirstID: 1<<31 - 1},
	} {
		if _, err := sandbox.New(cfg, slog.New(slog.DiscardHandler)); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
)

// shellName is what ps(1) calls a shell.
const shellName = "slipway-shell"

// shellsOf are the processes of a server that wait for a program: the stock, and the
// sandboxes that were made and not started.
func shellsOf(pid int) []int {
	return slices.DeleteFunc(childrenOf(pid), func(child int) bool { return commOf(child) != shellName })
}

// childrenOf are the children of all threads of a process.
func childrenOf(pid int) (children []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		b, _ := os.ReadFile(list) // the thread may have ended
		for _, field := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(field); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

func commOf(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(b))
}

// waitForShells waits until the stock of a runtime without sandboxes has settled.
func waitForShells(t *testing.T, n, want int) {
	t.Helper()
	sandboxtest.Eventually(t, fmt.Sprintf("%d shells in stock", want), func() bool {
		return len(shellsOf(os.Getpid())) == want && len(groupsOf(t, n)) == want
	})
}

func TestStockIsFilled(t *testing.T) {
	native := newNative(t, 110)
	if err := native.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitForShells(t, 110, 2)
	stock := shellsOf(os.Getpid())
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	p := bench.Start(t, bench.Spec("pause"))
	p.Expect(t, "paused")
	sandboxtest.Eventually(t, "another shell is made", func() bool { return len(shellsOf(os.Getpid())) == 2 })
	left := 0
	for _, shell := range shellsOf(os.Getpid()) {
		if slices.Contains(stock, shell) {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d of the first two shells are left: the sandbox was not made of one", left)
	}
}

func TestNoStock(t *testing.T) {
	native := newNativeOf(t, 111, sandbox.Config{Shells: -1})
	if err := native.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	for range 3 {
		bench.Output(t, "id")
	}
	if shells := shellsOf(os.Getpid()); len(shells) > 0 {
		t.Errorf("shells are kept: %v", shells)
	}
}

func TestBurst(t *testing.T) {
	native := newNativeOf(t, 112, sandbox.Config{Shells: 4})
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	var burst sync.WaitGroup
	var failed atomic.Int64
	for range 50 {
		spec := bench.Spec("exit", "0")
		burst.Go(func() {
			if err := runOnce(native, spec); err != nil {
				failed.Add(1)
				t.Error(err)
			}
		})
	}
	burst.Wait()
	waitForShells(t, 112, 4)
}

// runOnce is a whole life.
func runOnce(l slipway.Launcher, spec slipway.SandboxSpec) error {
	s, err := l.Create(context.Background(), spec)
	if err != nil {
		return err
	}
	if err := s.Start(context.Background(), slipway.Stdio{}); err != nil {
		return errors.Join(err, s.Close())
	}
	<-s.Done()
	if exit := s.Exit(); !exit.Success() {
		err = errors.New(exit.String())
	}
	return errors.Join(err, s.Close())
}

func TestDeadShells(t *testing.T) {
	native := newNative(t, 113)
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	if err := native.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		waitForShells(t, 113, 2)
		killed := shellsOf(os.Getpid())
		for _, shell := range killed {
			if err := syscall.Kill(shell, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		if err := runOnce(native, bench.Spec("exit", "0")); err != nil { // whether the deaths were noticed or not
			t.Fatal(err)
		}
		sandboxtest.Eventually(t, "the dead are replaced", func() bool {
			now := shellsOf(os.Getpid())
			return len(now) >= 2 && !slices.Contains(now, killed[0]) && !slices.Contains(now, killed[1])
		})
		if len(groupsOf(t, 113)) > 2 { // a sandbox that found no shell made the stock larger
			return
		}
	}
}

func TestSpawnerKilled(t *testing.T) {
	native := newNativeOf(t, 114, sandbox.Config{Shells: -1})
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	survivor := bench.Start(t, bench.Spec("pause"))
	survivor.Expect(t, "paused")
	for _, child := range childrenOf(os.Getpid()) {
		if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child)); strings.HasPrefix(string(line), "slipway-spawner") {
			if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	bench.Output(t, "id")
	if err := survivor.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	if exit := survivor.Wait(t); !exit.Success() {
		t.Errorf("a sandbox ended with the spawner: %s", exit)
	}
}

// links counts the ends of an egress that leads nowhere.
type links struct{ attached, closed atomic.Int64 }

func (l *links) Attach(context.Context, string, int) (sandbox.Link, error) {
	l.attached.Add(1)
	return countedLink{l}, nil
}

type countedLink struct{ all *links }

func (countedLink) DNS() []netip.Addr { return nil }
func (c countedLink) Close() error {
	c.all.closed.Add(1)
	return nil
}

func TestCloseLeavesNothing(t *testing.T) {
	var egress links
	fds, children := count(t, "/proc/self/fd"), len(childrenOf(os.Getpid()))
	native := newNativeOf(t, 115, sandbox.Config{Egress: &egress})
	if err := native.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitForShells(t, 115, 4) // two of each kind
	sandboxtest.Eventually(t, "two of the shells have links", func() bool { return egress.attached.Load() == 2 })
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	spec := bench.Spec("exit", "0")
	spec.Network = slipway.NetworkEgress
	if err := runOnce(native, spec); err != nil {
		t.Fatal(err)
	}
	if err := native.Close(); err != nil {
		t.Fatal(err)
	}
	if attached, closed := egress.attached.Load(), egress.closed.Load(); attached != closed {
		t.Errorf("%d links were made, %d closed", attached, closed)
	}
	if left := groupsOf(t, 115); len(left) > 0 {
		t.Errorf("control groups are left: %v", left)
	}
	if now := len(childrenOf(os.Getpid())); now != children {
		t.Errorf("%d children, %d before", now, children)
	}
	// What a sandbox was made of is closed a moment after it has started.
	sandboxtest.Eventually(t, "as many open files as before", func() bool { return count(t, "/proc/self/fd") <= fds })
}

func TestStockGivesWay(t *testing.T) {
	native := newNativeOf(t, 116, sandbox.Config{FirstID: 1 << 20, IDs: 3 << 16, Egress: &links{}})
	if err := native.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	for range 3 { // the stock may hold all the ids there are
		bench.Create(t, bench.Spec("id"))
	}
	if _, err := native.Create(t.Context(), bench.Spec("id")); !errors.Is(err, slipway.ErrLimit) {
		t.Errorf("a fourth sandbox with ids for three: %v", err)
	}
}

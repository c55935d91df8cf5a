package sandbox_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/network"
	"github.com/slipway-run/slipway/internal/sandbox"
	"github.com/slipway-run/slipway/internal/sandbox/sandboxtest"
)

var cycles = flag.Int("cycles", 200, "sandboxes that TestNothingLeaks makes, runs and removes")

// TestNothingLeaks makes, runs and removes many sandboxes, four at a time, every second
// one with a link to the outside, and holds what there is on the machine afterwards
// against what there was.
func TestNothingLeaks(t *testing.T) {
	egress, err := network.New(network.Config{Name: nameOf(100)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := egress.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := egress.Close(); err != nil {
			t.Error(err)
		}
	})
	native := newNativeOf(t, 100, sandbox.Config{Shells: 2, Egress: sandbox.EgressFunc(attachTo(egress))})
	bench := sandboxtest.NewBench(native, sandboxtest.Image(t))
	runCycles(t, bench, 8) // what is made once is made now
	before := settled(t)
	runCycles(t, bench, *cycles)
	var now counts
	sandboxtest.Eventually(t, "everything is as it was", func() bool {
		now = countAll(t)
		return now.within(before)
	})
	t.Logf("%d cycles; before %+v, after %+v", *cycles, before, now)
}

func attachTo(egress *network.Egress) sandbox.EgressFunc {
	return func(ctx context.Context, id string, netns int) (sandbox.Link, error) {
		link, err := egress.Attach(ctx, id, netns)
		if err != nil {
			return nil, err
		}
		return link, nil
	}
}

// runCycles has four workers take turns until n sandboxes have lived.
func runCycles(t *testing.T, bench *sandboxtest.Bench, n int) {
	t.Helper()
	turns := make(chan int)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for turn := range turns {
				if err := cycle(bench, turn); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for turn := range n {
		turns <- turn
	}
	close(turns)
	workers.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func cycle(bench *sandboxtest.Bench, turn int) error {
	spec := bench.Spec("exit", "3")
	if turn%2 == 0 {
		spec.Network = slipway.NetworkEgress
	}
	s, err := bench.Launcher.Create(context.Background(), spec)
	if err != nil {
		return err
	}
	if err := s.Start(context.Background(), slipway.Stdio{}); err != nil {
		return errors.Join(err, s.Close())
	}
	<-s.Done()
	if exit := s.Exit(); exit.Code != 3 {
		err = fmt.Errorf("it ended with %s", exit)
	}
	return errors.Join(err, s.Close())
}

// counts is what a machine has of things that sandboxes are made of.
type counts struct {
	files, processes, mounts, groups, links, goroutines int
	residentKiB                                         int
}

// within allows for what the runtime of Go keeps.
func (c counts) within(before counts) bool {
	const goroutines, kib = 8, 24 << 10
	return c.files <= before.files && c.processes <= before.processes && c.mounts <= before.mounts &&
		c.groups <= before.groups && c.links <= before.links &&
		c.goroutines <= before.goroutines+goroutines && c.residentKiB <= before.residentKiB+kib
}

// settled waits until the stock is full, which changes the counts.
func settled(t *testing.T) counts {
	t.Helper()
	waitForShells(t, 100, 4)
	c := countAll(t)
	sandboxtest.Eventually(t, "the counts stay", func() bool {
		last := c
		c = countAll(t)
		return c.within(last) && last.within(c)
	})
	return c
}

func countAll(t *testing.T) counts {
	t.Helper()
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	c := counts{
		files: count(t, "/proc/self/fd"), processes: len(childrenOf(os.Getpid())), mounts: mountsHere(t),
		groups: len(groupsOf(t, 100)), goroutines: runtime.NumGoroutine(), residentKiB: resident(t),
	}
	for _, l := range links {
		if strings.HasPrefix(l.Name, "slw") { // whose they are does not matter: nobody else makes some now
			c.links++
		}
	}
	return c
}

func mountsHere(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "\n")
}

// resident is the memory of this process that is in use, in KiB.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	var total, pages int
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(b), &total, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() / 1024
}

package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/invoker/jobs"
	"github.com/slipway-run/slipway/pool"
)

// code is an exit code as reports have it; -1 for none.
func code(r slipway.AttemptReport) int {
	if r.ExitCode == nil {
		return -1
	}
	return *r.ExitCode
}

// TestEndings tells the ends of attempts apart.
func TestEndings(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.Grace = 300 * time.Millisecond })
	for _, c := range []struct {
		name   string
		job    slipway.Assignment
		event  slipway.AttemptEvent
		code   int
		reason string // how it begins
	}{
		{"success", job("exit", "0"), slipway.AttemptEnded, 0, ""},
		{"the image's own command", changed(job(), nil), slipway.AttemptEnded, 0, ""},
		{"a command in place of the entrypoint", changed(job("3"), func(a *slipway.Assignment) { a.Command = []string{"/bin/job", "exit"} }), slipway.AttemptEnded, 3, "Error: exit status 3"},
		{"exit status", job("exit", "3"), slipway.AttemptEnded, 3, "Error: exit status 3"},
		{"a shell whose child was killed", job("exit", "137"), slipway.AttemptEnded, 137, "Error: exit status 137"},
		{"a fork bomb", job("bomb"), slipway.AttemptEnded, 0, ""},
		{"out of memory", job("hog"), slipway.AttemptEnded, 137, "OutOfMemory: the kernel killed it"},
		{"timeout", changed(job("sleep"), timeout), slipway.AttemptEnded, 2, "Timeout: job attempt exceeded its timeout of 200ms"},
		{"timeout of one that obeys", changed(job("obey"), longTimeout), slipway.AttemptEnded, 0, "Timeout: job attempt exceeded its timeout of 3s"},
		{"timeout of one that does not", changed(job("ignore"), longTimeout), slipway.AttemptEnded, 137, "Timeout: "},
		{"no such program", changed(job(), func(a *slipway.Assignment) { a.Command = []string{"/missing"} }), slipway.AttemptEnded, -1, "CannotStart: "},
		{"a full disk", job("fill"), slipway.AttemptEnded, 9, "Error: exit status 9"},
		{"no such runtime", changed(job("exit", "0"), func(a *slipway.Assignment) { a.Isolation = "oci:nothing" }), slipway.AttemptEnded, -1, "CannotStart: "},
		{"too large for the machine", changed(job("exit", "0"), func(a *slipway.Assignment) { a.MemoryMB = 1 << 20 }), slipway.AttemptRefused, -1, "it needs 0.5 vCPUs and 1048576 MiB, and this machine has 4 and 2048"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := w.of(t)
			r := w.outcome(c.job)
			if r.Event != c.event || code(r) != c.code || !strings.HasPrefix(r.Reason, c.reason) || c.reason == "" && r.Reason != "" {
				t.Errorf("%s, exit code %d, reason %q; want %s, %d and %q", r.Event, code(r), r.Reason, c.event, c.code, c.reason)
			}
			w.once(c.job, 0)
		})
	}
	t.Run("what it used", func(t *testing.T) {
		a := job("hog")
		r := w.of(t).outcome(a)
		if r.CPUSeconds <= 0 || r.MemoryPeakMB < 32 || r.MemoryPeakMB > 65 || r.StartedAt.IsZero() {
			t.Errorf("%g s, %d MiB, started %s", r.CPUSeconds, r.MemoryPeakMB, r.StartedAt)
		}
	})
	t.Run("the platform's fault", func(t *testing.T) {
		w := boot(t)
		img, _ := image()
		w.prepare = func(context.Context, string) (slipway.Image, error) { return img, errors.New("no disk") }
		if r := w.outcome(job("exit", "0")); r.Event != slipway.AttemptRefused || !strings.Contains(r.Reason, "no disk") {
			t.Errorf("%s: %s", r.Event, r.Reason)
		}
	})
}

func changed(a slipway.Assignment, f func(*slipway.Assignment)) slipway.Assignment {
	if f != nil {
		f(&a)
	}
	return a
}

func timeout(a *slipway.Assignment) { a.Timeout = slipway.Duration(200 * time.Millisecond) }

// longTimeout leaves a program the time to say what it does with signals, also on a busy
// machine.
func longTimeout(a *slipway.Assignment) { a.Timeout = slipway.Duration(3 * time.Second) }

// of is w for a subtest.
func (w *world) of(t *testing.T) *world {
	return &world{Runner: w.Runner, t: t, ctx: t.Context(), cfg: w.cfg, bus: w.bus, native: w.native, pool: w.pool, archives: w.archives, name: w.name, book: w.book}
}

// once checks that a child was reported as it must be: started at most once, first, and one
// outcome, last.
func (w *world) once(a slipway.Assignment, index int) {
	w.t.Helper()
	var events []slipway.AttemptEvent
	for _, r := range w.heard(a) {
		if r.Index == index {
			events = append(events, r.Event)
		}
	}
	outcomes := 0
	for i, e := range events {
		switch e {
		case slipway.AttemptStarted:
			if i != 0 {
				w.t.Errorf("child %d: %v", index, events)
			}
		case slipway.AttemptFrozen, slipway.AttemptThawed:
		default:
			if outcomes++; i != len(events)-1 {
				w.t.Errorf("child %d: %v", index, events)
			}
		}
	}
	if outcomes != 1 {
		w.t.Errorf("child %d: %v", index, events)
	}
}

// TestStops: an order ends attempts, whether or not they have begun.
func TestStops(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.Grace = 300 * time.Millisecond })
	t.Run("running", func(t *testing.T) {
		w, a := w.of(t), job("sleep")
		w.give(a)
		w.printed(a, 0, "sleeping")
		w.order(a, 0, 0, "not needed")
		if r := w.over(a, 0); r.Event != slipway.AttemptEnded || r.Reason != "Terminated: not needed" || code(r) != 2 {
			t.Errorf("%s, exit code %d, %q", r.Event, code(r), r.Reason)
		}
		w.printed(a, 0, "platform: Terminated: not needed")
	})
	t.Run("deaf", func(t *testing.T) {
		w, a := w.of(t), job("ignore")
		w.give(a)
		w.printed(a, 0, "deaf")
		w.order(a, 0, 0, "not needed")
		w.order(a, 0, 0, "not needed") // orders may come again
		if r := w.over(a, 0); r.Reason != "Terminated: not needed" || code(r) != 137 {
			t.Errorf("exit code %d, %q", code(r), r.Reason)
		}
	})
	t.Run("children that wait and run", func(t *testing.T) {
		w, a := w.of(t), array(100, "sleep")
		w.give(a)
		for i := range 8 { // of half a vCPU each, of four
			w.await(a, i, slipway.AttemptStarted)
		}
		if room := w.Room(); room.Running != 8 || room.Waiting != 92 || room.FreeCPU != 0 {
			t.Errorf("%+v", *room)
		}
		w.order(a, 0, 100, "enough")
		for i := range 100 {
			r := w.over(a, i)
			if want := []slipway.AttemptEvent{slipway.AttemptEnded, slipway.AttemptUnstarted}; i < 8 && r.Event != want[0] || i >= 8 && r.Event != want[1] {
				t.Errorf("child %d: %s %s", i, r.Event, r.Reason)
			}
			w.once(a, i)
		}
	})
	t.Run("while it starts", func(t *testing.T) {
		w := w.of(t)
		for range 20 {
			a := job("sleep")
			w.give(a)
			w.order(a, 0, 0, "changed my mind")
			if r := w.over(a, 0); r.Event == slipway.AttemptEnded && r.Reason != "Terminated: changed my mind" || r.Event == slipway.AttemptRefused {
				t.Errorf("%s: %s", r.Event, r.Reason)
			}
			w.once(a, 0)
		}
	})
	t.Run("while its image is fetched", func(t *testing.T) {
		w, a := boot(t), job("sleep")
		fetching := make(chan struct{})
		w.prepare = func(ctx context.Context, _ string) (slipway.Image, error) {
			close(fetching)
			<-ctx.Done()
			return slipway.Image{}, ctx.Err()
		}
		w.give(a)
		<-fetching
		w.order(a, 0, 0, "takes too long")
		if r := w.over(a, 0); r.Event != slipway.AttemptUnstarted || r.Reason != "takes too long" {
			t.Errorf("%s: %s", r.Event, r.Reason)
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		w.of(t).order(job(), 0, 0, "nothing")
	})
}

func array(size int, args ...string) slipway.Assignment {
	return changed(job(args...), func(a *slipway.Assignment) { a.Array, a.To, a.MemoryMB = size, size, 32 })
}

// TestLeavesNothing runs many attempts, some of which go wrong, with no more room than the
// machine has, and has the end of boot look for what is left.
func TestLeavesNothing(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.MemoryMB = 256 })
	all := []slipway.Assignment{array(120, "exit", "0"), array(40, "exit", "1"), changed(array(40), func(a *slipway.Assignment) { a.Command = []string{"/missing"} })}
	w.give(all...)
	for _, a := range all {
		for i := range a.Array {
			w.over(a, i)
			w.once(a, i)
		}
	}
	testenv.Eventually(t, time.Minute, func() error {
		if room := w.Room(); room.Running != 0 || room.Waiting != 0 || room.FreeCPU != 4 || room.FreeMemoryMB != 256 {
			return fmt.Errorf("%+v", *room)
		}
		return nil
	})
}

// TestPriority: what is more important begins first.
func TestPriority(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.CPU = 0.5 })
	first := job("sleep")
	w.give(first)
	w.await(first, 0, slipway.AttemptStarted)
	low, high := job("exit", "0"), changed(job("exit", "0"), func(a *slipway.Assignment) { a.Priority = 5 })
	w.give(low, high)
	testenv.Eventually(t, time.Minute, func() error {
		if n := w.Room().Waiting; n != 2 {
			return fmt.Errorf("%d wait", n)
		}
		return nil
	})
	w.order(first, 0, 0, "make room")
	w.over(low, 0)
	w.mu.Lock()
	defer w.mu.Unlock()
	order := slices.DeleteFunc(slices.Clone(w.reports), func(r slipway.AttemptReport) bool { return r.Event != slipway.AttemptStarted })
	if len(order) != 3 || order[1].Job != high.Job {
		t.Errorf("the low one began first")
	}
}

// TestOCI: another runtime's container is an attempt like others.
func TestOCI(t *testing.T) {
	w := boot(t)
	a := changed(job("write", "/job/output/x", "1"), func(a *slipway.Assignment) { a.Isolation = "oci:runc" })
	if r := w.outcome(a); r.Reason != "" || code(r) != 0 || r.Output == nil || r.Output.Digest == "" {
		t.Errorf("exit code %d, %q, %+v", code(r), r.Reason, r.Output)
	}
	stuck := changed(job("ignore"), func(a *slipway.Assignment) { a.Isolation = "oci:runc" })
	w.give(stuck)
	w.printed(stuck, 0, "deaf")
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	if r := w.over(stuck, 0); r.Event != slipway.AttemptReturned {
		t.Errorf("%s: %s", r.Event, r.Reason)
	}
}

// TestTakesNone: a runner that cannot hear of work says so.
func TestTakesNone(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	b := connect(t)
	p := &leftovers{Pool: pool.New(pool.Config{MemoryMB: 64}, nil, log)}
	r := jobs.New(jobs.Config{ID: "no.name", Dir: t.TempDir(), CPU: 1}, b, nil, nil, nil, p, nil, log)
	if err := r.Run(t.Context()); !errors.Is(err, slipway.ErrInvalid) {
		t.Errorf("err = %v, want ErrInvalid", err)
	}
}

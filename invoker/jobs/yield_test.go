package jobs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/invoker/jobs"
)

// until waits for a condition.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	testenv.Eventually(t, time.Minute, func() error {
		if !cond() {
			return errNot(what)
		}
		return nil
	})
}

type errNot string

func (e errNot) Error() string { return "not so: " + string(e) }

// TestFreeze: an attempt stands still while functions want the processors, and its time
// does not run.
func TestFreeze(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.CPU, c.Grace = 1, 300*time.Millisecond })
	low := changed(job("tick"), func(a *slipway.Assignment) { a.Timeout = slipway.Duration(3 * time.Second) })
	kept := changed(job("tick"), func(a *slipway.Assignment) { a.Preemption = slipway.PreemptNever })
	w.give(low, kept)
	w.await(low, 0, slipway.AttemptStarted)
	w.await(kept, 0, slipway.AttemptStarted)
	w.pool.want(1)
	frozen := w.await(low, 0, slipway.AttemptFrozen)
	until(t, "one stands still", func() bool { return w.Room().Frozen == 1 })
	time.Sleep(time.Until(frozen.At.Add(3500 * time.Millisecond))) // longer than the timeout
	for _, r := range w.heard(low) {
		if r.Event == slipway.AttemptEnded {
			t.Fatalf("it ended while it stood still: %s", r.Reason)
		}
	}
	w.pool.want(0)
	w.await(low, 0, slipway.AttemptThawed)
	if r := w.over(low, 0); !strings.HasPrefix(r.Reason, "Timeout: ") {
		t.Errorf("%s: %s", r.Event, r.Reason)
	}
	for _, r := range w.heard(kept) {
		if r.Event == slipway.AttemptFrozen {
			t.Error("one that may not be preempted was frozen")
		}
	}
	w.once(low, 0)
}

// TestStopFrozen: an attempt that stands still hears that it is to end.
func TestStopFrozen(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.CPU = 1 })
	a := job("obey")
	w.give(a)
	w.printed(a, 0, "listening")
	w.pool.want(1)
	w.await(a, 0, slipway.AttemptFrozen)
	w.order(a, 0, 0, "enough")
	if r := w.over(a, 0); r.Reason != "Terminated: enough" || code(r) != 0 {
		t.Errorf("exit code %d, %s", code(r), r.Reason)
	}
	w.printed(a, 0, "told to end")
}

// TestReturns: what cannot go on is ended and given back.
func TestReturns(t *testing.T) {
	change := func(c *jobs.Config) {
		c.ReturnGrace, c.ShutdownTimeout, c.CPU = 200*time.Millisecond, 500*time.Millisecond, 1
	}
	t.Run("the invoker stops", func(t *testing.T) {
		w := boot(t, change)
		long, brief, waiting := job("ignore"), job("obey"), array(3, "exit", "0")
		w.give(long, brief, waiting)
		w.printed(long, 0, "deaf")
		w.printed(brief, 0, "listening")
		until(t, "three wait", func() bool { return w.Room().Waiting == 3 })
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		if w.Room() != nil {
			t.Error("one that stops has room")
		}
		for _, a := range []slipway.Assignment{long, brief} {
			if r := w.over(a, 0); r.Event != slipway.AttemptReturned || r.Reason != "Returned: the invoker stops" {
				t.Errorf("%s: %s", r.Event, r.Reason)
			}
		}
		for i := range 3 {
			if r := w.over(waiting, i); r.Event != slipway.AttemptUnstarted {
				t.Errorf("%s: %s", r.Event, r.Reason)
			}
		}
	})
	t.Run("what ends in time has ended", func(t *testing.T) {
		w := boot(t, func(c *jobs.Config) { c.ShutdownTimeout = time.Minute })
		a := changed(job("tick"), func(a *slipway.Assignment) { a.Timeout = slipway.Duration(time.Second) })
		w.give(a)
		w.await(a, 0, slipway.AttemptStarted)
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		if r := w.over(a, 0); r.Event != slipway.AttemptEnded {
			t.Errorf("%s: %s", r.Event, r.Reason)
		}
	})
	t.Run("no memory", func(t *testing.T) {
		w := boot(t, func(c *jobs.Config) { c.MemoryMB, c.Patience = 128, 200*time.Millisecond })
		a, b := changed(job("sleep"), func(a *slipway.Assignment) { a.MemoryMB = 100 }), job("exit", "0")
		w.give(a)
		w.await(a, 0, slipway.AttemptStarted)
		w.give(b)
		if r := w.over(b, 0); r.Event != slipway.AttemptRefused || r.Reason != "it needs 64 MiB, and functions and jobs left 3" {
			t.Errorf("%s: %s", r.Event, r.Reason)
		}
		w.order(a, 0, 0, "make room")
		w.over(a, 0)
		again := changed(b, func(a *slipway.Assignment) { a.ID, a.Attempt = slipway.NewID(), 2 })
		if r := w.outcome(again); r.Reason != "" {
			t.Errorf("%s: %s", r.Event, r.Reason)
		}
	})
}

// TestFlood: a flood costs neither memory nor a core, and others' lines are not lost.
func TestFlood(t *testing.T) {
	w := boot(t)
	flood, quiet := job("flood"), job("env")
	w.give(flood)
	w.await(flood, 0, slipway.AttemptStarted)
	w.outcome(quiet)
	w.printed(quiet, 0, "stdin=")
	w.order(flood, 0, 0, "enough")
	if r := w.over(flood, 0); r.Event != slipway.AttemptEnded {
		t.Errorf("%s: %s", r.Event, r.Reason)
	}
}

// TestEnvironmentKeeps: attempts that fit into what their environment keeps go on while
// functions want everything.
func TestEnvironmentKeeps(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.CPU = 2 })
	one, two := changed(job("tick"), keeping), changed(job("tick"), keeping)
	w.give(one)
	w.await(one, 0, slipway.AttemptStarted)
	w.give(two)
	w.await(two, 0, slipway.AttemptStarted)
	w.pool.want(8)
	w.await(two, 0, slipway.AttemptFrozen)
	if room := w.Room(); room.Frozen != 1 || room.FreeCPU != 0 || room.UsedCPU != one.CPU+two.CPU || room.UsedMemoryMB != one.MemoryMB+two.MemoryMB {
		t.Errorf("%+v", room)
	}
	for _, r := range w.heard(one) {
		if r.Event == slipway.AttemptFrozen {
			t.Error("the first, which its environment keeps, was frozen")
		}
	}
	w.order(one, 0, 0, "enough")
	w.over(one, 0)
	w.await(two, 0, slipway.AttemptThawed) // what is kept is its own now
	w.order(two, 0, 0, "enough")
	w.over(two, 0)
}

func keeping(a *slipway.Assignment) { a.MinCPU = a.CPU }

// TestCannotBeFrozen: in place of an attempt that cannot be frozen another one stands still.
func TestCannotBeFrozen(t *testing.T) {
	w := boot(t, func(c *jobs.Config) { c.CPU = 2 })
	stiff := changed(job("tick"), func(a *slipway.Assignment) {
		a.CPU, a.Priority, a.Env = 1, -1, map[string]string{"STIFF": "1"}
	})
	other := changed(job("tick"), func(a *slipway.Assignment) { a.CPU = 1 })
	w.give(stiff, other)
	w.await(stiff, 0, slipway.AttemptStarted)
	w.await(other, 0, slipway.AttemptStarted)
	w.pool.want(1) // it would be the one of the lowest priority
	w.await(other, 0, slipway.AttemptFrozen)
	if n := w.Room().Frozen; n != 1 {
		t.Errorf("%d stand still, want 1", n)
	}
	w.order(stiff, 0, 0, "enough")
	w.over(stiff, 0)
	w.await(other, 0, slipway.AttemptThawed)
	w.order(other, 0, 0, "enough")
	w.over(other, 0)
}

// TestGivesWay: attempts have the processor time that functions leave, but for those that
// may not be preempted.
func TestGivesWay(t *testing.T) {
	w := boot(t)
	for kind, want := range map[slipway.Preemption]bool{
		"": true, slipway.PreemptFreeze: true, slipway.PreemptRequeue: true, slipway.PreemptNever: false,
	} {
		a := changed(job("exit", "0"), func(a *slipway.Assignment) { a.Preemption = kind })
		w.outcome(a)
		asked, ok := w.asked.Load(a.Job)
		if !ok || asked.(slipway.SandboxSpec).Background != want {
			t.Errorf("preemption %q: %+v, want one in the background: %v", kind, asked, want)
		}
	}
}

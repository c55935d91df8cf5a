package ledger_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

const (
	busy      = slipway.InstanceBusy
	idle      = slipway.InstanceIdle
	frozen    = slipway.InstanceFrozen
	reclaimed = slipway.InstanceReclaimed
	stopping  = slipway.InstanceStopping
	starting  = slipway.InstanceStarting
)

// TestIdleLife: idle, frozen, reclaimed, gone.
func TestIdleLife(t *testing.T) {
	w := newWorld(t, ledger.Config{}, 1)
	w.learn(spec("a"), ms, ms)
	for _, step := range []struct {
		at     time.Duration
		states []slipway.InstanceState
	}{
		{9 * time.Second, []slipway.InstanceState{idle}},
		{10 * time.Second, []slipway.InstanceState{frozen}},
		{59 * time.Second, []slipway.InstanceState{frozen}},
		{60 * time.Second, []slipway.InstanceState{reclaimed}},
		{5*time.Minute - time.Second, []slipway.InstanceState{reclaimed}},
		{5 * time.Minute, nil},
	} {
		w.pass(time.Unix(1e9, 0).Add(step.at + 2*ms).Sub(w.now))
		w.expect(step.at.String(), step.states...)
	}
	if _, ok := w.l.Next(w.now); ok {
		t.Error("something is due, and nothing is there")
	}
}

func TestNeverFrozen(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    ledger.Config
		change func(*slipway.Config)
	}{
		"it works in the background": {ledger.Config{}, func(c *slipway.Config) { c.Scaling.Background = true }},
		"nothing is here":            {ledger.Config{FreezeAfter: -1}, func(*slipway.Config) {}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.cfg, 1)
			w.learn(spec("a", c.change), ms, ms)
			w.pass(4 * time.Minute)
			w.expect("four minutes later", idle)
			w.pass(2 * time.Minute)
			w.expect("after the idle timeout")
		})
	}
}

func TestThaw(t *testing.T) {
	// cool has n members frozen.
	cool := func(t *testing.T, n int, after time.Duration) (*world, slipway.Spec) {
		w := newWorld(t, ledger.Config{}, 1)
		s := spec("a")
		w.askAll(s, n)
		w.carryOutAll()
		for range n {
			w.release(0, true)
		}
		w.pass(after)
		w.served = 0
		return w, s
	}
	t.Run("before any start", func(t *testing.T) {
		w, s := cool(t, 2, 20*time.Second)
		if c := w.l.Counts(); c[0].Free != 2 || c[0].Frozen != 2 {
			t.Errorf("Counts: %+v, want two that are free and frozen", c)
		}
		w.askAll(s, 3)
		if len(w.orders["thaw"]) != 2 || len(w.orders["start"]) != 1 {
			t.Errorf("%d thaws and %d starts for three events, want 2 and 1", len(w.orders["thaw"]), len(w.orders["start"]))
		}
		w.carryOutAll()
		w.expect("then", busy, busy, busy)
	})
	t.Run("one that runs comes first", func(t *testing.T) {
		w, s := cool(t, 2, 20*time.Second)
		w.ask(s)
		w.carryOutAll()
		w.release(0, true)
		w.ask(s)
		if len(w.orders["thaw"]) > 0 || w.served != 2 {
			t.Errorf("%d thaws, and one was idle", len(w.orders["thaw"]))
		}
	})
	t.Run("waits for a freeze to end", func(t *testing.T) {
		w, s := cool(t, 1, 5*time.Second)
		w.now = w.now.Add(5 * time.Second)
		w.l.Sweep(w.now)
		w.obey()
		w.ask(s)
		if len(w.orders["freeze"]) != 1 || len(w.orders["thaw"]) != 0 {
			t.Fatalf("orders %v, want a freeze that is under way", w.orders)
		}
		w.carryOut("freeze", nil)
		w.carryOut("thaw", nil)
		if w.served != 1 || len(w.orders["start"]) > 0 {
			t.Errorf("%d were served, %d starts", w.served, len(w.orders["start"]))
		}
	})
	t.Run("does not wait for a reclaim", func(t *testing.T) {
		w, s := cool(t, 1, 50*time.Second)
		w.now = w.now.Add(10 * time.Second)
		w.l.Sweep(w.now)
		w.obey()
		w.ask(s)
		if len(w.orders["reclaim"]) != 1 || len(w.orders["thaw"]) != 1 {
			t.Fatalf("orders %v, want a reclaim that is under way and a thaw", w.orders)
		}
		w.carryOut("thaw", nil)
		w.carryOut("reclaim", nil)
		w.expect("then", busy)
	})
	t.Run("one that does not thaw is replaced", func(t *testing.T) {
		w, s := cool(t, 1, 20*time.Second)
		w.ask(s)
		w.carryOut("thaw", errBroken)
		w.expect("then", stopping, starting)
		w.carryOutAll()
		if w.served != 1 || len(w.refused) > 0 {
			t.Errorf("%d were served, refused %v", w.served, w.refused)
		}
	})
	t.Run("one that came free meanwhile is taken", func(t *testing.T) {
		w, s := cool(t, 2, 20*time.Second)
		w.ask(s)
		w.carryOutAll()
		w.ask(s)
		w.release(0, true) // before the other thaws
		if w.served != 2 {
			t.Errorf("%d were served, want 2", w.served)
		}
		w.carryOutAll()
		w.expect("then", idle, busy)
	})
}

// TestRoomOfTheReclaimed: half of what went to swap is free for others, and is taken
// back before the member runs.
func TestRoomOfTheReclaimed(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1024}, 1)
	s := spec("a", memory(512))
	w.learn(s, ms, ms)
	w.swapped = 400 << 20
	w.pass(time.Minute)
	if got := w.l.FreeMemoryMB(); got != 512+200 {
		t.Errorf("%d MiB are free, want 712", got)
	}
	w.ask(spec("b", memory(600)))
	w.carryOutAll()
	w.ask(s)
	w.expect("while there is no room to thaw it", reclaimed, busy)
	w.release(0, true)
	w.carryOutAll()
	w.expect("when there is", busy)
	if got := w.l.FreeMemoryMB(); got != 512 {
		t.Errorf("%d MiB are free, want 512", got)
	}
}

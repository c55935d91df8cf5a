package ledger_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// alive is how many members a function has that are not closing.
func (w *world) aliveOf(function string) (n int) {
	for _, m := range w.l.Members(nil) {
		if m.Spec().Function == function && m.Info().State != stopping {
			n++
		}
	}
	return n
}

// TestLeastValuableGoesFirst: of two idle instances, which makes room?
func TestLeastValuableGoesFirst(t *testing.T) {
	for _, c := range []struct {
		name             string
		stays, goes      slipway.Spec
		coldStay, coldGo time.Duration
		gap              time.Duration // between the last events of the two, stays first
	}{
		{"the one idle longest", spec("stays"), spec("goes"), 100 * ms, 100 * ms, -time.Minute},
		{"the one that starts faster", spec("stays"), spec("goes"), 2 * time.Second, 100 * ms, time.Second},
		{"the one that holds more", spec("stays", memory(128)), spec("goes", memory(512)), 100 * ms, 100 * ms, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, ledger.Config{MemoryMB: 1024, FreezeAfter: -1}, 1)
			first, second := c.stays, c.goes
			firstCold, secondCold := c.coldStay, c.coldGo
			if c.gap < 0 {
				first, second, firstCold, secondCold, c.gap = second, first, secondCold, firstCold, -c.gap
			}
			w.learn(first, firstCold, ms)
			w.now = w.now.Add(c.gap)
			w.learn(second, secondCold, ms)
			w.ask(spec("new", memory(w.l.FreeMemoryMB()+1)))
			w.carryOutAll()
			if w.aliveOf("stays") != 1 || w.aliveOf("goes") != 0 || w.aliveOf("new") != 1 {
				t.Errorf("stays %d, goes %d, new %d", w.aliveOf("stays"), w.aliveOf("goes"), w.aliveOf("new"))
			}
		})
	}
	t.Run("the one that is not busy", func(t *testing.T) {
		w := newWorld(t, ledger.Config{MemoryMB: 512, FreezeAfter: -1}, 1)
		busy, calm := spec("busy"), spec("calm")
		w.events(calm, 10, each(90*time.Second))
		w.events(busy, 40, func(i int) time.Duration {
			if i%10 == 0 {
				return time.Minute
			}
			return 5 * time.Second
		})
		w.events(calm, 1, each(time.Second))
		w.ask(spec("new"))
		w.carryOutAll()
		if w.aliveOf("busy") != 1 || w.aliveOf("calm") != 0 {
			t.Errorf("busy %d, calm %d", w.aliveOf("busy"), w.aliveOf("calm"))
		}
	})
	t.Run("the one that is not expected", func(t *testing.T) {
		w := newWorld(t, ledger.Config{MemoryMB: 512, FreezeAfter: -1}, 1)
		often, seldom := spec("often", scaled(time.Second, 5*time.Minute)), spec("seldom", scaled(time.Second, time.Hour))
		w.events(seldom, 10, each(20*time.Minute))
		w.events(often, 20, each(40*time.Second))
		w.events(seldom, 1, each(time.Second))
		w.ask(spec("new"))
		w.carryOutAll()
		if w.aliveOf("often") != 1 || w.aliveOf("seldom") != 0 {
			t.Errorf("often %d, seldom %d", w.aliveOf("often"), w.aliveOf("seldom"))
		}
	})
}

// TestStandbyGivesWay: it stays beyond its idle timeout, and goes when its room is needed.
func TestStandbyGivesWay(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1024, FreezeAfter: -1}, 1)
	before := spec("before", memory(512), scaled(time.Second, time.Second))
	w.learn(before, 100*ms, ms)
	w.l.Keep([]slipway.Kept{{Spec: before, Instances: 1, Standby: true}}, w.now)
	w.pass(time.Minute)
	if n := w.aliveOf("before"); n != 1 {
		t.Fatalf("%d stand by after a minute, want 1", n)
	}
	w.ask(spec("new", memory(768)))
	w.carryOutAll()
	if w.aliveOf("before") != 0 || w.aliveOf("new") != 1 {
		t.Errorf("before %d, new %d", w.aliveOf("before"), w.aliveOf("new"))
	}
	w.pass(time.Minute)
	if n := w.aliveOf("before"); n != 0 {
		t.Errorf("%d were started to stand by", n)
	}
}

// TestPressureWithoutReclaim: what is never to be reclaimed is only frozen.
func TestPressureWithoutReclaim(t *testing.T) {
	w := newWorld(t, ledger.Config{ReclaimAfter: -1}, 1)
	w.askAll(spec("a", scaling(4, 1)), 4)
	w.carryOutAll()
	for range 4 {
		w.release(0, true)
	}
	for range 3 {
		w.l.Pressure(0.1, w.now)
		w.obey()
		w.carryOutAll()
	}
	for _, s := range w.states() {
		if s != slipway.InstanceFrozen {
			t.Errorf("one is %s", s)
		}
	}
}

func TestPressure(t *testing.T) {
	w := newWorld(t, ledger.Config{}, 1)
	s := spec("a", scaling(16, 1))
	w.askAll(s, 16)
	w.carryOutAll()
	w.l.Keep([]slipway.Kept{{Spec: s, Instances: 4, Limit: 16}}, w.now)
	for range 15 {
		w.release(0, true)
	}
	w.l.Pressure(0.01, w.now)
	w.obey()
	if n := len(w.orders["freeze"]); n > 0 {
		t.Errorf("%d are frozen while nothing is short", n)
	}
	for range 2 { // what is frozen at the first is reclaimed at the second
		w.l.Pressure(0.1, w.now)
		w.obey()
		w.carryOutAll()
	}
	count := func(state slipway.InstanceState) (n int) {
		for _, s := range w.states() {
			if s == state {
				n++
			}
		}
		return n
	}
	if n := count(reclaimed); n != 12 {
		t.Errorf("%v, want all 12 reclaimed that need not be kept", w.states())
	}
	for range 30 {
		w.l.Pressure(0.5, w.now)
		w.obey()
		w.carryOutAll()
	}
	if n := len(w.states()); n != 4 || count(busy) != 1 {
		t.Errorf("%v, want those left that are kept, and the busy one", w.states())
	}
}

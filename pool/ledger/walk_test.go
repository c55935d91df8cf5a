package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// TestRandomWalk does at random whatever can happen, in any order, and holds the sums
// against the members after each event. In the end everything must be gone.
func TestRandomWalk(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, ledger.Config{MemoryMB: 2048, MaxWaiting: 8, MaxWait: 5 * time.Second,
				FreezeAfter: time.Second, ReclaimAfter: 3 * time.Second, StartRate: 20, StartBurst: 5}, seed)
			specs := []slipway.Spec{
				spec("a", scaling(2, 3)), spec("b", scaling(4, 1), memory(512)), spec("c", scaling(10, 1), memory(128)),
				spec("d", scaling(3, 2), func(c *slipway.Config) { c.Scaling.Background = true }), spec("e", memory(1024)),
			}
			specs[2].Tenant, specs[3].Tenant = "other", "other"
			for range 2000 {
				w.step(specs)
			}
			w.end()
		})
	}
}

// step is one event.
func (w *world) step(specs []slipway.Spec) {
	s := &specs[w.dice.IntN(len(specs))]
	switch n := w.dice.IntN(44); {
	case n < 12:
		w.ask(*s)
	case n < 20 && len(w.held) > 0:
		w.release(w.dice.IntN(len(w.held)), w.dice.IntN(8) > 0)
	case n < 32:
		var err error
		if w.dice.IntN(8) == 0 {
			err = errBroken
		}
		w.carryOut(kinds[w.dice.IntN(len(kinds))], err)
	case n < 34:
		w.now = w.now.Add(time.Duration(w.dice.IntN(1500)) * time.Millisecond)
		w.l.Sweep(w.now)
	case n == 34 && len(w.waiting) > 0:
		c := w.waiting[w.dice.IntN(len(w.waiting))]
		if !w.l.Leave(c.waiter, w.now) {
			w.t.Fatal("a waiter that was not answered could not leave")
		}
		c.answered = true
	case n == 35:
		w.mishap()
	case n == 36:
		w.l.Pressure(w.dice.Float64()/2, w.now)
	case n == 37:
		keep := w.dice.IntN(3)
		w.l.Keep([]slipway.Kept{{Spec: *s, Instances: keep, Limit: w.dice.IntN(4)}}, w.now)
	case n == 38 && w.dice.IntN(4) == 0:
		w.l.Retire(slipway.FunctionRef{Tenant: s.Tenant, Function: s.Function}, func(slipway.VersionRef) bool { return false }, w.now)
	case n == 39:
		s.Config.Scaling.Concurrency = 1 + w.dice.IntN(3)
		w.l.Update(s, w.now)
	case n < 42:
		w.borrow(slipway.Borrowing{MemoryMB: 64 << w.dice.IntN(4), Priority: w.dice.IntN(3), Recallable: w.dice.IntN(2) == 0})
	case n < 44 && len(w.loans) > 0:
		w.giveBack(w.loans[w.dice.IntN(len(w.loans))])
	}
	w.obey()
}

// mishap ends an instance, or makes it unfit.
func (w *world) mishap() {
	for _, m := range w.l.Members(nil) {
		i := w.alive[m]
		if i == nil || w.dice.IntN(4) > 0 {
			continue
		}
		if w.dice.IntN(2) == 0 {
			w.l.Unfit(m, w.now)
			return
		}
		select {
		case <-i.done:
		default:
			close(i.done)
		}
		w.l.Died(m, w.now)
		return
	}
}

// end drains the ledger.
func (w *world) end() {
	w.l.Drain(w.now)
	w.obey()
	if len(w.waiting) > 0 {
		w.t.Errorf("%d wait while it drains", len(w.waiting))
	}
	w.carryOutAll()
	for len(w.held) > 0 {
		w.release(0, true)
	}
	w.carryOutAll()
	for len(w.loans) > 0 {
		w.giveBack(w.loans[0])
	}
	if d := w.l.Demand(); d != 0 {
		w.t.Errorf("%g vCPUs are counted to be at work, and nothing is", d)
	}
	if n := w.l.Load(); n != 0 {
		w.t.Errorf("%d events are counted that are no more", n)
	}
	if n := len(w.l.Members(nil)); n > 0 || len(w.alive) > 0 || !w.l.Drained() {
		w.t.Errorf("%d members and %d instances are left", n, len(w.alive))
	}
}

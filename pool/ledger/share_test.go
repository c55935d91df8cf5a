package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// flood is a function that has always more events than instances, each so long.
type flood struct {
	spec   slipway.Spec
	run    time.Duration
	served int
}

// run has the floods compete for so long: each event that ends, or is refused, is
// followed by another. It counts what each is served.
func (w *world) compete(floods []*flood, depth int, d time.Duration) {
	ends := map[*ledger.Member]time.Time{}
	for until := w.now.Add(d); w.now.Before(until); w.pass(10 * ms) {
		for _, f := range floods {
			for w.queued(f.spec) < depth {
				w.ask(f.spec)
			}
		}
		w.carryOutAll()
		for i := 0; i < len(w.held); {
			m := w.held[i]
			f := floodOf(floods, m)
			end, ok := ends[m]
			switch {
			case !ok:
				ends[m] = w.now.Add(f.run)
				i++
			case end.After(w.now):
				i++
			default:
				delete(ends, m)
				f.served++
				w.release(i, true)
			}
		}
	}
}

func floodOf(floods []*flood, m *ledger.Member) *flood {
	for _, f := range floods {
		if f.spec.VersionRef == m.Spec().VersionRef {
			return f
		}
	}
	return nil
}

func (w *world) queued(s slipway.Spec) int {
	for _, c := range w.l.Counts() {
		if c.VersionRef == s.VersionRef {
			return c.Waiting
		}
	}
	return 0
}

func of(tenant string, s slipway.Spec) slipway.Spec {
	s.Tenant = tenant
	return s
}

// TestShares: who floods does not keep others out, whoever came first.
func TestShares(t *testing.T) {
	many := scaling(100, 1)
	for _, c := range []struct {
		name   string
		memory int
		floods []*flood
		shares []int // of all that is served, in percent
	}{
		{"two functions have half each", 2048,
			[]*flood{{spec: spec("a", many), run: 100 * ms}, {spec: spec("b", many), run: 100 * ms}}, []int{50, 50}},
		{"one that needs twice the memory has half as many", 3072,
			[]*flood{{spec: spec("a", many), run: 100 * ms}, {spec: spec("b", many, memory(512)), run: 100 * ms}}, []int{67, 33}},
		{"tenants come before functions", 2048,
			[]*flood{{spec: of("x", spec("a", many)), run: 100 * ms}, {spec: of("x", spec("b", many)), run: 100 * ms}, {spec: of("y", spec("c", many)), run: 100 * ms}}, []int{25, 25, 50}},
		{"more functions than room take turns", 512,
			[]*flood{{spec: spec("a", many), run: 100 * ms}, {spec: spec("b", many), run: 100 * ms}, {spec: spec("c", many), run: 100 * ms}, {spec: spec("d", many), run: 100 * ms}}, []int{25, 25, 25, 25}},
		{"what one may not use goes to others", 2048,
			[]*flood{{spec: spec("a", many), run: 100 * ms}, {spec: spec("b", scaling(2, 1)), run: 100 * ms}}, []int{75, 25}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, ledger.Config{MemoryMB: c.memory}, 1)
			w.compete(c.floods[:1], 20, 5*time.Second) // the first has all
			c.floods[0].served = 0
			w.compete(c.floods, 20, time.Minute)
			total := 0
			for _, f := range c.floods {
				total += f.served
			}
			for i, f := range c.floods {
				if got := 100 * f.served / total; got < c.shares[i]*7/10 || got > c.shares[i]*13/10 {
					t.Errorf("%s has %d %% of %d, want about %d", f.spec.VersionRef, got, total, c.shares[i])
				}
			}
		})
	}
}

// TestNobodyStarves: whatever mix of functions competes, each is served again and again.
func TestNobodyStarves(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, ledger.Config{MemoryMB: 1024}, seed)
			var floods []*flood
			for i := range 3 + w.dice.IntN(5) {
				s := spec(fmt.Sprint("f", i), scaling(1+w.dice.IntN(8), 1+w.dice.IntN(3)), memory([]int{128, 256, 512, 1024}[w.dice.IntN(4)]))
				floods = append(floods, &flood{spec: of(fmt.Sprint("t", w.dice.IntN(2)), s), run: time.Duration(20+w.dice.IntN(400)) * ms})
			}
			for range 2 {
				w.compete(floods, 1+w.dice.IntN(10), 60*time.Second)
				for _, f := range floods {
					if f.served == 0 {
						t.Errorf("%s (%d MiB) was not served for a minute, beside %d others", f.spec.VersionRef, f.spec.Config.MemoryMB, len(floods)-1)
					}
					f.served = 0
				}
			}
		})
	}
}

// TestKeptIsNotTaken: a flood of others leaves alone what is to be kept, and gives back
// what is missing of it.
func TestKeptIsNotTaken(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1024}, 1)
	kept := spec("kept", scaling(2, 1))
	other := &flood{spec: spec("other", scaling(100, 1)), run: 100 * ms}
	w.compete([]*flood{other}, 10, time.Second)
	w.l.Keep([]slipway.Kept{{Spec: kept, Instances: 2, Limit: 2}}, w.now)
	w.obey()
	w.compete([]*flood{other}, 10, time.Second)
	if n := w.aliveOf("kept"); n != 2 {
		t.Errorf("%d instances are kept, want 2", n)
	}
	w.compete([]*flood{other}, 10, 20*time.Second)
	if n := w.aliveOf("kept"); n != 2 {
		t.Errorf("%d instances are kept after a flood, want 2", n)
	}
}

// TestRoomIsNotHeldForEver: one that waits for events that last for hours does not keep
// out those that need little.
func TestRoomIsNotHeldForEver(t *testing.T) {
	w := newWorld(t, ledger.Config{MemoryMB: 1024}, 1)
	w.ask(spec("lasting", memory(512)))
	w.carryOutAll()
	w.l.Keep([]slipway.Kept{{Spec: spec("big", memory(768)), Instances: 1, Limit: 1}}, w.now)
	w.obey()
	w.ask(spec("small", memory(128)))
	w.pass(time.Second)
	w.expect("while it may come soon", busy)
	w.pass(10 * time.Second)
	w.expect("later", busy, busy)
}

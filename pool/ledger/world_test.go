package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/pool/ledger"
)

// world drives a ledger with instances that are nothing but what was ordered of them.
type world struct {
	t       *testing.T
	l       *ledger.Ledger
	now     time.Time
	dice    *rand.Rand
	waiting []*call
	held    []*ledger.Member // a lease each
	orders  map[string][]*ledger.Member
	alive   map[*ledger.Member]*instance
	moving  map[*ledger.Member]string // the orders that are under way
	swapped int64                     // bytes that a reclaim gives back; 0 is what the dice say
	started int
	served  int
	cold    int
	refused []error
	loans   []*loan // not returned
}

type instance struct{ done chan struct{} }

func (i *instance) Done() <-chan struct{} { return i.done }

// call is a caller that waits.
type call struct {
	w        *world
	waiter   *ledger.Waiter
	answered bool
	since    time.Time
}

func (c *call) Answer(m *ledger.Member, cold bool, err error) {
	if c.answered {
		c.w.t.Fatal("a waiter was answered twice")
	}
	c.answered = true
	if err != nil {
		c.w.refused = append(c.w.refused, err)
		return
	}
	if cold {
		c.w.cold++
	}
	c.w.got(m)
}

func newWorld(t *testing.T, cfg ledger.Config, seed uint64) *world {
	return &world{t: t, l: ledger.New(cfg), now: time.Unix(1e9, 0), dice: rand.New(rand.NewPCG(seed, 1)),
		orders: map[string][]*ledger.Member{}, alive: map[*ledger.Member]*instance{}, moving: map[*ledger.Member]string{}}
}

func (w *world) got(m *ledger.Member) {
	if order := w.moving[m]; order != "" && order != "reclaim" {
		w.t.Fatalf("a slot was given of a member that is to %s", order)
	}
	if w.alive[m] == nil {
		w.t.Fatal("a slot was given of a member that is not there")
	}
	w.served++
	w.held = append(w.held, m)
}

// obey notes the orders, and holds the sums against the members.
func (w *world) obey() {
	o := w.l.Orders()
	for order, members := range map[string][]*ledger.Member{
		"start": o.Start, "freeze": o.Freeze, "reclaim": o.Reclaim, "thaw": o.Thaw, "close": o.Close,
	} {
		for _, m := range members {
			if other := w.moving[m]; other != "" && other+order != "reclaimthaw" {
				w.t.Fatalf("a member is to %s while it is to %s", order, other)
			}
			if (w.alive[m] == nil) != (order == "start") {
				w.t.Fatalf("a member is to %s, and there is one: %v", order, w.alive[m] != nil)
			}
			w.moving[m] += order
			w.orders[order] = append(w.orders[order], m)
		}
	}
	kept := w.waiting[:0]
	for _, c := range w.waiting {
		if !c.answered {
			kept = append(kept, c)
		}
	}
	w.waiting = kept
	if err := w.l.Check(); err != nil {
		w.t.Fatalf("after %v: %v", w.now.Sub(time.Unix(1e9, 0)), err)
	}
}

func (w *world) ask(s slipway.Spec) {
	m, err := w.l.Take(&s, 0, w.now)
	switch {
	case err != nil:
		w.refused = append(w.refused, err)
	case m != nil:
		w.got(m)
	default:
		c := &call{w: w, since: w.now}
		w.waiting = append(w.waiting, c)
		c.waiter = w.l.Wait(s.VersionRef, c, w.now)
	}
	w.obey()
}

func (w *world) release(i int, reuse bool) {
	m := w.held[i]
	w.held = append(w.held[:i], w.held[i+1:]...)
	w.l.Release(m, reuse, w.now)
	w.obey()
}

// carryOut reports the end of the first order of a kind; it says whether there was one.
func (w *world) carryOut(order string, err error) bool {
	if len(w.orders[order]) == 0 {
		return false
	}
	m := w.orders[order][0]
	w.orders[order] = w.orders[order][1:]
	w.moving[m] = strings.Replace(w.moving[m], order, "", 1)
	switch order {
	case "start":
		if err != nil {
			w.l.StartFailed(m, err, w.now)
			break
		}
		w.started++
		w.alive[m] = &instance{make(chan struct{})}
		w.l.Started(m, w.alive[m], w.now)
	case "freeze":
		w.l.Froze(m, err, w.now)
	case "reclaim":
		w.l.Reclaimed(m, w.swap(), err, w.now)
	case "thaw":
		w.l.Thawed(m, err, w.now)
	case "close":
		delete(w.alive, m)
		w.l.Gone(m, w.now)
	}
	w.obey()
	return true
}

func (w *world) swap() int64 {
	if w.swapped > 0 {
		return w.swapped
	}
	return 1 + w.dice.Int64N(300<<20)
}

var kinds = []string{"start", "freeze", "reclaim", "thaw", "close"}

// carryOutAll reports the end of every order, as if it took no time.
func (w *world) carryOutAll() {
	for more := true; more; {
		more = false
		for _, k := range kinds {
			more = w.carryOut(k, nil) || more
		}
	}
}

// pass lets time pass, and does at once whatever becomes due.
func (w *world) pass(d time.Duration) {
	for until := w.now.Add(d); ; {
		w.carryOutAll()
		next, ok := w.l.Next(w.now)
		if !ok || next.After(until) {
			w.now = until
			return
		}
		if !next.After(w.now) {
			next = w.now.Add(time.Millisecond)
		}
		w.now = next
		w.l.Sweep(w.now)
		w.obey()
	}
}

var errBroken = errors.New("the process exited with exit status 3")

func spec(function string, change ...func(*slipway.Config)) slipway.Spec {
	c := slipway.DefaultConfig()
	for _, f := range change {
		f(&c)
	}
	return slipway.Spec{VersionRef: slipway.VersionRef{Tenant: "default", Function: function, Version: 1}, Config: c}
}

func memory(mib int) func(*slipway.Config) { return func(c *slipway.Config) { c.MemoryMB = mib } }

func scaling(maximum, concurrency int) func(*slipway.Config) {
	return func(c *slipway.Config) { c.Scaling.Max, c.Scaling.Concurrency = maximum, concurrency }
}

// states is the states of all members, in the order in which they started.
func (w *world) states() (states []slipway.InstanceState) {
	for _, m := range w.l.Members(nil) {
		states = append(states, m.Info().State)
	}
	return states
}

func (w *world) expect(when string, states ...slipway.InstanceState) {
	w.t.Helper()
	if got := w.states(); fmt.Sprint(got) != fmt.Sprint(states) {
		w.t.Errorf("%s: %v, want %v", when, got, states)
	}
}

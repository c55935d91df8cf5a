package choose

import (
	"time"

	"github.com/slipway-run/slipway"
)

const (
	// probes is how many invokers are looked at for room, and how many places for a
	// short queue.
	probes = 8
	// homes is among how many invokers with room the one with most is taken.
	homes = 2
)

// Choice is the invoker that an event goes to. It counts there until Done is called with
// it, once.
type Choice struct {
	Invoker string // id
	Limit   int    // instances of the version that it may run
	place   *place
}

// Take chooses the invoker for an event of spec, other than the one named except ("" for
// none), and counts the event there. It is false when there is nobody to choose.
func (t *Table) Take(spec *slipway.Spec, except string, now time.Time) (Choice, bool) {
	t.expire(now)
	v := t.version(spec.VersionRef)
	v.concurrency = max(spec.Config.Scaling.Concurrency, 1)
	p := v.warm(except)
	if p == nil {
		p = t.cold(v, spec, except)
	}
	if p == nil {
		t.tidy(v)
		return Choice{}, false
	}
	if p.free() <= 0 {
		p.inv.promised += spec.Config.MemoryMB / v.concurrency
	}
	elsewhere := v.instances - p.instances
	p.fly(1)
	return Choice{Invoker: p.inv.state.ID, Limit: max(spec.Config.Scaling.Max-elsewhere, 1), place: p}, true
}

// Done says that the event of c has ended.
func (t *Table) Done(c Choice) { c.place.fly(-1) }

// warm is a place with a free slot, or nil.
func (v *version) warm(except string) *place {
	if p := v.awake.first(except); p != nil {
		return p
	}
	return v.frozen.first(except)
}

// cold is where the event waits: for a start as long as another instance is allowed and
// fits, else for a slot.
func (t *Table) cold(v *version, spec *slipway.Spec, except string) *place {
	calm := t.calm(v, except)
	inv, fits := t.room(v, spec.Config.MemoryMB, except)
	if calm != nil && (!fits || v.instances >= spec.Config.Scaling.Max) {
		return calm
	}
	if inv == nil {
		return nil
	}
	return t.place(inv, v.ref)
}

// room is an invoker that can start an instance of v, or, where none of those looked at
// has the memory, the one that has most.
func (t *Table) room(v *version, need int, except string) (best *invoker, fits bool) {
	found := 0
	t.ring.from(v.hash, probes, func(inv *invoker) bool {
		if inv.state.ID == except {
			return false
		}
		if inv.free() >= need {
			found++
		}
		if best == nil || inv.free() > best.free() {
			best = inv
		}
		return found == homes
	})
	return best, found > 0
}

// calm is the place with fewest events for each instance, of a few that have any; nil
// when none has.
func (t *Table) calm(v *version, except string) *place {
	var calm *place
	n := len(v.places)
	from := 0
	if n > probes {
		from = t.random.IntN(n)
	}
	for i := range min(n, probes) {
		p := v.places[(from+i)%n]
		if p.instances == 0 || p.inv.state.Draining || p.inv.state.ID == except {
			continue
		}
		if calm == nil || p.pressure() < calm.pressure() {
			calm = p
		}
	}
	return calm
}

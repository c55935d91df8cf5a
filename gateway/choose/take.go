package choose

import (
	"time"

	"github.com/slipway-run/slipway"
)

// Choice is the invoker that an event goes to. It counts there until Done is called with
// it, once.
type Choice struct {
	Invoker string // id
	Limit   int    // instances of the version that it may run
	load    *load
}

// Take chooses the invoker for an event of spec, other than the one named except ("" for
// none), and counts the event there. It is false when there is nobody to choose.
func (t *Table) Take(spec *slipway.Spec, except string, now time.Time) (Choice, bool) {
	var s survey
	for id, inv := range t.known {
		switch {
		case now.Sub(inv.seen) > StaleAfter:
			delete(t.known, id)
		case !inv.state.Draining:
			s.add(inv, spec, id == except)
		}
	}
	inv := s.best(spec)
	if inv == nil {
		return Choice{}, false
	}
	l := inv.load(spec.VersionRef)
	scaling := spec.Config.Scaling
	elsewhere := s.instances - l.instances(scaling.Concurrency)
	if l.free() <= 0 {
		inv.promised += spec.Config.MemoryMB / max(scaling.Concurrency, 1)
	}
	l.flying++
	return Choice{Invoker: inv.state.ID, Limit: max(scaling.Max-elsewhere, 1), load: l}, true
}

// Done says that the event of c has ended.
func (t *Table) Done(c Choice) { c.load.flying-- }

// survey is one look at all invokers on behalf of one version.
type survey struct {
	instances int      // of the version, on all invokers
	warm      *invoker // has most free slots
	free      int
	roomy     *invoker // has most memory that is not promised
	memory    int
	calm      *invoker // has instances, and fewest events for each
	pressure  float64
}

// add looks at one invoker; one that is out of the choice only counts.
func (s *survey) add(inv *invoker, spec *slipway.Spec, out bool) {
	concurrency := spec.Config.Scaling.Concurrency
	l := inv.loads[spec.VersionRef]
	n := l.instances(concurrency)
	s.instances += n
	if out {
		return
	}
	if free := l.free(); free > 0 && free > s.free {
		s.warm, s.free = inv, free
	}
	if memory := inv.state.FreeMemoryMB - inv.promised; s.roomy == nil || memory > s.memory {
		s.roomy, s.memory = inv, memory
	}
	if n > 0 {
		if p := l.pressure(concurrency); s.calm == nil || p < s.pressure {
			s.calm, s.pressure = inv, p
		}
	}
}

// best is an invoker with a free warm slot first; else the one with most room, as long
// as another instance is allowed and fits; else the one where the queue is shortest.
func (s *survey) best(spec *slipway.Spec) *invoker {
	switch {
	case s.warm != nil:
		return s.warm
	case s.calm == nil:
		return s.roomy
	case s.instances < spec.Config.Scaling.Max && s.memory >= spec.Config.MemoryMB:
		return s.roomy
	default:
		return s.calm
	}
}

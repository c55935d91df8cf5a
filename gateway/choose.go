package gateway

import (
	"context"
	"time"

	"github.com/slipway-run/slipway"
)

// choice is the invoker that an event goes to. It counts there until done is called.
type choice struct {
	table   *invokers
	inv     *invoker
	load    *load
	id      string
	subject string
	limit   int // instances of the version that it may run
}

// done says that the event has ended.
func (c choice) done() {
	if c.table == nil {
		return
	}
	c.table.mu.Lock()
	c.load.flying--
	c.table.mu.Unlock()
}

// choose finds the invoker for an event of spec, other than the one named except ("" for
// none). It waits for one to appear, unless except says that it is the second attempt.
func (t *invokers) choose(ctx context.Context, spec *slipway.Spec, except string) (choice, error) {
	t.mu.Lock()
	c, ok := t.take(spec, except, time.Now())
	t.mu.Unlock()
	if ok {
		return c, nil
	}
	if except != "" {
		return choice{}, errNoInvoker
	}
	err := t.wait(ctx, func(now time.Time) bool {
		c, ok = t.take(spec, "", now)
		return ok
	})
	return c, err
}

// take chooses and counts the event there. t.mu is held.
func (t *invokers) take(spec *slipway.Spec, except string, now time.Time) (choice, bool) {
	var s survey
	for id, inv := range t.known {
		switch {
		case now.Sub(inv.seen) > staleAfter:
			delete(t.known, id)
		case !inv.state.Draining:
			s.add(inv, spec, id == except)
		}
	}
	inv := s.best(spec)
	if inv == nil {
		return choice{}, false
	}
	l := inv.load(spec.VersionRef)
	scaling := spec.Config.Scaling
	elsewhere := s.instances - l.instances(scaling.Concurrency)
	if l.free() <= 0 {
		inv.promised += spec.Config.MemoryMB / max(scaling.Concurrency, 1)
	}
	l.flying++
	return choice{
		table: t, inv: inv, load: l, id: inv.state.ID, subject: inv.invoke,
		limit: max(scaling.Max-elsewhere, 1),
	}, true
}

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

// roomiest is the subject-forming id of the invoker with most free memory, for a build.
func (t *invokers) roomiest(ctx context.Context, except string) (string, error) {
	var id string
	err := t.wait(ctx, func(now time.Time) bool {
		memory := 0
		id = ""
		for _, inv := range t.present(now) {
			free := inv.state.FreeMemoryMB - inv.promised
			if inv.state.ID != except && (id == "" || free > memory) {
				id, memory = inv.state.ID, free
			}
		}
		return id != ""
	})
	return id, err
}

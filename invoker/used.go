package invoker

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// used is the processor time of all instances, those that are gone included.
type used struct {
	mu   sync.Mutex // guards what follows
	seen map[string]time.Duration
	sum  time.Duration
}

// Used is how much processor time the instances of functions have used since it was asked
// for first, in seconds. What one used between two calls, the second of which came after
// its end, is not in it.
func (s *Starter) Used() float64 {
	u := &s.used
	u.mu.Lock()
	defer u.mu.Unlock()
	now := make(map[string]time.Duration)
	for _, in := range s.running.list() {
		was, known := u.seen[in.id]
		now[in.id] = was
		if !in.metered.Load() || in.ice.hard.Load() && known { // who is frozen uses nothing
			continue
		}
		now[in.id] = max(was, in.meter.CPU()) // zero when it has just ended
		if u.seen != nil {
			u.sum += now[in.id] - was
		}
	}
	u.seen = now
	return u.sum.Seconds()
}

func (l *instances) list() []*instance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.byID))
}

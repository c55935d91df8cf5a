package invoker

import (
	"maps"
	"slices"
	"time"
)

// Used gives a function that says how much processor time the instances of functions used
// since it was called last, in seconds; the first call is the beginning. It must not be
// called by two at once.
func (s *Starter) Used() func() float64 {
	var seen map[string]time.Duration
	return func() float64 {
		now, sum := make(map[string]time.Duration), time.Duration(0)
		for _, in := range s.running.list() {
			was, known := seen[in.id]
			now[in.id] = was
			if !in.metered.Load() || in.ice.hard.Load() && known { // who is frozen uses nothing
				continue
			}
			now[in.id] = max(was, in.meter.CPU()) // zero when it has just ended
			sum += now[in.id] - was
		}
		first := seen == nil
		seen = now
		if first {
			return 0
		}
		return sum.Seconds()
	}
}

func (l *instances) list() []*instance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.byID))
}

package invoker

import (
	"sync"
	"time"

	"github.com/slipway-run/slipway"
)

// turn is one event that an instance has: from when it was leased for it until the lease
// is given back.
type turn struct {
	in      *instance
	release func(reuse bool)
	cpu     time.Duration // of the instance when the turn began

	settle sync.Once
	used   slipway.Used
}

// take begins a turn. An instance that is frozen still is thawed: the pool does that
// before it gives a lease, but a frozen process would never answer.
func (in *instance) take(release func(reuse bool)) *turn {
	in.ice.enter(in)
	t := &turn{in: in, release: release}
	if in.meter != nil && in.alone() {
		in.meter.BeginPeak()
		t.cpu = in.meter.CPU()
	}
	return t
}

// end gives the lease back. What was used is read before: then the next turn may begin.
func (t *turn) end(reuse bool) {
	t.usage()
	t.in.ice.leave()
	t.release(reuse)
}

// usage is what was used until the end of the turn, or when it is asked for before,
// until then.
func (t *turn) usage() slipway.Used {
	t.settle.Do(func() {
		meter := t.in.meter
		if meter == nil {
			return
		}
		t.used.MemoryPeak = meter.Peak()
		if t.in.alone() {
			t.used.CPU = max(0, meter.CPU()-t.cpu)
		}
	})
	return t.used
}

// alone says whether an event is the only one that the instance has.
func (in *instance) alone() bool { return in.spec.Config.Scaling.Concurrency <= 1 }

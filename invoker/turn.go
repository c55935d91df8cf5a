package invoker

import (
	"strings"
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
	mark    int64         // bytes that the instance had printed then
	tailed  bool          // the caller wants to see what it prints

	settle sync.Once
	used   slipway.Used
	logged sync.Once
	tail   string
}

// take begins a turn. An instance that is frozen still is thawed: the pool does that
// before it gives a lease, but a frozen process would never answer.
func (in *instance) take(tailed bool, release func(reuse bool)) *turn {
	in.ice.enter(in)
	t := &turn{in: in, release: release, tailed: tailed}
	if tailed {
		in.output.CatchUp()
	}
	t.mark = in.output.Printed()
	in.mark.Store(t.mark)
	if in.meter != nil && in.alone() {
		in.meter.BeginPeak()
		t.cpu = in.meter.CPU()
	}
	return t
}

// end gives the lease back. What was used is read before: then the next turn may begin.
func (t *turn) end(reuse bool) {
	t.usage()
	t.log()
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

// log is the end of what was printed in the turn until now, when that is wanted: lines of
// other events as well where an instance has several at once.
func (t *turn) log() string {
	if t.tailed {
		t.logged.Do(func() {
			t.in.output.CatchUp()
			t.tail = t.in.output.TailSince(t.mark)
		})
	}
	return t.tail
}

// logTypeHeader asks for the end of what the function prints, as AWS's own header does.
const logTypeHeader = "X-Slipway-Log-Type"

func wantsTail(req *slipway.Request) bool {
	return req.Mode == slipway.ModeInvoke && strings.EqualFold(first(req.Header, logTypeHeader), "Tail")
}

// alone says whether an event is the only one that the instance has.
func (in *instance) alone() bool { return in.spec.Config.Scaling.Concurrency <= 1 }

package ledger

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/slipway-run/slipway"
)

// version is what the ledger knows of one version.
type version struct {
	spec    slipway.Spec // as last given
	limit   int          // the caller's bound on members; 0 is none
	members map[*Member]struct{}

	starting int // members
	ready    int // members
	leaving  int // of the ready ones, those that get nothing new
	free     int // slots of ready members
	stack    stack
	waiting  queue

	keep  int    // members that stay when they are idle
	ahead int    // members started before anybody waits; at most keep
	short string // why there are fewer; "" when there are not

	failures int       // starts in a row that went wrong
	failure  error     // the last of them
	retryAt  time.Time // no start before
}

// A start that goes wrong holds the next one back: twice as long each time.
const (
	firstBackOff = 100 * time.Millisecond
	maxBackOff   = 10 * time.Second
)

func (v *version) function() slipway.FunctionRef {
	return slipway.FunctionRef{Tenant: v.spec.Tenant, Function: v.spec.Function}
}

func (v *version) update(spec *slipway.Spec, limit int) {
	old := v.slots()
	v.spec, v.limit = *spec, limit
	if len(v.members) > 0 && v.slots() != old {
		v.relist()
	}
}

// runsAs says whether members that were started with v's spec can serve one. A number
// can come to name something else: a version that was built but never published, or
// one of a function that was deleted and made again.
func (v *version) runsAs(spec *slipway.Spec) bool {
	a, b := &v.spec.Config, &spec.Config
	return v.spec.Digest == spec.Digest && a.Handler == b.Handler && a.Port == b.Port &&
		a.CPU == b.CPU && a.MemoryMB == b.MemoryMB && a.EphemeralMB == b.EphemeralMB && a.PIDs == b.PIDs &&
		a.Timeout == b.Timeout && a.Network == b.Network && a.Isolation == b.Isolation &&
		slices.Equal(a.Command, b.Command) && maps.Equal(a.Env, b.Env) && maps.Equal(a.Secrets, b.Secrets)
}

// slots is the invocations at once per member.
func (v *version) slots() int { return max(1, v.spec.Config.Scaling.Concurrency) }

// bound is how many members there may be.
func (v *version) bound() int {
	n := max(1, v.spec.Config.Scaling.Max)
	if v.limit > 0 {
		n = min(n, v.limit)
	}
	return n
}

// serve gives free slots to waiters in their order.
func (v *version) serve() {
	for v.waiting.len() > 0 {
		m := v.top()
		if m == nil {
			return
		}
		cold := m.fresh
		v.occupy(m)
		v.waiting.pop().caller.Answer(m, cold, nil)
	}
}

// top is the member with a free slot that was used last, or nil. One that has ended
// is passed over; watch takes it away.
func (v *version) top() *Member {
	for m := v.stack.head; m != nil; m = m.next {
		select {
		case <-m.instance.Done():
		default:
			return m
		}
	}
	return nil
}

func (v *version) occupy(m *Member) {
	m.inFlight++
	m.fresh = false
	v.free--
	if m.inFlight >= v.slots() {
		v.stack.remove(m)
	}
}

// vacate takes a slot of m back and puts m on top of the stack.
func (v *version) vacate(m *Member, now time.Time) {
	if m.inFlight == 0 {
		m.idleSince = now
	}
	if m.inFlight >= v.slots() {
		return // the concurrency was lowered meanwhile
	}
	v.free++
	v.stack.remove(m)
	v.stack.push(m)
}

// list makes a member that became ready known to those who look for slots.
func (v *version) list(m *Member) {
	m.state, m.fresh = ready, true
	v.ready++
	v.free += v.slots()
	v.stack.push(m)
}

// unlist takes m's free slots away.
func (v *version) unlist(m *Member) {
	if v.stack.remove(m) {
		v.free -= v.slots() - m.inFlight
	}
}

// relist counts the slots anew after the concurrency changed.
func (v *version) relist() {
	listed := make([]*Member, 0, v.ready)
	for m := range v.members {
		if m.state == ready && !m.retired {
			listed = append(listed, m)
		}
	}
	slices.SortFunc(listed, func(a, b *Member) int { return a.idleSince.Compare(b.idleSince) })
	v.stack, v.free = stack{}, 0
	for _, m := range listed {
		m.prev, m.next, m.listed = nil, nil, false
		if m.inFlight < v.slots() {
			v.free += v.slots() - m.inFlight
			v.stack.push(m)
		}
	}
}

// staying is the members that can take events now or soon.
func (v *version) staying() int { return v.starting + v.ready - v.leaving }

// shun makes a ready member get nothing new.
func (v *version) shun(m *Member) {
	if !m.retired {
		m.retired = true
		v.leaving++
	}
	v.unlist(m)
}

// spare lists the idle members that may go, the one idle longest first.
func (v *version) spare() []*Member {
	var idle []*Member
	for m := v.stack.tail; m != nil; m = m.prev {
		if m.inFlight == 0 {
			idle = append(idle, m)
		}
	}
	others := v.staying() - len(idle)
	return idle[:max(0, len(idle)-max(0, v.keep-others))]
}

// retrying says whether err is that starts are held back.
func (v *version) retrying(err error) bool { return v.failure != nil && errors.Is(err, v.failure) }

// failed notes a start that went wrong.
func (v *version) failed(err error, now time.Time) {
	v.failures++
	v.failure = err
	v.retryAt = now.Add(min(maxBackOff, firstBackOff<<min(v.failures-1, 10)))
}

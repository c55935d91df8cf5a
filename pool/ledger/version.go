package ledger

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/slipway-run/slipway"
)

// version is what the ledger knows of one version.
type version struct {
	function *function
	spec     slipway.Spec // as last given
	limit    int          // the caller's bound on members; 0 is none
	members  map[*Member]struct{}

	starting int      // members
	thawing  int      // members
	ready    int      // members
	leaving  int      // of the ready ones, those that get nothing new
	free     int      // slots of ready members, frozen ones too
	stacks   [3]stack // members with a free slot: running, frozen, reclaimed
	waiting  queue

	keep    int       // members that stay when they are idle
	standby bool      // they give way to whoever needs their room
	ahead   int       // members started before anybody waits; at most keep
	wakeAt  time.Time // when one is started because an event is expected; zero is never
	short   string    // why there are fewer than ahead; "" when there are not

	run, cold estimate  // of an event, and of a start
	single    bool      // the last event left its member of no use for another
	crowded   time.Time // since when somebody waits and nothing was started

	failures int       // starts in a row that went wrong
	failure  error     // the last of them
	retryAt  time.Time // no start before

	due   time.Time // on the agenda
	place int       // there, from 1; 0 is not there
}

// A start that goes wrong holds the next one back: twice as long each time.
const (
	firstBackOff = 100 * time.Millisecond
	maxBackOff   = 10 * time.Second
)

func newVersion(f *function) *version {
	return &version{function: f, members: make(map[*Member]struct{}), run: f.run, cold: f.cold}
}

func (v *version) ref() slipway.FunctionRef {
	return slipway.FunctionRef{Tenant: v.spec.Tenant, Function: v.spec.Function}
}

func (v *version) update(spec *slipway.Spec, limit int) {
	v.limit = limit
	if v.spec.Config.Scaling == spec.Config.Scaling && v.spec.Protocol == spec.Protocol && v.spec.VersionRef == spec.VersionRef && v.runsAs(spec) {
		return
	}
	old := v.slots()
	v.spec = *spec
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

// bounds is for how long an idle member may be kept.
func (v *version) bounds() bounds {
	s := &v.spec.Config.Scaling
	return bounds{least: min(s.IdleMin.D(), s.IdleTimeout.D()), most: s.IdleTimeout.D()}
}

// staying is the members that can take events now or soon.
func (v *version) staying() int { return v.starting + v.ready - v.leaving }

// coming is the slots that will be free soon because a start or a thaw is under way.
func (v *version) coming() int { return (v.starting + v.thawing) * v.slots() }

// top is the running member with a free slot that was used last, or nil. One that has
// ended is passed over; it is a matter of moments until that is reported.
func (v *version) top() *Member {
	for m := v.stacks[running].head; m != nil; m = m.next {
		if !m.ended() {
			return m
		}
	}
	return nil
}

func (v *version) occupy(m *Member, now time.Time) {
	m.count(now)
	m.inFlight++
	m.fresh, m.stays = false, time.Time{}
	v.free--
	if m.inFlight >= v.slots() {
		m.unstack()
	}
}

// vacate takes a slot of m back and puts m on top of the stack.
func (v *version) vacate(m *Member, now time.Time) {
	if m.inFlight == 0 {
		v.rest(m, now)
	}
	if m.inFlight >= v.slots() {
		return // the concurrency was lowered meanwhile
	}
	v.free++
	m.unstack()
	v.stacks[running].push(m)
}

// rest notes that m has become idle.
func (v *version) rest(m *Member, now time.Time) {
	m.idleSince, m.stuck, m.dry = now, false, false
	m.level = v.function.demand.needed + 1
}

// list makes the free slots of a member known to those who look for some.
func (v *version) list(m *Member) {
	v.free += v.slots()
	v.stacks[running].push(m)
}

// unlist takes m's free slots away.
func (v *version) unlist(m *Member) {
	if m.unstack() {
		v.free -= v.slots() - m.inFlight
	}
}

// relist counts the slots anew after the concurrency changed.
func (v *version) relist() {
	listed := make([]*Member, 0, v.ready)
	v.free = 0
	for m := range v.members {
		switch {
		case m.state != ready || m.retired || m.thaws || m.ice == thawing:
		case m.ice == running:
			listed = append(listed, m)
		default:
			v.free += v.slots()
		}
	}
	slices.SortFunc(listed, func(a, b *Member) int { return a.idleSince.Compare(b.idleSince) })
	for _, m := range listed {
		m.unstack()
		if m.inFlight < v.slots() {
			v.free += v.slots() - m.inFlight
			v.stacks[running].push(m)
		}
	}
}

// shun makes a ready member get nothing new.
func (v *version) shun(m *Member) {
	if !m.retired {
		m.retired = true
		v.leaving++
	}
	v.unlist(m)
}

// idle lists the idle members, the one idle longest first.
func (v *version) idle() iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		for i := range v.stacks {
			for m := v.stacks[len(v.stacks)-1-i].tail; m != nil; {
				next := m.prev // m may be taken out
				if m.inFlight == 0 && !yield(m) {
					return
				}
				m = next
			}
		}
	}
}

// promised is how many members nobody else can have the room of.
func (v *version) promised() int {
	if v.standby {
		return 0
	}
	return v.keep
}

// spare lists the idle members that may go when others need their room, the one idle
// longest first.
func (v *version) spare() iter.Seq[*Member] {
	return func(yield func(*Member) bool) {
		left := v.spares(v.promised())
		for m := range v.idle() {
			if left--; left < 0 || !yield(m) {
				return
			}
		}
	}
}

// spares is how many idle members there are beside those that stay for the sake of keep.
func (v *version) spares(keep int) int {
	idle := 0
	for range v.idle() {
		idle++
	}
	others := v.staying() - idle
	return max(0, idle-max(0, keep-others))
}

// retrying says whether err is that starts are held back.
func (v *version) retrying(err error) bool { return v.failure != nil && errors.Is(err, v.failure) }

// failed notes a start that went wrong.
func (v *version) failed(err error, now time.Time) {
	v.failures++
	v.failure = err
	v.retryAt = now.Add(min(maxBackOff, firstBackOff<<min(v.failures-1, 10)))
}

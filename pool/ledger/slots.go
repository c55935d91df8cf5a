package ledger

import (
	"time"

	"github.com/slipway-run/slipway"
)

// Caller is one who wants a slot and has to wait for it.
type Caller interface {
	// Answer is called once, during an event, unless the caller leaves before: with the
	// member whose slot is given, or with the error that says why there is none. It must
	// not call the ledger.
	Answer(m *Member, cold bool, err error)
}

// Take gives a free slot of a running member if there is one and nobody waits before;
// without one there is neither a member nor an error, and the caller may wait. limit
// bounds the version's members beside scaling.max; 0 is no further bound. The spec
// becomes the version's.
func (l *Ledger) Take(spec *slipway.Spec, limit int, now time.Time) (*Member, error) {
	if l.draining {
		return nil, errDraining()
	}
	v := l.version(spec, limit, now)
	if n := v.waiting.len(); n > 0 {
		if n >= l.cfg.MaxWaiting {
			return nil, l.errQueueFull(v)
		}
		return nil, nil
	}
	m := v.top()
	if m != nil {
		v.arrived(now)
		l.occupy(m, now)
	}
	return m, nil
}

// Wait puts a caller that Take gave nothing at the end of the version's queue, and does
// what is needed to serve it; it may be answered during the call.
func (l *Ledger) Wait(ref slipway.VersionRef, caller Caller, now time.Time) *Waiter {
	v := l.versions[ref]
	v.arrived(now)
	w := &Waiter{version: v, since: now, caller: caller}
	if v.waiting.len() == 0 {
		v.crowded = now
	}
	v.waiting.push(w)
	l.settle(v, now)
	return w
}

// Leave takes a waiter out of its queue. It says false when the caller was answered.
func (l *Ledger) Leave(w *Waiter, now time.Time) bool {
	v := w.version
	waited := v.waiting.remove(w)
	if waited {
		v.left(now)
		l.fed(v)
	}
	return waited
}

// GiveBack returns a slot that was granted but never used.
func (l *Ledger) GiveBack(m *Member, now time.Time) { l.vacate(m, true, now) }

// Release returns a slot after the event. Without reuse the member gets nothing new, and
// is closed when its other leases have ended.
func (l *Ledger) Release(m *Member, reuse bool, now time.Time) {
	m.count(now)
	m.version.single = !reuse
	m.version.run.add(m.busy) // on average one event's time per end of one (Little's law)
	m.busy = 0
	m.served++
	l.vacate(m, reuse, now)
}

func (l *Ledger) vacate(m *Member, reuse bool, now time.Time) {
	v := m.version
	m.count(now)
	if !reuse && m.state == ready {
		v.shun(m)
	}
	m.inFlight--
	if m.inFlight == 0 {
		l.works(m, -1)
	}
	v.left(now)
	if m.state != ready {
		return // it died or was closed by force meanwhile
	}
	if !m.retired {
		v.failures = 0
		v.vacate(m, now)
		l.yield(m, now)
	}
	if m.retired && m.inFlight == 0 {
		l.close(m)
	}
	l.settle(v, now)
	if m.inFlight == 0 && m.state == ready {
		l.rested(m, now)
	}
}

// rested follows a member that is idle now: it will be looked at, and may make room.
func (l *Ledger) rested(m *Member, now time.Time) {
	v := m.version
	l.due.wake(v, now.Add(l.firstLook(v)))
	if len(l.blocked) > 0 && v.spares(v.promised()) > 0 {
		l.settleBlocked(now)
	}
}

func (v *version) arrived(now time.Time) {
	v.function.demand.arrived(v.slots(), v.bounds().least, now)
}

func (v *version) left(now time.Time) { v.function.demand.left(v.slots(), now) }

// occupy gives a slot of m.
func (l *Ledger) occupy(m *Member, now time.Time) {
	if m.inFlight == 0 {
		l.works(m, 1)
	}
	m.version.occupy(m, now)
}

// works counts the processors of a member that begins to work, or ends with -1.
func (l *Ledger) works(m *Member, by int64) {
	l.working += by * int64(m.spec.Config.CPU*1000)
}

// serve gives free slots of running members to waiters in their order.
func (l *Ledger) serve(v *version, now time.Time) {
	for v.waiting.len() > 0 {
		m := v.top()
		if m == nil {
			return
		}
		cold := m.fresh
		l.occupy(m, now)
		v.waiting.pop().caller.Answer(m, cold, nil)
	}
}

// refuse gives err to a waiter that was taken out of the queue.
func (v *version) refuse(w *Waiter, err error, now time.Time) {
	v.left(now)
	w.caller.Answer(nil, false, err)
}

// refuseAll gives err to everybody who waits for v.
func (l *Ledger) refuseAll(v *version, err error, now time.Time) {
	for w := v.waiting.pop(); w != nil; w = v.waiting.pop() {
		v.refuse(w, err, now)
	}
	l.fed(v)
}

// fed notes that nobody waits for v any more, if that is so.
func (l *Ledger) fed(v *version) {
	if v.waiting.len() > 0 {
		return
	}
	if v.staying() >= v.ahead {
		delete(l.blocked, v)
	}
	l.tidy(v)
}

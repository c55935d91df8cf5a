package pool

import (
	"time"

	"github.com/slipway-run/slipway"
)

// ledger is the state of a pool and its decisions. Every method that decides is told
// what happened and when, and leaves what must be done in starts and closes.
type ledger struct {
	memoryMB   int // of the machine; 0 is no bound
	maxWaiting int

	versions map[slipway.VersionRef]*version
	hungry   map[*version]struct{} // those with waiters
	promised int                   // MiB, to every member until it is gone
	closing  int                   // MiB of promised that closing members will give back
	members  int                   // all that are not gone

	draining bool
	ended    bool // draining and nothing is left; said once

	starts    []*member  // to be started
	closes    []*member  // to be closed
	shortages []shortage // to be said
}

func newLedger(memoryMB, maxWaiting int) ledger {
	return ledger{
		memoryMB: memoryMB, maxWaiting: maxWaiting,
		versions: make(map[slipway.VersionRef]*version),
		hungry:   make(map[*version]struct{}),
	}
}

// orders hands over what must be done.
func (l *ledger) orders() (starts, closes []*member, shortages []shortage) {
	starts, closes, shortages = l.starts, l.closes, l.shortages
	l.starts, l.closes, l.shortages = nil, nil, nil
	return starts, closes, shortages
}

// drained says, once, that a draining pool has nothing left.
func (l *ledger) drained() bool { return l.draining && l.members == 0 && !l.ended }

// take gives a free slot if there is one and nobody waits before; without one there is
// neither a member nor an error.
func (l *ledger) take(spec slipway.Spec, limit int, now time.Time) (*member, error) {
	if l.draining {
		return nil, errDraining()
	}
	v := l.version(spec, limit)
	if v.waiting.len() > 0 {
		if v.waiting.len() >= l.maxWaiting {
			return nil, errQueueFull(v, l.maxWaiting)
		}
		return nil, nil
	}
	m := v.top()
	if m != nil {
		v.occupy(m)
	}
	return m, nil
}

// wait puts a waiter at the end of the version's queue, and does what is needed to
// serve it; it may have its outcome already.
func (l *ledger) wait(ref slipway.VersionRef, now time.Time) *waiter {
	v := l.versions[ref]
	w := &waiter{version: v, since: now, outcome: make(chan outcome, 1)}
	v.waiting.push(w)
	l.hungry[v] = struct{}{}
	l.settle(v, now)
	return w
}

// leave takes a waiter out of its queue, if it is in it still.
func (l *ledger) leave(w *waiter) {
	if w.version.waiting.remove(w) {
		l.fed(w.version)
	}
}

// giveBack returns a slot that was granted but never used.
func (l *ledger) giveBack(m *member, now time.Time) {
	m.served--
	l.release(m, true, now)
}

// release returns a slot. Without reuse the member gets nothing new, and is closed
// when its other leases have ended.
func (l *ledger) release(m *member, reuse bool, now time.Time) {
	v := m.version
	if !reuse && m.state == ready {
		v.shun(m)
	}
	m.inFlight--
	m.served++
	switch {
	case m.state != ready:
		return // it died or was closed by force meanwhile
	case !m.retired:
		v.failures = 0
		v.vacate(m, now)
	case m.inFlight == 0:
		l.close(m)
	}
	l.settle(v, now)
}

// started makes a member ready.
func (l *ledger) started(m *member, instance slipway.Instance, now time.Time) {
	v := m.version
	v.starting--
	m.instance, m.startedAt, m.idleSince = instance, now, now
	retired := m.retired
	m.retired = false
	v.list(m)
	if l.draining || retired && (v.waiting.len() == 0 || !v.runsAs(m.spec)) {
		l.close(m)
	}
	l.settle(v, now)
}

// startFailed forgets a member that never came up. Its error goes to the waiter that
// caused the start, and to all others when nothing else could serve them; while
// something can, they wait on.
func (l *ledger) startFailed(m *member, err error, now time.Time) {
	v := m.version
	v.starting--
	v.failed(err, now)
	l.forget(m)
	if v.ready == 0 {
		if v.waiting.remove(m.cause) {
			m.cause.outcome <- outcome{err: err}
			l.fed(v)
		}
		if v.starting == 0 {
			l.refuse(v, err)
		}
	}
	l.settleAll(now)
}

// died takes a member away whose process ended.
func (l *ledger) died(m *member, now time.Time) {
	if m.state != ready {
		return
	}
	if m.served == 0 && m.inFlight == 0 {
		m.version.failed(errEndedEarly(m), now)
	}
	l.close(m)
	l.settle(m.version, now)
}

// unfit has a member get nothing new; it is closed after the events it has.
func (l *ledger) unfit(m *member, now time.Time) {
	if m.state != ready {
		return
	}
	m.version.shun(m)
	if m.inFlight == 0 {
		l.close(m)
	}
	l.settle(m.version, now)
}

// gone ends a member: it is closed, and its memory free again.
func (l *ledger) gone(m *member, now time.Time) {
	l.closing -= m.memoryMB
	l.forget(m)
	l.settleAll(now)
	l.fill(m.version, now)
}

// close takes m out of the version and orders its closing.
func (l *ledger) close(m *member) {
	m.version.unlist(m)
	m.version.ready--
	if m.retired {
		m.version.leaving--
	}
	m.state = closing
	l.closing += m.memoryMB
	l.closes = append(l.closes, m)
}

func (l *ledger) forget(m *member) {
	delete(m.version.members, m)
	l.promised -= m.memoryMB
	l.members--
	l.tidy(m.version)
}

// fed takes v off the list of the hungry when nobody waits any more.
func (l *ledger) fed(v *version) {
	if v.waiting.len() == 0 {
		delete(l.hungry, v)
		l.tidy(v)
	}
}

// tidy forgets a version of which nothing is left to know.
func (l *ledger) tidy(v *version) {
	if len(v.members) == 0 && v.waiting.len() == 0 && v.failures == 0 && v.keep == 0 && l.versions[v.spec.VersionRef] == v {
		delete(l.versions, v.spec.VersionRef)
	}
}

// version is the entry of spec's version, brought up to date.
func (l *ledger) version(spec slipway.Spec, limit int) *version {
	v := l.versions[spec.VersionRef]
	switch {
	case v == nil:
		v = &version{members: make(map[*member]struct{})}
		l.versions[spec.VersionRef] = v
	case !v.runsAs(spec):
		l.retire(v)
		v.failures, v.retryAt = 0, time.Time{}
	}
	v.update(spec, limit)
	return v
}

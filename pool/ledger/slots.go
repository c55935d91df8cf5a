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

// Take gives a free slot if there is one and nobody waits before; without one there is
// neither a member nor an error, and the caller may wait. limit bounds the version's
// members beside scaling.max; 0 is no further bound. The spec becomes the version's.
func (l *Ledger) Take(spec *slipway.Spec, limit int, now time.Time) (*Member, error) {
	if l.draining {
		return nil, errDraining()
	}
	v := l.version(spec, limit)
	if v.waiting.len() > 0 {
		if v.waiting.len() >= l.cfg.MaxWaiting {
			return nil, errQueueFull(v, l.cfg.MaxWaiting)
		}
		return nil, nil
	}
	m := v.top()
	if m != nil {
		v.occupy(m)
	}
	return m, nil
}

// Wait puts a caller that Take gave nothing at the end of the version's queue, and does
// what is needed to serve it; it may be answered during the call.
func (l *Ledger) Wait(ref slipway.VersionRef, caller Caller, now time.Time) *Waiter {
	v := l.versions[ref]
	w := &Waiter{version: v, since: now, caller: caller}
	v.waiting.push(w)
	l.hungry[v] = struct{}{}
	l.settle(v, now)
	return w
}

// Leave takes a waiter out of its queue. It says false when the caller was answered.
func (l *Ledger) Leave(w *Waiter, now time.Time) bool {
	waited := w.version.waiting.remove(w)
	if waited {
		l.fed(w.version)
	}
	return waited
}

// GiveBack returns a slot that was granted but never used.
func (l *Ledger) GiveBack(m *Member, now time.Time) {
	m.served--
	l.Release(m, true, now)
}

// Release returns a slot. Without reuse the member gets nothing new, and is closed
// when its other leases have ended.
func (l *Ledger) Release(m *Member, reuse bool, now time.Time) {
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

// refuse gives err to everybody who waits for v.
func (l *Ledger) refuse(v *version, err error) {
	for w := v.waiting.pop(); w != nil; w = v.waiting.pop() {
		w.caller.Answer(nil, false, err)
	}
	l.fed(v)
}

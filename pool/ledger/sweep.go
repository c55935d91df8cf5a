package ledger

import "time"

// forgetFailure is how long a back-off that is over is remembered, so that a version
// that keeps failing waits longer each time.
const forgetFailure = time.Minute

const never = time.Duration(1<<63 - 1)

// Next is the earliest time at which something is due although nothing happens; false
// when nothing is.
func (l *Ledger) Next(now time.Time) (time.Time, bool) {
	var t time.Time
	if v := l.due.next(); v != nil {
		t = v.due
	}
	if len(l.blocked) > 0 {
		if at := l.bucket.next(now); at.After(now) && (t.IsZero() || at.Before(t)) {
			t = at
		}
	}
	return t, !t.IsZero()
}

// Sweep does what is due: idle members are frozen, reclaimed and closed, starts are tried
// whose back-off is over, and who waited for too long is refused.
func (l *Ledger) Sweep(now time.Time) {
	for v := l.due.next(); v != nil && !v.due.After(now); v = l.due.next() {
		l.due.remove(v)
		l.lookAt(v, now)
	}
	l.settleBlocked(now)
}

func (l *Ledger) lookAt(v *version, now time.Time) {
	l.expire(v, now)
	l.tend(v, now)
	if v.failures > 0 {
		if until := v.retryAt.Add(forgetFailure); now.Before(until) {
			l.due.wake(v, until)
		} else {
			v.failures = 0
		}
	}
	l.foresee(v, now)
	l.settle(v, now)
	l.tidy(v)
}

// tend closes idle members of v that were so for too long, and freezes and reclaims
// others.
func (l *Ledger) tend(v *version, now time.Time) {
	spare, next, before := v.spares(v.keep), never, v.ready
	for m := range v.idle() {
		next = min(next, l.tendTo(m, spare > 0, now))
		spare--
	}
	if v.ready < before && v.staying() == 0 {
		v.expect(now)
	}
	if !v.wakeAt.IsZero() {
		next = min(next, v.wakeAt.Sub(now))
	}
	if next < never {
		l.due.wake(v, now.Add(next))
	}
}

// tendTo does what is due for one idle member, which may go or not, and says after what
// time to look again.
func (l *Ledger) tendTo(m *Member, spare bool, now time.Time) time.Duration {
	next, idle := never, now.Sub(m.idleSince)
	if spare {
		if next = m.version.expiry(m).Sub(now); next <= 0 {
			l.close(m)
			return never
		}
	}
	if l.freezes(m) {
		if left := l.cfg.FreezeAfter - idle; left > 0 {
			return min(next, left)
		}
		l.freeze(m)
	}
	if spare && l.reclaims(m) {
		left := l.cfg.ReclaimAfter - idle
		if left > 0 || m.moving || m.shrinks {
			return min(next, max(left, time.Second))
		}
		l.reclaim(m)
	}
	return next
}

// freezes says whether m is to be frozen when it is idle for long enough.
func (l *Ledger) freezes(m *Member) bool {
	return m.ice == running && !m.stuck && l.cfg.FreezeAfter > 0 && !m.version.spec.Config.Scaling.Background
}

// reclaims says whether m's memory is to go to swap when it is idle for long enough.
func (l *Ledger) reclaims(m *Member) bool {
	return m.ice == frozen && !m.dry && l.cfg.ReclaimAfter > 0
}

// firstLook is how long after a member of v became idle something may be due.
func (l *Ledger) firstLook(v *version) time.Duration {
	first := v.bounds().least
	if l.cfg.FreezeAfter > 0 && !v.spec.Config.Scaling.Background {
		first = min(first, l.cfg.FreezeAfter)
	}
	return first
}

// expiry is when an idle member that may go does so.
func (v *version) expiry(m *Member) time.Time {
	if !m.stays.IsZero() {
		return m.stays
	}
	return m.idleSince.Add(v.plan(m.level).keep)
}

func (v *version) plan(level int) plan {
	return v.function.demand.gaps(level).planFor(v.bounds(), v.cold.value)
}

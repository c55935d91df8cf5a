package ledger

import "time"

// turn is how long a version without any member waits, and how long another has had
// its own at least, before it gets the room of one although all have their share.
const turn = 2 * time.Second

// patience is how long room is held for one that comes first when none comes free: it may
// be events that last for hours that it waits for.
const patience = 10 * time.Second

// precedes says whether room that comes free goes to v rather than to o: to who lacks
// what was promised, then to the tenant whose members hold least memory, then to the
// function, then to who has waited longest.
func (v *version) precedes(o *version) bool {
	a, b := v.function, o.function
	switch x, y := v.lacking(), o.lacking(); {
	case x != y:
		return x
	case a.tenant.memoryMB != b.tenant.memoryMB:
		return a.tenant.memoryMB < b.tenant.memoryMB
	case a.memoryMB != b.memoryMB:
		return a.memoryMB < b.memoryMB
	}
	x, y := v.waiting.head, o.waiting.head
	return x != nil && (y == nil || x.since.Before(y.since))
}

// lacking says whether members that are to be kept are missing.
func (v *version) lacking() bool { return v.staying() < v.ahead }

// first is the blocked version that no other precedes; nil when none is blocked.
func (l *Ledger) first() *version {
	var first *version
	for v := range l.blocked {
		if first == nil || v.precedes(first) {
			first = v
		}
	}
	return first
}

// preceded says whether another version is to have room before v.
func (l *Ledger) preceded(v *version, now time.Time) bool {
	for o, since := range l.blocked {
		if o != v && o.precedes(v) && !l.stalled(since, now) {
			return true
		}
	}
	return false
}

// stalled says whether no room came free for so long, while somebody waited for it since
// then, that others may have what there is.
func (l *Ledger) stalled(since, now time.Time) bool {
	return now.Sub(later(since, l.freedAt)) >= patience
}

// yield has m, of which a slot came free, closed when another version has a better
// claim to its memory: the function that floods gives up what exceeds its share, and
// when there is less room than functions, they take turns.
func (l *Ledger) yield(m *Member, now time.Time) {
	b := l.first()
	if b == nil || b == m.version || !l.claims(b, m, now) {
		return
	}
	m.version.shun(m)
	m.yields = true
	l.yielding += m.memoryMB
}

// claims says whether b is to have m's memory.
func (l *Ledger) claims(b *version, m *Member, now time.Time) bool {
	v, need := m.version, b.spec.Config.MemoryMB
	if l.cfg.MemoryMB == 0 || l.pending() >= need || v.staying() <= v.promised() {
		return false
	}
	if b.lacking() {
		return true
	}
	from, to := &v.function.account, &b.function.account
	if v.function.tenant != b.function.tenant {
		from, to = v.function.tenant, b.function.tenant
	}
	if from.memoryMB-m.memoryMB >= to.memoryMB+need {
		return true
	}
	return b.staying() == 0 && (from == to || to.memoryMB <= from.memoryMB-m.memoryMB) &&
		now.Sub(b.waiting.head.since) >= turn && now.Sub(m.startedAt) >= turn
}

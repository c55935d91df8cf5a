package ledger

import "time"

// order has one more member of v started.
func (l *Ledger) order(v *version, now time.Time) *Member {
	m := &Member{version: v, spec: v.spec, number: l.numbers, ordered: now, cause: v.waiting.at(v.coming())}
	l.promise(m, v.spec.Config.MemoryMB)
	v.members[m] = struct{}{}
	v.starting++
	l.works(m, 1)
	v.crowded = now
	l.numbers++
	l.members++
	l.bucket.take()
	l.orders.Start = append(l.orders.Start, m)
	return m
}

// Started reports that a member's instance is ready for events.
func (l *Ledger) Started(m *Member, instance Instance, now time.Time) {
	v := m.version
	v.cold.add(now.Sub(m.ordered))
	v.starting--
	v.ready++
	l.works(m, -1)
	m.state, m.fresh = ready, true
	m.instance, m.startedAt, m.counted = instance, now, now
	v.rest(m, now)
	v.list(m)
	retired := m.retired
	m.retired = false
	if l.draining || retired && (v.waiting.len() == 0 || !v.runsAs(&m.spec)) {
		l.close(m)
	}
	l.settle(v, now)
	if m.inFlight == 0 && m.state == ready {
		l.rested(m, now)
	}
}

// StartFailed reports a member that never came up. Its error goes to the waiter that
// caused the start, and to all others when nothing else could serve them; while
// something can, they wait on.
func (l *Ledger) StartFailed(m *Member, err error, now time.Time) {
	v := m.version
	v.starting--
	l.works(m, -1)
	v.failed(err, now)
	l.forget(m)
	if v.ready == 0 {
		if v.waiting.remove(m.cause) {
			v.refuse(m.cause, err, now)
			l.fed(v)
		}
		if v.starting == 0 {
			l.refuseAll(v, err, now)
		}
	}
	l.settle(v, now)
	l.settleBlocked(now)
}

// Died reports a member whose instance ended by itself.
func (l *Ledger) Died(m *Member, now time.Time) {
	if m.state != ready {
		return
	}
	if m.served == 0 && m.inFlight == 0 {
		m.version.failed(errEndedEarly(m), now)
	}
	l.close(m)
	l.settle(m.version, now)
}

// Unfit has a member get nothing new; it is closed after the events it has.
func (l *Ledger) Unfit(m *Member, now time.Time) {
	if m.state != ready {
		return
	}
	m.version.shun(m)
	if m.inFlight == 0 {
		l.close(m)
	}
	l.settle(m.version, now)
}

// Gone reports that a member is closed: its memory is free again.
func (l *Ledger) Gone(m *Member, now time.Time) {
	l.closing -= m.memoryMB
	l.freedAt = now
	l.forget(m)
	l.settle(m.version, now)
	l.settleBlocked(now)
}

// close takes m out of the version and orders its closing, which waits for what is
// being done with it.
func (l *Ledger) close(m *Member) {
	v := m.version
	v.unlist(m)
	v.ready--
	if m.retired {
		v.leaving--
	}
	if m.yields {
		l.yielding -= m.memoryMB
	}
	if m.ice == thawing {
		v.thawing--
	}
	m.state, m.thaws = closing, false
	l.given -= m.givenMB
	m.givenMB = 0
	l.closing += m.memoryMB
	l.orderClose(m)
}

// orderClose orders it as soon as nothing else is under way with m.
func (l *Ledger) orderClose(m *Member) {
	if !m.moving && !m.shrinks {
		l.orders.Close = append(l.orders.Close, m)
	}
}

// retire stops the idle members of v now and the busy ones after their events.
func (l *Ledger) retire(v *version) {
	for m := range v.members {
		if m.state == starting {
			m.retired = true
		}
		if m.state != ready {
			continue
		}
		v.shun(m)
		if m.inFlight == 0 {
			l.close(m)
		}
	}
}

// Drain refuses everything from now on and stops what is idle, and what is busy after
// its events.
func (l *Ledger) Drain(now time.Time) {
	l.draining = true
	for _, v := range l.versions {
		l.unkeep(v, now)
		l.refuseAll(v, errDraining(), now)
		l.retire(v)
	}
}

// CloseAll stops what is busy too.
func (l *Ledger) CloseAll() {
	for _, v := range l.versions {
		for m := range v.members {
			if m.state == ready {
				l.close(m)
			}
		}
	}
}

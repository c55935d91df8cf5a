package ledger

import "time"

// Started reports that a member's instance is ready for events.
func (l *Ledger) Started(m *Member, instance Instance, now time.Time) {
	v := m.version
	v.starting--
	m.instance, m.startedAt, m.idleSince = instance, now, now
	retired := m.retired
	m.retired = false
	v.list(m)
	if l.draining || retired && (v.waiting.len() == 0 || !v.runsAs(&m.spec)) {
		l.close(m)
	}
	l.settle(v, now)
}

// StartFailed reports a member that never came up. Its error goes to the waiter that
// caused the start, and to all others when nothing else could serve them; while
// something can, they wait on.
func (l *Ledger) StartFailed(m *Member, err error, now time.Time) {
	v := m.version
	v.starting--
	v.failed(err, now)
	l.forget(m)
	if v.ready == 0 {
		if v.waiting.remove(m.cause) {
			m.cause.caller.Answer(nil, false, err)
			l.fed(v)
		}
		if v.starting == 0 {
			l.refuse(v, err)
		}
	}
	l.settleAll(now)
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
	l.forget(m)
	l.settleAll(now)
	l.fill(m.version, now)
}

// close takes m out of the version and orders its closing.
func (l *Ledger) close(m *Member) {
	m.version.unlist(m)
	m.version.ready--
	if m.retired {
		m.version.leaving--
	}
	m.state = closing
	l.closing += m.memoryMB
	l.orders.Close = append(l.orders.Close, m)
}

package ledger

import "time"

// ice is how far an idle member is from being able to run.
type ice int

// The first three number the stacks of a version.
const (
	running   ice = iota
	frozen        // or about to be
	reclaimed     // or about to be
	thawing
)

// freeze orders that an idle member gets no processor time. An event that comes in the
// middle waits until that is done, and thaws it.
func (l *Ledger) freeze(m *Member) {
	m.unstack()
	m.version.stacks[frozen].push(m)
	m.ice, m.moving = frozen, true
	l.orders.Freeze = append(l.orders.Freeze, m)
}

// Froze reports that a member is frozen, or why it could not be: then it runs on.
func (l *Ledger) Froze(m *Member, err error, now time.Time) {
	m.moving = false
	if err != nil {
		m.stuck = true
	}
	switch {
	case m.state == closing:
		l.orderClose(m)
	case m.thaws:
		l.orderThaw(m)
	case err != nil:
		m.unstack()
		m.ice = running
		m.version.stacks[running].pushLast(m)
		l.settle(m.version, now)
	}
}

// reclaim orders that the memory of a frozen member goes to swap.
func (l *Ledger) reclaim(m *Member) {
	m.unstack()
	m.version.stacks[reclaimed].push(m)
	m.ice, m.shrinks = reclaimed, true
	l.orders.Reclaim = append(l.orders.Reclaim, m)
}

// Reclaimed reports how many bytes of a member's memory went to swap, or why none did.
// Half of it is free for others: swap may be compressed memory of the same machine. The
// member gets it back before it runs again.
func (l *Ledger) Reclaimed(m *Member, bytes int64, err error, now time.Time) {
	m.shrinks = false
	switch {
	case m.state == closing:
		l.orderClose(m)
	case m.ice != reclaimed: // it was thawed meanwhile
	case err != nil || bytes == 0: // it is frozen as before
		m.dry = true
		m.unstack()
		m.ice = frozen
		m.version.stacks[frozen].push(m)
	default:
		m.givenMB = min(int(bytes>>21), m.memoryMB)
		l.promise(m, -m.givenMB)
		l.given += m.givenMB
		l.settleBlocked(now)
	}
}

// thaw takes the frozen member that was used last out of the free ones and has it run,
// for somebody who waits. It says what is in the way: nothing is frozen, or there is no
// room for what was reclaimed.
func (l *Ledger) thaw(v *version, now time.Time) error {
	m := v.stacks[frozen].head
	if m == nil {
		m = v.stacks[reclaimed].head
	}
	if m == nil {
		return errNothingFrozen
	}
	if m.givenMB > 0 {
		if err := l.makeRoom(v, m.givenMB, now); err != nil {
			return err
		}
		l.promise(m, m.givenMB)
		l.given -= m.givenMB
		m.givenMB = 0
	}
	v.unlist(m)
	v.thawing++
	m.ice = thawing
	if m.thaws = m.moving; !m.moving {
		l.orderThaw(m)
	}
	return nil
}

func (l *Ledger) orderThaw(m *Member) {
	m.thaws, m.moving = false, true
	l.orders.Thaw = append(l.orders.Thaw, m)
}

// Thawed reports that a member runs again, or why it does not: then it is closed, and
// who waits gets another.
func (l *Ledger) Thawed(m *Member, err error, now time.Time) {
	v := m.version
	m.moving = false
	if m.state == closing {
		l.orderClose(m)
		return
	}
	v.thawing--
	m.ice = running
	switch {
	case err != nil && !m.retired:
		v.shun(m)
		l.close(m)
	case m.retired:
		l.close(m)
	default:
		v.list(m)
	}
	l.settle(v, now)
}

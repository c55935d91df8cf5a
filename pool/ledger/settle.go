package ledger

import (
	"slices"
	"time"
)

// settle brings a version to rest after something happened: free slots go to waiters,
// starts are ordered for those left, who cannot be served is refused, and what is to be
// kept ready is made up.
func (l *Ledger) settle(v *version, now time.Time) {
	if v.waiting.len() > 0 {
		l.attend(v, now)
	}
	if v.ahead > 0 {
		l.fill(v, now)
	}
}

// attend does what can be done for those who wait for v.
func (l *Ledger) attend(v *version, now time.Time) {
	v.serve()
	defer l.fed(v)
	var obstacle error // why no start was ordered for the first waiter that needs one
	for v.wantsStart() {
		if obstacle = l.start(v, now); obstacle != nil {
			break
		}
	}
	if v.waiting.len() > 0 && len(v.members) == 0 && obstacle != errSoon {
		l.refuse(v, obstacle)
	}
}

// wantsStart says whether somebody waits for whom none of the starts under way is.
func (v *version) wantsStart() bool { return v.waiting.len() > v.starting*v.slots() }

// settleAll does it for every version with waiters: room came free. The one whose
// first waiter waits longest is first.
func (l *Ledger) settleAll(now time.Time) {
	if len(l.hungry) == 0 {
		return
	}
	queue := make([]*version, 0, len(l.hungry))
	for v := range l.hungry {
		queue = append(queue, v)
	}
	slices.SortFunc(queue, func(a, b *version) int { return a.waiting.head.since.Compare(b.waiting.head.since) })
	for _, v := range queue {
		l.settle(v, now)
	}
}

// start orders one more member of v, or says what is in the way; errSoon when the
// obstacle goes away by itself.
func (l *Ledger) start(v *version, now time.Time) error {
	switch {
	case l.draining:
		return errDraining()
	case len(v.members) >= v.bound():
		return errSoon
	case now.Before(v.retryAt):
		return errBackOff(v, now)
	}
	if err := l.makeRoom(v); err != nil {
		return err
	}
	m := &Member{version: v, spec: v.spec, memoryMB: v.spec.Config.MemoryMB, number: l.numbers}
	l.numbers++
	m.cause = v.waiting.at(v.starting * v.slots())
	v.members[m] = struct{}{}
	v.starting++
	l.members++
	l.promised += m.memoryMB
	l.orders.Start = append(l.orders.Start, m)
	return nil
}

// makeRoom says whether v's memory is free now. If not, it closes what has been idle
// longest in other versions, and the answer is errSoon: room comes when that is done.
func (l *Ledger) makeRoom(v *version) error {
	need := v.spec.Config.MemoryMB
	if l.cfg.MemoryMB == 0 || l.FreeMemoryMB() >= need {
		return nil
	}
	if need > l.cfg.MemoryMB {
		return errTooBig(v, l.cfg.MemoryMB)
	}
	if l.FreeMemoryMB()+l.closing >= need {
		return errSoon
	}
	spare := l.evictable(v)
	room := l.FreeMemoryMB() + l.closing
	for i, m := range spare {
		if room += m.memoryMB; room >= need {
			for _, m := range spare[:i+1] {
				l.close(m)
			}
			return errSoon
		}
	}
	return errNoRoom(v, l.FreeMemoryMB())
}

// evictable lists the idle members of other versions that are not to be kept, the one
// idle longest first.
func (l *Ledger) evictable(than *version) []*Member {
	var spare []*Member
	for _, v := range l.versions {
		if v != than && v.waiting.len() == 0 {
			spare = append(spare, v.spare()...)
		}
	}
	slices.SortFunc(spare, func(a, b *Member) int { return a.idleSince.Compare(b.idleSince) })
	return spare
}

package ledger

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// settle brings a version to rest after something happened: free slots go to waiters,
// thaws and starts are ordered for those left, who cannot be served is refused, and what
// is to be kept ready is made up.
func (l *Ledger) settle(v *version, now time.Time) {
	since, was := l.blocked[v]
	delete(l.blocked, v)
	var err error
	if v.waiting.len() > 0 {
		err = l.attend(v, now)
	}
	if v.ahead > 0 && err == nil {
		err = l.fill(v, now)
	}
	if errors.Is(err, errBlocked) {
		if !was {
			since = now
			l.due.wake(v, now.Add(patience))
		}
		l.blocked[v] = since
	}
	if v.waiting.len() > 0 {
		l.remind(v, now)
	}
}

// settleBlocked does it for those who lack room or a token, after some came free: the
// one that is to have it first, as long as that gets something.
func (l *Ledger) settleBlocked(now time.Time) {
	for len(l.blocked) > 0 {
		if v := l.first(); !l.unblock(v, now) {
			l.settleOthers(v, now)
			return
		}
	}
}

// unblock settles v and says whether that helped.
func (l *Ledger) unblock(v *version, now time.Time) bool {
	starts, thaws := l.numbers, v.thawing
	l.settle(v, now)
	_, still := l.blocked[v]
	return !still || l.numbers > starts || v.thawing > thaws
}

// settleOthers gives the others what there is while nothing comes for the one that is
// before them.
func (l *Ledger) settleOthers(first *version, now time.Time) {
	if !l.stalled(l.blocked[first], now) {
		l.due.wake(first, later(l.blocked[first], l.freedAt).Add(patience))
		return
	}
	for _, v := range slices.SortedFunc(maps.Keys(l.blocked), func(a, b *version) int {
		if a.precedes(b) {
			return -1
		}
		return 1
	}) {
		l.settle(v, now)
	}
}

// attend does what can be done for those who wait for v, and says what is in the way of
// more.
func (l *Ledger) attend(v *version, now time.Time) error {
	l.serve(v, now)
	err := l.raise(v, now)
	if v.waiting.len() > 0 && len(v.members) == 0 && final(err) {
		l.refuseAll(v, err, now)
		return nil
	}
	l.fed(v)
	return err
}

// raise has as many members thawed or started as those who wait are worth.
func (l *Ledger) raise(v *version, now time.Time) error {
	for v.waiting.len() > v.coming() {
		err := l.thaw(v, now)
		if err == errNothingFrozen {
			break
		}
		if err != nil {
			return err
		}
	}
	for v.wantsStart(now) {
		if err := l.start(v, now); err != nil {
			return err
		}
	}
	return nil
}

// wantsStart says whether waiting costs those who wait more than a start: when the last
// of them is expected to be served by the members there are, and those under way, later
// than by a new one; or when some have been waiting all the time that a start takes,
// whatever is expected. As long as nothing is known, a start is taken to be cheaper; and
// members that serve one event each are of no use to those who wait.
func (v *version) wantsStart(now time.Time) bool {
	n := v.waiting.len() - v.coming()
	if n <= 0 {
		return false
	}
	slots := (v.ready - v.leaving - v.thawing) * v.slots()
	if slots <= 0 || v.single || !v.run.known || !v.cold.known || now.Sub(v.crowded) >= v.cold.value {
		return true
	}
	return float64(n)*v.run.value.Seconds() > v.cold.value.Seconds()*float64(slots)
}

// remind has v looked at when those who wait will have done so for too long.
func (l *Ledger) remind(v *version, now time.Time) {
	t := v.waiting.head.since.Add(l.cfg.MaxWait)
	if !t.After(now) {
		t = now.Add(time.Second) // a start is under way for it
	}
	for _, sooner := range []time.Time{v.crowded.Add(v.cold.value), v.retryAt} {
		if sooner.After(now) && sooner.Before(t) {
			t = sooner
		}
	}
	l.due.wake(v, t)
}

// expire refuses those who waited for too long, unless what is under way is for them.
func (l *Ledger) expire(v *version, now time.Time) {
	for v.waiting.len() > v.coming() {
		w := v.waiting.at(v.coming())
		if now.Sub(w.since) < l.cfg.MaxWait {
			return
		}
		v.waiting.remove(w)
		v.refuse(w, l.errWaited(v), now)
	}
	l.fed(v)
}

// start orders one more member of v, or says what is in the way.
func (l *Ledger) start(v *version, now time.Time) error {
	switch {
	case l.draining:
		return errDraining()
	case len(v.members) >= v.bound():
		return errBound
	case now.Before(v.retryAt):
		return errBackOff(v, now)
	}
	if err := l.makeRoom(v, v.spec.Config.MemoryMB, now); err != nil {
		return err
	}
	if !l.bucket.ready(now) {
		return errBlocked
	}
	l.order(v, now)
	return nil
}

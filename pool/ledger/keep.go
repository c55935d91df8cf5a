package ledger

import (
	"errors"
	"time"

	"github.com/slipway-run/slipway"
)

// Keep says of which versions members are to be ready ahead of any event, and how many.
// It replaces what was said before.
func (l *Ledger) Keep(wanted []slipway.Kept, now time.Time) {
	named := make(map[slipway.VersionRef]bool, len(wanted))
	for _, k := range wanted {
		named[k.Spec.VersionRef] = true
		v := l.version(&k.Spec, l.limitFor(k), now)
		if k.Instances < v.keep {
			l.due.wake(v, now)
		}
		v.keep, v.ahead = k.Instances, min(k.Instances, k.Limit, max(1, k.Spec.Config.Scaling.Max))
		v.standby = k.Standby
		l.settle(v, now)
	}
	for ref, v := range l.versions {
		if !named[ref] {
			l.unkeep(v, now)
		}
	}
}

// limitFor is the bound on the version's members: the wish's, or the last caller's when
// the wish is to start none.
func (l *Ledger) limitFor(k slipway.Kept) int {
	if v := l.versions[k.Spec.VersionRef]; v != nil && k.Limit < 1 {
		return v.limit
	}
	return k.Limit
}

// unkeep lets the idle members of v go.
func (l *Ledger) unkeep(v *version, now time.Time) {
	if v.keep > 0 {
		l.due.wake(v, now) // what stayed for its sake may go
	}
	v.keep, v.ahead, v.short = 0, 0, ""
	l.tidy(v)
}

// fill orders the starts that are missing for as many members as are wanted ahead, and
// says what is in the way.
func (l *Ledger) fill(v *version, now time.Time) error {
	for v.lacking() && !l.draining {
		if err := l.start(v, now); err != nil {
			l.fellShort(v, err)
			if final(err) {
				l.due.wake(v, later(v.retryAt, now.Add(time.Second)))
			}
			return err
		}
	}
	v.short = ""
	return nil
}

// fellShort has it said, once, that there is no room, or not before jobs end. Other room
// that comes by itself and starts that are held back are no news: the one needs nobody,
// the other was said when the start failed.
func (l *Ledger) fellShort(v *version, err error) {
	var lent lentError
	if !final(err) && !errors.As(err, &lent) || v.retrying(err) {
		return
	}
	if v.short == "" {
		l.orders.Short = append(l.orders.Short, Shortage{Spec: v.spec, Missing: v.ahead - v.staying(), Err: err})
	}
	v.short = err.Error()
}

// Retire stops the members of the function's versions that keep does not name: idle ones
// now, busy ones after their events, and none is kept ready any more.
func (l *Ledger) Retire(ref slipway.FunctionRef, keep func(slipway.VersionRef) bool, now time.Time) {
	for _, v := range l.versions {
		if v.ref() == ref && !keep(v.spec.VersionRef) {
			v.wakeAt = time.Time{}
			l.unkeep(v, now)
			l.retire(v)
			l.settle(v, now)
		}
	}
}

// Update gives a version that has members or waiters its present scaling. Of a version
// that has neither nothing is kept.
func (l *Ledger) Update(spec *slipway.Spec, now time.Time) {
	v := l.versions[spec.VersionRef]
	if v == nil || !v.runsAs(spec) {
		return
	}
	v.update(spec, v.limit)
	l.due.wake(v, now)
	l.settle(v, now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

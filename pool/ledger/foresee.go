package ledger

import "time"

// expect notes, when the last member of v has gone, when one is to be started because
// its events come in a rhythm.
func (v *version) expect(now time.Time) {
	since, p := v.function.demand.idleSince(), v.plan(1)
	if p.wake == 0 || since.IsZero() {
		return
	}
	if at := since.Add(p.wake); at.After(now) {
		v.wakeAt = at
	}
}

// foresee starts a member ahead of an event that is expected, if that takes nothing from
// anybody.
func (l *Ledger) foresee(v *version, now time.Time) {
	if v.wakeAt.IsZero() || now.Before(v.wakeAt) {
		return
	}
	v.wakeAt = time.Time{}
	since, p := v.function.demand.idleSince(), v.plan(1)
	if since.IsZero() || len(v.members) > 0 || v.failures > 0 || l.draining || l.pressed() || len(l.blocked) > 0 {
		return
	}
	if need := v.spec.Config.MemoryMB; l.cfg.MemoryMB > 0 && l.FreeMemoryMB() < need || !l.bucket.ready(now) {
		return
	}
	l.order(v, now).stays = since.Add(p.until)
}

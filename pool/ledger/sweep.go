package ledger

import "time"

// forgetFailure is how long a back-off that is over is remembered, so that a version
// that keeps failing waits longer each time.
const forgetFailure = time.Minute

// Sweep does what is due: it closes what was idle for longer than its version allows, and lets starts be
// tried whose back-off is over.
func (l *Ledger) Sweep(now time.Time) {
	for _, v := range l.versions {
		timeout := v.spec.Config.Scaling.IdleTimeout.D()
		for _, m := range v.spare() {
			if now.Sub(m.idleSince) < timeout {
				break // the others are younger
			}
			l.close(m)
		}
		if v.failures > 0 && now.Sub(v.retryAt) > forgetFailure {
			v.failures = 0
			l.tidy(v)
		}
	}
	l.settleAll(now)
	for _, v := range l.versions {
		l.fill(v, now) // who waits comes first
	}
}

// retire stops the idle members of v now and the busy ones after their events.
func (l *Ledger) retire(v *version) {
	for m := range v.members {
		if m.state != ready {
			m.retired = true
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
func (l *Ledger) Drain() {
	l.draining = true
	for _, v := range l.versions {
		l.refuse(v, errDraining())
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

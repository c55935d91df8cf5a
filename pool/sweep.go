package pool

import (
	"time"

	"github.com/slipway-run/slipway"
)

// forgetFailure is how long a back-off that is over is remembered, so that a version
// that keeps failing waits longer each time.
const forgetFailure = time.Minute

// sweep closes what was idle for longer than its version allows, and lets starts be
// tried whose back-off is over.
func (l *ledger) sweep(now time.Time) {
	current := l.current()
	for _, v := range l.versions {
		timeout := v.spec.Config.Scaling.IdleTimeout.D()
		for _, m := range v.spare(current[v.function()] == v) {
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
}

// current is the version of each function that was asked for last: the one whose
// scaling.min holds. The others are on their way out, or back in at a rollback.
func (l *ledger) current() map[slipway.FunctionRef]*version {
	current := make(map[slipway.FunctionRef]*version)
	for _, v := range l.versions {
		if best := current[v.function()]; best == nil || v.asked.After(best.asked) {
			current[v.function()] = v
		}
	}
	return current
}

// retire stops the idle members of v now and the busy ones after their events.
func (l *ledger) retire(v *version) {
	for m := range v.members {
		m.retired = true
		if m.state != ready {
			continue
		}
		v.unlist(m)
		if m.inFlight == 0 {
			l.close(m)
		}
	}
}

// drain refuses everything from now on and stops what is idle.
func (l *ledger) drain() {
	l.draining = true
	for _, v := range l.versions {
		l.refuse(v, errDraining())
		l.retire(v)
	}
}

// closeAll closes what is busy too.
func (l *ledger) closeAll() {
	for _, v := range l.versions {
		for m := range v.members {
			if m.state == ready {
				l.close(m)
			}
		}
	}
}

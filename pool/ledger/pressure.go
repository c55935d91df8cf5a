package ledger

import "time"

// From these shares of time in which something waited for memory, idle members give
// back what they hold, and go.
const (
	wanting  = 0.05
	starving = 0.20
)

// Pressure tells which share of the last seconds something on the machine waited for
// memory, from 0 to 1. While it does, idle members are frozen at once and their memory
// goes to swap; when that does not help, they are closed, few at a time, those least
// worth keeping first.
func (l *Ledger) Pressure(level float64, now time.Time) {
	l.pressure = level
	if !l.pressed() {
		return
	}
	spare := l.candidates(nil, now)
	if level >= starving {
		for range (len(spare) + 7) / 8 {
			l.close(spare.takeLeast())
		}
	}
	for _, c := range spare {
		switch {
		case c.m.moving || c.m.shrinks:
		case l.freezes(c.m):
			l.freeze(c.m) // and reclaimed the next time
		case l.reclaims(c.m):
			l.reclaim(c.m)
		}
	}
}

func (l *Ledger) pressed() bool { return l.pressure >= wanting }

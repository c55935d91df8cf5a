package ledger

import "time"

// estimate is what a duration is expected to be, from those that were seen: an average
// in which the last counts most.
type estimate struct {
	value time.Duration
	known bool
}

func (e *estimate) add(d time.Duration) {
	if !e.known {
		e.value, e.known = d, true
		return
	}
	e.value += (d - e.value) / 8
}

package sim

import "time"

// state is what an instance's memory is held for.
type state int

const (
	starting state = iota
	idle
	busy
	frozen
	reclaimed
	closing
	gone
	states // how many there are
)

// unit is the meter's: fine enough for short runs, and a fortnight of a large cluster
// fits into 64 bits. Whole numbers add up to the same in any order.
const unit = 10 * time.Microsecond

// meter adds up memory over time, by state.
type meter struct {
	from, until time.Duration // what is measured
	spent       [states]int64 // MiB·units
	live        map[*instance]struct{}
}

// set moves an instance to another state.
func (m *meter) set(on *instance, to state, now time.Duration) {
	m.add(on, now)
	on.state, on.since = to, now
	if to == gone {
		delete(m.live, on)
	}
}

func (m *meter) add(on *instance, now time.Duration) {
	from, until := max(on.since, m.from)/unit, min(now, m.until)/unit
	if until > from {
		m.spent[on.state] += int64(on.memoryMB) * int64(until-from)
	}
}

// finish adds what is held when the trace ends.
func (m *meter) finish() {
	for on := range m.live {
		m.add(on, m.until)
	}
}

// gibHours is what was held for the states given.
func (m *meter) gibHours(of ...state) (sum float64) {
	for _, s := range of {
		sum += float64(m.spent[s]) / 1024 * unit.Hours()
	}
	return sum
}

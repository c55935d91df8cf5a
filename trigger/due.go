package trigger

import (
	"time"

	"github.com/slipway-run/slipway"
)

const (
	// onTime is how late a time may be that still counts as on time: as late as another
	// gateway takes to notice that the one which fires is gone, and more.
	onTime = time.Minute

	// maxBatch is how many missed times of one trigger fire in a row, before others have
	// their turn.
	maxBatch = 100

	// maxAhead is how far what is done may be ahead of the clock before the clock is
	// believed instead: it was wrong once, and has been set.
	maxAhead = time.Hour
)

// due says which times fire now, in order, when everything until done is done. It is a
// function of what it is told.
func due(s schedule, c slipway.CronTrigger, done, now time.Time) []time.Time {
	from := begin(c, done, now)
	if c.Missed != slipway.MissedAll {
		return lastDue(s, from, now)
	}
	var times []time.Time
	for at := s.next(from); !at.IsZero() && !at.After(now) && len(times) < maxBatch; at = s.next(at) {
		times = append(times, at)
	}
	return times
}

// begin is the moment after which times may fire: what is older is too late.
func begin(c slipway.CronTrigger, done, now time.Time) time.Time {
	window := c.MaxLate.D()
	if c.Missed == slipway.MissedSkip {
		window = min(window, onTime)
	}
	if oldest := now.Add(-window).Add(-time.Nanosecond); done.Before(oldest) {
		return oldest
	}
	return done
}

// lastDue is the last time after from and until now, looked for in growing steps back, so
// that a week of seconds is not walked through.
func lastDue(s schedule, from, now time.Time) []time.Time {
	for step := time.Minute; ; step *= 8 {
		start := now.Add(-step)
		if start.Before(from) {
			start = from
		}
		var last []time.Time
		for at := s.next(start); !at.IsZero() && !at.After(now); at = s.next(at) {
			last = append(last[:0], at)
		}
		if last != nil || start.Equal(from) {
			return last
		}
	}
}

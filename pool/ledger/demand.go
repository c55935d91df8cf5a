package ledger

import (
	"math/bits"
	"time"
)

// demand is how many members a function had use for over time, whether it had them or
// not. Level n is in demand while at least n members are needed. The time a level was
// not in demand before it was again is what an idle member of that level would have had
// to be kept: so much is learnt for each level, and a burst that comes once a day says
// nothing about the one member that is used each minute.
type demand struct {
	load    int         // events that run or wait
	needed  int         // members for them
	ended   []time.Time // when level i+1 was last in demand; zero: never, or it is now
	classes [8]*gaps    // of levels 1, 2, 3-4, 5-8, … 65 and more
}

// maxLevels is how many levels are told apart; those above are not learnt of.
const maxLevels = 256

// arrived counts an event. How long gaps shorter than least were decides nothing.
func (d *demand) arrived(slots int, least time.Duration, now time.Time) {
	d.load++
	for d.needed*slots < d.load {
		d.needed++
		d.began(d.needed, least, now)
	}
}

// left counts the end of an event, or of the wait of one that went away.
func (d *demand) left(slots int, now time.Time) {
	d.load--
	for d.needed > 0 && (d.needed-1)*slots >= d.load {
		if d.needed <= maxLevels {
			for len(d.ended) < d.needed {
				d.ended = append(d.ended, time.Time{})
			}
			d.ended[d.needed-1] = now
		}
		d.needed--
	}
}

// began notes for how long a level was not in demand.
func (d *demand) began(level int, least time.Duration, now time.Time) {
	if level > len(d.ended) || d.ended[level-1].IsZero() {
		return
	}
	c := class(level)
	if d.classes[c] == nil {
		d.classes[c] = &gaps{}
	}
	d.classes[c].add(now.Sub(d.ended[level-1]), least)
	d.ended[level-1] = time.Time{}
}

// gaps is what is known of a level; nil is nothing.
func (d *demand) gaps(level int) *gaps { return d.classes[class(level)] }

// idleSince is when nothing was needed any more; zero when something is.
func (d *demand) idleSince() time.Time {
	if d.load > 0 || len(d.ended) == 0 {
		return time.Time{}
	}
	return d.ended[0]
}

func class(level int) int { return min(bits.Len(uint(max(level, 1)-1)), 7) }

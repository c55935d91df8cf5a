package yield

import (
	"math"
	"time"
)

// demand is what functions want: the vCPUs of the instances at work by their
// configuration, averaged, times the share of them that was used lately. An instance that
// waits for a database, or holds a WebSocket open, is at work and uses nothing.
type demand struct {
	settle  time.Duration
	wanted  float64   // vCPUs since at
	at      time.Time // zero: nothing was told yet
	average float64
	sum     float64   // of wanted over time since learned, in seconds
	used    float64   // share of what was wanted that was used, from 0 to 1; 1 while it is not known
	known   time.Time // when used was learned
}

const (
	leastSum = 0.02        // vCPU seconds of which something can be learned
	forget   = time.Minute // until used is not known any more
	slower   = 0.3         // of the difference that is believed of a lower share
)

func (d *demand) tell(wanted float64, now time.Time) {
	if !d.at.IsZero() {
		past := now.Sub(d.at)
		d.sum += d.wanted * past.Seconds()
		d.average += (d.wanted - d.average) * (1 - math.Exp(-past.Seconds()/d.settle.Seconds()))
	}
	if !d.moves() {
		d.average = d.wanted
	}
	d.at, d.wanted = now, wanted
	if now.Sub(d.known) > forget {
		d.used = 1
	}
}

// moves says whether the average is not what is wanted yet.
func (d *demand) moves() bool { return math.Abs(d.average-d.wanted) > negligible }

func (d *demand) value() float64 { return d.average * d.used }

// learn believes a higher share at once, and a lower one by and by.
func (d *demand) learn(seconds float64, now time.Time) {
	d.tell(d.wanted, now)
	if d.sum >= leastSum {
		share := min(max(seconds/d.sum, 0), 1)
		if share < d.used {
			share = d.used + (share-d.used)*slower
		}
		d.used, d.known = share, now
	}
	d.sum = 0
}

// window is what was wanted in the last while: those moments after which there was no
// higher one.
type window []moment

type moment struct {
	at    time.Time
	value float64
}

// add notes a value, and forgets what is older than reach.
func (w *window) add(now time.Time, value float64, reach time.Duration) {
	kept := *w
	for len(kept) > 0 && kept[len(kept)-1].value <= value {
		kept = kept[:len(kept)-1]
	}
	old := 0
	for old < len(kept) && now.Sub(kept[old].at) > reach {
		old++
	}
	*w = append(kept[old:], moment{now, value})
}

package ledger

import (
	"math/bits"
	"time"
)

// gaps is a histogram of how long a level was not in demand: eight bins per octave from
// a second to a day and a half. Old ones fade as new ones come. Of short ones, in which no idle
// member goes, only the part of all is known, or a busy hour would wipe out the nights.
type gaps struct {
	bins  [nBins]uint16
	total int
	short float64 // part of the last ones, 0 to 1

	rhythm  rhythm
	plan    plan   // that follows from it
	planned bounds // what plan was made for; zero when it must be made anew
}

const (
	octaves   = 17 // 2^17 s is a day and a half
	nBins     = octaves * 8
	fadeAt    = 128 // gaps after which all count half
	shortFade = 16  // gaps of which the part of short ones is known
	enough    = 6   // gaps from which something follows
	priorFor  = 2.0 // gaps that are assumed, spread over all lengths, beside those seen
	startFor  = 4   // a start that nobody waits for costs this part of one that somebody does
)

// bounds is what a function's scaling says about idle members.
type bounds struct{ least, most time.Duration }

// plan is for how long an idle member is kept. Where the demand comes in a rhythm, it
// goes sooner, and another is started before the next event: then wake and until say
// how long after the last event it starts, and how long it stays.
type plan struct {
	keep        time.Duration
	wake, until time.Duration
}

func (g *gaps) add(gap, least time.Duration) {
	g.short -= g.short / shortFade
	if gap < least {
		g.short += 1.0 / shortFade
		return
	}
	if g.total >= fadeAt {
		g.fade()
	}
	g.bins[bin(gap)]++
	g.total++
	g.planned = bounds{}
	g.rhythm.add(gap)
}

func (g *gaps) fade() {
	g.total = 0
	for i := range g.bins {
		g.bins[i] /= 2
		g.total += int(g.bins[i])
	}
}

// planFor is the plan within b; a start is expected to take cold.
func (g *gaps) planFor(b bounds, cold time.Duration) plan {
	if g == nil || g.total < enough || b.least >= b.most {
		return plan{keep: b.most}
	}
	if g.planned != b {
		g.plan, g.planned = g.best(b, cold), b
	}
	return g.plan
}

// best is the plan that costs least if the gaps to come are as those that were. What
// the user is ready to pay for a warm start is known: an instance that is idle for the
// idle timeout. So a cold start costs as much as that, and each second idle a second.
func (g *gaps) best(b bounds, cold time.Duration) plan {
	keep, cost := g.cheapest(b)
	p := plan{keep: keep}
	if !g.rhythm.steady() {
		return p
	}
	margin := 4*g.rhythm.deviation + time.Second
	wake := g.rhythm.mean - margin - cold
	if ahead := (b.least + margin + cold + b.most/startFor).Seconds(); wake > b.least && ahead < cost {
		p = plan{keep: b.least, wake: wake, until: g.rhythm.mean + margin}
	}
	return p
}

// cheapest is the time to keep an idle member that costs least, and the cost of a gap
// then, in seconds. Beside the gaps seen, some are assumed that are spread over all
// lengths, so that few that happened to be alike do not decide alone.
func (g *gaps) cheapest(b bounds) (time.Duration, float64) {
	first, last := bin(b.least), bin(b.most)
	prior := priorFor / float64(nBins-first)
	price, beyond := b.most.Seconds(), float64(g.total)+priorFor
	for _, n := range g.bins[:first] {
		beyond -= float64(n)
	}
	all := beyond
	keep, idle := b.least, 0.0
	least := beyond * (keep.Seconds() + price)
	for i := first; i <= last; i++ {
		n := float64(g.bins[i]) + prior
		idle += n * (edge(i) + edge(i+1)).Seconds() / 2
		beyond -= n
		until := min(edge(i+1), b.most)
		if cost := idle + beyond*(until.Seconds()+price); cost < least {
			keep, least = until, cost
		}
	}
	return max(keep, b.least), least / all
}

// likelihood is how likely it is that a level that was not in demand for idle is so
// within the horizon. Where nothing is known, what was long idle stays so for long.
func (g *gaps) likelihood(idle, horizon, least time.Duration) float64 {
	guess := horizon.Seconds() / (idle + horizon).Seconds()
	if g == nil {
		return guess
	}
	soon, later := 0, 0
	from, to := bin(idle), bin(idle+horizon)
	for i := from; i < nBins; i++ {
		if i <= to {
			soon += int(g.bins[i])
		}
		later += int(g.bins[i])
	}
	long := (float64(soon) + guess) / (float64(later) + 1)
	if idle >= least {
		return long
	}
	short := g.short * (1 - idle.Seconds()/least.Seconds()) // those not over yet, if all lengths are as likely
	return (short + (1-g.short)*long) / (short + 1 - g.short)
}

// bin is where a gap belongs: its octave, and an eighth of that.
func bin(gap time.Duration) int {
	s := uint64(max(gap/time.Second, 1))
	k := bits.Len64(s) - 1
	if k >= octaves {
		return nBins - 1
	}
	return k*8 + int(s<<3>>k&7)
}

// edge is the shortest gap of a bin.
func edge(i int) time.Duration {
	return time.Duration(float64(uint64(8+i%8)<<(i/8)) / 8 * float64(time.Second))
}

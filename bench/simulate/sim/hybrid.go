package sim

import (
	"math"
	"time"
)

// The parameters of the hybrid histogram policy, as its paper gives them.
const (
	histogramBins  = 240 // of a minute
	headLevel      = 0.05
	tailLevel      = 0.99
	windowMargin   = 0.10
	representative = 2.0 // the bins' coefficient of variation
	enough         = 10  // idle times; the paper leaves the number open
)

// hybrid learns from the histogram of each function's idle times when its next
// invocation is likely.
type hybrid struct{ functions []idleTimes }

type idleTimes struct {
	bins    [histogramBins]int32
	n       int // in the bins
	squares int // sum of the bins' squares
	beyond  int // idle times longer than the histogram
	running int
	ended   time.Duration // the last run, when none is under way
	known   bool
}

func newHybrid(functions int) *hybrid { return &hybrid{make([]idleTimes, functions)} }

func (h *hybrid) arrived(function int, now time.Duration) {
	f := &h.functions[function]
	if f.running == 0 && f.known {
		f.add(now - f.ended)
	}
	f.running++
}

func (h *hybrid) ended(function int, now time.Duration) {
	f := &h.functions[function]
	f.running--
	f.ended, f.known = now, true
}

func (f *idleTimes) add(idle time.Duration) {
	bin := int(idle / time.Minute)
	if bin >= histogramBins {
		f.beyond++
		return
	}
	f.squares += 2*int(f.bins[bin]) + 1
	f.bins[bin]++
	f.n++
}

func (h *hybrid) idle(function int) (ahead, keep time.Duration) {
	f := &h.functions[function]
	if f.n < enough || f.beyond > f.n || f.variation() < representative {
		return 0, histogramBins * time.Minute
	}
	head := time.Duration(f.at(headLevel)) * time.Minute
	tail := time.Duration(f.at(tailLevel)+1) * time.Minute
	ahead = time.Duration(float64(head) * (1 - windowMargin))
	return ahead, time.Duration(float64(tail)*(1+windowMargin)) - ahead
}

// variation is the coefficient of variation of the bins.
func (f *idleTimes) variation() float64 {
	mean := float64(f.n) / histogramBins
	variance := float64(f.squares)/histogramBins - mean*mean
	return math.Sqrt(variance) / mean
}

// at is the bin in which the share of all lies.
func (f *idleTimes) at(level float64) int {
	rank := int32(math.Ceil(level * float64(f.n)))
	for i, n := range f.bins {
		if rank -= n; rank <= 0 {
			return i
		}
	}
	return histogramBins - 1
}

package trace

import (
	"math"
	"time"
)

// Trace is functions and when they are invoked.
type Trace struct {
	Functions []Function
	Minutes   int // it lasts so long

	counts [][]count // by minute; each in the order of functions
	exact  []Arrival // in their order; nil when only counts are known
}

// Function is what is known of one.
type Function struct {
	Owner, App, Name string
	Trigger          string       // http, timer, event, queue, storage, orchestration or others
	MemoryMB         int          // of its application, on average
	Duration         Distribution // of its runs; unused when arrivals are exact

}

// count is the invocations of a function in a minute.
type count struct {
	function int32
	n        int32
}

// Arrival is one invocation.
type Arrival struct {
	At       time.Duration // since the trace began
	Function int           // index in Trace.Functions
	Duration time.Duration // of its run
}

// Of is a trace of the arrivals given, which are in their order.
func Of(functions []Function, arrivals []Arrival) *Trace {
	t := &Trace{Functions: functions, exact: arrivals}
	if n := len(arrivals); n > 0 {
		t.Minutes = int(arrivals[n-1].At/time.Minute) + 1
	}
	return t
}

// Invocations is how many there are.
func (t *Trace) Invocations() (n int) {
	for _, minute := range t.counts {
		for _, c := range minute {
			n += int(c.n)
		}
	}
	return n + len(t.exact)
}

// Length is how long the trace lasts.
func (t *Trace) Length() time.Duration { return time.Duration(t.Minutes) * time.Minute }

// levels are the percentiles that the format of 2019 gives of a duration.
var levels = [...]float64{0, 0.01, 0.25, 0.50, 0.75, 0.99, 1}

// Distribution is the values, in ms, at the percentiles 0, 1, 25, 50, 75, 99 and 100.
type Distribution [len(levels)]float64

// At is the value at a level from 0 to 1, linear between the percentiles.
func (d *Distribution) At(u float64) time.Duration {
	i := 1
	for i < len(levels)-1 && u > levels[i] {
		i++
	}
	share := (u - levels[i-1]) / (levels[i] - levels[i-1])
	ms := d[i-1] + share*(d[i]-d[i-1])
	return time.Duration(math.Max(ms, 0) * float64(time.Millisecond))
}

// Mean is the average of the distribution, in ms.
func (d *Distribution) Mean() (ms float64) {
	for i := 1; i < len(levels); i++ {
		ms += (levels[i] - levels[i-1]) * (d[i] + d[i-1]) / 2
	}
	return ms
}

package trace

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// Stream gives the arrivals of a trace in their order, a minute at a time.
type Stream struct {
	trace  *Trace
	seed   uint64
	minute int
	ready  []Arrival
	next   int
}

// Arrivals begins a stream. The same seed gives the same arrivals.
func (t *Trace) Arrivals(seed uint64) *Stream {
	s := &Stream{trace: t, seed: seed}
	if t.exact != nil {
		s.ready = t.exact
	}
	return s
}

// Next is the next arrival; false when there is none.
func (s *Stream) Next() (Arrival, bool) {
	for s.next == len(s.ready) {
		if s.minute == len(s.trace.counts) {
			return Arrival{}, false
		}
		s.fill()
	}
	s.next++
	return s.ready[s.next-1], true
}

// fill places the invocations of the next minute.
func (s *Stream) fill() {
	s.ready, s.next = s.ready[:0], 0
	for _, c := range s.trace.counts[s.minute] {
		s.place(c)
	}
	slices.SortFunc(s.ready, func(a, b Arrival) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Function, b.Function))
	})
	s.minute++
}

func (s *Stream) place(c count) {
	f := &s.trace.Functions[c.function]
	random := rand.New(rand.NewPCG(s.seed, uint64(c.function)<<32|uint64(s.minute)))
	began := time.Duration(s.minute) * time.Minute
	part := time.Minute / time.Duration(c.n)
	own := time.Duration(uint64(c.function)*2654435761%1000) * time.Millisecond
	for i := range c.n {
		at := time.Duration(random.Uint64N(uint64(time.Minute)))
		if f.Trigger == "timer" {
			at = (own + time.Duration(i)*part) % time.Minute
		}
		s.ready = append(s.ready, Arrival{At: began + at, Function: int(c.function), Duration: f.Duration.At(random.Float64())})
	}
}

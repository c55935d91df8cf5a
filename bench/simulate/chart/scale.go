package chart

import (
	"math"
	"slices"
	"strconv"
)

// scale maps values to places between two ends.
type scale struct {
	log      bool
	min, max float64
	from, to float64
	ticks    []float64
}

// newScale covers the values with round bounds.
func newScale(a Axis, values []float64, from, to float64) scale {
	s := scale{log: a.Log, min: 0, max: 1, from: from, to: to}
	if len(values) > 0 {
		s.max = slices.Max(values)
	}
	if a.Log {
		s.min = s.max / 10
		if len(values) > 0 {
			s.min = slices.Min(values)
		}
		s.logTicks()
	} else {
		s.linearTicks()
	}
	return s
}

// linearTicks are multiples of 1, 2 or 5 times a power of ten, from 0.
func (s *scale) linearTicks() {
	if s.max <= 0 {
		s.max = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(s.max/5)))
	for _, m := range []float64{10, 5, 2} {
		if s.max/(step*m) >= 4 {
			step *= m
			break
		}
	}
	n := int(math.Ceil(s.max/step - 1e-9))
	for i := range n + 1 {
		s.ticks = append(s.ticks, float64(i)*step)
	}
	s.max = float64(n) * step
}

// logTicks are 1, 2 and 5 times powers of ten.
func (s *scale) logTicks() {
	lowest, highest := s.min, s.max
	steps := []float64{1, 2, 5}
	if math.Log10(highest/lowest) > 3 {
		steps = steps[:1]
	}
	for e := math.Floor(math.Log10(lowest)); e <= math.Ceil(math.Log10(highest)); e++ {
		for _, m := range steps {
			s.ticks = append(s.ticks, m*math.Pow(10, e))
		}
	}
	for len(s.ticks) > 2 && s.ticks[1] <= lowest {
		s.ticks = s.ticks[1:]
	}
	for len(s.ticks) > 2 && s.ticks[len(s.ticks)-2] >= highest {
		s.ticks = s.ticks[:len(s.ticks)-1]
	}
	s.min, s.max = s.ticks[0], s.ticks[len(s.ticks)-1]
}

func (s scale) at(v float64) float64 {
	share := (v - s.min) / (s.max - s.min)
	if s.log {
		share = math.Log(v/s.min) / math.Log(s.max/s.min)
	}
	return s.from + share*(s.to-s.from)
}

// number is v without the dust of binary fractions.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

package canary

import (
	"math/bits"
	"time"
)

// Classes is how many classes of latency there are.
const Classes = 96

// finest is the upper bound of the first class.
const finest = 100 * time.Microsecond

// quarters are the bounds within a doubling, in 1024ths: 2 to the power of 0, ¼, ½, ¾.
var quarters = [...]int64{1024, 1218, 1448, 1722}

// Histogram is events by class of latency.
type Histogram [Classes]int64

// Bound is the upper bound of a class, which belongs to it: four to each doubling. The
// last, of half an hour, is over everything.
func Bound(class int) time.Duration {
	return time.Duration(int64(finest) * quarters[class%4] << (class / 4) / 1024)
}

// Class is the class of a latency.
func Class(d time.Duration) int {
	if d <= finest {
		return 0
	}
	doubling := bits.Len64(uint64((d-1)/finest)) - 1
	for class := 4*doubling + 1; class < Classes; class++ {
		if d <= Bound(class) {
			return class
		}
	}
	return Classes - 1
}

// Events is how many there are.
func (h *Histogram) Events() (n int64) {
	for _, c := range h {
		n += c
	}
	return n
}

// Percentile is the bound below which so many percent of the events are; 0 without any.
func (h *Histogram) Percentile(percent int64) time.Duration {
	n := h.Events()
	var below int64
	for class, c := range h {
		if below += c; below > 0 && below*100 >= n*percent {
			return Bound(class)
		}
	}
	return 0
}

// over is how many events are in classes that begin at limit or above.
func (h *Histogram) over(limit time.Duration) (n int64) {
	for class := Classes - 1; class > 0 && Bound(class-1) >= limit; class-- {
		n += h[class]
	}
	return n
}

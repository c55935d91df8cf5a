package canary

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway"
)

// did is events of which some were errors, all of the same latency.
func did(events, errors int64, latency time.Duration) Counts {
	c := Counts{Events: events, Errors: errors}
	c.Latency[Class(latency)] = events
	return c
}

// and adds slow events.
func (c Counts) and(slow int64, latency time.Duration) Counts {
	c.Events += slow
	c.Latency[Class(latency)] += slow
	return c
}

func TestJudge(t *testing.T) {
	const ms = time.Millisecond
	plan := slipway.DefaultCanary() // 5 %, 1.5, 50 events, one minute
	late, early := 2*time.Minute, 10*time.Second
	tests := []struct {
		name            string
		current, canary Counts
		lasted          time.Duration
		act             Act
		reason          string
	}{
		{"nothing happened", Counts{}, Counts{}, late, Wait, "0 of 50 events"},
		{"too few events", did(1000, 0, ms), did(49, 0, ms), late, Wait, "49 of 50 events"},
		{"too soon", did(1000, 0, ms), did(100, 0, ms), early, Wait, "10s of 1m0s"},
		{"all is well", did(1000, 0, ms), did(100, 0, ms), late, Advance, ""},
		{"an error now and then is within the bound", did(1000, 2, ms), did(100, 4, ms), late, Advance, ""},

		{"all of the first events fail", did(90, 0, ms), did(12, 12, ms), early, Abort, "error rate 100% against 0%: 12 of 12 events"},
		{"one of three fails", did(90, 0, ms), did(3, 1, ms), early, Wait, "3 of 50 events"},
		{"three of thirty fail beside few events", did(30, 0, ms), did(30, 3, ms), early, Wait, "30 of 50 events"},
		{"an eighth fails", did(1000, 4, ms), did(190, 23, ms), early, Abort, "error rate 12% against 0.4%: 23 of 190 events"},
		{"over the bound, which chance explains", did(1000, 45, ms), did(100, 7, ms), late, Wait, "no worse"},
		{"the current version fails as much", did(1000, 300, ms), did(100, 30, ms), late, Wait, "over 5%"},
		{"both fail always", did(60, 60, ms), did(60, 60, ms), late, Wait, "over 5%"},
		{"worse than a bad one", did(1000, 100, ms), did(200, 80, ms), late, Abort, "40% against 10%"},
		{"the canary is alone", Counts{}, did(60, 20, ms), late, Abort, "33% against 0%"},
		{"the canary is alone and well", Counts{}, did(60, 1, ms), late, Advance, ""},

		{"slower, within the ratio", did(1000, 0, 100*ms), did(200, 0, 130*ms), late, Advance, ""},
		{"twice as slow", did(1000, 0, 100*ms), did(200, 0, 200*ms), early, Abort, "200 of 200 events took longer than"},
		{"a tenth is slow", did(1000, 0, 100*ms), did(400, 0, 100*ms).and(50, 300*ms), late, Abort, "50 of 450 events"},
		{"one in thirty is slow", did(1000, 0, 100*ms), did(290, 0, 100*ms).and(10, 300*ms), late, Advance, ""},
		{"two of the first ten are slow", did(1000, 0, 100*ms), did(8, 0, 100*ms).and(2, 300*ms), early, Wait, "10 of 50"},
		{"both have a slow tail", did(900, 0, ms).and(100, 300*ms), did(90, 0, ms).and(10, 300*ms), late, Advance, ""},
		{"ten times as slow, which is two milliseconds", did(1000, 0, 200*time.Microsecond), did(200, 0, 2*ms), late, Advance, ""},
		{"slow beside nothing to compare with", did(10, 0, ms), did(60, 0, time.Second), late, Advance, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Judge(plan, tt.current, tt.canary, tt.lasted)
			if got.Act != tt.act || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("got %+v, want %d with %q", got, tt.act, tt.reason)
			}
		})
	}
}

// The values are those of R: pbinom(k-1, n, p, lower.tail=FALSE) and
// phyper(k1-1, n1, n0, k1+k0, lower.tail=FALSE).
func TestTails(t *testing.T) {
	tests := []struct {
		name      string
		got, want float64
	}{
		{"binomial", binomialTail(3, 10, 0.1), 0.0701908264},
		{"binomial, all", binomialTail(10, 10, 0.5), 1.0 / 1024},
		{"binomial, expected", binomialTail(1, 10, 0.1), 1},
		{"binomial, impossible", binomialTail(1, 10, 0), 0},
		{"fisher", fisherTail(3, 4, 1, 4), 17.0 / 70},
		{"fisher, apart", fisherTail(5, 5, 0, 5), 1.0 / 252},
		{"fisher, alike", fisherTail(1, 10, 1, 10), 1},
		{"fisher, nothing", fisherTail(0, 0, 0, 0), 1},
	}
	for _, tt := range tests {
		if math.Abs(tt.got-tt.want) > 1e-8 {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if p := fisherTail(60_000, 1_000_000, 500_000, 10_000_000); !(p >= 0 && p < level) {
		t.Errorf("of large numbers: %v", p)
	}
}

func TestClasses(t *testing.T) {
	for class := range Classes - 1 {
		if at := Class(Bound(class)); at != class {
			t.Errorf("the bound of class %d is in class %d", class, at)
		}
		if at := Class(Bound(class) + 1); at != class+1 {
			t.Errorf("just over the bound of class %d is class %d", class, at)
		}
	}
	for d, class := range map[time.Duration]int{-1: 0, 0: 0, time.Nanosecond: 0, 24 * time.Hour: Classes - 1} {
		if at := Class(d); at != class {
			t.Errorf("%s is in class %d, want %d", d, at, class)
		}
	}
}

func BenchmarkClass(b *testing.B) {
	for i := range b.N {
		Class(time.Duration(i) * time.Microsecond)
	}
}

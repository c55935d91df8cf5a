package canary

import (
	"fmt"
	"time"

	"github.com/slipway-run/slipway"
)

const (
	level    = 0.001                // probability of chance below which a difference is one
	noise    = 5 * time.Millisecond // less than this is no difference of latency
	tailRate = 0.05                 // of the events are over the percentile that is compared
)

// Tail is the percentile that is compared.
const Tail = 95

// Counts is what a version did since the step began.
type Counts struct {
	Events  int64
	Errors  int64
	Latency Histogram
}

// Add adds what was counted elsewhere.
func (c *Counts) Add(o Counts) {
	c.Events += o.Events
	c.Errors += o.Errors
	for class, n := range o.Latency {
		c.Latency[class] += n
	}
}

func (c Counts) rate() float64 {
	if c.Events == 0 {
		return 0
	}
	return float64(c.Errors) / float64(c.Events)
}

// Act is what to do with a canary.
type Act int

// The acts.
const (
	Wait    Act = iota // the step goes on
	Advance            // to the next step, or to the whole after the last
	Abort              // the current version gets everything again
)

// Verdict is an act and, for Wait and Abort, why.
type Verdict struct {
	Act    Act
	Reason string
	Errors bool // it aborts for errors: the last of them is worth showing
}

// Judge decides about a step of plan that has lasted so long, in which the two versions
// did this.
func Judge(plan slipway.Canary, current, canary Counts, lasted time.Duration) Verdict {
	if reason := tooManyErrors(plan, current, canary); reason != "" {
		return Verdict{Act: Abort, Reason: reason, Errors: true}
	}
	if reason := tooSlow(plan, current, canary); reason != "" {
		return Verdict{Act: Abort, Reason: reason}
	}
	switch {
	case canary.Events < int64(plan.MinEvents):
		return Verdict{Reason: fmt.Sprintf("%d of %d events", canary.Events, plan.MinEvents)}
	case canary.rate() > plan.MaxErrorRate:
		return Verdict{Reason: fmt.Sprintf("error rate %s, no worse than the current version's, and over %s", percent(canary.rate()), percent(plan.MaxErrorRate))}
	case lasted < plan.Interval.D():
		return Verdict{Reason: fmt.Sprintf("%s of %s", lasted.Truncate(time.Second), plan.Interval)}
	}
	return Verdict{Act: Advance}
}

// tooManyErrors is the reason to go back for errors, or "".
func tooManyErrors(plan slipway.Canary, current, canary Counts) string {
	rate, usual := canary.rate(), current.rate()
	if rate <= plan.MaxErrorRate || rate <= usual {
		return ""
	}
	chance := fisherTail(canary.Errors, canary.Events, current.Errors, current.Events)
	if current.Events < int64(plan.MinEvents) {
		chance = binomialTail(canary.Errors, canary.Events, plan.MaxErrorRate)
	}
	if chance >= level {
		return ""
	}
	return fmt.Sprintf("error rate %s against %s: %d of %d events", percent(rate), percent(usual), canary.Errors, canary.Events)
}

// tooSlow is the reason to go back for latency, or "".
func tooSlow(plan slipway.Canary, current, canary Counts) string {
	if current.Latency.Events() < int64(plan.MinEvents) {
		return ""
	}
	usual := current.Latency.Percentile(Tail)
	limit := max(time.Duration(float64(usual)*plan.MaxLatencyRatio), usual+noise)
	n, over := canary.Latency.Events(), canary.Latency.over(limit)
	if over == 0 || binomialTail(over, n, tailRate) >= level {
		return ""
	}
	return fmt.Sprintf("latency: %d of %d events took longer than %s; the current version's 95th percentile is %s", over, n, short(limit), short(usual))
}

// percent is a rate with the digits that matter: 0.42%, 5%, 12%, 100%.
func percent(rate float64) string {
	if rate >= 0.1 {
		return fmt.Sprintf("%.0f%%", 100*rate)
	}
	return fmt.Sprintf("%.2g%%", 100*rate)
}

// short is a duration with the digits that matter.
func short(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

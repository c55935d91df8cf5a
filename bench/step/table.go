package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// slice is the time that one line of the table is about.
const slice = 100 * time.Millisecond

// line is what one round says about one slice.
type line struct {
	answers   float64
	p50, p99  time.Duration
	instances float64 // that had answered by its end
}

func report(w io.Writer, rounds []round, duration time.Duration) {
	first, drops, sent := []time.Duration{}, 0, 0
	for _, r := range rounds {
		first = append(first, r.first)
		drops += r.drops
		sent += len(r.events)
	}
	fmt.Fprintf(w, "\nfirst answer of a new instance: %s after the step; drops: %d of %d events\n\n", middle(first).Round(100*time.Microsecond), drops, sent)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "after the step\tanswers\tp50\tp99\tinstances\t")
	for from := -5 * slice; from < duration; from += slice {
		var lines []line
		for _, r := range rounds {
			lines = append(lines, r.line(from))
		}
		fmt.Fprintf(t, "%s\t%.0f\t%s\t%s\t%.0f\t\n", from, middle(column(lines, func(l line) float64 { return l.answers })),
			rig.Millis(middle(column(lines, func(l line) time.Duration { return l.p50 }))),
			rig.Millis(middle(column(lines, func(l line) time.Duration { return l.p99 }))),
			middle(column(lines, func(l line) float64 { return l.instances })))
	}
	t.Flush()
}

// line is about the events that were answered in the slice that begins at from.
func (r round) line(from time.Duration) line {
	var took []time.Duration
	instances := map[string]bool{}
	for _, e := range r.events {
		at := e.sent + e.took
		if at >= from+slice {
			break
		}
		if e.instance != "" {
			instances[e.instance] = true
		}
		if at >= from {
			took = append(took, e.took)
		}
	}
	l := line{answers: float64(len(took)), instances: float64(len(instances))}
	l.p50, l.p99 = rig.Quantile(took, 50), rig.Quantile(took, 99)
	return l
}

func column[T any](lines []line, of func(line) T) []T {
	values := make([]T, 0, len(lines))
	for _, l := range lines {
		values = append(values, of(l))
	}
	return values
}

// middle is the median, the higher one of an even number.
func middle[T ~int64 | ~float64](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

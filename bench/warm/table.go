package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report prints a table for each number of connections.
func report(w io.Writer, targets []*target, connections []int) {
	at := func(name string) *target {
		return targets[slices.IndexFunc(targets, func(t *target) bool { return t.name == name })]
	}
	floor, proxy := at(direct), at(goProxy)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range connections {
		fmt.Fprintf(t, "\nc=%d\tp50\tp99\treq/s\tCPU/req\terrors\tp50 ×direct\tp50 ×ReverseProxy\treq/s ×direct\treq/s ×ReverseProxy\t\n", c)
		for _, one := range targets {
			s := one.samples[c]
			errors := 0
			for _, x := range s {
				errors += x.errors
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%.0f\t%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t\n", one.name,
				micros(median(s, p50)), micros(median(s, p99)), median(s, rate), micros(median(s, cpu)), errors,
				ratio(one, floor, c, p50), ratio(one, proxy, c, p50), ratio(one, floor, c, rate), ratio(one, proxy, c, rate))
		}
	}
	t.Flush()
}

func p50(s sample) float64  { return float64(s.p50) }
func p99(s sample) float64  { return float64(s.p99) }
func rate(s sample) float64 { return s.rate }
func cpu(s sample) float64  { return float64(s.cpu) }

func median(all []sample, of func(sample) float64) float64 {
	values := make([]float64, 0, len(all))
	for _, s := range all {
		values = append(values, of(s))
	}
	return middle(values)
}

// ratio compares what was measured in the same round.
func ratio(a, b *target, c int, of func(sample) float64) float64 {
	values := make([]float64, 0, len(a.samples[c]))
	for i := range a.samples[c] {
		values = append(values, of(a.samples[c][i])/cmp.Or(of(b.samples[c][i]), 1))
	}
	return middle(values)
}

// middle is the median; of an even number, the mean of the two in the middle.
func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func micros(nanoseconds float64) string {
	return fmt.Sprintf("%.0f µs", nanoseconds/float64(time.Microsecond))
}

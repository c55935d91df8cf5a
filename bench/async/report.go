package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/slipway-run/slipway/bench/rig"
)

// The names of what is measured.
const (
	httpAlone       = "HTTP alone"
	oneByOne        = "JetStream, one by one"
	pipelined       = "JetStream, pipelined"
	accepted        = "accepted"
	acceptedRunning = "accepted while they run"
)

// report prints a table for each number of clients.
func report(w io.Writer, targets []*target, clients []int) {
	at := func(name string) *target {
		return targets[slices.IndexFunc(targets, func(t *target) bool { return t.name == name })]
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range clients {
		fmt.Fprintf(t, "\nclients=%d\ta second\tp50\tp99\terrors\t×HTTP\t×one by one\t×pipelined\t\n", c)
		for _, name := range []string{httpAlone, oneByOne, pipelined, accepted, acceptedRunning} {
			one := at(name)
			errors := 0
			for _, s := range one.samples[c] {
				errors += s.errors
			}
			p50 := func(s sample) float64 { return float64(s.p50) / 1e6 }
			p99 := func(s sample) float64 { return float64(s.p99) / 1e6 }
			fmt.Fprintf(t, "%s\t%.0f\t%.2f ms\t%.2f ms\t%d\t%.2f\t%.2f\t%.2f\t\n", name,
				rig.Median(values(one.samples[c], rate)), rig.Median(values(one.samples[c], p50)), rig.Median(values(one.samples[c], p99)), errors,
				ratio(one, at(httpAlone), c), ratio(one, at(oneByOne), c), ratio(one, at(pipelined), c))
		}
	}
	t.Flush()
}

func rate(s sample) float64 { return s.rate }

func values(all []sample, of func(sample) float64) []float64 {
	out := make([]float64, len(all))
	for i, s := range all {
		out[i] = of(s)
	}
	return out
}

// ratio compares rates of the same round.
func ratio(a, b *target, c int) float64 {
	var out []float64
	for i, s := range a.samples[c] {
		if b.samples[c][i].rate > 0 {
			out = append(out, s.rate/b.samples[c][i].rate)
		}
	}
	return rig.Median(out)
}

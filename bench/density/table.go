package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/slipway-run/slipway/bench/rig"
)

// report prints the table; times are compared with those of slipway serve as it comes.
func report(w io.Writer, n int, contenders []*contender) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "0 → %d instances\trounds\tall answered\t×serve\teach p50\tp99\tmemory of the program\tof the platform\t\n", n)
	ours := 0.0
	for _, c := range contenders {
		if _, ok := c.fleet.(*function); ok && ours == 0 {
			ours = rig.Quantile(c.took, 50).Seconds()
		}
	}
	for _, c := range contenders {
		took := rig.Quantile(c.took, 50)
		fmt.Fprintf(t, "%s\t%d\t%s\t%.1f\t%s\t%s\t%s\t%s\t\n", c.name, len(c.took), rig.Millis(took),
			took.Seconds()/ours, rig.Millis(rig.Quantile(c.each, 50)), rig.Millis(rig.Quantile(c.each, 99)), mebibytes(c.own), mebibytes(c.rest))
	}
	t.Flush()
}

// mebibytes is the middle one of the values.
func mebibytes(values []int64) string {
	sorted := slices.Sorted(slices.Values(values))
	return fmt.Sprintf("%.2f MiB", float64(sorted[len(sorted)/2])/(1<<20))
}

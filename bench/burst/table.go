package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// row is what was measured of one kind.
type row struct {
	name     string
	requests []time.Duration
	jobs     []time.Duration // until the last of a submission had ended
}

func report(w io.Writer, table []*row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\trequests\tp50\tp99\tp99 × alone\tjobs took")
	for _, r := range table {
		fmt.Fprint(t, r.name)
		if len(r.requests) > 0 {
			p99 := rig.Quantile(r.requests, 99)
			fmt.Fprintf(t, "\t%d\t%s\t%s\t%.2f", len(r.requests), rig.Millis(rig.Quantile(r.requests, 50)), rig.Millis(p99),
				float64(p99)/float64(max(rig.Quantile(table[0].requests, 99), 1)))
		} else {
			fmt.Fprint(t, "\t\t\t\t")
		}
		if len(r.jobs) > 0 {
			fmt.Fprintf(t, "\t%.1f s", rig.Quantile(r.jobs, 50).Seconds())
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

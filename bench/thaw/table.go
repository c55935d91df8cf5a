package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/slipway-run/slipway/bench/rig"
)

// report prints the table.
func report(w io.Writer, contenders []*contender) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "paused → first 200\ttimes\tp50\tp90\tp99\t")
	for _, c := range contenders {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t\n", c.name, len(c.took), rig.Millis(rig.Quantile(c.took, 50)),
			rig.Millis(rig.Quantile(c.took, 90)), rig.Millis(rig.Quantile(c.took, 99)))
	}
	t.Flush()
}

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/slipway-run/slipway/bench/rig"
)

// report prints the table: the first contender is the floor.
func report(w io.Writer, contenders []*contender) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "asked → first 200\tstarts\tp50\tp90\tp99\tp50 over plain\tp50 ×plain\t")
	least := rig.Quantile(contenders[0].took, 50)
	for _, c := range contenders {
		middle := rig.Quantile(c.took, 50)
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%.2f\t\n", c.name, len(c.took), rig.Millis(middle),
			rig.Millis(rig.Quantile(c.took, 90)), rig.Millis(rig.Quantile(c.took, 99)), rig.Millis(middle-least), float64(middle)/float64(least))
	}
	t.Flush()
}

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

// report prints the table: the first contender is the floor.
func report(w io.Writer, what, floor string, all []*contender) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\tcount\tp50\tp99\tp50 over %s\t\n", what, floor)
	least := rig.Quantile(all[0].took, 50)
	for _, c := range all {
		middle := rig.Quantile(c.took, 50)
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t\n", c.name, len(c.took), fine(middle), fine(rig.Quantile(c.took, 99)), fine(middle-least))
	}
	t.Flush()
}

// fine is d in milliseconds, to the microsecond.
func fine(d time.Duration) string { return fmt.Sprintf("%.3f ms", d.Seconds()*1000) }

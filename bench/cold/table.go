package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report prints the table: the first contender is the floor.
func report(w io.Writer, contenders []*contender) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "asked → first 200\tstarts\tp50\tp90\tp99\tp50 over plain\tp50 ×plain\t")
	least := quantile(contenders[0].took, 50)
	for _, c := range contenders {
		middle := quantile(c.took, 50)
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%.2f\t\n", c.name, len(c.took), millis(middle),
			millis(quantile(c.took, 90)), millis(quantile(c.took, 99)), millis(middle-least), float64(middle)/float64(least))
	}
	t.Flush()
}

// quantile is the smallest value that so many in a hundred do not pass.
func quantile(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)*percent+99)/100-1]
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }

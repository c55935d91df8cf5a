package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/slipway-run/slipway/bench/rig"
)

func report(w io.Writer, attacks []*attack) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "beside a\talone p50\tp99\tbeside p50\tp99\tp50 ×\tp99 ×\twhat it met")
	for _, a := range attacks {
		fmt.Fprint(t, a.name)
		for _, took := range [][]time.Duration{a.alone, a.beside} {
			fmt.Fprintf(t, "\t%s\t%s", rig.Millis(rig.Quantile(took, 50)), rig.Millis(rig.Quantile(took, 99)))
		}
		for _, percent := range []int{50, 99} {
			fmt.Fprintf(t, "\t%.2f", float64(rig.Quantile(a.beside, percent))/float64(max(rig.Quantile(a.alone, percent), 1)))
		}
		fmt.Fprintf(t, "\t%s\n", a.met)
	}
	t.Flush()
}

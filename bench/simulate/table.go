package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/slipway-run/slipway/bench/simulate/sim"
	"github.com/slipway-run/slipway/bench/simulate/trace"
)

// describe says what arrives where.
func describe(w io.Writer, t *trace.Trace, cfg sim.Config) {
	fmt.Fprintf(w, "%d functions, %d invocations in %s, measured after %s; %d invokers, %d gateways\n",
		len(t.Functions), t.Invocations(), short(t.Length()), short(cfg.Skip), cfg.Invokers, cfg.Gateways)
}

// report prints a table for each study.
func report(w io.Writer, studies []*study) {
	for _, s := range studies {
		fmt.Fprintf(w, "\n%s\n", s.About)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "\t\tmachines\tcold\twaited\tthawed\twait p50\twait p99\tfunctions' cold q3\tGiB·h\tidle\tfrozen\treclaimed\tstarts\tevicted\trefused\t")
		for _, run := range s.Runs {
			r := &run.Result
			fmt.Fprintf(t, "%s\t%s\t%d × %.1f GiB\t%.2f %%\t%.2f %%\t%.1f %%\t%s\t%s\t%.0f %%\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t%d\t%d\t\n",
				run.Family, run.Label, run.Invokers, float64(run.MemoryMB)/1024, r.ColdPercent(), r.WaitedPercent(), r.ThawedPercent(), millis(r.WaitP50), millis(r.WaitP99), r.ColdQ3,
				r.Memory.Total, r.Memory.Idle, r.Memory.Frozen, r.Memory.Reclaimed, r.Starts, r.Evicted, r.Refused)
		}
		t.Flush()
	}
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

package main

import (
	"context"
	"runtime"
	"time"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/bus"
)

// runNothing is an invoker whose attempts succeed as soon as they are there.
func runNothing(ctx context.Context, b *bus.Bus) error {
	const id, incarnation = "nothing", "bench"
	go publish(ctx, b, id, incarnation)
	return b.TakeJobs(ctx, id, incarnation, func(all []slipway.Assignment, _ []slipway.JobOrder) {
		var reports []slipway.AttemptReport
		for _, a := range all {
			for i := range a.Children() {
				now := time.Now()
				status := 0
				reports = append(reports, slipway.AttemptReport{Assignment: a.ID, Job: a.Job, Index: a.From + i, Attempt: a.Attempt,
					Event: slipway.AttemptEnded, At: now, StartedAt: now, ExitCode: &status, CPUSeconds: 0.001, MemoryPeakMB: 1})
			}
		}
		go b.Report(ctx, reports) // what is not reported is missed by the count at the end
	})
}

// publish says once a second what the machine has.
func publish(ctx context.Context, b *bus.Bus, id, incarnation string) {
	cpu := float64(runtime.NumCPU())
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		_ = b.PublishInvoker(slipway.InvokerState{ID: id, CPU: cpu, MemoryMB: 16 << 10, FreeMemoryMB: 16 << 10,
			Jobs: &slipway.JobRoom{Incarnation: incarnation, CPU: cpu, FreeCPU: cpu, FreeMemoryMB: 16 << 10}})
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

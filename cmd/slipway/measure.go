package main

import (
	"context"
	"sync/atomic"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/async"
	"github.com/slipway-run/slipway/batch"
	"github.com/slipway-run/slipway/gateway/metrics"
	"github.com/slipway-run/slipway/trigger"
)

// measured is a launcher that counts what it makes.
type measured struct {
	slipway.Launcher
	counts *sandboxCounts
}

type sandboxCounts struct{ ok, failed atomic.Int64 }

// Create implements slipway.Launcher.
func (m measured) Create(ctx context.Context, spec slipway.SandboxSpec) (slipway.Sandbox, error) {
	s, err := m.Launcher.Create(ctx, spec)
	if err != nil {
		m.counts.failed.Add(1)
	} else {
		m.counts.ok.Add(1)
	}
	return s, err
}

// measure has the gateway show what the other parts of this process count.
func (s *server) measure(set *metrics.Set, triggers *trigger.Engine, events *async.Engine, jobs *batch.Engine) {
	set.Add(func(context.Context) []metrics.Family { return triggerMetrics(triggers) })
	set.Add(func(ctx context.Context) []metrics.Family { return s.asyncMetrics(ctx, events) })
	set.Add(func(ctx context.Context) []metrics.Family { return s.jobMetrics(ctx, jobs) })
	if s.images != nil { // it is an invoker, too
		set.Add(func(context.Context) []metrics.Family { return []metrics.Family{s.sandboxes.family()} })
	}
}

func (c *sandboxCounts) family() metrics.Family {
	return metrics.Family{Name: "slipway_sandbox_starts_total", Help: "Sandboxes that this process was to make.", Counter: true, Labels: []string{"outcome"},
		Samples: []metrics.Sample{{Labels: []string{"ok"}, Value: float64(c.ok.Load())}, {Labels: []string{"failed"}, Value: float64(c.failed.Load())}}}
}

// triggerMetrics is what triggers did.
func triggerMetrics(engine *trigger.Engine) []metrics.Family {
	labels := []string{"tenant", "trigger", "type"}
	fired := metrics.Family{Name: "slipway_triggers_fired_total", Help: "Times that a trigger has set something off, at this gateway.", Counter: true, Labels: labels}
	failed := metrics.Family{Name: "slipway_triggers_failed_total", Help: "Times that a trigger could not, wrong signatures too, at this gateway.", Counter: true, Labels: labels}
	for _, c := range few(engine.Counts()) {
		values := []string{c.Tenant, c.Name, string(c.Type)}
		fired.Samples = append(fired.Samples, metrics.Sample{Labels: values, Value: float64(c.Fired)})
		failed.Samples = append(failed.Samples, metrics.Sample{Labels: values, Value: float64(c.Failed)})
	}
	return []metrics.Family{fired, failed}
}

// asyncMetrics is what waits in the store, and what this gateway has recorded.
func (s *server) asyncMetrics(ctx context.Context, engine *async.Engine) []metrics.Family {
	waiting := metrics.Family{Name: "slipway_async_events", Help: "Asynchronous events without an outcome, by state.", Labels: []string{"tenant", "function", "state"}}
	oldest := metrics.Family{Name: "slipway_async_oldest_timestamp_seconds", Help: "When the oldest asynchronous event without an outcome was accepted.", Labels: []string{"tenant", "function"}}
	outcomes := metrics.Family{Name: "slipway_async_outcomes_total", Help: "Asynchronous events by their outcome, recorded by this gateway.", Counter: true, Labels: []string{"tenant", "function", "state"}}
	backlog, err := s.store.AsyncBacklog(ctx)
	if err != nil {
		s.log.Warn("counting asynchronous events for /metrics", "err", err)
	}
	for _, b := range few(backlog) {
		for state, n := range map[slipway.InvocationState]int{slipway.InvocationQueued: b.Queued, slipway.InvocationRunning: b.Running} {
			waiting.Samples = append(waiting.Samples, metrics.Sample{Labels: []string{b.Tenant, b.Function, string(state)}, Value: float64(n)})
		}
		oldest.Samples = append(oldest.Samples, metrics.Sample{Labels: []string{b.Tenant, b.Function}, Value: float64(b.Oldest.UnixMilli()) / 1000})
	}
	for _, o := range few(engine.Outcomes()) {
		outcomes.Samples = append(outcomes.Samples, metrics.Sample{Labels: []string{o.Tenant, o.Function, string(o.State)}, Value: float64(o.N)})
	}
	return []metrics.Family{waiting, oldest, outcomes}
}

// jobMetrics is the jobs that have not ended, as the scheduler knows them, and those whose
// end this gateway has recorded.
func (s *server) jobMetrics(ctx context.Context, engine *batch.Engine) []metrics.Family {
	jobs := metrics.Family{Name: "slipway_jobs", Help: "Jobs and children that have not ended, by status.", Labels: []string{"tenant", "queue", "status"}}
	ended := metrics.Family{Name: "slipway_jobs_ended_total", Help: "Jobs and children that have ended, recorded by this gateway.", Counter: true, Labels: []string{"tenant", "queue", "status"}}
	queues, err := engine.Counts(ctx)
	if err != nil {
		s.log.Warn("counting jobs for /metrics", "err", err)
	}
	jobs.Samples, ended.Samples = jobSamples(queues), jobSamples(engine.Outcomes())
	return []metrics.Family{jobs, ended}
}

func jobSamples(queues []slipway.QueueCounts) (samples []metrics.Sample) {
	for _, q := range few(queues) {
		for status, n := range q.Counts {
			samples = append(samples, metrics.Sample{Labels: []string{q.Tenant, q.Queue, string(status)}, Value: float64(n)})
		}
	}
	return samples
}

// few bounds how many series come of something that tenants make.
func few[T any](all []T) []T { return all[:min(len(all), metrics.MaxFunctions)] }

package gateway

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/gateway/metrics"
)

// Metrics is what the gateway counts. Others may add what they count.
func (g *Gateway) Metrics() *metrics.Set { return g.metrics }

// getMetrics shows what is counted. It names functions of all tenants, so that a key of
// another tenant than the default one is not enough.
func (g *Gateway) getMetrics(c *call) error {
	if !g.cfg.OpenMetrics {
		if err := c.owner(); err != nil {
			return err
		}
	}
	g.metrics.Handler().ServeHTTP(c.Response(), c.Request())
	return nil
}

// meter is the function's. What is counted of one without a route is not shown.
func (g *Gateway) meter(ref slipway.FunctionRef) *metrics.Meter {
	if found := g.routes.find(ref); found != nil {
		return found.meter
	}
	return &g.unmetered
}

// platformMetrics is what the invokers have published.
func (g *Gateway) platformMetrics(ctx context.Context) []metrics.Family {
	up := metrics.Family{Name: "slipway_store_up", Help: "Whether the store answers.", Samples: []metrics.Sample{{Value: 1}}}
	if g.ping(ctx) != nil {
		up.Samples[0].Value = 0
	}
	states := g.invokers.states()
	return append(append(invokerMetrics(states), instanceMetrics(states)...), up)
}

func invokerMetrics(states []slipway.InvokerState) []metrics.Family {
	families := []metrics.Family{
		{Name: "slipway_invoker_up", Help: "Invokers that speak; 0 for one that is draining."},
		{Name: "slipway_invoker_vcpus", Help: "vCPUs of the invoker's machine."},
		{Name: "slipway_invoker_memory_bytes", Help: "Memory for instances and jobs."},
		{Name: "slipway_invoker_free_memory_bytes", Help: "Memory that is promised to nobody."},
		{Name: "slipway_invoker_jobs", Help: "Attempts of jobs on the invoker, by state.", Labels: []string{"invoker", "state"}},
	}
	for i := range families[:4] {
		families[i].Labels = []string{"invoker"}
	}
	const mib = 1 << 20
	for _, s := range states {
		up := 1.0
		if s.Draining {
			up = 0
		}
		for i, v := range []float64{up, s.CPU, float64(s.MemoryMB) * mib, float64(s.FreeMemoryMB) * mib} {
			families[i].Samples = append(families[i].Samples, metrics.Sample{Labels: []string{s.ID}, Value: v})
		}
		if j := s.Jobs; j != nil {
			for state, n := range map[string]int{"running": j.Running - j.Frozen, "frozen": j.Frozen, "waiting": j.Waiting} {
				families[4].Samples = append(families[4].Samples, metrics.Sample{Labels: []string{s.ID, state}, Value: float64(n)})
			}
		}
	}
	return families
}

// instanceMetrics adds up the instances of a function on all invokers, of those that have
// some.
func instanceMetrics(states []slipway.InvokerState) []metrics.Family {
	all := map[slipway.FunctionRef]slipway.VersionCount{}
	for _, s := range states {
		for _, v := range s.Versions {
			ref := slipway.FunctionRef{Tenant: v.Tenant, Function: v.Function}
			sum := all[ref]
			sum.Instances += v.Instances
			sum.Starting += v.Starting
			sum.Asleep += v.Asleep
			sum.Reclaimed += v.Reclaimed
			sum.Free += v.Free
			sum.Waiting += v.Waiting
			all[ref] = sum
		}
	}
	instances := metrics.Family{Name: "slipway_instances", Help: "Instances on all invokers, by state; awake are idle or busy.", Labels: []string{"tenant", "function", "state"}}
	free := metrics.Family{Name: "slipway_free_slots", Help: "Events that could begin now without a start.", Labels: []string{"tenant", "function"}}
	waiting := metrics.Family{Name: "slipway_events_waiting", Help: "Events that wait for an instance.", Labels: []string{"tenant", "function"}}
	refs := slices.SortedFunc(maps.Keys(all), func(a, b slipway.FunctionRef) int { return cmp.Compare(a.String(), b.String()) })
	for _, ref := range refs[:min(len(refs), metrics.MaxFunctions)] {
		sum := all[ref]
		for state, n := range map[string]int{"starting": sum.Starting, "awake": sum.Instances - sum.Starting - sum.Asleep, "frozen": sum.Asleep - sum.Reclaimed, "reclaimed": sum.Reclaimed} {
			instances.Samples = append(instances.Samples, metrics.Sample{Labels: []string{ref.Tenant, ref.Function, state}, Value: float64(n)})
		}
		free.Samples = append(free.Samples, metrics.Sample{Labels: []string{ref.Tenant, ref.Function}, Value: float64(sum.Free)})
		waiting.Samples = append(waiting.Samples, metrics.Sample{Labels: []string{ref.Tenant, ref.Function}, Value: float64(sum.Waiting)})
	}
	return []metrics.Family{instances, free, waiting}
}
